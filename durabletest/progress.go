package durabletest

import (
	"encoding/json"
	"slices"
	"time"
)

// Progress is what came so far in an execution of a script. It is valid only while the function that it is given to
// runs.
type Progress struct{ p *play }

// InstanceID returns the instance's ID.
func (p *Progress) InstanceID() string { return p.p.instanceID }

// Name returns the orchestrator's name.
func (p *Progress) Name() string { return p.p.name }

// Input returns the orchestration's input as JSON, nil for none.
func (p *Progress) Input() json.RawMessage { return p.p.input }

// Now returns the time as the orchestrator sees it: when the episode began.
func (p *Progress) Now() time.Time { return p.p.now }

// Outcomes returns the outcomes of the steps that are over, in the order in which they ended: of activities, events,
// timers, sub-orchestrations and Parallel.
func (p *Progress) Outcomes() []Outcome { return slices.Clone(p.p.outcomes) }

// Last returns the outcome of the step before, the zero Outcome if there was none. In a branch of a [Parallel] that is
// the step before in this branch.
func (p *Progress) Last() Outcome { return p.p.running.last }

// Events returns all events that were raised on this execution so far, oldest first.
func (p *Progress) Events() []Event { return slices.Clone(p.p.raised) }

// Outcome is how a step ended.
type Outcome struct {
	// Name is the activity's, the event's or the other orchestrator's name, "" for others.
	Name string `json:"name,omitempty"`
	// Value is the result, the event's data or the output, as JSON; nil for none.
	Value json.RawMessage `json:"value,omitempty"`
	// Failure is why an activity or sub-orchestration failed, "" if it did not.
	Failure string `json:"failure,omitempty"`
	// TimedOut says that an event did not come in time.
	TimedOut bool `json:"timedOut,omitempty"`
	// Branches are the outcomes of the steps of a [Parallel], in their order.
	Branches []Outcome `json:"branches,omitempty"`
}

// Decode decodes Value into v. It is left as it is if there is no value.
func (o Outcome) Decode(v any) error {
	if o.Value == nil {
		return nil
	}
	return json.Unmarshal(o.Value, v)
}
