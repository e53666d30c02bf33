package operate_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// busyHub is a healthy hub with hundreds of instances, its users, and its host.
type busyHub struct {
	*hub
	users  *durable.OrchestrationClient
	host   *durabletest.Host
	hosted *faultstore.Store // the account as the host sees it
	random *rand.Rand
	n      int
}

// newBusyHub makes a hub with small pages, so that much can happen between two of them.
func newBusyHub(t *testing.T, instances int) *busyHub {
	t.Helper()
	h := openHub(t, "Hub", &memstore.Options{PageSize: 50})
	require.NoError(t, h.CreateTaskHub(t.Context(), &durable.CreateTaskHubOptions{PartitionCount: partitions}))
	b := &busyHub{hub: h, hosted: faultstore.Wrap(h.storage, nil), random: rand.New(rand.NewPCG(1, 2))}
	client := func(s *faultstore.Store) *durable.OrchestrationClient {
		c, err := hook.NewClient(s.Account(), "Hub", taskhub.Options{Now: h.clock.time, BlobEndpoint: "https://memory.blob.core.windows.net"})
		require.NoError(t, err)
		return c.(*durable.OrchestrationClient)
	}
	b.users = client(faultstore.Wrap(h.storage, nil))
	var err error
	b.host, err = durabletest.NewHost(durabletest.Open(client(b.hosted)), apps(), nil)
	require.NoError(t, err)
	for b.n < instances {
		b.use(t)
		if b.n%10 == 0 {
			b.goOn(t, 7*time.Minute)
		}
	}
	return b
}

// use starts an instance, and does something to another one.
func (b *busyHub) use(t *testing.T) {
	t.Helper()
	names := []string{"quick", "slow", "sleeps", "waits", "patient", "fails", "throws", "parent", "detaches", "fans out", "large", "again"}
	name := names[b.random.IntN(len(names))]
	opts := &durable.StartNewOptions{InstanceID: fmt.Sprintf("%s-%d", name, b.n)}
	if b.random.IntN(10) == 0 {
		opts.ScheduledStartTime = b.clock.time().Add(time.Duration(b.random.IntN(60)) * time.Minute)
	}
	_, err := b.users.StartNew(t.Context(), name, 0, opts)
	require.NoError(t, err)
	b.n++
	id := fmt.Sprintf("%s-%d", names[b.random.IntN(len(names))], b.random.IntN(b.n))
	switch b.random.IntN(6) {
	case 0:
		_ = b.users.RaiseEvent(t.Context(), id, "E", 1, nil)
	case 1:
		_ = b.users.Suspend(t.Context(), id, "for now", nil)
	case 2:
		_ = b.users.Resume(t.Context(), id, "now", nil)
	case 3:
		_ = b.users.Terminate(t.Context(), id, "enough", nil)
	case 4:
		_, _ = b.users.Rewind(t.Context(), id, "again", nil)
	case 5:
		_, _ = b.users.Purge(t.Context(), id, nil)
	}
}

// goOn lets time pass, and the host do what there is to do.
func (b *busyHub) goOn(t *testing.T, d time.Duration) {
	t.Helper()
	b.clock.add(d)
	require.NoError(t, b.host.RunUntilIdle(context.WithoutCancel(t.Context())))
}

// A check-up during which users and host go on between any two of its requests, for days by the clock of the hub, finds
// nothing in a healthy hub.
func TestHealthyHubBetweenOurRequests(t *testing.T) {
	t.Parallel()
	for _, grace := range []time.Duration{0, time.Minute} {
		t.Run(grace.String(), func(t *testing.T) {
			t.Parallel()
			b := newBusyHub(t, 300)
			var mu sync.Mutex
			calls := 0
			b.fault.SetHook(func(_ context.Context, c faultstore.Call) error {
				mu.Lock()
				defer mu.Unlock()
				calls++
				b.use(t)
				if calls%3 > 0 {
					b.goOn(t, time.Duration(b.random.IntN(400))*time.Second)
				}
				return nil
			})
			opts := quick()
			opts.Grace, opts.PayloadGrace = grace, grace
			before := b.clock.time()
			require.Empty(t, brief(diagnose(t, b.hub, opts)))
			require.Greater(t, b.n, 400)
			require.Greater(t, b.clock.time().Sub(before), 3*time.Hour)
		})
	}
}

// A check-up at any moment of a host's work, between any two of its requests, finds nothing in a healthy hub.
func TestHealthyHubBetweenHostsRequests(t *testing.T) {
	t.Parallel()
	b := newBusyHub(t, 150)
	calls, looks := 0, 0
	b.hosted.SetHook(func(context.Context, faultstore.Call) error {
		if calls++; calls%17 == 0 {
			looks++
			require.Empty(t, brief(diagnose(t, b.hub, nil)))
		}
		return nil
	})
	for range 12 {
		b.clock.add(time.Hour)
		for range 5 {
			b.use(t)
		}
		b.goOn(t, 0)
	}
	require.Greater(t, looks, 50)
}

// So long as a queue is too full to be seen whole, nothing can be said; when it is not any more, it is looked at twice.
func TestDiagnosePutOff(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.row(t, "x", wire.StatusPending)
	h.clock.add(time.Hour)
	for range 40 {
		h.put(t, h.queueOf("x"), event0("other"), 0)
	}
	require.Empty(t, brief(diagnose(t, h, nil)))
	h.secondLook(func() { h.drain(t) })
	require.Equal(t, []string{"start-not-sent x"}, brief(diagnose(t, h, nil)))
}
