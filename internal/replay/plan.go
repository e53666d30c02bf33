package replay

import (
	"strings"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// NoCut is the Cut of a plan that takes back no action for its event ID.
const NoCut = -1

// Plan says which rows of an instance's history must change, and why.
type Plan struct {
	// End is the row that ended the execution, as it was then. Its Status says how.
	End wire.Event
	// Cut is the event ID from which on every action is taken back, or [NoCut].
	Cut int
	// Fatal are the failures that are taken back because they ended the execution.
	Fatal []Failure
	// Undone are all actions that are taken back, in order of their event IDs.
	Undone []*Action
	// Rerun are those of them that had succeeded: work that is done again.
	Rerun []*Action
	// Children are the sub-orchestrations that failed fatally and keep their place: they are to be rewound as well.
	Children []Child
	// OpenChildren are the sub-orchestrations that stay without an answer. One that has ended meanwhile has sent its
	// answer in vain, unless it was started without anybody waiting for it: a reason for [ChildResultLost].
	OpenChildren []Child
	// Warnings are reasons to stop and think, in the order in which they were found.
	Warnings []Warning
	// Changes are the rows to write. They are to be written in this order, in transactions, each with its ETag: the end
	// comes last, so that the engine throws away every message that arrives before all is written. What was done since
	// the last rewind comes first, which shows that the plan was begun. Planning again after a part of it was written
	// asks for the rest. When there are no changes, only the instance's status and the message that wakes it can be
	// missing.
	Changes []Change
}

// Failure is a failure that is taken back, and why.
type Failure struct {
	// Action is what failed.
	Action *Action
	// Message is what the failure said.
	Message string
	// Why says what shows that it was fatal.
	Why string
}

// Child is a sub-orchestration.
type Child struct {
	EventID          int
	Name, InstanceID string
}

// Change is a row to write in place of the one that was read.
type Change struct {
	// Before is the row as it was read.
	Before wire.Event
	// Type is the event type of the new row.
	Type string
	// Row is the whole new row, to replace the old one if that still has the ETag of Before.
	Row *storage.Entity
}

// planner collects what a plan takes back.
type planner struct {
	*History
	plan   *Plan
	from   int // the first row of the run
	end    int // the row of its end
	later  int // the first row of later runs
	undone map[int]bool
	// kept are the rows of the actions of fatal children: they are marked but stay.
	kept map[int]bool
}

// newPlanner plans on a history that was restored to the end of a run.
func newPlanner(h *History, r run) *planner {
	p := &planner{
		History: h, plan: &Plan{Cut: NoCut, End: h.events[r.end]}, from: r.from, end: r.end, later: r.to,
		undone: map[int]bool{}, kept: map[int]bool{},
	}
	for i := range r.to {
		if h.events[i].Type == wire.ExecutionCompleted {
			p.undone[i] = true
		}
	}
	return p
}

// endEpisode is the episode in which the execution ended.
func (p *planner) endEpisode() int { return p.episode[p.end] }

// undo takes back an action with its completions.
func (p *planner) undo(a *Action) {
	p.undone[a.row] = true
	p.undoCompletions(a)
}

func (p *planner) undoCompletions(a *Action) {
	for _, i := range a.done {
		p.undone[i] = true
	}
}

// cut takes back every action with an event ID of at least id. Event IDs are given in the order of replay: once one is
// taken back, all later ones may mean something else.
func (p *planner) cut(id int) {
	p.plan.Cut = id
	for _, a := range p.actions {
		if a.EventID >= id {
			p.undo(a)
		}
	}
}

// fail takes back a failure and what failed. A child below the cut keeps its place and answers once more; above it, its
// event ID may come to mean something else.
func (p *planner) fail(c *cause) {
	a := c.action
	p.plan.Fatal = append(p.plan.Fatal, Failure{Action: a, Message: message(a.Completions[0]), Why: c.why})
	p.undoCompletions(a)
	if a.Type == wire.SubOrchestrationInstanceCreated && !p.undone[a.row] {
		p.kept[a.row] = true
		return
	}
	p.undone[a.row] = true
}

func message(ev wire.Event) string {
	if strings.HasPrefix(ev.Reason, wire.RewoundPrefix) {
		return LostReason
	}
	return ev.Reason
}

// finish completes the plan once all that is taken back is known.
func (p *planner) finish() *Plan {
	p.undoLater()
	for _, a := range p.actions {
		switch child := (Child{a.EventID, a.Name, a.InstanceID}); {
		case p.undone[a.row]:
			p.plan.Undone = append(p.plan.Undone, a)
			if a.Succeeded() && a.Type != wire.TimerCreated {
				p.plan.Rerun = append(p.plan.Rerun, a)
			}
		case p.kept[a.row]:
			if !p.answeredLater(a) {
				p.plan.Children = append(p.plan.Children, child)
			}
		case a.Type == wire.SubOrchestrationInstanceCreated && a.Open():
			p.plan.OpenChildren = append(p.plan.OpenChildren, child)
		}
	}
	p.change()
	return p.plan
}

// change lists the rows that differ from what they shall be.
func (p *planner) change() {
	var earlier, ends []Change
	for i := range p.rows {
		c, differs := p.changeOf(i)
		switch {
		case !differs:
		case p.rows[i].Type == wire.ExecutionCompleted:
			ends = append(ends, c)
		case i < p.from:
			earlier = append(earlier, c)
		default:
			p.plan.Changes = append(p.plan.Changes, c)
		}
	}
	p.plan.Changes = append(append(p.plan.Changes, earlier...), ends...)
}

func (p *planner) changeOf(i int) (Change, bool) {
	ev, was := p.rows[i], p.events[i].Type
	switch {
	case p.undone[i] && takenBack(ev):
		return Change{}, false
	case p.undone[i]:
		return rewrite(ev, wire.GenericEvent, wire.RewoundPrefix+ev.Type), true
	case p.kept[i]:
		reason := wire.RewoundPrefix + was
		return rewrite(ev, was, reason), ev.Type != was || ev.Reason != reason
	case ev.Type == was:
		return Change{}, false
	case isFailure(was):
		return rewrite(ev, was, LostReason), true
	}
	return rewrite(ev, was, ""), true
}

// rewrite returns a row with another type and reason; "" is no reason. All other columns stay.
func rewrite(ev wire.Event, eventType, reason string) Change {
	row := ev.Row.Clone()
	row.Set(wire.ColEventType, storage.StringValue(eventType))
	if reason != "" {
		row.Set(wire.ColReason, storage.StringValue(reason))
	} else {
		row.Columns = without(row.Columns, wire.ColReason)
	}
	return Change{Before: ev, Type: eventType, Row: row}
}

func without(columns []storage.Column, name string) []storage.Column {
	kept := columns[:0]
	for _, c := range columns {
		if c.Name != name {
			kept = append(kept, c)
		}
	}
	return kept
}
