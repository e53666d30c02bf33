package durabletest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// Event is an external event that was raised on an instance.
type Event struct {
	// Name is the event's name as it was raised. Orchestrators compare it without case.
	Name string
	// Data is the event's data as JSON, nil if it has none.
	Data json.RawMessage
}

// Episode is one turn of an orchestration: what came in, and what the orchestrator decides on that. It is valid only
// while the function that it is given to runs.
type Episode struct {
	*turn
	row      *wire.Instance
	events   []Event
	deciding bool
	err      error
}

// newEpisode reads what there is of an instance.
func (h *Hub) newEpisode(ctx context.Context, instanceID string) (*Episode, error) {
	row, err := h.hub.ReadInstance(ctx, instanceID)
	if err != nil {
		return nil, err
	}
	t := &turn{id: instanceID, now: wire.Cut(h.Now()), status: row.RuntimeStatus, custom: noStatus}
	if row.CustomStatus.Type != storage.None {
		t.custom = row.CustomStatus.Text
	}
	e := &Episode{turn: t, row: row}
	if t.history, err = h.hub.ReadHistory(ctx, instanceID, ""); err != nil {
		return nil, err
	}
	if t.history.Sentinel != nil && strings.EqualFold(t.history.ExecutionID, row.ExecutionID) {
		t.executionID = row.ExecutionID
		err = h.readEvents(ctx, e)
	}
	return e, err
}

// readEvents collects the events of earlier episodes.
func (h *Hub) readEvents(ctx context.Context, e *Episode) error {
	for i := range e.history.Events {
		ev := &e.history.Events[i]
		if ev.Type != wire.EventRaised {
			continue
		}
		data := ev.Row.Get(wire.ColInput)
		if blob := ev.Row.Text(wire.ColInput + wire.BlobNameSuffix); blob != "" {
			payload, err := h.hub.ReadPayload(ctx, blob)
			if err != nil {
				return err
			}
			data = storage.StringValue(string(payload))
		}
		e.addEvent(ev.Name, data)
	}
	return nil
}

func (e *Episode) addEvent(name string, data storage.Value) {
	ev := Event{Name: name}
	if data.Type != storage.None {
		ev.Data = json.RawMessage(data.Text)
	}
	e.events = append(e.events, ev)
}

// receive applies a message, or passes it over where a worker throws it away.
func (e *Episode) receive(m *wire.Message) error {
	if m.EventType == wire.ExecutionStarted && !strings.EqualFold(m.ExecutionID, e.row.ExecutionID) {
		return nil // another execution's start is void: the row names the one that is to run
	}
	row, err := e.turn.receive(m)
	if err == nil && row != nil && m.EventType == wire.EventRaised {
		e.addEvent(row.Text(wire.ColName), row.Get(wire.ColInput))
	}
	return err
}

// mayDecide says why the orchestrator cannot decide anything now.
func (e *Episode) mayDecide() error {
	switch {
	case wire.Terminal(e.status) && e.executionID != "":
		return invalidState("the instance is %s", e.status)
	case e.executionID == "":
		return e.notStarted()
	case e.terminated:
		return invalidState("a message that terminates the instance lies in its queue: Process handles it")
	case e.status == wire.StatusSuspended:
		return invalidState("the instance is suspended, or is by a message in its queue")
	}
	return nil
}

// Events returns the events that were raised on this execution so far, oldest first.
func (e *Episode) Events() []Event { return append([]Event(nil), e.events...) }

// SetCustomStatus sets the custom status, at most 16 KiB as JSON in UTF-16. Nil removes it.
func (e *Episode) SetCustomStatus(status any) {
	text, err := encodeStatus(status)
	e.custom, e.err = text, errors.Join(e.err, err)
}

// encodeStatus returns the text for a custom status.
func encodeStatus(status any) (string, error) {
	text, err := encode("the custom status", status)
	switch {
	case err != nil:
		return "", err
	case text == nil:
		return noStatus, nil
	case 2*wire.UTF16Len(*text) > maxCustomStatus:
		return "", fmt.Errorf("%w: the custom status is larger than 16 KiB", durable.ErrInvalidArgument)
	}
	return *text, nil
}

// maxCustomStatus is in bytes of UTF-16 (DurableOrchestrationContext.cs).
const maxCustomStatus = 16 << 10

// Complete ends the instance as Completed. The output is written as JSON; a json.RawMessage keeps every byte, and nil is
// no output.
func (e *Episode) Complete(output any) {
	text, err := encode("the output", output)
	e.err = errors.Join(e.err, err)
	e.end(wire.StatusCompleted, textValue(text))
}

// Fail ends the instance as Failed. The reason is the failure's text.
func (e *Episode) Fail(reason string) { e.end(wire.StatusFailed, storage.StringValue(reason)) }

// end adds the event with which an execution ends.
func (e *Episode) end(status string, result storage.Value) {
	if e.ended {
		e.err = errors.Join(e.err, invalidState("the instance was ended twice in one episode"))
		return
	}
	e.turn.end(e.nextEventID(), status, result)
}

// nextEventID numbers the actions of an execution.
func (e *Episode) nextEventID() int {
	next := 0
	for i := range e.history.Events {
		next = max(next, e.history.Events[i].EventID+1)
	}
	return next
}

// finish ends a terminated instance and completes the rows. An episode in which nothing happened has none.
func (e *Episode) finish() error {
	if e.terminated {
		e.end(wire.StatusTerminated, e.reason)
	}
	if e.err == nil && (len(e.rows) > 0 || e.deciding) {
		e.frame()
	}
	return e.err
}

// encode returns the JSON text for a value, nil for none.
func encode(what string, v any) (*string, error) {
	raw, ok := v.(json.RawMessage)
	if v == nil || ok && raw == nil {
		return nil, nil //nolint:nilnil // no value is an answer here
	}
	if !ok {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return nil, fmt.Errorf("%w: %s cannot be written as JSON: %w", durable.ErrInvalidArgument, what, err)
		}
		raw = bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	}
	if !json.Valid(raw) {
		return nil, fmt.Errorf("%w: %s is no JSON", durable.ErrInvalidArgument, what)
	}
	text := string(raw)
	return &text, nil
}

// textValue returns the value of a column for a text that may be absent.
func textValue(text *string) storage.Value {
	if text == nil {
		return storage.Value{}
	}
	return storage.StringValue(*text)
}
