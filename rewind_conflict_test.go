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
	"github.com/go-durable/durable/internal/replay"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// before returns a hook that does something, once, when the first call of an operation on a key comes.
func before(op, table, key string, do func()) faultstore.Hook {
	var once sync.Once
	return func(_ context.Context, c faultstore.Call) error {
		if c.Phase == faultstore.Before && c.Op == op && c.Name == table && (key == "" || c.Key == key) {
			once.Do(do)
		}
		return nil
	}
}

// Somebody else changes an instance between the moment at which it was read and that at which it is written.
func TestRewindConflict(t *testing.T) {
	t.Parallel()
	other := func(t *testing.T, f *fixture, do call) func() {
		return func() { require.NoError(t, do(t.Context(), f.client(t, soonAfter))) }
	}
	tests := []struct {
		name string
		// on says before which write it happens.
		op, key string
		meddle  func(t *testing.T, f *fixture) func()
		want    error
		// again is what a repeat returns.
		again error
	}{
		{
			"a child is rewound by hand", "Batch", "p-1|" + hexKey(5),
			func(t *testing.T, f *fixture) func() { return other(t, f, rewindCall("p-1", nil)) }, durable.ErrConflict, nil,
		},
		{
			"the parent is rewound by another client", "Batch", "p|" + hexKey(5),
			func(t *testing.T, f *fixture) func() { return other(t, f, rewindCall("p", nil)) }, durable.ErrConflict, nil,
		},
		{
			"the parent is purged", "Batch", "",
			func(t *testing.T, f *fixture) func() {
				return other(t, f, func(ctx context.Context, c *durable.OrchestrationClient) error {
					_, err := c.Purge(ctx, "p", nil)
					return err
				})
			}, durable.ErrConflict, durable.ErrInstanceNotFound,
		},
		{
			"the parent is purged when its history is written", "Update", "p|",
			func(t *testing.T, f *fixture) func() {
				return other(t, f, func(ctx context.Context, c *durable.OrchestrationClient) error {
					_, err := c.Purge(ctx, "p", nil)
					return err
				})
			}, durable.ErrConflict, durable.ErrInstanceNotFound,
		},
		{
			"a child is purged", "Batch", "p-1|" + hexKey(5),
			func(t *testing.T, f *fixture) func() {
				return other(t, f, func(ctx context.Context, c *durable.OrchestrationClient) error {
					_, err := c.Purge(ctx, "p-1", nil)
					return err
				})
			}, durable.ErrConflict, durable.ErrRewindUnsafe,
		},
		{
			"the row is written by the same rewind elsewhere", "Update", "p|",
			func(t *testing.T, f *fixture) func() { return other(t, f, rewindCall("p", nil)) }, durable.ErrConflict, nil,
		},
		{
			"a worker takes up the parent", "Update", "p|",
			func(t *testing.T, f *fixture) func() { return func() { f.takeUp(t, "p") } }, nil, durable.ErrInvalidState,
		},
		{
			"a worker takes up a child", "Update", "p-2|",
			func(t *testing.T, f *fixture) func() { return func() { f.takeUp(t, "p-2") } }, nil, nil,
		},
		{
			"a foreign tool writes the row", "Update", "p|",
			func(t *testing.T, f *fixture) func() { return func() { f.set(t, "p", text("Foreign", "x")) } }, durable.ErrConflict, nil,
		},
		{
			"the parent is started anew", "Update", "p|",
			func(t *testing.T, f *fixture) func() {
				return func() {
					f.set(t, "p", text(wire.ColExecutionID, "new"), text(wire.ColRuntimeStatus, wire.StatusPending))
				}
			}, durable.ErrConflict, durable.ErrInvalidState,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := inMemoryAt(t, clocks["soon after"])
			f.failedTree(t, pairTree)
			table := f.names.History()
			if tt.op == "Update" {
				table = f.names.Instances()
			}
			f.fault.SetHook(before(tt.op, table, tt.key, tt.meddle(t, f)))
			plan, err := f.Rewind(t.Context(), "p", "repaired", nil)
			require.NotNil(t, plan)
			requireIs(t, err, tt.want)
			f.fault.SetHook(nil)
			requireIs(t, rewindCall("p", nil)(t.Context(), f.OrchestrationClient), tt.again)
			if tt.again == nil {
				for id := range pairTree {
					require.True(t, f.isOpen(t, id), id)
				}
			}
		})
	}
}

func requireIs(t *testing.T, err, want error) {
	t.Helper()
	if want == nil {
		require.NoError(t, err)
	} else {
		require.ErrorIs(t, err, want)
	}
}

// Sixteen clients at once: the rows are those of one, and whoever has not done it says so.
func TestRewindConcurrently(t *testing.T) {
	t.Parallel()
	for _, r := range rewindings() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			once := r.setup(t, "soon after")
			require.NoError(t, r.do(t.Context(), once.OrchestrationClient))

			f := r.setup(t, "soon after")
			var wg sync.WaitGroup
			errs := make([]error, 16)
			for i := range errs {
				c := f.client(t, soonAfter)
				wg.Go(func() { errs[i] = r.do(t.Context(), c) })
			}
			wg.Wait()
			succeeded := 0
			for _, err := range errs {
				if err == nil {
					succeeded++
				} else {
					require.ErrorIs(t, err, durable.ErrConflict)
				}
			}
			if succeeded == 0 { // each met another; nobody is told that it is done, and a repeat does it
				require.NoError(t, r.do(t.Context(), f.OrchestrationClient))
			}
			require.Equal(t, once.contents(t), f.contents(t))
			woken := f.wakes(t)
			require.Len(t, woken, len(r.woken))
			for _, id := range r.woken {
				require.Positive(t, woken[id], id)
			}
		})
	}
}

// A history longer than a page.
func TestRewindLongHistory(t *testing.T) {
	t.Parallel()
	f := inMemoryAt(t, clocks["soon after"])
	f.forge(t, "a", wire.StatusFailed, called{}, manyFailures(600))
	f.traffic.reset()
	plan, err := f.Rewind(t.Context(), "a", "repaired", nil)
	require.NoError(t, err)
	require.Len(t, plan.Instances[0].Changes, 1201)
	require.Equal(t, 1+2+13+1+1, plan.Requests)
	require.Equal(t, plan.Requests, f.traffic.count())
}

// Whoever thinks better of it before the attempt is through gets what he asks for now. Rows that are restored are
// written whole, and many of them may be too large for one transaction.
func TestRewindChangeOfMind(t *testing.T) {
	t.Parallel()
	const large = 40
	prepare := func() *fixture {
		f := inMemoryAt(t, clocks["soon after"])
		script := "start\nact 0 A\nstart\nfail 0\n"
		for i := 1; i <= large; i++ {
			script += fmt.Sprintf("act %d B\nstart\ndone %d\n", i, i)
		}
		f.forge(t, "a", wire.StatusFailed, called{}, script+"act 41 C\nstart\nfail 41\nend 42 Failed broken")
		for _, e := range f.historyOf(t, "a") {
			if e.Text(wire.ColName) == "B" {
				e.Set(wire.ColInput, storage.StringValue(strings.Repeat("x", 30_000)))
				_, err := f.storage.Tables.Update(t.Context(), f.names.History(), &e, storage.Replace, storage.Any)
				require.NoError(t, err)
			}
		}
		return f
	}
	straight := prepare()
	require.NoError(t, rewindCall("a", nil)(t.Context(), straight.OrchestrationClient))

	f := prepare()
	f.fault.SetHook(faultstore.FailNth(1, faultstore.Before, errNetwork, faultstore.Op("Update")))
	require.ErrorIs(t, rewindCall("a", &durable.RewindOptions{FromEventID: new(int)})(t.Context(), f.OrchestrationClient), errNetwork)
	f.traffic.reset()
	plan, err := f.Rewind(t.Context(), "a", "repaired", &durable.RewindOptions{Force: true})
	require.NoError(t, err)
	require.Len(t, plan.Warnings(), 1)
	require.Equal(t, "TextLost", plan.Instances[0].Warnings[0].Code)
	require.Equal(t, 2, f.fault.Count(faultstore.Op("Batch")), "more than a MiB")
	require.Equal(t, plan.Requests, f.traffic.count())
	lost := edited(straight.dump(t), func(row *storage.Entity) {
		if row.Text(wire.ColEventType) == wire.TaskFailed {
			row.Set(wire.ColReason, storage.StringValue(replay.LostReason))
		}
	})
	require.Empty(t, golden.Diff(lost, f.dump(t), sameHub))
}

// A wide tree is read and written some instances at a time.
func TestRewindWideTree(t *testing.T) {
	t.Parallel()
	const width = 500
	tree := callers{"p": {}}
	for i := 1; i <= width; i++ {
		tree[fmt.Sprint("c-", i)] = called{parent: "p", eventID: i}
	}
	f := inMemoryAt(t, clocks["soon after"])
	f.failedTree(t, tree)
	f.traffic.reset()
	plan, err := f.Rewind(t.Context(), "p", "repaired", nil)
	require.NoError(t, err)
	require.Len(t, plan.Instances, 1+width)
	require.Equal(t, plan.Requests, f.traffic.count())
	require.LessOrEqual(t, plan.Requests, 5*(width+3))
	for id := range tree {
		require.True(t, f.isOpen(t, id))
	}
}

// What an error says is no payload, and names the instance at which it stopped.
func TestRewindErrorText(t *testing.T) {
	t.Parallel()
	f := inMemoryAt(t, clocks["soon after"])
	f.failedTree(t, pairTree)
	f.fault.SetHook(faultstore.FailFrom(1, faultstore.After, errors.Join(storage.ErrUncertain, errNetwork), faultstore.Op("Put")))
	_, err := f.Rewind(t.Context(), "p", "repaired", nil)
	require.ErrorIs(t, err, durable.ErrUncertain)
	require.ErrorContains(t, err, `wake instance "p-1"`)
	require.ErrorContains(t, err, "2 of 2 failed; repeat the call")
	require.NotContains(t, err.Error(), "repaired")
}
