package durabletest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	dt "github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

func playHello(a *app) {
	a.start("HelloSequence", "hello-1", `"x"`)
	a.idle()
	a.same("completed")
}

func playFanOut(a *app) {
	ended := []int{1, 2, 3, 4, 6, 7, 0, 8, 9, 11, 5, 10} // as it happened
	rank := func(m *wire.Message) int {
		var e struct{ EventID int }
		require.NoError(a.t, json.Unmarshal(m.Event, &e))
		return slices.Index(ended, e.EventID)
	}
	a.host.SetOrder(func(x, y *wire.Message) int { return rank(x) - rank(y) })
	a.start("FanOut", "fan", `12`)
	a.idle()
	a.same("completed")
}

func playTimers(a *app) {
	a.start("ApprovalOrTimeout", "timer-fires", `1`)
	a.start("ApprovalOrTimeout", "timer-cancelled", `60`)
	a.start("Sleeper", "timer-pending", `3600`)
	a.idle()
	a.raise("timer-cancelled", "Approval", `true`)
	a.idle()
	a.same("after")
}

func playScriptedEvents(a *app) {
	a.start("WaitForApproval", "ev-1", `null`)
	a.start("WaitForApproval", "ev-case", `null`)
	a.start("WaitForApproval", "ev-buffered", `null`)
	a.start("Counter1", "counter", `10`)
	a.idle()
	a.raise("ev-1", "Approval", `{"by":"ana","ok":true}`)
	a.raise("ev-case", "APPROVAL", `"case"`)
	a.raise("ev-buffered", "Other", `1`)
	a.raise("ev-buffered", "Other", `null`)
	a.idle()
	for _, operation := range []string{"incr", "incr", "decr", "end"} {
		a.raise("counter", "operation", `"`+operation+`"`)
		a.idle()
	}
	a.same("after")
	require.Error(a.t, a.Client().RaiseEvent(a.t.Context(), "counter", "operation", "late", nil))
	require.Error(a.t, a.Client().RaiseEvent(a.t.Context(), "nobody", "operation", "lost", nil))
	a.idle()
	a.same("late")
}

func playScriptedStatus(a *app) {
	a.start("CustomStatus", "custom-1", `null`)
	a.raise("custom-1", "done", `null`)
	a.idle()
	a.same("completed")
}

func playCountdown(a *app) {
	a.start("Countdown", "countdown", `3`)
	a.idle()
	a.same("completed")
}

// playScriptedTerminate plays what led to the last dump: all three IDs had been used before. Where the .NET client
// sends a message to terminate what is Pending, ours cancels the start; the message is sent here all the same.
func playScriptedTerminate(a *app) {
	for range 2 {
		a.start("WaitForApproval", "term-running", `"in"`)
		a.start("HelloSequence", "term-done", `null`)
		a.start("HelloSequence", "term-pending", `"in"`)
		a.terminateBy("term-pending", "never mind")
		a.idle()
		require.NoError(a.t, a.Client().Terminate(a.t.Context(), "term-running", "Found a bug", nil))
		require.Error(a.t, a.Client().Terminate(a.t.Context(), "term-done", "too late", nil))
		a.idle()
	}
	a.same("pending-later")
}

func playScriptedSuspend(a *app) {
	a.start("WaitForApproval", "sus-1", `"in"`)
	a.idle()
	require.NoError(a.t, a.Client().Suspend(a.t.Context(), "sus-1", "hold on", nil))
	a.idle()
	a.same("suspended")
	a.raise("sus-1", "Approval", `"meanwhile"`)
	a.idle()
	require.NoError(a.t, a.Client().Resume(a.t.Context(), "sus-1", "go on", nil))
	a.idle()
	a.same("completed")
}

func playDetached(a *app) {
	a.start("StartsDetached", "det", `"in"`)
	a.idle()
	a.same("completed")
}

// worksOnceFixed is the activity that fails until it is mended.
func (a *app) worksOnceFixed(_ context.Context, call dt.ActivityCall) (any, error) {
	if !a.mended {
		return nil, errors.New("the database connection string is wrong")
	}
	return "fixed " + call.InstanceID, nil
}

const mending = "the connection string is right now"

func (a *app) rewind(id, reason string) {
	a.t.Helper()
	_, err := a.Client().Rewind(a.t.Context(), id, reason, nil)
	require.NoError(a.t, err)
}

func playRewindActivity(a *app) {
	a.start("FailsUntilFixed", "rw-1", `"in"`)
	a.idle()
	a.same("failed")
	a.mended = true
	a.rewind("rw-1", mending)
	a.same("rewind-asked")
	a.idle()
	a.same("completed")
}

// oneRewind takes out of the recording what the .NET client does and ours does not: it rewinds the end of an earlier try
// once more, which shows in its reason.
func (a *app) oneRewind() {
	for _, dump := range a.rec.Dumps {
		rows := dump.Tables[a.rec.Hub+"History"]
		for i := range rows {
			if rows[i].Text("Reason") == "Rewound: GenericEvent" {
				rows[i].Set("Reason", storage.StringValue("Rewound: ExecutionCompleted"))
			}
		}
	}
}

func playRewindTwice(a *app) {
	a.oneRewind()
	a.start("FailsUntilFixed", "rw-2", `"in"`)
	a.idle()
	a.rewind("rw-2", "still broken 0")
	a.idle()
	a.same("failed")
	a.mended = true
	a.rewind("rw-2", mending)
	a.same("rewind-asked")
	a.idle()
	a.same("completed")
}

func playRewindParent(a *app) {
	a.start("ParentFailsUntilFixed", "rw-p", `"in"`)
	a.idle()
	a.same("failed")
	a.mended = true
	a.rewind("rw-p", mending)
	a.same("rewind-asked")
	a.idle()
	a.same("completed")
}

// playRewindTwoChildren lets the second child end before the first one, as it happened.
func playRewindTwoChildren(a *app) {
	a.start("TwoChildrenFailUntilFixed", "rw-2c", `"in"`)
	require.NoError(a.t, a.host.RunBackwards(a.t.Context()))
	a.mended = true
	a.rewind("rw-2c", mending)
	require.NoError(a.t, a.host.RunBackwards(a.t.Context()))
	a.same("completed")
}

func playRewindGrandparent(a *app) {
	a.start("Grandparent", "rw-g", `"in"`)
	a.idle()
	a.same("failed")
	a.mended = true
	a.rewind("rw-g", mending)
	a.same("rewind-asked")
	a.idle()
	a.same("later")
}

// playRewindRefused goes on from the first dump, since the hub had been used before.
func playRewindRefused(a *app) {
	a.oneRewind()
	text, err := json.Marshal(a.rec.Dumps["before"])
	require.NoError(a.t, err)
	a.TestHub = dt.LoadHub(a.t, bytes.NewReader(text), nil)
	a.host, err = dt.NewHost(a.Hub, a.scripts(), nil)
	require.NoError(a.t, err)
	for _, id := range []string{"rr-done", "rr-running", "rr-nobody"} {
		_, err := a.Client().Rewind(a.t.Context(), id, "why not", nil)
		require.Error(a.t, err)
	}
	a.rewind("rr-orchestrator-threw", "why not")
	a.same("after")
	a.idle()
	a.same("later")
}

func playRewindPurgedChild(a *app) {
	a.start("ParentFailsUntilFixed", "rw-o", `"in"`)
	a.idle()
	_, err := a.Client().Purge(a.t.Context(), "rw-o-child", nil)
	require.NoError(a.t, err)
	a.same("child-purged")
}

func playReset(a *app) {
	for id, name := range map[string]string{
		"rs-completed": "HelloSequence", "rs-terminated": "WaitForApproval", "rs-parent": "ParentOfHello",
		"rs-threw": "ThrowsAtOnce",
	} {
		a.start(name, id, `"in"`)
	}
	a.start("Counter1", "rs-counter", `10`)
	a.idle()
	require.NoError(a.t, a.Client().Terminate(a.t.Context(), "rs-terminated", "a mistake", nil))
	for _, operation := range []string{"incr", "incr", "end"} {
		a.raise("rs-counter", "operation", `"`+operation+`"`)
		a.idle()
	}
	a.same("finished")
	for _, reset := range []struct {
		id   string
		from int
	}{{"rs-completed", 1}, {"rs-terminated", 0}, {"rs-parent", 0}, {"rs-counter", 0}, {"rs-threw", 0}} {
		_, err := a.Client().Reset(a.t.Context(), reset.id, reset.from, "run again from here", &durable.ResetOptions{Force: true})
		require.NoError(a.t, err)
	}
	a.idle()
	a.raise("rs-terminated", "Approval", `"after all"`)
	a.idle()
	a.same("again")
}

// playUnblock sends what an operator sent: timers fire early, activities are answered by hand.
func playUnblock(a *app) {
	a.start("Sleeper", "ub-timer", `3600`)
	a.start("ApprovalOrTimeout", "ub-timeout", `3600`)
	a.start("SlowActivity", "ub-complete", `15`)
	a.start("SlowActivity", "ub-fail", `15`)
	a.idle()
	a.same("blocked")
	to := func(id string) wire.Execution {
		return wire.Execution{InstanceID: id, ExecutionID: status(a.t, a.TestHub, id).ExecutionID}
	}
	byHand, givenUp := `"by hand"`, "given up by the operator"
	for _, m := range []*wire.Message{
		wire.TimerFiredMessage(to("ub-timer"), 0, a.Now(), a.Now()),
		wire.TimerFiredMessage(to("ub-timeout"), 0, a.Now(), a.Now()),
		wire.TaskCompletedMessage(to("ub-complete"), 0, &byHand, a.Now()),
		wire.TaskFailedMessage(to("ub-fail"), 0, wire.Failure{Reason: &givenUp, Details: &givenUp}, a.Now()),
	} {
		a.send(m)
	}
	a.idle()
	require.NoError(a.t, a.host.Advance(a.t.Context(), 20*time.Second)) // the activities' own answers come too late
	a.same("unblocked")
}

// TestCausalRewind goes on from the recorded histories of orchestrations that a real engine has run until they failed,
// and that were rewound from outside. Scripts find out from them where they stand, and end as the engine did.
func TestCausalRewind(t *testing.T) {
	t.Parallel()
	rec := golden.Load(t, "v2/rewind-causal")
	instances := []string{
		"c-FailsUntilFixed", "c-ParentFailsUntilFixed", "c-ParentFailsUntilFixed-child", "c-Grandparent",
		"c-Grandparent-p", "c-Grandparent-p-child", "c-RetriesThenFails",
	}
	text, err := json.Marshal(only(rec.Dumps["rewind-asked"], instances))
	require.NoError(t, err)
	a := &app{t: t, rec: rec, mended: true, TestHub: dt.LoadHub(t, bytes.NewReader(text), nil)}
	scripts := a.scripts()
	try := dt.Activity{Name: "WorksOnceFixed", Do: a.worksOnceFixed, Catch: true}
	retried := func(p *dt.Progress) dt.Step {
		if p.Last().Failure == "" {
			return dt.Complete{Output: p.Last().Value}
		}
		return nil
	}
	var retry dt.Script
	for range 3 {
		retry = append(retry, try, dt.Decide(retried), dt.Timer{Duration: time.Second})
	}
	scripts["RetriesThenFails"] = append(dt.Script{hello("retry")}, retry...)
	a.host, err = dt.NewHost(a.Hub, scripts, nil)
	require.NoError(t, err)
	require.NoError(t, a.host.RunUntilIdle(t.Context()))
	got, err := golden.DumpOf(t.Context(), a.Account(), rec.Hub)
	require.NoError(t, err)
	diff := golden.Diff(only(rec.Dumps["completed"], instances), only(got, instances), golden.Options{Skip: []string{"leases", "applease"}})
	require.Empty(t, diff)
}
