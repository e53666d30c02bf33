package replay

import (
	"slices"
	"time"

	"github.com/go-durable/durable/internal/wire"
)

// restorer finds out which of the rows that were taken back stood when a run ended.
//
// The table service notes when a row was last written: one that stood was taken back after the run had written its
// end. Where that cannot be relied on, as in a hub that was copied, it goes by the event IDs: those that an earlier,
// complete rewind took back have a successor with the same event ID or lie beyond the last event ID of the run. In a
// history that was never rewound before, both come to the same.
type restorer struct {
	rows   []wire.Event
	events []wire.Event
	runs   []run
	of     []int // the run of each row
	fits   []int // the row up to which each run fits the history
	last   int   // the run to go back to
	action map[int]int
	back   map[int]bool
	// written is when the run had written its end, or zero if that is not known.
	written time.Time
}

// maxLag is how much later than it says a row can have been written. A copy is written later.
const maxLag = 10 * time.Minute

// writtenAt returns when the run wrote its end: with the beginning of that episode, which nothing rewrites.
func (r *restorer) writtenAt() time.Time {
	for i := r.runs[r.last].end; i >= 0; i-- {
		if ev := r.rows[i]; ev.Type == wire.OrchestratorStarted {
			at := ev.Row.Timestamp.Time()
			if lag := at.Sub(ev.Timestamp); lag > maxLag || lag < -maxLag {
				return time.Time{}
			}
			return at
		}
	}
	return time.Time{}
}

// restore returns the history as it was when its last run but those in skip ended: what was taken back since is there
// again, what came later is not.
func (h *History) restore(all []run, skip int) (*History, error) {
	r := &restorer{
		rows: h.rows, events: slices.Clone(h.rows), runs: all, of: make([]int, len(h.rows)), last: len(all) - 1 - skip,
		action: map[int]int{}, back: map[int]bool{},
	}
	for n, run := range all {
		r.fits = append(r.fits, run.fits(h.rows))
		for i := run.from; i < run.to; i++ {
			r.of[i] = n
		}
	}
	r.written = r.writtenAt()
	r.dropLater()
	switch {
	case !r.written.IsZero():
		r.restoreByTime()
	case r.touched():
		r.restoreActions()
		r.restoreCompletions()
	}
	r.restoreEnd()
	return build(h.rows, r.events)
}

// dropLater hides what later runs did.
func (r *restorer) dropLater() {
	for i := r.runs[r.last].to; i < len(r.events); i++ {
		if isUndoable(r.events[i].Type) {
			r.events[i].Type = wire.GenericEvent
		}
	}
}

// touched reports whether a row of the run itself was taken back. Those are written first, so if there is none then
// nothing was taken back since the run ended.
func (r *restorer) touched() bool {
	run := r.runs[r.last]
	return slices.ContainsFunc(r.rows[run.from:run.to], takenBack)
}

// restoreByTime restores what was taken back after the run had ended.
func (r *restorer) restoreByTime() {
	for i := range r.events {
		if r.of[i] <= r.last && r.rows[i].Row.Timestamp.Time().After(r.written) {
			r.events[i].Type = original(r.rows[i])
		}
	}
}

func (r *restorer) restoreActions() {
	next := r.rows[r.runs[r.last].end].EventID
	lost := map[int]int{}
	for i := range r.events {
		switch {
		case isAction(r.events[i].Type):
			if _, ok := r.action[r.events[i].EventID]; !ok {
				r.action[r.events[i].EventID] = i
			}
			next = max(next, r.events[i].EventID+1)
		case r.candidate(i) && isAction(original(r.rows[i])):
			lost[r.rows[i].EventID] = i
			if r.of[i] == r.last {
				next = max(next, r.rows[i].EventID+1)
			}
		}
	}
	for id, i := range lost {
		if _, stands := r.action[id]; !stands && id < next {
			r.events[i].Type = original(r.rows[i])
			r.action[id], r.back[id] = i, true
		}
	}
}

// candidate reports whether row i was taken back and may have stood when the run ended: what a replay did that did not
// fit the history never stood.
func (r *restorer) candidate(i int) bool {
	return r.of[i] <= r.last && takenBack(r.rows[i]) && i < r.fits[r.of[i]]
}

func (r *restorer) restoreCompletions() {
	answered := map[int]int{}
	for i := range r.events {
		if t := original(r.rows[i]); isCompletion(t) && (isCompletion(r.events[i].Type) || r.candidate(i)) {
			answered[r.rows[i].ScheduledID] = i
		}
	}
	for i := range r.events {
		id := r.rows[i].ScheduledID
		a, stands := r.action[id]
		if !stands || i < a || !r.candidate(i) || !isCompletion(original(r.rows[i])) {
			continue
		}
		if r.of[i] == r.last || r.back[id] || answered[id] == i && r.wasAnswered(i) {
			r.events[i].Type = original(r.rows[i])
		}
	}
}

// wasAnswered reports whether the orchestrator went on after the failure of a child in an earlier run. If it did not,
// the failure was fatal to that run and was taken back with it.
func (r *restorer) wasAnswered(i int) bool {
	for _, ev := range r.rows[i:] {
		switch {
		case ev.Type == wire.OrchestratorStarted:
			return false
		case isAction(original(ev)):
			return true
		}
	}
	return false
}

func (r *restorer) restoreEnd() {
	run := r.runs[r.last]
	r.events[run.end].Type = wire.ExecutionCompleted
	for i := run.from; i < run.to; i++ {
		if t := original(r.rows[i]); t == wire.ExecutionTerminated {
			r.events[i].Type = t
		}
	}
}
