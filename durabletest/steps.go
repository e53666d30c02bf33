package durabletest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-durable/durable/internal/wire"
)

// How the steps are taken. Values were checked with their script, or are by Decide.

func (s Script) play(_ *play, st *strand) bool {
	for _, step := range slices.Backward(s) {
		st.todo = append(st.todo, step)
	}
	return false
}

func (a Activity) play(p *play, s *strand) bool {
	input, err := encode("the input of "+a.Name, a.Input)
	if err != nil {
		p.err = err
		return true
	}
	if input != nil { // what an in-process app does with the one argument of an activity
		*input = "[" + *input + "]"
	}
	p.act(&action{eventType: wire.TaskScheduled, name: a.Name, input: input, step: a, strand: s})
	return true
}

func (t Timer) play(p *play, s *strand) bool {
	p.timer(s, wire.Cut(p.now.Add(t.Duration)))
	return true
}

func (w WaitForEvent) play(p *play, s *strand) bool {
	s.event = w.Name
	if w.Timeout > 0 {
		s.timeout = p.timer(s, wire.Cut(p.now.Add(w.Timeout)))
	}
	for i, e := range p.unused {
		if strings.EqualFold(e.Name, w.Name) {
			p.unused = slices.Delete(slices.Clone(p.unused), i, i+1)
			p.receive(s, e)
			return false
		}
	}
	p.waiting = append(p.waiting, s)
	return true
}

func (c CustomStatus) play(p *play, _ *strand) bool {
	p.custom, p.err = encodeStatus(c.Status)
	return false
}

func (c SubOrchestration) play(p *play, s *strand) bool {
	input, err := encode("the input of "+c.Name, c.Input)
	if err != nil {
		p.err = err
		return true
	}
	a := p.act(&action{
		eventType: wire.SubOrchestrationInstanceCreated, name: c.Name, instanceID: c.InstanceID, input: input,
		detached: c.Detached, step: c,
	})
	if a.instanceID == "" {
		a.instanceID = fmt.Sprintf("%s:%d", p.executionID, a.id)
	}
	if c.Detached {
		return false
	}
	a.strand = s
	return true
}

func (e SendEvent) play(p *play, _ *strand) bool {
	data, err := encode("the data of "+e.Name, e.Data)
	p.err = err
	p.act(&action{eventType: wire.EventSent, name: e.Name, instanceID: e.InstanceID, input: data, step: e})
	return false
}

func (p Parallel) play(run *play, s *strand) bool {
	n := len(p)
	s.open, s.branches, s.failures = n+1, make([]Outcome, n), make([]string, n)
	for i, step := range p {
		run.run(&strand{todo: []Step{step}, parent: s, branch: i})
	}
	if s.open--; s.open > 0 {
		return true
	}
	run.join(s)
	return false
}

func (d Decide) play(p *play, s *strand) bool {
	step := d(&Progress{p})
	if step == nil {
		return false
	}
	if err := step.check(); err != nil {
		p.err = fmt.Errorf("a step that was decided: %w", err)
		return true
	}
	s.todo = append(s.todo, step)
	return false
}

func (c ContinueAsNew) play(p *play, _ *strand) bool {
	return p.last(wire.StatusContinuedAsNew, "the input of ContinueAsNew", c.Input)
}

func (c Complete) play(p *play, _ *strand) bool {
	return p.last(wire.StatusCompleted, "the output", c.Output)
}

func (f Fail) play(p *play, _ *strand) bool {
	p.finish(wire.StatusFailed, &f.Reason, f.Details)
	return true
}

// last ends the execution with a value.
func (p *play) last(status, what string, v any) bool {
	text, err := encode(what, v)
	if p.err = err; err == nil {
		p.finish(status, text, "")
	}
	return true
}

// What in-process apps write about functions that fail.

func orchestratorFailed(name string) string { return "Orchestrator function '" + name + "' failed: " }

func activityFailed(name string) string { return "Activity function '" + name + "' failed: " }

// catches says whether the script goes on after a failure of the action.
func (a *action) catches() bool {
	switch step := a.step.(type) {
	case Activity:
		return step.Catch
	case SubOrchestration:
		return step.Catch
	}
	return false
}

// cause returns what failed, without the engine's words around it.
func (a *action) cause(reason string) string {
	reason = strings.TrimPrefix(reason, activityFailed(a.name))
	return strings.TrimPrefix(reason, orchestratorFailed(a.name))
}

// thrown returns the message of the exception that an orchestrator gets for a failure.
func (a *action) thrown(reason string) string {
	kind := "activity"
	if a.eventType == wire.SubOrchestrationInstanceCreated {
		kind = "orchestrator"
	}
	return fmt.Sprintf("The %s function '%s' failed: \"%s\". See the function execution logs for additional details.",
		kind, a.name, a.cause(reason))
}
