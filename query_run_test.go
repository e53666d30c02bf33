package durable_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// manyBare fills a hub with instances whose pages are short.
func manyBare(t *testing.T, n int, mem *memstore.Options) *fixture {
	t.Helper()
	f := openMemory(t, newHubName(), taskhub.Options{}, mem)
	f.create(t)
	for i := range n {
		f.bare(t, fmt.Sprintf("order-%05d", i), text(wire.ColRuntimeStatus, string(knownStates[i%len(knownStates)])))
	}
	f.traffic.reset()
	return f
}

// TestQueryIsLazy: leaving the loop ends the fetching; each range over the result begins anew.
func TestQueryIsLazy(t *testing.T) {
	t.Parallel()
	f := manyBare(t, 100, &memstore.Options{PageSize: 10})
	found := f.QueryInstances(t.Context(), nil, nil)
	require.Zero(t, f.traffic.count())
	for range 2 {
		n := 0
		for s, err := range found {
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("order-%05d", n), s.InstanceID)
			if n++; n == 25 {
				break
			}
		}
		require.Equal(t, 3, f.traffic.count())
		f.traffic.reset()
	}
	require.Len(t, ids(t, found), 100)
	require.Equal(t, 10, f.traffic.count())
}

// TestQueryCopiesItsFilter: what happens to the filter after the call changes nothing.
func TestQueryCopiesItsFilter(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{})
	f.bare(t, "a", text(wire.ColVersion, "1"), text(wire.ColTags, `{"a":"b"}`))
	f.bare(t, "b", text(wire.ColVersion, "2"))
	filter := &durable.InstanceFilter{
		Statuses: []durable.RuntimeStatus{durable.RuntimeStatusCompleted}, Names: []string{"Orchestrator"}, Version: ptr("1"),
		Tags: map[string]string{"a": "b"},
	}
	opts := &durable.QueryOptions{}
	found := f.QueryInstances(t.Context(), filter, opts)
	filter.Statuses[0], filter.Names[0], *filter.Version, filter.Tags["a"] = "Bogus", "x", "2", "c"
	filter.InstanceIDPrefix, opts.Parallelism = "b", -1
	for range 2 {
		require.Equal(t, []string{"a"}, ids(t, found))
	}
}

// TestQueryEmptyPages: pages without a match that are not the last are passed over.
func TestQueryEmptyPages(t *testing.T) {
	t.Parallel()
	f := manyBare(t, 400, &memstore.Options{ScanLimit: 7})
	filter := &durable.InstanceFilter{CreatedTo: noon, Names: []string{"Orchestrator"}}
	require.Len(t, ids(t, f.QueryInstances(t.Context(), filter, nil)), 400)
	f.set(t, "order-00399", text(wire.ColName, "Last"))
	filter.Names[0] = "Last"
	require.Equal(t, []string{"order-00399"}, ids(t, f.QueryInstances(t.Context(), filter, nil)))
	page, err := f.QueryInstancesPage(t.Context(), filter, &durable.PageOptions{Size: 5})
	require.NoError(t, err)
	require.Len(t, page.Instances, 1)
	require.Empty(t, page.ContinuationToken)
	filter.Names[0] = "Nobody"
	page, err = f.QueryInstancesPage(t.Context(), filter, &durable.PageOptions{Size: 5})
	require.NoError(t, err)
	require.Empty(t, page.Instances)
	require.Empty(t, page.ContinuationToken)
}

// TestQueryPages: pages of any size together are the whole, whether or not a blank was trimmed off their tokens.
func TestQueryPages(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		all := []string{}
		for _, id := range nastyIDs {
			f.bare(t, id)
			all = append(all, id)
		}
		slices.SortFunc(all, storage.CompareKeys)
		for _, size := range []int{1, 2, 7, len(all), 1000} {
			got, token := []string{}, ""
			for pages := 1; ; pages++ {
				page, err := f.QueryInstancesPage(t.Context(), nil, &durable.PageOptions{Size: size, ContinuationToken: token})
				require.NoError(t, err)
				require.LessOrEqual(t, len(page.Instances), size)
				for _, s := range page.Instances {
					got = append(got, s.InstanceID)
				}
				if token = page.ContinuationToken; token == "" {
					break
				}
				require.NotEmpty(t, page.Instances)
				if pages%2 == 0 {
					token = strings.TrimSpace(token)
				}
			}
			require.ElementsMatch(t, all, got, "size %d", size)
			require.Len(t, got, len(all))
		}
	})
}

// nastyIDs are IDs that are hard on keys, filters, tokens and orders.
var nastyIDs = []string{
	"a", "b", "A", "a b", " a", "a ", "a'b", "a''b", `a"b`, "a%b", "a%20b", "a+b", "a&b=c", "a^b", "a^^b", "^", "^^", "é", "日本", "😀",
	"😀😀", "\uE000", "\uFFFF", "\uD7FF", "a|b", "a<b>", "{a}", "[a]", "(a)", "a;b,c", "a:b", "a=b", "1", "10", "2", ".", "..", "~",
	"a.json.gz", "order-1", "order-10", "null", "NULL", "A@B", "a\u00a0b", "\u200b", "\uFEFFx",
}

// TestQueryOrder: instances come in key order, which is not that of UTF-8, also from several parts at once.
func TestQueryOrder(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{})
	keys := []string{}
	for _, id := range nastyIDs {
		f.bare(t, id)
		keys = append(keys, wire.EscapeKey(id))
	}
	slices.SortFunc(keys, storage.CompareKeys)
	for parallelism := range 9 {
		got := ids(t, f.QueryInstances(t.Context(), nil, &durable.QueryOptions{Parallelism: parallelism}))
		for i := range got {
			got[i] = wire.EscapeKey(got[i])
		}
		require.Equal(t, keys, got, "%d at once", parallelism)
	}
}

// TestQueryParallel: any number of parts finds the same.
func TestQueryParallel(t *testing.T) {
	t.Parallel()
	f := manyBare(t, 1000, &memstore.Options{PageSize: 30})
	for _, filter := range []*durable.InstanceFilter{
		nil,
		{Statuses: knownStates[:3]},
		{InstanceIDPrefix: "order-003"},
		{InstanceIDPrefix: "order-00499"},
		{InstanceIDPrefix: "x"},
		{Keys: durable.KeyRange{From: "order-00123", To: "order-00777"}},
	} {
		want := ids(t, f.QueryInstances(t.Context(), filter, nil))
		for parallelism := 1; parallelism <= 8; parallelism++ {
			plan := &durable.QueryPlan{}
			opts := &durable.QueryOptions{Parallelism: parallelism, Plan: plan}
			f.traffic.reset()
			require.Equal(t, want, ids(t, f.QueryInstances(t.Context(), filter, opts)))
			require.Equal(t, f.traffic.count(), plan.Stats().Requests)
			require.Equal(t, len(want), plan.Stats().Returned)
			opts.Unordered = true
			got := ids(t, f.QueryInstances(t.Context(), filter, opts))
			slices.Sort(got)
			require.Equal(t, want, got)
		}
	}
}

// TestQueryParallelEnds: leaving the loop, an error in one part and the end of the context all end every goroutine: the
// bubble of synctest fails if one is left.
func TestQueryParallelEnds(t *testing.T) {
	t.Parallel()
	for _, unordered := range []bool{false, true} {
		opts := &durable.QueryOptions{Parallelism: 8, Unordered: unordered}
		synctest.Test(t, func(t *testing.T) {
			f := manyBare(t, 500, &memstore.Options{PageSize: 5})
			for _, err := range f.QueryInstances(t.Context(), nil, opts) {
				require.NoError(t, err)
				break
			}

			for _, n := range []int{1, 5, 20, 60, 100} {
				f.fault.SetHook(faultstore.FailNth(n, faultstore.Before, errNetwork, nil))
				require.ErrorIs(t, lastError(f.QueryInstances(t.Context(), nil, opts)), errNetwork, "request %d", n)
				_, err := f.CountInstances(t.Context(), nil, &durable.QueryOptions{Parallelism: 8})
				require.NoError(t, err)
			}
			for n := 1; n < 100; n += 3 {
				ctx, cancel := context.WithCancel(t.Context())
				var calls atomic.Int32
				f.fault.SetHook(func(context.Context, faultstore.Call) error {
					if int(calls.Add(1)) == n {
						cancel()
					}
					return nil
				})
				two := &durable.QueryOptions{Parallelism: 2, Unordered: unordered}
				require.ErrorIs(t, lastError(f.QueryInstances(ctx, nil, two)), context.Canceled, "request %d", n)
				cancel()
			}
			f.fault.SetHook(nil)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			require.ErrorIs(t, lastError(f.QueryInstances(ctx, nil, opts)), context.Canceled)
			require.ErrorIs(t, lastError(f.QueryInstances(ctx, nil, nil)), context.Canceled)
			_, err := f.CountInstances(ctx, nil, opts)
			require.ErrorIs(t, err, context.Canceled)
		})
	}
}

// lastError returns the error that ended a query. It must come last, and alone.
func lastError(found func(func(*durable.OrchestrationStatus, error) bool)) (last error) {
	for s, err := range found {
		if last != nil || (s == nil) == (err == nil) {
			return fmt.Errorf("%v, %w after %w", s, err, last)
		}
		last = err
	}
	return last
}

// TestQueryStops: where an error ends a query, its last pair is the error.
func TestQueryStops(t *testing.T) {
	t.Parallel()
	f := manyBare(t, 50, &memstore.Options{PageSize: 10})
	f.fault.SetHook(faultstore.FailNth(3, faultstore.Before, errNetwork, nil))
	n := 0
	for s, err := range f.QueryInstances(t.Context(), nil, nil) {
		if err != nil {
			require.ErrorIs(t, err, errNetwork)
			require.Nil(t, s)
			break
		}
		n++
	}
	require.Equal(t, 20, n)
	f.fault.SetHook(nil)
	require.NoError(t, f.storage.Tables.DeleteTable(t.Context(), f.names.Instances()))
	for _, parallelism := range []int{1, 4} {
		opts := &durable.QueryOptions{Parallelism: parallelism}
		require.ErrorIs(t, lastError(f.QueryInstances(t.Context(), nil, opts)), durable.ErrTaskHubNotFound)
		_, err := f.CountInstances(t.Context(), nil, opts)
		require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
	}
	_, err := f.QueryInstancesPage(t.Context(), nil, nil)
	require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
	_, err = f.SplitKeyRanges(t.Context(), 4)
	require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
}

// querySpy notes what queries ask for.
type querySpy struct {
	storage.Tables
	asked []storage.Query
}

func (s *querySpy) Query(ctx context.Context, table string, q storage.Query) (*storage.Page, error) {
	s.asked = append(s.asked, q)
	return s.Tables.Query(ctx, table, q)
}

// TestQueryColumns: what is not wanted is not fetched, neither its column nor its blob.
func TestQueryColumns(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{})
	f.putBlob(t, "id/message-1-ExecutionStarted.json.gz", "x")
	f.putBlob(t, "id/history-0000000000000006-ExecutionCompleted-12345678-Result.json.gz", `"result"`)
	f.bare(t, "id", text(wire.ColInput, f.reference("id/message-1-ExecutionStarted.json.gz")), text("Stranger", "x"),
		text(wire.ColRuntimeStatus, "Failed"),
		text(wire.ColOutput, f.reference("id/history-0000000000000006-ExecutionCompleted-12345678-Result.json.gz")))
	tests := []struct {
		name    string
		filter  durable.InstanceFilter
		without []string
		blobs   int
	}{
		{
			"neither",
			durable.InstanceFilter{OmitInput: true, OmitOutput: true},
			[]string{wire.ColInput, wire.ColInputBlobName, wire.ColOutput},
			0,
		},
		{"no input", durable.InstanceFilter{OmitInput: true}, []string{wire.ColInput, wire.ColInputBlobName}, 1},
		{
			"no input, needed output",
			durable.InstanceFilter{OmitInput: true, OmitOutput: true, FailedWith: "res"},
			[]string{wire.ColInput, wire.ColInputBlobName},
			1,
		},
	}
	for _, test := range tests {
		spy, fault := &querySpy{Tables: f.storage.Tables}, faultstore.Wrap(f.storage, nil)
		c := clientOn(t, storage.Account{Tables: spy, Queues: f.storage.Queues, Blobs: fault.Account().Blobs}, f.names.Hub(),
			taskhub.Options{})
		plan := &durable.QueryPlan{}
		for s, err := range c.QueryInstances(t.Context(), &test.filter, &durable.QueryOptions{Plan: plan}) {
			require.NoError(t, err)
			require.Nil(t, s.Input)
			require.Equal(t, test.filter.OmitOutput, s.Output == nil, test.name)
		}
		require.Equal(t, durable.QueryStats{Scanned: 1, Returned: 1, Pages: 1, Requests: 1 + test.blobs}, plan.Stats(), test.name)
		require.Equal(t, test.blobs, fault.Count(nil), test.name)
		require.Len(t, spy.asked, 1)
		require.Equal(t, plan.Columns, spy.asked[0].Columns)
		require.Equal(t, plan.Pushed, storage.Render(spy.asked[0].Filter))
		for _, column := range append(test.without, "Stranger", wire.ColTaskHubName) {
			require.NotContains(t, spy.asked[0].Columns, column, test.name)
		}
	}
}

// TestQueryPayloads: the payloads of a page are fetched several at once; one that is gone hides no instance.
func TestQueryPayloads(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		for i := range 40 {
			id := fmt.Sprintf("order-%02d", i)
			blob := id + "/history-0000000000000001-ExecutionStarted-12345678-Input.json.gz"
			if i != 7 {
				f.putBlob(t, blob, fmt.Sprint(i))
			}
			f.bare(t, id, text(wire.ColInput, f.reference(blob)))
		}
		n := 0
		for s, err := range f.QueryInstances(t.Context(), nil, nil) {
			require.NoError(t, err)
			if n == 7 {
				require.ErrorIs(t, s.PayloadError, durable.ErrPayloadMissing)
				require.Nil(t, s.Input)
			} else {
				require.NoError(t, s.PayloadError)
				require.Equal(t, fmt.Sprint(n), string(s.Input))
			}
			n++
		}
		require.Equal(t, 40, n)
	})
}

// TestQueryPayloadsAtOnce: with a blob service that takes a second for each, a page of forty takes a few seconds, and no
// more than a bounded number is under way.
func TestQueryPayloadsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := inMemory(t, taskhub.Options{})
		for i := range 40 {
			id := fmt.Sprintf("order-%02d", i)
			blob := id + "/history-0000000000000001-ExecutionStarted-12345678-Input.json.gz"
			f.putBlob(t, blob, "1")
			f.bare(t, id, text(wire.ColInput, f.reference(blob)))
		}
		var now, most atomic.Int32
		f.fault.SetHook(func(_ context.Context, c faultstore.Call) error {
			if c.Op != "Open" {
				return nil
			}
			if c.Phase == faultstore.After {
				now.Add(-1)
				return nil
			}
			for n := now.Add(1); n > most.Load(); {
				most.Store(n)
			}
			time.Sleep(time.Second)
			return nil
		})
		begin := time.Now()
		require.Len(t, ids(t, f.QueryInstances(t.Context(), nil, nil)), 40)
		require.LessOrEqual(t, time.Since(begin), 10*time.Second)
		require.Greater(t, most.Load(), int32(3))
		require.LessOrEqual(t, most.Load(), int32(32))
	})
}

// TestQueryMemory: a hundred thousand instances pass through without being kept. It is not parallel, since it measures
// the heap.
func TestQueryMemory(t *testing.T) {
	hub := newHubName()
	for _, parallelism := range []int{1, 4} {
		c := clientOn(t, storage.Account{Tables: newFabricated(t, hub, 100_000, 1), Blobs: noBlobs{}}, hub, taskhub.Options{})
		before, n := heap(), 0
		peak := before
		for s, err := range c.QueryInstances(t.Context(), nil, &durable.QueryOptions{Parallelism: parallelism}) {
			require.NoError(t, err)
			if s.InstanceID != fabricatedKey(n) {
				t.Fatalf("%s is out of order", s.InstanceID)
			}
			if n++; n%10_000 == 0 {
				peak = max(peak, heap())
			}
		}
		require.Equal(t, 100_000, n)
		t.Logf("parallelism %d: %d KiB above the start", parallelism, (int64(peak)-int64(before))>>10)
		require.Less(t, int64(peak)-int64(before), int64(64<<20))
	}
}
