package durabletest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	dt "github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/tap"
	"github.com/go-durable/durable/internal/wire"
)

// TestStartRules sends start messages that are not to run.
func TestStartRules(t *testing.T) {
	t.Parallel()
	hub, host := withScript(t, dt.Activity{Name: "Count"}, dt.Complete{Output: "ran"})
	queue := fmt.Sprintf("testhub-control-%02d", wire.Partition("1", 4))
	send := func(executionID string, generation int, created time.Time) {
		s := wire.Start{InstanceID: "1", ExecutionID: executionID, Name: "Order", Created: created, Generation: generation}
		require.NoError(t, hub.Account().Queues.Put(t.Context(), queue, wire.EncodeText(s.StartMessage().JSON()), 0))
	}
	send("none", 0, hub.Now()) // there is no row: tried ten times
	host.RunUntilIdle()
	require.Len(t, hub.Messages(), 1)
	host.Advance(17*time.Minute + 3*time.Second)
	hub.RequireNoMessages()

	start(t, hub, "Order", "1", `1`)
	send("same generation", 0, hub.Now()) // later than the row, which is Pending
	send("older generation", -1, hub.Now())
	host.RunUntilIdle()
	require.Equal(t, `"ran"`, output(t, hub, "1"))
	require.Len(t, hub.Messages(), 1)
	host.Advance(time.Hour)
	hub.RequireNoMessages()
	require.Equal(t, `"ran"`, output(t, hub, "1"))
}

func TestScheduledStart(t *testing.T) {
	t.Parallel()
	hub, host := withScript(t, dt.Complete{})
	at := hub.Now().Add(time.Hour)
	_, err := hub.Client().StartNew(t.Context(), "Order", nil, &durable.StartNewOptions{InstanceID: "1", ScheduledStartTime: at})
	require.NoError(t, err)
	host.Advance(59 * time.Minute)
	hub.RequireStatus("1", durable.RuntimeStatusPending)
	host.Advance(time.Hour)
	hub.RequireStatus("1", durable.RuntimeStatusCompleted)
	require.Equal(t, at.UTC().Truncate(wire.Tick), status(t, hub, "1").CompletedTime.Truncate(wire.Tick))
}

// TestEarlyAnswer gets the answer of an activity before the history says that it was asked for.
func TestEarlyAnswer(t *testing.T) {
	t.Parallel()
	hub, host := withScript(t, dt.WaitForEvent{Name: "Go"}, dt.Activity{Name: "Pack", Takes: time.Hour}, dt.Decide(completeWithLast))
	start(t, hub, "Order", "1", `1`)
	host.RunUntilIdle()
	queue := fmt.Sprintf("testhub-control-%02d", wire.Partition("1", 4))
	to, result := wire.Execution{InstanceID: "1", ExecutionID: status(t, hub, "1").ExecutionID}, "5"
	answer := wire.TaskCompletedMessage(to, 0, &result, hub.Now())
	answer.SenderInstanceID = "1"
	put := func(m *wire.Message) {
		require.NoError(t, hub.Account().Queues.Put(t.Context(), queue, wire.EncodeText(m.JSON()), 0))
	}
	put(answer)
	host.RunUntilIdle()
	hub.RequireStatus("1", durable.RuntimeStatusRunning)
	raise(t, hub, "1", "Go", `1`)
	host.RunUntilIdle()
	host.Advance(2 * time.Second)
	require.Equal(t, `5`, output(t, hub, "1"))
	host.Advance(time.Hour) // the answer of the activity itself changes nothing
	require.Equal(t, `5`, output(t, hub, "1"))
	hub.RequireNoMessages()

	// For an instance of which there is nothing it is given up.
	to.ExecutionID = "gone"
	put(wire.TaskCompletedMessage(to, 0, &result, hub.Now()))
	to.InstanceID = "1"
	host.Advance(time.Minute)
	hub.RequireNoMessages()
}

// TestHostPoison reports messages that no worker could read, and goes on.
func TestHostPoison(t *testing.T) {
	t.Parallel()
	hub, host := withScript(t, dt.Complete{})
	start(t, hub, "Order", "1", `1`)
	for _, queue := range []string{fmt.Sprintf("testhub-control-%02d", wire.Partition("1", 4)), "testhub-workitems"} {
		require.NoError(t, hub.Account().Queues.Put(t.Context(), queue, "!", 0))
	}
	err := host.Host.RunUntilIdle(t.Context())
	require.ErrorContains(t, err, "testhub-workitems: the message is neither JSON nor Base64")
	require.ErrorContains(t, err, "testhub-control-")
	hub.RequireStatus("1", durable.RuntimeStatusCompleted)
	host.RunUntilIdle() // they are hidden for a while
	require.Len(t, hub.Messages(), 2)
	require.Error(t, host.Host.Advance(t.Context(), 2*time.Second))
}

func TestBadScripts(t *testing.T) {
	t.Parallel()
	bad := make(chan int)
	tests := map[string]dt.Step{
		"nil":               nil,
		"no name":           dt.Activity{},
		"too long":          dt.Activity{Name: "A", Takes: 8 * 24 * time.Hour},
		"too exact":         dt.Activity{Name: "A", Takes: 1500 * time.Millisecond},
		"result and Do":     dt.Activity{Name: "A", Result: 1, Do: func(context.Context, dt.ActivityCall) (any, error) { return nil, nil }},
		"result, failure":   dt.Activity{Name: "A", Result: 1, Failure: "f"},
		"input":             dt.Activity{Name: "A", Input: bad},
		"event":             dt.WaitForEvent{},
		"time-out":          dt.WaitForEvent{Name: "E", Timeout: -1},
		"timer":             dt.Timer{Duration: -1},
		"status":            dt.CustomStatus{Status: strings.Repeat("x", 9000)},
		"child":             dt.SubOrchestration{},
		"child's ID":        dt.SubOrchestration{Name: "A", InstanceID: "a/b"},
		"send":              dt.SendEvent{Name: "A"},
		"parallel":          dt.Parallel{},
		"in parallel":       dt.Parallel{dt.Timer{Duration: -1}},
		"decide":            dt.Decide(nil),
		"output":            dt.Complete{Output: bad},
		"input of new":      dt.ContinueAsNew{Input: bad},
		"in another script": dt.Script{dt.Complete{Output: bad}},
	}
	for name, step := range tests {
		_, err := dt.NewHost(dt.NewHub(t, nil).Hub, dt.Scripts{"Order": {step}}, nil)
		require.ErrorIs(t, err, durable.ErrInvalidArgument, name)
		hub, host := withScript(t, dt.Complete{})
		require.Error(t, host.Host.SetScript("Order", dt.Script{step}), name)
		if step == nil {
			continue
		}
		require.NoError(t, host.Host.SetScript("Order", dt.Script{dt.Decide(func(*dt.Progress) dt.Step { return step })}))
		start(t, hub, "Order", "1", `1`)
		err = host.Host.RunUntilIdle(t.Context())
		require.ErrorIs(t, err, durable.ErrInvalidArgument, name)
		require.ErrorContains(t, err, "a step that was decided", name)
		hub.RequireStatus("1", durable.RuntimeStatusPending)
	}
	_, err := dt.NewHost(dt.NewHub(t, nil).Hub, dt.Scripts{"": {}}, nil)
	require.ErrorIs(t, err, durable.ErrInvalidArgument)
}

// TestEndlessScript has scripts that never wait.
func TestEndlessScript(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]dt.Step{"decide": nil, "status": dt.CustomStatus{Status: 1}} {
		var loop dt.Decide
		loop = func(*dt.Progress) dt.Step {
			if again == nil {
				return loop
			}
			return dt.Script{again, loop}
		}
		hub, host := withScript(t, loop)
		start(t, hub, "Order", "1", `1`)
		err := host.Host.RunUntilIdle(t.Context())
		require.ErrorContains(t, err, `instance "1": the script "Order" goes on and on`, name)
		hub.RequireStatus("1", durable.RuntimeStatusPending)
	}
}

// TestRewrittenHistory takes an action back while the host is up and knows where the script stands, as somebody does who
// has an activity scheduled again.
func TestRewrittenHistory(t *testing.T) {
	t.Parallel()
	hub, host := withScript(t, dt.Activity{Name: "Pack", Takes: time.Hour}, dt.Decide(completeWithLast))
	start(t, hub, "Order", "1", `1`)
	host.RunUntilIdle()
	tables := hub.Account().Tables
	row, err := tables.Get(t.Context(), "TestHubHistory", "1", fmt.Sprintf("%016X", 2))
	require.NoError(t, err)
	require.Equal(t, wire.TaskScheduled, row.Text(wire.ColEventType))
	row.Set(wire.ColEventType, storage.StringValue(wire.GenericEvent))
	sentinel := &storage.Entity{PartitionKey: "1", RowKey: wire.SentinelKey}
	require.NoError(t, tables.Batch(t.Context(), "TestHubHistory", []storage.Op{
		{Kind: storage.OpReplace, Entity: row, Match: row.ETag}, {Kind: storage.OpMerge, Entity: sentinel},
	}))
	queue := fmt.Sprintf("testhub-control-%02d", wire.Partition("1", 4))
	wake := wire.WakeMessage("1", "again", hub.Now())
	require.NoError(t, hub.Account().Queues.Put(t.Context(), queue, wire.EncodeText(wake.JSON()), 0))
	host.RunUntilIdle()
	require.Contains(t, texts(t, hub, "1"), "TaskScheduled Pack")
}

// TestOvertaken lets a second host go on with an instance just when the first one has written its history.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	hub := dt.NewHub(t, nil)
	scripts := dt.Scripts{"Order": {dt.WaitForEvent{Name: "a"}, dt.WaitForEvent{Name: "b"}, dt.Complete{Output: "both"}}}
	second := hub.NewHost(scripts, nil)
	overtaken := false
	first := hub.Tapped(t, func(_ context.Context, c tap.Call) error {
		if c.Phase == tap.After && c.Op == "Batch" && !overtaken {
			overtaken = true
			raise(t, hub, "1", "a", `1`)
			second.RunUntilIdle()
		}
		return c.Err
	}).NewHost(scripts, nil)
	start(t, hub, "Order", "1", `1`)
	first.RunUntilIdle()
	raise(t, hub, "1", "b", `1`)
	first.RunUntilIdle()
	require.Equal(t, `"both"`, output(t, hub, "1"))
	require.Contains(t, texts(t, hub, "1"), "EventRaised a")
}

// TestScriptSetMeanwhile gives an orchestrator another script while an instance has a turn by the old one.
func TestScriptSetMeanwhile(t *testing.T) {
	t.Parallel()
	hub := dt.NewHub(t, nil)
	var host *dt.TestHost
	host = hub.Tapped(t, func(_ context.Context, c tap.Call) error {
		if c.Phase == tap.Before && c.Op == "Batch" {
			host.SetScript("Order", dt.Script{dt.WaitForEvent{Name: "Go"}, dt.Complete{Output: "new"}})
		}
		return c.Err
	}).NewHost(dt.Scripts{"Order": {dt.WaitForEvent{Name: "Go"}, dt.Complete{Output: "old"}}}, nil)
	start(t, hub, "Order", "1", `1`)
	host.RunUntilIdle()
	raise(t, hub, "1", "Go", `1`)
	host.RunUntilIdle()
	require.Equal(t, `"new"`, output(t, hub, "1"))
}
