package durabletest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-durable/durable/internal/wire"
)

// Entity is what an entity does with an operation that was signalled: it returns its new state as JSON, nil if it is to
// be deleted. State is nil for an entity that does not exist, input nil for no input. After an error the state stays as
// it was, as after an exception.
type Entity func(state json.RawMessage, operation string, input json.RawMessage) (json.RawMessage, error)

// entityState is the input of an entity's instance (SchedulerState.cs).
type entityState struct {
	Exists   bool              `json:"exists,omitempty"`
	State    *string           `json:"state,omitempty"`
	Queue    []json.RawMessage `json:"queue,omitempty"`
	LockedBy string            `json:"lockedBy,omitempty"`
	Sorter   json.RawMessage   `json:"sorter"`
}

// entityStatus is the custom status of an entity's instance (EntityStatus.cs).
type entityStatus struct {
	Exists   bool   `json:"entityExists,omitempty"`
	Queued   int    `json:"queueSize,omitempty"`
	LockedBy string `json:"lockedBy,omitempty"`
}

// entityRequest is an operation that an entity was asked for (RequestMessage.cs).
type entityRequest struct {
	Op    string     `json:"op"`
	Input *string    `json:"input"`
	ID    string     `json:"id"`
	Due   *time.Time `json:"due"`
}

// Names of the events that entities receive (EntityMessageEventNames.cs).
const (
	eventOp      = "op"
	eventRelease = "release"
)

func isEntity(instanceID string) bool { return strings.HasPrefix(instanceID, "@") }

// entityTurn is an episode of an entity.
type entityTurn struct {
	*turn
	host  *Host
	do    Entity
	state entityState
	out   []outgoing
	// changed says that something came in that entities heed.
	changed bool
}

// handleEntity carries out what an entity was asked for.
func (h *Host) handleEntity(ctx context.Context, b *batch) error {
	name, _, _ := strings.Cut(b.instanceID[1:], "@")
	do := h.opts.Entities[name]
	if do == nil {
		return fmt.Errorf("the app has no entity %q", name)
	}
	history, err := h.hub.ReadHistory(ctx, b.instanceID, "")
	if err != nil {
		return err
	}
	e := &entityTurn{host: h, do: do, turn: &turn{id: b.instanceID, history: history, now: wire.Cut(h.hub.Now())}}
	if err := e.readState(ctx); err != nil {
		return err
	}
	for _, l := range b.letters {
		if err := e.take(l.message); err != nil {
			return err
		}
	}
	if e.changed {
		if err := e.save(ctx); err != nil {
			return err
		}
	}
	return h.remove(ctx, b.letters...)
}

// readState reads the state that the last episode has left as the input of the next.
func (e *entityTurn) readState(ctx context.Context) error {
	e.state.Sorter = json.RawMessage(`{}`)
	for i := range e.history.Events {
		ev := &e.history.Events[i]
		if ev.Type != wire.ExecutionStarted || !ev.Row.Has(wire.ColInput) {
			continue
		}
		row, err := e.host.whole(ctx, ev.Row)
		if err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(row.Text(wire.ColInput)), &e.state); err != nil {
			return errors.New("the input of the entity's instance is no state of an entity")
		}
	}
	return nil
}

// take handles a message. Entities pass over all that is no operation and no lock.
func (e *entityTurn) take(m *wire.Message) error {
	var event struct {
		Name  string
		Input *string
	}
	if m.EventType != wire.EventRaised {
		return nil
	}
	if err := json.Unmarshal(m.Event, &event); err != nil || event.Input == nil {
		return badEvent("a message for an entity")
	}
	name, _, _ := strings.Cut(event.Name, "@")
	switch name {
	case eventOp:
		e.changed = true
		return e.request(json.RawMessage(*event.Input))
	case eventRelease:
		e.changed = true
		return e.release(*event.Input)
	}
	return nil
}

// request carries out an operation, or keeps it for later.
func (e *entityTurn) request(text json.RawMessage) error {
	var r entityRequest
	if err := json.Unmarshal(text, &r); err != nil {
		return badEvent("a request to an entity")
	}
	switch {
	case r.Due != nil && r.Due.After(e.now.Add(time.Second)): // queues count in seconds
		s := wire.Signal{InstanceID: e.id, Operation: r.Op, Input: r.Input, ID: r.ID, Due: *r.Due}
		e.out = append(e.out, outgoing{message: s.Message(e.now), delay: s.DeliverAt(e.now).Sub(e.now)})
		return nil
	case e.state.LockedBy != "":
		e.state.Queue = append(e.state.Queue, text)
		return nil
	}
	var state, input json.RawMessage
	if e.state.State != nil {
		state = json.RawMessage(*e.state.State)
	}
	if r.Input != nil {
		input = json.RawMessage(*r.Input)
	}
	e.keep(e.do(state, r.Op, input))
	return nil
}

// keep keeps the state after an operation; after one that failed it stays as it was.
func (e *entityTurn) keep(next json.RawMessage, err error) {
	switch {
	case err != nil:
	case next == nil:
		e.state.Exists, e.state.State = false, nil
	default:
		after := string(next)
		e.state.Exists, e.state.State = true, &after
	}
}

// release takes the lock from its owner, and carries out what has waited for that.
func (e *entityTurn) release(text string) error {
	var r struct{ Parent string }
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return badEvent("a request to an entity")
	}
	if r.Parent != e.state.LockedBy {
		return nil
	}
	queue := e.state.Queue
	e.state.LockedBy, e.state.Queue = "", nil
	for _, request := range queue {
		if err := e.request(request); err != nil {
			return err
		}
	}
	return nil
}

// save writes the next generation, in which the entity waits with its new state as the input.
func (e *entityTurn) save(ctx context.Context) error {
	state, err := encode("the state", e.state)
	if err != nil {
		return err
	}
	status, err := encode("the status", entityStatus{e.state.Exists, len(e.state.Queue), e.state.LockedBy})
	if err != nil {
		return err
	}
	if err := e.generation(state); err != nil {
		return err
	}
	e.custom = *status
	for _, o := range e.out {
		if err := e.host.post(ctx, o); err != nil {
			return err
		}
	}
	return e.write(ctx, e.host.hub)
}

// generation makes the rows with which an execution begins that has nothing to do yet.
func (e *entityTurn) generation(input *string) error {
	child := &wire.Child{
		Execution: wire.Execution{InstanceID: e.id, ExecutionID: e.host.hub.NewID().N()}, Name: e.id, Input: input,
	}
	return e.startGeneration(wire.ChildStartMessage(child, nil, e.now), nil)
}
