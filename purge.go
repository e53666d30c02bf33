package durable

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-durable/durable/internal/scan"
	"github.com/go-durable/durable/internal/storage"
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
	// ExecutionID is the execution that Purge is for: [ErrConflict] if another one is current. Defaults to whichever is.
	ExecutionID string
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

func (o *PurgeOptions) check() (PurgeOptions, error) {
	var checked PurgeOptions
	if o != nil {
		checked = *o
	}
	err := checkBulk(&checked.Concurrency, checked.RequestsPerSecond)
	return checked, err
}

// Purge removes an instance: its row, its history and its payloads, and nothing of any other. An instance that does not
// exist is no error: the result counts 0. Opts may be nil.
//
// The row goes last. So a purge that was interrupted can be repeated and leaves nothing behind. Unless opts.Force, only
// the version that was looked at is removed: an instance that is started anew at the same moment is [ErrConflict] and
// keeps what is new. So is one that was sent a payload after it ended, until that is ten minutes old: it may belong to a
// start that is on its way.
//
// Between a look at an instance and its purge it may have been started anew, have ended again and look alike: give
// opts.ExecutionID to purge what was looked at and nothing else.
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
	result, status, err := purgeOne(ctx, hub, instanceID, &o)
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

func purgeOne(
	ctx context.Context, hub *taskhub.Hub, instanceID string, o *PurgeOptions,
) (PurgeResult, RuntimeStatus, error) {
	row, err := hub.ReadInstance(ctx, instanceID, purgeColumns...)
	if errors.Is(err, ErrInstanceNotFound) {
		return PurgeResult{}, "", nil
	}
	if err != nil {
		return PurgeResult{}, "", err
	}
	status := RuntimeStatus(row.RuntimeStatus)
	if err := checkExecution(o.ExecutionID, row); err != nil {
		return PurgeResult{}, status, err
	}
	if !status.IsTerminal() && !o.Force {
		return PurgeResult{}, status, wrongState("only instances that have ended are purged, unless Force")
	}
	rows, err := scan.Rows(ctx, hub, row.Key)
	if err != nil {
		return PurgeResult{}, status, fmt.Errorf("read the keys of the history: %w", err)
	}
	job := &purgeJob{row: *row, rows: rows, mayHavePayloads: true}
	result, err := job.purge(ctx, hub, o.Force)
	return result, status, err
}

// PurgeStrategy is how a purge finds what belongs to its instances.
type PurgeStrategy string

// The strategies of a purge.
const (
	// PurgeOneByOne asks for the history and the payloads of each instance.
	PurgeOneByOne PurgeStrategy = "one by one"
	// PurgeScan reads the History table in key order and lists the payloads of the hub once.
	PurgeScan PurgeStrategy = "scan"
)

// PurgePlan is what a purge would do.
type PurgePlan struct {
	// Instances, Rows and Blobs count what would be removed.
	Instances, Rows, Blobs int
	// Conflicts counts the instances that would be left for now: somebody has changed them, or sent them a payload, since
	// they ended (see [OrchestrationClient.Purge]).
	Conflicts int
	// Statuses counts the instances by state.
	Statuses map[RuntimeStatus]int
	// Requests is how many requests the purge would take, those for finding the instances included.
	Requests int
	// Strategy is how it would find what belongs to them.
	Strategy PurgeStrategy
}

// PlanPurge says what PurgeInstances would do with the same filter and options. It reads as much as the purge and
// changes nothing; what changes meanwhile is not foreseen. It returns the errors of PurgeInstances.
func (c *OrchestrationClient) PlanPurge(
	ctx context.Context, filter *InstanceFilter, opts *PurgeOptions,
) (*PurgePlan, error) {
	const op = "PlanPurge"
	o, err := opts.check()
	if err != nil {
		return nil, c.fail(op, "", err)
	}
	q, err := purgeQuery(filter, &o)
	if err != nil {
		return nil, c.fail(op, "", err)
	}
	hub, meter := metered(c.hub, o.RequestsPerSecond)
	p := &purger{client: c.on(hub), opts: o, query: q, meter: meter}
	plan := &PurgePlan{Statuses: make(map[RuntimeStatus]int), Strategy: PurgeOneByOne}
	err = p.run(ctx, func(ctx context.Context, j *purgeJob) error {
		blobs, err := j.look(ctx, hub, o.Force)
		p.mu.Lock()
		defer p.mu.Unlock()
		switch {
		case errors.Is(err, ErrConflict), errors.Is(err, storage.ErrPrecondition):
			plan.Conflicts++
		case err != nil:
			return err
		default:
			plan.add(j, len(blobs))
		}
		return nil
	})
	if err != nil {
		return nil, c.fail(op, "", err)
	}
	plan.Requests += int(meter.requests.Load())
	if p.scanned {
		plan.Strategy = PurgeScan
	}
	return plan, nil
}

// add counts what removing an instance takes, beyond what finding it has taken.
func (p *PurgePlan) add(j *purgeJob, blobs int) {
	p.Instances++
	p.Rows += len(j.rows)
	p.Blobs += blobs
	p.Statuses[RuntimeStatus(j.row.RuntimeStatus)]++
	p.Requests += j.batches() + blobs + 1
}
