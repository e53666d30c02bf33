package httpapi_test

import (
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/httpapi"
	"github.com/go-durable/durable/internal/golden"
)

// deviations are the tests of those rows of docs/deviations.md that no transcript shows.
var deviations = map[string]func(t *testing.T){
	"anonymous":         devAnonymous,
	"blank-in-links":    devBlankInLinks,
	"body-limit":        devBodyLimit,
	"connection-name":   devConnectionName,
	"cross-origin":      devCrossOrigin,
	"entity-control":    devEntityControl,
	"error-objects":     devErrorObjects,
	"escaped-ids":       devEscapedIDs,
	"forwarded":         devForwarded,
	"id-rules":          devIDRules,
	"make-primary":      devMakePrimary,
	"missing-hub":       devMissingHub,
	"missing-payload":   devMissingPayload,
	"other-hubs":        devOtherHubs,
	"page-size":         devPageSize,
	"pending-terminate": devPendingTerminate,
	"purge-running":     devPurgeRunning,
	"restart-as-it-was": devRestartAsItWas,
	"rewind-warnings":   devRewindWarnings,
	"strict-json":       devStrictJSON,
	"uri-reason":        devURIReason,
	"wait-bound":        devWaitBound,
	"whole-text-json":   devWholeTextJSON,
}

// TestDeviations runs the test of each row, and checks that the table names no other test and no row without one.
func TestDeviations(t *testing.T) {
	t.Parallel()
	tested := map[string]string{}
	for id := range deviations {
		tested[id] = "TestDeviations"
	}
	for _, differences := range []map[string]difference{differencesV1(), differencesV2(), differencesV3()} {
		for _, d := range differences {
			tested[d.row] = "TestTranscripts"
		}
	}
	require.Equal(t, tested, deviationTable(t))
	for _, id := range slices.Sorted(maps.Keys(deviations)) {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			deviations[id](t)
		})
	}
}

var tableRow = regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|.*\\| `(\\w+)` \\|$")

// deviationTable returns the rows of docs/deviations.md with the tests that they name.
func deviationTable(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../docs/deviations.md")
	require.NoError(t, err)
	rows := map[string]string{}
	for _, m := range tableRow.FindAllStringSubmatch(string(page), -1) {
		require.NotContains(t, rows, m[1])
		rows[m[1]] = m[2]
	}
	require.Len(t, rows, strings.Count(string(page), "\n| `"), "each row has the form that is looked for")
	return rows
}

func devAnonymous(t *testing.T) {
	a := newAPI(t, httpapi.Options{})
	a.handler = httpapi.NewHandler(a.Client(), &httpapi.Options{})
	require.Equal(t, http.StatusServiceUnavailable, a.send("GET", "/instances", "").Code)
}

func devBlankInLinks(t *testing.T) {
	a := newAPI(t, httpapi.Options{})
	p := links(t, a.send("POST", "/orchestrators/F/a%20b+c@d", ""))
	require.Equal(t, "a b+c@d", p.ID)
	require.Contains(t, p.StatusQueryGetURI, base+"/instances/a%20b%2Bc%40d?")
	require.Equal(t, http.StatusAccepted, a.sendTo("GET", p.StatusQueryGetURI, "").Code)
}

func devBodyLimit(t *testing.T) {
	a := newAPI(t, httpapi.Options{MaxBodySize: 10})
	require.Equal(t, http.StatusAccepted, a.send("POST", "/orchestrators/F/a", `"12345678"`).Code)
	e := refused(t, a.send("POST", "/orchestrators/F/b", `"123456789"`), http.StatusRequestEntityTooLarge)
	require.Equal(t, "The body is larger than 10 bytes", e.Message)
	require.Equal(t, http.StatusNotFound, a.send("GET", "/instances/b", "").Code)
}

func devConnectionName(t *testing.T) {
	a := newAPI(t, httpapi.Options{})
	require.Equal(t, http.StatusAccepted, a.send("POST", "/entities/C/k?op=add&connectionName=Storage", "").Code)
	refused(t, a.send("POST", "/entities/C/k?op=add&connectionName=Other", ""), http.StatusBadRequest)
}

func devCrossOrigin(t *testing.T) {
	a := newAPI(t, httpapi.Options{})
	page := []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site", "Content-Type", "text/plain"}
	refused(t, a.send("POST", "/orchestrators/F/a", "1", page...), http.StatusForbidden)
	require.Equal(t, http.StatusNotFound, a.send("GET", "/instances/a", "").Code)
}

func devEntityControl(t *testing.T) {
	a := newAPI(t, httpapi.Options{})
	for _, operation := range []string{"terminate", "suspend", "resume", "restart", "raiseEvent/E"} {
		w := a.send("POST", "/instances/@counter@k/"+operation, "1", "Content-Type", "application/json")
		refused(t, w, http.StatusBadRequest)
	}
}

func devErrorObjects(t *testing.T) {
	a := newAPI(t, httpapi.Options{})
	w := a.send("POST", "/orchestrators/F/a", "{not json")
	e := refused(t, w, http.StatusBadRequest) // knows no other members
	require.Equal(t, "Invalid JSON content", e.Message)
	require.Contains(t, e.ExceptionMessage, "invalid character")
	require.Contains(t, a.log.String(), e.RequestID)
}

func devEscapedIDs(t *testing.T) {
	a := newAPI(t, httpapi.Options{})
	for _, id := range []string{"a b", "a+b", "a%20b", "é", "..", "a&b=c", "INSTANCES"} {
		p := links(t, a.send("POST", "/orchestrators/F/"+strings.NewReplacer(
			" ", "%20", "%", "%25", "&", "%26").Replace(id), ""))
		require.Equal(t, id, p.ID)
		require.Equal(t, http.StatusAccepted, a.sendTo("GET", p.StatusQueryGetURI, "").Code, id)
	}
	require.Equal(t, http.StatusNotFound, a.send("GET", "/instances/a%2Fterminate", "").Code, "it is one ID")
}

func devForwarded(t *testing.T) {
	tests := []struct {
		name    string
		headers []string
		want    string
	}{
		{"none", nil, "http://api.example/"},
		{"proto only", []string{"X-Forwarded-Proto", "https"}, "https://api.example/"},
		{"host only", []string{"X-Forwarded-Host", "public.example"}, "http://public.example/"},
		{"both", []string{"X-Forwarded-Proto", "HTTPS", "X-Forwarded-Host", "public.example:8443"}, "https://public.example:8443/"},
		{"chain", []string{"X-Forwarded-Proto", "https, http", "X-Forwarded-Host", "a.example, b.example"}, "https://a.example/"},
		{"standard", []string{"Forwarded", `for=1.2.3.4;proto=https;host="p.example", host=q`}, "https://p.example/"},
		{"standard first", []string{"Forwarded", "host=p.example", "X-Forwarded-Host", "r.example"}, "http://p.example/"},
		{"no host", []string{"X-Forwarded-Host", "a.example/../x?"}, "http://api.example/"},
		{"no scheme", []string{"X-Forwarded-Proto", "javascript"}, "http://api.example/"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := newAPI(t, httpapi.Options{TrustForwarded: true})
			p := links(t, a.send("POST", "/orchestrators/F/a", "", test.headers...))
			require.True(t, strings.HasPrefix(p.StatusQueryGetURI, test.want), p.StatusQueryGetURI)
			location := a.send("GET", "/instances/a?showInput=false", "", test.headers...).Header().Get("Location")
			require.Equal(t, test.want+base[1:]+"/instances/a?showInput=false", location)

			a.serve(a.Client(), httpapi.Options{})
			location = a.send("GET", "/instances/a", "", test.headers...).Header().Get("Location")
			require.True(t, strings.HasPrefix(location, "http://api.example/"), "not unless it is told to")
		})
	}
}

func devIDRules(t *testing.T) {
	a := newAPI(t, httpapi.Options{})
	for _, id := range []string{"@a@b", "%09", "%20", "a%3Fb", strings.Repeat("x", 257), "%FF"} {
		refused(t, a.send("POST", "/orchestrators/F/"+id, ""), http.StatusBadRequest)
	}
	require.Empty(t, list(t, a.send("GET", "/instances", "")))
}

func devMakePrimary(t *testing.T) {
	a := newAPI(t, httpapi.Options{})
	require.Equal(t, http.StatusNotFound, a.send("POST", "/makeprimary", "").Code)
}

func devOtherHubs(t *testing.T) {
	a, other := newAPI(t, httpapi.Options{}), newAPI(t, httpapi.Options{})
	a.start("here")
	other.start("there")
	const elsewhere = "/instances?taskHub=OtherHub"
	refused(t, a.send("GET", elsewhere, ""), http.StatusBadRequest)
	refused(t, a.send("GET", "/instances?connection=OtherAccount", ""), http.StatusBadRequest)
	require.Equal(t, []string{"here"}, list(t, a.send("GET", "/instances?taskHub=testhub&connection=storage", "")))
	require.Equal(t, []string{"here"}, list(t, a.send("GET", "/instances?taskHub=&connection=AzureWebJobsStorage", "")))
}

func devPageSize(t *testing.T) {
	a := newAPI(t, httpapi.Options{})
	a.start("a")
	require.Equal(t, []string{"a"}, list(t, a.send("GET", "/instances?top=1001", "")))
	refused(t, a.send("GET", "/instances?top=99999999999999999999", ""), http.StatusBadRequest)
}

func devPendingTerminate(t *testing.T) {
	a := newAPI(t, httpapi.Options{})
	links(t, a.send("POST", "/orchestrators/F/a", ""))
	require.Equal(t, http.StatusAccepted, a.send("POST", "/instances/a/terminate?reason=never", "").Code)
	w := a.send("GET", "/instances/a", "")
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, w.Body.String(), `"runtimeStatus":"Terminated"`)
	require.Equal(t, 1, a.Process("a"), "the start message is thrown away")
	require.Contains(t, a.send("GET", "/instances/a", "").Body.String(), `"output":"never"`)
}

func devPurgeRunning(t *testing.T) {
	a := newAPI(t, httpapi.Options{})
	a.start("runs")
	a.start("done")
	a.Complete("done", nil)
	const all = "/instances?createdTimeFrom=2000-01-01"
	refused(t, a.send("DELETE", all+"&runtimeStatus=Running,Completed", ""), http.StatusBadRequest)
	require.Equal(t, "Only orchestrations in a terminal state can be purged, but the orchestration with instance ID runs "+
		"has status Running", text(t, a.send("DELETE", "/instances/runs", ""), http.StatusPreconditionFailed))
	require.JSONEq(t, `{"instancesDeleted":1}`, a.send("DELETE", all, "").Body.String())
	require.Equal(t, []string{"runs"}, list(t, a.send("GET", "/instances", "")))

	a.start("too")
	a.serve(a.Client(), httpapi.Options{PurgeRunning: true})
	require.JSONEq(t, `{"instancesDeleted":1}`, a.send("DELETE", "/instances/too", "").Body.String())
	require.Equal(t, http.StatusNotFound, a.send("DELETE", all, "").Code, "without states it is what has ended")
	require.JSONEq(t, `{"instancesDeleted":1}`, a.send("DELETE", all+"&runtimeStatus=Running", "").Body.String())
}

func devRestartAsItWas(t *testing.T) {
	a := newAPI(t, httpapi.Options{})
	links(t, a.send("POST", "/orchestrators/F/a?version=1.2", `{"n": 1.50}`))
	links(t, a.send("POST", "/orchestrators/F/none", ""))
	id := links(t, a.send("POST", "/instances/a/restart", "")).ID
	s, err := a.Client().GetStatus(t.Context(), id, nil)
	require.NoError(t, err)
	require.Equal(t, `{"n": 1.50}`, string(s.Input))
	require.Equal(t, "1.2", s.Version)
	id = links(t, a.send("POST", "/instances/none/restart", "")).ID
	s, err = a.Client().GetStatus(t.Context(), id, nil)
	require.NoError(t, err)
	require.Nil(t, s.Input)
}

func devRewindWarnings(t *testing.T) {
	h := handlerOn(t, golden.Load(t, "v2/rewind-causal").Dumps["failed"], false)
	a := &api{t: t, handler: h}
	const rewind = "/instances/c-BranchesThenFails/rewind?reason=repaired"
	require.Contains(t, text(t, a.send("POST", rewind, ""), http.StatusPreconditionFailed), "c-BranchesThenFails: Ambiguous: ")
	require.Equal(t, http.StatusOK, a.send("GET", "/instances/c-BranchesThenFails", "").Code, "nothing was done")
	require.Equal(t, http.StatusAccepted, a.send("POST", rewind+"&force=true", "").Code)
	require.Equal(t, http.StatusAccepted, a.send("GET", "/instances/c-BranchesThenFails", "").Code)
}

func devStrictJSON(t *testing.T) {
	a := newAPI(t, httpapi.Options{})
	a.start("a")
	for _, body := range []string{`{'a':1}`, `{a:1}`, `1 2`, `[1,]`, `/**/1`, `NaN`, "\"\xff\""} {
		e := refused(t, a.send("POST", "/orchestrators/F", body), http.StatusBadRequest)
		require.Equal(t, "Invalid JSON content", e.Message)
		w := a.send("POST", "/instances/a/raiseEvent/E", body, "Content-Type", "application/json")
		require.Equal(t, "Invalid JSON content", refused(t, w, http.StatusBadRequest).Message)
	}
	links(t, a.send("POST", "/orchestrators/F/b", "\ufeff {\"n\": 1.50} "))
	s, err := a.Client().GetStatus(t.Context(), "b", nil)
	require.NoError(t, err)
	require.Equal(t, `{"n": 1.50}`, string(s.Input))
}

func devURIReason(t *testing.T) {
	a := newAPI(t, httpapi.Options{})
	a.start("a")
	for _, operation := range []string{"terminate", "suspend"} {
		refused(t, a.send("POST", "/instances/a/"+operation+"?reason=ticket:123", ""), http.StatusBadRequest)
	}
	require.Equal(t, http.StatusAccepted, a.send("POST", "/instances/a/suspend?reason=ticket:%20123", "").Code)
}

func devWaitBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, httpapi.Options{MaxWait: 3 * time.Second})
		begin := time.Now()
		links(t, a.send("POST", "/orchestrators/F/a?timeout=86400&pollingInterval=0.000001", ""))
		require.Equal(t, 3*time.Second, time.Since(begin))
		links(t, a.send("POST", "/orchestrators/F/b?timeout=0&pollingInterval=0", ""))

		refused(t, a.send("POST", "/orchestrators/F/c?timeout=1&pollingInterval=2", ""), http.StatusBadRequest)
		require.Equal(t, http.StatusNotFound, a.send("GET", "/instances/c", "").Code)
	})
}

func devWholeTextJSON(t *testing.T) {
	a := newAPI(t, httpapi.Options{})
	a.start("a")
	require.Equal(t, http.StatusAccepted, a.send("POST", "/instances/a/terminate?reason=123+Main+St", "").Code)
	a.Process("a")
	require.Contains(t, a.send("GET", "/instances/a", "").Body.String(), `"output":"123 Main St"`)
}
