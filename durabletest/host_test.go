package durabletest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	dt "github.com/go-durable/durable/durabletest"
)

// withScript returns a hub on which a host runs one script, "Order".
func withScript(t *testing.T, steps ...dt.Step) (*dt.TestHub, *dt.TestHost) {
	t.Helper()
	hub := dt.NewHub(t, nil)
	return hub, hub.NewHost(dt.Scripts{"Order": steps}, nil)
}

func output(t *testing.T, hub *dt.TestHub, id string) string {
	t.Helper()
	return string(status(t, hub, id).Output)
}

func TestTimer(t *testing.T) {
	t.Parallel()
	hub, host := withScript(t, dt.Timer{Duration: 1500 * time.Millisecond}, dt.Timer{Duration: 20 * 24 * time.Hour},
		dt.Complete{Output: "slept"})
	start(t, hub, "Order", "1", `1`)
	host.RunUntilIdle()
	begin := hub.Now()
	host.Advance(20 * 24 * time.Hour)
	hub.RequireStatus("1", durable.RuntimeStatusRunning)
	host.Advance(2 * time.Second)
	hub.RequireStatus("1", durable.RuntimeStatusCompleted)
	hub.RequireNoMessages()
	require.Equal(t, begin.Add(20*24*time.Hour+2*time.Second), hub.Now())
	events, err := hub.Client().GetHistory(t.Context(), "1", nil)
	require.NoError(t, err)
	fired := 0
	for _, e := range events {
		if e.Type == durable.EventTimerFired {
			fired++
		}
	}
	require.Equal(t, 1+6, fired) // no message can be hidden for 20 days: five hops of three days, and the rest
}

func TestEventOrTimeout(t *testing.T) {
	t.Parallel()
	hub, host := withScript(t, dt.WaitForEvent{Name: "Approval", Timeout: time.Hour}, dt.Decide(func(p *dt.Progress) dt.Step {
		if p.Last().TimedOut {
			return dt.Fail{Reason: "nobody cared"}
		}
		return dt.Complete{Output: p.Last().Value}
	}))
	for _, id := range []string{"late", "early", "in time"} {
		start(t, hub, "Order", id, `1`)
	}
	raise(t, hub, "early", "approval", `"before it ran"`)
	host.RunUntilIdle()
	require.Equal(t, `"before it ran"`, output(t, hub, "early"))
	host.Advance(59 * time.Minute)
	raise(t, hub, "in time", "Approval", `"at last"`)
	host.Advance(2 * time.Minute)
	require.Equal(t, `"at last"`, output(t, hub, "in time"))
	require.Equal(t, `"nobody cared"`, output(t, hub, "late"))
	hub.RequireNoMessages() // timers that nobody waits for are gone, too
}

func TestSuspended(t *testing.T) {
	t.Parallel()
	hub, host := withScript(t,
		dt.Activity{Name: "Pack", Takes: time.Minute}, dt.WaitForEvent{Name: "Go"}, dt.Decide(completeWithLast))
	start(t, hub, "Order", "1", `1`)
	host.RunUntilIdle()
	require.NoError(t, hub.Client().Suspend(t.Context(), "1", "hold", nil))
	host.Advance(time.Hour)
	large := fmt.Sprintf("%q", strings.Repeat("x", 60_000)) // goes into a blob when the row is written
	raise(t, hub, "1", "Go", large)
	host.RunUntilIdle()
	hub.RequireStatus("1", durable.RuntimeStatusSuspended)
	require.NoError(t, hub.Client().Resume(t.Context(), "1", "go", nil))
	host.RunUntilIdle()
	require.Equal(t, large, output(t, hub, "1"))
}

// TestSuspendedTwice: one resume ends all that has suspended an instance, and what came meanwhile is taken.
func TestSuspendedTwice(t *testing.T) {
	t.Parallel()
	hub, host := withScript(t, dt.WaitForEvent{Name: "Go"}, dt.Decide(completeWithLast))
	start(t, hub, "Order", "1", `1`)
	host.RunUntilIdle()
	for range 2 { // the second one may be a repeat of the first
		require.NoError(t, hub.Client().Suspend(t.Context(), "1", "hold", nil))
	}
	host.RunUntilIdle()
	raise(t, hub, "1", "Go", `"now"`)
	require.NoError(t, hub.Client().Resume(t.Context(), "1", "go", nil))
	host.RunUntilIdle()
	require.Equal(t, `"now"`, output(t, hub, "1"))
}

// TestParallel has a failure beside what takes longer, caught and not.
func TestParallel(t *testing.T) {
	t.Parallel()
	for _, caught := range []bool{false, true} {
		hub, host := withScript(t, dt.Parallel{
			dt.Script{dt.Activity{Name: "Pay", Failure: "no money", Catch: caught}, dt.CustomStatus{Status: "caught"}},
			dt.Activity{Name: "Pack", Result: 5, Takes: time.Minute},
			dt.CustomStatus{Status: "packing"},
		}, dt.Decide(func(p *dt.Progress) dt.Step { return dt.Complete{Output: p.Last().Branches} }))
		start(t, hub, "Order", "1", `1`)
		host.RunUntilIdle()
		hub.RequireStatus("1", durable.RuntimeStatusRunning)
		host.Advance(time.Minute)
		if !caught {
			hub.RequireStatus("1", durable.RuntimeStatusFailed)
			require.Equal(t, `"Orchestrator function 'Order' failed: The activity function 'Pay' failed: \"no money\". `+
				`See the function execution logs for additional details."`, output(t, hub, "1"))
			continue
		}
		require.Equal(t, `"caught"`, string(status(t, hub, "1").CustomStatus))
		var branches []dt.Outcome
		require.NoError(t, status(t, hub, "1").DecodeOutput(&branches))
		require.Equal(t, []dt.Outcome{{Name: "Pay", Failure: "no money"}, {Name: "Pack", Value: json.RawMessage(`5`)}, {}}, branches)
	}
}

func TestChildren(t *testing.T) {
	t.Parallel()
	hub, host := withScript(t,
		dt.SubOrchestration{Name: "Pack", Input: "tea"},
		dt.SubOrchestration{Name: "Pay", Catch: true},
		dt.SubOrchestration{Name: "Pay", InstanceID: "by-name", Catch: true},
		dt.Decide(func(p *dt.Progress) dt.Step { return dt.Complete{Output: p.Outcomes()} }))
	host.SetScript("Pack", dt.Script{dt.Decide(func(p *dt.Progress) dt.Step { return dt.Complete{Output: p.Input()} })})
	host.SetScript("Pay", dt.Script{dt.Fail{Reason: "no money"}})
	start(t, hub, "Order", "1", `1`)
	host.RunUntilIdle()
	var outcomes []dt.Outcome
	require.NoError(t, status(t, hub, "1").DecodeOutput(&outcomes))
	require.Equal(t, []dt.Outcome{
		{Name: "Pack", Value: json.RawMessage(`"tea"`)}, {Name: "Pay", Failure: "no money"}, {Name: "Pay", Failure: "no money"},
	}, outcomes)
	hub.RequireStatus("by-name", durable.RuntimeStatusFailed)
	hub.RequireStatus(status(t, hub, "1").ExecutionID+":0", durable.RuntimeStatusCompleted)
	hub.RequireNoMessages()

	// A child that is terminated has failed for its parent.
	host.SetScript("Pay", dt.Script{dt.WaitForEvent{Name: "never"}})
	start(t, hub, "Order", "2", `1`)
	host.RunUntilIdle()
	for _, id := range []string{status(t, hub, "2").ExecutionID + ":1", "by-name"} {
		require.NoError(t, hub.Client().Terminate(t.Context(), id, "stop "+id, nil))
		host.RunUntilIdle()
	}
	require.NoError(t, status(t, hub, "2").DecodeOutput(&outcomes))
	require.Equal(t, "stop by-name", outcomes[2].Failure)
	require.Contains(t, outcomes[1].Failure, "stop ")
}

func TestSendEvent(t *testing.T) {
	t.Parallel()
	hub, host := withScript(t, dt.SendEvent{InstanceID: "2", Name: "Go", Data: 5}, dt.Complete{})
	host.SetScript("Wait", dt.Script{dt.WaitForEvent{Name: "go"}, dt.Decide(completeWithLast)})
	start(t, hub, "Wait", "2", `1`)
	host.RunUntilIdle()
	start(t, hub, "Order", "1", `1`)
	host.RunUntilIdle()
	require.Equal(t, `5`, output(t, hub, "2"))
}

// TestContinueAsNew keeps events that nobody took, the custom status and the parent.
func TestContinueAsNew(t *testing.T) {
	t.Parallel()
	hub, host := withScript(t, dt.SubOrchestration{Name: "Eternal", Input: 2, InstanceID: "child"}, dt.Decide(completeWithLast))
	host.SetScript("Eternal", dt.Script{dt.WaitForEvent{Name: "next"}, dt.Decide(func(p *dt.Progress) dt.Step {
		var n int
		if err := json.Unmarshal(p.Input(), &n); err != nil || n == 0 {
			return dt.Complete{Output: p.Last().Value}
		}
		if n == 2 {
			return dt.Script{dt.CustomStatus{Status: "went on"}, dt.ContinueAsNew{Input: n - 1}}
		}
		return dt.ContinueAsNew{Input: n - 1}
	})})
	start(t, hub, "Order", "1", `1`)
	host.RunUntilIdle()
	for i := range 3 {
		raise(t, hub, "child", "next", fmt.Sprint(i))
	}
	host.RunUntilIdle()
	require.Equal(t, `2`, output(t, hub, "1"))
	require.Equal(t, `"went on"`, string(status(t, hub, "child").CustomStatus))

	host.SetScript("Endless", dt.Script{dt.ContinueAsNew{}})
	start(t, hub, "Endless", "2", `1`)
	require.ErrorContains(t, host.Host.RunUntilIdle(t.Context()), "again and again")
}

func TestActivities(t *testing.T) {
	t.Parallel()
	var calls []dt.ActivityCall
	do := func(_ context.Context, call dt.ActivityCall) (any, error) {
		calls = append(calls, call)
		if call.Input == nil {
			return nil, errors.New("")
		}
		return len(call.Input), nil
	}
	large := strings.Repeat("x", 100_000)
	hub, host := withScript(t,
		dt.Activity{Name: "Large", Input: large, Do: do}, dt.Activity{Name: "Echo", Result: large},
		dt.Activity{Name: "None", Do: do, Catch: true}, dt.Activity{Name: "Nothing"},
		dt.Decide(func(p *dt.Progress) dt.Step {
			all := p.Outcomes()
			require.Equal(t, `100002`, string(all[0].Value))
			var text string
			require.NoError(t, all[1].Decode(&text))
			require.Equal(t, large, text)
			require.Equal(t, "unknown error", all[2].Failure)
			require.Nil(t, all[3].Value)
			require.NoError(t, all[3].Decode(&text))
			return dt.Complete{Output: large}
		}))
	_, err := hub.Client().StartNew(t.Context(), "Order", large, &durable.StartNewOptions{InstanceID: "1"})
	require.NoError(t, err)
	host.RunUntilIdle()
	require.Equal(t, durable.RuntimeStatusCompleted, status(t, hub, "1").RuntimeStatus)
	require.Len(t, output(t, hub, "1"), 100_002)
	require.Len(t, calls, 2)
	require.Equal(t, "1", calls[0].InstanceID)
	require.Equal(t, "Large", calls[0].Name)
}

// TestShuffle runs parallel activities in an order that depends on the seed alone.
func TestShuffle(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) string {
		var order []string
		var steps dt.Parallel
		for i := range 10 {
			steps = append(steps, dt.Activity{Name: fmt.Sprint(i), Do: func(_ context.Context, call dt.ActivityCall) (any, error) {
				order = append(order, call.Name)
				return nil, nil
			}})
		}
		hub := dt.NewHub(t, nil)
		host := hub.NewHost(dt.Scripts{"Order": {steps}}, &dt.HostOptions{Shuffle: rand.New(rand.NewPCG(seed, 0))}) //nolint:gosec // a test
		start(t, hub, "Order", "1", `1`)
		host.RunUntilIdle()
		hub.RequireStatus("1", durable.RuntimeStatusCompleted)
		return strings.Join(order, "")
	}
	require.NotEqual(t, "0123456789", run(1))
	require.Equal(t, run(1), run(1))
	require.NotEqual(t, run(1), run(2))
}

// TestSameEveryTime runs children with generated IDs, which decide on their partitions: the same comes of it every time,
// to the byte, and in the same order.
func TestSameEveryTime(t *testing.T) {
	t.Parallel()
	run := func() (dump, order string) {
		var ran []string
		var children dt.Parallel
		scripts := dt.Scripts{}
		for _, name := range []string{"A", "B", "C", "D", "E", "F"} {
			children = append(children, dt.SubOrchestration{Name: name})
			scripts[name] = dt.Script{dt.Activity{Name: "Note", Do: func(context.Context, dt.ActivityCall) (any, error) {
				ran = append(ran, name)
				return strings.Repeat(name, 50_000), nil
			}}, dt.Timer{Duration: time.Minute}}
		}
		scripts["Order"] = dt.Script{children, dt.WaitForEvent{Name: "never"}}
		hub := dt.NewHub(t, &dt.Options{Clock: func() time.Time { return time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) }})
		host := hub.NewHost(scripts, nil)
		for range 3 {
			_, err := hub.Client().StartNew(t.Context(), "Order", nil, nil)
			require.NoError(t, err)
		}
		host.Advance(time.Hour)
		var all bytes.Buffer
		hub.Dump(&all)
		return all.String(), strings.Join(ran, "")
	}
	dump, order := run()
	require.Len(t, order, 18)
	for range 5 {
		again, sameOrder := run()
		require.Equal(t, order, sameOrder)
		require.True(t, dump == again)
	}
}

// TestLoadedHubGeneratesOthers loads a hub: its generated IDs are not those that the hub has had.
func TestLoadedHubGeneratesOthers(t *testing.T) {
	t.Parallel()
	hub := dt.NewHub(t, nil)
	id, err := hub.Client().StartNew(t.Context(), "Order", nil, nil)
	require.NoError(t, err)
	loaded := load(t, dumpOf(t, hub), hub.Now())
	other, err := loaded.Client().StartNew(t.Context(), "Order", nil, nil)
	require.NoError(t, err)
	require.NotEqual(t, id, other)
}

// TestRestartedHost finds out from the history where its scripts stand.
func TestRestartedHost(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 60_000)
	hub := dt.NewHub(t, nil)
	scripts := dt.Scripts{"Order": {
		dt.CustomStatus{Status: "on its way"},
		dt.Activity{Name: "Pack", Result: large},
		dt.WaitForEvent{Name: "a", Timeout: time.Hour},
		dt.SubOrchestration{Name: "Child"},
		dt.Parallel{dt.WaitForEvent{Name: "b"}, dt.Timer{Duration: time.Minute}},
		dt.Decide(func(p *dt.Progress) dt.Step {
			return dt.Complete{Output: []any{len(p.Outcomes()), len(p.Outcomes()[0].Value), p.Last().Branches[0].Value}}
		}),
	}, "Child": {dt.WaitForEvent{Name: "c"}}}
	again := func() *dt.TestHost { return hub.NewHost(scripts, nil) }
	start(t, hub, "Order", "1", `1`)
	again().RunUntilIdle()
	raise(t, hub, "1", "a", `"`+large+`"`)
	again().RunUntilIdle()
	require.NoError(t, hub.Client().Suspend(t.Context(), "1", "hold", nil))
	again().RunUntilIdle()
	raise(t, hub, status(t, hub, "1").ExecutionID+":2", "c", `1`)
	again().RunUntilIdle()
	require.NoError(t, hub.Client().Resume(t.Context(), "1", "go", nil))
	again().RunUntilIdle()
	raise(t, hub, "1", "b", `7`)
	again().RunUntilIdle()
	again().Advance(time.Minute)
	require.Equal(t, `[6,60002,7]`, output(t, hub, "1"))
	require.Equal(t, `"on its way"`, string(status(t, hub, "1").CustomStatus))
}

// TestOtherScript runs an instance on with a script that cannot have made its history.
func TestOtherScript(t *testing.T) {
	t.Parallel()
	hub, host := withScript(t, dt.Activity{Name: "Pack", Result: 1}, dt.WaitForEvent{Name: "Go"}, dt.Complete{})
	for _, id := range []string{"compatible", "other"} {
		start(t, hub, "Order", id, `1`)
	}
	host.RunUntilIdle()
	host.SetScript("Order", dt.Script{dt.Activity{Name: "Pack"}, dt.Decide(completeWithLast)})
	raise(t, hub, "compatible", "Go", `1`)
	host.RunUntilIdle()
	require.Equal(t, `1`, output(t, hub, "compatible"))
	host.SetScript("Order", dt.Script{dt.Timer{}, dt.Complete{}})
	raise(t, hub, "other", "Go", `1`)
	host.RunUntilIdle()
	require.Contains(t, output(t, hub, "other"), "Non-Deterministic workflow detected")

	start(t, hub, "NoSuchFunction", "unknown", `1`)
	host.RunUntilIdle()
	require.Contains(t, output(t, hub, "unknown"), "The function 'NoSuchFunction' doesn't exist")
	require.Contains(t, output(t, hub, "unknown"), "known orchestrator functions: 'Order'.")
}

// TestClockNeverGoesBack advances a clock that runs, faster than the host works, and another one by less than nothing.
func TestClockNeverGoesBack(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	hub := dt.NewHub(t, &dt.Options{Clock: func() time.Time {
		now = now.Add(time.Second)
		return now
	}})
	host := hub.NewHost(dt.Scripts{"Order": {dt.Timer{Duration: time.Second}, dt.Timer{Duration: time.Second}}}, nil)
	start(t, hub, "Order", "1", `1`)
	ahead := hub.Now().Sub(now)
	host.Advance(2 * time.Second)
	require.Equal(t, ahead, hub.Now().Sub(now))
	hub.RequireStatus("1", durable.RuntimeStatusCompleted)
	require.ErrorIs(t, host.Host.Advance(t.Context(), -time.Second), durable.ErrInvalidArgument)
}

// TestRunInBubble lets a host go on by itself, on the clock of a bubble.
func TestRunInBubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := dt.NewHub(t, &dt.Options{Clock: time.Now})
		host := hub.NewHost(dt.Scripts{"Order": {dt.Timer{Duration: time.Hour}, dt.Complete{Output: "slept"}}},
			&dt.HostOptions{PollInterval: time.Second})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- host.Run(ctx) }()
		begin := time.Now()
		_, err := hub.Client().StartNew(t.Context(), "Order", nil, &durable.StartNewOptions{InstanceID: "1"})
		require.NoError(t, err)
		s, err := hub.Client().WaitForCompletion(t.Context(), "1", nil)
		require.NoError(t, err)
		require.Equal(t, `"slept"`, string(s.Output))
		require.InDelta(t, time.Hour, time.Since(begin), float64(3*time.Second))
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
}
