package durable

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-durable/durable/internal/parallel"
	"github.com/go-durable/durable/internal/scan"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// purgeJob is an instance to be purged: its row, which must have been read before the keys of its history.
type purgeJob struct {
	row             wire.Instance
	rows            []scan.Row
	mayHavePayloads bool
	// order is the place of the job in its purge.
	order int
}

// purgeParallelism is how many requests for one instance run at once.
const purgeParallelism = 4

// purge removes the history, then the payloads, then the row. Nothing is removed before it is known that all of it
// belongs to what the row stands for.
func (j *purgeJob) purge(ctx context.Context, hub *taskhub.Hub, force bool) (PurgeResult, error) {
	var result PurgeResult
	blobs, err := j.look(ctx, hub, force)
	if err != nil {
		return result, err
	}
	if result.RowsDeleted, err = j.deleteHistory(ctx, hub, force); err != nil {
		return result, fmt.Errorf("delete the history: %w", err)
	}
	errs := parallel.Do(ctx, len(blobs), purgeParallelism, func(ctx context.Context, i int) error {
		return hub.Blobs.Delete(ctx, hub.LargeMessages(), blobs[i])
	})
	result.BlobsDeleted = countNil(errs)
	if err := errors.Join(errs...); err != nil {
		return result, fmt.Errorf("delete the payloads: %w", err)
	}
	switch err := hub.DeleteInstance(ctx, j.row.Key, matching(j.row.ETag, force)); {
	case errors.Is(err, ErrInstanceNotFound): // somebody else has purged it too
		return result, nil
	case err != nil:
		return result, fmt.Errorf("delete the row: %w", err)
	}
	result.InstancesDeleted = 1
	return result, nil
}

func matching(etag storage.ETag, force bool) storage.ETag {
	if force {
		return storage.Any
	}
	return etag
}

func countNil(errs []error) int {
	n := 0
	for _, err := range errs {
		if err == nil {
			n++
		}
	}
	return n
}

// look returns the payloads of the instance. Unless it is forced, it makes sure that neither they nor the history belong
// to an execution that was started since the row was read, which mostly shows from when they were written.
func (j *purgeJob) look(ctx context.Context, hub *taskhub.Hub, force bool) ([]string, error) {
	var blobs []storage.BlobItem
	if j.mayHavePayloads {
		var err error
		if blobs, err = j.payloads(ctx, hub); err != nil {
			return nil, fmt.Errorf("list the payloads: %w", err)
		}
	}
	names := make([]string, len(blobs))
	var fresh []storage.BlobItem
	for i, b := range blobs {
		names[i] = b.Name
		if j.fresh(b, hub.Now()) {
			fresh = append(fresh, b)
		}
	}
	if force || len(fresh) == 0 && !slices.ContainsFunc(j.rows, j.newer) {
		return names, nil
	}
	if err := j.unchanged(ctx, hub); err != nil {
		return nil, err
	}
	errs := parallel.Do(ctx, len(fresh), purgeParallelism, func(ctx context.Context, i int) error {
		return j.judge(ctx, hub, fresh[i])
	})
	return names, errors.Join(errs...)
}

// payloads lists what belongs to the instance.
func (j *purgeJob) payloads(ctx context.Context, hub *taskhub.Hub) ([]storage.BlobItem, error) {
	var blobs []storage.BlobItem
	for _, prefix := range wire.Prefixes(j.row.ID) {
		for from := ""; ; {
			page, err := hub.Blobs.List(ctx, hub.LargeMessages(), prefix, from)
			if errors.Is(err, storage.ErrContainerNotFound) {
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			for _, b := range page.Blobs {
				if wire.OwnsBlob(b.Name, j.row.ID, j.row.Key) {
					blobs = append(blobs, b)
				}
			}
			if from = page.Next; from == "" {
				break
			}
		}
	}
	return blobs, nil
}

const (
	// settled is how long after it was written a payload can no longer belong to a start or message that is just being
	// sent: its row or message follows at once.
	settled = 10 * time.Minute
	// resolution is how coarse the times of blobs are.
	resolution = time.Second
)

// fresh reports whether a payload may have been written since the row was.
func (j *purgeJob) fresh(b storage.BlobItem, now time.Time) bool {
	return b.LastModified.Add(resolution).After(j.row.Timestamp) && now.Sub(b.LastModified) < settled
}

// newer reports whether a row of the history was written since the instance's row was: a worker that ends an instance
// writes the history first.
func (j *purgeJob) newer(r scan.Row) bool { return r.Written.After(j.row.Timestamp) }

// unchanged returns [storage.ErrPrecondition] if the row is no longer the one that was read. While it is, nobody has
// started the instance anew, and what was read of it before this moment is not of a new execution.
func (j *purgeJob) unchanged(ctx context.Context, hub *taskhub.Hub) error {
	e, err := hub.Tables.Get(ctx, hub.Instances(), j.row.Key, "", wire.ColRuntimeStatus)
	switch {
	case errors.Is(err, storage.ErrNotFound): // somebody else purges it too
		return nil
	case err != nil:
		return fmt.Errorf("look at the row again: %w", err)
	case e.ETag != j.row.ETag:
		return fmt.Errorf("the row: %w", storage.ErrPrecondition)
	}
	return nil
}

// judge returns [ErrConflict] for a fresh payload that belongs to a start or a message on its way: removing it would
// leave a message that no worker can read. Messages say for which execution they are.
func (j *purgeJob) judge(ctx context.Context, hub *taskhub.Hub, b storage.BlobItem) error {
	foreign := b.LastModified.After(j.row.Timestamp)
	switch {
	case wire.IsClientTextBlob(b.Name):
	case !wire.IsMessageBlob(b.Name):
		return nil // a worker's: it writes none before the row of its execution is there
	default:
		execution, err := executionOf(ctx, hub, b.Name)
		if err != nil {
			return err
		}
		if execution != "" && j.row.ExecutionID != "" {
			foreign = !wire.SameExecution(execution, j.row.ExecutionID)
		}
	}
	if foreign {
		return fmt.Errorf("%w: it has been sent a payload since it ended; try again in %s", ErrConflict, settled)
	}
	return nil
}

// executionOf returns the execution that a message in a blob is for, or "" if it is for any or nobody can tell.
func executionOf(ctx context.Context, hub *taskhub.Hub, blob string) (string, error) {
	payload, err := hub.ReadPayload(ctx, blob)
	switch {
	case errors.Is(err, ErrPayloadMissing), errors.Is(err, ErrPayloadTooLarge):
		return "", nil
	case err != nil:
		return "", err
	}
	m, err := wire.DecodeMessage(payload)
	if err != nil {
		return "", nil //nolint:nilerr // no worker can read it either
	}
	return m.ExecutionID, nil
}

// batches is how many transactions the history takes.
func (j *purgeJob) batches() int { return (len(j.rows) + storage.MaxBatch - 1) / storage.MaxBatch }

// deleteHistory removes the rows that were seen, in transactions of up to 100, each only if they are still the same. The
// last rows go first and alone: whoever starts an instance anew or rewinds it changes one of them, so that fails before
// anything is gone.
func (j *purgeJob) deleteHistory(ctx context.Context, hub *taskhub.Hub, force bool) (int, error) {
	batches := j.batches()
	if batches == 0 {
		return 0, nil
	}
	deleted := make([]int, batches)
	del := func(ctx context.Context, i int) (err error) {
		end := len(j.rows) - i*storage.MaxBatch
		deleted[i], err = j.deleteRows(ctx, hub, j.rows[max(0, end-storage.MaxBatch):end], force)
		return err
	}
	if err := del(ctx, 0); err != nil {
		return 0, err
	}
	errs := parallel.Do(ctx, batches-1, purgeParallelism, func(ctx context.Context, i int) error { return del(ctx, i+1) })
	total := 0
	for _, n := range deleted {
		total += n
	}
	return total, errors.Join(errs...)
}

// deleteRows deletes rows in one transaction. Rows that somebody else has deleted meanwhile are left out.
func (j *purgeJob) deleteRows(ctx context.Context, hub *taskhub.Hub, rows []scan.Row, force bool) (int, error) {
	for len(rows) > 0 {
		ops := make([]storage.Op, len(rows))
		for i, r := range rows {
			ops[i] = storage.Op{
				Kind: storage.OpDelete, Match: matching(r.ETag, force),
				Entity: &storage.Entity{PartitionKey: j.row.Key, RowKey: r.Key},
			}
		}
		err := hub.Tables.Batch(ctx, hub.Names.History(), ops)
		if err == nil {
			return len(rows), nil
		}
		if !errors.Is(err, storage.ErrNotFound) {
			return 0, err
		}
		left, err := scan.Rows(ctx, hub, j.row.Key)
		if err != nil {
			return 0, err
		}
		rows = slices.DeleteFunc(slices.Clone(rows), func(r scan.Row) bool {
			return !slices.ContainsFunc(left, func(l scan.Row) bool { return l.Key == r.Key })
		})
	}
	return 0, nil
}
