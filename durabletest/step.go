package durabletest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/wire"
)

// Run lets a worker take an instance up: it becomes Running and then waits. Messages that lie behind the start message
// are handled in the same breath.
//
// It returns durable.ErrInstanceNotFound, and durable.ErrInvalidState if the instance is not Pending, was cancelled, or
// is not due by the hub's clock. A step that fails changes nothing: the messages are still there.
func (h *Hub) Run(ctx context.Context, instanceID string) error {
	_, err := h.step(ctx, "Run", instanceID, func(e *Episode) error {
		if !e.opened {
			return e.notStarted()
		}
		return nil
	})
	return err
}

// Process handles the messages that lie in the queue for an instance, as a worker does: a start message that is due
// runs it, events are delivered, and it is suspended, resumed or terminated. Messages that mean nothing in the
// instance's state are thrown away. It returns how many messages there were; if there were none, nothing is written.
//
// It returns durable.ErrInstanceNotFound. A message in the instance's queue that no worker could read is an error.
func (h *Hub) Process(ctx context.Context, instanceID string) (handled int, err error) {
	return h.step(ctx, "Process", instanceID, nil)
}

// SetCustomStatus handles the messages for an instance and sets its custom status, at most 16 KiB as JSON in UTF-16.
// Nil removes it. Otherwise it is [Hub.Step].
func (h *Hub) SetCustomStatus(ctx context.Context, instanceID string, status any) error {
	return h.decide(ctx, "SetCustomStatus", instanceID, func(e *Episode) { e.SetCustomStatus(status) })
}

// Complete handles the messages for an instance and ends it as Completed. The output is written as JSON; a
// json.RawMessage keeps every byte, and nil is no output. Otherwise it is [Hub.Step].
func (h *Hub) Complete(ctx context.Context, instanceID string, output any) error {
	return h.decide(ctx, "Complete", instanceID, func(e *Episode) { e.Complete(output) })
}

// Fail handles the messages for an instance and ends it as Failed. The reason is the failure's text, which becomes the
// output as it is; in-process apps write "Orchestrator function 'NAME' failed: " in front of the exception's message.
// Otherwise it is [Hub.Step].
func (h *Hub) Fail(ctx context.Context, instanceID, reason string) error {
	return h.decide(ctx, "Fail", instanceID, func(e *Episode) { e.Fail(reason) })
}

// Step lets an instance go through one episode: the messages for it are handled as in [Hub.Process], then decide is
// called to make the orchestrator's decisions, then all is written. A Pending instance that is due is run by that.
// Decide must not call other steps of the hub.
//
// It returns durable.ErrInstanceNotFound, and durable.ErrInvalidState if the instance has not started, has ended, or is
// suspended, terminations and suspensions among the messages included: then decide is not called. A step that fails
// changes nothing: the messages are still there.
func (h *Hub) Step(ctx context.Context, instanceID string, decide func(*Episode)) error {
	return h.decide(ctx, "Step", instanceID, decide)
}

func (h *Hub) decide(ctx context.Context, op, instanceID string, decide func(*Episode)) error {
	_, err := h.step(ctx, op, instanceID, func(e *Episode) error {
		if err := e.mayDecide(); err != nil {
			return err
		}
		e.deciding = true
		decide(e)
		return e.err
	})
	return err
}

// ReceiveEvent handles the messages for an instance and returns the data of an event that was raised on it, nil if it
// has none: of several with that name, compared without case, the first that was not received before. It does not wait:
// an event must have been raised.
//
// It returns durable.ErrInvalidState if there is no such event, and the errors of [Hub.Process].
func (h *Hub) ReceiveEvent(ctx context.Context, instanceID, eventName string) (json.RawMessage, error) {
	const op = "ReceiveEvent"
	var events []Event
	var executionID string
	_, err := h.step(ctx, op, instanceID, func(e *Episode) error {
		events, executionID = e.Events(), e.executionID
		return nil
	})
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	key := eventKey{executionID, strings.ToLower(eventName)}
	skip := h.received[key]
	for _, ev := range events {
		if !strings.EqualFold(ev.Name, eventName) {
			continue
		}
		if skip == 0 {
			h.received[key]++
			return ev.Data, nil
		}
		skip--
	}
	return nil, h.fail(op, instanceID, invalidState("no event %q has been raised that was not received yet", eventName))
}

// eventKey is an event's name, in lower case, in one execution.
type eventKey struct{ executionID, name string }

// step handles the messages for an instance, lets decide add to that, and writes the outcome.
func (h *Hub) step(
	ctx context.Context, op, instanceID string, decide func(*Episode) error,
) (handled int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	handled, err = h.stepLocked(ctx, instanceID, decide)
	return handled, h.fail(op, instanceID, err)
}

func (h *Hub) stepLocked(
	ctx context.Context, instanceID string, decide func(*Episode) error,
) (handled int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	ctx = context.WithoutCancel(ctx) // a step is whole or not at all
	if err := h.checkAlone(ctx); err != nil {
		return 0, err
	}
	count, err := h.hub.PartitionCount(ctx)
	if err != nil {
		return 0, err
	}
	partition := wire.Partition(instanceID, count)
	defer h.own(partition)()
	e, err := h.newEpisode(ctx, instanceID)
	if err != nil {
		return 0, err
	}
	letters, err := h.take(ctx, instanceID, partition, count)
	if err != nil {
		return 0, err
	}
	written := false
	defer func() { // also where decide ends the test
		if !written {
			err = errors.Join(err, h.putBack(ctx, letters))
		}
	}()
	if err := e.play(letters, decide); err != nil {
		return 0, err
	}
	if err := e.write(ctx, h.hub); err != nil {
		return 0, err
	}
	written = true
	return len(letters), h.remove(ctx, letters)
}

// play applies messages and decisions.
func (e *Episode) play(letters []*letter, decide func(*Episode) error) error {
	for _, l := range letters {
		if err := e.receive(l.message); err != nil {
			return err
		}
	}
	if decide != nil {
		if err := decide(e); err != nil {
			return err
		}
	}
	return e.finish()
}

func (h *Hub) fail(op, instanceID string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("durabletest: %s %q (hub %s): %w", op, instanceID, h.hub.Hub(), err)
}

func invalidState(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{durable.ErrInvalidState}, args...)...)
}

// notStarted says why there is nothing to run.
func (e *Episode) notStarted() error {
	at := e.row.ScheduledStartTime.Time()
	switch {
	case e.row.RuntimeStatus != wire.StatusPending:
		return invalidState("the instance is %s", e.row.RuntimeStatus)
	case at.After(e.now):
		return invalidState("the instance is to start at %s, and the hub's clock shows %s: Advance moves it",
			wire.FormatTime(at), wire.FormatTime(e.now))
	}
	return invalidState("the instance is Pending, but its queue holds no start message for it")
}
