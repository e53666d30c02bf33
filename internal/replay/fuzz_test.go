package replay_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/replay"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// FuzzPlanRewind rewinds an orchestrator of its own for every seed.
func FuzzPlanRewind(f *testing.F) {
	// These once came to grief: a child that was started because of a failure handled in silence; a failure handled
	// before a rewind that did again what had been done because of it; a failure thrown again after another one.
	f.Add(uint64(831))
	f.Add(uint64(3283))
	f.Add(uint64(7745))
	f.Fuzz(func(t *testing.T, seed uint64) { rewound(t, seed, &stats{}) })
}

var eventTypes = []string{
	wire.OrchestratorStarted, wire.OrchestratorCompleted, wire.ExecutionStarted, wire.ExecutionCompleted,
	wire.ExecutionTerminated, wire.ExecutionSuspended, wire.ExecutionResumed, wire.TaskScheduled, wire.TaskCompleted,
	wire.TaskFailed, wire.SubOrchestrationInstanceCreated, wire.SubOrchestrationInstanceCompleted,
	wire.SubOrchestrationInstanceFailed, wire.TimerCreated, wire.TimerFired, wire.EventSent, wire.EventRaised,
	wire.GenericEvent, "SomethingNew",
}

// FuzzPlan plans over rows that make no sense. Where a plan is made, it can be carried out, and leaves nothing to do
// if the rows are plain.
func FuzzPlan(f *testing.F) {
	f.Add([]byte{0, 0, 0, 2, 0, 0, 7, 0, 0, 0, 0, 0, 9, 0, 0, 3, 1, 1}, 0)
	f.Add([]byte{0, 0, 0, 7, 0, 0, 0, 0, 0, 9, 0, 8, 3, 1, 9, 0, 0, 0, 17, 0, 0, 7, 0, 0, 3, 1, 3}, 0)
	f.Add([]byte{0, 0, 0, 10, 0, 0, 4, 0, 0, 3, 1, 2}, 1)
	f.Fuzz(func(t *testing.T, data []byte, from int) {
		rows := nonsense(t, data)
		h, err := replay.New(rows)
		if err != nil {
			return
		}
		strict := plain(rows)
		for _, plan := range []func(*replay.History) (*replay.Plan, error){
			func(h *replay.History) (*replay.Plan, error) {
				return replay.PlanRewind(h, replay.RewindOptions{Heal: true})
			},
			func(h *replay.History) (*replay.Plan, error) {
				return replay.PlanRewind(h, replay.RewindOptions{FromEventID: &from})
			},
			func(h *replay.History) (*replay.Plan, error) {
				return replay.PlanReset(h, replay.ResetOptions{EventID: from})
			},
		} {
			p, err := plan(h)
			if err != nil {
				continue
			}
			h, err := replay.New(apply(t, rows, p.Changes))
			require.NoError(t, err)
			again, err := plan(h)
			if strict {
				require.NoError(t, err)
				require.Empty(t, again.Changes)
			}
		}
	})
}

// plain reports whether rows tell of one end, of none that a replay came to, and of nothing taken back.
func plain(rows []wire.Event) bool {
	ends := 0
	for _, ev := range rows {
		if ev.Result != "" || ev.Reason != "" {
			return false
		}
		if ev.Type == wire.ExecutionCompleted {
			ends++
		}
	}
	return ends == 1
}

// nonsense makes a row of every three bytes: type, ID, and the rest.
func nonsense(t *testing.T, data []byte) []wire.Event {
	t.Helper()
	var rows []wire.Event
	for ; len(data) >= 3; data = data[3:] {
		e := &storage.Entity{RowKey: fmt.Sprintf("%016X", len(rows)), ETag: "1"}
		e.Set(wire.ColEventType, storage.StringValue(eventTypes[int(data[0])%len(eventTypes)]))
		e.Set(wire.ColEventID, storage.Int32Value(int32(data[1]%8)))
		e.Set(wire.ColTaskScheduledID, storage.Int32Value(int32(data[1]%8)))
		e.Set(wire.ColExecutionID, storage.StringValue("x"))
		if data[2]&1 != 0 {
			e.Set(wire.ColOrchestrationStatus, storage.StringValue([]string{wire.StatusFailed, wire.StatusTerminated}[data[2]>>2&1]))
		}
		if data[2]&2 != 0 {
			e.Set(wire.ColResult, storage.StringValue("Non-Deterministic workflow detected"))
		}
		if data[2]&8 != 0 {
			e.Set(wire.ColReason, storage.StringValue("Rewound: "+eventTypes[int(data[2]>>3)%len(eventTypes)]))
		}
		rows = append(rows, decode(t, e))
	}
	return rows
}
