package replay_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/go-durable/durable/internal/wire"
)

// step is a piece of an orchestrator. It calls then when it is done, at once or when an answer comes.
type step interface {
	run(o *orchestrator, then func(error))
}

type (
	// act calls an activity or a sub-orchestration.
	act struct {
		eventType, name string
		tries           int
	}
	seq []step
	// all runs branches side by side and waits for all of them, as Task.WhenAll does.
	all []step
	// race goes on with the first branch that is done, as Task.WhenAny does.
	race []step
	// ahead begins task, goes through body, and only then waits for task.
	ahead struct{ task, body step }
	// try catches what goes wrong in body.
	try struct {
		body, rescue, finally step
		rethrow               bool
	}
	pause struct{}
	await struct{ event string }
	send  struct{}
	// throw fails until the code is put right. It stands where nothing catches it: what was caught once is history.
	throw struct{}
)

var errOwn = errors.New("this orchestrator found a mistake")

func (s act) run(o *orchestrator, then func(error)) {
	o.take(s.eventType, s.name, func(err error) {
		if err == nil || s.tries == 0 {
			then(err)
			return
		}
		// The engine sets a timer after the last try too.
		o.take(wire.TimerCreated, "", func(error) {
			if s.tries == 1 {
				then(err)
				return
			}
			act{s.eventType, s.name, s.tries - 1}.run(o, then)
		})
	})
}

func (s seq) run(o *orchestrator, then func(error)) {
	if len(s) == 0 {
		then(nil)
		return
	}
	s[0].run(o, func(err error) {
		if err != nil {
			then(err)
			return
		}
		s[1:].run(o, then)
	})
}

func (s all) run(o *orchestrator, then func(error)) {
	left, errs := len(s), make([]error, len(s))
	for i, branch := range s {
		branch.run(o, func(err error) {
			errs[i] = err
			if left--; left == 0 {
				then(firstError(errs))
			}
		})
	}
}

func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s race) run(o *orchestrator, then func(error)) {
	over := false
	for _, branch := range s {
		branch.run(o, func(err error) {
			if !over {
				over = true
				then(err)
			}
		})
	}
}

func (s ahead) run(o *orchestrator, then func(error)) {
	done, waiting := false, false
	var result error
	s.task.run(o, func(err error) {
		done, result = true, err
		if waiting {
			then(err)
		}
	})
	s.body.run(o, func(err error) {
		waiting = err == nil
		if err != nil || done {
			then(errors.Join(err, result))
		}
	})
}

func (s try) run(o *orchestrator, then func(error)) {
	last := func(err error) {
		s.finally.run(o, func(e error) { then(errors.Join(err, e)) })
	}
	s.body.run(o, func(err error) {
		if err == nil {
			last(nil)
			return
		}
		s.rescue.run(o, func(e error) {
			if s.rethrow {
				e = err
			}
			last(e)
		})
	})
}

func (s pause) run(o *orchestrator, then func(error)) { o.take(wire.TimerCreated, "", then) }

func (s await) run(o *orchestrator, then func(error)) {
	if o.early[s.event] > 0 {
		o.early[s.event]--
		then(nil)
		return
	}
	o.waiting[s.event] = append(o.waiting[s.event], then)
}

func (s send) run(o *orchestrator, then func(error)) {
	o.take(wire.EventSent, "op", nil)
	then(nil)
}

func (s throw) run(o *orchestrator, then func(error)) {
	if o.mended {
		then(nil)
		return
	}
	then(errOwn)
}

// orchestrator replays a history as TaskOrchestrationExecutor does.
type orchestrator struct {
	mended  bool
	next    int
	pending map[int]wire.Event
	open    map[int]func(error)
	waiting map[string][]func(error)
	early   map[string]int
	held    []wire.Event
	paused  bool

	done     bool
	err      error
	diverged error
}

func newOrchestrator(mended bool) *orchestrator {
	return &orchestrator{
		mended: mended, pending: map[int]wire.Event{}, open: map[int]func(error){},
		waiting: map[string][]func(error){}, early: map[string]int{},
	}
}

// take takes an action. An orchestrator that is done takes none.
func (o *orchestrator) take(eventType, name string, then func(error)) {
	if o.done {
		return
	}
	o.pending[o.next] = wire.Event{Type: eventType, EventID: o.next, Name: name}
	if then != nil {
		o.open[o.next] = then
	}
	o.next++
}

func (o *orchestrator) replay(program step, rows []wire.Event) {
	for _, ev := range rows {
		if o.diverged != nil {
			return
		}
		switch ev.Type {
		case wire.ExecutionStarted:
			program.run(o, func(err error) { o.done, o.err = true, err })
		case wire.TaskScheduled, wire.SubOrchestrationInstanceCreated, wire.TimerCreated, wire.EventSent:
			o.match(ev)
		case wire.ExecutionSuspended:
			o.paused = true
		case wire.ExecutionResumed:
			o.paused = false
			for _, h := range o.held {
				o.receive(h)
			}
			o.held = nil
		default:
			if o.paused {
				o.held = append(o.held, ev)
			} else {
				o.receive(ev)
			}
		}
	}
}

func (o *orchestrator) match(ev wire.Event) {
	p, ok := o.pending[ev.EventID]
	if !ok || p.Type != ev.Type || p.Name != ev.Name {
		o.diverged = fmt.Errorf("Non-Deterministic workflow detected: %s %d %s", ev.Type, ev.EventID, ev.Name)
		return
	}
	delete(o.pending, ev.EventID)
}

func (o *orchestrator) receive(ev wire.Event) {
	switch ev.Type {
	case wire.EventRaised:
		if w := o.waiting[ev.Name]; len(w) > 0 {
			o.waiting[ev.Name] = w[1:]
			w[0](nil)
			return
		}
		o.early[ev.Name]++
	case wire.TaskCompleted, wire.TimerFired, wire.SubOrchestrationInstanceCompleted:
		o.answer(ev, nil)
	case wire.TaskFailed, wire.SubOrchestrationInstanceFailed:
		o.answer(ev, errors.New(ev.Reason))
	}
}

func (o *orchestrator) answer(ev wire.Event, err error) {
	if then := o.open[ev.ScheduledID]; then != nil {
		delete(o.open, ev.ScheduledID)
		then(err)
	}
}

// decisions are the actions that the history does not have yet.
func (o *orchestrator) decisions() []wire.Event {
	return slices.SortedFunc(maps.Values(o.pending), func(a, b wire.Event) int { return a.EventID - b.EventID })
}

// author writes random orchestrators.
type author struct {
	*rand.Rand
	events []string
	budget int
}

// program returns an orchestrator.
func (a *author) program() step {
	list := seq{a.sequence(4, false)}
	if a.IntN(10) == 0 {
		list = append(list, throw{})
	}
	return list
}

// write returns a piece of an orchestrator. Safe tells that what fails in it is caught, so that it may fail for good.
func (a *author) write(depth int, safe bool) step {
	a.budget--
	if depth == 0 || a.budget < 0 {
		return a.leaf(safe)
	}
	switch a.IntN(11) {
	case 0, 1, 2:
		return a.sequence(depth, safe)
	case 3, 4:
		return all(a.branches(depth, safe))
	case 5:
		return race(a.branches(depth, safe))
	case 6, 7:
		return a.attempt(depth, safe)
	case 8, 9:
		return ahead{a.leaf(safe), a.sequence(depth-1, safe)}
	default:
		return a.leaf(safe)
	}
}

func (a *author) branches(depth int, safe bool) []step {
	n := 2 + a.IntN(3)
	var list []step
	for range n {
		list = append(list, a.sequence(depth-1, safe))
	}
	return list
}

func (a *author) sequence(depth int, safe bool) step {
	var list seq
	for range 1 + a.IntN(4) {
		list = append(list, a.write(depth-1, safe))
	}
	return list
}

func (a *author) attempt(depth int, safe bool) step {
	t := try{rescue: seq{}, finally: seq{}, rethrow: a.IntN(3) == 0}
	t.body = a.sequence(depth-1, safe || !t.rethrow)
	if a.IntN(3) > 0 {
		t.rescue = a.sequence(depth-1, safe)
	}
	if a.IntN(4) == 0 {
		t.finally = send{}
	}
	return t
}

func (a *author) leaf(safe bool) step {
	name := []string{"Good", "FlakyA", "FlakyB", "FlakyC"}[a.IntN(4)]
	if safe && a.IntN(3) == 0 {
		name = "Bad"
	}
	switch a.IntN(10) {
	case 0:
		return pause{}
	case 1:
		return send{}
	case 2:
		event := fmt.Sprintf("event%d", len(a.events))
		a.events = append(a.events, event)
		return await{event}
	case 3:
		return act{wire.SubOrchestrationInstanceCreated, name, a.IntN(3)}
	}
	return act{wire.TaskScheduled, name, max(0, a.IntN(6)-2)}
}

func mayFail(name string, mended bool) bool {
	return name == "Bad" || strings.HasPrefix(name, "Flaky") && !mended
}
