package operate_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

// needle is an instance that a check-up must find in a crowd, or must not.
type needle struct {
	// find is what is wrong with it. If that is nothing, seems is what makes it look so.
	find  operate.FindingKind
	seems string
	// action says that the finding names the action 0, entity that it is an entity.
	action, entity bool
	make           func(tb testing.TB, h *hub, id string)
}

// kindsOfHub are the kinds of findings that are not about instances: a large hub has no more of them than a small one.
var kindsOfHub = []operate.FindingKind{
	operate.KindPoisonMessage, operate.KindMessagesUnread, operate.KindPartitionUnowned, operate.KindPartitionCount,
	operate.KindIncomplete,
}

// needles are instances with damages of all other kinds, and such as almost have them.
func needles() []needle {
	return slices.Concat(stuckNeedles(), waitingNeedles(), litterNeedles())
}

// stuckNeedles are those whose row and history disagree.
func stuckNeedles() []needle {
	ended := episode(started(), end(0, wire.StatusCompleted))
	return []needle{
		{find: operate.KindRowBehindHistory, make: func(tb testing.TB, h *hub, id string) {
			h.history(tb, id, ended...)
			h.row(tb, id, wire.StatusRunning)
		}},
		{seems: "half-a-checkpoint", make: func(tb testing.TB, h *hub, id string) {
			h.history(tb, id, ended...)
			h.row(tb, id, wire.StatusRunning)
			e := &storage.Entity{PartitionKey: id, RowKey: wire.SentinelKey, Columns: []storage.Column{
				{Name: "IsCheckpointComplete", Value: storage.BoolValue(false)},
			}}
			_, err := h.storage.Tables.Update(tb.Context(), h.History(), e, storage.Merge, storage.Any)
			require.NoError(tb, err)
		}},
		{seems: "started-anew", make: func(tb testing.TB, h *hub, id string) {
			h.history(tb, id, ended...)
			h.row(tb, id, wire.StatusRunning, str(wire.ColExecutionID, "another"))
		}},
		{find: operate.KindStartNotSent, make: func(tb testing.TB, h *hub, id string) { h.row(tb, id, wire.StatusPending) }},
		{seems: "scheduled", make: func(tb testing.TB, h *hub, id string) {
			h.row(tb, id, wire.StatusPending, at(wire.ColScheduledStartTime, h.clock.time().Add(96*time.Hour)))
		}},
		{find: operate.KindHistoryWithoutRow, make: func(tb testing.TB, h *hub, id string) { h.history(tb, id, ended...) }},
		{find: operate.KindBrokenByRewind, make: func(tb testing.TB, h *hub, id string) {
			r := recordedAs(tb, h.Hub(), "v2/rewind-after-handled", "later", "rw-handled")
			require.NoError(tb, r.write(tb.Context(), h, id, executionOf(id)))
		}},
		{seems: "rewound-and-completed", make: func(tb testing.TB, h *hub, id string) {
			r := recordedAs(tb, h.Hub(), "v2/rewind-activity", "completed", "rw-1")
			require.NoError(tb, r.write(tb.Context(), h, id, executionOf(id)))
		}},
	}
}

// waitingNeedles are those that wait for what will not come.
func waitingNeedles() []needle {
	task := action(wire.TaskScheduled, 0, str(wire.ColName, "A"))
	rewritten := func(tb testing.TB, h *hub, id string, more ...*storage.Entity) {
		h.running(tb, id, append([]*storage.Entity{task}, more...)...)
		e := action(wire.GenericEvent, 0, str(wire.ColReason, "Rewound: TaskScheduled"))
		e.PartitionKey, e.RowKey = id, hexKey(2)
		_, err := h.storage.Tables.Update(tb.Context(), h.History(), e, storage.Merge, storage.Any)
		require.NoError(tb, err)
		h.row(tb, id, wire.StatusPending)
	}
	timer := func(due time.Duration) func(testing.TB, *hub, string) {
		return func(tb testing.TB, h *hub, id string) {
			h.running(tb, id, action(wire.TimerCreated, 0, at(wire.ColFireAt, h.clock.time().Add(due))))
		}
	}
	asks := func(status string, columns ...storage.Column) func(testing.TB, *hub, string) {
		return func(tb testing.TB, h *hub, id string) {
			h.running(tb, id, child(0, id+"-child"))
			rows := []*storage.Entity{started(append([]storage.Column{parent(id, 0)}, columns...)...)}
			if wire.Terminal(status) {
				rows = append(rows, end(0, status))
			}
			h.history(tb, id+"-child", episode(rows...)...)
			h.row(tb, id+"-child", status)
		}
	}
	return []needle{
		{find: operate.KindActivityLost, action: true, make: func(tb testing.TB, h *hub, id string) { h.running(tb, id, task) }},
		{seems: "work-item-waits", make: func(tb testing.TB, h *hub, id string) {
			h.running(tb, id, task)
			of := wire.Execution{InstanceID: id, ExecutionID: executionOf(id)}
			h.put(tb, h.WorkItems(), wire.TaskScheduledMessage(of, 0, "A", nil, noon), 0)
		}},
		{seems: "suspended", make: func(tb testing.TB, h *hub, id string) {
			h.running(tb, id, task, event(wire.ExecutionSuspended))
			h.row(tb, id, wire.StatusSuspended)
		}},
		{seems: "waits-for-event", make: func(tb testing.TB, h *hub, id string) { h.running(tb, id) }},
		{find: operate.KindWakeNotSent, make: func(tb testing.TB, h *hub, id string) { rewritten(tb, h, id) }},
		{seems: "child-will-wake-it", make: func(tb testing.TB, h *hub, id string) { rewritten(tb, h, id, child(1, "y")) }},
		{find: operate.KindTimerLost, action: true, make: timer(time.Hour)},
		{seems: "timer-not-due", make: timer(96 * time.Hour)},
		{find: operate.KindAnswerLost, action: true, make: asks(wire.StatusCompleted)},
		{seems: "child-runs", make: asks(wire.StatusRunning)},
		{seems: "child-is-detached", make: asks(wire.StatusCompleted, str(wire.ColTags, `{"FireAndForget":""}`))},
	}
}

// litterNeedles are payloads of nobody, locks of the dead and texts that others cannot read.
func litterNeedles() []needle {
	locked := func(owner func(tb testing.TB, h *hub, id string)) func(testing.TB, *hub, string) {
		return func(tb testing.TB, h *hub, id string) {
			owner(tb, h, id+"-owner")
			h.history(tb, id, episode(started(str(wire.ColName, id)))...)
			status := str(wire.ColCustomStatus, `{"queueSize":1,"lockedBy":"`+id+`-owner"}`)
			h.row(tb, id, wire.StatusRunning, str(wire.ColName, id), status)
		}
	}
	output := func(text string) func(testing.TB, *hub, string) {
		return func(tb testing.TB, h *hub, id string) {
			h.ended(tb, id, wire.StatusTerminated, str(wire.ColOutput, text))
		}
	}
	return []needle{
		{find: operate.KindPayloadsWithoutInstance, make: func(tb testing.TB, h *hub, id string) {
			h.payload(tb, id+"/message-1-EventRaised.json.gz")
			h.payload(tb, id+"/history-1-x-Input.json.gz")
		}},
		{seems: "payloads-of-a-neighbour", make: func(tb testing.TB, h *hub, id string) {
			h.ended(tb, id+"-", wire.StatusCompleted)
			h.payload(tb, id+"-/message-1-EventRaised.json.gz")
		}},
		{find: operate.KindUnreadableForDotNet, make: output("ticket:1#2")},
		{seems: "json", make: output(`"https://x/1"`)},
		{find: operate.KindIDsDifferByCase, make: func(tb testing.TB, h *hub, id string) {
			h.running(tb, "I"+id[1:])
			h.running(tb, id)
		}},
		{seems: "one-of-two-has-ended", make: func(tb testing.TB, h *hub, id string) {
			h.ended(tb, "I"+id[1:], wire.StatusFailed)
			h.running(tb, id)
		}},
		{find: operate.KindEntityLockOrphaned, entity: true, make: locked(func(tb testing.TB, h *hub, id string) {
			h.ended(tb, id, wire.StatusTerminated)
		})},
		{seems: "owner-runs", entity: true, make: locked(func(tb testing.TB, h *hub, id string) { h.running(tb, id) })},
	}
}

// hide spreads needles over the crowd, each some times, and returns what a check-up has to say of them.
func (c *crowd) hide(tb testing.TB, h *hub, times int) []string {
	tb.Helper()
	kinds := slices.Clone(kindsOfHub)
	for _, n := range needles() {
		if n.find != "" {
			kinds = append(kinds, n.find)
		}
	}
	require.ElementsMatch(tb, operate.Kinds(), kinds)

	all := slices.Repeat(needles(), times)
	var want []string
	for i, n := range all {
		id := crowdID(i*c.size/len(all)) + "-" + string(n.find) + n.seems
		if n.entity {
			id = "@e@" + id
		}
		n.make(tb, h, id)
		if n.find == "" {
			continue
		}
		line := string(n.find) + " " + id
		if n.action {
			line += " 0"
		}
		want = append(want, line)
	}
	return want
}
