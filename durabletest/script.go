package durabletest

import (
	"context"
	"encoding/json"
	"time"
)

// Scripts are the orchestrators of an app, by name.
type Scripts map[string]Script

// Script is what an orchestrator does, one step after the other. Where the last step does not end the orchestration, it
// is Completed behind it, without an output. A Script is itself a [Step], so that scripts can be made of scripts.
type Script []Step

// Step is a step of a script: one of the types of this package that say so.
type Step interface {
	// check says what is wrong with the step.
	check() error
	// play takes the step. It reports whether the strand has to wait.
	play(p *play, s *strand) (waits bool)
}

// Activity is the [Step] of an orchestrator that calls an activity and waits for its result.
type Activity struct {
	// Name is the activity's name.
	Name string
	// Input is what it is called with. Nil is no input. The app of the recordings, which runs in process, wraps it
	// into an array, and so is it done here.
	Input any
	// Result is what it returns, written as JSON; a json.RawMessage keeps every byte, and nil is no result.
	Result any
	// Failure is why it fails, "" if it does not. Details is what else the history says where it fails; in-process apps
	// write the exception as JSON.
	Failure, Details string
	// Do, if it is set, is called whenever the activity runs, and returns its result or failure in place of the fields
	// above. An activity runs at least once; it may run again where a worker or its storage fails.
	Do func(ctx context.Context, call ActivityCall) (result any, err error)
	// Takes is how long it runs, in whole seconds, at most a week. Defaults to no time. Activities with the same Takes
	// end in the order in which they were scheduled.
	Takes time.Duration
	// Catch lets the script go on after a failure, which a [Decide] finds in its [Progress]. Otherwise it ends the
	// orchestration as Failed, as an exception does that nobody catches.
	Catch bool
}

// ActivityCall is what an activity is told when it runs.
type ActivityCall struct {
	// InstanceID is the orchestration that calls it, Name the activity.
	InstanceID, Name string
	// Input is what it is called with, nil for no input.
	Input json.RawMessage
}

// WaitForEvent is the [Step] that waits for an external event. Events that came before are found; of several with
// the name, compared without case, the first that no step has taken.
type WaitForEvent struct {
	// Name is the event's name.
	Name string
	// Timeout is how long to wait, from when the step begins. Defaults to for ever. After it the script goes on; a
	// [Decide] finds TimedOut in the outcome.
	Timeout time.Duration
}

// Timer is the [Step] of a durable timer.
type Timer struct {
	// Duration is how long it runs.
	Duration time.Duration
}

// CustomStatus is the [Step] that sets the custom status.
type CustomStatus struct {
	// Status is written as JSON, at most 16 KiB in UTF-16. Nil removes the status.
	Status any
}

// SubOrchestration is the [Step] that starts another orchestration and waits for its output.
type SubOrchestration struct {
	// Name is the other orchestrator's name.
	Name string
	// InstanceID is its instance's ID. Defaults to the ID that the engine generates, of the parent's execution ID and
	// the number of the action.
	InstanceID string
	// Input is written as JSON. Nil is no input.
	Input any
	// Detached does not wait: the new instance is one of its own.
	Detached bool
	// Catch lets the script go on after a failure, as in [Activity].
	Catch bool
}

// SendEvent is the [Step] that raises an event on another instance.
type SendEvent struct {
	// InstanceID is the other instance, Name the event.
	InstanceID, Name string
	// Data is written as JSON. Nil is no data.
	Data any
}

// Parallel is the [Step] that takes several steps at the same time and waits for all of them. Its outcome has that of
// each in its Branches. A step that fails, and does not Catch it, fails the orchestration when all have ended.
type Parallel []Step

// Decide is the [Step] that chooses the next one from what came so far. It may return nil, which is no step, a whole
// [Script], or one that ends with another Decide, which makes a loop.
//
// The function must not depend on anything else but its argument. It is called once when the script comes to it, and
// again when the host has to find out from the history where a script stands: after a restart of the host, or a rewind.
type Decide func(p *Progress) Step

// ContinueAsNew is the [Step] that starts the orchestration over, under the same instance ID. Events that no step has
// taken go along.
type ContinueAsNew struct {
	// Input is the new input. Nil is no input.
	Input any
}

// Complete is the [Step] that ends the orchestration as Completed.
type Complete struct {
	// Output is written as JSON; a json.RawMessage keeps every byte, and nil is no output.
	Output any
}

// Fail is the [Step] that ends the orchestration as Failed.
type Fail struct {
	// Reason is the failure's text, which becomes the output as it is. In-process apps write
	// "Orchestrator function 'NAME' failed: " in front of the exception's message.
	Reason string
	// Details is what a parent's history says of the failure besides the reason.
	Details string
}
