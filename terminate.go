package durable

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// TerminateOptions are options for Terminate.
type TerminateOptions struct{}

// terminateAttempts bounds how often Terminate looks again at an instance that changes under its hands.
const terminateAttempts = 3

// Terminate ends an instance. The reason becomes its output. Opts may be nil.
//
// An instance that a worker has taken up gets a message and ends when the worker handles it. Its activities and
// sub-orchestrations go on, their results are thrown away. An instance that has not started, scheduled ones included,
// is cancelled at once, with no worker alive: its row becomes Terminated and its start message is void. (The .NET
// client sends a message in this case too, after which the instance runs all the same.) Should a worker take it up in
// that very moment, the worker wins: the state tells, and Terminate can be repeated.
//
// It returns [ErrInstanceNotFound], [ErrInvalidState] if the instance has ended, [ErrConflict] if it keeps changing,
// [ErrInvalidArgument], also for a reason that reads as a URI, [ErrUncertain], [ErrTaskHubNotFound] and
// [ErrPartitionCount].
func (c *OrchestrationClient) Terminate(ctx context.Context, instanceID, reason string, _ *TerminateOptions) error {
	const op = "Terminate"
	err := checkReason(reason)
	if err == nil {
		err = checkControlled(instanceID)
	}
	if err != nil {
		return c.fail(op, instanceID, err)
	}
	var status RuntimeStatus
	for range terminateAttempts {
		status, err = c.terminate(ctx, instanceID, reason)
		if !errors.Is(err, storage.ErrPrecondition) {
			break
		}
	}
	return c.failIn(op, instanceID, status, err)
}

func (c *OrchestrationClient) terminate(ctx context.Context, instanceID, reason string) (RuntimeStatus, error) {
	row, err := c.hub.ReadInstance(ctx, instanceID, wire.ColRuntimeStatus, wire.ColExecutionID)
	if err != nil {
		return "", err
	}
	status := RuntimeStatus(row.RuntimeStatus)
	if !controllable(status) {
		return status, ErrInvalidState
	}
	if status == RuntimeStatusPending {
		// A rewound instance is Pending too, but has a history, and its worker waits for it.
		taken, err := c.hub.TakenUp(ctx, row)
		if err != nil {
			return status, err
		}
		if !taken {
			return status, c.cancelStart(ctx, row, reason)
		}
	}
	return status, c.sendControl(ctx, wire.TerminateMessage(instanceID, reason, c.hub.Now()))
}

// cancelStart makes the start message of an instance void: the worker compares execution IDs, and throws a start away
// whose own is not the row's while the generation is (observed on 1.17.5 and 2.9.1).
func (c *OrchestrationClient) cancelStart(ctx context.Context, row *wire.Instance, reason string) error {
	key := wire.EscapeKey(row.ID)
	output, blob := reason, ""
	if wire.ColumnTooLarge(reason) {
		blob = wire.ColumnBlobName(key, wire.ColOutput, strings.ToUpper(c.hub.NewID().N()[:8]))
		if err := c.hub.WritePayload(ctx, blob, []byte(reason)); err != nil {
			c.hub.DiscardPayload(ctx, blob)
			return fmt.Errorf("store the reason: %w", err)
		}
		output = c.hub.PayloadURL(blob)
	}
	executionID, now := c.hub.NewID().N(), storage.TimeValue(c.hub.Now())
	e := &storage.Entity{PartitionKey: key}
	e.Set(wire.ColRuntimeStatus, storage.StringValue(wire.StatusTerminated))
	e.Set(wire.ColOutput, storage.StringValue(output))
	e.Set(wire.ColExecutionID, storage.StringValue(executionID))
	e.Set(wire.ColLastUpdatedTime, now)
	e.Set(wire.ColCompletedTime, now)
	_, err := c.hub.UpdateInstance(ctx, e, storage.Merge, row.ETag)
	if err != nil {
		return c.notCancelled(ctx, row.ID, executionID, blob, err)
	}
	return nil
}

// notCancelled looks whether a cancellation took effect although its answer says otherwise or was lost: the row then has
// the execution ID that it wrote. Only if it certainly did not, the reason's blob is removed.
func (c *OrchestrationClient) notCancelled(
	ctx context.Context, instanceID, executionID, blob string, cause error,
) error {
	after, cancel := detached(ctx)
	defer cancel()
	row, err := c.hub.ReadInstance(after, instanceID, wire.ColExecutionID)
	switch {
	case err == nil && row.ExecutionID == executionID:
		return nil
	case err != nil && !errors.Is(err, ErrInstanceNotFound):
		return fmt.Errorf("%w; it may have been cancelled all the same: look at its status", cause)
	case blob != "":
		c.hub.DiscardPayload(after, blob)
	}
	return cause
}
