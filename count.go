package durable

import (
	"cmp"
	"context"
	"slices"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// InstanceCount is how many instances of one orchestrator are in one state.
type InstanceCount struct {
	Status RuntimeStatus
	Name   string
	Count  int
}

// CountInstances counts the instances that match, by state and orchestrator, ordered by name and state. A nil filter
// counts all orchestrations; entities, if included, count under their name with the @ before it. Memory does not grow
// with the number of instances, and little is fetched of each. Opts may be nil.
//
// It returns [ErrInvalidArgument] and [ErrTaskHubNotFound].
func (c *OrchestrationClient) CountInstances(
	ctx context.Context, filter *InstanceFilter, opts *QueryOptions,
) ([]InstanceCount, error) {
	const op = "CountInstances"
	o, err := opts.check()
	if err != nil {
		return nil, c.fail(op, "", err)
	}
	q, err := filter.compile()
	if err != nil {
		return nil, c.fail(op, "", err)
	}
	q.columns = q.needs(wire.ColRuntimeStatus, wire.ColName)
	q.describe(o.Plan)
	o.Unordered = true
	counts, err := c.count(ctx, q, o)
	if err != nil {
		return nil, c.fail(op, "", err)
	}
	return counts, nil
}

func (c *OrchestrationClient) count(ctx context.Context, q *query, o QueryOptions) ([]InstanceCount, error) {
	type group struct {
		status RuntimeStatus
		name   string
	}
	counts := make(map[group]int)
	read := func(ctx context.Context, part *query, from storage.Token) ([]*OrchestrationStatus, storage.Token, error) {
		return c.statusPage(ctx, part, storage.MaxPage, from, o.Plan)
	}
	for page, err := range inRanges(ctx, c, q, o, read) {
		if err != nil {
			return nil, err
		}
		for _, s := range page {
			counts[group{s.RuntimeStatus, groupName(s)}]++
		}
	}
	list := make([]InstanceCount, 0, len(counts))
	for g, n := range counts {
		list = append(list, InstanceCount{g.status, g.name, n})
	}
	slices.SortFunc(list, func(a, b InstanceCount) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Status, b.Status))
	})
	return list, nil
}

// groupName is the orchestrator's name. The name of an entity's row is its instance ID (Entities.cs), which would make
// a group of each entity.
func groupName(s *OrchestrationStatus) string {
	if id, err := ParseEntityID(s.InstanceID); err == nil {
		return "@" + id.Name
	}
	return s.Name
}
