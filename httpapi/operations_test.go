package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/httpapi"
	"github.com/go-durable/durable/internal/golden"
)

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	paths := []struct {
		method, path string
		// below says that the path begins as one of an instance, for which 1.x has an answer of its own.
		below bool
	}{
		{"GET", "/", false},
		{"GET", "/bogus", false},
		{"GET", "/orchestrators/F", false},
		{"POST", "/orchestrators", false},
		{"POST", "/orchestrators/F/a/b", false},
		{"POST", "/instances", false},
		{"PUT", "/instances/a", true},
		{"HEAD", "/instances/a", true},
		{"GET", "/instances/a/terminate", true},
		{"POST", "/instances/a/bogus", true},
		{"POST", "/instances/a/raiseEvent", true},
		{"POST", "/instances/a/raiseEvent/e/f", true},
		{"GET", "/instances//a", false},
		{"POST", "/entities/c", false},
		{"DELETE", "/entities", false},
		{"GET", "/entities/c/k/x", false},
		{"GET", "/runtime/webhooks/durabletask/instances", false},
	}
	for _, extension1 := range []bool{false, true} {
		a := newAPI(t, httpapi.Options{Extension1: extension1})
		a.start("a")
		for _, p := range paths {
			w := a.send(p.method, p.path, "")
			if extension1 && p.below {
				require.Equal(t, "No such API", refused(t, w, http.StatusBadRequest).Message, p.path)
				continue
			}
			require.Equal(t, http.StatusNotFound, w.Code, p.path)
			require.Empty(t, w.Body.String(), p.path)
			require.Empty(t, w.Header().Get("Content-Type"), p.path)
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	a := newAPI(t, httpapi.Options{})
	a.start("a")
	ids := map[string]bool{}
	for _, path := range []string{"/instances/a", "/instances", "/instances/nobody", "/bogus"} {
		h := a.send("GET", path, "").Header()
		require.Equal(t, "no-store", h.Get("Cache-Control"))
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		require.NotEmpty(t, h.Get("X-Ms-Request-Id"))
		ids[h.Get("X-Ms-Request-Id")] = true
	}
	require.Len(t, ids, 4)
}

func TestEntities(t *testing.T) {
	t.Parallel()
	a := &api{t: t, handler: handlerOn(t, golden.Load(t, "v2/entities").Dumps["used"], false)}
	require.Equal(t, "34", a.send("GET", "/entities/COUNTER/main", "").Body.String())
	require.Equal(t, http.StatusNotFound, a.send("GET", "/entities/Counter/MAIN", "").Code)
	require.Equal(t, http.StatusNotFound, a.send("GET", "/entities/Counter/$", "").Code)

	w := a.send("GET", "/entities/counter?top=1&fetchState=true", "")
	require.Contains(t, w.Body.String(), `"key":"http"`)
	token := w.Header().Get("X-Ms-Continuation-Token")
	require.NotEmpty(t, token)
	w = a.send("GET", "/entities/counter?top=1&fetchState=true", "", "X-Ms-Continuation-Token", token)
	require.Contains(t, w.Body.String(), `"entityId":{"name":"counter","key":"main"}`)
	require.Contains(t, w.Body.String(), `"state":34`)
	require.Equal(t, "[]", a.send("GET", "/entities?lastOperationTimeTo=2020-01-01", "").Body.String())

	require.Equal(t, http.StatusAccepted, a.send("DELETE", "/entities/Counter/main", "").Code)
	require.Equal(t, http.StatusAccepted, a.send("POST", "/entities/Counter/main?op=add", "").Code)
	for _, path := range []string{"/entities/Counter/a%2Fb", "/entities/Coun@ter/a", "/entities/%20/a"} {
		refused(t, a.send("POST", path+"?op=add", ""), http.StatusBadRequest)
	}
	e := refused(t, a.send("POST", "/entities/C/k", "{bad", "Content-Type", "application/json"), http.StatusBadRequest)
	require.Contains(t, e.Message, "Could not parse JSON content: ")

	require.JSONEq(t, `{"instancesDeleted":0}`, a.send("DELETE", "/instances/@counter@nobody", "").Body.String())
	require.JSONEq(t, `{"instancesDeleted":1}`, a.send("DELETE", "/instances/@counter@main", "").Body.String())
	require.Equal(t, http.StatusNotFound, a.send("GET", "/entities/Counter/main", "").Code)
}

// TestSignalInput: what a signal carries depends on the media type.
func TestSignalInput(t *testing.T) {
	t.Parallel()
	h := newHost(t, golden.Load(t, "v2/http-api").Dumps["before-purge"])
	a := &api{t: t, log: &buffer{}}
	a.serve(h.client, httpapi.Options{})
	for _, test := range []struct{ contentType, body, want string }{
		{"application/json; charset=utf-8", `{"n": 1.50}`, `"input":"{\"n\": 1.50}"`},
		{"text/plain", `3 "and" more`, `"input":"\"3 \\\"and\\\" more\""`},
		{"", "bare", `"input":"\"bare\""`},
		{"application/json", "", ""},
	} {
		w := a.send("POST", "/entities/C/k?op=add", test.body, "Content-Type", test.contentType)
		require.Equal(t, http.StatusAccepted, w.Code, w.Body)
		messages, err := h.messages(t.Context(), "@c@k")
		require.NoError(t, err)
		require.Len(t, messages, 1)
		if test.want == "" {
			require.NotContains(t, messages[0].Input, `"input"`)
		}
		require.Contains(t, messages[0].Input, test.want)
	}
}

// TestRaiseEventOrder: that an instance is missing or has ended counts more than a bad body.
func TestRaiseEventOrder(t *testing.T) {
	t.Parallel()
	a := newAPI(t, httpapi.Options{})
	a.start("done")
	a.Complete("done", nil)
	for _, contentType := range []string{"application/json", "text/plain"} {
		require.Equal(t, http.StatusNotFound, a.send("POST", "/instances/nobody/raiseEvent/E", "{", "Content-Type", contentType).Code)
		require.Equal(t, http.StatusGone, a.send("POST", "/instances/done/raiseEvent/E", "{", "Content-Type", contentType).Code)
	}
}

func TestTraceContext(t *testing.T) {
	t.Parallel()
	h := newHost(t, golden.Load(t, "v2/http-api").Dumps["before-purge"])
	a := &api{t: t, log: &buffer{}}
	a.serve(h.client, httpapi.Options{})
	const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, test := range []struct{ parent, state string }{
		{good, "vendor=1"},
		{good, "bad\tstate"},
		{"00-00000000000000000000000000000000-b7ad6b7169203331-01", ""},
		{"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", ""},
		{"nonsense", "vendor=1"},
		{"", "vendor=1"},
	} {
		w := a.send("POST", "/orchestrators/F", "", "Traceparent", test.parent, "Tracestate", test.state)
		links(t, w)
	}
}

// TestBodiesThatNobodyNeeds: clients send bodies and content types with requests that need none.
func TestBodiesThatNobodyNeeds(t *testing.T) {
	t.Parallel()
	a := newAPI(t, httpapi.Options{})
	a.start("a")
	python := []string{"Content-Type", "application/octet-stream"}
	require.Equal(t, http.StatusAccepted, a.send("POST", "/instances/a/suspend?reason=x", "", python...).Code)
	require.Equal(t, http.StatusAccepted, a.send("POST", "/instances/a/terminate?reason=x", "body", python...).Code)
	require.Equal(t, http.StatusAccepted, a.send("POST", "/orchestrators/F/b", "", python...).Code)
	require.Equal(t, http.StatusAccepted, a.send("POST", "/orchestrators/F/c", `"{\"a\": 1}"`, "Content-Type", "application/json").Code)
	s, err := a.Client().GetStatus(t.Context(), "c", nil)
	require.NoError(t, err)
	require.Equal(t, `"{\"a\": 1}"`, string(s.Input), "the Python SDK encodes twice, and its worker decodes twice")
}

// TestExtension1 checks what the transcript of 1.x does not show.
func TestExtension1(t *testing.T) {
	t.Parallel()
	a := newAPI(t, httpapi.Options{Extension1: true})
	p := links(t, a.send("POST", "/orchestrators/F/a", "1"))
	require.NotEmpty(t, p.RewindPostURI)
	require.Empty(t, p.SuspendPostURI)
	a.Fail("a", "broke")
	require.Equal(t, http.StatusInternalServerError, a.send("GET", "/instances/a?returnInternalServerErrorOnFailure=false", "").Code)
	require.Equal(t, http.StatusAccepted, a.send("POST", "/instances/a/rewind", "").Code)
	w := a.send("POST", "/orchestrators/F/b?timeout=0.001&pollingInterval=0.001", "1")
	links(t, w)
	_, err := a.Client().Purge(t.Context(), "b", &durable.PurgeOptions{Force: true})
	require.NoError(t, err)
}
