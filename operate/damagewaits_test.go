package operate_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

func rowBehind() damage {
	history := episode(started(), end(0, wire.StatusCompleted))
	return damage{
		name: "row behind history", want: []string{"row-behind-history x"}, undoable: true,
		make: func(t *testing.T, h *hub) { h.history(t, "x", history...); h.row(t, "x", wire.StatusRunning) },
		near: map[string]func(*testing.T, *hub){
			"young": func(t *testing.T, h *hub) {
				h.clock.add(48*time.Hour - time.Minute)
				h.history(t, "x", history...)
				h.row(t, "x", wire.StatusRunning)
				h.clock.add(time.Minute - 48*time.Hour)
			},
			"half a checkpoint": func(t *testing.T, h *hub) {
				h.history(t, "x", history...)
				h.row(t, "x", wire.StatusRunning)
				e := &storage.Entity{PartitionKey: "x", RowKey: wire.SentinelKey, Columns: []storage.Column{
					{Name: "IsCheckpointComplete", Value: storage.BoolValue(false)},
				}}
				_, err := h.storage.Tables.Update(t.Context(), h.History(), e, storage.Merge, storage.Any)
				require.NoError(t, err)
			},
			"started anew": func(t *testing.T, h *hub) {
				h.history(t, "x", history...)
				h.row(t, "x", wire.StatusRunning, str(wire.ColExecutionID, "another"))
			},
			"mended meanwhile": func(t *testing.T, h *hub) {
				h.history(t, "x", history...)
				h.row(t, "x", wire.StatusRunning)
				h.secondLook(func() { h.row(t, "x", wire.StatusCompleted) })
			},
		},
		check: func(t *testing.T, h *hub) {
			row := h.instance(t, "x")
			require.Equal(t, wire.StatusCompleted, row.Text(wire.ColRuntimeStatus))
			require.Equal(t, `"out"`, row.Text(wire.ColOutput))
			require.Equal(t, noon, row.Get(wire.ColLastUpdatedTime).Time())
			require.Equal(t, noon, row.Get(wire.ColCompletedTime).Time())
			require.Equal(t, "1", row.Text(wire.ColInput))
		},
		racedOp: "Update", racedErr: durable.ErrConflict,
		raced: func(t *testing.T, h *hub) { h.row(t, "x", wire.StatusCompleted) },
	}
}

func startNotSent() damage {
	start := func() *wire.Message {
		return (&wire.Start{InstanceID: "x", ExecutionID: executionOf("x"), Name: "Orchestrator", Created: noon}).StartMessage()
	}
	pending := func(t *testing.T, h *hub) { h.row(t, "x", wire.StatusPending) }
	return damage{
		name: "start not sent", want: []string{"start-not-sent x"}, make: pending,
		near: map[string]func(*testing.T, *hub){
			"young": func(t *testing.T, h *hub) {
				h.row(t, "x", wire.StatusPending, at(wire.ColCreatedTime, noon.Add(48*time.Hour-time.Minute)))
			},
			"just written": func(t *testing.T, h *hub) {
				h.clock.add(48*time.Hour - time.Minute)
				h.row(t, "x", wire.StatusPending, at(wire.ColCreatedTime, noon))
				h.clock.add(time.Minute - 48*time.Hour)
			},
			"scheduled": func(t *testing.T, h *hub) {
				h.row(t, "x", wire.StatusPending, at(wire.ColScheduledStartTime, noon.Add(72*time.Hour)))
			},
			"in the queue": func(t *testing.T, h *hub) { pending(t, h); h.put(t, h.queueOf("x"), start(), 0) },
			"in a worker's hands": func(t *testing.T, h *hub) {
				pending(t, h)
				h.put(t, h.queueOf("x"), start(), 72*time.Hour)
			},
			"in flight": func(t *testing.T, h *hub) {
				pending(t, h)
				h.secondLook(func() { h.put(t, h.queueOf("x"), start(), 0) })
			},
			"under load": func(t *testing.T, h *hub) { pending(t, h); h.hide(t, h.queueOf("x"), 50) },
			"taken up meanwhile": func(t *testing.T, h *hub) {
				pending(t, h)
				h.secondLook(func() { h.running(t, "x") })
			},
			"rewound": func(t *testing.T, h *hub) { h.running(t, "x"); pending(t, h) },
		},
		check: func(t *testing.T, h *hub) {
			sent := h.sent(t, "x")
			require.Len(t, sent, 1)
			require.Equal(t, wire.ExecutionStarted, sent[0].EventType)
			require.Equal(t, executionOf("x"), sent[0].ExecutionID)
		},
		work:    func(t *testing.T, h *hub) { h.running(t, "x") },
		racedOp: "Put", racedErr: nil, // the worker throws the second start away
		raced: func(t *testing.T, h *hub) { h.running(t, "x") },
	}
}

func activityLost() damage {
	task := action(wire.TaskScheduled, 0, str(wire.ColName, "A"))
	waits := func(t *testing.T, h *hub) { h.running(t, "x", task) }
	item := func() *wire.Message { return wire.TaskScheduledMessage(executionX, 0, "A", nil, noon) }
	completed := func(t *testing.T, h *hub) {
		h.history(t, "x", append(episode(started(), task), episode(done(wire.TaskCompleted, 0))...)...)
	}
	return damage{
		name: "activity lost", want: []string{"activity-lost x 0"}, make: waits,
		near: map[string]func(*testing.T, *hub){
			"runs for long":      func(t *testing.T, h *hub) { waits(t, h); h.put(t, h.WorkItems(), item(), 72*time.Hour) },
			"waits in the queue": func(t *testing.T, h *hub) { waits(t, h); h.put(t, h.WorkItems(), item(), 0) },
			"has its result in the queue": func(t *testing.T, h *hub) {
				waits(t, h)
				h.put(t, h.queueOf("x"), wire.TaskCompletedMessage(executionX, 0, nil, noon), 0)
			},
			"under load": func(t *testing.T, h *hub) { waits(t, h); h.hide(t, h.WorkItems(), 40) },
			"suspended": func(t *testing.T, h *hub) {
				h.running(t, "x", task, event(wire.ExecutionSuspended))
				h.row(t, "x", wire.StatusSuspended)
			},
			"completed":           func(t *testing.T, h *hub) { waits(t, h); completed(t, h) },
			"completed meanwhile": func(t *testing.T, h *hub) { waits(t, h); h.secondLook(func() { completed(t, h) }) },
			"terminated meanwhile": func(t *testing.T, h *hub) {
				waits(t, h)
				h.secondLook(func() { h.ended(t, "x", wire.StatusTerminated) })
			},
		},
		check: func(t *testing.T, h *hub) {
			require.Equal(t, wire.GenericEvent, h.entity(t, h.History(), "x", hexKey(2)).Text(wire.ColEventType))
			require.Equal(t, wire.GenericEvent, h.sent(t, "x")[0].EventType)
		},
		work: completed, racedOp: "Batch", racedErr: durable.ErrConflict, raced: completed,
	}
}

func wakeNotSent() damage {
	rewritten := action(wire.GenericEvent, 0, str(wire.ColReason, "Rewound: TaskScheduled"))
	rewrite := func(t *testing.T, h *hub, more ...*storage.Entity) {
		h.running(t, "x", append([]*storage.Entity{action(wire.TaskScheduled, 0)}, more...)...)
		e := rewritten.Clone()
		e.PartitionKey, e.RowKey = "x", hexKey(2)
		_, err := h.storage.Tables.Update(t.Context(), h.History(), e, storage.Merge, storage.Any)
		require.NoError(t, err)
		h.row(t, "x", wire.StatusPending)
	}
	woken := func(t *testing.T, h *hub) {
		h.history(t, "x", append(episode(started(), rewritten), episode(event(wire.GenericEvent))...)...)
		h.row(t, "x", wire.StatusRunning)
	}
	return damage{
		name: "wake not sent", want: []string{"wake-not-sent x"}, make: func(t *testing.T, h *hub) { rewrite(t, h) },
		near: map[string]func(*testing.T, *hub){
			"has its message": func(t *testing.T, h *hub) {
				rewrite(t, h)
				h.put(t, h.queueOf("x"), wire.WakeMessage("x", "", noon), 0)
			},
			"waits for its child":       func(t *testing.T, h *hub) { rewrite(t, h, child(1, "y")) },
			"woken":                     woken,
			"woken meanwhile":           func(t *testing.T, h *hub) { rewrite(t, h); h.secondLook(func() { woken(t, h) }) },
			"waits for its own timeout": func(t *testing.T, h *hub) { rewrite(t, h); h.hide(t, h.queueOf("x"), 1) },
		},
		check: func(t *testing.T, h *hub) { require.Equal(t, wire.GenericEvent, h.sent(t, "x")[0].EventType) },
		work:  woken, racedOp: "Put", raced: woken,
	}
}

func timerLost() damage {
	timer := action(wire.TimerCreated, 0, at(wire.ColFireAt, noon.Add(time.Hour)))
	waits := func(t *testing.T, h *hub) { h.running(t, "x", timer) }
	besides := func(t *testing.T, h *hub) { waits(t, h); h.hide(t, h.WorkItems(), 3) } // work of others
	fired := func() *wire.Message { return wire.TimerFiredMessage(executionX, 0, noon.Add(time.Hour), noon) }
	done := func(t *testing.T, h *hub) {
		h.history(t, "x", append(episode(started(), timer), episode(done(wire.TimerFired, 0))...)...)
	}
	return damage{
		name: "timer lost", want: []string{"timer-lost x 0"}, make: besides,
		near: map[string]func(*testing.T, *hub){
			"not due": func(t *testing.T, h *hub) {
				h.running(t, "x", action(wire.TimerCreated, 0, at(wire.ColFireAt, noon.Add(72*time.Hour))))
			},
			"fires":           func(t *testing.T, h *hub) { waits(t, h); h.put(t, h.queueOf("x"), fired(), 0) },
			"in hands":        func(t *testing.T, h *hub) { waits(t, h); h.put(t, h.queueOf("x"), fired(), 72*time.Hour) },
			"fired meanwhile": func(t *testing.T, h *hub) { waits(t, h); h.secondLook(func() { done(t, h) }) },
			"in a wrong queue": func(t *testing.T, h *hub) {
				waits(t, h)
				h.put(t, h.ControlQueue(0), fired(), 0)
				h.put(t, h.ControlQueue(1), fired(), 0)
			},
		},
		check: func(t *testing.T, h *hub) { require.Equal(t, wire.TimerFired, h.sent(t, "x")[0].EventType) },
		work:  done, racedOp: "Put", racedErr: nil, raced: done, // replay ignores the second one
	}
}

func answerLost() damage {
	sub := child(0, "y")
	waits := func(t *testing.T, h *hub, status string, columns ...storage.Column) {
		h.running(t, "x", sub)
		rows := []*storage.Entity{started(append([]storage.Column{parent("x", 0)}, columns...)...)}
		if wire.Terminal(status) {
			rows = append(rows, end(0, status))
		}
		h.history(t, "y", episode(rows...)...)
		h.row(t, "y", status, str(wire.ColOutput, `"answer"`))
	}
	answered := func(t *testing.T, h *hub) {
		h.history(t, "x", append(episode(started(), sub), episode(done(wire.SubOrchestrationInstanceCompleted, 0))...)...)
	}
	return damage{
		name: "answer lost", want: []string{"answer-lost x 0"},
		make: func(t *testing.T, h *hub) { waits(t, h, wire.StatusCompleted) },
		near: map[string]func(*testing.T, *hub){
			"runs": func(t *testing.T, h *hub) { waits(t, h, wire.StatusRunning) },
			"detached": func(t *testing.T, h *hub) {
				waits(t, h, wire.StatusCompleted, str(wire.ColTags, `{"FireAndForget":""}`))
			},
			"missing": func(t *testing.T, h *hub) { h.running(t, "x", sub) },
			"foreign": func(t *testing.T, h *hub) { h.running(t, "x", sub); h.ended(t, "y", wire.StatusCompleted) },
			"in queue": func(t *testing.T, h *hub) {
				waits(t, h, wire.StatusCompleted)
				h.put(t, h.queueOf("x"), wire.ChildCompletedMessage(executionX, 0, nil, noon), 0)
			},
		},
		check: func(t *testing.T, h *hub) {
			sent := h.sent(t, "x")
			require.Len(t, sent, 1)
			require.Equal(t, wire.SubOrchestrationInstanceCompleted, sent[0].EventType)
			require.Equal(t, "y", sent[0].SenderInstanceID)
			var ev struct{ Result string }
			require.NoError(t, json.Unmarshal(sent[0].Event, &ev))
			require.Equal(t, `"answer"`, ev.Result)
		},
		work: answered, racedOp: "Put", raced: answered,
	}
}
