package durable

import (
	"context"
	"errors"

	"github.com/go-durable/durable/internal/storage"
)

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
