package wire

import (
	"encoding/json"
	"time"
)

// Event numbers of what only workers send (EventType.cs).
const (
	numTaskScheduled  = 4
	numTaskCompleted  = 5
	numTaskFailed     = 6
	numChildCompleted = 8
	numChildFailed    = 9
	numTimerFired     = 11
)

// Execution is one execution of an instance.
type Execution struct{ InstanceID, ExecutionID string }

type taskScheduled struct {
	Type               string        `json:"$type"`
	EventType          int           `json:"EventType"`
	Name               string        `json:"Name"`
	Version            string        `json:"Version"`
	Input              *string       `json:"Input"`
	ParentTraceContext *traceContext `json:"ParentTraceContext"`
	eventBase
}

// TaskScheduledMessage returns the message that asks for an activity on behalf of an execution
// (TaskScheduledEvent.cs). It belongs into the work-item queue.
func TaskScheduledMessage(of Execution, eventID int, name string, input *string, at time.Time) *Message {
	e := &taskScheduled{
		Type: eventTypeName(TaskScheduled), EventType: numTaskScheduled, Name: name, Input: input,
		eventBase: clientEvent(at),
	}
	e.EventID = eventID
	m := toExecution(of, TaskScheduled, e)
	m.executionContext = true
	return m
}

type taskResult struct {
	Type            string  `json:"$type"`
	EventType       int     `json:"EventType"`
	TaskScheduledID int     `json:"TaskScheduledId"`
	Result          *string `json:"Result"`
	eventBase
}

// TaskCompletedMessage returns the message with an activity's result (TaskCompletedEvent.cs).
func TaskCompletedMessage(to Execution, scheduledID int, result *string, at time.Time) *Message {
	return toExecution(to, TaskCompleted, &taskResult{
		eventTypeName(TaskCompleted), numTaskCompleted, scheduledID, result, clientEvent(at),
	})
}

// ChildCompletedMessage returns the message with a sub-orchestration's output
// (SubOrchestrationInstanceCompletedEvent.cs).
func ChildCompletedMessage(parent Execution, scheduledID int, output *string, at time.Time) *Message {
	return toExecution(parent, SubOrchestrationInstanceCompleted, &taskResult{
		eventTypeName(SubOrchestrationInstanceCompleted), numChildCompleted, scheduledID, output, clientEvent(at),
	})
}

type taskFailure struct {
	Type            string          `json:"$type"`
	EventType       int             `json:"EventType"`
	TaskScheduledID int             `json:"TaskScheduledId"`
	Reason          *string         `json:"Reason"`
	Details         *string         `json:"Details"`
	FailureDetails  json.RawMessage `json:"FailureDetails"`
	eventBase
}

// Failure is how something failed.
type Failure struct {
	Reason, Details *string
	// Object is the failure as a JSON object, which apps out of process want, nil for none.
	Object json.RawMessage
}

// TaskFailedMessage returns the message with an activity's failure (TaskFailedEvent.cs).
func TaskFailedMessage(to Execution, scheduledID int, f Failure, at time.Time) *Message {
	return toExecution(to, TaskFailed, &taskFailure{
		eventTypeName(TaskFailed), numTaskFailed, scheduledID, f.Reason, f.Details, f.Object, clientEvent(at),
	})
}

// ChildFailedMessage returns the message with a sub-orchestration's failure
// (SubOrchestrationInstanceFailedEvent.cs).
func ChildFailedMessage(parent Execution, scheduledID int, f Failure, at time.Time) *Message {
	return toExecution(parent, SubOrchestrationInstanceFailed, &taskFailure{
		eventTypeName(SubOrchestrationInstanceFailed), numChildFailed, scheduledID, f.Reason, f.Details, f.Object, clientEvent(at),
	})
}

type timerFired struct {
	Type      string `json:"$type"`
	EventType int    `json:"EventType"`
	TimerID   int    `json:"TimerId"`
	FireAt    Time   `json:"FireAt"`
	eventBase
}

// TimerFiredMessage returns the message that lies hidden in the queue until a timer is due (TimerFiredEvent.cs).
func TimerFiredMessage(to Execution, timerID int, fireAt, at time.Time) *Message {
	return toExecution(to, TimerFired, &timerFired{
		eventTypeName(TimerFired), numTimerFired, timerID, Time(Cut(fireAt)), clientEvent(at),
	})
}

// Parent is the instance that waits for a sub-orchestration, or has started it without waiting.
type Parent struct {
	Execution
	Name string
	// ScheduledID is the EventId under which it has created the sub-orchestration.
	ScheduledID int
}

type parentInstance struct {
	Type                  string      `json:"$type"`
	Name                  string      `json:"Name"`
	OrchestrationInstance instanceRef `json:"OrchestrationInstance"`
	TaskScheduleID        int         `json:"TaskScheduleId"`
	Version               string      `json:"Version"`
}

// TagFireAndForget marks a sub-orchestration that nobody waits for (OrchestrationTags.cs).
const TagFireAndForget = "FireAndForget"

// Child is a sub-orchestration that is to start.
type Child struct {
	Execution
	Name  string
	Input *string
	Tags  map[string]string
}

// ChildStartMessage returns the message that starts a sub-orchestration. Parent is nil in the event with which an
// instance without one continues as new.
func ChildStartMessage(c *Child, parent *Parent, at time.Time) *Message {
	e := &executionStarted{
		Type: eventTypeName(ExecutionStarted), OrchestrationInstance: c.ref(), EventType: numExecutionStarted,
		ParentInstance: json.RawMessage("null"), Name: c.Name, Input: c.Input, Tags: c.Tags, eventBase: clientEvent(at),
	}
	if parent != nil {
		e.ParentInstance = marshal(&parentInstance{
			Type: typeParent, Name: parent.Name, OrchestrationInstance: parent.ref(),
			TaskScheduleID: parent.ScheduledID,
		})
	}
	m := toExecution(c.Execution, ExecutionStarted, e)
	m.executionContext = true
	return m
}

// DecodeParent reads the ParentInstance column of an ExecutionStarted row. It returns nil for an instance without one.
func DecodeParent(text string) (*Parent, error) {
	if notNull(text) == "" {
		return nil, nil //nolint:nilnil // none is an answer
	}
	var p struct {
		Name                  string
		OrchestrationInstance struct{ InstanceID, ExecutionID string }
		TaskScheduleID        int
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return nil, shortJSONError(err)
	}
	return &Parent{Execution(p.OrchestrationInstance), p.Name, p.TaskScheduleID}, nil
}

func (e *Execution) ref() instanceRef {
	return instanceRef{typeInstance, e.InstanceID, optional(e.ExecutionID)}
}

func toExecution(to Execution, eventType string, event any) *Message {
	m := control(to.InstanceID, eventType, event)
	m.ExecutionID = to.ExecutionID
	return m
}
