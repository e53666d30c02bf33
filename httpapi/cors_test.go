package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/httpapi"
)

const origin = "https://ops.example"

func TestCORSIsOff(t *testing.T) {
	t.Parallel()
	a := newAPI(t, httpapi.Options{})
	a.start("a")
	w := a.send("GET", "/instances/a", "", "Origin", origin)
	require.Equal(t, http.StatusAccepted, w.Code, "it is the browser that keeps the answer from the page")
	require.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
	w = a.send("OPTIONS", "/instances/a", "", "Origin", origin, "Access-Control-Request-Method", "DELETE")
	require.Equal(t, http.StatusNotFound, w.Code)
	require.Empty(t, w.Header().Get("Access-Control-Allow-Methods"))
}

func TestCORS(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		origins []string
		want    string
	}{
		{"listed", []string{"https://other.example", origin}, origin},
		{"all", []string{"*"}, "*"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := newAPI(t, httpapi.Options{AllowedOrigins: test.origins, Keys: []string{"key"}})
			a.start("a")
			page := []string{"Origin", origin, "Sec-Fetch-Site", "cross-site"}
			w := a.send("OPTIONS", "/instances/a/terminate", "", append(page, "Access-Control-Request-Method", "POST")...)
			require.Equal(t, http.StatusNoContent, w.Code, "a browser asks without the key")
			require.Equal(t, test.want, w.Header().Get("Access-Control-Allow-Origin"))
			require.Contains(t, w.Header().Get("Access-Control-Allow-Headers"), "X-Functions-Key")

			w = a.send("POST", "/instances/a/terminate?code=key", "", page...)
			require.Equal(t, http.StatusAccepted, w.Code)
			require.Equal(t, test.want, w.Header().Get("Access-Control-Allow-Origin"))
			require.Contains(t, w.Header().Get("Access-Control-Expose-Headers"), "X-Ms-Continuation-Token")
			require.Equal(t, "Origin", w.Header().Get("Vary"))
			require.Empty(t, w.Header().Get("Access-Control-Allow-Credentials"))
			refused(t, a.send("POST", "/instances/a/terminate", "", page...), http.StatusUnauthorized)
		})
	}
}

func TestCORSOfOthers(t *testing.T) {
	t.Parallel()
	a := newAPI(t, httpapi.Options{AllowedOrigins: []string{origin}})
	a.start("a")
	for _, other := range []string{"https://ops.example.evil", "http://ops.example", "null", "https://OPS.example"} {
		w := a.send("OPTIONS", "/instances/a", "", "Origin", other, "Access-Control-Request-Method", "DELETE")
		require.Equal(t, http.StatusNotFound, w.Code)
		require.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
		require.Equal(t, "Origin", w.Header().Get("Vary"))
		refused(t, a.send("DELETE", "/instances/a", "", "Origin", other, "Sec-Fetch-Site", "cross-site"), http.StatusForbidden)
	}
	w := a.send("POST", "/instances/a/suspend", "", "Origin", "http://api.example", "Sec-Fetch-Site", "same-origin")
	require.Equal(t, http.StatusAccepted, w.Code, "a page of the same origin")
	require.Equal(t, http.StatusAccepted, a.send("POST", "/instances/a/terminate", "").Code, "not a browser")
}
