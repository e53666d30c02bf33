package operate_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/wire"
)

// In a hub under load another message may come between the request that counts the messages of a queue and the one that
// shows them: it makes up for one that is hidden, in each look anew.
func TestBusyQueueHidesNothing(t *testing.T) {
	t.Parallel()
	other := wire.Execution{InstanceID: "other", ExecutionID: executionOf("other")}
	tests := []struct {
		name   string
		stays  bool // the other message is taken only before the next one comes
		damage func(t *testing.T, h *hub)
		queue  func(h *hub) string
	}{
		{"work items", false, longActivity, func(h *hub) string { return h.WorkItems() }},
		{"work items that stay", true, longActivity, func(h *hub) string { return h.WorkItems() }},
		{"control queue", false, scheduledStart, func(h *hub) string { return h.queueOf("x") }},
		{"control queue whose messages stay", true, scheduledStart, func(h *hub) string { return h.queueOf("x") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHub(t)
			tt.damage(t, h)
			h.clock.add(48 * time.Hour)
			queue := tt.queue(h)
			empty := func() {
				taken, err := h.storage.Queues.Dequeue(t.Context(), queue, 32, time.Hour)
				require.NoError(t, err)
				for _, m := range taken {
					require.NoError(t, h.storage.Queues.Remove(t.Context(), queue, m))
				}
			}
			looks := 0
			h.fault.SetHook(func(_ context.Context, c faultstore.Call) error {
				switch {
				case c.Name != queue || c.Phase != faultstore.After:
				case c.Op == "Count":
					looks++
					empty()
					h.put(t, queue, wire.TaskScheduledMessage(other, 0, "B", nil, noon), 0)
				case c.Op == "Peek" && !tt.stays:
					empty()
				}
				return nil
			})
			require.Empty(t, brief(diagnose(t, h, nil)))
			require.GreaterOrEqual(t, looks, 2)
			h.fault.SetHook(nil)
			require.Equal(t, int64(1), count(t, h, queue)-visible(t, h, queue), "it is still there")
		})
	}
}

func longActivity(t *testing.T, h *hub) {
	t.Helper()
	h.running(t, "x", action(wire.TaskScheduled, 0, str(wire.ColName, "A")))
	h.put(t, h.WorkItems(), wire.TaskScheduledMessage(executionX, 0, "A", nil, noon), 72*time.Hour)
}

func scheduledStart(t *testing.T, h *hub) {
	t.Helper()
	h.row(t, "x", wire.StatusPending)
	start := &wire.Start{InstanceID: "x", ExecutionID: executionOf("x"), Name: "Orchestrator", Created: noon}
	h.put(t, h.queueOf("x"), start.StartMessage(), 72*time.Hour)
}

func count(t *testing.T, h *hub, queue string) int64 {
	t.Helper()
	n, err := h.storage.Queues.Count(t.Context(), queue)
	require.NoError(t, err)
	return n
}

func visible(t *testing.T, h *hub, queue string) int64 {
	t.Helper()
	messages, err := h.storage.Queues.Peek(t.Context(), queue, 32)
	require.NoError(t, err)
	return int64(len(messages))
}
