package durable_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/wire"
)

// What is meant for one execution leaves another one alone, even if that looks alike: it may have been started anew
// between the look at it and the act.
func TestOtherExecution(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	acts := map[string]func(c *durable.OrchestrationClient, execution string) error{
		"purge": func(c *durable.OrchestrationClient, execution string) error {
			_, err := c.Purge(ctx, "a", &durable.PurgeOptions{ExecutionID: execution})
			return err
		},
		"purge by force": func(c *durable.OrchestrationClient, execution string) error {
			_, err := c.Purge(ctx, "a", &durable.PurgeOptions{ExecutionID: execution, Force: true})
			return err
		},
		"restart in place": func(c *durable.OrchestrationClient, execution string) error {
			_, err := c.Restart(ctx, "a", &durable.RestartOptions{ExecutionID: execution, ReuseInstanceID: true})
			return err
		},
		"restart": func(c *durable.OrchestrationClient, execution string) error {
			_, err := c.Restart(ctx, "a", &durable.RestartOptions{ExecutionID: execution})
			return err
		},
		"rewind": func(c *durable.OrchestrationClient, execution string) error {
			_, err := c.Rewind(ctx, "a", "again", &durable.RewindOptions{ExecutionID: execution})
			return err
		},
		"reset": func(c *durable.OrchestrationClient, execution string) error {
			_, err := c.Reset(ctx, "a", 0, "again", &durable.ResetOptions{ExecutionID: execution})
			return err
		},
	}
	for name, act := range acts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := inMemoryAt(t, clocks["soon after"])
			f.forge(t, "a", wire.StatusFailed, called{}, "start\nact 0 A\nstart\nfail 0\nend 1 Failed broken")
			before := f.dump(t)
			f.traffic.reset()
			err := act(f.OrchestrationClient, "another")
			require.ErrorIs(t, err, durable.ErrConflict)
			require.ErrorContains(t, err, "by now, not another")
			require.Zero(t, f.writes())
			require.Empty(t, golden.Diff(before, f.dump(t), golden.Options{KeepTimes: true}))

			s, err := f.GetStatus(ctx, "a", nil)
			require.NoError(t, err)
			require.NotEmpty(t, s.ExecutionID)
			require.NoError(t, act(f.OrchestrationClient, s.ExecutionID))
		})
	}
}

// TestPurgeExecution: a purge that names an execution takes no other one, though that has ended as well.
func TestPurgeExecution(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.ended(t, "id", 3, 2)
		before := f.dumped(t)
		result, err := f.Purge(t.Context(), "id", &durable.PurgeOptions{ExecutionID: "an older one"})
		require.ErrorIs(t, err, durable.ErrConflict)
		require.Zero(t, result.InstancesDeleted)
		_, err = f.PurgeInstances(t.Context(), everythingEnded(), &durable.PurgeOptions{ExecutionID: "old of id"})
		require.ErrorIs(t, err, durable.ErrInvalidArgument)
		require.Empty(t, golden.Diff(before, f.dumped(t), rest))

		result, err = f.Purge(t.Context(), "id", &durable.PurgeOptions{ExecutionID: "old of id"})
		require.NoError(t, err)
		require.Equal(t, 1, result.InstancesDeleted)
		require.Empty(t, f.left(t))
		result, err = f.Purge(t.Context(), "id", &durable.PurgeOptions{ExecutionID: "old of id"})
		require.NoError(t, err, "what is gone is purged")
		require.Zero(t, result.InstancesDeleted)
	})
}
