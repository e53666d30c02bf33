package durable_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
)

// cannedTable is a table service that has n instances and answers every query with a page of them. It costs next to
// nothing, so that what is measured is the client.
func cannedTable(tb testing.TB, n int) *httptest.Server {
	tb.Helper()
	const page = storage.MaxPage
	pages := make([][]byte, (n+page-1)/page)
	for p := range pages {
		var b bytes.Buffer
		b.WriteString(`{"odata.metadata":"http://x/$metadata#T","value":[`)
		for i := p * page; i < min(n, (p+1)*page); i++ {
			if i > p*page {
				b.WriteByte(',')
			}
			b.WriteString(cannedRow(i))
		}
		b.WriteString("]}")
		pages[p] = b.Bytes()
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := strconv.Atoi(r.URL.Query().Get("NextPartitionKey"))
		if p+1 < len(pages) {
			w.Header().Set("x-ms-continuation-NextPartitionKey", strconv.Itoa(p+1))
		}
		w.Header().Set("Content-Type", "application/json;odata=minimalmetadata")
		_, _ = w.Write(pages[p])
	}))
	tb.Cleanup(s.Close)
	return s
}

func cannedRow(i int) string {
	return fmt.Sprintf(`{"odata.etag":"W/\"datetime'2026-11-22T07%%3A27%%3A00.%07dZ'\"","PartitionKey":"order-%08d",`+
		`"RowKey":"","Timestamp":"2026-11-22T07:27:00.1234567Z","CreatedTime@odata.type":"Edm.DateTime",`+
		`"CreatedTime":"2026-11-22T07:26:59.%07dZ","LastUpdatedTime@odata.type":"Edm.DateTime",`+
		`"LastUpdatedTime":"2026-11-22T07:27:00.1234567Z","Name":"ProcessOrder","Version":"","Input":"{\"item\":%d,\"note\":\"a note of some length\"}",`+
		`"RuntimeStatus":"Completed","TaskHubName":"Hub","ExecutionId":"0123456789abcdef%016x","Generation":0,"Tags":"null",`+
		`"CustomStatus":"\"shipped\"","CompletedTime@odata.type":"Edm.DateTime","CompletedTime":"2026-11-22T07:27:00.1234567Z",`+
		`"Output":"[\"Hello Tokyo!\",\"Hello Seattle!\",\"Hello London!\"]"}`, i%1e7, i, i%1e7, i, i)
}

func clientOf(tb testing.TB, tableURL string) *durable.OrchestrationClient {
	tb.Helper()
	ep := durable.Endpoints{Table: tableURL, Queue: tableURL, Blob: tableURL}
	c, err := durable.NewOrchestrationClientWithSharedKey(ep, "Hub", "account", base64.StdEncoding.EncodeToString([]byte("key")), nil)
	require.NoError(tb, err)
	return c
}

// listAll lists a hub and returns how many instances there were.
func listAll(tb testing.TB, c *durable.OrchestrationClient) int {
	tb.Helper()
	n := 0
	for s, err := range c.QueryInstances(tb.Context(), nil, nil) {
		if err != nil {
			tb.Fatal(err)
		}
		if s.Output == nil {
			tb.Fatal("no output")
		}
		n++
	}
	return n
}

// readAll is the floor: a bare client that sends the same requests and throws the answers away.
func readAll(tb testing.TB, client *http.Client, first string, sign func(*http.Request)) {
	tb.Helper()
	for next := ""; ; {
		req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, first+next, nil)
		if err != nil {
			tb.Fatal(err)
		}
		req.Header.Set("Accept", "application/json;odata=minimalmetadata")
		sign(req)
		resp, err := client.Do(req)
		if err != nil {
			tb.Fatal(err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			tb.Fatal(resp.Status, err)
		}
		if next = resp.Header.Get("x-ms-continuation-NextPartitionKey"); next == "" {
			return
		}
		next = "&NextPartitionKey=" + url.QueryEscape(next)
	}
}

func noSignature(*http.Request) {}

// cost is what a piece of work took.
type cost struct {
	time   time.Duration
	allocs uint64
}

func costOf(work func()) cost {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begin := time.Now()
	work()
	took := time.Since(begin)
	runtime.ReadMemStats(&after)
	return cost{took, after.Mallocs - before.Mallocs}
}

// A listed instance costs at most 12 allocations of ours.
func TestListAllocations(t *testing.T) { //nolint:paralleltest // it counts all allocations of the process
	const rows = 20_000
	s := cannedTable(t, rows)
	c := clientOf(t, s.URL)
	readAll(t, s.Client(), s.URL+"/HubInstances()?x", noSignature)
	require.Equal(t, rows, listAll(t, c))
	floor := costOf(func() { readAll(t, s.Client(), s.URL+"/HubInstances()?x", noSignature) })
	ours := costOf(func() { listAll(t, c) })
	require.Less(t, float64(ours.allocs-floor.allocs)/rows, 12.0)
}

// Who keeps the IDs of a listing keeps the IDs, and not the pages that they came in.
func TestListKeepsIDs(t *testing.T) { //nolint:paralleltest // it measures the memory of the process
	const rows = 20_000
	c := clientOf(t, cannedTable(t, rows).URL)
	require.Equal(t, rows, listAll(t, c))
	ids := make([]string, 0, rows)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for s, err := range c.QueryInstances(t.Context(), nil, nil) {
		require.NoError(t, err)
		ids = append(ids, s.InstanceID)
	}
	grown := int64(heap()) - int64(before) //nolint:gosec // sizes of a small heap
	require.Len(t, ids, rows)
	require.Less(t, grown, int64(rows*100), "%d bytes an ID", grown/rows)
}

// Listing a hundred thousand instances over a table service that costs nothing: what is left is ours.
func BenchmarkList(b *testing.B) {
	const rows = 100_000
	s := cannedTable(b, rows)
	c := clientOf(b, s.URL)
	listAll(b, c)
	var floor, ours cost
	for b.Loop() {
		f := costOf(func() { readAll(b, s.Client(), s.URL+"/HubInstances()?x", noSignature) })
		o := costOf(func() { listAll(b, c) })
		floor.time, floor.allocs = floor.time+f.time, floor.allocs+f.allocs
		ours.time, ours.allocs = ours.time+o.time, ours.allocs+o.allocs
	}
	n := float64(b.N) * rows
	b.ReportMetric(float64((ours.time-floor.time).Microseconds())/n, "µs/row-of-ours")
	b.ReportMetric(float64(ours.allocs-floor.allocs)/n, "allocs/row-of-ours")
	b.ReportMetric(0, "ns/op")
}

// Listing keeps nothing: a hundred thousand instances and a thousand leave the same memory in use meanwhile.
func TestListMemory(t *testing.T) { //nolint:paralleltest // it looks at the memory of the process
	const rows, limit = 100_000, 64 << 20
	s := cannedTable(t, rows)
	c := clientOf(t, s.URL)
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	begin, n, most := m.HeapAlloc, 0, uint64(0)
	for _, err := range c.QueryInstances(t.Context(), nil, nil) {
		require.NoError(t, err)
		if n++; n%10_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
	}
	require.Equal(t, rows, n)
	require.Less(t, int64(most)-int64(begin), int64(limit))
}
