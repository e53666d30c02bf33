package operate

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-durable/durable/internal/replay"
	"github.com/go-durable/durable/internal/wire"
)

// lost finds the open actions that nothing will complete, given that there is no message for the instance. Idle says that
// there is no work item either; without it what waits for an activity stays undecided.
func (e *examiner) lost(ctx context.Context, l *look, idle bool) (found []Finding, undecided bool, err error) {
	if !e.goesOn(l) {
		return nil, false, nil
	}
	for _, a := range l.actions.Open() {
		if a.Type == wire.TaskScheduled && !idle {
			undecided = undecided || e.old(a.Timestamp)
			continue
		}
		f, err := e.lostAction(ctx, l, a)
		if err != nil {
			return nil, false, err
		}
		if f != nil {
			id := a.EventID // the action itself would keep the history in memory
			f.EventID = &id
			found = append(found, *f)
		}
	}
	return found, undecided, nil
}

// running reports whether an instance that a worker has taken up, and that has not ended, is to go on. One that was rewound
// or reset is Pending until it ends or is suspended: workers write Running only where an execution begins or is resumed
// (AzureTableTrackingStore.cs; v2/reset).
func running(status string) bool { return status == wire.StatusRunning || status == wire.StatusPending }

// goesOn reports whether an instance is to go on, and nobody has been at work on it for some time.
func (e *examiner) goesOn(l *look) bool {
	return running(l.row.RuntimeStatus) && e.settled(l) && l.actions.End() == nil && !l.actions.Suspended()
}

// rewritten is when a row of the history was rewritten last, by a rewind or its like; zero for never.
func (l *look) rewritten() time.Time {
	var last time.Time
	for i := range l.history.Events {
		if ev := &l.history.Events[i]; strings.HasPrefix(ev.Reason, wire.RewoundPrefix) {
			last = later(last, ev.Row.Timestamp.Time())
		}
	}
	return last
}

// wakeNotSent finds an instance whose rows were rewritten and which was not woken, given that there is no message for it.
// One that waits for a sub-orchestration is woken by its answer.
func (e *examiner) wakeNotSent(l *look) *Finding {
	if !e.goesOn(l) {
		return nil
	}
	for _, a := range l.actions.Open() {
		if a.Type == wire.SubOrchestrationInstanceCreated {
			return nil
		}
	}
	rewritten := l.rewritten()
	if !rewritten.After(lastCheckpoint(l)) || !e.old(rewritten) {
		return nil
	}
	return l.finding(KindWakeNotSent, "its history was rewritten, and no worker was told",
		fmt.Sprintf("rewritten at %s, written by a worker last at %s", clock(rewritten), clock(lastCheckpoint(l))), noMessage)
}

func (e *examiner) lostAction(ctx context.Context, l *look, a *replay.Action) (*Finding, error) {
	since := "scheduled at " + clock(a.Timestamp)
	switch {
	case !e.old(a.Timestamp):
	case a.Type == wire.TaskScheduled:
		return l.finding(KindActivityLost, fmt.Sprintf("it waits for the activity %s (event ID %d), which nobody runs", a.Name, a.EventID),
			since, "no work item and no result in two looks at the queues"), nil
	case a.Type == wire.TimerCreated && e.old(a.FireAt):
		return l.finding(KindTimerLost, fmt.Sprintf("it waits for a timer (event ID %d) that will not fire", a.EventID),
			"due since "+clock(a.FireAt), noMessage), nil
	case a.Type == wire.SubOrchestrationInstanceCreated:
		return e.answerLost(ctx, l, a)
	}
	return nil, nil //nolint:nilnil // nothing found is an answer
}

// answerLost finds a sub-orchestration that has ended and whose answer is nowhere.
func (e *examiner) answerLost(ctx context.Context, l *look, a *replay.Action) (*Finding, error) {
	child, err := e.endedChild(ctx, l, a)
	if err != nil || child == nil {
		return nil, err
	}
	return l.finding(KindAnswerLost,
		fmt.Sprintf("it waits for the sub-orchestration %q (event ID %d), which is %s", a.InstanceID, a.EventID, child.row.RuntimeStatus),
		fmt.Sprintf("the sub-orchestration was written last at %s", clock(child.row.Timestamp)), noMessage), nil
}

// endedChild reads the sub-orchestration that should have answered, nil if it has not ended. One that is missing may have
// been started without waiting: nobody can tell any more.
func (e *examiner) endedChild(ctx context.Context, l *look, a *replay.Action) (*look, error) {
	child, err := e.read(ctx, a.InstanceID)
	if err != nil || child == nil || !wire.Terminal(child.row.RuntimeStatus) || !child.current() || !e.old(child.row.Timestamp) {
		return nil, err
	}
	p := child.parent()
	if p == nil || p.Detached || !p.is(l, a.EventID) {
		return nil, nil //nolint:nilnil // nothing found is an answer
	}
	return child, nil
}
