package replay

import (
	"fmt"
	"time"

	"github.com/go-durable/durable/internal/wire"
)

// RewindOptions are the options of [PlanRewind].
type RewindOptions struct {
	// FromEventID names the failed action to go back to: it, and all that happened since it failed, is taken back.
	// Defaults to the failures that ended the execution.
	FromEventID *int
	// Heal allows to plan for a history that a rewind has broken, see [PlanHeal].
	Heal bool
	// Now tells timers that are due from timers to come. A timer that had not fired before the end and that is due is
	// set again, because its message has been thrown away. So will be that of a timer which falls due before the plan is
	// carried out: better name a time a little ahead. By default no timer counts as due.
	Now time.Time
}

// PlanRewind plans to take back the failures that ended an execution, what the orchestrator did because of them, and
// the end. It returns [ErrNotEnded], [ErrNotFailed], [ErrUnknownEvent], or [ErrBroken] if only healing helps and
// opts.Heal is not set.
func PlanRewind(h *History, opts RewindOptions) (*Plan, error) {
	all, err := h.ended()
	if err != nil {
		return nil, err
	}
	skip := countBroken(h.rows, all)
	if skip > 0 && !opts.Heal {
		return nil, ErrBroken
	}
	p, err := h.planFrom(all, skip)
	if err != nil {
		return nil, err
	}
	if p.plan.End.Status != wire.StatusFailed {
		return nil, fmt.Errorf("%w: it ended as %s", ErrNotFailed, p.plan.End.Status)
	}
	if err := p.takeBack(opts.FromEventID); err != nil {
		return nil, err
	}
	p.undoUnanswered(opts.Now)
	p.warnUndone(opts.Now)
	p.warnEntityCalls()
	p.warnRestored()
	return p.finish(), nil
}

// planFrom starts a plan at the last run but those in skip.
func (h *History) planFrom(all []run, skip int) (*planner, error) {
	base, err := h.restore(all, skip)
	if err != nil {
		return nil, err
	}
	return newPlanner(base, all[len(all)-1-skip]), nil
}

// takeBack decides on the failures and the cut.
func (p *planner) takeBack(from *int) error {
	causes := p.judge()
	if from != nil {
		return p.takeBackFrom(*from, causes)
	}
	if isDivergence(p.plan.End) {
		p.undoDiverged()
		return nil
	}
	var fatals []*cause
	for _, c := range causes {
		if c.verdict == fatal {
			fatals = append(fatals, c)
		}
	}
	switch {
	case len(fatals) > 0:
		p.takeBackAll(fatals, p.taken[p.endEpisode()])
		p.warnReadings(causes)
		p.warnNamed(causes)
	case len(causes) > 0:
		c, named := rethrown(causes, &p.plan.End)
		c.why = "the orchestration caught it, and its end names it"
		if !named {
			c.why = "it is the last failure, although the orchestration went on after it"
			p.warn(Ambiguous, c.action.EventID, "the end names no failure: the orchestrator may have failed by itself, and not because of %s", c.action.Name)
		}
		p.takeBackAll([]*cause{c}, p.takenSince(c.episode))
	}
	return nil
}

// takeBackAll takes back fatal failures with all that was done because of them. What was done in the episode of the
// end may have been done in answer to them as well: a finally block, a lock released.
func (p *planner) takeBackAll(fatals []*cause, reaction []*Action) {
	for _, c := range fatals {
		reaction = append(reaction[:len(reaction):len(reaction)], c.reaction...)
	}
	if len(reaction) > 0 {
		id := reaction[0].EventID
		for _, a := range reaction {
			id = min(id, a.EventID)
		}
		p.cut(id)
	}
	for _, c := range fatals {
		p.fail(c)
	}
}

// takeBackFrom goes back to the moment before an action failed: later failures are taken back too, and every action
// that came later.
func (p *planner) takeBackFrom(id int, causes []*cause) error {
	var from *cause
	for _, c := range causes {
		if c.action.EventID == id {
			from = c
		}
	}
	if from == nil {
		return fmt.Errorf("%w: no failed action has event ID %d", ErrUnknownEvent, id)
	}
	var later []*cause
	for _, c := range causes {
		if c.episode >= from.episode {
			c.reaction, c.why = nil, "it came later than the failure that was chosen"
			later = append(later, c)
		}
	}
	from.why = "it was chosen"
	p.takeBackAll(later, p.takenSince(from.episode))
	return nil
}

// takenSince returns the actions of an episode and of those that came later.
func (p *planner) takenSince(episode int) []*Action {
	var since []*Action
	for _, a := range p.actions {
		if a.Episode >= episode {
			since = append(since, a)
		}
	}
	return since
}

// undoDiverged takes back what a replay did that did not fit the history.
func (p *planner) undoDiverged() {
	for i := range p.rows {
		if isAction(p.events[i].Type) && p.episode[i] == p.endEpisode() {
			p.undone[i] = true
		}
	}
	p.warn(CodeChanged, -1, "the code does not fit the history; unless it is put right, the instance fails again")
}

// undoUnanswered takes back the actions whose answer came after the end, or can have: it was thrown away.
func (p *planner) undoUnanswered(now time.Time) {
	for _, a := range p.actions {
		lost := a.Type == wire.TaskScheduled || a.Type == wire.TimerCreated && !now.IsZero() && !a.FireAt.After(now)
		if a.Open() && lost {
			p.undone[a.row] = true
		}
	}
}

// warnReadings warns where the history may mean something else than what was read in it.
func (p *planner) warnReadings(causes []*cause) {
	for _, c := range causes {
		a := c.action
		switch {
		case p.undone[a.row] && c.verdict != fatal:
		case c.verdict != fatal && !c.sure:
			p.warn(Ambiguous, a.EventID, "the orchestration seems to have got over the failure of %s, but what it did then may have had another reason", a.Name)
		case c.verdict == fatal && p.outlives(c):
			p.warn(Ambiguous, a.EventID, "%s seems to have failed fatally, but what was done later and stays may have been done because of it", a.Name)
		}
	}
}

// warnNamed warns where the end names a failure that stays and none of those that are taken back: the orchestration may
// have caught it, got over another failure while it cleared up, and thrown the first one again.
func (p *planner) warnNamed(causes []*cause) {
	var kept *cause
	for _, c := range causes {
		switch named := c.namedBy(&p.plan.End); {
		case named && c.verdict == fatal:
			return
		case named && !p.undone[c.action.row]:
			kept = c
		}
	}
	if kept != nil {
		p.warn(Ambiguous, kept.action.EventID, "the end names %s, whose failure the orchestration seems to have got over, and not what failed last: it may have thrown that failure again", kept.action.Name)
	}
}

// outlives reports whether an action stays that may have been taken because of a fatal failure.
func (p *planner) outlives(c *cause) bool {
	for _, a := range p.actions {
		if a.Episode >= c.episode && !p.undone[a.row] {
			return true
		}
	}
	return false
}
