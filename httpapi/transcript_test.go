package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/httpapi"
	"github.com/go-durable/durable/internal/golden"
)

// difference is a place where the handler answers otherwise than the recorded host.
type difference struct {
	// row is the row of docs/deviations.md that gives the reason.
	row string
	// status is what the handler answers, body its body, normalised; of an error object only the message. A check takes
	// the place of the body.
	status int
	body   string
	check  func(r *replay, body string)
	// inTheBody says that the status is the recorded one, and that only part of the body differs: the function makes of
	// the recorded body what is expected.
	inTheBody func(recorded string) string
	// reduce makes of the handler's body what is recorded.
	reduce func(body string) string
	// then brings the hub to the state from which the recording goes on.
	then func(r *replay)
}

// replay sends the requests of a recording to a handler, with a host that does what the recorded one did.
type replay struct {
	*host
	engine  string
	handler http.Handler
	// origin is the scheme and host of the recorded API.
	origin string
	// tokens are the handler's continuation tokens for the recorded ones.
	tokens map[string]string
	// started is the ID in the last answer, if that was one to a start. It is not compared: it may be random.
	started string
}

const base = "/runtime/webhooks/durabletask"

// TestTranscripts sends what was sent to real hosts, and compares what comes back. Only what is listed may differ.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		engine      string
		opts        httpapi.Options
		differences map[string]difference
	}{
		{"v3", httpapi.Options{}, differencesV3()},
		{"v2", httpapi.Options{}, differencesV2()},
		{"v1", httpapi.Options{Extension1: true}, differencesV1()},
	}
	for _, test := range tests {
		t.Run(test.engine, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { replayTranscript(t, test.engine, test.opts, test.differences) })
		})
	}
}

func replayTranscript(t *testing.T, engine string, opts httpapi.Options, differences map[string]difference) {
	t.Helper()
	recording := golden.Load(t, engine+"/http-api")
	r := &replay{
		host: newHost(t, recording.Dumps["before-purge"]), engine: engine,
		origin: originOf(t, recording), tokens: map[string]string{},
	}
	opts.Keys = []string{"TheKey"}
	r.handler = httpapi.NewHandler(r.client, &opts)
	for i := range recording.Steps {
		if s := &recording.Steps[i]; s.Method != "" {
			d, differs := differences[stepName(s)]
			delete(differences, stepName(s))
			r.step(fmt.Sprintf("step %d: %s", i, stepName(s)), s, d, differs)
		}
	}
	require.Empty(t, differences, "each listed difference is one of a step")
}

// stepName is the request line and, where there is one, the body.
func stepName(s *golden.Step) string {
	name := s.Method + " " + s.Path
	if s.RequestHeaders["x-ms-continuation-token"] != "" {
		name += " (token)"
	}
	if s.RequestBody != nil {
		name += " " + *s.RequestBody
		if *s.RequestBody == "" {
			name += "(empty)"
		}
	}
	return name
}

func originOf(t *testing.T, recording *golden.Recording) string {
	t.Helper()
	u, err := url.Parse(recording.Steps[0].Headers["Location"])
	require.NoError(t, err)
	return u.Scheme + "://" + u.Host
}

func (r *replay) step(name string, s *golden.Step, d difference, differs bool) {
	r.t.Helper()
	want, got := recordedAnswer(r.origin, s, plain()), r.send(s)
	if token := want.header["X-Ms-Continuation-Token"]; token != "" {
		r.tokens[token] = got.header["X-Ms-Continuation-Token"]
		want.header["X-Ms-Continuation-Token"] = tokenKey(token)
		got.header["X-Ms-Continuation-Token"] = tokenKey(r.tokens[token])
	}
	if !differs {
		require.Equal(r.t, want, got, name)
		r.goOn(s, got)
		return
	}
	require.Contains(r.t, deviationTable(r.t), d.row, name)
	require.NotEqual(r.t, want, got, "%s is listed as different, but is not", name)
	switch {
	case d.reduce != nil:
		got.body = d.reduce(got.body)
		require.Equal(r.t, want, got, name)
	case d.inTheBody != nil:
		want.body = d.inTheBody(want.body)
		require.Equal(r.t, want, got, name)
		r.goOn(s, got)
	default:
		require.Equal(r.t, d.status, got.status, name)
		if d.check != nil {
			d.check(r, got.body)
		} else {
			require.Equal(r.t, d.body, got.body, name)
		}
	}
	if d.then != nil {
		d.then(r)
	}
}

// goOn lets the host act on a request that was accepted.
func (r *replay) goOn(s *golden.Step, got seen) {
	r.t.Helper()
	if s.Method != http.MethodPost || got.status >= 300 {
		return
	}
	segments := strings.Split(strings.Trim(strings.SplitN(s.Path, "?", 2)[0], "/"), "/")
	if id := r.started; id != "" {
		r.handle(s, id)
	} else if segments[0] == "instances" {
		r.handle(s, segments[1])
	}
}

// seen is what counts of an answer.
type seen struct {
	status int
	header map[string]string
	body   string
}

// plain takes one random ID for as good as another.
func plain() *golden.Normalizer { return &golden.Normalizer{PlainGUIDs: true} }

var headersThatMatter = []string{"Content-Type", "Location", "Retry-After", "X-Ms-Continuation-Token"}

func recordedAnswer(origin string, s *golden.Step, n *golden.Normalizer) seen {
	h := http.Header{}
	for name, value := range s.Headers {
		h.Set(name, value)
	}
	// The recordings were made at the host's local endpoint, which has another path.
	if location := h.Get("Location"); location != "" {
		h.Set("Location", strings.Replace(location, origin+"/durabletask/", origin+base+"/", 1))
	}
	return newSeen(s.Status, h, s.Body, n)
}

func newSeen(status int, h http.Header, body string, n *golden.Normalizer) seen {
	out := seen{status: status, header: map[string]string{}, body: n.Text(body)}
	for _, name := range headersThatMatter {
		if _, ok := h[name]; ok {
			out.header[name] = strings.TrimSpace(n.Text(h.Get(name)))
		}
	}
	var object struct{ Message string }
	if status >= 400 && json.Unmarshal([]byte(body), &object) == nil && object.Message != "" {
		out.body = object.Message // what else is in there is a matter of the row "error-objects"
	}
	return out
}

func (r *replay) send(s *golden.Step) seen {
	r.t.Helper()
	body := ""
	if s.RequestBody != nil {
		body = *s.RequestBody
	}
	request := httptest.NewRequestWithContext(r.t.Context(), s.Method, r.origin+base+s.Path, strings.NewReader(body))
	for name, value := range s.RequestHeaders {
		if own, ok := r.tokens[strings.TrimSpace(value)]; ok {
			value = own
		}
		request.Header.Set(name, value)
	}
	request.Header.Set("X-Functions-Key", "TheKey")
	prompt := strings.Contains(s.Path, "timeout=5&")
	if prompt {
		// The recorded host has ended the instance within the request, so ours does, too.
		r.onPut = func() { r.handle(s, "http-timeout") }
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, request)
	r.onPut = nil
	got := newSeen(w.Code, w.Header(), w.Body.String(), plain())
	require.NotEmpty(r.t, w.Header().Get("X-Ms-Request-Id"))
	require.NotContains(r.t, w.Body.String(), "StackTrace")
	var started durable.HttpManagementPayload
	r.started = ""
	if json.Unmarshal(w.Body.Bytes(), &started) == nil && w.Code == http.StatusAccepted && started.StatusQueryGetURI != "" {
		r.started = started.ID
	}
	return got
}

var azurePrefix = regexp.MustCompile(`^1![0-9]+!`)

// tokenKey returns the part of a continuation token that tells the place: without the wrapping of engine 1.x, and
// without the version and length that the real service puts before it, but not the emulator of the recordings.
func tokenKey(token string) string {
	var wrapped struct{ NextPartitionKey string }
	if text, err := base64.StdEncoding.DecodeString(token); err == nil && json.Unmarshal(text, &wrapped) == nil {
		return wrapped.NextPartitionKey
	}
	return azurePrefix.ReplaceAllString(token, "")
}
