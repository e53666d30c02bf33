package operate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

// recordedMessage returns the message that was sent to an instance when it was recorded, as compact JSON.
func recordedMessage(t *testing.T, instanceID string) string {
	t.Helper()
	for _, s := range golden.Load(t, "v2/unblock").Steps {
		var sent struct {
			Sent    string
			Message json.RawMessage
		}
		require.NoError(t, json.Unmarshal(s.Raw, &sent))
		if sent.Sent == instanceID {
			var b bytes.Buffer
			require.NoError(t, json.Compact(&b, sent.Message))
			return b.String()
		}
	}
	t.Fatalf("nothing was sent to %s", instanceID)
	return ""
}

// onlyMessage returns the one message in the control queue of an instance, as JSON.
func (h *hub) onlyMessage(t *testing.T, instanceID string) string {
	t.Helper()
	messages, err := h.storage.Queues.Peek(t.Context(), h.queueOf(instanceID), 32)
	require.NoError(t, err)
	require.Len(t, messages, 1)
	data, err := wire.DecodeText(messages[0].Text)
	require.NoError(t, err)
	return string(data)
}

// Real hosts took these messages up when they were recorded.
func TestUnblockAsRecorded(t *testing.T) {
	t.Parallel()
	tests := []struct {
		instance string
		move     func(context.Context, *hub) (*operate.Move, error)
	}{
		{"ub-timer", func(ctx context.Context, h *hub) (*operate.Move, error) {
			return operate.FireTimer(ctx, h.OrchestrationClient, "ub-timer", 0, nil)
		}},
		{"ub-timeout", func(ctx context.Context, h *hub) (*operate.Move, error) {
			return operate.FireTimer(ctx, h.OrchestrationClient, "ub-timeout", 0, nil)
		}},
		{"ub-complete", func(ctx context.Context, h *hub) (*operate.Move, error) {
			return operate.CompleteActivity(ctx, h.OrchestrationClient, "ub-complete", 0, "by hand", nil)
		}},
		{"ub-fail", func(ctx context.Context, h *hub) (*operate.Move, error) {
			return operate.FailActivity(ctx, h.OrchestrationClient, "ub-fail", 0, "given up by the operator", nil)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.instance, func(t *testing.T) {
			t.Parallel()
			h := load(t, "v2/unblock", "blocked")
			m, err := tt.move(t.Context(), h)
			require.NoError(t, err)
			require.True(t, m.Done)
			require.Empty(t, m.Row)
			want, have := recordedMessage(t, tt.instance), h.onlyMessage(t, tt.instance)
			require.Equal(t, golden.NormalizeText(want), golden.NormalizeText(have))
			require.Contains(t, have, m.ExecutionID)
			require.Contains(t, want, m.ExecutionID, "not a number in its place")
			if m.Message == durable.EventTimerFired {
				require.Contains(t, want, `"FireAt":"`+wire.FormatTime(m.Action.Due)+`"`)
			}
		})
	}
}

func TestRescheduleAsRecorded(t *testing.T) {
	t.Parallel()
	h := load(t, "v2/unblock", "lost")
	h.clock.add(2 * time.Minute)
	m, err := operate.Reschedule(t.Context(), h.OrchestrationClient, "ub-lost", 0, "scheduled again by the operator", nil)
	require.NoError(t, err)
	require.Equal(t, "0000000000000002", m.Row)
	require.Equal(t, golden.NormalizeText(recordedMessage(t, "ub-lost")), golden.NormalizeText(h.onlyMessage(t, "ub-lost")))
	// What the recorder rewrote shows in the last dump, when the instance had completed.
	found := golden.Load(t, "v2/unblock").Dumps["found"]
	rows := 0
	for _, want := range found.Tables[h.History()] {
		if want.PartitionKey != "ub-lost" || want.RowKey > "0000000000000003" {
			continue
		}
		rows++
		require.ElementsMatch(t, want.Columns, h.entity(t, h.History(), "ub-lost", want.RowKey).Columns)
	}
	require.Equal(t, 4, rows)
}

func TestUnblockRefused(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	due := at(wire.ColFireAt, noon.Add(time.Hour))
	h.running(t, "runs", action(wire.TaskScheduled, 0, str(wire.ColName, "A")), action(wire.TimerCreated, 1, due),
		action(wire.SubOrchestrationInstanceCreated, 2, str(wire.ColName, "C"), str(wire.ColInstanceID, "runs:2")),
		action(wire.TaskScheduled, 3, str(wire.ColName, "B")), done(wire.TaskCompleted, 3), action(wire.EventSent, 4))
	for _, status := range []string{wire.StatusCompleted, wire.StatusFailed, wire.StatusTerminated, wire.StatusCanceled} {
		h.ended(t, status, status)
	}
	h.row(t, "pending", wire.StatusPending)
	h.history(t, "behind", episode(started(), action(wire.TaskScheduled, 0), end(1, wire.StatusCompleted))...)
	h.row(t, "behind", wire.StatusRunning)
	h.history(t, "replaced", episode(started(), action(wire.TaskScheduled, 0))...)
	h.row(t, "replaced", wire.StatusPending, str(wire.ColExecutionID, "another"))
	h.running(t, "damaged", done(wire.TaskCompleted, 7), action(wire.TaskScheduled, 0))
	h.running(t, "detaches", action(wire.SubOrchestrationInstanceCreated, 0, str(wire.ColName, "C"), str(wire.ColInstanceID, "alone")))
	h.history(t, "alone", episode(started(parent("detaches", 0), str(wire.ColTags, `{"FireAndForget":""}`)))...)
	h.row(t, "alone", wire.StatusRunning)
	h.clock.add(time.Hour)
	c := h.OrchestrationClient
	moves := map[string]func(id string, eventID int) error{
		"FireTimer": func(id string, n int) error { _, err := operate.FireTimer(t.Context(), c, id, n, nil); return err },
		"CompleteActivity": func(id string, n int) error {
			_, err := operate.CompleteActivity(t.Context(), c, id, n, 1, nil)
			return err
		},
		"FailActivity": func(id string, n int) error {
			_, err := operate.FailActivity(t.Context(), c, id, n, "reason", nil)
			return err
		},
		"CompleteSubOrchestration": func(id string, n int) error {
			_, err := operate.CompleteSubOrchestration(t.Context(), c, id, n, 1, nil)
			return err
		},
		"FailSubOrchestration": func(id string, n int) error {
			_, err := operate.FailSubOrchestration(t.Context(), c, id, n, "reason", nil)
			return err
		},
		"Reschedule": func(id string, n int) error {
			_, err := operate.Reschedule(t.Context(), c, id, n, "reason", nil)
			return err
		},
	}
	right := map[string]int{
		"FireTimer": 1, "CompleteActivity": 0, "FailActivity": 0, "CompleteSubOrchestration": 2, "FailSubOrchestration": 2, "Reschedule": 0,
	}
	before := h.dump(t)
	for op, move := range moves {
		t.Run(op, func(t *testing.T) {
			refuse := func(id string, eventID int, want error) {
				t.Helper()
				err := move(id, eventID)
				require.ErrorIs(t, err, want)
				var e *durable.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, []string{op, "Hub", id}, []string{e.Op, e.TaskHub, e.InstanceID})
			}
			refuse("nobody", 0, durable.ErrInstanceNotFound)
			refuse("", 0, durable.ErrInvalidArgument)
			refuse("@counter@one", 0, durable.ErrInvalidArgument)
			refuse("runs", -1, durable.ErrInvalidArgument)
			refuse("runs", 99, durable.ErrInvalidArgument)
			refuse("runs", 4, durable.ErrInvalidArgument) // a sent event waits for nothing
			for id := range 3 {
				if id != right[op] {
					refuse("runs", id, durable.ErrInvalidArgument) // another kind of action
				}
			}
			if right[op] == 0 {
				refuse("runs", 3, durable.ErrInvalidState) // has its completion
			}
			for _, id := range []string{wire.StatusCompleted, wire.StatusFailed, wire.StatusTerminated, wire.StatusCanceled} {
				refuse(id, 0, durable.ErrInvalidState)
			}
			for _, id := range []string{"pending", "behind", "replaced", "damaged"} {
				refuse(id, 0, durable.ErrInvalidState)
			}
			if right[op] == 2 {
				refuse("detaches", 0, durable.ErrInvalidState)
			}
		})
	}
	h.noWrites(t)
	h.unchanged(t, before)
}

func TestUnblockBadInput(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.running(t, "runs", action(wire.TaskScheduled, 0, str(wire.ColName, "A")))
	h.clock.add(time.Hour)
	ctx, c := t.Context(), h.OrchestrationClient
	_, err := operate.CompleteActivity(ctx, c, "runs", 0, make(chan int), nil)
	require.ErrorIs(t, err, durable.ErrInvalidArgument)
	_, err = operate.CompleteActivity(ctx, c, "runs", 0, json.RawMessage("{"), nil)
	require.ErrorIs(t, err, durable.ErrInvalidArgument)
	_, err = operate.FailActivity(ctx, c, "runs", 0, "x", &operate.FailureOptions{FailureDetails: json.RawMessage(`[]`)})
	require.ErrorIs(t, err, durable.ErrInvalidArgument)
	_, err = operate.Reschedule(ctx, c, "runs", 0, "\xff", nil)
	require.ErrorIs(t, err, durable.ErrInvalidArgument)
	_, err = operate.Reschedule(ctx, c, "runs", 0, "x", &operate.RescheduleOptions{IdleTime: -1})
	require.ErrorIs(t, err, durable.ErrInvalidArgument)
	require.Zero(t, h.fault.Count(nil), "bad input does not get as far as the storage")
}

// What was meant for one execution is not done to the next: between a look and a move an instance may start anew.
func TestUnblockAnotherExecution(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.running(t, "runs", action(wire.TaskScheduled, 0), action(wire.TimerCreated, 1, at(wire.ColFireAt, noon)),
		action(wire.SubOrchestrationInstanceCreated, 2, str(wire.ColInstanceID, "child")))
	h.clock.add(time.Hour)
	h.fault.Reset()
	ctx, c := t.Context(), h.OrchestrationClient
	move := operate.MoveOptions{ExecutionID: "the one before"}
	_, fired := operate.FireTimer(ctx, c, "runs", 1, &move)
	_, completed := operate.CompleteActivity(ctx, c, "runs", 0, 1, &move)
	_, failed := operate.FailActivity(ctx, c, "runs", 0, "no", &operate.FailureOptions{MoveOptions: move})
	_, answered := operate.CompleteSubOrchestration(ctx, c, "runs", 2, 1, &move)
	_, refused := operate.FailSubOrchestration(ctx, c, "runs", 2, "no", &operate.FailureOptions{MoveOptions: move})
	_, again := operate.Reschedule(ctx, c, "runs", 0, "again", &operate.RescheduleOptions{MoveOptions: move})
	for _, err := range []error{fired, completed, failed, answered, refused, again} {
		require.ErrorIs(t, err, durable.ErrConflict)
		require.ErrorContains(t, err, executionOf("runs"))
	}
	h.noWrites(t)
	move.ExecutionID = executionOf("runs")
	_, err := operate.FireTimer(ctx, c, "runs", 1, &move)
	require.NoError(t, err)
	h.row(t, "runs", wire.StatusRunning, str(wire.ColExecutionID, ""))
	_, err = operate.FireTimer(ctx, c, "runs", 1, &move)
	require.NoError(t, err, "only the history says which execution it is")
}

func TestUnblockDryRun(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.running(t, "runs", action(wire.TaskScheduled, 0, str(wire.ColName, "A")), action(wire.TimerCreated, 1, at(wire.ColFireAt, noon)))
	h.clock.add(time.Hour)
	before := h.dump(t)
	dry := operate.MoveOptions{DryRun: true}
	m, err := operate.Reschedule(t.Context(), h.OrchestrationClient, "runs", 0, "x", &operate.RescheduleOptions{MoveOptions: dry})
	require.NoError(t, err)
	require.False(t, m.Done)
	require.Equal(t, "A", m.Action.Name)
	m, err = operate.FireTimer(t.Context(), h.OrchestrationClient, "runs", 1, &dry)
	require.NoError(t, err)
	require.Equal(t, durable.EventTimerFired, m.Message)
	require.False(t, m.Done)
	h.noWrites(t)
	h.unchanged(t, before)
}

func TestUnblockUncertain(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.running(t, "runs", action(wire.TimerCreated, 0, at(wire.ColFireAt, noon)))
	h.fault.SetHook(faultstore.FailNth(1, faultstore.After, storage.ErrUncertain, faultstore.Op("Put")))
	m, err := operate.FireTimer(t.Context(), h.OrchestrationClient, "runs", 0, nil)
	require.ErrorIs(t, err, durable.ErrUncertain)
	require.False(t, m.Done)
	require.Len(t, h.sent(t, "runs"), 1)
}

func TestFailureDetails(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.running(t, "runs", action(wire.TaskScheduled, 0),
		action(wire.SubOrchestrationInstanceCreated, 1, str(wire.ColName, "C"), str(wire.ColInstanceID, "runs:1")))
	_, err := operate.FailActivity(t.Context(), h.OrchestrationClient, "runs", 0, "why", &operate.FailureOptions{FailureDetails: []byte{}})
	require.NoError(t, err)
	require.Contains(t, string(h.sent(t, "runs")[0].Event), `"FailureDetails":null`)
	h.drain(t)
	opts := &operate.FailureOptions{Details: "how", FailureDetails: json.RawMessage(`{"ErrorType":"E"}`)}
	_, err = operate.FailActivity(t.Context(), h.OrchestrationClient, "runs", 0, "why", opts)
	require.NoError(t, err)
	m, err := operate.FailSubOrchestration(t.Context(), h.OrchestrationClient, "runs", 1, "why", opts)
	require.NoError(t, err)
	require.Len(t, m.Notes, 1)
	for i, m := range h.sent(t, "runs") {
		var ev struct {
			Reason, Details string
			FailureDetails  struct{ ErrorType string }
			TaskScheduledID int
		}
		require.NoError(t, json.Unmarshal(m.Event, &ev))
		require.Equal(t, i, ev.TaskScheduledID)
		require.Equal(t, "why", ev.Reason)
		require.Equal(t, opts.Details, ev.Details)
		require.Equal(t, "E", ev.FailureDetails.ErrorType)
	}
}

// The answer for a sub-orchestration comes from that, as far as the parent can see.
func TestCompleteSubOrchestration(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.running(t, "runs", action(wire.SubOrchestrationInstanceCreated, 0, str(wire.ColName, "C"), str(wire.ColInstanceID, "runs:0")))
	h.history(t, "runs:0", episode(started(parent("runs", 0)))...)
	h.row(t, "runs:0", wire.StatusRunning)
	m, err := operate.CompleteSubOrchestration(t.Context(), h.OrchestrationClient, "runs", 0, map[string]int{"n": 1}, nil)
	require.NoError(t, err)
	require.Contains(t, m.Notes[0], "Running and goes on")
	sent := h.sent(t, "runs")
	require.Len(t, sent, 1)
	require.Equal(t, wire.SubOrchestrationInstanceCompleted, sent[0].EventType)
	require.Equal(t, "runs:0", sent[0].SenderInstanceID)
	require.Equal(t, executionOf("runs:0"), sent[0].SenderExecutionID)
	require.Equal(t, executionOf("runs"), sent[0].ExecutionID)
}
