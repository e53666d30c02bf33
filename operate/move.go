package operate

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/replay"
	"github.com/go-durable/durable/internal/wire"
)

// MoveOptions are options for the functions that let a waiting instance go on.
type MoveOptions struct {
	// DryRun makes all checks and changes nothing.
	DryRun bool
	// ExecutionID is the execution that the move is for: [durable.ErrConflict] if another one is current. Defaults to
	// whichever is.
	ExecutionID string
}

// Move is what such a function does.
type Move struct {
	// InstanceID and ExecutionID are what the move is for: another execution is never touched.
	InstanceID    string                `json:"instanceId"`
	ExecutionID   string                `json:"executionId"`
	RuntimeStatus durable.RuntimeStatus `json:"runtimeStatus"`
	// Action is the open action.
	Action OpenAction `json:"action"`
	// Message is the kind of the message.
	Message durable.HistoryEventType `json:"message"`
	// Row is the key of the history row that is rewritten, "" for none.
	Row string `json:"row,omitempty"`
	// Notes are what to know before and after.
	Notes []string `json:"notes"`
	// Done says that it was done: the message was accepted by the queue. False for a dry run.
	Done bool `json:"done"`
}

// mover checks and makes a move.
type mover struct {
	op   string
	opts MoveOptions
	look *look
	// action is the open action that the move is for.
	action *replay.Action
	move   *Move
}

// newMover reads an instance and finds the open action with an event ID. Opts may be nil.
func newMover(
	ctx context.Context, c *durable.OrchestrationClient, op, instanceID string, eventID int, eventType string, opts *MoveOptions,
) (*mover, error) {
	in := open(c)
	m := &mover{op: op, look: &look{inside: in, row: &wire.Instance{ID: instanceID}}}
	if opts != nil {
		m.opts = *opts
	}
	err := in.CheckControlled(instanceID)
	if err == nil && eventID < 0 {
		err = invalid("an event ID is 0 or greater")
	}
	if err != nil {
		return nil, m.fail(err)
	}
	if err := m.find(ctx, in, instanceID, eventID, eventType); err != nil {
		return nil, m.fail(err)
	}
	return m, nil
}

// fit reports whether the move is for the execution that is current.
func (o *MoveOptions) fit(l *look) bool {
	return o.ExecutionID == "" || wire.SameExecution(o.ExecutionID, l.execution())
}

func (m *mover) fail(err error) error {
	return m.look.inside.Fail(m.op, m.look.row.ID, m.look.row.RuntimeStatus, err)
}

func (m *mover) find(ctx context.Context, in hook.Inside, instanceID string, eventID int, eventType string) error {
	l, err := readLook(ctx, in, instanceID)
	if err != nil {
		return err
	}
	m.look = l
	switch {
	case !m.opts.fit(l):
		return conflict("its execution is %s by now, not %s", l.execution(), m.opts.ExecutionID)
	case wire.Terminal(l.row.RuntimeStatus):
		return durable.ErrInvalidState
	case len(l.history.Events) == 0 && l.damaged == nil:
		return wrongState("no worker has taken it up yet")
	case !l.current():
		return wrongState("its history is that of another execution: no worker has taken up the present one, or it is just going on")
	case l.damaged != nil:
		return wrongState("%w", l.damaged)
	case l.actions.End() != nil:
		return wrongState("its history has ended; only its row does not say so")
	}
	a := l.actions.Action(eventID)
	switch {
	case a == nil:
		return invalid("its history has no action with event ID %d", eventID)
	case a.Type != eventType:
		return invalid("event ID %d is a %s, not a %s", eventID, a.Type, eventType)
	case !a.Open():
		return wrongState("event ID %d has its %s already", eventID, a.Completions[0].Type)
	}
	m.action = a
	m.move = &Move{
		InstanceID: l.row.ID, ExecutionID: l.history.ExecutionID, RuntimeStatus: durable.RuntimeStatus(l.row.RuntimeStatus),
		Action: openAction(a), Notes: []string{},
	}
	if l.actions.Suspended() {
		m.note("the instance is suspended: it goes on when it is resumed")
	}
	return nil
}

func (m *mover) note(format string, args ...any) {
	m.move.Notes = append(m.move.Notes, fmt.Sprintf(format, args...))
}

// execution is what the message is for, and nothing else: the engine throws it away where another one is current.
func (m *mover) execution() wire.Execution {
	return wire.Execution{InstanceID: m.look.row.ID, ExecutionID: m.look.history.ExecutionID}
}

// send sends the message, unless it is a dry run.
func (m *mover) send(ctx context.Context, message *wire.Message) (*Move, error) {
	m.move.Message = durable.HistoryEventType(message.EventType)
	if m.opts.DryRun {
		return m.move, nil
	}
	if err := send(ctx, m.look.inside.Hub, message); err != nil {
		return m.move, m.fail(err)
	}
	m.move.Done = true
	return m.move, nil
}

// FailureOptions are options for FailActivity and FailSubOrchestration.
type FailureOptions struct {
	MoveOptions
	// Details are what the worker would say of the failure. Defaults to the reason. In-process .NET apps read a serialised
	// exception here; of plain text they say "Failed to deserialize exception", with the reason behind it.
	Details string
	// FailureDetails is the failure as a JSON object with ErrorType and ErrorMessage, as apps out of process have it.
	// Defaults to none.
	FailureDetails json.RawMessage
}

func (o *FailureOptions) check(in hook.Inside, reason string) (FailureOptions, error) {
	var checked FailureOptions
	if o != nil {
		checked = *o
	}
	if checked.Details == "" {
		checked.Details = reason
	}
	switch {
	case len(checked.FailureDetails) == 0:
		checked.FailureDetails = nil
	case !isJSONObject(checked.FailureDetails):
		return checked, invalid("FailureDetails is no JSON object")
	}
	for what, s := range map[string]string{"reason": reason, "details": checked.Details} {
		if _, err := in.Encode("the "+what, s); err != nil {
			return checked, err
		}
	}
	return checked, nil
}
