package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/httpapi"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/taskhub"
)

// TestRecordedHubs reads every hub that was recorded, and compares with what its own host had answered. A recording has
// several dumps; the answer must be that of one of them.
func TestRecordedHubs(t *testing.T) {
	t.Parallel()
	var compared atomic.Int64
	t.Run("all", func(t *testing.T) { compareRecordings(t, &compared) })
	require.Equal(t, int64(135), compared.Load(), "answers that were compared")
}

func compareRecordings(t *testing.T, compared *atomic.Int64) {
	t.Helper()
	for _, engine := range golden.Engines() {
		for _, name := range golden.Names(engine) {
			if name == "http-api" {
				continue // TestTranscripts
			}
			t.Run(engine+"/"+name, func(t *testing.T) {
				t.Parallel()
				recording := golden.Load(t, engine+"/"+name)
				var handlers []http.Handler
				for _, d := range recording.Dumps {
					handlers = append(handlers, handlerOn(t, d, engine == "v1"))
				}
				for i := range recording.Steps {
					s := &recording.Steps[i]
					if s.Method == http.MethodGet && compareWithAny(t, engine, s, handlers) {
						compared.Add(1)
					}
				}
			})
		}
	}
}

func handlerOn(t *testing.T, d *golden.Dump, extension1 bool) http.Handler {
	t.Helper()
	account := memstore.New(nil).Account()
	require.NoError(t, d.LoadInto(t.Context(), account))
	client, err := hook.NewClient(account, d.Hub, taskhub.Options{})
	require.NoError(t, err)
	return httpapi.NewHandler(client.(*durable.OrchestrationClient), &httpapi.Options{
		AllowAnonymous: true, Extension1: extension1,
	})
}

// compareWithAny compares with the dump of the moment at which the host had answered, bytes and times included. It
// reports whether there is one: hosts were also asked between two dumps.
func compareWithAny(t *testing.T, engine string, s *golden.Step, handlers []http.Handler) bool {
	t.Helper()
	const origin = "http://127.0.0.1:17071"
	want := recordedAnswer(origin, s, &golden.Normalizer{KeepTimes: true})
	for _, h := range handlers {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), s.Method, origin+base+s.Path, nil))
		got := newSeen(w.Code, w.Header(), w.Body.String(), &golden.Normalizer{KeepTimes: true})
		m := moments(want.body)
		if !slices.Equal(m, moments(got.body)) || len(m) == 0 && want.body != got.body {
			continue
		}
		if engine == "v1" {
			got.body = oldForm(got.body)
		}
		require.Equal(t, want, got, s.Path)
		return true
	}
	return false
}

var momentPattern = regexp.MustCompile(`"(?:createdTime|lastUpdatedTime|lastOperationTime)":"[^"]*"`)

// moments returns the times that tell at which moment a hub gave an answer.
func moments(body string) []string { return momentPattern.FindAllString(body, -1) }

// newMembers are those that the newest host has in events and 1.x had not.
var newMembers = regexp.MustCompile(
	`"(?:Input|Correlation|ParentTraceContext|ScheduledStartTime|Generation|FailureDetails)":` +
		`(?:null|[0-9]+|"(?:[^"\\]|\\.)*"),|,"Input":(?:null|"(?:[^"\\]|\\.)*")(})`)

// localTime is a time that the newest host turns into a local one.
var localTime = regexp.MustCompile(`("ScheduledTime":"[^"]*)\+00:00(>?")`)

// oldForm makes of a history in the form of the newest host one in that of 1.x.
func oldForm(body string) string {
	body = newMembers.ReplaceAllString(body, "$1")
	return strings.ReplaceAll(localTime.ReplaceAllString(body, "${1}Z$2"), "<timeZ>", "<time>")
}
