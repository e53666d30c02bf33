package durabletest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// play is an execution of a script: how far it has come by the events so far. It does no I/O.
type play struct {
	script      Script
	version     int // of the script
	instanceID  string
	executionID string
	name        string
	input       json.RawMessage
	tags        map[string]string
	parent      *wire.Parent

	// now is the time of the current episode, which is what orchestrators see.
	now time.Time
	// actions are what was decided, by EventId.
	actions []*action
	main    *strand
	running *strand // the strand that takes its steps now
	// waiting are the strands that wait for an event, the first one first.
	waiting  []*strand
	raised   []Event
	unused   []Event // raised and not taken by a step
	outcomes []Outcome
	custom   string
	end      *ending

	suspended bool
	held      []*storage.Entity // came while it was suspended
	err       error
}

// action is a decision that has an EventId.
type action struct {
	id         int
	eventType  string
	name       string
	instanceID string
	input      *string
	fireAt     time.Time
	until      time.Time // of a timer that is too long for one message
	detached   bool
	step       Step
	// strand waits for it; nil where nobody does.
	strand *strand
	// recorded says that the history has it.
	recorded bool
}

// strand is a thread of steps: the script's own, or a branch of a Parallel.
type strand struct {
	todo []Step // what is left, the next one last
	last Outcome
	// event is the name that it waits for; timeout is the action that ends that, or nil.
	event   string
	timeout *action

	parent *strand // nil for the script's own
	branch int
	// open counts the branches of a Parallel that it waits for.
	open     int
	branches []Outcome
	// failure is the text with which a branch has failed; failures are those of its own branches.
	failure  string
	failures []string
}

// ending is how an execution ends.
type ending struct {
	id      int
	status  string
	result  *string
	details string
}

// take lets the script go on after an event: a row of the history, new or old, with all its texts.
func (p *play) take(row *storage.Entity) {
	eventType := row.Text(wire.ColEventType)
	if p.suspended && eventType != wire.ExecutionResumed && eventType != wire.ExecutionTerminated {
		if eventType != wire.ExecutionSuspended { // TaskOrchestrationContext.cs: one resume ends all
			p.held = append(p.held, row.Clone()) // large texts go out of the row when it is written
		}
		return
	}
	switch eventType {
	case wire.ExecutionStarted:
		p.begin(row)
	case wire.EventRaised:
		p.raise(Event{Name: row.Text(wire.ColName), Data: jsonOf(row.Get(wire.ColInput))})
	case wire.TaskCompleted, wire.SubOrchestrationInstanceCompleted:
		p.settle(row, Outcome{Value: jsonOf(row.Get(wire.ColResult))})
	case wire.TaskFailed, wire.SubOrchestrationInstanceFailed:
		p.settle(row, Outcome{Failure: row.Text(wire.ColReason)})
	case wire.TimerFired:
		p.fire(int(row.Get(wire.ColTimerID).Int()))
	case wire.ExecutionTerminated:
		p.finish(wire.StatusTerminated, optionalText(row.Get(wire.ColInput)), "")
	case wire.ExecutionSuspended:
		p.suspended = true
	case wire.ExecutionResumed:
		p.resume()
	}
}

func jsonOf(v storage.Value) json.RawMessage {
	if v.Type == storage.None {
		return nil
	}
	return json.RawMessage(v.Text)
}

func optionalText(v storage.Value) *string {
	if v.Type == storage.None {
		return nil
	}
	return &v.Text
}

// begin takes the first steps.
func (p *play) begin(row *storage.Entity) {
	p.name, p.input = row.Text(wire.ColName), jsonOf(row.Get(wire.ColInput))
	if p.parent, p.err = wire.DecodeParent(row.Text(wire.ColParentInstance)); p.err != nil {
		return
	}
	if p.tags, p.err = wire.DecodeTags(row.Get(wire.ColTags)); p.err != nil {
		return
	}
	p.main = &strand{todo: []Step{p.script}}
	p.run(p.main)
}

func (p *play) resume() {
	held := p.held
	p.suspended, p.held = false, nil
	for _, row := range held {
		p.take(row)
	}
}

// maxSteps bounds how many steps a strand takes without waiting for anything.
const maxSteps = 100_000

// run takes the steps of a strand until it has to wait or is over.
func (p *play) run(s *strand) {
	before := p.running
	defer func() { p.running = before }()
	for n := 0; p.end == nil && p.err == nil; n++ {
		if n == maxSteps {
			p.err = fmt.Errorf("the script %q goes on and on without waiting for anything: does a Decide always return "+
				"another one?", p.name)
			return
		}
		if len(s.todo) == 0 {
			p.leave(s)
			return
		}
		step := s.todo[len(s.todo)-1]
		s.todo = s.todo[:len(s.todo)-1]
		p.running = s
		if step.play(p, s) {
			return
		}
	}
}

// leave ends a strand that has no more steps.
func (p *play) leave(s *strand) {
	if s.parent == nil {
		p.finish(wire.StatusCompleted, nil, "")
		return
	}
	parent := s.parent
	parent.branches[s.branch] = s.last
	parent.failures[s.branch] = s.failure
	if parent.open--; parent.open == 0 {
		p.join(parent)
		p.run(parent)
	}
}

// join notes the outcome of a Parallel, all of whose branches are over.
func (p *play) join(s *strand) {
	p.note(s, Outcome{Branches: s.branches})
	for _, failure := range s.failures {
		if failure != "" {
			p.throw(s, failure)
			return
		}
	}
}

// note keeps an outcome.
func (p *play) note(s *strand, o Outcome) {
	s.last = o
	p.outcomes = append(p.outcomes, o)
}

// throw ends a strand as an exception does that nobody catches.
func (p *play) throw(s *strand, failure string) {
	s.todo = nil
	if s.parent != nil {
		s.failure = failure
		return
	}
	reason := orchestratorFailed(p.name) + failure
	p.finish(wire.StatusFailed, &reason, "")
}

// finish ends the execution.
func (p *play) finish(status string, result *string, details string) {
	if p.end != nil {
		return
	}
	p.end = &ending{id: len(p.actions), status: status, result: result, details: details}
}

// act adds an action.
func (p *play) act(a *action) *action {
	a.id = len(p.actions)
	p.actions = append(p.actions, a)
	return a
}

// settle ends the activity or sub-orchestration that a row answers. An answer that nobody waits for is passed over: the
// engine keeps repeated ones in the history, and replay ignores them.
func (p *play) settle(row *storage.Entity, o Outcome) {
	a := p.awaited(int(row.Get(wire.ColTaskScheduledID).Int()))
	if a == nil || a.eventType == wire.TimerCreated {
		return
	}
	s := a.strand
	a.strand = nil
	o.Name = a.name
	reason := o.Failure
	o.Failure = a.cause(reason)
	p.note(s, o)
	if reason != "" && !a.catches() {
		p.throw(s, a.thrown(reason))
	}
	p.run(s)
}

// awaited returns the action with an ID if a strand waits for it.
func (p *play) awaited(id int) *action {
	if id < 0 || id >= len(p.actions) || p.actions[id].strand == nil || p.end != nil {
		return nil
	}
	return p.actions[id]
}

// fire ends a timer, or goes on with one that is longer than a message can be hidden.
func (p *play) fire(id int) {
	a := p.awaited(id)
	if a == nil || a.eventType != wire.TimerCreated {
		return
	}
	s := a.strand
	a.strand = nil
	if a.until.After(a.fireAt) {
		next := p.timer(s, a.until)
		if s.timeout == a {
			s.timeout = next
		}
		return
	}
	if s.timeout != a {
		p.note(s, Outcome{})
		p.run(s)
		return
	}
	p.note(s, Outcome{Name: s.event, TimedOut: true})
	p.stopWaiting(s)
	p.run(s)
}

// maxTimer is the longest timer that is one message; a longer one goes in hops (DurableOrchestrationContext.cs).
const (
	maxTimer = 6 * 24 * time.Hour
	timerHop = 3 * 24 * time.Hour
)

// timer adds a timer.
func (p *play) timer(s *strand, until time.Time) *action {
	a := &action{eventType: wire.TimerCreated, fireAt: until, until: until, strand: s}
	if until.Sub(p.now) > maxTimer {
		a.fireAt = p.now.Add(timerHop)
	}
	return p.act(a)
}

// raise gives an event to the strand that waits for it the longest, or keeps it.
func (p *play) raise(e Event) {
	p.raised = append(p.raised, e)
	if p.end == nil {
		for _, s := range p.waiting {
			if strings.EqualFold(s.event, e.Name) {
				p.receive(s, e)
				p.run(s)
				return
			}
		}
	}
	p.unused = append(p.unused, e)
}

// receive gives an event to a strand.
func (p *play) receive(s *strand, e Event) {
	p.note(s, Outcome{Name: s.event, Value: e.Data})
	p.stopWaiting(s)
}

func (p *play) stopWaiting(s *strand) {
	if s.timeout != nil {
		s.timeout.strand = nil // its message still comes, and nobody minds
	}
	s.event, s.timeout = "", nil
	for i, w := range p.waiting {
		if w == s {
			p.waiting = append(p.waiting[:i:i], p.waiting[i+1:]...)
			return
		}
	}
}

// record matches a decision in the history with the script's.
func (p *play) record(e *wire.Event) error {
	if e.EventID >= 0 && e.EventID < len(p.actions) {
		if a := p.actions[e.EventID]; a.eventType == e.Type && strings.EqualFold(a.name, e.Name) {
			a.recorded = true
			return nil
		}
	}
	return fmt.Errorf("Non-Deterministic workflow detected: the history has %s %s with ID %d, and the script has not",
		e.Type, e.Name, e.EventID)
}
