package durable

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-durable/durable/internal/scan"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// PurgeOptions are options for Purge and PurgeInstances.
type PurgeOptions struct {
	// Force purges instances that have not ended, and does not mind changes that a worker makes meanwhile. What such an
	// instance has scheduled goes on in vain.
	Force bool
	// Concurrency is how many instances are purged at once, 1 to 256. Defaults to 16.
	Concurrency int
	// RequestsPerSecond bounds the rate of requests. Defaults to no bound.
	RequestsPerSecond float64
	// OnProgress is called after each instance, from one goroutine at a time. It should return soon.
	OnProgress func(PurgeProgress)
	// Checkpoint is where an earlier purge with the same filter got to: its [PurgeResult] or [PurgeProgress] says so.
	// What lies before it is not looked at again.
	Checkpoint string
}

// PurgeResult is what a purge has removed. It is valid also beside an error.
type PurgeResult struct {
	// InstancesDeleted, RowsDeleted and BlobsDeleted count what was removed: instances, rows of the History table, and
	// payloads.
	InstancesDeleted, RowsDeleted, BlobsDeleted int
	// Failed counts the instances that could not be purged, or not wholly. They are still there to be purged again.
	Failed int
	// Requests counts the requests to the storage account.
	Requests int
	// Checkpoint, given to PurgeInstances in [PurgeOptions], makes it go on where this one ended, in this or another
	// process. It is "" before the first instance.
	Checkpoint string
}

// PurgeProgress is the state of a purge that runs.
type PurgeProgress struct {
	PurgeResult
	// InstanceID is the instance that was purged last.
	InstanceID string
}

const (
	defaultPurgeConcurrency = 16
	maxPurgeConcurrency     = 256
)

func (o *PurgeOptions) check() (PurgeOptions, error) {
	if o == nil {
		return PurgeOptions{Concurrency: defaultPurgeConcurrency}, nil
	}
	checked := *o
	if checked.Concurrency == 0 {
		checked.Concurrency = defaultPurgeConcurrency
	}
	switch {
	case checked.Concurrency < 1 || checked.Concurrency > maxPurgeConcurrency:
		return checked, invalid("Concurrency is 1 to %d", maxPurgeConcurrency)
	case !(checked.RequestsPerSecond >= 0): // NaN as well
		return checked, invalid("RequestsPerSecond is negative or no number")
	}
	return checked, nil
}

// Purge removes an instance: its row, its history and its payloads, and nothing of any other. An instance that does not
// exist is no error: the result counts 0. Opts may be nil.
//
// The row goes last. So a purge that was interrupted can be repeated and leaves nothing behind. Unless opts.Force, only
// the version that was looked at is removed: an instance that is started anew at the same moment is [ErrConflict] and
// keeps what is new. So is one that was sent a payload after it ended, until that is ten minutes old: it may belong to a
// start that is on its way.
//
// It returns [ErrInvalidState] for an instance that has not ended, unless opts.Force, [ErrConflict],
// [ErrTaskHubNotFound] and [ErrInvalidArgument].
func (c *OrchestrationClient) Purge(ctx context.Context, instanceID string, opts *PurgeOptions) (*PurgeResult, error) {
	const op = "Purge"
	o, err := opts.check()
	if err == nil && o.Checkpoint != "" {
		err = invalid("one instance has no checkpoint")
	}
	if err == nil {
		err = checkKnownID(instanceID)
	}
	if err != nil {
		return &PurgeResult{}, c.fail(op, instanceID, err)
	}
	hub, meter := metered(c.hub, o.RequestsPerSecond)
	result, status, err := purgeOne(ctx, hub, instanceID, o.Force)
	result.Requests = int(meter.requests.Load())
	if err != nil {
		result.Failed = 1
	}
	if o.OnProgress != nil {
		o.OnProgress(PurgeProgress{result, instanceID})
	}
	return &result, c.failIn(op, instanceID, status, err)
}

// purgeColumns are the columns of a row that a purge looks at.
var purgeColumns = []string{wire.ColRuntimeStatus, wire.ColExecutionID, "Timestamp"}

func purgeOne(ctx context.Context, hub *taskhub.Hub, instanceID string, force bool) (PurgeResult, RuntimeStatus, error) {
	row, err := hub.ReadInstance(ctx, instanceID, purgeColumns...)
	if errors.Is(err, ErrInstanceNotFound) {
		return PurgeResult{}, "", nil
	}
	if err != nil {
		return PurgeResult{}, "", err
	}
	status := RuntimeStatus(row.RuntimeStatus)
	if !status.IsTerminal() && !force {
		return PurgeResult{}, status, wrongState("only instances that have ended are purged, unless Force")
	}
	rows, err := scan.Rows(ctx, hub, row.Key)
	if err != nil {
		return PurgeResult{}, status, fmt.Errorf("read the keys of the history: %w", err)
	}
	job := &purgeJob{row: *row, rows: rows, mayHavePayloads: true}
	result, err := job.purge(ctx, hub, force)
	return result, status, err
}
