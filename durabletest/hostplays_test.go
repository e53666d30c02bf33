package durabletest_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

func playHello(a *app) {
	a.start("HelloSequence", "hello-1", `"x"`)
	a.idle()
	a.same("completed")
}

func playFanOut(a *app) {
	a.host.SetOrder(inOrder(a.t, "fan", []int{1, 2, 3, 4, 6, 7, 0, 8, 9, 11, 5, 10})) // as it happened
	a.start("FanOut", "fan", `12`)
	a.idle()
	a.same("completed")
}

// inOrder lets the activities of one instance, as far as they wait at the same time, run behind all others in this order.
func inOrder(t *testing.T, instanceID string, ids []int) func(x, y *wire.Message) int {
	t.Helper()
	rank := func(m *wire.Message) int {
		if m.InstanceID != instanceID {
			return -1
		}
		var e struct{ EventID int }
		require.NoError(t, json.Unmarshal(m.Event, &e))
		return slices.Index(ids, e.EventID)
	}
	return func(x, y *wire.Message) int { return rank(x) - rank(y) }
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
	a.same("running") // as its label says; it has not been taken up
	a.raise("custom-1", "done", `null`)
	a.idle()
	a.same("completed")
}

func playCountdown(a *app) {
	a.start("Countdown", "countdown", `3`)
	a.idle()
	a.same("completed")
}

// playScriptedTerminate begins with what led to the first dump: all three IDs had been used before. Where the .NET client
// sends a message to terminate what is Pending, ours cancels the start; the message is sent here all the same.
func playScriptedTerminate(a *app) {
	a.terminateTwo(a.startPending)
	a.terminateTwo(func() {})
	a.same("after")
	a.startPending()
	a.same("pending")
	a.idle()
	a.same("pending-later")
}

func (a *app) startPending() {
	a.t.Helper()
	a.start("HelloSequence", "term-pending", `"in"`)
	a.terminateBy("term-pending", "never mind")
}

// terminateTwo terminates one instance that runs and one that has ended.
func (a *app) terminateTwo(meanwhile func()) {
	a.t.Helper()
	a.start("WaitForApproval", "term-running", `"in"`)
	a.start("HelloSequence", "term-done", `null`)
	meanwhile()
	a.idle()
	require.NoError(a.t, a.Client().Terminate(a.t.Context(), "term-running", "Found a bug", nil))
	require.Error(a.t, a.Client().Terminate(a.t.Context(), "term-done", "too late", nil))
	a.idle()
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
func (a *app) oneRewind() { a.written("Rewound: GenericEvent", "Rewound: ExecutionCompleted") }

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
	a.same("failed")
	a.mended = true
	a.rewind("rw-2c", mending)
	a.same("rewind-asked")
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

// playRewindRefused begins with an earlier run of the same steps, which had left its instances.
func playRewindRefused(a *app) {
	a.oneRewind()
	a.start("HelloSequence", "rr-done", `null`)
	a.start("WaitForApproval", "rr-running", `null`)
	a.start("ThrowsAtOnce", "rr-orchestrator-threw", `null`)
	a.idle()
	a.rewind("rr-orchestrator-threw", "why not")
	a.start("HelloSequence", "rr-done", `null`)
	a.idle()
	a.same("before")
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
	a.same("reset-asked")
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
	for _, id := range []string{"ub-timer", "ub-timeout"} {
		_, err := operate.FireTimer(a.t.Context(), a.Client(), id, 0, nil)
		require.NoError(a.t, err)
	}
	byHand, givenUp := `"by hand"`, "given up by the operator"
	for _, m := range []*wire.Message{
		wire.TaskCompletedMessage(to("ub-complete"), 0, &byHand, a.Now()),
		wire.TaskFailedMessage(to("ub-fail"), 0, wire.Failure{Reason: &givenUp, Details: &givenUp}, a.Now()),
	} {
		a.send(m)
	}
	a.idle()
	a.advance(20 * time.Second) // the activities' own answers come too late
	a.same("unblocked")
	a.loseActivity("ub-lost")
	a.same("lost")
	a.Advance(time.Minute)
	_, err := operate.Reschedule(a.t.Context(), a.Client(), "ub-lost", 0, "scheduled again by the operator", nil)
	require.NoError(a.t, err)
	a.advance(20 * time.Second)
	a.same("found")
}

// loseActivity starts an instance and takes the message for its activity away.
func (a *app) loseActivity(id string) {
	a.t.Helper()
	a.start("SlowActivity", id, `4`)
	a.idle()
	a.Advance(15 * time.Second) // so that it can be seen
	queue, queues := strings.ToLower(a.rec.Hub)+"-workitems", a.Account().Queues
	taken, err := queues.Dequeue(a.t.Context(), queue, 1, time.Minute)
	require.NoError(a.t, err)
	require.Len(a.t, taken, 1)
	require.NoError(a.t, queues.Remove(a.t.Context(), queue, taken[0]))
}

// playUntilFailed ends before the .NET client rewinds.
func playUntilFailed(name, id string) func(a *app) {
	return func(a *app) {
		a.start(name, id, `"in"`)
		a.advance(10 * time.Second)
		a.same("failed")
	}
}
