package docs_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/httpapi"
)

// started is a hub in which order-17 is in the state that something can be done in.
func started(t *testing.T, state durable.RuntimeStatus) *durabletest.TestHub {
	t.Helper()
	hub := durabletest.NewHub(t, nil)
	_, err := hub.Client().StartNew(t.Context(), "ProcessOrder", nil, &durable.StartNewOptions{InstanceID: "order-17"})
	require.NoError(t, err)
	switch state {
	case durable.RuntimeStatusPending:
	case durable.RuntimeStatusSuspended:
		hub.Run("order-17")
		require.NoError(t, hub.Client().Suspend(t.Context(), "order-17", "hold on", nil))
		hub.Process("order-17")
	case durable.RuntimeStatusFailed:
		hub.Fail("order-17", "out of paper")
	case durable.RuntimeStatusCompleted:
		hub.Complete("order-17", "done")
	default:
		hub.Run("order-17")
	}
	return hub
}

var httpCell = regexp.MustCompile("(?m)^\\| HTTP[^|]*\\| `([A-Z]+) ([^`]+)` \\|$")

// needs is the state that order-17 must be in for a request.
func needs(method, path string) durable.RuntimeStatus {
	switch {
	case method == http.MethodDelete, strings.Contains(path, "/restart"):
		return durable.RuntimeStatusCompleted
	case strings.Contains(path, "/rewind"):
		return durable.RuntimeStatusFailed
	case strings.Contains(path, "/resume"):
		return durable.RuntimeStatusSuspended
	}
	return durable.RuntimeStatusRunning
}

// Every request in the guides is one that the HTTP API answers as said.
func TestHTTPIsRun(t *testing.T) {
	t.Parallel()
	found := 0
	for _, name := range guides {
		for _, m := range httpCell.FindAllStringSubmatch(read(t, name), -1) {
			found++
			hub := started(t, needs(m[1], m[2]))
			api := httpapi.NewHandler(hub.Client(), &httpapi.Options{AllowAnonymous: true})
			var body io.Reader
			if m[1] == http.MethodPost {
				body = strings.NewReader("true")
			}
			r := httptest.NewRequestWithContext(t.Context(), m[1], "/runtime/webhooks/durabletask"+m[2], body)
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			want := []int{http.StatusOK, http.StatusAccepted}
			if strings.HasPrefix(m[2], "/entities/") && m[1] == http.MethodGet {
				want = append(want, http.StatusNotFound) // no such entity, and so said by the API
			}
			require.Contains(t, want, w.Code, "%s %s: %s", m[1], m[2], w.Body)
		}
	}
	require.Greater(t, found, 12)
}
