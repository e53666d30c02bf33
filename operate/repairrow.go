package operate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/replay"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// historyWithoutRow rebuilds the row from the history, or purges the history. Both make a row first: a purge goes by it.
func (r *repairer) historyWithoutRow(ctx context.Context) error {
	key := r.finding.Key
	if key == "" {
		key = wire.EscapeKey(r.finding.InstanceID)
	}
	f, err := r.examiner.historyWithoutRow(ctx, key)
	if err != nil || f == nil {
		return err
	}
	id := wire.UnescapeKey(key)
	if wire.EscapeKey(id) != key {
		return wrongState("its key is one that only engines before 1.8.4 wrote: they alone can read it")
	}
	if quiet, err := r.quiet(ctx, id); err != nil || !quiet {
		return err
	}
	h, err := r.in.Hub.ReadHistory(ctx, id, "")
	if err != nil {
		return err
	}
	if r.opts.PurgeHistory {
		return r.purgeHistory(ctx, id, key, h.ExecutionID)
	}
	row, err := r.rebuild(key, h.Events, h.Sentinel)
	if err != nil {
		return err
	}
	r.plans("rebuild the row from the history: " + row.Text(wire.ColRuntimeStatus))
	return r.insertRow(ctx, row)
}

// rebuild makes the row that the worker's checkpoints would have made.
func (r *repairer) rebuild(key string, events []wire.Event, sentinel *storage.Entity) (*storage.Entity, error) {
	history, err := replay.New(events)
	if err != nil {
		return nil, wrongState("the row cannot be rebuilt, only the history purged: %w", err)
	}
	start := history.Start()
	if start == nil {
		return nil, wrongState("the history has no beginning: the row cannot be rebuilt, only the history purged")
	}
	row := &storage.Entity{PartitionKey: key}
	row.Set(wire.ColExecutionID, text(start.ExecutionID))
	row.Set(wire.ColName, text(start.Name))
	set := func(column string, v storage.Value) {
		if v.Type != storage.None {
			row.Set(column, v)
		}
	}
	set(wire.ColVersion, start.Row.Get(wire.ColVersion))
	set(wire.ColInput, r.historyText(start, wire.ColInput))
	set(wire.ColGeneration, start.Row.Get(wire.ColGeneration))
	set(wire.ColCreatedTime, start.Row.Get(wire.ColTimestamp))
	set(wire.ColLastUpdatedTime, events[len(events)-1].Row.Get(wire.ColTimestamp))
	row.Set(wire.ColCustomStatus, text("null"))
	if parentOf(start.Row) == nil { // workers do not write it (treeReader)
		row.Set(wire.ColTaskHubName, text(r.in.Hub.Hub()))
	}
	switch end := history.End(); {
	case end != nil && wire.Terminal(end.Status):
		setEnd(row, r.historyText(end, wire.ColResult), end, sentinel)
	case history.Suspended():
		row.Set(wire.ColRuntimeStatus, text(wire.StatusSuspended))
	default:
		row.Set(wire.ColRuntimeStatus, text(wire.StatusRunning))
	}
	return row, nil
}

func (r *repairer) insertRow(ctx context.Context, row *storage.Entity) error {
	table := r.in.Hub.Instances()
	before := Stored{Table: table, PartitionKey: row.PartitionKey, Absent: true}
	after := row.Clone()
	r.record.Before = append(r.record.Before, before)
	defer func() { r.record.After = append(r.record.After, storedRow(table, after)) }()
	if !r.opts.Apply {
		return nil
	}
	etag, err := r.in.Hub.InsertInstance(ctx, row)
	if errors.Is(err, storage.ErrExists) {
		return conflict("it has a row by now")
	}
	if err != nil {
		return err
	}
	after.ETag, r.record.Undoable = etag, true
	r.done()
	return nil
}

// purgeHistory makes a row that has ended, so that the instance can be purged like any other. What an interrupted attempt
// leaves is such an instance.
func (r *repairer) purgeHistory(ctx context.Context, id, key, executionID string) error {
	if !r.plans("purge the history and its payloads") {
		return nil
	}
	now := storage.TimeValue(r.in.Hub.Now())
	row := &storage.Entity{PartitionKey: key}
	row.Set(wire.ColExecutionID, text(executionID))
	row.Set(wire.ColRuntimeStatus, text(wire.StatusTerminated))
	row.Set(wire.ColCreatedTime, now)
	row.Set(wire.ColLastUpdatedTime, now)
	if _, err := r.in.Hub.InsertInstance(ctx, row); err != nil {
		if errors.Is(err, storage.ErrExists) {
			return conflict("it has a row by now")
		}
		return err
	}
	result, err := r.client.Purge(ctx, id, &durable.PurgeOptions{ExecutionID: executionID})
	if err != nil {
		return err
	}
	r.record.Actions = append(r.record.Actions, fmt.Sprintf("%s and %s deleted", count(result.RowsDeleted, "row"), count(result.BlobsDeleted, "payload")))
	r.done()
	return nil
}

// maxDeleted bounds the names in a record.
const maxDeleted = 100

// payloadsWithoutInstance deletes the payloads of a folder that are old enough. One that is younger belongs to something
// that is under way.
func (r *repairer) payloadsWithoutInstance(ctx context.Context) error {
	folder := r.finding.Key
	if folder == "" {
		return invalid("the finding has no folder")
	}
	if quiet, err := r.quiet(ctx, folder); err != nil || !quiet {
		return err
	}
	if owned, err := r.examiner.owned(ctx, folder); err != nil || owned {
		return err
	}
	found := 0
	err := r.oldPayloads(ctx, folder, func(names []string) error {
		found += len(names)
		r.record.Deleted = append(r.record.Deleted, names[:min(len(names), maxDeleted-len(r.record.Deleted))]...)
		return nil
	})
	if err != nil || found == 0 || !r.plans("delete "+count(found, "payload")) {
		return err
	}
	err = r.oldPayloads(ctx, folder, func(names []string) error {
		return untilError(ctx, len(names), func(ctx context.Context, i int) error {
			return r.in.Hub.Blobs.Delete(ctx, r.in.Hub.LargeMessages(), names[i])
		})
	})
	if err != nil {
		return err
	}
	r.done()
	return nil
}

// oldPayloads visits the names of those payloads in a folder that are old enough, page by page.
func (r *repairer) oldPayloads(ctx context.Context, folder string, visit func(names []string) error) error {
	for from := ""; ; {
		page, err := r.in.Hub.Blobs.List(ctx, r.in.Hub.LargeMessages(), folder+"/", from)
		if isMissing(err) {
			return nil
		}
		if err != nil {
			return err
		}
		var names []string
		for _, b := range page.Blobs {
			direct := !strings.Contains(b.Name[len(folder)+1:], "/")
			if direct && !wire.LoweredBlob(b.Name) && r.in.Hub.Now().Sub(b.LastModified) >= r.opts.PayloadGrace {
				names = append(names, b.Name)
			}
		}
		if err := visit(names); err != nil {
			return err
		}
		if from = page.Next; from == "" {
			return nil
		}
	}
}

// harmless reports whether the message of the finding can be seen and workers can handle it.
func (r *repairer) harmless(ctx context.Context, seen *seenQueue) (bool, error) {
	for i := range seen.messages {
		if m := &seen.messages[i]; m.ID == r.finding.MessageID {
			why, err := poison(ctx, r.in.Hub, m, r.opts.MaxDequeueCount)
			return why == "", err
		}
	}
	return false, nil
}

// poisonMessage puts the message into quarantine.
func (r *repairer) poisonMessage(ctx context.Context) error {
	f := &r.finding
	if q, err := readQuarantined(ctx, r.in.Hub, blobOf(f.Queue, f.MessageID)); err != nil || q != nil && q.State == stateRemoved {
		return err
	}
	seen, err := peek(ctx, r.in.Hub, f.Queue)
	if err != nil {
		return err
	}
	if harmless, err := r.harmless(ctx, seen); err != nil || harmless || seen.count == 0 {
		return err // somebody has dealt with it
	}
	r.plans("quarantine the message in the container " + r.in.Hub.Quarantine())
	_, err = QuarantineMessage(ctx, r.client, f.Queue, f.MessageID, &QuarantineOptions{DryRun: !r.opts.Apply, Reason: r.opts.Reason})
	if err == nil && r.opts.Apply {
		r.record.Undoable = true
		r.done()
	}
	if errors.Is(err, durable.ErrConflict) && !r.opts.Apply {
		r.record.Actions = append(r.record.Actions, "it cannot be seen at this moment: it is gone, or hidden")
		return nil
	}
	return err
}
