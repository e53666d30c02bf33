package durable_test

import (
	"context"
	"fmt"
	"math/rand/v2"
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

// crashHub has instances of every kind that a purge treats differently, and those that it must not touch.
func (f *fixture) crashHub(t *testing.T) (ended []string) {
	t.Helper()
	for i, rows := range []int{0, 2, 3, 101, 1, 100, 210} {
		id := fmt.Sprintf("order-%d", i)
		f.ended(t, id, rows, i%4)
		ended = append(ended, id)
	}
	f.ended(t, "a^b", 3, 4)
	ended = append(ended, "a^b")
	f.ended(t, "running", 3, 2)
	f.setState(t, "running", durable.RuntimeStatusRunning)
	f.ended(t, "order-10", 3, 2)
	f.setState(t, "order-10", durable.RuntimeStatusRunning)
	f.putBlob(t, "a^^b/message-0000000000000000000000000000abcd-EventRaised.json.gz", "a neighbour's")
	return ended
}

// without returns what a hub holds beside some instances.
func (f *fixture) without(t *testing.T, ids []string) *golden.Dump {
	t.Helper()
	d := f.dumped(t)
	for _, id := range ids {
		forget(d, f.names.History(), id)
		forget(d, f.names.Instances(), id)
		forgetBlobs(d, f.names.LargeMessages(), id)
	}
	return d
}

// TestPurgeCrash lets a purge die at each of its requests, before or after it took effect. No other instance is ever
// touched, and a repeat leaves nothing behind.
func TestPurgeCrash(t *testing.T) {
	t.Parallel()
	for name, purge := range map[string]call{
		"one": purgeID("order-6"), "one with blobs": purgeID("order-3"), "one escaped": purgeID("a^b"), "filter": purgeAll,
		"filter, few at once": func(ctx context.Context, c *durable.OrchestrationClient) error {
			_, err := c.PurgeInstances(ctx, everythingEnded(), &durable.PurgeOptions{Concurrency: 2})
			return err
		},
	} {
		for _, phase := range []faultstore.Phase{faultstore.Before, faultstore.After} {
			for _, dead := range []bool{false, true} { // a request that fails, or all from there on
				t.Run(fmt.Sprintf("%s %d %v", name, phase, dead), func(t *testing.T) {
					t.Parallel()
					f := inMemory(t, taskhub.Options{})
					ended := f.crashHub(t)
					full, others := f.dumped(t), f.without(t, ended)
					n := 1
					for ; f.crashAt(t, purge, n, phase, dead, full, others); n++ {
					}
					require.Greater(t, n, 5)
				})
			}
		}
	}
}

// crashAt purges a hub with a failure at the n-th request and repeats it without. It reports whether the failure was met.
func (f *fixture) crashAt(
	t *testing.T, purge call, n int, phase faultstore.Phase, dead bool, full, others *golden.Dump,
) bool {
	t.Helper()
	g := inMemoryNamed(t, f.names.Hub())
	require.NoError(t, full.LoadInto(t.Context(), g.storage))
	fail := faultstore.FailNth
	if dead {
		fail = faultstore.FailFrom
	}
	g.fault.SetHook(fail(n, phase, errCrash, nil))
	err := purge(t.Context(), g.OrchestrationClient)
	g.fault.SetHook(nil)
	if err == nil {
		require.Less(t, g.traffic.count(), n+200)
	} else {
		require.ErrorIs(t, err, errCrash)
	}
	g.requireNothingBut(t, full, others)
	require.NoError(t, purge(t.Context(), g.OrchestrationClient))
	require.NoError(t, purgeAll(t.Context(), g.OrchestrationClient))
	require.Empty(t, golden.Diff(others, g.dumped(t), rest), "request %d", n)
	return err != nil
}

func inMemoryNamed(t *testing.T, hub string) *fixture {
	t.Helper()
	return openMemory(t, hub, taskhub.Options{PartitionCount: partitions}, &memstore.Options{PageSize: 150})
}

// requireNothingBut checks that what others hold is there, and nothing that was not there before.
func (f *fixture) requireNothingBut(t *testing.T, full, others *golden.Dump) {
	t.Helper()
	got := f.dumped(t)
	for table, rows := range others.Tables {
		have := map[string]storage.Entity{}
		for _, e := range got.Tables[table] {
			have[e.PartitionKey+"|"+e.RowKey] = e
		}
		require.LessOrEqual(t, len(have), len(full.Tables[table]))
		for _, e := range rows {
			require.Contains(t, have, e.PartitionKey+"|"+e.RowKey)
			require.ElementsMatch(t, e.Columns, have[e.PartitionKey+"|"+e.RowKey].Columns)
		}
	}
	names := f.blobs(t)
	for _, b := range others.Blobs[f.names.LargeMessages()] {
		require.Contains(t, names, b.Name)
	}
	rows := map[string]bool{}
	for _, e := range got.Tables[f.names.Instances()] {
		rows[e.PartitionKey] = true
	}
	for _, e := range got.Tables[f.names.History()] {
		require.True(t, rows[e.PartitionKey], "the history of %q is orphaned", e.PartitionKey)
	}
}

// TestPurgeCancelled cancels a purge at any moment. The second run finishes, and together they did everything once.
func TestPurgeCancelled(t *testing.T) {
	t.Parallel()
	const instances = 60
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			f := inMemory(t, taskhub.Options{})
			rows := 0
			for i := range instances {
				n := 2 + i%5*40
				rows += n
				f.ended(t, fmt.Sprintf("order-%03d", i), n, i%3)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			n := 1 + int(rand.New(rand.NewPCG(seed, 1)).Int64N(250))
			hook := faultstore.FailNth(n, faultstore.Before, errCrash, nil)
			f.fault.SetHook(func(hookCtx context.Context, c faultstore.Call) error {
				if hook(hookCtx, c) != nil {
					cancel()
				}
				return nil
			})
			first, err := f.PurgeInstances(ctx, everythingEnded(), &durable.PurgeOptions{Concurrency: 4})
			f.fault.SetHook(nil)
			if err != nil {
				require.ErrorIs(t, err, context.Canceled)
				require.Zero(t, first.Failed)
			}
			var seen []string
			second, err := f.again(durable.ClientOptions{}).PurgeInstances(t.Context(), everythingEnded(), &durable.PurgeOptions{
				Checkpoint: first.Checkpoint, OnProgress: func(p durable.PurgeProgress) { seen = append(seen, p.InstanceID) },
			})
			require.NoError(t, err)
			require.Equal(t, instances, first.InstancesDeleted+second.InstancesDeleted)
			require.Equal(t, rows, first.RowsDeleted+second.RowsDeleted)
			require.Len(t, seen, second.InstancesDeleted)
			require.Empty(t, f.left(t))
		})
	}
}

// TestPurgeFailures: instances that cannot be purged do not stop the others; they are counted, the first hundred of them
// named, and a second run from the checkpoint finds them.
func TestPurgeFailures(t *testing.T) {
	t.Parallel()
	const instances, failing = 300, 130
	f := inMemory(t, taskhub.Options{})
	fails := map[string]bool{}
	for i := range instances {
		id := fmt.Sprintf("order-%03d", i)
		f.ended(t, id, 2, 0)
		fails[wire.EscapeKey(id)+"|"+hexKey(0)] = i >= 100 && i < 100+failing
	}
	f.fault.SetHook(func(_ context.Context, c faultstore.Call) error {
		if c.Phase == faultstore.Before && c.Op == "Batch" && fails[c.Key] {
			return errNetwork
		}
		return nil
	})
	result, err := f.PurgeInstances(t.Context(), everythingEnded(), nil)
	require.ErrorIs(t, err, errNetwork)
	require.Equal(t, instances-failing, result.InstancesDeleted)
	require.Equal(t, failing, result.Failed)
	require.ErrorContains(t, err, "and 30 more")
	joined := 0
	for i := range instances {
		if contains(errorLines(err), fmt.Sprintf("order-%03d", i)) {
			joined++
		}
	}
	require.Equal(t, 100, joined)
	require.Len(t, f.left(t), failing)

	f.fault.SetHook(nil)
	result, err = f.PurgeInstances(t.Context(), everythingEnded(), &durable.PurgeOptions{Checkpoint: result.Checkpoint})
	require.NoError(t, err)
	require.Equal(t, failing, result.InstancesDeleted)
	require.Empty(t, f.left(t))
}

// TestPurgeDenied: an error that all instances would meet ends the purge.
func TestPurgeDenied(t *testing.T) {
	t.Parallel()
	for _, fatal := range []error{storage.ErrDenied, storage.ErrContainerNotFound} {
		f := inMemory(t, taskhub.Options{})
		for i := range 200 {
			f.ended(t, fmt.Sprintf("order-%03d", i), 2, 0)
		}
		f.traffic.reset()
		f.fault.SetHook(faultstore.FailFrom(1, faultstore.Before, fatal, faultstore.Op("Batch")))
		result, err := f.PurgeInstances(t.Context(), everythingEnded(), &durable.PurgeOptions{Concurrency: 2})
		require.ErrorIs(t, err, fatal)
		if fatal == storage.ErrDenied { //nolint:errorlint // the very value
			require.ErrorIs(t, err, durable.ErrAccessDenied)
		} else {
			require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
		}
		require.Zero(t, result.InstancesDeleted)
		require.Less(t, f.fault.Count(faultstore.Op("Batch")), 5)
		require.Empty(t, result.Checkpoint)
	}
}
