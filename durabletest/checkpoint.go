package durabletest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// spilled are the columns whose text may lie in a blob (AzureTableTrackingStore.cs).
var spilled = []string{
	wire.ColName, wire.ColInput, wire.ColResult, wire.ColReason, wire.ColDetails, wire.ColCorrelation,
	wire.ColFailureDetails, wire.ColTags,
}

// write writes what an episode brought: the history first, then the instance's row (AzureStorageOrchestrationService.cs).
func (h *Hub) write(ctx context.Context, e *Episode) error {
	if len(e.rows) == 0 {
		return nil
	}
	for i, row := range e.rows {
		row.PartitionKey = wire.EscapeKey(e.row.ID)
		row.RowKey = fmt.Sprintf("%016X", len(e.history.Events)+i)
	}
	instance := e.instanceRow(h.hub.Hub())
	for _, row := range e.rows {
		if err := h.spill(ctx, row, instance); err != nil {
			return err
		}
	}
	if err := h.writeHistory(ctx, e); err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	if _, err := h.hub.Tables.Update(ctx, h.hub.Instances(), instance, storage.Merge, ""); err != nil {
		return fmt.Errorf("write the instance's row: %w", err)
	}
	return nil
}

// spill moves texts of a history row that are too long into blobs. Where the instance's row shows the same text, it
// gets a reference to the blob.
func (h *Hub) spill(ctx context.Context, row, instance *storage.Entity) error {
	for _, column := range spilled {
		text := row.Text(column)
		if !wire.ColumnTooLarge(text) {
			continue
		}
		blob := fmt.Sprintf("%s/history-%s-%s-%s-%s.json.gz", row.PartitionKey, row.RowKey,
			row.Text(wire.ColEventType), strings.ToUpper(h.hub.NewID().N()[:8]), column)
		if err := h.hub.WritePayload(ctx, blob, []byte(text)); err != nil {
			return fmt.Errorf("store a payload: %w", err)
		}
		row.Set(column, storage.StringValue(""))
		row.Set(column+wire.BlobNameSuffix, storage.StringValue(blob))
		if shown := shownAs(row.Text(wire.ColEventType), column); shown != "" {
			instance.Set(shown, storage.StringValue(h.hub.PayloadURL(blob)))
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

// instanceRow returns the columns that a checkpoint merges into the instance's row (AzureTableTrackingStore.cs).
func (e *Episode) instanceRow(taskHub string) *storage.Entity {
	row := &storage.Entity{PartitionKey: wire.EscapeKey(e.row.ID)}
	custom := "null"
	switch {
	case e.customStatus != nil:
		custom = *e.customStatus
	case e.row.CustomStatus.Type != storage.None:
		custom = e.row.CustomStatus.Text
	}
	row.Set(wire.ColCustomStatus, storage.StringValue(custom))
	row.Set(wire.ColExecutionID, storage.StringValue(e.executionID))
	row.Set(wire.ColLastUpdatedTime, e.rows[len(e.rows)-1].Get(wire.ColTimestamp))
	row.Set(wire.ColTaskHubName, storage.StringValue(taskHub))
	for _, event := range e.rows {
		e.show(row, event)
	}
	return row
}

// show sets the columns of the instance's row that an event changes; later events win.
func (e *Episode) show(row, event *storage.Entity) {
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
		set(wire.ColCompletedTime, storage.TimeValue(e.now))
	case wire.ExecutionSuspended:
		status(wire.StatusSuspended)
		set(wire.ColOutput, event.Get(wire.ColReason))
	case wire.ExecutionResumed:
		status(wire.StatusRunning)
		set(wire.ColOutput, event.Get(wire.ColReason))
	}
}

// writeHistory writes the new rows, each batch with the sentinel, which says whether it is the last one.
func (h *Hub) writeHistory(ctx context.Context, e *Episode) error {
	batches := slices.Collect(slices.Chunk(e.rows, storage.MaxBatch-1))
	for i, rows := range batches {
		ops := make([]storage.Op, 0, len(rows)+1)
		for _, row := range rows {
			ops = append(ops, storage.Op{Kind: storage.OpReplace, Entity: row})
		}
		sentinel, err := h.sentinel(ctx, e, i == len(batches)-1)
		if err != nil {
			return err
		}
		if err := h.hub.Tables.Batch(ctx, h.hub.Names.History(), append(ops, sentinel)); err != nil {
			return err
		}
	}
	return nil
}

// sentinel returns the operation on the sentinel: an insert at first, then merges of the version that is there, so that
// a second worker on the hub is found out.
func (h *Hub) sentinel(ctx context.Context, e *Episode, last bool) (storage.Op, error) {
	row := &storage.Entity{PartitionKey: wire.EscapeKey(e.row.ID), RowKey: wire.SentinelKey}
	row.Set(wire.ColExecutionID, storage.StringValue(e.executionID))
	row.Set("IsCheckpointComplete", storage.BoolValue(last))
	if last {
		row.Set("CheckpointCompletedTimestamp", storage.TimeValue(e.now))
	}
	if e.history.Sentinel == nil {
		e.history.Sentinel = row
		return storage.Op{Kind: storage.OpInsert, Entity: row}, nil
	}
	match := e.history.Sentinel.ETag
	if match == "" { // written by the batch before
		now, err := h.hub.Tables.Get(ctx, h.hub.Names.History(), row.PartitionKey, wire.SentinelKey)
		if err != nil {
			return storage.Op{}, err
		}
		match = now.ETag
	}
	e.history.Sentinel = row
	return storage.Op{Kind: storage.OpMerge, Entity: row, Match: match}, nil
}
