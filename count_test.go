package durable_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// TestCount: by orchestrator and state, entities by their name, in order.
func TestCount(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		for _, i := range [][3]string{
			{"1", "B", "Running"},
			{"2", "B", "Running"},
			{"3", "B", "Completed"},
			{"4", "A", "Running"},
			{"5", "", "Running"},
			{"@counter@a", "@counter@a", "Running"},
			{"@counter@b", "@counter@b", "Running"},
			{"@", "@", "Running"},
			{"6", "B", "SomethingNew"},
		} {
			f.bare(t, i[0], text(wire.ColName, i[1]), text(wire.ColRuntimeStatus, i[2]))
		}
		count := func(f *fixture, filter *durable.InstanceFilter) []durable.InstanceCount {
			plan := &durable.QueryPlan{}
			f.traffic.reset()
			counts, err := f.CountInstances(t.Context(), filter, &durable.QueryOptions{Plan: plan})
			require.NoError(t, err)
			require.Equal(t, 1, f.traffic.count())
			require.Equal(t, []string{wire.ColName, wire.ColRuntimeStatus}, plan.Columns)
			require.Equal(t, 1, plan.Stats().Requests)
			return counts
		}
		orchestrations := []durable.InstanceCount{
			{Status: "Running", Name: "", Count: 1},
			{Status: "Running", Name: "A", Count: 1},
			{Status: "Completed", Name: "B", Count: 1},
			{Status: "Running", Name: "B", Count: 2},
			{Status: "SomethingNew", Name: "B", Count: 1},
		}
		require.Equal(t, orchestrations, count(f, nil))
		require.Equal(t, orchestrations, count(f, &durable.InstanceFilter{OmitInput: true}))
		entities := []durable.InstanceCount{
			{Status: "Running", Name: "@", Count: 1}, {Status: "Running", Name: "@counter", Count: 2},
		}
		require.Equal(t, slices.Concat(orchestrations[:1], entities, orchestrations[1:]), count(f, &durable.InstanceFilter{IncludeEntities: true}))
		require.Empty(t, count(f, &durable.InstanceFilter{InstanceIDPrefix: "x"}))
	})
}

// TestCountMemory: no instance is kept. It is not parallel, since it measures the heap.
func TestCountMemory(t *testing.T) {
	hub := newHubName()
	store := newFabricated(t, hub, 100_000, 1)
	c := clientOn(t, storage.Account{Tables: store, Blobs: noBlobs{}}, hub, taskhub.Options{})
	before := heap()
	counts, err := c.CountInstances(t.Context(), nil, &durable.QueryOptions{Parallelism: 4})
	require.NoError(t, err)
	require.Equal(t, []durable.InstanceCount{{Status: "Completed", Name: "Orchestrator", Count: 100_000}}, counts)
	require.Less(t, int64(heap())-int64(before), int64(16<<20))
}
