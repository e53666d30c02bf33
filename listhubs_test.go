package durable_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/taskhub"
)

// TestListTaskHubs finds hubs made by clients and by hosts, and nothing else.
func TestListTaskHubs(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		byHost := newHubName()
		require.NoError(t, golden.Load(t, "v2/hello-sequence").Dumps["completed"].Rename(byHost).LoadInto(t.Context(), f.storage))
		for _, table := range []string{newHubName() + "Instances", newHubName() + "History", "Instances"} {
			require.NoError(t, f.storage.Tables.CreateTable(t.Context(), table))
			t.Cleanup(func() { _ = f.storage.Tables.DeleteTable(t.Context(), table) })
		}
		all, err := f.ListTaskHubs(t.Context(), nil)
		require.NoError(t, err)
		require.True(t, slices.IsSortedFunc(all, func(a, b durable.TaskHubListing) int {
			if a.Name < b.Name {
				return -1
			}
			return 1
		}))
		var mine []durable.TaskHubListing // an emulator is shared with other tests
		for _, h := range all {
			if h.Name == f.names.Hub() || h.Name == byHost {
				mine = append(mine, h)
			}
		}
		require.ElementsMatch(t, []durable.TaskHubListing{
			{Name: f.names.Hub(), ControlQueues: partitions}, {Name: byHost, ControlQueues: 4, HostSeen: true},
		}, mine)
		if f.mem != nil {
			require.Len(t, all, 2)
		}
	})
}

// TestListTaskHubsFails: an account that cannot be listed is an error.
func TestListTaskHubsFails(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{})
	ctx, cancel := contextThatEnded(t)
	defer cancel()
	_, err := f.ListTaskHubs(ctx, nil)
	require.ErrorIs(t, err, ctx.Err())
}
