package durable_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
)

// hubState says what a client makes of a hub: "whole", "missing", or "partly", in which case no instance can be started
// in it, and nothing at all is written.
func (f *fixture) hubState(t *testing.T) string {
	t.Helper()
	before := f.resources(t)
	c := clientOn(t, f.storage, f.names.Hub(), taskhub.Options{})
	_, err := c.StartNew(t.Context(), "Orchestrator", strings.Repeat("x", 50_000), &durable.StartNewOptions{InstanceID: "probe"})
	if err == nil {
		require.NoError(t, f.storage.Tables.Delete(t.Context(), f.names.Instances(), "probe", "", storage.Any))
		f.drain(t)
		require.NoError(t, f.storage.Blobs.DeleteContainer(t.Context(), f.names.LargeMessages()))
		return "whole"
	}
	require.Equal(t, before, f.resources(t), "a start in half a hub creates nothing")
	require.Condition(t, func() bool {
		return isAny(err, durable.ErrTaskHubNotFound, durable.ErrPartitionCount)
	}, "%v", err)
	if len(before) == 0 {
		return "missing"
	}
	return "partly"
}

// TestCrashCreateTaskHub: half a hub is never taken for a whole one, and the same call completes it.
func TestCrashCreateTaskHub(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T) *fixture { return openMemory(t, newHubName(), taskhub.Options{}, nil) }
	f := open(t)
	require.NoError(t, f.CreateTaskHub(t.Context(), nil))
	requests, whole := f.traffic.count(), len(f.resources(t))
	require.Equal(t, 3+partitions+1+2, requests)
	require.Equal(t, "whole", f.hubState(t))
	for k := 1; k <= requests; k++ {
		for _, fault := range faults {
			t.Run(fmt.Sprint(k, " ", fault.name), func(t *testing.T) {
				t.Parallel()
				f := open(t)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				f.fault.SetHook(fault.hook(k, cancel))
				require.Error(t, f.CreateTaskHub(ctx, nil))
				f.fault.SetHook(nil)
				if s := f.hubState(t); s == "whole" {
					require.Equal(t, requests, k, "only the last request makes it whole")
				}
				_, err := f.GetStatus(t.Context(), "id", nil)
				if k < requests {
					require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
				}
				require.NoError(t, f.CreateTaskHub(t.Context(), nil))
				require.Equal(t, "whole", f.hubState(t))
				require.Len(t, f.resources(t), whole)
			})
		}
	}
}

// TestCrashDeleteTaskHub: what is half deleted is no hub any more, other hubs are not touched, and the same call
// finishes.
func TestCrashDeleteTaskHub(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T) (*fixture, []string) {
		f := openMemory(t, "Hub", taskhub.Options{}, nil)
		neighbour := clientOn(t, f.storage, "Hub2", taskhub.Options{})
		require.NoError(t, neighbour.CreateTaskHub(t.Context(), nil))
		_, err := neighbour.StartNew(t.Context(), "Orchestrator", strings.Repeat("x", 50_000), nil)
		require.NoError(t, err)
		others := f.resources(t)
		require.NoError(t, f.CreateTaskHub(t.Context(), nil))
		f.start(t, "id", strings.Repeat("x", 50_000))
		for _, container := range []string{f.names.Leases(), f.names.AppLease()} {
			require.NoError(t, f.storage.Blobs.CreateContainer(t.Context(), container))
		}
		f.traffic.reset()
		return f, others
	}
	f, others := open(t)
	require.NoError(t, f.DeleteTaskHub(t.Context(), nil))
	requests := f.traffic.count()
	require.Equal(t, others, f.resources(t))
	require.ErrorIs(t, f.DeleteTaskHub(t.Context(), nil), durable.ErrTaskHubNotFound)
	for k := 1; k <= requests; k++ {
		for _, fault := range faults {
			t.Run(fmt.Sprint(k, " ", fault.name), func(t *testing.T) {
				t.Parallel()
				f, others := open(t)
				whole := len(f.resources(t))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				f.fault.SetHook(fault.hook(k, cancel))
				require.Error(t, f.DeleteTaskHub(ctx, nil))
				f.fault.SetHook(nil)
				left := f.resources(t)
				require.Subset(t, left, others)
				if len(left) < whole-1 { // more than the lease of the host in charge is gone
					require.NotEqual(t, "whole", f.hubState(t))
				}
				err := f.DeleteTaskHub(t.Context(), nil)
				if len(left) == len(others) {
					require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
				} else {
					require.NoError(t, err)
				}
				require.Equal(t, others, f.resources(t))
			})
		}
	}
}
