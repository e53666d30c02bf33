package durable_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

var allStates = []durable.RuntimeStatus{
	durable.RuntimeStatusPending, durable.RuntimeStatusRunning, durable.RuntimeStatusSuspended,
	durable.RuntimeStatusContinuedAsNew, durable.RuntimeStatusCompleted, durable.RuntimeStatusFailed,
	durable.RuntimeStatusCanceled, durable.RuntimeStatusTerminated, "SomethingNew",
}

// TestReplace: which state may be replaced, and what the new row and message say.
func TestReplace(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		for _, state := range allStates {
			for _, overridable := range []durable.OverridableStates{
				durable.OverridableNonRunningStates, durable.OverridableAnyState,
			} {
				f.prepareOld(t, string(state), state)
				old := f.row(t, string(state))
				_, err := f.StartNew(t.Context(), "New", "new", &durable.StartNewOptions{
					InstanceID: string(state), OverridableStates: overridable,
				})
				if overridable == durable.OverridableNonRunningStates && !state.IsTerminal() {
					require.ErrorIs(t, err, durable.ErrInstanceExists, state)
					var e *durable.Error
					require.ErrorAs(t, err, &e)
					require.Equal(t, state, e.Status)
					require.Equal(t, old, f.row(t, string(state)))
					require.Empty(t, f.received(t))
					continue
				}
				require.NoError(t, err, state)
				f.requireReplaced(t, string(state), old)
			}
		}
	})
}

// prepareOld leaves an instance in its fifth generation in a state, with columns that a worker and a stranger wrote.
func (f *fixture) prepareOld(t *testing.T, id string, state durable.RuntimeStatus) {
	t.Helper()
	row := &storage.Entity{PartitionKey: id, Columns: []storage.Column{
		text(wire.ColName, "Old"), text(wire.ColRuntimeStatus, string(state)), text(wire.ColExecutionID, "old"),
		text(wire.ColInput, `"old"`), text(wire.ColOutput, `"old"`), text(wire.ColCustomStatus, "1"),
		at(wire.ColCreatedTime, noon), at(wire.ColCompletedTime, noon), number(wire.ColGeneration, 4), text("Stranger", "x"),
	}}
	_, err := f.storage.Tables.Update(t.Context(), f.names.Instances(), row, storage.Replace, "")
	require.NoError(t, err)
	f.drain(t)
}

// requireReplaced checks that nothing of the old row is left.
func (f *fixture) requireReplaced(t *testing.T, id string, old *storage.Entity) {
	t.Helper()
	row := f.row(t, id)
	require.Equal(t, "New", row.Text(wire.ColName))
	require.Equal(t, `"new"`, row.Text(wire.ColInput))
	require.Equal(t, wire.StatusPending, row.Text(wire.ColRuntimeStatus))
	require.Equal(t, int64(5), row.Get(wire.ColGeneration).Int())
	for _, gone := range []string{wire.ColOutput, wire.ColCustomStatus, wire.ColCompletedTime, "Stranger"} {
		require.True(t, old.Has(gone))
		require.False(t, row.Has(gone), gone)
	}
	m, s := f.onlyStart(t)
	require.Equal(t, 5, s.Generation)
	require.Equal(t, row.Text(wire.ColExecutionID), m.ExecutionID)
	require.NotEqual(t, "old", m.ExecutionID)
}

// onCall returns a hook that does something once, before the n-th call of a method.
func onCall(n int32, op string, do func()) faultstore.Hook {
	var calls atomic.Int32
	return func(_ context.Context, c faultstore.Call) error {
		if c.Phase == faultstore.Before && c.Op == op && calls.Add(1) == n {
			do()
		}
		return nil
	}
}

// TestReplaceRaced: somebody changes the row between the look at it and the write.
func TestReplaceRaced(t *testing.T) {
	t.Parallel()
	opts := &durable.StartNewOptions{InstanceID: "id"}
	tests := map[string]struct {
		change func(f *fixture)
		want   error
	}{
		"another start wins": {
			func(f *fixture) {
				f.set(t, "id", text(wire.ColRuntimeStatus, wire.StatusPending), text(wire.ColExecutionID, "other"))
			},
			durable.ErrInstanceExists,
		},
		"it runs again": {func(f *fixture) { f.setState(t, "id", durable.RuntimeStatusRunning) }, durable.ErrInstanceExists},
		"it ended otherwise": {
			func(f *fixture) { f.setState(t, "id", durable.RuntimeStatusFailed) }, durable.ErrConflict,
		},
		"it is purged": {
			func(f *fixture) {
				require.NoError(t, f.storage.Tables.Delete(t.Context(), f.names.Instances(), "id", "", storage.Any))
			}, durable.ErrConflict,
		},
	}
	for name, test := range tests {
		f := inMemory(t, taskhub.Options{})
		f.prepareOld(t, "id", durable.RuntimeStatusCompleted)
		var left *storage.Entity
		f.fault.SetHook(onCall(1, "Update", func() {
			test.change(f)
			left = f.row(t, "id")
		}))
		_, err := f.StartNew(t.Context(), "New", strings.Repeat("x", 50_000), opts)
		require.ErrorIs(t, err, test.want, name)
		require.Equal(t, left, f.row(t, "id"), name)
		require.Empty(t, f.received(t), name)
		require.Empty(t, f.blobs(t), name)
	}
}

// TestOwnAnswerLost: the SDK asks again when an answer was lost, and the second answer is a 409 or 412 that the first
// request caused. That is a success.
func TestOwnAnswerLost(t *testing.T) {
	t.Parallel()
	repeatOn := func(op string, answer error) faultstore.Hook {
		return faultstore.FailNth(1, faultstore.After, answer, faultstore.Op(op))
	}
	for _, large := range []bool{false, true} {
		input := "new"
		if large {
			input = strings.Repeat("x", 50_000)
		}
		f := inMemory(t, taskhub.Options{})
		f.fault.SetHook(repeatOn("Insert", storage.ErrExists))
		_, err := f.StartNew(t.Context(), "New", input, &durable.StartNewOptions{InstanceID: "new"})
		require.NoError(t, err)
		f.requireStarted(t, "new", 0)

		f.fault.SetHook(repeatOn("Insert", storage.ErrExists))
		_, isNew, err := f.StartOrGet(t.Context(), "New", "newer", input, nil)
		require.NoError(t, err)
		require.True(t, isNew)
		f.requireStarted(t, "newer", 0)

		f.prepareOld(t, "old", durable.RuntimeStatusCompleted)
		f.fault.SetHook(repeatOn("Update", storage.ErrPrecondition))
		_, err = f.StartNew(t.Context(), "New", input, &durable.StartNewOptions{InstanceID: "old"})
		require.NoError(t, err)
		f.requireStarted(t, "old", 5)
	}
}

// requireStarted checks that there is one message and that it starts what the row says.
func (f *fixture) requireStarted(t *testing.T, id string, generation int) {
	t.Helper()
	m, s := f.onlyStart(t)
	row := f.row(t, id)
	require.NotNil(t, row)
	require.Equal(t, row.Text(wire.ColExecutionID), m.ExecutionID)
	require.Equal(t, id, m.InstanceID)
	require.Equal(t, generation, s.Generation)
	require.Equal(t, int64(generation), row.Get(wire.ColGeneration).Int())
}
