package operate

import (
	"context"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/wire"
)

// FireTimer fires a timer of a running instance at once. Its own message, when it comes, is ignored. Opts may be nil.
//
// The event ID is that of the open action, as [Inspect] shows it. What is sent is what a worker would send, for this
// execution only. It is sent once and is on its way when FireTimer returns; done twice, the second one is ignored.
//
// It returns [durable.ErrInstanceNotFound], [durable.ErrInvalidState] if the instance has ended, has not started, or the
// action has its completion, [durable.ErrInvalidArgument], also for an event ID that the history does not have or that is
// something else, [durable.ErrConflict] if opts names another execution, [durable.ErrUncertain] if the message may have
// been sent although no answer says so, [durable.ErrTaskHubNotFound] and [durable.ErrPartitionCount]. The move is returned
// beside an error of sending.
func FireTimer(
	ctx context.Context, c *durable.OrchestrationClient, instanceID string, eventID int, opts *MoveOptions,
) (*Move, error) {
	m, err := newMover(ctx, c, "FireTimer", instanceID, eventID, wire.TimerCreated, opts)
	if err != nil {
		return nil, err
	}
	message := wire.TimerFiredMessage(m.execution(), eventID, m.action.FireAt, m.look.inside.Hub.Now())
	message.SetSender(m.execution())
	return m.send(ctx, message)
}

// CompleteActivity completes an activity that an instance waits for. The result is written as JSON; a json.RawMessage
// keeps every byte, and nil is no result. Should the activity still run, its own result is ignored. Otherwise it is
// [FireTimer].
func CompleteActivity(
	ctx context.Context, c *durable.OrchestrationClient, instanceID string, eventID int, result any, opts *MoveOptions,
) (*Move, error) {
	const op = "CompleteActivity"
	text, err := encodeResult(c, op, instanceID, result)
	if err != nil {
		return nil, err
	}
	m, err := newMover(ctx, c, op, instanceID, eventID, wire.TaskScheduled, opts)
	if err != nil {
		return nil, err
	}
	m.note("should the activity still run, its own result is ignored")
	message := wire.TaskCompletedMessage(m.execution(), eventID, text, m.look.inside.Hub.Now())
	message.SetSender(m.execution())
	return m.send(ctx, message)
}

// FailActivity fails an activity that an instance waits for, as if it had thrown. The orchestrator may handle that or try
// again. Otherwise it is [CompleteActivity].
func FailActivity(
	ctx context.Context, c *durable.OrchestrationClient, instanceID string, eventID int, reason string,
	opts *FailureOptions,
) (*Move, error) {
	const op = "FailActivity"
	in := open(c)
	o, err := opts.check(in, reason)
	if err != nil {
		return nil, in.Fail(op, instanceID, "", err)
	}
	m, err := newMover(ctx, c, op, instanceID, eventID, wire.TaskScheduled, &o.MoveOptions)
	if err != nil {
		return nil, err
	}
	m.note("should the activity still run, its own result is ignored")
	failure := wire.Failure{Reason: &reason, Details: &o.Details, Object: o.FailureDetails}
	message := wire.TaskFailedMessage(m.execution(), eventID, failure, in.Hub.Now())
	message.SetSender(m.execution())
	return m.send(ctx, message)
}

// CompleteSubOrchestration answers for a sub-orchestration that an instance waits for. The sub-orchestration itself is not
// touched: should it still run, its own answer is ignored. One that was started without waiting is refused with
// [durable.ErrInvalidState]. Otherwise it is [CompleteActivity].
func CompleteSubOrchestration(
	ctx context.Context, c *durable.OrchestrationClient, instanceID string, eventID int, result any, opts *MoveOptions,
) (*Move, error) {
	const op = "CompleteSubOrchestration"
	text, err := encodeResult(c, op, instanceID, result)
	if err != nil {
		return nil, err
	}
	m, child, err := newChildMover(ctx, c, op, instanceID, eventID, opts)
	if err != nil {
		return nil, err
	}
	message := wire.ChildCompletedMessage(m.execution(), eventID, text, m.look.inside.Hub.Now())
	message.SetSender(child)
	return m.send(ctx, message)
}

// FailSubOrchestration fails a sub-orchestration that an instance waits for, as far as that instance can see. Otherwise it
// is [CompleteSubOrchestration].
func FailSubOrchestration(
	ctx context.Context, c *durable.OrchestrationClient, instanceID string, eventID int, reason string,
	opts *FailureOptions,
) (*Move, error) {
	const op = "FailSubOrchestration"
	in := open(c)
	o, err := opts.check(in, reason)
	if err != nil {
		return nil, in.Fail(op, instanceID, "", err)
	}
	m, child, err := newChildMover(ctx, c, op, instanceID, eventID, &o.MoveOptions)
	if err != nil {
		return nil, err
	}
	failure := wire.Failure{Reason: &reason, Details: &o.Details, Object: o.FailureDetails}
	message := wire.ChildFailedMessage(m.execution(), eventID, failure, in.Hub.Now())
	message.SetSender(child)
	return m.send(ctx, message)
}

func encodeResult(c *durable.OrchestrationClient, op, instanceID string, result any) (*string, error) {
	in := open(c)
	text, err := in.Encode("the result", result)
	return text, in.Fail(op, instanceID, "", err)
}

// newChildMover is newMover for a sub-orchestration. It also returns the execution that would answer.
func newChildMover(
	ctx context.Context, c *durable.OrchestrationClient, op, instanceID string, eventID int, opts *MoveOptions,
) (*mover, wire.Execution, error) {
	m, err := newMover(ctx, c, op, instanceID, eventID, wire.SubOrchestrationInstanceCreated, opts)
	if err != nil {
		return nil, wire.Execution{}, err
	}
	child, err := readLook(ctx, m.look.inside, m.action.InstanceID)
	switch {
	case isGone(err):
		m.note("the sub-orchestration does not exist, or has not started yet")
		return m, wire.Execution{InstanceID: m.action.InstanceID}, nil
	case err != nil:
		return nil, wire.Execution{}, m.fail(err)
	}
	parent := child.parent()
	switch {
	case parent != nil && parent.Detached && parent.is(m.look, eventID):
		return nil, wire.Execution{}, m.fail(wrongState("event ID %d was started without waiting for its answer", eventID))
	case parent == nil || !parent.is(m.look, eventID):
		m.note("%q is an instance of its own by now, and will not answer", m.action.InstanceID)
	case wire.Terminal(child.row.RuntimeStatus):
		m.note("the sub-orchestration is %s", child.row.RuntimeStatus)
	default:
		m.note("the sub-orchestration is %s and goes on; its own answer will be ignored", child.row.RuntimeStatus)
	}
	return m, wire.Execution{InstanceID: child.row.ID, ExecutionID: child.history.ExecutionID}, nil
}

// parent returns who started the execution in the history, nil if that was a client or nobody can tell.
func (l *look) parent() *ParentRef {
	for i := range l.history.Events {
		if ev := &l.history.Events[i]; ev.Type == wire.ExecutionStarted {
			return parentOf(ev.Row)
		}
	}
	return nil
}
