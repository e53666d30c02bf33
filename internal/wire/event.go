package wire

import (
	"fmt"
	"time"

	"github.com/go-durable/durable/internal/storage"
)

// The types of history events (EventType.cs), as the EventType column and the $type of a message name them.
const (
	OrchestratorStarted               = "OrchestratorStarted"
	OrchestratorCompleted             = "OrchestratorCompleted"
	ExecutionStarted                  = "ExecutionStarted"
	ExecutionCompleted                = "ExecutionCompleted"
	ExecutionTerminated               = "ExecutionTerminated"
	ExecutionSuspended                = "ExecutionSuspended"
	ExecutionResumed                  = "ExecutionResumed"
	TaskScheduled                     = "TaskScheduled"
	TaskCompleted                     = "TaskCompleted"
	TaskFailed                        = "TaskFailed"
	SubOrchestrationInstanceCreated   = "SubOrchestrationInstanceCreated"
	SubOrchestrationInstanceCompleted = "SubOrchestrationInstanceCompleted"
	SubOrchestrationInstanceFailed    = "SubOrchestrationInstanceFailed"
	TimerCreated                      = "TimerCreated"
	TimerFired                        = "TimerFired"
	EventSent                         = "EventSent"
	EventRaised                       = "EventRaised"
	ContinueAsNew                     = "ContinueAsNew"
	GenericEvent                      = "GenericEvent"
)

// RewoundPrefix and the old event type are the Reason of a row that somebody other than a worker has taken back: a rewind
// (AzureTableTrackingStore.cs), or what is like one.
const RewoundPrefix = "Rewound: "

// SentinelKey is the row key of the row that guards an instance's history: it names the current execution and sorts
// after all events.
const SentinelKey = "sentinel"

// Event is a row of the History table, decoded as far as the module looks into it. Absent texts and the text "null",
// which engine 2.x writes for an absent object, are both "".
type Event struct {
	RowKey      string
	ETag        storage.ETag
	Type        string
	EventID     int
	ExecutionID string
	Timestamp   time.Time

	Name           string
	InstanceID     string
	Reason         string
	Result         string
	Details        string
	FailureDetails string
	// Status is the state that an ExecutionCompleted row ends in.
	Status string
	// ScheduledID is the EventId of the action that a completion answers: TaskScheduledId or TimerId.
	ScheduledID int
	FireAt      time.Time

	// Row is the row as it was read.
	Row *storage.Entity
}

// Columns of the History table (TableEntityConverter.cs names them after the members of the event classes).
const (
	ColEventType           = "EventType"
	ColEventID             = "EventId"
	ColIsPlayed            = "IsPlayed"
	ColTimestamp           = "_Timestamp"
	ColTaskScheduledID     = "TaskScheduledId"
	ColTimerID             = "TimerId"
	ColFireAt              = "FireAt"
	ColInstanceID          = "InstanceId"
	ColReason              = "Reason"
	ColResult              = "Result"
	ColDetails             = "Details"
	ColData                = "Data"
	ColCorrelation         = "Correlation"
	ColFailureDetails      = "FailureDetails"
	ColOrchestrationStatus = "OrchestrationStatus"
	ColParentInstance      = "ParentInstance"
	ColParentTraceContext  = "ParentTraceContext"
	ColOrchestrationInst   = "OrchestrationInstance"
	ColGenerateNewTrace    = "GenerateNewTrace"
	ColClientSpanID        = "ClientSpanId"
)

// BlobNameSuffix makes, behind a column's name, the name of the column that holds the blob's name when the text was
// too long for a row; the column itself is then "" (AzureTableTrackingStore.cs).
const BlobNameSuffix = "BlobName"

// DecodeEvent reads a row of the History table. A type that is not known is kept as it is.
func DecodeEvent(e *storage.Entity) (Event, error) {
	ev := Event{RowKey: e.RowKey, ETag: e.ETag, Row: e, EventID: -1, ScheduledID: -1}
	for _, c := range e.Columns {
		ev.set(c)
	}
	if ev.Type == "" {
		return Event{}, fmt.Errorf("history row %q has no EventType", e.RowKey)
	}
	return ev, nil
}

func (ev *Event) set(c storage.Column) {
	switch c.Name {
	case ColEventType:
		ev.Type = c.Text
	case ColEventID:
		ev.EventID = int(c.Int())
	case ColExecutionID:
		ev.ExecutionID = c.Text
	case ColTimestamp:
		ev.Timestamp = c.Time()
	case ColName:
		ev.Name = c.Text
	case ColInstanceID:
		ev.InstanceID = c.Text
	case ColTaskScheduledID, ColTimerID:
		ev.ScheduledID = int(c.Int())
	case ColFireAt:
		ev.FireAt = c.Time()
	default:
		ev.setText(c)
	}
}

func (ev *Event) setText(c storage.Column) {
	switch c.Name {
	case ColReason:
		ev.Reason = c.Text
	case ColResult:
		ev.Result = c.Text
	case ColDetails:
		ev.Details = c.Text
	case ColFailureDetails:
		ev.FailureDetails = notNull(c.Text)
	case ColOrchestrationStatus:
		ev.Status = c.Text
	}
}

func notNull(s string) string {
	if s == "null" {
		return ""
	}
	return s
}
