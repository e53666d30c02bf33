package report

import (
	"strings"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/wire"
)

// builder makes a run of a history, event by event.
type builder struct {
	run *run
	// live and undone are the actions by event ID; after a rewind the same IDs are given anew.
	live, undone map[int]*span
	// actions and timers are how many have no answer yet.
	actions, timers int
	// asked are the calls of entities by the ID of the request, which is the name of the answer.
	asked map[string]*span
	// detached are the sub-orchestrations that are known not to be waited for.
	detached  map[string]bool
	suspended *span
	ended     time.Time
	started   bool
	// rerun says that an end was taken back, and nothing has let the instance run again yet.
	rerun bool
}

// expect notes that the run waits for the answer to an action.
func (b *builder) expect(s *span) {
	s.expected = true
	if s.kind == kindTimer {
		b.timers++
	} else {
		b.actions++
	}
	b.live[s.id] = s
}

// met notes that the answer has come.
func (b *builder) met(s *span) {
	if !s.expected {
		return
	}
	s.expected = false
	if s.kind == kindTimer {
		b.timers--
	} else {
		b.actions--
	}
}

func (b *builder) event(e *durable.HistoryEvent) {
	switch e.Type {
	case durable.EventOrchestratorStarted:
		b.run.turns = append(b.run.turns, turn{begin: e.Timestamp, end: e.Timestamp, idle: b.actions == 0})
	case durable.EventOrchestratorCompleted:
		if n := len(b.run.turns); n > 0 {
			b.run.turns[n-1].end = e.Timestamp
		}
	case durable.EventExecutionStarted:
		b.start(e)
	case durable.EventTaskScheduled, durable.EventSubOrchestrationCreated, durable.EventTimerCreated:
		s := b.action(e, e.Type)
		if s.detached = s.kind == kindChild && b.detached[s.target]; s.detached {
			s.outcome = outcomeDone
			return
		}
		b.expect(s)
	case durable.EventEventSent:
		b.sent(e)
	case durable.EventEventRaised:
		b.raised(e)
	case durable.EventExecutionSuspended, durable.EventExecutionResumed, durable.EventExecutionTerminated:
		b.control(e)
	case durable.EventExecutionCompleted, durable.EventContinueAsNew:
		b.ended, b.run.last = e.Timestamp, len(b.run.turns)-1
	case durable.EventGeneric:
		b.generic(e)
	default:
		if e.ScheduledID != nil {
			b.answer(e, e.Type, b.live[*e.ScheduledID])
		}
	}
}

// add adds a span that begins with an event.
func (b *builder) add(k kind, e *durable.HistoryEvent) *span {
	s := &span{
		kind: k, outcome: outcomeOpen, id: e.EventID, name: e.Name, target: e.InstanceID,
		begin: e.Timestamp, end: e.Timestamp, from: len(b.run.turns) - 1, woke: -1,
	}
	b.run.spans = append(b.run.spans, s)
	return s
}

// close ends a span in the turn at hand. Clocks of machines differ; nothing ends before it began.
func (b *builder) close(s *span, at time.Time) {
	b.met(s)
	s.outcome, s.answered = outcomeDone, true
	if at.After(s.begin) {
		s.end = at
	}
	b.wake(s)
}

func (b *builder) wake(s *span) {
	if n := len(b.run.turns); n > 0 {
		s.woke = n - 1
		b.run.turns[n-1].woke = append(b.run.turns[n-1].woke, s)
	}
}

// lastTurn is the end of the turn before the one at hand.
func (b *builder) lastTurn() (t turn, ok bool) {
	if n := len(b.run.turns); n > 1 {
		return b.run.turns[n-2], true
	}
	return turn{}, false
}

func (b *builder) start(e *durable.HistoryEvent) {
	if b.started || len(b.run.turns) == 0 {
		return
	}
	b.started = true
	first := b.run.turns[0].begin
	queue := b.add(kindQueue, e)
	queue.name, queue.from = "", -1
	if s := b.run.instance.Status; s != nil && s.ScheduledStartTime.After(e.Timestamp) && s.ScheduledStartTime.Before(first) {
		scheduled := b.add(kindScheduled, e)
		scheduled.name, scheduled.from, scheduled.critical = "", -1, true
		scheduled.outcome, scheduled.end, queue.begin = outcomeDone, s.ScheduledStartTime, s.ScheduledStartTime
	}
	b.close(queue, first)
}

var actionKinds = map[durable.HistoryEventType]kind{
	durable.EventTaskScheduled: kindActivity, durable.EventSubOrchestrationCreated: kindChild,
	durable.EventTimerCreated: kindTimer, durable.EventEventSent: kindSent,
}

func (b *builder) action(e *durable.HistoryEvent, was durable.HistoryEventType) *span {
	s := b.add(actionKinds[was], e)
	s.due = e.FireAt
	if s.from >= 0 {
		b.run.turns[s.from].acted = true
	}
	return s
}

// answer closes the action that an event answers; the text of a failure is kept.
func (b *builder) answer(e *durable.HistoryEvent, was durable.HistoryEventType, s *span) {
	if s == nil || s.answered {
		return
	}
	at := e.Timestamp
	if was == durable.EventTimerFired && len(b.run.turns) > 0 {
		at = b.run.turns[len(b.run.turns)-1].begin // its own time is when the timer was created
	}
	b.close(s, at)
	if was == durable.EventTaskFailed || was == durable.EventSubOrchestrationFailed {
		s.outcome, s.reason = outcomeFailed, e.Reason
	}
}

// sent adds an event that was sent. A call of an entity carries the ID under which the answer comes.
func (b *builder) sent(e *durable.HistoryEvent) {
	s := b.action(e, durable.EventEventSent)
	s.outcome = outcomeDone
	request, ok := entityRequest(e)
	if !ok {
		return
	}
	s.name = request.Operation
	if request.Signal {
		return
	}
	s.kind, s.outcome = kindEntity, outcomeOpen
	b.asked[request.ID] = s
	b.expect(s)
}

func (b *builder) raised(e *durable.HistoryEvent) {
	if s := b.asked[e.Name]; s != nil {
		delete(b.asked, e.Name)
		b.close(s, e.Timestamp)
		if answer := entityAnswer(e); answer.ExceptionType != "" {
			s.outcome, s.reason = outcomeFailed, answer.ExceptionType
		}
		return
	}
	s := b.add(kindEvent, e)
	before, ok := b.lastTurn()
	s.from--
	if ok && b.run.turns[len(b.run.turns)-1].idle && before.end.Before(e.Timestamp) {
		s.begin = before.end
	}
	b.close(s, e.Timestamp)
}

// control adds what was asked of the instance as a whole.
func (b *builder) control(e *durable.HistoryEvent) {
	switch {
	case e.Type == durable.EventExecutionTerminated:
		b.terminated(e)
	case e.Type == durable.EventExecutionSuspended && b.suspended == nil:
		b.suspended = b.add(kindSuspended, e)
		b.suspended.reason = e.Reason
	case e.Type == durable.EventExecutionResumed && b.suspended != nil:
		b.close(b.suspended, e.Timestamp)
		b.suspended = nil
	}
}

// terminated adds what ended a run. One that had nothing open was waiting for an event until then.
func (b *builder) terminated(e *durable.HistoryEvent) {
	before, ok := b.lastTurn()
	if ok && before.end.Before(e.Timestamp) && b.actions+b.timers == 0 && b.suspended == nil {
		wait := b.add(kindWait, e)
		wait.name, wait.begin, wait.outcome = "", before.end, outcomeUnanswered
	}
	s := b.add(kindEnd, e)
	s.from--
	s.reason = reasonOf(e)
	b.close(s, e.Timestamp)
}

// reasonOf is why an instance was terminated: the engine keeps it as the event's input.
func reasonOf(e *durable.HistoryEvent) string {
	if e.Reason != "" {
		return e.Reason
	}
	return plainText(e.Input)
}

// generic is an event that was taken back, or the message that let an instance run again.
func (b *builder) generic(e *durable.HistoryEvent) {
	old, rewound := strings.CutPrefix(e.Reason, wire.RewoundPrefix)
	was := durable.HistoryEventType(old)
	_, action := actionKinds[was]
	switch {
	case rewound && action:
		s := b.action(e, was)
		s.outcome = outcomeUndone
		b.undone[e.EventID] = s
	case e.ScheduledID != nil:
		if s := b.undone[*e.ScheduledID]; s != nil && !s.answered {
			b.answer(e, was, s)
			s.outcome, s.reason = outcomeUndone, ""
		}
	case rewound && e.Status != "": // only ends have one
		b.rerun = true
	case !rewound && e.EventID < 0:
		b.woken(e)
	}
}

// woken adds a message that only wakes: it ends a rewind, or calls attention to what was changed.
func (b *builder) woken(e *durable.HistoryEvent) {
	k := kindWoken
	if b.rerun {
		k, b.rerun = kindRewind, false
	}
	s := b.add(k, e)
	s.name, s.from = "", s.from-1
	if before, ok := b.lastTurn(); ok && before.end.Before(e.Timestamp) && (k == kindRewind || b.run.turns[len(b.run.turns)-1].idle) {
		s.begin = before.end
	}
	b.close(s, e.Timestamp)
}

// finish decides what became of the actions that nobody has answered, and when the picture ends.
func (b *builder) finish(now time.Time) {
	r := b.run
	b.bounds(now)
	ended := r.state.IsTerminal()
	if !ended || r.last < 0 {
		r.last = len(r.turns) - 1
	}
	waiting := false
	for _, s := range r.spans {
		if s.answered || s.outcome == outcomeDone {
			continue
		}
		s.end = later(s.begin, r.end)
		switch {
		case s.outcome == outcomeUndone:
			s.end = s.begin
		case ended:
			s.outcome = outcomeUnanswered
			if !s.due.IsZero() && s.due.Before(s.end) {
				s.end = later(s.begin, s.due)
			}
		default:
			waiting = true
		}
	}
	if !ended && !waiting {
		b.waits()
	}
}

// waits adds what an instance waits for that has nothing open: its first turn, or an external event.
func (b *builder) waits() {
	r := b.run
	s := &span{kind: kindWait, outcome: outcomeOpen, id: -1, begin: r.begin, end: r.end, from: r.last, woke: -1}
	switch st := r.instance.Status; {
	case r.state == "" || r.begin.IsZero():
		return
	case len(r.turns) == 0:
		s.kind = kindQueue
		if st != nil && st.ScheduledStartTime.After(r.end) {
			s.kind, s.due = kindScheduled, st.ScheduledStartTime
		}
	case r.state == durable.RuntimeStatusPending && b.rerun: // it stays Pending when it has been woken
		s.kind, s.begin = kindRewind, r.turns[len(r.turns)-1].end
	default:
		s.begin = r.turns[len(r.turns)-1].end
	}
	r.spans = append(r.spans, s)
}

// bounds sets when the picture begins and ends.
func (b *builder) bounds(now time.Time) {
	r := b.run
	if st := r.instance.Status; st != nil {
		r.begin = st.CreatedTime
	}
	for _, e := range r.instance.History {
		if e.Timestamp.IsZero() {
			continue // a row that somebody has broken
		}
		if r.begin.IsZero() || e.Timestamp.Before(r.begin) {
			r.begin = e.Timestamp
		}
		r.end = later(r.end, e.Timestamp)
	}
	switch {
	case !r.state.IsTerminal():
		r.end = later(r.end, now)
	case !b.ended.IsZero():
		r.end = b.ended
	case r.instance.Status != nil:
		r.end = later(r.end, r.instance.Status.LastUpdatedTime)
	}
	r.end = later(r.begin, r.end)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
