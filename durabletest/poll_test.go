package durabletest_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	dt "github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/tap"
	"github.com/go-durable/durable/internal/taskhub"
)

func approvalInTime(timeout time.Duration) dt.Scripts {
	return dt.Scripts{"Order": {dt.WaitForEvent{Name: "Go", Timeout: timeout}, dt.Decide(func(p *dt.Progress) dt.Step {
		return dt.Complete{Output: p.Last().TimedOut}
	})}}
}

// TestLongWait lets days pass in a bubble, which takes hardly any looks into the queues.
func TestLongWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := dt.NewHub(t, &dt.Options{Clock: time.Now})
		var looks atomic.Int64
		host := hub.Tapped(t, func(_ context.Context, c tap.Call) error {
			if c.Op == "Dequeue" {
				looks.Add(1)
			}
			return c.Err
		}).NewHost(approvalInTime(72*time.Hour), nil)
		go func() { _ = host.Run(t.Context()) }()
		start(t, hub, "Order", "1", `1`)
		begin := time.Now()
		s, err := hub.Client().WaitForCompletion(t.Context(), "1", &durable.WaitOptions{PollInterval: time.Hour})
		require.NoError(t, err)
		require.Equal(t, "true", string(s.Output))
		require.InDelta(t, 72*time.Hour, time.Since(begin), float64(time.Hour))
		require.Less(t, looks.Load(), int64(100_000))
	})
}

// TestToldOfMessages lets a host that hardly ever looks handle messages, and what becomes due on a clock that is moved
// on by hand, at once.
func TestToldOfMessages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := dt.NewHub(t, nil)
		host := hub.NewHost(approvalInTime(time.Hour), &dt.HostOptions{PollInterval: 365 * 24 * time.Hour})
		go func() { _ = host.Run(t.Context()) }()
		begin := time.Now()
		for _, id := range []string{"1", "2"} {
			start(t, hub, "Order", id, `1`)
		}
		synctest.Wait()
		hub.RequireStatus("1", durable.RuntimeStatusRunning)
		raise(t, hub, "1", "Go", `1`)
		synctest.Wait()
		require.Equal(t, "false", output(t, hub, "1"))
		hub.Advance(time.Hour)
		synctest.Wait()
		require.Equal(t, "true", output(t, hub, "2"))
		require.Equal(t, begin, time.Now())
	})
}

// TestTogether lets hosts and steps work on one hub at the same moment. None of them throws an event away because another
// one has the start.
func TestTogether(t *testing.T) {
	t.Parallel()
	const instances, byHand = 100, "by-hand"
	for range 5 {
		hub := dt.NewHub(t, &dt.Options{PartitionCount: 1})
		scripts := dt.Scripts{"Order": {dt.WaitForEvent{Name: "Go"}, dt.Complete{Output: "sent"}}}
		first, second := hub.NewHost(scripts, nil), hub.NewHost(scripts, nil)
		start(t, hub, "Order", byHand, `1`)
		hub.Complete(byHand, nil)
		for i := range instances {
			start(t, hub, "Order", fmt.Sprint(i), `1`)
		}
		for i := range instances {
			raise(t, hub, fmt.Sprint(i), "Go", `1`)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running, working sync.WaitGroup
		running.Go(func() { _ = second.Run(ctx) })
		for _, host := range []*dt.TestHost{first, first, second} {
			working.Go(func() {
				if err := host.Host.RunUntilIdle(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		working.Go(func() {
			for range 20 {
				if _, err := hub.Hub.Process(ctx, byHand); err != nil { // finds nothing, but takes all messages to see that
					t.Error(err)
				}
			}
		})
		working.Wait()
		cancel()
		running.Wait()
		first.Advance(time.Hour)
		for i := range instances {
			hub.RequireStatus(fmt.Sprint(i), durable.RuntimeStatusCompleted)
		}
	}
}

// TestAppAtWork keeps hosts and steps away from a hub on which an app works: what they do there is not what it would do.
func TestAppAtWork(t *testing.T) {
	t.Parallel()
	store := memstore.New(nil)
	name := golden.UniqueHub()
	client, err := hook.NewClient(store.Account(), name, taskhub.Options{BlobEndpoint: "https://memory.invalid"})
	require.NoError(t, err)
	c := client.(*durable.OrchestrationClient)
	require.NoError(t, c.CreateTaskHub(t.Context(), nil))
	hub := dt.OpenHub(t, c)
	host := hub.NewHost(dt.Scripts{"Order": {dt.Complete{}}}, nil)
	_, err = c.StartNew(t.Context(), "Order", nil, &durable.StartNewOptions{InstanceID: "1"})
	require.NoError(t, err)

	names, err := taskhub.NewNames(name)
	require.NoError(t, err)
	blob := "ownership/" + names.ControlQueue(2)
	require.NoError(t, store.Account().Blobs.CreateContainer(t.Context(), names.Leases()))
	require.NoError(t, store.Account().Blobs.Write(t.Context(), names.Leases(), blob, storage.Blob{}))
	release, err := store.Lease(names.Leases(), blob)
	require.NoError(t, err)
	for what, err := range map[string]error{
		"RunUntilIdle": host.Host.RunUntilIdle(t.Context()),
		"Run":          host.Host.Run(t.Context()),
		"Complete":     hub.Hub.Complete(t.Context(), "1", nil),
	} {
		require.ErrorIs(t, err, durable.ErrInvalidState, what)
		require.ErrorContains(t, err, names.ControlQueue(2), what)
	}
	hub.RequireStatus("1", durable.RuntimeStatusPending)
	require.Len(t, hub.Messages(), 1)
	release()
	host.RunUntilIdle()
	hub.RequireStatus("1", durable.RuntimeStatusCompleted)
}
