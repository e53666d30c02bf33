package durable

import (
	"context"
	"slices"
	"time"

	"github.com/go-durable/durable/internal/replay"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// ResetOptions are options for Reset and PlanReset.
type ResetOptions struct {
	// Force carries the plan out in spite of its warnings.
	Force bool
	// ExecutionID is the execution that is reset, such as that of a plan: [ErrConflict] if another one is current. Defaults
	// to whichever is.
	ExecutionID string
}

// PlanReset says what Reset would do. It writes nothing. It returns the errors of Reset but ErrRewindUnsafe. Opts may be
// nil.
func (c *OrchestrationClient) PlanReset(
	ctx context.Context, instanceID string, eventID int, opts *ResetOptions,
) (*RewindPlan, error) {
	t, err := c.readReset(ctx, instanceID, eventID, opts)
	if err != nil {
		return nil, c.failIn("PlanReset", instanceID, t.status(), err)
	}
	return t.show(), nil
}

// Reset lets an orchestration that has ended, in whatever way, go on from an earlier point: the action with that event
// ID and all after it are taken back, and so is the end. A completed instance runs again from there, a terminated one
// goes on as if it had not been terminated, a failed one starts over from where the caller wants. Event IDs are those
// of GetHistory; the number behind the last one takes back the end alone, 0 takes back everything but the input and the
// events received.
//
// Work that is taken back is done again, sub-orchestrations are started again under their IDs, timers whose time is over
// fire at once, and whoever has had this instance's answer has had it: the plan says so. One with warnings is refused
// with [ErrRewindUnsafe] unless opts.Force; it is returned beside the error. A Reset that was interrupted is finished by
// repeating it. Opts may be nil.
//
// It returns [ErrInstanceNotFound], [ErrInvalidState] if the instance has not ended, [ErrInvalidArgument] also for an
// event ID that the history does not have, [ErrConflict], [ErrTaskHubNotFound] and [ErrUncertain].
func (c *OrchestrationClient) Reset(
	ctx context.Context, instanceID string, eventID int, reason string, opts *ResetOptions,
) (*RewindPlan, error) {
	const op = "Reset"
	if err := checkWakeReason(reason); err != nil {
		return nil, c.fail(op, instanceID, err)
	}
	t, err := c.readReset(ctx, instanceID, eventID, opts)
	if err != nil {
		return nil, c.failIn(op, instanceID, t.status(), err)
	}
	return t.show(), c.failIn(op, instanceID, t.status(), t.carryOut(ctx, reason, opts != nil && opts.Force))
}

func (c *OrchestrationClient) readReset(
	ctx context.Context, instanceID string, eventID int, opts *ResetOptions,
) (*rewindTree, error) {
	t := c.newRewindTree(withoutEnd)
	if opts != nil {
		t.execution = opts.ExecutionID
	}
	plan := func(h *replay.History, now time.Time) (*replay.Plan, error) {
		return replay.PlanReset(h, replay.ResetOptions{EventID: eventID, Now: now})
	}
	return t, t.read(ctx, instanceID, RuntimeStatus.IsTerminal, plan, plan)
}

// withoutEnd replaces a row by one that has not ended. A merge could not remove what the end has left in it.
func withoutEnd(row *storage.Entity) (*storage.Entity, storage.Mode) {
	e := row.Clone()
	e.Columns = slices.DeleteFunc(e.Columns, func(c storage.Column) bool {
		return c.Name == wire.ColOutput || c.Name == wire.ColCompletedTime
	})
	e.Set(wire.ColRuntimeStatus, storage.StringValue(wire.StatusPending))
	return e, storage.Replace
}
