package operate

import (
	"context"
	"errors"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/storage"
)

// Undo takes a repair back: rows get their columns again, a row that was made is deleted, a message goes back into its
// queue. That is done only to what is as the repair has left it. Of several repairs of the same row the last one goes first.
// The record may have been read back from JSON.
//
// It returns [durable.ErrInvalidState] for a record of something that was not done or cannot be taken back, such as a
// message that was sent, [durable.ErrConflict] if what was repaired has changed since, and
// [durable.ErrInvalidArgument] for a record of another hub.
func Undo(ctx context.Context, c *durable.OrchestrationClient, record *RepairRecord) (*RepairRecord, error) {
	const op = "Undo"
	in := open(c)
	if record == nil {
		return nil, in.Fail(op, "", "", invalid("there is no record"))
	}
	id := record.Finding.InstanceID
	switch {
	case record.TaskHub != in.Hub.Hub():
		return nil, in.Fail(op, id, "", invalid("the record is of the hub %s", record.TaskHub))
	case record.Outcome != OutcomeDone:
		return nil, in.Fail(op, id, "", wrongState("the repair was not done"))
	case !record.Undoable:
		return nil, in.Fail(op, id, "", wrongState("the repair cannot be taken back"))
	}
	undone := *record
	undone.Time, undone.Outcome, undone.Undoable = in.Hub.Now().UTC(), OutcomeUndone, false
	undone.Before, undone.After = record.After, record.Before
	_, err := cause(undo(ctx, c, in, record))
	return &undone, in.Fail(op, id, "", err)
}

func undo(ctx context.Context, c *durable.OrchestrationClient, in hook.Inside, record *RepairRecord) error {
	switch {
	case record.Finding.Kind == KindPoisonMessage:
		_, err := RestoreMessage(ctx, c, record.Finding.Queue, record.Finding.MessageID, nil)
		return err
	case len(record.Before) != len(record.After):
		return invalid("the record is damaged")
	case record.Finding.Kind == KindPartitionCount:
		return undoPartitionCount(ctx, in.Hub, record)
	}
	var errs []error
	for i := range record.After {
		errs = append(errs, undoOne(ctx, in, &record.Before[i], &record.After[i]))
	}
	return errors.Join(errs...)
}

func undoOne(ctx context.Context, in hook.Inside, before, after *Stored) error {
	if after.Table != in.Hub.Instances() || after.Absent ||
		!before.Absent && (before.Table != after.Table || before.PartitionKey != after.PartitionKey || before.RowKey != after.RowKey) {
		return invalid("the record is damaged")
	}
	now, err := in.Hub.Tables.Get(ctx, after.Table, after.PartitionKey, after.RowKey)
	if err != nil {
		return gone(err)
	}
	// Not the ETag: it is another one where a later repair of the row was taken back.
	same, err := after.holds(now)
	switch {
	case err != nil:
		return err
	case !same:
		return conflict("its row was changed since; if that was another repair, take that one back first")
	case before.Absent:
		return gone(in.Hub.Tables.Delete(ctx, after.Table, after.PartitionKey, after.RowKey, now.ETag))
	}
	e, err := before.entity()
	if err != nil {
		return err
	}
	_, err = in.Hub.Tables.Update(ctx, after.Table, e, storage.Replace, now.ETag)
	return gone(err)
}
