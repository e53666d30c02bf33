package httpapi_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/httpapi"
)

// api is the handler on a task hub of a test's own.
type api struct {
	*durabletest.TestHub
	t       testing.TB
	handler http.Handler
	log     *buffer
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// newAPI returns an API that serves everybody, unless the options say otherwise.
func newAPI(t testing.TB, opts httpapi.Options) *api {
	t.Helper()
	a := &api{TestHub: durabletest.NewHub(t, nil), t: t, log: &buffer{}}
	a.serve(a.Client(), opts)
	return a
}

func (a *api) serve(client *durable.OrchestrationClient, opts httpapi.Options) {
	a.t.Helper()
	if len(opts.Keys) == 0 && opts.Authorize == nil {
		opts.AllowAnonymous = true
	}
	opts.Logger = slog.New(slog.NewJSONHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	require.NoError(a.t, opts.Check())
	a.handler = httpapi.NewHandler(client, &opts)
}

// start starts an instance and lets it run.
func (a *api) start(id string) {
	a.t.Helper()
	_, err := a.Client().StartNew(a.t.Context(), "Orchestrator", 1, &durable.StartNewOptions{InstanceID: id})
	require.NoError(a.t, err)
	a.Run(id)
}

// send sends a request below the base path, with headers as pairs.
func (a *api) send(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	a.t.Helper()
	return a.sendTo(method, "http://api.example"+base+path, body, headers...)
}

func (a *api) sendTo(method, url, body string, headers ...string) *httptest.ResponseRecorder {
	a.t.Helper()
	r := httptest.NewRequestWithContext(a.t.Context(), method, url, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	return w
}

// errorObject is the body of an error.
type errorObject struct{ Message, ExceptionMessage, RequestID string }

// refused checks that an answer is an error object, and returns it.
func refused(t testing.TB, w *httptest.ResponseRecorder, status int) errorObject {
	t.Helper()
	require.Equal(t, status, w.Code, w.Body)
	var e errorObject
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&e))
	require.NotEmpty(t, e.Message)
	require.Equal(t, w.Header().Get("X-Ms-Request-Id"), e.RequestID)
	require.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
	return e
}

// text returns the body of an error that is a JSON string.
func text(t testing.TB, w *httptest.ResponseRecorder, status int) string {
	t.Helper()
	require.Equal(t, status, w.Code, w.Body)
	var s string
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &s))
	return s
}

// list returns the IDs in a list.
func list(t testing.TB, w *httptest.ResponseRecorder) []string {
	t.Helper()
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	ids := []string{}
	for _, s := range statuses(w.Body.String()) {
		ids = append(ids, s.InstanceID)
	}
	return ids
}

// links returns the URLs in the answer to a start.
func links(t testing.TB, w *httptest.ResponseRecorder) durable.HttpManagementPayload {
	t.Helper()
	require.Equal(t, http.StatusAccepted, w.Code, w.Body)
	var p durable.HttpManagementPayload
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
	require.Equal(t, p.StatusQueryGetURI, w.Header().Get("Location"))
	return p
}
