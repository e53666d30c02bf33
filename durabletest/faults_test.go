package durabletest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	dt "github.com/go-durable/durable/durabletest"
)

// statusOf is the status that an error has from the service, or 0.
func statusOf(err error) int {
	if r := new(azcore.ResponseError); errors.As(err, &r) {
		return r.StatusCode
	}
	return 0
}

func TestThrottled(t *testing.T) {
	t.Parallel()
	hub := dt.NewHub(t, nil)
	hub.Inject(dt.Fault{Request: dt.SendMessage, After: 1, Times: 2})
	start(t, hub, "Order", "1", `1`)
	for range 2 {
		err := hub.Client().RaiseEvent(t.Context(), "1", "Go", nil, nil)
		require.Equal(t, 503, statusOf(err))
		require.NotErrorIs(t, err, durable.ErrUncertain)
	}
	require.Len(t, hub.Messages(), 1)
	raise(t, hub, "1", "Go", `1`)

	// A start that cannot be sent takes its row back.
	hub.Inject(dt.Fault{Request: dt.SendMessage, Trouble: dt.Unreachable})
	_, err := hub.Client().StartNew(t.Context(), "Order", nil, &durable.StartNewOptions{InstanceID: "2"})
	require.ErrorContains(t, err, "refused")
	start(t, hub, "Order", "2", `1`)
}

func TestTimedOut(t *testing.T) {
	t.Parallel()
	hub := dt.NewHub(t, nil)
	start(t, hub, "Order", "1", `1`)
	hub.Inject(dt.Fault{Request: dt.SendMessage, Trouble: dt.TimedOut})
	err := hub.Client().RaiseEvent(t.Context(), "1", "Go", 1, nil)
	require.ErrorIs(t, err, durable.ErrUncertain)
	hub.RequireEventRaised("1", "Go", 1) // it arrived all the same

	hub.Inject(dt.Fault{Request: dt.ReadInstance, Trouble: dt.TimedOut})
	_, err = hub.Client().GetStatus(t.Context(), "1", nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = hub.Client().GetStatus(t.Context(), "1", nil)
	require.NoError(t, err)
}

func TestConflict(t *testing.T) {
	t.Parallel()
	hub := dt.NewHub(t, nil)
	conflict := dt.Fault{Request: dt.WriteInstance, Trouble: dt.Conflict}
	hub.Inject(conflict)
	_, err := hub.Client().StartNew(t.Context(), "Order", 1, &durable.StartNewOptions{InstanceID: "1"})
	require.ErrorIs(t, err, durable.ErrInstanceExists)
	require.Equal(t, "Rival", status(t, hub, "1").Name)

	start(t, hub, "Order", "2", `1`)
	hub.Complete("2", nil)
	hub.Inject(dt.Fault{Request: dt.WriteInstance, Trouble: dt.Conflict, After: 1}) // the insert finds the row
	_, err = hub.Client().StartNew(t.Context(), "Order", 2, &durable.StartNewOptions{InstanceID: "2"})
	require.ErrorIs(t, err, durable.ErrConflict)
	hub.RequireStatus("2", durable.RuntimeStatusCompleted)

	hub.Inject(dt.Fault{Trouble: dt.Conflict, Times: -1}) // means nothing to what only reads, and to messages
	require.Equal(t, durable.RuntimeStatusCompleted, status(t, hub, "2").RuntimeStatus)
}

func TestNoTaskHubAndDenied(t *testing.T) {
	t.Parallel()
	hub := dt.NewHub(t, nil)
	start(t, hub, "Order", "1", `1`)
	remove := hub.Inject(dt.Fault{Trouble: dt.NoTaskHub, Times: -1})
	for range 3 {
		_, err := hub.Client().GetStatus(t.Context(), "1", nil)
		require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
		_, err = hub.Client().StartNew(t.Context(), "Order", nil, nil)
		require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
	}
	hub.Run("1") // the app works
	hub.RequireStatus("1", durable.RuntimeStatusRunning)
	remove()
	require.Equal(t, durable.RuntimeStatusRunning, status(t, hub, "1").RuntimeStatus)

	hub.Inject(dt.Fault{Trouble: dt.Denied})
	_, err := hub.Client().GetStatus(t.Context(), "1", nil)
	require.ErrorIs(t, err, durable.ErrAccessDenied)
	require.Equal(t, 403, statusOf(err))
}

func TestSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := dt.NewHub(t, &dt.Options{Clock: time.Now})
		start(t, hub, "Order", "1", `1`)
		hub.Inject(dt.Fault{Request: dt.ReadInstance, Trouble: dt.Slow}, dt.Fault{Request: dt.ReadInstance, Trouble: dt.Slow, After: 1, Delay: time.Hour})
		begin := time.Now()
		require.Equal(t, durable.RuntimeStatusPending, status(t, hub, "1").RuntimeStatus)
		require.Equal(t, time.Minute, time.Since(begin))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := hub.Client().GetStatus(ctx, "1", nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// TestRequests finds out by a fault which kind of request an operation makes.
func TestRequests(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 60_000)
	tests := []struct {
		name    string
		request dt.Request
		do      func(ctx context.Context, c *durable.OrchestrationClient) error
	}{
		{"list", dt.ListInstances, func(ctx context.Context, c *durable.OrchestrationClient) error {
			_, err := c.QueryInstancesPage(ctx, nil, nil)
			return err
		}},
		{"history", dt.ReadHistory, func(ctx context.Context, c *durable.OrchestrationClient) error {
			_, err := c.GetHistory(ctx, "1", nil)
			return err
		}},
		{"purge", dt.WriteHistory, func(ctx context.Context, c *durable.OrchestrationClient) error {
			_, err := c.Purge(ctx, "1", nil)
			return err
		}},
		{"large input", dt.WritePayload, func(ctx context.Context, c *durable.OrchestrationClient) error {
			_, err := c.StartNew(ctx, "Order", large, nil)
			return err
		}},
		{"large output", dt.ReadPayload, func(ctx context.Context, c *durable.OrchestrationClient) error {
			s, err := c.GetStatus(ctx, "1", nil)
			if err == nil {
				err = s.PayloadError
			}
			return err
		}},
		{"create", dt.ManageTaskHub, func(ctx context.Context, c *durable.OrchestrationClient) error {
			return c.CreateTaskHub(ctx, nil)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			hub := dt.NewHub(t, nil)
			start(t, hub, "Order", "1", `1`)
			hub.Complete("1", large)
			hub.Inject(dt.Fault{Request: test.request})
			require.Equal(t, 503, statusOf(test.do(t.Context(), hub.Client())))
			require.NoError(t, test.do(t.Context(), hub.Client()))
		})
	}
}
