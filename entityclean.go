package durable

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-durable/durable/internal/parallel"
	"github.com/go-durable/durable/internal/scan"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// CleanEntityStorageOptions are options for CleanEntityStorage. At least one of RemoveEmptyEntities and
// ReleaseOrphanedLocks must be set.
type CleanEntityStorageOptions struct {
	// RemoveEmptyEntities removes entities that have no state, no lock and nothing left to do: what remains of those that
	// were deleted.
	RemoveEmptyEntities bool
	// ReleaseOrphanedLocks releases locks whose owner has ended or does not exist.
	ReleaseOrphanedLocks bool
	// DryRun changes nothing: counts and OnCleanup say what would be done.
	DryRun bool
	// MinimumAge is how long an entity must not have changed before it is removed. Defaults to 30 minutes, for which the
	// engine remembers the messages that it has received: an entity that is removed sooner may take one twice.
	MinimumAge time.Duration
	// Concurrency is how many entities are cleaned at once, 1 to 256. Defaults to 16.
	Concurrency int
	// RequestsPerSecond bounds the rate of requests. Defaults to no bound.
	RequestsPerSecond float64
	// Keys is the part of the hub to be cleaned (see [OrchestrationClient.SplitKeyRanges]). Defaults to all.
	Keys KeyRange
	// OnCleanup is called for each entity that was cleaned, from one goroutine at a time. It should return soon.
	OnCleanup func(EntityCleanup)
}

// EntityCleanup is what was done to an entity.
type EntityCleanup struct {
	// ID names the entity.
	ID EntityID
	// Removed says that the entity was removed. Otherwise its lock was released.
	Removed bool
	// LockedBy is the instance whose lock was released.
	LockedBy string
}

// CleanEntityStorageResult is what CleanEntityStorage has done. It is valid also beside an error.
type CleanEntityStorageResult struct {
	// Entities counts those that were looked at.
	Entities int
	// EmptyEntitiesRemoved and OrphanedLocksReleased count what was done.
	EmptyEntitiesRemoved, OrphanedLocksReleased int
	// Changed counts empty entities that were used again at the same moment and so were left alone.
	Changed int
	// Failed counts entities that could not be cleaned, or not wholly. A second run finds them.
	Failed int
	// Requests counts the requests to the storage account.
	Requests int
}

// defaultMinimumAge is for how long entities keep messages in order (EntityMessageReorderWindowInMinutes,
// DurableTaskOptions.cs).
const defaultMinimumAge = 30 * time.Minute

// CleanEntityStorage removes what entities have left behind. Nil options are refused, since they ask for nothing.
//
// An entity is removed only in the version that was looked at: one that is used again at the same moment stays. A lock
// is released by a message to the entity, so that takes effect when its worker handles it; until then a second run
// counts it again. An interrupted run can be repeated.
//
// Failures do not stop the others: they are joined, the first hundred of them, and counted. Memory does not grow with
// the number of entities. It returns [ErrInvalidArgument], [ErrTaskHubNotFound], [ErrPartitionCount], [ErrUncertain] and
// the context's error.
func (c *OrchestrationClient) CleanEntityStorage(
	ctx context.Context, opts *CleanEntityStorageOptions,
) (*CleanEntityStorageResult, error) {
	const op = "CleanEntityStorage"
	o, err := opts.check()
	var q *query
	if err == nil {
		q, err = (&InstanceFilter{InstanceIDPrefix: "@", IncludeEntities: true, Keys: o.Keys}).compile()
	}
	if err != nil {
		return &CleanEntityStorageResult{}, c.fail(op, "", err)
	}
	q.columns = q.needs(cleanColumns...)
	hub, meter := metered(c.hub, o.RequestsPerSecond)
	e := &entityCleaner{client: c.on(hub), opts: o, before: hub.Now().Add(-o.MinimumAge)}
	err = e.run(ctx, q)
	e.result.Requests = int(meter.requests.Load())
	return &e.result, c.fail(op, "", err)
}

func (o *CleanEntityStorageOptions) check() (CleanEntityStorageOptions, error) {
	if o == nil || !o.RemoveEmptyEntities && !o.ReleaseOrphanedLocks {
		return CleanEntityStorageOptions{}, invalid("neither RemoveEmptyEntities nor ReleaseOrphanedLocks is set")
	}
	checked := *o
	if checked.MinimumAge == 0 {
		checked.MinimumAge = defaultMinimumAge
	}
	if checked.MinimumAge < 0 {
		return checked, invalid("MinimumAge is negative")
	}
	err := checkBulk(&checked.Concurrency, checked.RequestsPerSecond)
	return checked, err
}

// cleanColumns are the columns of a row that a cleaning looks at.
var cleanColumns = append([]string{
	wire.ColName, wire.ColCustomStatus, wire.ColExecutionID, wire.ColLastUpdatedTime,
}, purgeColumns...)

// entityCleaner is a cleaning that runs.
type entityCleaner struct {
	client *OrchestrationClient
	opts   CleanEntityStorageOptions
	// before is when an entity must have changed last to be removed.
	before time.Time
	// stop ends the whole cleaning for an error that it would meet at all other entities as well.
	stop context.CancelCauseFunc

	failed failures
	mu     sync.Mutex
	result CleanEntityStorageResult
}

func (e *entityCleaner) run(ctx context.Context, q *query) error {
	ctx, e.stop = context.WithCancelCause(ctx)
	defer e.stop(nil)
	read := func(ctx context.Context, part *query, from storage.Token) ([]wire.Instance, storage.Token, error) {
		return e.client.rowPage(ctx, part, storage.MaxPage, from, nil)
	}
	var err error
	for rows, pageErr := range pages(ctx, q, read) {
		if err = pageErr; err == nil {
			e.cleanPage(ctx, rows)
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return e.failed.join(err)
}

// entityRow is an entity that may have to be cleaned.
type entityRow struct {
	row wire.Instance
	id  EntityID
	// EntityStateResponse is what is known of it: not the state itself.
	EntityStateResponse
}

func (e *entityCleaner) cleanPage(ctx context.Context, rows []wire.Instance) {
	entities := entitiesOf(rows)
	e.result.Entities += len(entities)
	e.each(ctx, entities, e.look)
	orphaned := e.orphaned(ctx, entities)
	e.each(ctx, entities, func(ctx context.Context, r *entityRow) error {
		switch {
		case e.opts.ReleaseOrphanedLocks && orphaned[r.LockedBy]:
			return e.release(ctx, r)
		case e.opts.RemoveEmptyEntities && r.empty(e.before):
			return e.remove(ctx, r)
		}
		return nil
	})
}

// entitiesOf picks the entities: 3.x hosts start orchestrations under any ID, but only the row of an entity has its ID
// for a name (Entities.cs). An entity is always Running.
func entitiesOf(rows []wire.Instance) []*entityRow {
	entities := make([]*entityRow, 0, len(rows))
	for i := range rows {
		id, err := ParseEntityID(rows[i].ID)
		if err == nil && rows[i].Name == rows[i].ID && rows[i].RuntimeStatus == wire.StatusRunning {
			entities = append(entities, &entityRow{row: rows[i], id: id})
		}
	}
	return entities
}

// each calls do for entities, several at a time. One that fails is counted and not looked at again.
func (e *entityCleaner) each(ctx context.Context, entities []*entityRow, do func(context.Context, *entityRow) error) {
	parallel.Do(ctx, len(entities), e.opts.Concurrency, func(ctx context.Context, i int) error {
		r := entities[i]
		if r == nil {
			return nil
		}
		if err := do(ctx, r); err != nil {
			entities[i] = nil
			e.fail(ctx, r.row.ID, err)
		}
		return nil
	})
}

func (e *entityCleaner) fail(ctx context.Context, instanceID string, err error) {
	if ctx.Err() != nil {
		return // it was interrupted
	}
	e.mu.Lock()
	e.result.Failed++
	e.mu.Unlock()
	err = e.client.fail("CleanEntityStorage", instanceID, err)
	for _, fatal := range []error{ErrAccessDenied, ErrTaskHubNotFound, ErrPartitionCount} {
		if errors.Is(err, fatal) {
			e.stop(err)
			return
		}
	}
	e.failed.add(err)
}

// look finds out what is known of an entity: from its custom status, or where a worker has not written one, from its
// state.
func (e *entityCleaner) look(ctx context.Context, r *entityRow) error {
	s := newStatus(&r.row)
	if _, ok := wire.DecodeEntityStatus(s.CustomStatus); ok {
		return r.set(s)
	}
	known, err := e.client.readEntity(ctx, r.row.ID)
	if err == nil {
		r.EntityStateResponse = *known
	}
	return err
}

// orphaned returns the owners of locks that have ended or do not exist. An owner existed when it took the lock, which
// was before the entity's row was read.
func (e *entityCleaner) orphaned(ctx context.Context, entities []*entityRow) map[string]bool {
	orphaned := make(map[string]bool)
	if !e.opts.ReleaseOrphanedLocks {
		return orphaned
	}
	var owned []*entityRow // one for each owner
	seen := map[string]bool{"": true}
	for _, r := range entities {
		if r != nil && !seen[r.LockedBy] {
			seen[r.LockedBy] = true
			owned = append(owned, r)
		}
	}
	e.each(ctx, owned, func(ctx context.Context, r *entityRow) error {
		row, err := e.client.hub.ReadInstance(ctx, r.LockedBy, wire.ColRuntimeStatus)
		if err != nil && !errors.Is(err, ErrInstanceNotFound) {
			return fmt.Errorf("look at the owner of its lock: %w", err)
		}
		if err != nil || wire.Terminal(row.RuntimeStatus) {
			e.mu.Lock()
			defer e.mu.Unlock()
			orphaned[r.LockedBy] = true
		}
		return nil
	})
	return orphaned
}

// empty reports whether an entity has nothing to remember and has not changed for long.
func (r *entityRow) empty(before time.Time) bool {
	changed := r.row.LastUpdatedTime.Time()
	return !r.Exists && r.LockedBy == "" && r.QueueSize == 0 && !changed.IsZero() && changed.Before(before)
}

func (e *entityCleaner) release(ctx context.Context, r *entityRow) error {
	if !e.opts.DryRun {
		m := wire.ReleaseMessage(r.row.ID, r.LockedBy, e.client.hub.Now())
		if err := e.client.sendControl(ctx, m); err != nil {
			return fmt.Errorf("release its lock: %w", err)
		}
	}
	e.done(&e.result.OrphanedLocksReleased, &EntityCleanup{ID: r.id, LockedBy: r.LockedBy})
	return nil
}

// remove purges an empty entity, unless a worker has taken it up since its row was read.
func (e *entityCleaner) remove(ctx context.Context, r *entityRow) error {
	if !e.opts.DryRun {
		err := e.purge(ctx, &r.row)
		switch {
		case errors.Is(err, storage.ErrPrecondition), errors.Is(err, ErrConflict):
			e.done(&e.result.Changed, nil)
			return nil
		case err != nil:
			return err
		}
	}
	e.done(&e.result.EmptyEntitiesRemoved, &EntityCleanup{ID: r.id, Removed: true})
	return nil
}

// purge removes the entity in a row. A worker writes the history before the row, so a row that is unchanged does not
// say that the history is. But each batch of operations is an execution of its own: as long as the history names the
// row's, it is the one that was looked at. That is asked after the versions of its rows were read, and only these are
// removed.
func (e *entityCleaner) purge(ctx context.Context, row *wire.Instance) error {
	hub := e.client.hub
	rows, err := scan.NewHistory(hub).Rows(ctx, row.Key)
	if err != nil {
		return fmt.Errorf("read the keys of the history: %w", err)
	}
	sentinel, err := hub.Sentinel(ctx, row.Key, wire.ColExecutionID)
	if err != nil {
		return fmt.Errorf("read the history: %w", err)
	}
	if sentinel != nil && !wire.SameExecution(sentinel.Text(wire.ColExecutionID), row.ExecutionID) {
		return fmt.Errorf("%w: the entity was used at the same moment", ErrConflict)
	}
	_, err = (&purgeJob{row: *row, rows: rows, mayHavePayloads: true}).purge(ctx, hub, false)
	return err
}

// done counts an entity and, if anything was done to it, tells what.
func (e *entityCleaner) done(counter *int, what *EntityCleanup) {
	e.mu.Lock()
	defer e.mu.Unlock()
	*counter++
	if e.opts.OnCleanup != nil && what != nil {
		e.opts.OnCleanup(*what)
	}
}
