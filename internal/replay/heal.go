package replay

import "github.com/go-durable/durable/internal/wire"

// IsBroken reports whether a rewind has broken the execution: replay met what it had no reason for as soon as it was
// woken, and the engine ended it as non-deterministic.
func IsBroken(h *History) bool {
	all, err := h.ended()
	return err == nil && countBroken(h.rows, all) > 0
}

// countBroken returns how many runs at the end of the history are broken.
func countBroken(rows []wire.Event, all []run) int {
	n := 0
	for n < len(all) && all[len(all)-1-n].broken(rows) {
		n++
	}
	return n
}

// PlanHeal plans to undo what a rewind has broken and to rewind by cause instead: rows that the rewind took back stand
// again, what the failed replay wrote is taken back, and so are the failures that had ended the execution before. Both
// are one set of changes. It returns [ErrNotBroken] and the errors of [PlanRewind].
func PlanHeal(h *History, opts RewindOptions) (*Plan, error) {
	if _, err := h.ended(); err != nil {
		return nil, err
	}
	if !IsBroken(h) {
		return nil, ErrNotBroken
	}
	opts.Heal = true
	return PlanRewind(h, opts)
}

// undoLater takes back what later runs did. The result of a child that keeps its place is worth keeping: it is the
// answer that the rewind wanted.
func (p *planner) undoLater() {
	for i := p.later; i < len(p.rows); i++ {
		if !isUndoable(p.rows[i].Type) {
			continue
		}
		if p.isAnswer(i) {
			p.events[i].Type = p.rows[i].Type
		} else {
			p.undone[i] = true
		}
	}
}

func (p *planner) isAnswer(i int) bool {
	ev := p.rows[i]
	a := p.byID[ev.ScheduledID]
	return ev.Type == wire.SubOrchestrationInstanceCompleted && a != nil && p.kept[a.row]
}

func (p *planner) answeredLater(a *Action) bool {
	for i := p.later; i < len(p.rows); i++ {
		if p.isAnswer(i) && p.rows[i].ScheduledID == a.EventID {
			return true
		}
	}
	return false
}
