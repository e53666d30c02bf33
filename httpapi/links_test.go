package httpapi_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/httpapi"
)

// TestMounts: wherever the handler is, the URLs in its answers lead back to it.
func TestMounts(t *testing.T) {
	t.Parallel()
	strip := func(prefix string) func(http.Handler) http.Handler {
		return func(h http.Handler) http.Handler { return http.StripPrefix(prefix, h) }
	}
	tests := []struct {
		name, prefix string
		mount        func(http.Handler) http.Handler
	}{
		{"path of 2.x", "/runtime/webhooks/durabletask", nil},
		{"path of 2.x in other case", "/Runtime/WebHooks/durableTask", nil},
		{"path of 1.x", "/admin/extensions/DurableTaskExtension", nil},
		{"root", "", nil},
		{"local endpoint", "/durabletask", strip("/durabletask")},
		{"elsewhere", "/ops/hub%20one", strip("/ops/hub one")},
		{"host path elsewhere", "/ops/runtime/webhooks/durabletask", strip("/ops")},
		{"mux", "/runtime/webhooks/durabletask", func(h http.Handler) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/runtime/webhooks/durabletask/", h)
			return mux
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := newAPI(t, httpapi.Options{})
			if test.mount != nil {
				a.handler = test.mount(a.handler)
			}
			p := links(t, a.sendTo("POST", "http://h.example"+test.prefix+"/orchestrators/F/a", ""))
			require.Equal(t, "http://h.example"+test.prefix+"/instances/a?taskHub=TestHub&connection=Storage", p.StatusQueryGetURI)
			w := a.sendTo("GET", "http://h.example"+test.prefix+"/instances/a/?showInput=false", "")
			require.Equal(t, "http://h.example"+test.prefix+"/instances/a/?showInput=false", w.Header().Get("Location"))
			require.Equal(t, http.StatusAccepted, a.sendTo("GET", p.StatusQueryGetURI, "").Code)
			for _, link := range []string{p.SuspendPostURI, p.TerminatePostURI} {
				require.Equal(t, http.StatusAccepted, a.sendTo("POST", strings.Replace(link, "{text}", "x", 1), "").Code)
			}
			w = a.sendTo("GET", "http://h.example"+test.prefix+"/", "")
			require.Equal(t, http.StatusNotFound, w.Code)
		})
	}
}

func TestLinksOverTLS(t *testing.T) {
	t.Parallel()
	a := newAPI(t, httpapi.Options{})
	r := httptest.NewRequestWithContext(t.Context(), "POST", base+"/orchestrators/F/a", nil)
	r.TLS = &tls.ConnectionState{}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	require.True(t, strings.HasPrefix(links(t, w).StatusQueryGetURI, "https://example.com/runtime/"))
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	a := newAPI(t, httpapi.Options{BaseURL: "https://public.example/durable/", TrustForwarded: true})
	forwarded := []string{"X-Forwarded-Host", "evil.example"}
	p := links(t, a.send("POST", "/orchestrators/F/a?returnInternalServerErrorOnFailure=true", "", forwarded...))
	require.Equal(t, "https://public.example/durable/instances/a?taskHub=TestHub&connection=Storage"+
		"&returnInternalServerErrorOnFailure=true", p.StatusQueryGetURI)
	w := a.send("GET", "/instances/a?x=y", "", forwarded...)
	require.Equal(t, "https://public.example/durable/instances/a?x=y", w.Header().Get("Location"))
}

// TestResolve: other hubs are served as far as the resolver says so.
func TestResolve(t *testing.T) {
	t.Parallel()
	other := durabletest.NewHub(t, &durabletest.Options{TaskHub: "OtherHub"})
	_, err := other.Client().StartNew(t.Context(), "F", nil, &durable.StartNewOptions{InstanceID: "there"})
	require.NoError(t, err)
	a := newAPI(t, httpapi.Options{
		Connection: "Main",
		Resolve: func(_ context.Context, taskHub, connection string) (*durable.OrchestrationClient, error) {
			switch taskHub + " " + connection {
			case "OtherHub Main", "OtherHub Second":
				return other.Client(), nil
			case "Broken Main":
				return nil, errors.New("the vault is sealed")
			}
			return nil, nil //nolint:nilnil // nobody is served
		},
	})
	a.start("here")
	require.Equal(t, []string{"here"}, list(t, a.send("GET", "/instances?connection=main", "")))
	require.Equal(t, []string{"there"}, list(t, a.send("GET", "/instances?taskHub=OtherHub", "")))
	p := links(t, a.send("POST", "/orchestrators/F?taskHub=OtherHub&connection=Second", ""))
	u, err := url.Parse(p.StatusQueryGetURI)
	require.NoError(t, err)
	require.Equal(t, url.Values{"taskHub": {"OtherHub"}, "connection": {"Second"}}, u.Query())
	require.Equal(t, http.StatusAccepted, a.sendTo("GET", p.StatusQueryGetURI, "").Code)
	refused(t, a.send("GET", "/instances?connection=Storage", ""), http.StatusBadRequest)
	refused(t, a.send("GET", "/instances?taskHub=Third", ""), http.StatusBadRequest)
	e := refused(t, a.send("GET", "/instances?taskHub=Broken", ""), http.StatusInternalServerError)
	require.NotContains(t, e.Message, "vault")
	require.Contains(t, a.log.String(), "the vault is sealed")
}
