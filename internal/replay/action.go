package replay

import "github.com/go-durable/durable/internal/wire"

// Action is something that the orchestrator did: an activity or a sub-orchestration called, a timer set, an event
// sent. Its event ID is its place in the order of all actions.
type Action struct {
	wire.Event
	// Completions are the rows that answer the action, in order. Replay heeds the first. There can be several when a
	// worker died between its write and its answer.
	Completions []wire.Event
	// Episode is the number of the episode in which the action was taken.
	Episode int

	row  int
	done []int
}

// Open reports whether the action still waits for its completion. A sent event waits for nothing.
func (a *Action) Open() bool { return a.Type != wire.EventSent && len(a.done) == 0 }

// Failed reports whether the action was answered with a failure.
func (a *Action) Failed() bool { return len(a.done) > 0 && isFailure(a.Completions[0].Type) }

// Succeeded reports whether the action was answered with a result.
func (a *Action) Succeeded() bool { return len(a.done) > 0 && !isFailure(a.Completions[0].Type) }

// same reports whether b could be another try of a.
func (a *Action) same(b *Action) bool { return a.Type == b.Type && a.Name == b.Name }

func isAction(eventType string) bool {
	switch eventType {
	case wire.TaskScheduled, wire.SubOrchestrationInstanceCreated, wire.TimerCreated, wire.EventSent:
		return true
	}
	return false
}

func isCompletion(eventType string) bool {
	switch eventType {
	case wire.TaskCompleted, wire.SubOrchestrationInstanceCompleted, wire.TimerFired:
		return true
	}
	return isFailure(eventType)
}

func isFailure(eventType string) bool {
	return eventType == wire.TaskFailed || eventType == wire.SubOrchestrationInstanceFailed
}

// isMessage reports whether an event is one that arrived and that the orchestrator may act on.
func isMessage(eventType string) bool {
	return isCompletion(eventType) || eventType == wire.EventRaised || eventType == wire.ExecutionStarted
}

// isUndoable reports whether a row of that type may be made a GenericEvent.
func isUndoable(eventType string) bool {
	return isAction(eventType) || isCompletion(eventType) ||
		eventType == wire.ExecutionCompleted || eventType == wire.ExecutionTerminated
}
