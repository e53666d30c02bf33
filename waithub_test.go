package durable_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/taskhub"
)

func contextThatEnded(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx, cancel
}

// TestWaitForInstances waits for those that match, until the last of them has ended.
func TestWaitForInstances(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := durabletest.NewHub(t, &durabletest.Options{Clock: time.Now})
		c := hub.Client()
		for _, id := range []string{"a-1", "a-2", "b-1"} {
			_, err := c.StartNew(t.Context(), "F", nil, &durable.StartNewOptions{InstanceID: id})
			require.NoError(t, err)
		}
		hub.Complete("a-1", nil)
		begun := time.Now()
		go func() {
			time.Sleep(12 * time.Second)
			if err := hub.Hub.Fail(t.Context(), "a-2", "no"); err != nil {
				t.Error(err)
			}
		}()
		var seen []int
		counts, err := c.WaitForInstances(t.Context(), &durable.InstanceFilter{InstanceIDPrefix: "a-"}, &durable.WaitInstancesOptions{
			OnProgress: func(open, messages int) { seen = append(seen, open, messages) },
		})
		require.NoError(t, err)
		require.Equal(t, []durable.InstanceCount{
			{Status: durable.RuntimeStatusCompleted, Name: "F", Count: 1}, {Status: durable.RuntimeStatusFailed, Name: "F", Count: 1},
		}, counts)
		require.Equal(t, []int{1, 0, 1, 0, 1, 0, 0, 0}, seen)
		require.Equal(t, 15*time.Second, time.Since(begun))
	})
}

// TestWaitForDrained: messages count as well.
func TestWaitForDrained(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := durabletest.NewHub(t, &durabletest.Options{Clock: time.Now})
		c := hub.Client()
		_, err := c.StartNew(t.Context(), "F", nil, &durable.StartNewOptions{InstanceID: "a"})
		require.NoError(t, err)
		hub.Run("a")
		require.NoError(t, c.Terminate(t.Context(), "a", "enough", nil))
		var open, messages int
		opts := &durable.WaitInstancesOptions{
			Drained: true, PollInterval: time.Minute, OnProgress: func(o, m int) { open, messages = o, m },
		}
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		_, err = c.WaitForInstances(ctx, nil, opts)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 1, open)
		require.Equal(t, 1, messages)
		hub.Process("a")
		counts, err := c.WaitForInstances(t.Context(), nil, opts)
		require.NoError(t, err)
		require.Equal(t, []durable.InstanceCount{{Status: durable.RuntimeStatusTerminated, Name: "F", Count: 1}}, counts)
		require.Zero(t, messages)
	})
}

// TestWaitForInstancesRefused: a filter by what changes at the end would wait for nothing.
func TestWaitForInstancesRefused(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{})
	for _, filter := range []*durable.InstanceFilter{
		{Statuses: []durable.RuntimeStatus{durable.RuntimeStatusCompleted}},
		{FailedWith: "x"},
		{CompletedFrom: time.Now()},
		{CompletedTo: time.Now()},
	} {
		_, err := f.WaitForInstances(t.Context(), filter, nil)
		require.ErrorIs(t, err, durable.ErrInvalidArgument)
	}
	for _, opts := range []*durable.WaitInstancesOptions{{PollInterval: -1}, {Drained: true}} {
		_, err := f.WaitForInstances(t.Context(), &durable.InstanceFilter{}, opts)
		require.ErrorIs(t, err, durable.ErrInvalidArgument)
	}
}
