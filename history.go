package durable

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/go-durable/durable/internal/parallel"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// HistoryEventType is the kind of a history event. A kind that this package does not know is kept as it was stored.
type HistoryEventType string

// The kinds of history events.
const (
	EventOrchestratorStarted       HistoryEventType = wire.OrchestratorStarted
	EventOrchestratorCompleted     HistoryEventType = wire.OrchestratorCompleted
	EventExecutionStarted          HistoryEventType = wire.ExecutionStarted
	EventExecutionCompleted        HistoryEventType = wire.ExecutionCompleted
	EventExecutionTerminated       HistoryEventType = wire.ExecutionTerminated
	EventExecutionSuspended        HistoryEventType = wire.ExecutionSuspended
	EventExecutionResumed          HistoryEventType = wire.ExecutionResumed
	EventTaskScheduled             HistoryEventType = wire.TaskScheduled
	EventTaskCompleted             HistoryEventType = wire.TaskCompleted
	EventTaskFailed                HistoryEventType = wire.TaskFailed
	EventSubOrchestrationCreated   HistoryEventType = wire.SubOrchestrationInstanceCreated
	EventSubOrchestrationCompleted HistoryEventType = wire.SubOrchestrationInstanceCompleted
	EventSubOrchestrationFailed    HistoryEventType = wire.SubOrchestrationInstanceFailed
	EventTimerCreated              HistoryEventType = wire.TimerCreated
	EventTimerFired                HistoryEventType = wire.TimerFired
	EventEventSent                 HistoryEventType = wire.EventSent
	EventEventRaised               HistoryEventType = wire.EventRaised
	EventContinueAsNew             HistoryEventType = wire.ContinueAsNew
	EventGeneric                   HistoryEventType = wire.GenericEvent
)

// HistoryEvent is one event of an instance's history. Which fields are set depends on its Type.
type HistoryEvent struct {
	// Type is the kind of the event.
	Type HistoryEventType `json:"eventType"`
	// EventID numbers the actions of an execution (what it scheduled, created or sent, and its end) from 0; it is -1 for
	// all other events.
	EventID int `json:"eventId"`
	// Timestamp is when it happened.
	Timestamp time.Time `json:"timestamp"`

	// Name is the orchestrator's, activity's or event's name.
	Name string `json:"name,omitempty"`
	// Version is the version of what was started or scheduled.
	Version string `json:"version,omitempty"`
	// InstanceID is the sub-orchestration or the instance that an event was sent to.
	InstanceID string `json:"instanceId,omitempty"`
	// ScheduledID is the EventID of the action that a completion or a fired timer answers; nil for other events.
	ScheduledID *int `json:"scheduledId,omitempty"`
	// FireAt is when a timer fires.
	FireAt time.Time `json:"fireAt,omitzero"`
	// Input is the input of what was started or scheduled, or the data of an event, as JSON.
	Input json.RawMessage `json:"input,omitempty"`
	// Result is the result of what was completed, as JSON. Of a failed execution it is the failure's text.
	Result json.RawMessage `json:"result,omitempty"`
	// Status is the state in which an execution ended.
	Status RuntimeStatus `json:"status,omitempty"`
	// Reason is why something failed, or was terminated, suspended or resumed.
	Reason string `json:"reason,omitempty"`
	// Details are the engine's details of a failure, often a serialised exception.
	Details string `json:"details,omitempty"`
	// FailureDetails is the failure as an object, where the app's language worker gives one.
	FailureDetails json.RawMessage `json:"failureDetails,omitempty"`
	// Properties are all other columns of the stored row by name, as texts: none is lost, whoever wrote it.
	Properties map[string]string `json:"properties,omitempty"`
	// PayloadError is [ErrPayloadMissing] if the blob of a text is gone; the text is "" or nil then.
	PayloadError error `json:"-"`
}

// GetHistoryOptions are options for GetHistory.
type GetHistoryOptions struct {
	// OmitPayloads leaves Input, Result, Details and FailureDetails out, and fetches no blobs.
	OmitPayloads bool
}

// GetHistory returns the events of the current execution of an instance, oldest first. What an earlier execution under
// the same ID has left behind is not among them. An instance that no worker has taken up yet has none. Opts may be nil.
//
// It returns [ErrInstanceNotFound], [ErrTaskHubNotFound], [ErrPayloadTooLarge] and [ErrInvalidArgument].
func (c *OrchestrationClient) GetHistory(
	ctx context.Context, instanceID string, opts *GetHistoryOptions,
) ([]*HistoryEvent, error) {
	const op = "GetHistory"
	if err := checkKnownID(instanceID); err != nil {
		return nil, c.fail(op, instanceID, err)
	}
	h, err := c.readHistory(ctx, instanceID)
	if err != nil {
		return nil, c.fail(op, instanceID, err)
	}
	omit := opts != nil && opts.OmitPayloads
	if !omit {
		if err := c.fetchHistory(ctx, h, func(string) bool { return true }); err != nil {
			return nil, c.fail(op, instanceID, err)
		}
	}
	events := make([]*HistoryEvent, len(h.Events))
	for i := range h.Events {
		events[i] = newHistoryEvent(&h.Events[i], omit)
	}
	return events, nil
}

// readHistory reads the history of the execution that its sentinel row names, unless the instance's row names one that
// has been started since and that no worker has taken up: what lies there then is an earlier one's. (After a
// ContinueAsNew it is the row that is behind for a moment; its state tells the two apart.)
func (c *OrchestrationClient) readHistory(ctx context.Context, instanceID string) (*taskhub.History, error) {
	h, err := c.hub.ReadHistory(ctx, instanceID, "")
	if err != nil {
		return nil, err
	}
	row, err := c.hub.ReadInstance(ctx, instanceID, wire.ColRuntimeStatus, wire.ColExecutionID)
	switch {
	case errors.Is(err, ErrInstanceNotFound) && len(h.Events) > 0:
		return h, nil // half purged
	case err != nil:
		return nil, err
	case row.ExecutionID == "" || row.ExecutionID == h.ExecutionID: // engines before 1.8.6 write no ID at the start
		return h, nil
	case row.RuntimeStatus == wire.StatusPending || row.RuntimeStatus == wire.StatusTerminated:
		return &taskhub.History{ExecutionID: row.ExecutionID}, nil
	}
	return h, nil
}

// spilled are the columns of the History table whose text may lie in a blob (AzureTableTrackingStore.cs).
var spilled = []string{
	wire.ColName, wire.ColInput, wire.ColResult, wire.ColOutput, wire.ColReason, wire.ColDetails, wire.ColCorrelation,
	wire.ColFailureDetails, wire.ColTags,
}

// payloadParallelism is how many payloads of a history or a page are fetched at once.
const payloadParallelism = 16

// missingPayload is the column in which fetchHistory notes a blob that is gone. The engine has none of that name.
const missingPayload = "\x00missing"

// fetchHistory puts the texts that lie in blobs into the rows, for the columns wanted.
func (c *OrchestrationClient) fetchHistory(ctx context.Context, h *taskhub.History, want func(column string) bool) error {
	type spill struct {
		row          *storage.Entity
		column, blob string
	}
	var spills []spill
	for i := range h.Events {
		for _, column := range spilled {
			if blob := h.Events[i].Row.Text(column + wire.BlobNameSuffix); blob != "" && want(column) {
				spills = append(spills, spill{h.Events[i].Row, column, blob})
			}
		}
	}
	texts := make([]storage.Value, len(spills))
	errs := parallel.Do(ctx, len(spills), payloadParallelism, func(ctx context.Context, i int) error {
		payload, err := c.hub.ReadPayload(ctx, spills[i].blob)
		texts[i] = storage.StringValue(string(payload))
		return err
	})
	for i, s := range spills {
		switch {
		case errors.Is(errs[i], ErrPayloadMissing):
			s.row.Set(missingPayload, storage.StringValue(s.blob))
		case errs[i] != nil:
			return errs[i]
		}
		s.row.Set(s.column, texts[i])
	}
	return nil
}

func newHistoryEvent(e *wire.Event, omit bool) *HistoryEvent {
	ev := &HistoryEvent{
		Type: HistoryEventType(e.Type), EventID: e.EventID, Timestamp: e.Timestamp, FireAt: e.FireAt,
	}
	for _, c := range e.Row.Columns {
		ev.set(c, omit)
	}
	return ev
}

func (ev *HistoryEvent) set(c storage.Column, omit bool) {
	switch c.Name {
	case wire.ColEventType, wire.ColEventID, wire.ColTimestamp, wire.ColFireAt: // set already
	case wire.ColName:
		ev.Name = c.Text
	case wire.ColVersion:
		ev.Version = c.Text
	case wire.ColInstanceID:
		ev.InstanceID = c.Text
	case wire.ColTaskScheduledID, wire.ColTimerID:
		id := int(c.Int())
		ev.ScheduledID = &id
	case wire.ColOrchestrationStatus:
		ev.Status = RuntimeStatus(c.Text)
	case wire.ColReason:
		ev.Reason = c.Text
	case missingPayload:
		ev.PayloadError = errors.Join(ev.PayloadError, ErrPayloadMissing)
	default:
		ev.setPayload(c, omit)
	}
}

func (ev *HistoryEvent) setPayload(c storage.Column, omit bool) {
	switch c.Name {
	case wire.ColInput, wire.ColResult, wire.ColDetails, wire.ColFailureDetails:
		if omit {
			return
		}
	}
	switch c.Name {
	case wire.ColInput:
		ev.Input = showText(c.Value)
	case wire.ColResult:
		ev.Result = showText(c.Value)
	case wire.ColDetails:
		ev.Details = c.Text
	case wire.ColFailureDetails:
		ev.FailureDetails = unlessNull(complexValue(c.Value))
	default:
		if strings.HasSuffix(c.Name, wire.BlobNameSuffix) {
			return
		}
		if ev.Properties == nil {
			ev.Properties = make(map[string]string)
		}
		ev.Properties[c.Name] = c.Text
	}
}
