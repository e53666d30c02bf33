package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/go-durable/durable"
)

// kind is what a span is about.
type kind int

const (
	kindQueue     kind = iota // between a start and the orchestrator's first turn
	kindScheduled             // until the time for which a start was scheduled
	kindActivity
	kindChild
	kindEntity
	kindTimer
	kindEvent     // waiting for an external event, or its arrival
	kindWait      // waiting for something of which the history does not tell
	kindSent      // an event or signal sent
	kindSuspended // between suspend and resume
	kindEnd       // terminated
	kindRewind    // between an end and what let it run again
	kindWoken     // until a message that only wakes, as it is sent when what was lost is scheduled anew
)

var kindNames = [...]string{
	kindQueue: "queued", kindScheduled: "scheduled", kindActivity: "activity", kindChild: "sub-orchestration",
	kindEntity: "entity call", kindTimer: "timer", kindEvent: "event", kindWait: "waiting", kindSent: "event sent",
	kindSuspended: "suspended", kindEnd: "terminated", kindRewind: "rewound",
	kindWoken: "woken",
}

func (k kind) String() string { return kindNames[k] }

// outcome is what became of a span.
type outcome int

const (
	outcomeDone outcome = iota
	outcomeFailed
	outcomeOpen       // not answered, and the instance waits
	outcomeUnanswered // not answered, and the instance has ended
	outcomeUndone     // taken back by a rewind or reset
)

var outcomeNames = [...]string{
	outcomeDone: "done", outcomeFailed: "failed", outcomeOpen: "open", outcomeUnanswered: "not waited for",
	outcomeUndone: "taken back",
}

func (o outcome) String() string { return outcomeNames[o] }

// span is something that took time in a run, or a moment of it.
type span struct {
	kind    kind
	outcome outcome
	// id is the event ID, or -1.
	id int
	// name is what the action was called, target the instance that it was about.
	name, target string
	begin, end   time.Time
	// due is when a timer fires.
	due time.Time
	// reason is why it failed.
	reason   string
	critical bool
	// answered says that an answer came, whatever became of it; expected, that one is waited for.
	answered, expected bool
	// detached says that it is a sub-orchestration that nobody waits for.
	detached bool
	// from is the turn that asked for it, woke the one that its end led to; -1 for none.
	from, woke int
	// waited is how long nothing else held the critical path up until it came: of an event that was not seen to be waited
	// for, and of an end.
	waited time.Duration
}

func (s *span) took() time.Duration { return s.end.Sub(s.begin) }

// turn is one execution of the orchestrator function.
type turn struct {
	begin, end time.Time
	// woke are the spans whose ends led to it.
	woke []*span
	// idle says that only timers were open when it began, acted that it asked for something.
	idle, acted bool
}

// run is the current execution of an instance.
type run struct {
	instance   *Instance
	state      durable.RuntimeStatus
	begin, end time.Time
	turns      []turn
	// spans are in the order in which they began.
	spans []*span
	// last is the turn in which the execution ended, or the last one.
	last int
}

// newRun reads a history. Open actions reach until now.
func newRun(i *Instance, now time.Time) *run {
	b := &builder{
		run:  &run{instance: i, state: i.state(), last: -1},
		live: make(map[int]*span), undone: make(map[int]*span), asked: make(map[string]*span),
		detached: make(map[string]bool),
	}
	for _, c := range i.Children {
		b.detached[c.ID] = c.detached()
	}
	for _, e := range i.History {
		b.event(e)
	}
	b.finish(now)
	r := b.run
	slices.SortStableFunc(r.spans, func(a, b *span) int { return a.begin.Compare(b.begin) })
	r.markCritical()
	return r
}

// took is how long the execution took, or has taken until now.
func (r *run) took() time.Duration { return r.end.Sub(r.begin) }

// failures are the spans that failed, in the order in which they did.
func (r *run) failures() []*span { return r.ordered(outcomeFailed) }

// open are the spans that the instance waits for.
func (r *run) open() []*span { return r.ordered(outcomeOpen) }

func (r *run) ordered(o outcome) []*span {
	var found []*span
	for _, s := range r.spans {
		if s.outcome == o {
			found = append(found, s)
		}
	}
	slices.SortStableFunc(found, func(a, b *span) int { return a.end.Compare(b.end) })
	return found
}

// blamed are the failures by which a run can have failed, the first one first: those that led to its last turn, and those
// in answer to which the orchestrator did nothing. It dealt with the others.
func (r *run) blamed() []*span {
	return slices.DeleteFunc(r.failures(), func(s *span) bool {
		return s.woke < 0 || s.woke != r.last && r.turns[s.woke].acted
	})
}

// markCritical marks the critical path: see the package's documentation.
func (r *run) markCritical() {
	for t := r.last; t >= 0; {
		woke := r.turns[t].woke
		if len(woke) == 0 {
			t--
			continue
		}
		latest := slices.MaxFunc(woke, func(a, b *span) int {
			return cmp.Or(a.end.Compare(b.end), cmp.Compare(slices.Index(woke, a), slices.Index(woke, b)))
		})
		latest.critical = true
		t = min(latest.from, t-1)
		if latest.moment() && t >= 0 {
			latest.waited = max(latest.end.Sub(r.turns[t].end), 0)
		}
	}
}

// share is how much time a kind of span took on the critical path.
type share struct {
	name string
	took time.Duration
}

// shares say where the time of the critical path went, the greatest first. It ends with the time since the last turn of
// an orchestrator that waits. What is left is the time of the orchestrator itself and of messages on their way to it.
func (r *run) shares() []share {
	byKind := make(map[kind]time.Duration)
	rest := r.took()
	for _, s := range r.spans {
		if s.critical {
			byKind[s.kind] += s.took() + s.waited
			rest -= s.took() + s.waited
		}
	}
	var all []share
	for k := kindQueue; k <= kindWoken; k++ {
		if byKind[k] > 0 {
			all = append(all, share{shareNames[k], byKind[k]})
		}
	}
	if n := len(r.turns); n > 0 && !r.state.IsTerminal() {
		if idle := r.end.Sub(r.turns[n-1].end); idle > 0 {
			all = append(all, share{"since the last turn", idle})
			rest -= idle
		}
	}
	if rest > 0 && len(r.turns) > 0 {
		all = append(all, share{"orchestrator and messages", rest})
	}
	slices.SortStableFunc(all, func(a, b share) int { return cmp.Compare(b.took, a.took) })
	return all
}

var shareNames = [...]string{
	kindQueue: "before the first turn", kindScheduled: "scheduled for later", kindActivity: "activities",
	kindChild: "sub-orchestrations", kindEntity: "entity calls", kindTimer: "timers", kindEvent: "waiting for events",
	kindWait: "waiting", kindSent: "sending", kindSuspended: "suspended", kindEnd: "until terminated",
	kindRewind: "until rewound", kindWoken: "until woken",
}
