package httpapi_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/httpapi"
)

func TestNewHandlerRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	client := durabletest.NewHub(t, nil).Client()
	tests := []struct {
		name   string
		client *durable.OrchestrationClient
		opts   *httpapi.Options
	}{
		{"no options", client, nil},
		{"nobody named", client, &httpapi.Options{}},
		{"empty setting", client, &httpapi.Options{Keys: []string{""}}},
		{"one empty setting", client, &httpapi.Options{Keys: []string{"k", ""}, AllowAnonymous: true}},
		{"no client", nil, &httpapi.Options{AllowAnonymous: true}},
		{"negative limit", client, &httpapi.Options{AllowAnonymous: true, MaxBodySize: -1}},
		{"no URL", client, &httpapi.Options{AllowAnonymous: true, BaseURL: "api.example"}},
		{"URL with key", client, &httpapi.Options{AllowAnonymous: true, BaseURL: "https://api.example/?code=x"}},
		{"no origin", client, &httpapi.Options{AllowAnonymous: true, AllowedOrigins: []string{"ops.example"}}},
		{"origin with path", client, &httpapi.Options{AllowAnonymous: true, AllowedOrigins: []string{"https://ops.example/"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.client != nil {
				err := test.opts.Check()
				require.ErrorIs(t, err, durable.ErrInvalidArgument)
				require.NotContains(t, err.Error(), "code=x")
			}
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/instances?code=k", nil)
			httpapi.NewHandler(test.client, test.opts).ServeHTTP(w, r)
			require.Equal(t, http.StatusServiceUnavailable, w.Code)
			require.True(t, json.Valid(w.Body.Bytes()))
		})
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, query, header string
		status              int
		// code is what links have.
		code string
	}{
		{"none", "", "", 401, ""},
		{"query", "?code=new", "", 202, "new"},
		{"query in other case", "?CODE=new", "", 202, "new"},
		{"header", "", "new", 202, "new"},
		{"old one", "", "old", 202, "old"},
		{"escaped", "?code=a%2Bb%20c", "", 202, "a%2Bb+c"},
		{"wrong", "?code=New", "", 401, ""},
		{"prefix", "?code=ne", "", 401, ""},
		{"empty", "?code=", "", 401, ""},
		{"header wins", "?code=new", "wrong", 401, ""},
		{"header wins the other way", "?code=wrong", "new", 202, "new"},
		{"unreadable", "?code=%zz", "", 401, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := newAPI(t, httpapi.Options{Keys: []string{"new", "old", "a+b c"}})
			r := httptest.NewRequestWithContext(t.Context(), "POST", base+"/orchestrators/F/a", nil)
			if test.query != "" {
				r.URL.RawQuery = test.query[1:]
			}
			if test.header != "" {
				r.Header.Set("X-Functions-Key", test.header)
			}
			w := httptest.NewRecorder()
			a.handler.ServeHTTP(w, r)
			if test.status == 401 {
				refused(t, w, 401)
				require.NotContains(t, a.log.String(), "wrong")
				return
			}
			require.Contains(t, links(t, w).StatusQueryGetURI, "&connection=Storage&code="+test.code)
		})
	}
}

func TestCheckKey(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/?code=a", nil)
	require.NoError(t, httpapi.CheckKey(r, "b", "a"))
	require.Error(t, httpapi.CheckKey(r, "b"))
	require.Error(t, httpapi.CheckKey(r))
	require.Error(t, httpapi.CheckKey(httptest.NewRequestWithContext(t.Context(), "GET", "/", nil), ""))
}

func TestAuthorize(t *testing.T) {
	t.Parallel()
	readOnly := func(r *http.Request) error {
		switch {
		case r.Header.Get("Authorization") != "Bearer token":
			return errors.New("no token of ours")
		case r.Method != http.MethodGet:
			return httpapi.ErrForbidden
		}
		return nil
	}
	a := newAPI(t, httpapi.Options{Authorize: readOnly})
	a.start("a")
	bearer := []string{"Authorization", "Bearer token"}
	refused(t, a.send("GET", "/instances/a", ""), http.StatusUnauthorized)
	require.Contains(t, a.log.String(), "no token of ours")
	require.Equal(t, http.StatusAccepted, a.send("GET", "/instances/a", "", bearer...).Code)
	refused(t, a.send("POST", "/instances/a/terminate", "", bearer...), http.StatusForbidden)
	refused(t, a.send("GET", "/no/such/path", ""), http.StatusUnauthorized)

	a.serve(a.Client(), httpapi.Options{Authorize: readOnly, Keys: []string{"key"}})
	refused(t, a.send("GET", "/instances/a", "", bearer...), http.StatusUnauthorized)
	require.Equal(t, http.StatusAccepted, a.send("GET", "/instances/a?code=key", "", bearer...).Code, "both are needed")
}
