package durable_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

func TestRewindRequests(t *testing.T) {
	t.Parallel()
	tests := []struct {
		recording, instance string
		requests            int
	}{
		{"v2/rewind-activity", "rw-1", 5}, // the reference: 9
		{"v2/rewind-parent", "rw-p", 9},
		{"v2/rewind-two-children", "rw-2c", 14}, // the reference: 27
		{"v2/rewind-grandparent", "rw-g", 13},
	}
	for _, tt := range tests {
		t.Run(tt.recording, func(t *testing.T) {
			t.Parallel()
			f := loaded(t, golden.Load(t, tt.recording).Dumps["failed"])
			planned, err := f.PlanRewind(t.Context(), tt.instance, nil)
			require.NoError(t, err)
			require.Zero(t, f.writes())
			f.traffic.reset()
			done, err := f.Rewind(t.Context(), tt.instance, "repaired", nil)
			require.NoError(t, err)
			require.Equal(t, planned, done)
			require.Equal(t, tt.requests, f.traffic.count())
			require.Equal(t, tt.requests, done.Requests)
		})
	}
}

func TestResetRequests(t *testing.T) {
	t.Parallel()
	for id, eventID := range map[string]int{"rs-completed": 1, "rs-terminated": 0, "rs-parent": 0, "rs-counter": 0, "rs-threw": 0} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			f := loaded(t, golden.Load(t, "v2/reset").Dumps["finished"])
			planned, err := f.PlanReset(t.Context(), id, eventID, nil)
			require.NoError(t, err)
			require.Zero(t, f.writes())
			f.traffic.reset()
			done, err := f.Reset(t.Context(), id, eventID, "repaired", &durable.ResetOptions{Force: true})
			require.NoError(t, err)
			require.Equal(t, planned, done)
			require.Equal(t, 5, f.traffic.count())
			require.Equal(t, 5, done.Requests)
		})
	}
}

func TestRewindPlan(t *testing.T) {
	t.Parallel()
	f := loaded(t, golden.Load(t, "v2/rewind-two-children").Dumps["failed"])
	plan, err := f.PlanRewind(t.Context(), "rw-2c", nil)
	require.NoError(t, err)
	require.Len(t, plan.Instances, 3)
	top, child := plan.Instances[0], plan.Instances[1]
	require.Equal(t, "rw-2c", top.InstanceID)
	require.Equal(t, "TwoChildrenFailUntilFixed", top.Name)
	require.Equal(t, durable.RuntimeStatusFailed, top.Status)
	require.False(t, top.Woken)
	require.Equal(t, []durable.PlannedAction{
		{EventID: 1, Type: durable.EventSubOrchestrationCreated, Name: "FailsUntilFixed"}, // its answer came first
		{EventID: 0, Type: durable.EventSubOrchestrationCreated, Name: "FailsUntilFixed"},
	}, []durable.PlannedAction{top.Fatal[0].PlannedAction, top.Fatal[1].PlannedAction})
	require.Contains(t, top.Fatal[0].Message, "the database connection string is wrong")
	require.NotEmpty(t, top.Fatal[0].Why)
	require.Empty(t, top.Rerun)
	require.Len(t, top.Changes, 5)
	require.Equal(t, durable.PlannedChange{
		RowKey: "0000000000000002", EventID: 0, From: durable.EventSubOrchestrationCreated,
		To: durable.EventSubOrchestrationCreated, Reason: "Rewound: SubOrchestrationInstanceCreated",
	}, top.Changes[0])
	require.Equal(t, durable.EventExecutionCompleted, top.Changes[4].From, "the end comes last")
	require.Equal(t, "rw-2c", child.ParentID)
	require.True(t, child.Woken)
	require.Len(t, child.Changes, 3)
}

// The text is for a person who decides.
func TestRewindPlanText(t *testing.T) {
	t.Parallel()
	f := inMemoryAt(t, clocks["soon after"])
	f.forge(t, "order-7", wire.StatusFailed, called{}, "start\nact 0 Reserve\nsub 1 order-7-pay\nstart\ndone 0\nstart\nsubfail 1\n"+
		"act 2 Alert\nsend 3 @stock@7\nstart\ndone 2\nend 4 Failed Orchestrator failed")
	f.forge(t, "order-7-pay", wire.StatusFailed, called{parent: "order-7", eventID: 1},
		"start\nact 0 Charge\nact 1 Notify\nstart\nfail 0 twice\nend 2 Failed broken")
	plan, err := f.PlanRewind(t.Context(), "order-7", nil)
	require.NoError(t, err)
	require.Equal(t, `order-7 (Orchestrator), Failed
  failed   SubOrchestrationInstanceCreated 1 Orchestrator: the child broke
           fatal because the orchestration caught it, and its end names it
  change   row 0000000000000003: SubOrchestrationInstanceCreated 1, "Rewound: SubOrchestrationInstanceCreated"
  change   row 0000000000000007: SubOrchestrationInstanceFailed becomes GenericEvent, "Rewound: SubOrchestrationInstanceFailed"
  change   row 0000000000000008: TaskScheduled 2 becomes GenericEvent, "Rewound: TaskScheduled"
  change   row 0000000000000009: EventSent 3 becomes GenericEvent, "Rewound: EventSent"
  change   row 000000000000000B: TaskCompleted becomes GenericEvent, "Rewound: TaskCompleted"
  change   row 000000000000000C: ExecutionCompleted 4 becomes GenericEvent, "Rewound: ExecutionCompleted"
  rerun    TaskScheduled 2 Alert
  WARNING  SentAgain: the call of an entity to @stock@7 will be sent again
order-7-pay (Orchestrator), Failed, called by order-7
  failed   TaskScheduled 0 Charge: it broke twice
           fatal because the orchestration ended when it arrived
  change   row 0000000000000002: TaskScheduled 0 becomes GenericEvent, "Rewound: TaskScheduled"
  change   row 0000000000000003: TaskScheduled 1 becomes GenericEvent, "Rewound: TaskScheduled"
  change   row 0000000000000005: TaskFailed becomes GenericEvent, "Rewound: TaskFailed"
  change   row 0000000000000006: ExecutionCompleted 2 becomes GenericEvent, "Rewound: ExecutionCompleted"
  wake
instances: 2, requests: 9, warnings: 1
`, plan.String())
}

// Long texts lie in blobs. What they say decides, and they stay there.
func TestRewindReadsLongTexts(t *testing.T) {
	t.Parallel()
	prepare := func() *fixture {
		f := inMemoryAt(t, clocks["soon after"])
		f.forge(t, "a", wire.StatusFailed, called{}, "start\nact 0 Charge\nstart\nfail 0\nact 1 Alert\nstart\ndone 1\nend 2 Failed")
		for _, e := range f.historyOf(t, "a") {
			for eventType, column := range map[string]string{wire.TaskFailed: wire.ColReason, wire.ExecutionCompleted: wire.ColResult} {
				if e.Text(wire.ColEventType) == eventType {
					e.Set(column, storage.StringValue(""))
					e.Set(column+wire.BlobNameSuffix, storage.StringValue("a/"+column))
					_, err := f.storage.Tables.Update(t.Context(), f.names.History(), &e, storage.Replace, storage.Any)
					require.NoError(t, err)
				}
			}
		}
		f.traffic.reset()
		return f
	}
	f := prepare()
	f.putBlob(t, "a/Reason", "a long story")
	f.putBlob(t, "a/Result", "Charge failed")
	plan, err := f.Rewind(t.Context(), "a", "repaired", nil)
	require.NoError(t, err)
	require.Equal(t, "a long story", plan.Instances[0].Fatal[0].Message)
	require.Equal(t, 7, plan.Requests)
	require.Equal(t, 7, f.traffic.count())
	rows := f.historyOf(t, "a")
	end := rows[len(rows)-1]
	require.Equal(t, "a/Result", end.Text(wire.ColResult+wire.BlobNameSuffix))
	require.Empty(t, end.Text(wire.ColResult))

	plan, err = prepare().PlanRewind(t.Context(), "a", nil)
	require.NoError(t, err)
	require.Equal(t, "Ambiguous", plan.Instances[0].Warnings[0].Code, "without the texts there is less to go by")

	f = prepare()
	f.fault.SetHook(faultstore.FailNth(1, faultstore.Before, errNetwork, faultstore.Op("Open")))
	_, err = f.PlanRewind(t.Context(), "a", nil)
	require.ErrorIs(t, err, errNetwork)
}
