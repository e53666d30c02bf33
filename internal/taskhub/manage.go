package taskhub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// Create makes what a client needs of a hub: the control queues, the queue of work items and the two tables. Leases
// and the like are left to hosts: which of them are right depends on the host, and a wrong one misleads it. It returns
// [ErrPartitionCount] if the hub is there with another number of partitions.
//
// The highest control queue comes first and the Instances table last. So a hub of which only a part was made is seen
// as such: its partition count is right or not to be had, and no read takes it for a whole one.
func (h *Hub) Create(ctx context.Context, partitions int) error {
	counts, err := h.Counts(ctx)
	if err != nil {
		return err
	}
	for _, c := range counts {
		if c.N != partitions {
			return fmt.Errorf("%w: the hub is there with %d partitions (%s), not %d",
				ErrPartitionCount, c.N, c.Source, partitions)
		}
	}
	for p := partitions - 1; p >= 0; p-- {
		if err := h.Queues.CreateQueue(ctx, h.ControlQueue(p)); err != nil {
			return fmt.Errorf("create queue %s: %w", h.ControlQueue(p), err)
		}
	}
	if err := h.Queues.CreateQueue(ctx, h.WorkItems()); err != nil {
		return fmt.Errorf("create queue %s: %w", h.WorkItems(), err)
	}
	for _, table := range []string{h.Names.History(), h.Instances()} {
		if err := h.Tables.CreateTable(ctx, table); err != nil {
			return fmt.Errorf("create table %s: %w", table, err)
		}
	}
	return nil
}

// Delete removes everything that belongs to the hub. A container on which a host holds its lease is tried first, so
// that a hub in use is refused whole with [storage.ErrLeased], unless force. A repeat finishes what was interrupted;
// where nothing at all is left it is [ErrHubNotFound].
func (h *Hub) Delete(ctx context.Context, force bool) error {
	found, err := h.Resources(ctx)
	if err != nil {
		return err
	}
	if found.empty() {
		return ErrHubNotFound
	}
	var leased error
	if slices.Contains(found.Containers, h.AppLease()) {
		leased = h.Blobs.DeleteContainer(ctx, h.AppLease())
		if leased != nil && !(force && errors.Is(leased, storage.ErrLeased)) {
			return fmt.Errorf("delete container %s: %w", h.AppLease(), leased)
		}
	}
	for _, t := range found.Tables {
		if err := h.Tables.DeleteTable(ctx, t); err != nil {
			return fmt.Errorf("delete table %s: %w", t, err)
		}
	}
	for _, q := range found.Queues {
		if err := h.Queues.DeleteQueue(ctx, q); err != nil {
			return fmt.Errorf("delete queue %s: %w", q, err)
		}
	}
	for _, c := range found.Containers {
		if c == h.AppLease() {
			continue
		}
		if err := h.Blobs.DeleteContainer(ctx, c); err != nil {
			return fmt.Errorf("delete container %s: %w", c, err)
		}
	}
	h.setCount(h.opts.PartitionCount)
	if leased != nil {
		return fmt.Errorf("delete container %s: %w; all else is deleted", h.AppLease(), leased)
	}
	return nil
}

// Resources are the tables, queues and containers of a hub that exist.
type Resources struct{ Tables, Queues, Containers []string }

func (r *Resources) empty() bool { return len(r.Tables)+len(r.Queues)+len(r.Containers) == 0 }

// HostSeen reports whether a host has ever been at the hub: only hosts create these.
func (h *Hub) HostSeen(r *Resources) bool {
	return slices.Contains(r.Tables, h.Partitions()) || slices.Contains(r.Containers, h.Leases()) ||
		slices.Contains(r.Containers, h.AppLease())
}

// Resources lists what exists of the hub. The Instances table is the first of the tables, so that what deletes them in
// order makes the hub unknown to clients at once.
func (h *Hub) Resources(ctx context.Context) (*Resources, error) {
	tables, err := h.existingTables(ctx)
	if err != nil {
		return nil, err
	}
	queues, err := h.Queues.ListQueues(ctx, h.lower+"-")
	if err != nil {
		return nil, fmt.Errorf("list queues: %w", err)
	}
	containers, err := h.Blobs.ListContainers(ctx, h.lower+"-")
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	r := &Resources{
		Tables:     tables,
		Containers: pick(containers, h.AppLease(), h.Leases(), h.LargeMessages(), h.Quarantine()),
	}
	for _, q := range queues {
		if _, ok := h.partitionOf(q); ok || q == h.WorkItems() {
			r.Queues = append(r.Queues, q)
		}
	}
	return r, nil
}

// existingTables asks each table instead of listing them: the service takes names without heed of case, but a listing
// shows them as they were created, perhaps by somebody who spells the hub otherwise.
func (h *Hub) existingTables(ctx context.Context) ([]string, error) {
	var found []string
	for _, t := range []string{h.Instances(), h.Names.History(), h.Partitions()} {
		_, err := h.Tables.Query(ctx, t, storage.Query{Columns: []string{"RowKey"}, Top: 1})
		switch {
		case err == nil:
			found = append(found, t)
		case !errors.Is(err, storage.ErrContainerNotFound):
			return nil, fmt.Errorf("look for table %s: %w", t, err)
		}
	}
	return found, nil
}

// pick returns those of the wanted names that are there, in the order wanted. What the hub's name begins may be
// another hub's.
func pick(have []string, wanted ...string) []string {
	var found []string
	for _, w := range wanted {
		if slices.Contains(have, w) {
			found = append(found, w)
		}
	}
	return found
}

// Owner is who reads a control queue.
type Owner struct {
	Queue string
	// Name is the host, or "" if it is not known or there is none.
	Name string
	// Alive says whether the host's claim holds at this moment.
	Alive bool
}

// Owners are those of a hub's control queues.
type Owners []Owner

// Alive returns one whose claim holds, nil if there is none: no host is at work.
func (o Owners) Alive() *Owner {
	for i := range o {
		if o[i].Alive {
			return &o[i]
		}
	}
	return nil
}

// Reads reports whether a host reads a queue at this moment.
func (o Owners) Reads(queue string) bool {
	return slices.ContainsFunc(o, func(o Owner) bool { return o.Queue == queue && o.Alive })
}

// QueueOwners returns who reads each control queue, by the Partitions table and by the leases on blobs; none if no host
// has ever been at the hub.
func (h *Hub) QueueOwners(ctx context.Context) (Owners, error) {
	rows, err := h.Owners(ctx)
	if err != nil {
		return nil, fmt.Errorf("read table %s: %w", h.Partitions(), err)
	}
	owners := make(map[string]Owner)
	for i := range rows {
		name := rows[i].Text("CurrentOwner")
		alive := name != "" && rows[i].Get("ExpiresAt").Time().After(h.Now())
		owners[rows[i].RowKey] = Owner{rows[i].RowKey, name, alive}
	}
	if err := h.leaseOwners(ctx, owners); err != nil {
		return nil, err
	}
	list := make(Owners, 0, len(owners))
	for _, o := range owners {
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b Owner) int { return strings.Compare(a.Queue, b.Queue) })
	return list, nil
}

// leaseOwners adds what the blobs in the container of leases say: {manager}/{queue}, of which the legacy manager has
// "default" and the safe one "intent" and "ownership" (LegacyPartitionManager.cs, SafePartitionManager.cs).
func (h *Hub) leaseOwners(ctx context.Context, owners map[string]Owner) error {
	from := ""
	for {
		page, err := h.Blobs.List(ctx, h.Leases(), "", from)
		if errors.Is(err, storage.ErrContainerNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("list container %s: %w", h.Leases(), err)
		}
		for _, b := range page.Blobs {
			_, queue, ok := strings.Cut(b.Name, "/")
			if _, known := h.partitionOf(queue); ok && known {
				o := owners[queue]
				owners[queue] = Owner{queue, o.Name, o.Alive || b.Leased}
			}
		}
		if from = page.Next; from == "" {
			return nil
		}
	}
}

// CheckPartitionCount says why a hub cannot have so many partitions.
func CheckPartitionCount(n int) error {
	if n < 1 || n > wire.MaxPartitions {
		return fmt.Errorf("a task hub has 1 to %d partitions, not %d", wire.MaxPartitions, n)
	}
	return nil
}
