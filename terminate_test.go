package durable_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// TestCancelStart: an instance that has not started is cancelled in its row (observed.md says how); no message is sent,
// and the start message is void.
func TestCancelStart(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{"", "why not", strings.Repeat("é", 30720), strings.Repeat("é", 30721)} {
		onBothStores(t, func(t *testing.T, f *fixture) {
			if !wire.ColumnTooLarge(reason) && f.damages(reason) {
				return
			}
			f.prepareOld(t, "id", durable.RuntimeStatusPending)
			before := f.row(t, "id")
			require.NoError(t, f.Terminate(t.Context(), "id", reason, nil))
			after := f.row(t, "id")
			require.Empty(t, f.received(t))
			require.Equal(t, wire.StatusTerminated, after.Text(wire.ColRuntimeStatus))
			require.Regexp(t, "^[0-9a-f]{32}$", after.Text(wire.ColExecutionID))
			require.NotEqual(t, before.Text(wire.ColExecutionID), after.Text(wire.ColExecutionID))
			require.Equal(t, storage.DateTime, after.Get(wire.ColCompletedTime).Type)
			require.Equal(t, after.Get(wire.ColLastUpdatedTime), after.Get(wire.ColCompletedTime))
			for _, same := range []string{wire.ColGeneration, wire.ColName, wire.ColInput, wire.ColCreatedTime, "Stranger"} {
				require.Equal(t, before.Get(same), after.Get(same), same)
			}
			s, err := f.GetStatus(t.Context(), "id", nil)
			require.NoError(t, err)
			require.Equal(t, `"`+reason+`"`, string(s.Output))
			if len(reason) > 2*30720 {
				require.Len(t, f.blobs(t), 1)
				require.Regexp(t, "^id/history--Output-[0-9A-F]{8}-Output.json.gz$", f.blobs(t)[0])
			} else {
				require.Empty(t, f.blobs(t))
			}
			require.ErrorIs(t, f.Terminate(t.Context(), "id", "again", nil), durable.ErrInvalidState)
		})
	}
}

// TestTerminateRewound: a Pending instance whose own execution has a history gets a message; the history of an earlier
// execution does not count.
func TestTerminateRewound(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.startRunning(t, "id", nil)
		f.setState(t, "id", durable.RuntimeStatusPending)
		before := f.row(t, "id")
		require.NoError(t, f.Terminate(t.Context(), "id", "why", nil))
		require.Equal(t, before, f.row(t, "id"))
		require.Len(t, f.received(t), 1)

		f.complete(t, "id", "1")
		f.start(t, "id", nil)
		f.drain(t)
		require.NoError(t, f.Terminate(t.Context(), "id", "why", nil))
		require.Empty(t, f.received(t))
		require.Equal(t, wire.StatusTerminated, f.row(t, "id").Text(wire.ColRuntimeStatus))
	})
}

// TestStartOrGetAfterReplace: an interrupted start over an ended instance is completed although a history lies there.
func TestStartOrGetAfterReplace(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.startRunning(t, "id", nil)
		f.complete(t, "id", "1")
		f.start(t, "id", nil)
		f.drain(t) // the message was never sent
		_, isNew, err := f.StartOrGet(t.Context(), "Orchestrator", "id", nil, nil)
		require.NoError(t, err)
		require.False(t, isNew)
		f.requireStarted(t, "id", 1)
	})
}

// TestTerminateRaced: a worker takes the instance up between the look and the write; Terminate looks again and sends
// a message. What was stored for the cancellation does not stay.
func TestTerminateRaced(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{"why", strings.Repeat("x", 40_000)} {
		f := inMemory(t, taskhub.Options{})
		f.start(t, "id", nil)
		f.drain(t)
		f.fault.SetHook(onCall(1, "Update", func() { f.run(t, "id") }))
		require.NoError(t, f.Terminate(t.Context(), "id", reason, nil))
		require.Equal(t, wire.StatusRunning, f.row(t, "id").Text(wire.ColRuntimeStatus))
		messages := f.received(t)
		require.Len(t, messages, 1)
		require.Equal(t, wire.ExecutionTerminated, messages[0].EventType)
		require.Empty(t, f.blobs(t))

		f.start(t, "changing", nil)
		f.fault.SetHook(faultstore.FailFrom(1, faultstore.Before, storage.ErrPrecondition, faultstore.Op("Update")))
		err := f.Terminate(t.Context(), "changing", reason, nil)
		require.ErrorIs(t, err, durable.ErrConflict)
		require.Empty(t, f.blobs(t))

		f.start(t, "purged", nil)
		f.fault.SetHook(onCall(1, "Update", func() {
			require.NoError(t, f.storage.Tables.Delete(t.Context(), f.names.Instances(), "purged", "", storage.Any))
		}))
		require.ErrorIs(t, f.Terminate(t.Context(), "purged", reason, nil), durable.ErrInstanceNotFound)
		require.Empty(t, f.blobs(t))
	}
}

// TestCancelOwnAnswerLost: the SDK repeats a request whose answer was lost, and the repeat is refused because the first
// one took effect.
func TestCancelOwnAnswerLost(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{"why", strings.Repeat("x", 40_000)} {
		f := inMemory(t, taskhub.Options{})
		f.start(t, "id", nil)
		f.fault.SetHook(faultstore.FailNth(1, faultstore.After, storage.ErrPrecondition, faultstore.Op("Update")))
		require.NoError(t, f.Terminate(t.Context(), "id", reason, nil))
		s, err := f.GetStatus(t.Context(), "id", nil)
		require.NoError(t, err)
		require.Equal(t, `"`+reason+`"`, string(s.Output))
	}
}
