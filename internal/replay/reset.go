package replay

import (
	"fmt"
	"time"

	"github.com/go-durable/durable/internal/wire"
)

// ResetOptions are the options of [PlanReset].
type ResetOptions struct {
	// EventID is the first action to be taken back. The number that follows that of the last action takes back the end
	// alone.
	EventID int
	// Now tells timers that are due from timers to come. By default no timer counts as due.
	Now time.Time
}

// PlanReset plans to let an execution that has ended, in whatever way, go on from an earlier action: all actions from
// opts.EventID on are taken back, and the end. It returns [ErrNotEnded], [ErrUnknownEvent], or [ErrBroken] for an
// execution that must be healed first.
func PlanReset(h *History, opts ResetOptions) (*Plan, error) {
	all, err := h.ended()
	if err != nil {
		return nil, err
	}
	if countBroken(h.rows, all) > 0 {
		return nil, ErrBroken
	}
	p, err := h.planFrom(all, 0)
	if err != nil {
		return nil, err
	}
	if !wire.Terminal(p.plan.End.Status) {
		return nil, fmt.Errorf("%w: its end says %q", ErrNotEnded, p.plan.End.Status)
	}
	if !p.isPlace(opts.EventID) {
		return nil, fmt.Errorf("%w: no action has event ID %d", ErrUnknownEvent, opts.EventID)
	}
	p.cut(opts.EventID)
	p.undoTermination()
	if isDivergence(p.plan.End) {
		p.undoDiverged()
	}
	// A completed orchestration has not waited for what has no answer.
	if p.plan.End.Status != wire.StatusCompleted {
		p.undoUnanswered(opts.Now)
	}
	p.warnUndone(opts.Now)
	p.warnEntityCalls()
	p.warnReset()
	return p.finish(), nil
}

// isPlace reports whether the execution can go on from an event ID: that of an action, the first, or the next.
func (p *planner) isPlace(id int) bool {
	next := 0
	if n := len(p.actions); n > 0 {
		next = p.actions[n-1].EventID + 1
	}
	return id == 0 || id == next || p.byID[id] != nil
}

func (p *planner) undoTermination() {
	for i := range p.events {
		if p.events[i].Type == wire.ExecutionTerminated {
			p.undone[i] = true
		}
	}
}

func (p *planner) warnReset() {
	for _, a := range p.actions {
		switch {
		case p.undone[a.row]:
		case a.Failed() && p.plan.End.Status == wire.StatusFailed:
			p.warn(FailureKept, a.EventID, "%s failed before the event that was chosen, and that stays so", a.Name)
		case a.Open() && a.Type == wire.TaskScheduled:
			p.warn(AnswerLost, a.EventID, "%s has no answer; an answer that came after the end was thrown away", a.Name)
		}
	}
	if p.Suspended() {
		p.warn(StaysSuspended, -1, "the instance was suspended when it ended and must be resumed")
	}
	if start := p.Start(); start != nil && hasParent(start) {
		p.warn(ParentAnswered, -1, "the instance that started this one has long had its answer")
	}
}

func hasParent(start *wire.Event) bool {
	parent := start.Row.Text(wire.ColParentInstance)
	return parent != "" && parent != "null"
}
