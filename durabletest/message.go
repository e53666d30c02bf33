package durabletest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// Message is a message that waits in one of the task hub's queues for the app.
type Message struct {
	// Queue is the queue that it lies in.
	Queue string
	// Type is what it says: durable.EventExecutionStarted for a start, durable.EventEventRaised for an event,
	// durable.EventTaskScheduled for an activity that is to run, and so on. It is "" for a message that cannot be read.
	Type durable.HistoryEventType
	// InstanceID is the instance that it is for, or that wants the activity to run.
	InstanceID string
	// Name is the orchestrator's, the event's or the activity's name, "" for others.
	Name string
	// Data is the input of an orchestrator or activity, the data of an event, or the result of an activity, as JSON; nil
	// for none.
	Data json.RawMessage
	// Reason is that of a termination, suspension, resumption or rewind, or of a failure.
	Reason string
	// VisibleAt is when a message that is hidden until then becomes visible, zero for one that is visible.
	VisibleAt time.Time
}

// String says what the message is, in one line.
func (m Message) String() string {
	var b strings.Builder
	if m.Type == "" {
		b.WriteString("a message that cannot be read")
	} else {
		b.WriteString(string(m.Type))
	}
	if m.InstanceID != "" {
		fmt.Fprintf(&b, " for %q", m.InstanceID)
	}
	if m.Name != "" {
		fmt.Fprintf(&b, ", %s", m.Name)
	}
	if m.Data != nil {
		fmt.Fprintf(&b, " with %s", short(string(m.Data)))
	}
	if m.Reason != "" {
		fmt.Fprintf(&b, ", reason %q", short(m.Reason))
	}
	if !m.VisibleAt.IsZero() {
		fmt.Fprintf(&b, ", hidden until %s", wire.FormatTime(m.VisibleAt))
	}
	return b.String()
}

// short keeps large texts out of a test's output.
func short(text string) string {
	const limit = 200
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + fmt.Sprintf("... (%d bytes)", len(text))
}

// Messages returns the messages that wait in the control queues and in the work-item queue, in the order of the queues.
// Of a hub in memory these are all, hidden ones included. Of each queue of a real hub they are the first 32 that are
// visible.
func (h *Hub) Messages(ctx context.Context) ([]Message, error) {
	messages, _, err := h.messages(ctx)
	if err != nil {
		err = fmt.Errorf("durabletest: Messages (hub %s): %w", h.hub.Hub(), err)
	}
	return messages, err
}

// messages also returns how many there are that cannot be seen.
func (h *Hub) messages(ctx context.Context) (all []Message, unseen int, err error) {
	queues, err := h.queues(ctx)
	if err != nil {
		return nil, 0, err
	}
	for _, queue := range queues {
		lying, err := h.lying(ctx, queue)
		if err != nil {
			return nil, 0, err
		}
		for _, m := range lying {
			all = append(all, h.show(ctx, queue, m))
		}
		count, err := h.hub.Queues.Count(ctx, queue)
		if err != nil {
			return nil, 0, err
		}
		unseen += max(0, int(count)-len(lying))
	}
	return all, unseen, nil
}

// queues returns the control queues and the work-item queue.
func (h *Hub) queues(ctx context.Context) ([]string, error) {
	count, err := h.hub.PartitionCount(ctx)
	if err != nil {
		return nil, err
	}
	var all []string
	for p := range count {
		all = append(all, h.hub.ControlQueue(p))
	}
	return append(all, h.hub.WorkItems()), nil
}

func (h *Hub) lying(ctx context.Context, queue string) ([]storage.Message, error) {
	if h.store != nil {
		return h.store.Messages(queue), nil
	}
	return h.hub.Queues.Peek(ctx, queue, takeAtOnce)
}

// show reads a message as far as that is possible.
func (h *Hub) show(ctx context.Context, queue string, lying storage.Message) Message {
	out := Message{Queue: queue}
	if lying.NextVisible.After(h.Now()) {
		out.VisibleAt = lying.NextVisible
	}
	m, err := read(ctx, h.hub, lying.Text)
	if err != nil {
		return out
	}
	var e struct {
		Name                        string
		Input, Result, Reason, Data *string
	}
	if err := json.Unmarshal(m.Event, &e); err != nil {
		return out
	}
	out.Type, out.InstanceID, out.Name = durable.HistoryEventType(m.EventType), m.InstanceID, e.Name
	switch {
	case m.EventType == wire.ExecutionTerminated && e.Input != nil:
		out.Reason = *e.Input
	case e.Input != nil:
		out.Data = json.RawMessage(*e.Input)
	case e.Result != nil:
		out.Data = json.RawMessage(*e.Result)
	case e.Reason != nil:
		out.Reason = *e.Reason
	case e.Data != nil:
		out.Reason = *e.Data
	}
	return out
}
