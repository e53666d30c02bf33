package durable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-durable/durable/internal/wire"
)

// RaiseEventOptions are options for RaiseEvent.
type RaiseEventOptions struct {
	// WaitForStart waits until a worker has taken the instance up, as long as the context allows: the engine throws away
	// an event that reaches an instance before that. A scheduled instance is only taken up when its time comes.
	WaitForStart bool
	// PollInterval is the longest pause between two looks while waiting. Defaults to 1 s.
	PollInterval time.Duration
}

// RaiseEvent sends an external event to an instance. Data is written as JSON; a json.RawMessage keeps every byte, and
// nil is no data. The name is compared without case by the orchestrator. Opts may be nil.
//
// The event is sent once. It arrives later, and in vain if the instance has ended by then, or has not started yet (see
// [RaiseEventOptions]). Repeating a RaiseEvent delivers the event twice. The state is looked at before the event is
// sent, which is no guarantee of the state in which it arrives.
//
// It returns [ErrInstanceNotFound], [ErrInvalidState] if the instance has ended, [ErrUncertain] if the event may have
// been sent although no answer says so, [ErrTaskHubNotFound], [ErrPartitionCount] and [ErrInvalidArgument].
func (c *OrchestrationClient) RaiseEvent(
	ctx context.Context, instanceID, eventName string, data any, opts *RaiseEventOptions,
) error {
	const op = "RaiseEvent"
	if opts == nil {
		opts = &RaiseEventOptions{}
	}
	text, err := encodeInput("the event's data", data)
	if err == nil {
		err = errors.Join(
			checkName("event's name", eventName), checkControlled(instanceID), checkPollInterval(opts.PollInterval))
	}
	if err != nil {
		return c.fail(op, instanceID, err)
	}
	if opts.WaitForStart {
		if last, err := c.waitForStart(ctx, instanceID, opts.PollInterval); err != nil {
			return c.failIn(op, instanceID, last, err)
		}
	}
	return c.control(ctx, op, instanceID, controllable, func() *wire.Message {
		return wire.EventRaisedMessage(instanceID, eventName, text, c.hub.Now())
	})
}

// SuspendOptions are options for Suspend.
type SuspendOptions struct{}

// Suspend asks the worker to suspend an instance: it takes up nothing until it is resumed. The reason is shown as the
// instance's output meanwhile. Engines before DurableTask.AzureStorage 1.13 (extension 2.8) do not know it and try such
// a message for ever. Otherwise as [OrchestrationClient.RaiseEvent], with the states Running, Pending and
// ContinuedAsNew; a reason that reads as a URI is [ErrInvalidArgument].
func (c *OrchestrationClient) Suspend(ctx context.Context, instanceID, reason string, _ *SuspendOptions) error {
	return c.controlWithReason(ctx, "Suspend", instanceID, reason, suspendable, wire.SuspendMessage)
}

// ResumeOptions are options for Resume.
type ResumeOptions struct{}

// Resume asks the worker to let a suspended instance go on. Otherwise as [OrchestrationClient.Suspend], with the state
// Suspended.
func (c *OrchestrationClient) Resume(ctx context.Context, instanceID, reason string, _ *ResumeOptions) error {
	return c.controlWithReason(ctx, "Resume", instanceID, reason, resumable, wire.ResumeMessage)
}

// Which states allow an operation: the rules of DurableClient.cs.
func controllable(s RuntimeStatus) bool { return suspendable(s) || resumable(s) }

func suspendable(s RuntimeStatus) bool {
	return s == RuntimeStatusRunning || s == RuntimeStatusPending || s == RuntimeStatusContinuedAsNew
}

func resumable(s RuntimeStatus) bool { return s == RuntimeStatusSuspended }

func (c *OrchestrationClient) controlWithReason(
	ctx context.Context, op, instanceID, reason string, allowed func(RuntimeStatus) bool,
	message func(instanceID, reason string, at time.Time) *wire.Message,
) error {
	err := checkReason(reason)
	if err == nil {
		err = checkControlled(instanceID)
	}
	if err != nil {
		return c.fail(op, instanceID, err)
	}
	return c.control(ctx, op, instanceID, allowed, func() *wire.Message {
		return message(instanceID, reason, c.hub.Now())
	})
}

// control looks at the state of an instance and sends it a message.
func (c *OrchestrationClient) control(
	ctx context.Context, op, instanceID string, allowed func(RuntimeStatus) bool, message func() *wire.Message,
) error {
	row, err := c.hub.ReadInstance(ctx, instanceID, wire.ColRuntimeStatus)
	if err != nil {
		return c.fail(op, instanceID, err)
	}
	status := RuntimeStatus(row.RuntimeStatus)
	if !allowed(status) {
		return c.failIn(op, instanceID, status, ErrInvalidState)
	}
	return c.failIn(op, instanceID, status, c.sendControl(ctx, message()))
}

// sendControl sends a message to an instance at once.
func (c *OrchestrationClient) sendControl(ctx context.Context, m *wire.Message) error {
	return c.sendAt(ctx, m, time.Time{})
}

// sendAt sends a message to an instance that becomes visible at a time; zero is at once.
func (c *OrchestrationClient) sendAt(ctx context.Context, m *wire.Message, at time.Time) error {
	out, err := c.hub.Prepare(ctx, m)
	if err != nil {
		return err
	}
	delay, err := delayUntil(at, c.hub.Now())
	if err != nil {
		c.hub.Discard(ctx, out)
		return err
	}
	err = c.hub.SendOrDiscard(ctx, out, delay)
	if errors.Is(err, ErrUncertain) {
		return fmt.Errorf("%w; the message may have arrived: look at the instance before sending it again", err)
	}
	return err
}
