package durabletest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// spilled are the columns whose text may lie in a blob (AzureTableTrackingStore.cs).
var spilled = []string{
	wire.ColName, wire.ColInput, wire.ColResult, wire.ColReason, wire.ColDetails, wire.ColCorrelation,
	wire.ColFailureDetails, wire.ColTags,
}

// write writes what an episode brought: the history first, then the instance's row (AzureStorageOrchestrationService.cs).
func (t *turn) write(ctx context.Context, hub *taskhub.Hub) error {
	if len(t.rows) == 0 {
		return nil
	}
	key := wire.EscapeKey(t.id)
	for i, row := range t.rows {
		row.PartitionKey, row.RowKey = key, rowKey(len(t.history.Events)+i)
	}
	instance := t.instanceRow(key)
	for _, row := range t.rows {
		if err := spill(ctx, hub, row, instance); err != nil {
			return err
		}
	}
	if err := t.writeHistory(ctx, hub); err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	if _, err := hub.Tables.Update(ctx, hub.Instances(), instance, storage.Merge, ""); err != nil {
		return fmt.Errorf("write the instance's row: %w", err)
	}
	return nil
}

// rowKey returns the key of the n-th row of a history.
func rowKey(n int) string {
	const digits = "0123456789ABCDEF"
	var key [16]byte
	for i := len(key) - 1; i >= 0; i-- {
		key[i] = digits[n&15]
		n >>= 4
	}
	return string(key[:])
}

// spill moves texts of a history row that are too long into blobs. Where the instance's row shows the same text, it
// gets a reference to the blob.
func spill(ctx context.Context, hub *taskhub.Hub, row, instance *storage.Entity) error {
	for _, column := range spilled {
		text := row.Text(column)
		if !wire.ColumnTooLarge(text) {
			continue
		}
		blob := fmt.Sprintf("%s/history-%s-%s-%s-%s.json.gz", row.PartitionKey, row.RowKey,
			row.Text(wire.ColEventType), strings.ToUpper(hub.NewID().N()[:8]), column)
		if err := hub.WritePayload(ctx, blob, []byte(text)); err != nil {
			return fmt.Errorf("store a payload: %w", err)
		}
		row.Set(column, storage.StringValue(""))
		row.Set(column+wire.BlobNameSuffix, storage.StringValue(blob))
		if shown := shownAs(row.Text(wire.ColEventType), column); shown != "" {
			instance.Set(shown, storage.StringValue(hub.PayloadURL(blob)))
		}
	}
	return nil
}

// shownAs returns the column of the instance's row that shows a column of a history row, or "".
func shownAs(eventType, column string) string {
	switch {
	case eventType == wire.ExecutionStarted && column == wire.ColInput:
		return wire.ColInput
	case eventType == wire.ExecutionCompleted && column == wire.ColResult,
		(eventType == wire.ExecutionSuspended || eventType == wire.ExecutionResumed) && column == wire.ColReason:
		return wire.ColOutput
	}
	return ""
}

// instanceRow returns the columns that a checkpoint merges into the instance's row. TaskHubName is not among them: the
// rows of sub-orchestrations, which no client has written, do without (AzureTableTrackingStore.cs).
func (t *turn) instanceRow(key string) *storage.Entity {
	row := &storage.Entity{PartitionKey: key, Columns: make([]storage.Column, 0, 12)}
	row.Set(wire.ColCustomStatus, storage.StringValue(t.custom))
	row.Set(wire.ColExecutionID, storage.StringValue(t.executionID))
	row.Set(wire.ColLastUpdatedTime, t.rows[len(t.rows)-1].Get(wire.ColTimestamp))
	for _, event := range t.rows {
		t.show(row, event)
	}
	return row
}

// show sets the columns of the instance's row that an event changes; later events win.
func (t *turn) show(row, event *storage.Entity) {
	set := func(column string, v storage.Value) {
		if v.Type != storage.None {
			row.Set(column, v)
		}
	}
	status := func(s string) { set(wire.ColRuntimeStatus, storage.StringValue(s)) }
	switch event.Text(wire.ColEventType) {
	case wire.ExecutionStarted:
		status(wire.StatusRunning)
		set(wire.ColName, event.Get(wire.ColName))
		set(wire.ColVersion, event.Get(wire.ColVersion))
		set(wire.ColInput, event.Get(wire.ColInput))
		set(wire.ColCreatedTime, event.Get(wire.ColTimestamp))
	case wire.ExecutionCompleted:
		status(event.Text(wire.ColOrchestrationStatus))
		set(wire.ColOutput, event.Get(wire.ColResult))
		set(wire.ColCompletedTime, t.stamp())
	case wire.ExecutionSuspended:
		status(wire.StatusSuspended)
		set(wire.ColOutput, event.Get(wire.ColReason))
	case wire.ExecutionResumed:
		status(wire.StatusRunning)
		set(wire.ColOutput, event.Get(wire.ColReason))
	}
}

// repair writes the row of an instance that has ended by its history and not by its row: a worker has stopped between
// the two. The engine does so since 2.7.1 when the next message comes.
func (t *turn) repair(ctx context.Context, hub *taskhub.Hub) error {
	if !wire.Terminal(t.status) {
		return nil
	}
	row, err := hub.ReadInstance(ctx, t.id, wire.ColRuntimeStatus, wire.ColExecutionID, wire.ColCustomStatus)
	if err != nil && !errors.Is(err, taskhub.ErrInstanceNotFound) {
		return err
	}
	if err == nil && (wire.Terminal(row.RuntimeStatus) || row.ExecutionID != t.executionID) {
		return nil
	}
	if err == nil && row.CustomStatus.Type != storage.None {
		t.custom = row.CustomStatus.Text
	}
	for i := range t.history.Events {
		t.rows = append(t.rows, t.history.Events[i].Row)
	}
	instance := t.instanceRow(wire.EscapeKey(t.id))
	for _, event := range t.rows {
		for _, column := range spilled {
			shown := shownAs(event.Text(wire.ColEventType), column)
			if blob := event.Text(column + wire.BlobNameSuffix); blob != "" && shown != "" {
				instance.Set(shown, storage.StringValue(hub.PayloadURL(blob)))
			}
		}
	}
	_, err = hub.Tables.Update(ctx, hub.Instances(), instance, storage.Merge, "")
	return err
}

// writeHistory writes the new rows, each batch with the sentinel, which says whether it is the last one.
func (t *turn) writeHistory(ctx context.Context, hub *taskhub.Hub) error {
	batches := slices.Collect(slices.Chunk(t.rows, storage.MaxBatch-1))
	for i, rows := range batches {
		ops := make([]storage.Op, 0, len(rows)+1)
		for _, row := range rows {
			ops = append(ops, storage.Op{Kind: storage.OpReplace, Entity: row})
		}
		sentinel, err := t.sentinel(ctx, hub, i == 0, i == len(batches)-1)
		if err != nil {
			return err
		}
		if err := hub.Tables.Batch(ctx, hub.Names.History(), append(ops, sentinel)); err != nil {
			return err
		}
	}
	return nil
}

// sentinel returns the operation on the sentinel: an insert at first, then merges of the version that is there, so that
// a second worker on the hub is found out.
func (t *turn) sentinel(ctx context.Context, hub *taskhub.Hub, first, last bool) (storage.Op, error) {
	row := &storage.Entity{PartitionKey: t.rows[0].PartitionKey, RowKey: wire.SentinelKey, Columns: []storage.Column{
		{Name: wire.ColExecutionID, Value: storage.StringValue(t.executionID)},
		{Name: "IsCheckpointComplete", Value: storage.BoolValue(last)},
	}}
	if last {
		row.Set("CheckpointCompletedTimestamp", t.stamp())
	}
	switch {
	case !first: // written by the batch before
		now, err := hub.Tables.Get(ctx, hub.Names.History(), row.PartitionKey, wire.SentinelKey)
		if err != nil {
			return storage.Op{}, err
		}
		return storage.Op{Kind: storage.OpMerge, Entity: row, Match: now.ETag}, nil
	case t.history.Sentinel == nil:
		return storage.Op{Kind: storage.OpInsert, Entity: row}, nil
	}
	return storage.Op{Kind: storage.OpMerge, Entity: row, Match: t.history.Sentinel.ETag}, nil
}
