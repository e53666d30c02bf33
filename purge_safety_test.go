package durable_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// TestPurgeStates: what has ended is purged, everything else only by force.
func TestPurgeStates(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		for _, state := range allStates {
			f.ended(t, "id", 3, 2)
			f.setState(t, "id", state)
			result, err := f.Purge(t.Context(), "id", nil)
			if !state.IsTerminal() {
				require.ErrorIs(t, err, durable.ErrInvalidState)
				var e *durable.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, state, e.Status)
				require.Equal(t, 1, result.Failed)
				require.Len(t, f.historyKeys(t, "id"), 3)
				require.Len(t, f.blobs(t), 2)
				result, err = f.Purge(t.Context(), "id", &durable.PurgeOptions{Force: true})
			}
			require.NoError(t, err)
			require.Equal(t, 1, result.InstancesDeleted)
			require.Equal(t, 3, result.RowsDeleted)
			require.Equal(t, 2, result.BlobsDeleted)
			require.Empty(t, f.left(t))
		}
	})
}

// TestPurgeFilters: no filter widens.
func TestPurgeFilters(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		for _, state := range knownStates {
			f.ended(t, "is-"+string(state), 2, 0)
			f.setState(t, "is-"+string(state), state)
		}
		f.ended(t, "@counter@x", 2, 0)
		f.setState(t, "@counter@x", durable.RuntimeStatusRunning)
		all := f.left(t)
		f.traffic.reset()
		for _, filter := range []*durable.InstanceFilter{
			nil,
			{Statuses: []durable.RuntimeStatus{durable.RuntimeStatusRunning}},
			{Statuses: []durable.RuntimeStatus{durable.RuntimeStatusCompleted, durable.RuntimeStatusPending}},
			{Statuses: []durable.RuntimeStatus{"Bogus"}},
			{Statuses: []durable.RuntimeStatus{"completed"}},
			{Statuses: []durable.RuntimeStatus{""}},
		} {
			_, err := f.PurgeInstances(t.Context(), filter, nil)
			require.ErrorIs(t, err, durable.ErrInvalidArgument)
			_, err = f.PlanPurge(t.Context(), filter, nil)
			require.ErrorIs(t, err, durable.ErrInvalidArgument)
		}
		_, err := f.PurgeInstances(t.Context(), nil, &durable.PurgeOptions{Force: true})
		require.ErrorIs(t, err, durable.ErrInvalidArgument)
		require.Zero(t, f.traffic.count())

		// By force it is still only what the filter says: no states are those in which an instance has ended.
		force := &durable.PurgeOptions{Force: true}
		result, err := f.PurgeInstances(t.Context(), &durable.InstanceFilter{InstanceIDPrefix: "is-C"}, force)
		require.NoError(t, err)
		require.Equal(t, 2, result.InstancesDeleted)
		require.Equal(t, without(all, "is-Completed", "is-Canceled"), f.left(t))
		result, err = f.PurgeInstances(t.Context(), &durable.InstanceFilter{IncludeEntities: true}, force)
		require.NoError(t, err)
		require.Equal(t, 2, result.InstancesDeleted)
		require.Equal(t, without(all, "is-Completed", "is-Canceled", "is-Failed", "is-Terminated"), f.left(t))
		running := []durable.RuntimeStatus{durable.RuntimeStatusRunning}
		result, err = f.PurgeInstances(t.Context(), &durable.InstanceFilter{Statuses: running}, force)
		require.NoError(t, err)
		require.Equal(t, 1, result.InstancesDeleted, "no entity")
		result, err = f.PurgeInstances(t.Context(), &durable.InstanceFilter{Statuses: running, IncludeEntities: true}, force)
		require.NoError(t, err)
		require.Equal(t, 1, result.InstancesDeleted)
	})
}

func without(list []string, drop ...string) []string {
	kept := []string{}
	for _, s := range list {
		if !contains(drop, s) {
			kept = append(kept, s)
		}
	}
	return kept
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// families are IDs that share prefixes of blob names or keys.
var families = []string{
	"order-1", "order-10", "order-1 ", "order", "a^b", "a^^b", "a^^^^b", "a", "a/b", "a/b/c", "a^0b", "a%2Fb", "a%", "😀", "😀1",
	"^", "^^", "message-1", "x'y", "x''y",
}

// TestPurgeNeighbours: of neighbours whose names overlap, as prefix or because one's raw form is the other's escaped one,
// only the one that is meant goes.
func TestPurgeNeighbours(t *testing.T) {
	t.Parallel()
	for _, id := range families {
		for name, purge := range map[string]call{
			"one": purgeID(id),
			"filter": func(ctx context.Context, c *durable.OrchestrationClient) error {
				from := wire.EscapeKey(id)
				keys := durable.KeyRange{From: from, To: from + "\u0001"}
				_, err := c.PurgeInstances(ctx, &durable.InstanceFilter{Keys: keys}, nil)
				return err
			},
		} {
			t.Run(name+" "+strings.ReplaceAll(id, "/", "|"), func(t *testing.T) {
				t.Parallel()
				f := inMemory(t, taskhub.Options{})
				for _, member := range families {
					f.ended(t, member, 3, 4)
				}
				want := f.dumped(t)
				require.Equal(t, 3, forget(want, f.names.History(), id))
				require.Equal(t, 1, forget(want, f.names.Instances(), id))
				require.Equal(t, 4, forgetBlobs(want, f.names.LargeMessages(), id))
				require.NoError(t, purge(t.Context(), f.OrchestrationClient))
				require.Empty(t, golden.Diff(want, f.dumped(t), rest))
			})
		}
	}
}

// TestPurgeOldKeys: engines before 1.8.4 did not escape their keys. A purge by filter finds such an instance under its
// own key, beside the one that has the same ID by today's rule.
func TestPurgeOldKeys(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.endedAs(t, "a^b", "a^b", 3, 2)
		f.ended(t, "a^^b", 3, 2)
		f.ended(t, "a", 3, 2)
		want := f.dumped(t)
		result, err := f.PurgeInstances(t.Context(), &durable.InstanceFilter{Keys: durable.KeyRange{From: "a^b", To: "a^c"}}, nil)
		require.NoError(t, err)
		require.Equal(t, 1, result.InstancesDeleted)
		require.Equal(t, 3, result.RowsDeleted)
		require.Equal(t, 2, result.BlobsDeleted)
		got := f.dumped(t)
		for _, e := range append(got.Tables[f.names.Instances()], got.Tables[f.names.History()]...) {
			require.NotEqual(t, "a^b", e.PartitionKey)
		}
		require.Len(t, got.Tables[f.names.History()], len(want.Tables[f.names.History()])-3)
		require.Len(t, got.Blobs[f.names.LargeMessages()], len(want.Blobs[f.names.LargeMessages()])-2)
	})
}

// purges are a purge of "id" alone and one by filter.
func purges() map[string]call {
	return map[string]call{"one": purgeID("id"), "filter": purgeAll}
}

// restarted starts an instance anew and lets a worker take it up, with a payload in every place if it is large.
func (f *fixture) restarted(t *testing.T, c *durable.OrchestrationClient, id string, size int, work bool) {
	t.Helper()
	for {
		_, err := c.StartNew(t.Context(), "Orchestrator", strings.Repeat("x", size), &durable.StartNewOptions{InstanceID: id})
		if errors.Is(err, durable.ErrConflict) {
			continue // another goroutine of the purge has just removed it
		}
		if err != nil {
			t.Error(err)
			return
		}
		break
	}
	if work {
		if size > 1000 {
			f.putBlob(t, wire.EscapeKey(id)+"/history-0000000000000001-ExecutionStarted-ABCDEF01-Input.json.gz", "x")
		}
		f.run(t, id)
	}
}

// TestPurgeStartedAnew starts the instance anew before each request of the purge in turn. The new execution is never
// damaged: its row, its history and its payloads survive whole.
func TestPurgeStartedAnew(t *testing.T) {
	t.Parallel()
	for name, purge := range purges() {
		for _, rows := range []int{0, 3, 250} {
			for _, size := range []int{10, 50_000} {
				for _, work := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s %d %d %v", name, rows, size, work), func(t *testing.T) {
						t.Parallel()
						for n := 1; ; n++ {
							f, _ := withClock(t)
							if !f.startedAnewAt(t, purge, n, rows, size, work) {
								require.Greater(t, n, 4)
								return
							}
						}
					})
				}
			}
		}
	}
}

// startedAnewAt starts the instance anew before the n-th request, and reports whether there was one.
func (f *fixture) startedAnewAt(t *testing.T, purge call, n, rows, size int, work bool) bool {
	t.Helper()
	f.ended(t, "id", rows, 4)
	f.ended(t, "id1", 3, 2)
	other := clientOn(t, f.storage, f.names.Hub(), taskhub.Options{PartitionCount: partitions, BlobEndpoint: blobEndpoint})
	var once sync.Once
	met := false
	hook := faultstore.FailNth(n, faultstore.Before, errCrash, nil)
	f.fault.SetHook(func(ctx context.Context, c faultstore.Call) error {
		if hook(ctx, c) != nil {
			once.Do(func() { met = true; f.restarted(t, other, "id", size, work) })
		}
		return nil
	})
	err := purge(t.Context(), f.OrchestrationClient)
	f.fault.SetHook(nil)
	if !met {
		require.NoError(t, err)
		return false
	}
	row := f.row(t, "id")
	require.NotNil(t, row, "step %d", n)
	require.NotEqual(t, "old of id", row.Text(wire.ColExecutionID))
	s, statusErr := f.GetStatus(t.Context(), "id", nil)
	require.NoError(t, statusErr)
	require.NoError(t, s.PayloadError, "step %d: the payload of the new execution is gone", n)
	require.Len(t, string(s.Input), size+2)
	if work {
		h, historyErr := f.GetHistory(t.Context(), "id", nil)
		require.NoError(t, historyErr)
		require.Len(t, h, 2, "step %d: the history of the new execution is damaged", n)
		if size > 1000 {
			require.Contains(t, f.blobs(t), "id/history-0000000000000001-ExecutionStarted-ABCDEF01-Input.json.gz", "step %d", n)
		}
		require.Contains(t, f.historyKeys(t, "id"), wire.SentinelKey)
	}
	if err != nil && !errors.Is(err, durable.ErrInvalidState) { // it was seen to be alive
		require.ErrorIs(t, err, durable.ErrConflict, "step %d", n)
	}
	return true
}

// A start that finds an instance and sees it purged before it has read it is a conflict, and writes nothing.
func TestStartPurgedMeanwhile(t *testing.T) {
	t.Parallel()
	f, _ := withClock(t)
	f.ended(t, "id", 3, 0)
	other := clientOn(t, f.storage, f.names.Hub(), taskhub.Options{PartitionCount: partitions, BlobEndpoint: blobEndpoint})
	f.fault.SetHook(func(ctx context.Context, c faultstore.Call) error {
		if c.Op == "Insert" && c.Phase == faultstore.After {
			_, err := other.Purge(ctx, "id", nil)
			require.NoError(t, err)
		}
		return nil
	})
	_, err := f.StartNew(t.Context(), "Orchestrator", nil, &durable.StartNewOptions{InstanceID: "id"})
	require.ErrorIs(t, err, durable.ErrConflict)
	require.NotErrorIs(t, err, durable.ErrInstanceNotFound)
	f.fault.SetHook(nil)
	_, err = f.GetStatus(t.Context(), "id", nil)
	require.ErrorIs(t, err, durable.ErrInstanceNotFound)
}

// TestPurgeRewound: a failed instance that is rewound at the same moment keeps its execution ID, but not the versions of
// what was rewritten. It is not damaged either.
func TestPurgeRewound(t *testing.T) {
	t.Parallel()
	for name, purge := range purges() {
		for _, rows := range []int{3, 250} {
			t.Run(fmt.Sprintf("%s %d", name, rows), func(t *testing.T) {
				t.Parallel()
				for n := 1; ; n++ {
					f, _ := withClock(t)
					if !f.rewoundAt(t, purge, n, rows) {
						require.Greater(t, n, 4)
						return
					}
				}
			})
		}
	}
}

func (f *fixture) rewoundAt(t *testing.T, purge call, n, rows int) bool {
	t.Helper()
	f.ended(t, "id", rows, 0)
	met, whole := false, false
	hook := faultstore.FailNth(n, faultstore.Before, errCrash, nil)
	f.fault.SetHook(func(ctx context.Context, c faultstore.Call) error {
		if hook(ctx, c) == nil || met {
			return nil
		}
		met = true
		if whole = len(f.historyKeys(t, "id")) == rows; whole {
			last := event(wire.GenericEvent, text(wire.ColExecutionID, "old of id"))
			last.PartitionKey, last.RowKey = "id", hexKey(rows-2)
			_, err := f.storage.Tables.Update(t.Context(), f.names.History(), last, storage.Merge, storage.Any)
			require.NoError(t, err)
			f.setState(t, "id", durable.RuntimeStatusPending)
		}
		return nil
	})
	err := purge(t.Context(), f.OrchestrationClient)
	f.fault.SetHook(nil)
	if !met || !whole {
		require.NoError(t, err)
		return met
	}
	require.NotNil(t, f.row(t, "id"), "step %d", n)
	require.Len(t, f.historyKeys(t, "id"), rows, "step %d", n)
	if err != nil && n > 1 {
		require.ErrorIs(t, err, durable.ErrConflict, "step %d", n)
	}
	return true
}

// TestPurgeTwice: two purges of one hub at the same moment do everything exactly once between them, without an error.
func TestPurgeTwice(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		const instances = 60
		for i := range instances {
			f.ended(t, fmt.Sprintf("order-%03d", i), 2+i%7*30, i%3)
		}
		results := make([]*durable.PurgeResult, 2)
		var wg sync.WaitGroup
		for i := range results {
			c := f.again(durable.ClientOptions{PartitionCount: partitions})
			wg.Go(func() {
				var err error
				results[i], err = c.PurgeInstances(t.Context(), everythingEnded(), &durable.PurgeOptions{Concurrency: 8})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.Equal(t, instances, results[0].InstancesDeleted+results[1].InstancesDeleted)
		rows := 0
		for i := range instances {
			rows += 2 + i%7*30
		}
		require.Equal(t, rows, results[0].RowsDeleted+results[1].RowsDeleted)
		require.Empty(t, f.left(t))
	})
}

// TestPurgeMeanwhile: what ends while a purge runs is found with all that belongs to it, or not at all.
func TestPurgeMeanwhile(t *testing.T) {
	t.Parallel()
	f := openMemory(t, newHubName(), taskhub.Options{}, &memstore.Options{PageSize: 25})
	f.create(t)
	for i := range 30 {
		f.ended(t, fmt.Sprintf("order-%02d", i), 0, 0) // so that the first page of the History table is the last one
	}
	f.ended(t, "running", 0, 0)
	f.setState(t, "running", durable.RuntimeStatusRunning)
	pages := 0
	f.fault.SetHook(func(_ context.Context, c faultstore.Call) error {
		if c.Phase == faultstore.Before && c.Op == "Query" && c.Name == f.names.Instances() {
			if pages++; pages == 2 {
				require.NoError(t, f.storage.Tables.Delete(t.Context(), f.names.Instances(), "running", "", storage.Any))
				f.ended(t, "running", 3, 0)
			}
		}
		return nil
	})
	require.NoError(t, purgeAll(t.Context(), f.OrchestrationClient))
	require.Empty(t, f.left(t))
}
