package wire

import (
	"encoding/json"
	"time"
)

// Event numbers (EventType.cs). Readers go by $type; the number is written because .NET writes it.
const (
	numExecutionStarted    = 0
	numExecutionTerminated = 3
	numEventRaised         = 15
	numGenericEvent        = 17
	numExecutionSuspended  = 19
	numExecutionResumed    = 20
)

// eventBase stands at the end of every event.
type eventBase struct {
	EventID   int  `json:"EventId"`
	IsPlayed  bool `json:"IsPlayed"`
	Timestamp Time `json:"Timestamp"`
}

func clientEvent(at time.Time) eventBase { return eventBase{EventID: -1, Timestamp: Time(Cut(at))} }

// TraceContext is a W3C trace context, as the engine carries it from message to message.
type TraceContext struct{ TraceParent, TraceState string }

type traceContext struct {
	Type              string  `json:"$type"`
	TraceParent       string  `json:"TraceParent"`
	TraceState        *string `json:"TraceState"`
	ID                *string `json:"Id"`
	SpanID            *string `json:"SpanId"`
	ActivityStartTime *string `json:"ActivityStartTime"`
}

func (t *TraceContext) wire() *traceContext {
	if t == nil || t.TraceParent == "" {
		return nil
	}
	return &traceContext{Type: typeTraceContext, TraceParent: t.TraceParent, TraceState: optional(t.TraceState)}
}

func eventTypeName(eventType string) string {
	if eventType == GenericEvent {
		return typeEventPrefix + eventType
	}
	return typeEventPrefix + eventType + typeEventSuffix
}

type executionStarted struct {
	Type                  string            `json:"$type"`
	OrchestrationInstance instanceRef       `json:"OrchestrationInstance"`
	EventType             int               `json:"EventType"`
	ParentInstance        json.RawMessage   `json:"ParentInstance"`
	Name                  string            `json:"Name"`
	Version               string            `json:"Version"`
	Input                 *string           `json:"Input"`
	Tags                  map[string]string `json:"Tags"`
	Correlation           *string           `json:"Correlation"`
	ParentTraceContext    *traceContext     `json:"ParentTraceContext"`
	ScheduledStartTime    *Time             `json:"ScheduledStartTime"`
	Generation            *int              `json:"Generation"`
	eventBase
}

// StartMessage returns the message that starts an execution (ExecutionStartedEvent.cs). ActivityID and SequenceNumber
// are left to the sender. Tags go without the $type that .NET writes into dictionaries: it names an assembly that not
// every runtime has, and every engine reads them without it.
func (s *Start) StartMessage() *Message {
	tags := s.Tags
	if len(tags) == 0 {
		tags = nil
	}
	e := &executionStarted{
		Type:                  eventTypeName(ExecutionStarted),
		OrchestrationInstance: instanceRef{typeInstance, s.InstanceID, &s.ExecutionID},
		EventType:             numExecutionStarted,
		ParentInstance:        json.RawMessage("null"),
		Name:                  s.Name,
		Version:               s.Version,
		Input:                 s.Input,
		Tags:                  tags,
		ParentTraceContext:    s.TraceContext.wire(),
		Generation:            &s.Generation,
		eventBase:             clientEvent(s.Created),
	}
	if !s.Scheduled.IsZero() {
		at := Time(Cut(s.Scheduled))
		e.ScheduledStartTime = &at
	}
	return &Message{InstanceID: s.InstanceID, ExecutionID: s.ExecutionID, EventType: ExecutionStarted, Event: marshal(e)}
}

type eventRaised struct {
	Type               string        `json:"$type"`
	EventType          int           `json:"EventType"`
	Name               string        `json:"Name"`
	Input              *string       `json:"Input"`
	ParentTraceContext *traceContext `json:"ParentTraceContext"`
	eventBase
}

// EventRaisedMessage returns the message that raises an event (EventRaisedEvent.cs). Input is JSON text; nil is no
// value.
func EventRaisedMessage(instanceID, name string, input *string, at time.Time) *Message {
	return control(instanceID, EventRaised, &eventRaised{
		Type: eventTypeName(EventRaised), EventType: numEventRaised, Name: name, Input: input, eventBase: clientEvent(at),
	})
}

type executionTerminated struct {
	Type      string  `json:"$type"`
	EventType int     `json:"EventType"`
	Input     *string `json:"Input"`
	eventBase
}

// TerminateMessage returns the message that ends an instance (ExecutionTerminatedEvent.cs). The reason is plain text.
func TerminateMessage(instanceID, reason string, at time.Time) *Message {
	return control(instanceID, ExecutionTerminated, &executionTerminated{
		Type: eventTypeName(ExecutionTerminated), EventType: numExecutionTerminated, Input: &reason,
		eventBase: clientEvent(at),
	})
}

type executionReason struct {
	Type      string  `json:"$type"`
	EventType int     `json:"EventType"`
	Reason    *string `json:"Reason"`
	eventBase
}

// SuspendMessage returns the message that suspends an instance. Engines before 1.13.0 cannot read it.
func SuspendMessage(instanceID, reason string, at time.Time) *Message {
	return reasonMessage(instanceID, ExecutionSuspended, numExecutionSuspended, reason, at)
}

// ResumeMessage returns the message that lets a suspended instance go on. Engines before 1.13.0 cannot read it.
func ResumeMessage(instanceID, reason string, at time.Time) *Message {
	return reasonMessage(instanceID, ExecutionResumed, numExecutionResumed, reason, at)
}

func reasonMessage(instanceID, eventType string, number int, reason string, at time.Time) *Message {
	return control(instanceID, eventType, &executionReason{
		Type: eventTypeName(eventType), EventType: number, Reason: &reason, eventBase: clientEvent(at),
	})
}

type genericEvent struct {
	Type      string  `json:"$type"`
	Data      *string `json:"Data"`
	EventType int     `json:"EventType"`
	eventBase
}

// WakeMessage returns the message that makes a worker look at an instance again; it ends a rewind
// (AzureStorageOrchestrationService.cs).
func WakeMessage(instanceID, reason string, at time.Time) *Message {
	return control(instanceID, GenericEvent, &genericEvent{
		Type: eventTypeName(GenericEvent), Data: &reason, EventType: numGenericEvent, eventBase: clientEvent(at),
	})
}

func control(instanceID, eventType string, event any) *Message {
	return &Message{InstanceID: instanceID, EventType: eventType, Event: marshal(event)}
}
