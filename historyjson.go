package durable

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// showHistory returns the history of an instance in the form of the HTTP API (ConvertToStatus of DurableClient.cs).
func (c *OrchestrationClient) showHistory(
	ctx context.Context, row *wire.Instance, opts *GetStatusOptions,
) ([]json.RawMessage, error) {
	h, err := c.hub.ReadHistory(ctx, row.ID, row.ExecutionID)
	if err != nil {
		return nil, err
	}
	if err := c.fetchHistory(ctx, h, func(column string) bool {
		switch column {
		case wire.ColInput:
			return !opts.OmitInput
		case wire.ColResult:
			return opts.ShowHistoryOutput
		}
		return true
	}); err != nil {
		return nil, err
	}
	v := &historyView{opts: *opts, scheduled: make(map[int]*wire.Event)}
	return v.show(h), nil
}

// historyView shows a history as the host does: what an action scheduled is merged into the event that completes it,
// and only actions that are still open stay.
type historyView struct {
	opts      GetStatusOptions
	scheduled map[int]*wire.Event
	completed map[int]bool
}

func (v *historyView) show(h *taskhub.History) []json.RawMessage {
	v.completed = make(map[int]bool)
	for i := range h.Events {
		switch e := &h.Events[i]; e.Type {
		case wire.TaskScheduled, wire.SubOrchestrationInstanceCreated:
			v.scheduled[e.EventID] = e
		case wire.TaskCompleted, wire.TaskFailed,
			wire.SubOrchestrationInstanceCompleted, wire.SubOrchestrationInstanceFailed:
			v.completed[e.ScheduledID] = true
		}
	}
	events := []json.RawMessage{}
	for i := range h.Events {
		if d := v.event(&h.Events[i]); d != nil {
			events = append(events, d.bytes())
		}
	}
	return events
}

// document is a JSON object under construction.
type document struct{ b []byte }

func (d *document) add(name string, value json.RawMessage) {
	if len(d.b) > 0 {
		d.b = append(d.b, ',')
	}
	d.b = append(append(append(d.b, quote(name)...), ':'), value...)
}

func (d *document) bytes() json.RawMessage {
	return append(append([]byte{'{'}, d.b...), '}')
}

// event returns the document of an event, or nil if the host does not show it.
func (v *historyView) event(e *wire.Event) *document {
	d := &document{}
	if e.Type == wire.GenericEvent {
		v.column(d, e, wire.ColData) // a field in .NET, which comes before the properties
	}
	d.add(wire.ColEventType, quote(e.Type))
	switch e.Type {
	case wire.OrchestratorStarted, wire.OrchestratorCompleted:
		return nil
	case wire.TaskScheduled, wire.SubOrchestrationInstanceCreated:
		if v.completed[e.EventID] {
			return nil
		}
	}
	for _, name := range shownColumns[e.Type] {
		v.column(d, e, name)
	}
	d.add("Timestamp", showTime(e.Row.Get(wire.ColTimestamp)))
	v.trailer(d, e)
	return d
}

// shownColumns are the members that the host shows of an event between EventType and Timestamp, in its order: derived
// class before base class. Recorded on 2.13.7 and 3.14.1.
var shownColumns = map[string][]string{
	wire.ExecutionStarted: {
		wire.ColInput, wire.ColCorrelation, wire.ColParentTraceContext, wire.ColScheduledStartTime, wire.ColGeneration,
		wire.ColGenerateNewTrace,
	},
	wire.ExecutionCompleted:              {wire.ColOrchestrationStatus, wire.ColResult, wire.ColFailureDetails},
	wire.ContinueAsNew:                   {wire.ColOrchestrationStatus, wire.ColResult, wire.ColFailureDetails},
	wire.ExecutionTerminated:             {wire.ColInput},
	wire.ExecutionSuspended:              {wire.ColReason},
	wire.ExecutionResumed:                {wire.ColReason},
	wire.TaskScheduled:                   {wire.ColName, wire.ColInput, wire.ColParentTraceContext, wire.ColTags},
	wire.TaskCompleted:                   {wire.ColResult},
	wire.TaskFailed:                      {wire.ColReason, wire.ColDetails, wire.ColFailureDetails},
	wire.SubOrchestrationInstanceCreated: {wire.ColName, wire.ColInstanceID, wire.ColInput, wire.ColClientSpanID, wire.ColTags},
	wire.SubOrchestrationInstanceCompleted: {
		wire.ColResult,
	},
	wire.SubOrchestrationInstanceFailed: {wire.ColReason, wire.ColDetails, wire.ColFailureDetails},
	wire.TimerCreated:                   {wire.ColFireAt},
	wire.TimerFired:                     {wire.ColFireAt},
	wire.EventSent:                      {wire.ColInstanceID, wire.ColName, wire.ColInput},
	wire.EventRaised:                    {wire.ColName, wire.ColInput, wire.ColParentTraceContext},
	wire.GenericEvent:                   {},
}

// newColumns are members that only engines since Core 3 know. They are shown where the row has them.
var newColumns = map[string]bool{wire.ColGenerateNewTrace: true, wire.ColTags: true}

func (v *historyView) column(d *document, e *wire.Event, name string) {
	value := e.Row.Get(name)
	switch {
	case name == wire.ColInput && v.opts.OmitInput, name == wire.ColResult && !v.opts.ShowHistoryOutput:
		return
	case value.Type == storage.None && newColumns[name]:
		return
	case name == wire.ColResult:
		d.add(name, orNull(showText(value)))
	case complexColumns[name]:
		d.add(name, complexValue(value))
	default:
		d.add(name, plainValue(value))
	}
}

// complexColumns hold an object as JSON text; engine 2.x writes the text "null" for none (TableEntityConverter.cs).
var complexColumns = map[string]bool{
	wire.ColParentTraceContext: true, wire.ColFailureDetails: true, wire.ColTags: true,
}

func complexValue(v storage.Value) json.RawMessage {
	if text := strings.TrimSpace(v.Text); text != "" && json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return json.RawMessage("null")
}

func plainValue(v storage.Value) json.RawMessage {
	switch v.Type {
	case storage.None:
		return json.RawMessage("null")
	case storage.Int32, storage.Int64, storage.Bool, storage.Double:
		return json.RawMessage(v.Text)
	case storage.DateTime:
		return showTime(v)
	default:
		return quote(v.Text)
	}
}

func showTime(v storage.Value) json.RawMessage {
	if v.Type == storage.None {
		return json.RawMessage("null")
	}
	return quote(wire.FormatTime(v.Time()))
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

// trailer adds what the host appends behind an event's own members.
func (v *historyView) trailer(d *document, e *wire.Event) {
	switch e.Type {
	case wire.ExecutionStarted:
		d.add("FunctionName", plainValue(e.Row.Get(wire.ColName)))
	case wire.TaskCompleted, wire.TaskFailed,
		wire.SubOrchestrationInstanceCompleted, wire.SubOrchestrationInstanceFailed:
		action, ok := v.scheduled[e.ScheduledID]
		if !ok {
			return
		}
		// The host turns this time into a local one; on a machine in UTC that is "+00:00" (recorded).
		at := wire.FormatTime(action.Timestamp)
		d.add("ScheduledTime", quote(strings.TrimSuffix(at, "Z")+"+00:00"))
		d.add("FunctionName", plainValue(action.Row.Get(wire.ColName)))
		if !v.opts.OmitInput {
			d.add("Input", plainValue(action.Row.Get(wire.ColInput)))
		}
	}
}
