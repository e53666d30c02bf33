package operate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

// taken lets workers take the one message of a queue so many times, and put it back.
func (h *hub) taken(t *testing.T, queue string, times int) {
	t.Helper()
	for range times {
		all, err := h.storage.Queues.Dequeue(t.Context(), queue, 1, time.Minute)
		require.NoError(t, err)
		require.NoError(t, h.storage.Queues.Release(t.Context(), queue, all[0], 0))
	}
}

func poisonMessage() damage {
	put := func(t *testing.T, h *hub, text string, taken int) {
		h.clock.add(48*time.Hour - time.Minute) // or nobody seems to read the queue
		h.raw(t, h.ControlQueue(0), text)
		h.taken(t, h.ControlQueue(0), taken)
		h.clock.add(time.Minute - 48*time.Hour)
	}
	good := string(event0("x").JSON())
	large := string((&wire.Message{BlobName: "x/message-1-EventRaised.json.gz"}).JSON())
	return damage{
		name: "poison message", want: []string{"poison-message hub-control-00"}, lasting: true,
		make: func(t *testing.T, h *hub) { put(t, h, "not a message", 0) },
		near: map[string]func(*testing.T, *hub){
			"tried often":            func(t *testing.T, h *hub) { put(t, h, good, 20) },
			"another serializer":     func(t *testing.T, h *hub) { put(t, h, `{"__type":"TimerFiredEvent:#DurableTask.Core.History"}`, 1) },
			"payload not looked for": func(t *testing.T, h *hub) { put(t, h, large, 0) },
			"payload there": func(t *testing.T, h *hub) {
				h.ended(t, "x", wire.StatusCompleted)
				h.payload(t, "x/message-1-EventRaised.json.gz")
				put(t, h, large, 1)
			},
			"a start that is for later": func(t *testing.T, h *hub) { h.put(t, h.ControlQueue(0), event0("x"), 72*time.Hour) },
		},
		check: func(t *testing.T, h *hub) {
			require.Empty(t, h.texts(t, h.ControlQueue(0)))
			require.Len(t, messages(t, h, &operate.ListMessagesOptions{Quarantined: true}), 1)
		},
		undoable: true,
		racedOp:  "Dequeue", racedErr: durable.ErrConflict,
		raced: func(t *testing.T, h *hub) { h.drain(t) },
	}
}

func messagesUnread() damage {
	stray := func(t *testing.T, h *hub) {
		h.info(t, partitions)
		require.NoError(t, h.storage.Queues.CreateQueue(t.Context(), h.ControlQueue(6)))
	}
	return damage{
		name: "messages unread", want: []string{"messages-unread hub-control-06", "partition-count "}, left: []string{"partition-count "},
		make: func(t *testing.T, h *hub) { stray(t, h); h.put(t, h.ControlQueue(6), event0("x"), 0) },
		near: map[string]func(*testing.T, *hub){
			"empty": stray,
			"is moved meanwhile": func(t *testing.T, h *hub) {
				stray(t, h)
				h.put(t, h.ControlQueue(6), event0("x"), 0)
				h.secondLook(func() { h.drain(t) })
			},
			"comes meanwhile": func(t *testing.T, h *hub) {
				stray(t, h)
				h.secondLook(func() { h.put(t, h.ControlQueue(6), event0("x"), 0) })
			},
		},
		check: func(t *testing.T, h *hub) {
			require.Len(t, h.sent(t, "x"), 1)
			require.Empty(t, h.texts(t, h.ControlQueue(6)))
		},
		racedOp: "Dequeue", raced: func(t *testing.T, h *hub) { h.drain(t) },
	}
}

func partitionCount() damage {
	return damage{
		name: "partition count", want: []string{"partition-count "}, undoable: true,
		opts: operate.RepairOptions{PartitionCount: partitions},
		make: func(t *testing.T, h *hub) { h.info(t, 2) },
		near: map[string]func(*testing.T, *hub){
			"agrees":           func(t *testing.T, h *hub) { h.info(t, partitions) },
			"no taskhub.json":  func(*testing.T, *hub) {},
			"Partitions table": func(t *testing.T, h *hub) { h.owners(t, partitions, noon.Add(72*time.Hour)) },
			"both":             func(t *testing.T, h *hub) { h.info(t, partitions); h.owners(t, partitions, noon) },
			"queues of another kind": func(t *testing.T, h *hub) {
				require.NoError(t, h.storage.Queues.CreateQueue(t.Context(), "hub-control-x"))
			},
		},
		check:   func(t *testing.T, h *hub) { require.Empty(t, brief(diagnose(t, h, nil))) },
		racedOp: "Write", raced: func(t *testing.T, h *hub) { h.info(t, partitions) },
	}
}

// rewound returns rows as the reference's rewind has left them of an orchestrator that had handled a failure and ended by
// another, and what became of that.
func rewound(result string) []*storage.Entity {
	back := func(id int, was string) *storage.Entity {
		return action(wire.GenericEvent, id, str(wire.ColReason, "Rewound: "+was), str(wire.ColName, "F"), num(wire.ColTaskScheduledID, id),
			str(wire.ColOrchestrationStatus, wire.StatusFailed))
	}
	ended := end(3, wire.StatusFailed)
	ended.Set(wire.ColResult, storage.StringValue(result))
	var rows []*storage.Entity
	for _, e := range [][]*storage.Entity{
		{started(), back(0, wire.TaskScheduled)},
		{back(0, wire.TaskFailed), action(wire.TaskScheduled, 1, str(wire.ColName, "H"))},
		{done(wire.TaskCompleted, 1), back(2, wire.TaskScheduled)},
		{back(2, wire.TaskFailed), back(3, wire.ExecutionCompleted)},
		{event(wire.GenericEvent, str(wire.ColReason, "")), ended},
	} {
		rows = append(rows, episode(e...)...)
	}
	return rows
}

func brokenByRewind() damage {
	failed := func(t *testing.T, h *hub, rows []*storage.Entity) {
		h.history(t, "x", rows...)
		h.row(t, "x", wire.StatusFailed)
	}
	const diverged = "Non-Deterministic workflow detected: ..."
	return damage{
		name: "broken by rewind", want: []string{"broken-by-rewind x"}, opts: operate.RepairOptions{Force: true}, resumed: true,
		make: func(t *testing.T, h *hub) { failed(t, h, rewound(diverged)) },
		near: map[string]func(*testing.T, *hub){
			"failed again":  func(t *testing.T, h *hub) { failed(t, h, rewound("no")) },
			"never rewound": func(t *testing.T, h *hub) { failed(t, h, episode(started(), end(0, wire.StatusFailed))) },
			"new code": func(t *testing.T, h *hub) {
				ended := end(0, wire.StatusFailed)
				ended.Set(wire.ColResult, storage.StringValue(diverged))
				failed(t, h, episode(started(), ended))
			},
			"rewound since": func(t *testing.T, h *hub) {
				failed(t, h, rewound(diverged))
				h.secondLook(func() { h.ended(t, "x", wire.StatusCompleted) })
			},
		},
		check: func(t *testing.T, h *hub) {
			require.Equal(t, wire.StatusPending, h.instance(t, "x").Text(wire.ColRuntimeStatus))
			require.NotEmpty(t, h.sent(t, "x"))
		},
		work:    func(t *testing.T, h *hub) { h.ended(t, "x", wire.StatusCompleted) },
		racedOp: "Batch", racedErr: durable.ErrConflict,
		raced: func(t *testing.T, h *hub) { failed(t, h, rewound("no")) },
	}
}

func partitionUnowned() damage {
	return damage{
		name: "partition unowned", want: []string{"partition-unowned hub-control-03"}, noRepair: true,
		make: func(t *testing.T, h *hub) { h.owners(t, 3, noon.Add(72*time.Hour)) },
		near: map[string]func(*testing.T, *hub){
			"scaled to zero": func(t *testing.T, h *hub) { h.owners(t, partitions, noon) },
			"to be woken": func(t *testing.T, h *hub) {
				h.owners(t, partitions, noon)
				h.clock.add(48*time.Hour - time.Minute)
				h.put(t, h.ControlQueue(3), event0("x"), 0)
				h.clock.add(time.Minute - 48*time.Hour)
			},
			"changes hands": func(t *testing.T, h *hub) {
				h.owners(t, 3, noon.Add(72*time.Hour))
				h.secondLook(func() { h.owners(t, partitions, noon.Add(72*time.Hour)) })
			},
		},
	}
}

func differByCase() damage {
	return damage{
		name: "IDs differ by case", want: []string{"ids-differ-by-case upper"}, noRepair: true,
		make: func(t *testing.T, h *hub) { h.running(t, "Upper"); h.running(t, "upper") },
		near: map[string]func(*testing.T, *hub){
			"one has ended": func(t *testing.T, h *hub) { h.ended(t, "Upper", wire.StatusFailed); h.running(t, "upper") },
			"others":        func(t *testing.T, h *hub) { h.running(t, "Upper"); h.running(t, "upper-2") },
		},
	}
}

// tooMany is a hub with more IDs than are compared.
func tooMany() damage {
	many := func(n int) func(t *testing.T, h *hub) {
		return func(t *testing.T, h *hub) {
			h.names = 20
			for i := range n {
				h.running(t, fmt.Sprintf("I%d", i))
			}
			h.running(t, "lower")
			h.ended(t, "Over", wire.StatusCompleted)
		}
	}
	return damage{
		name: "check incomplete", want: []string{"check-incomplete "}, noRepair: true, make: many(21),
		near: map[string]func(*testing.T, *hub){"just not": many(20)},
	}
}
