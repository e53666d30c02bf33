package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/httpapi"
)

// TestTimes: the forms that clients really send are understood, and nothing else is guessed.
func TestTimes(t *testing.T) {
	t.Parallel()
	at := time.Date(2020, 5, 17, 10, 30, 0, 0, time.UTC)
	hub := durabletest.NewHub(t, &durabletest.Options{Clock: func() time.Time { return at }})
	a := &api{TestHub: hub, t: t, log: &buffer{}}
	a.serve(hub.Client(), httpapi.Options{})
	a.start("a")
	tests := []struct {
		name, query string
		found       bool
	}{
		{"JavaScript", "createdTimeFrom=2020-05-17T10:30:00.000Z", true},
		{"JavaScript, later", "createdTimeFrom=2020-05-17T10:30:00.001Z", false},
		{"Python", "createdTimeTo=2020-05-17T10:30:00.000000Z", true},
		{"Python, earlier", "createdTimeTo=2020-05-17T10:29:59.999999Z", false},
		{"Python's first year", "createdTimeFrom=1-01-01T00:00:00.000000Z", true},
		{"first year as the end", "createdTimeTo=0001-01-01T00:00:00Z", false},
		{"last year", "createdTimeTo=9999-12-31T23:59:59Z", true},
		{"offset", "createdTimeFrom=2020-05-17T12:30:00%2B02:00", true},
		{"offset, unescaped", "createdTimeFrom=2020-05-17T12:30:00+02:00", true},
		{"offset, unescaped, later", "createdTimeFrom=2020-05-17T12:30:00+01:59", false},
		{"minutes", "createdTimeFrom=2020-05-17T10:30Z", true},
		{"date", "createdTimeFrom=2020-05-17", true},
		{"next date", "createdTimeFrom=2020-05-18", false},
		{"name in other case", "CREATEDTIMEFROM=2020-05-18", false},
		{"blank", "createdTimeFrom=&createdTimeTo=%20", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := []string{}
			if test.found {
				want = append(want, "a")
			}
			require.Equal(t, want, list(t, a.send("GET", "/instances?"+test.query, "")))
		})
	}
}

// TestMalformedParameters: what cannot be read is refused by every operation, and nothing is done.
func TestMalformedParameters(t *testing.T) {
	t.Parallel()
	times := []string{
		"yesterday", "2020-05-17T10:30:00", "05/17/2020", "2020-05-17T10:30:00%2B25:00", "2020-13-01", "1589711400",
		"2020-05-17T10:30:00Z%20or%201", "2020-05-17&createdTimeFrom=2020-05-18", "%zz",
	}
	a := newAPI(t, httpapi.Options{})
	a.start("a")
	a.Complete("a", nil)
	for _, bad := range times {
		for _, method := range []string{"GET", "DELETE"} {
			refused(t, a.send(method, "/instances?createdTimeFrom="+bad, ""), http.StatusBadRequest)
			refused(t, a.send(method, "/instances?createdTimeFrom=2020-01-01&createdTimeTo="+bad+"x", ""), http.StatusBadRequest)
		}
		refused(t, a.send("GET", "/entities?lastOperationTimeFrom=x"+bad, ""), http.StatusBadRequest)
	}
	for _, r := range []struct{ method, path string }{
		{"GET", "/instances?top=-1"},
		{"GET", "/instances?top=1.5"},
		{"GET", "/entities?top=0"},
		{"GET", "/entities?fetchState=1"},
		{"GET", "/instances?showInput=no"},
		{"GET", "/instances?runtimeStatus=1"},
		{"GET", "/instances?runtimeStatus=Running,Runs"},
		{"GET", "/instances?instanceIdPrefix=a/b"},
		{"GET", "/instances?createdTimeFrom=2021-01-01&createdTimeTo=2020-01-01"},
		{"DELETE", "/instances?createdTimeFrom=2020-01-01&runtimeStatus=Complete"},
		{"GET", "/instances/a?showHistory=yes"},
		{"GET", "/instances/a?returnInternalServerErrorOnFailure=1"},
		{"GET", "/instances/a?taskHub=TestHub&taskHub=TestHub"},
		{"POST", "/orchestrators/F?timeout=-1&pollingInterval=0"},
		{"POST", "/orchestrators/F?timeout=NaN&pollingInterval=0"},
		{"POST", "/orchestrators/F?timeout=1&pollingInterval=2"},
		{"POST", "/instances/a/rewind?force=maybe"},
		{"POST", "/instances/a/restart?restartWithNewInstanceId=0"},
		{"POST", "/instances/a/terminate?reason=a&reason=b"},
	} {
		refused(t, a.send(r.method, r.path, ""), http.StatusBadRequest)
	}
	w := a.send("GET", "/instances", "", "X-Ms-Continuation-Token", "bnVsbA==")
	refused(t, w, http.StatusBadRequest)
	require.Equal(t, []string{"a"}, list(t, a.send("GET", "/instances", "")))
}

func TestListPages(t *testing.T) {
	t.Parallel()
	for _, extension1 := range []bool{false, true} {
		a := newAPI(t, httpapi.Options{Extension1: extension1})
		for i := range 250 {
			_, err := a.Client().StartNew(t.Context(), "F", i, nil)
			require.NoError(t, err)
		}
		seen := map[string]bool{}
		var sizes []int
		for token := ""; ; {
			w := a.send("GET", "/instances?showInput=false", "", "X-Ms-Continuation-Token", token)
			page := statuses(w.Body.String())
			sizes = append(sizes, len(page))
			for _, s := range page {
				require.Contains(t, s.raw, `"input":null`)
				seen[s.InstanceID] = true
			}
			require.Contains(t, w.Header(), "X-Ms-Continuation-Token", "also at the end, where it is empty")
			if token = w.Header().Get("X-Ms-Continuation-Token"); token == "" {
				break
			}
		}
		require.Len(t, seen, 250)
		want := []int{100, 100, 50}
		if extension1 {
			want = []int{250}
		}
		require.Equal(t, want, sizes)
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	a := newAPI(t, httpapi.Options{})
	a.start("runs")
	a.start("done")
	a.Complete("done", nil)
	_, err := a.Client().StartNew(t.Context(), "F", nil, &durable.StartNewOptions{InstanceID: "waits"})
	require.NoError(t, err)
	for query, want := range map[string][]string{
		"":                                    {"done", "runs", "waits"},
		"runtimeStatus=":                      {"done", "runs", "waits"},
		"runtimeStatus=running":               {"runs"},
		"runtimeStatus=Pending,%20COMPLETED,": {"done", "waits"},
		"runtimeStatus=Pending&runtimeStatus=Running&runtimeStatus=Pending": {"runs", "waits"},
		"instanceIdPrefix=r":             {"runs"},
		"showHistory=nonsense&unknown=1": {"done", "runs", "waits"},
	} {
		require.Equal(t, want, list(t, a.send("GET", "/instances?"+query, "")), query)
	}
}
