package operate_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

func reschedule(ctx context.Context, h *hub, idle time.Duration) (*operate.Move, error) {
	return operate.Reschedule(ctx, h.OrchestrationClient, "runs", 0, "again", &operate.RescheduleOptions{IdleTime: idle})
}

// A host may hold a history in memory, and goes on with that whatever the table says.
func TestRescheduleIdle(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.running(t, "runs", action(wire.TaskScheduled, 0))
	h.clock.add(59 * time.Second)
	_, err := reschedule(t.Context(), h, 0)
	require.ErrorIs(t, err, durable.ErrInvalidState)
	require.ErrorContains(t, err, "try again in")
	h.noWrites(t)
	_, err = reschedule(t.Context(), h, 10*time.Second)
	require.NoError(t, err)

	h.row(t, "runs", wire.StatusRunning) // a custom status, perhaps
	_, err = reschedule(t.Context(), h, 0)
	require.ErrorIs(t, err, durable.ErrInvalidState)
}

// A worker that writes a checkpoint between our look and our write makes the move fail, whole.
func TestRescheduleRaced(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.running(t, "runs", action(wire.TaskScheduled, 0))
	h.clock.add(time.Hour)
	h.fault.SetHook(onCall("Batch", func() {
		h.history(t, "runs", append(episode(started(), action(wire.TaskScheduled, 0)), episode(done(wire.TaskCompleted, 0))...)...)
	}))
	_, err := reschedule(t.Context(), h, 0)
	require.ErrorIs(t, err, durable.ErrConflict)
	require.Equal(t, wire.TaskScheduled, h.entity(t, h.History(), "runs", hexKey(2)).Text(wire.ColEventType))
	require.Empty(t, h.sent(t, "runs"))
}

// A worker that has read the old history fails with its checkpoint, which is conditional on the sentinel.
func TestRescheduleStopsWorker(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.running(t, "runs", action(wire.TaskScheduled, 0))
	old := h.entity(t, h.History(), "runs", wire.SentinelKey)
	h.clock.add(time.Hour)
	_, err := reschedule(t.Context(), h, 0)
	require.NoError(t, err)
	now := h.entity(t, h.History(), "runs", wire.SentinelKey)
	require.Equal(t, old.Columns, now.Columns)
	require.NotEqual(t, old.ETag, now.ETag)
}

// What dies between row and message is finished by doing it again.
func TestRescheduleAgain(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.running(t, "runs", action(wire.TaskScheduled, 0, str(wire.ColName, "A")))
	h.clock.add(time.Hour)
	h.fault.SetHook(faultstore.FailNth(1, faultstore.Before, storage.ErrDenied, faultstore.Op("Put")))
	_, err := reschedule(t.Context(), h, 0)
	require.ErrorIs(t, err, durable.ErrAccessDenied)
	require.Empty(t, h.sent(t, "runs"))
	h.fault.Reset()
	another := &operate.RescheduleOptions{MoveOptions: operate.MoveOptions{ExecutionID: "another"}}
	_, err = operate.Reschedule(t.Context(), h.OrchestrationClient, "runs", 0, "again", another)
	require.ErrorIs(t, err, durable.ErrConflict)
	m, err := reschedule(t.Context(), h, 0)
	require.NoError(t, err)
	require.True(t, m.Done)
	require.Equal(t, "A", m.Action.Name)
	require.Zero(t, h.fault.Count(faultstore.Op("Batch")))
	require.Len(t, h.sent(t, "runs"), 1)

	// Once a worker has scheduled it again and it has completed, there is nothing to schedule.
	h.history(t, "runs", append(append(
		episode(started(), action(wire.GenericEvent, 0, str(wire.ColReason, "Rewound: TaskScheduled"))),
		episode(event(wire.GenericEvent), action(wire.TaskScheduled, 0))...),
		episode(done(wire.TaskCompleted, 0))...)...)
	h.clock.add(time.Hour)
	_, err = reschedule(t.Context(), h, 0)
	require.ErrorIs(t, err, durable.ErrInvalidState)
}
