package durabletest_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	dt "github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/azstore"
	"github.com/go-durable/durable/internal/azurite"
	"github.com/go-durable/durable/internal/connstr"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/tap"
	"github.com/go-durable/durable/internal/taskhub"
)

// both is a task hub in some store, with what goes wrong there.
type both struct {
	*dt.TestHub        // as the app sees it
	client             *durable.OrchestrationClient
	clientFaults, host faultRate
	// pause is what a poll of the store may cost.
	pause time.Duration
	// stop stops the host.
	stop func()
}

// faultRate makes one of so many requests fail, some before they have an effect and some after.
type faultRate struct {
	every atomic.Int64 // 0 for never
	n     atomic.Int64
}

var errInjected = errors.New("injected")

func (f *faultRate) hook(_ context.Context, c tap.Call) error {
	every := f.every.Load()
	if every == 0 || c.Err != nil || f.n.Add(1)%every != 0 {
		return c.Err
	}
	if c.Op == "Put" && c.Phase == tap.After {
		return errors.Join(storage.ErrUncertain, errInjected)
	}
	return errInjected
}

// onBothStores runs a test on a task hub in memory and on one at the storage emulator.
func onBothStores(t *testing.T, test func(t *testing.T, b *both)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, openBoth(t, memstore.New(nil).Account(), "https://memory.invalid", 5*time.Millisecond))
	})
	t.Run("azurite", func(t *testing.T) {
		t.Parallel()
		parts, err := connstr.Parse(azurite.ConnectionString(t))
		require.NoError(t, err)
		account, err := azstore.NewWithSharedKey(
			azstore.Endpoints{Table: parts.Table, Queue: parts.Queue, Blob: parts.Blob}, parts.Name, parts.Key, nil)
		require.NoError(t, err)
		test(t, openBoth(t, *account, parts.Blob, 200*time.Millisecond))
	})
}

func openBoth(t *testing.T, account storage.Account, blobs string, pause time.Duration) *both {
	t.Helper()
	b := &both{pause: pause}
	hub, opts := golden.UniqueHub(), taskhub.Options{BlobEndpoint: blobs}
	open := func(f *faultRate) *durable.OrchestrationClient {
		c, err := hook.NewClient(tap.Wrap(account, f.hook), hub, opts)
		require.NoError(t, err)
		return c.(*durable.OrchestrationClient)
	}
	b.client = open(&b.clientFaults)
	b.TestHub = dt.OpenHub(t, open(&b.host))
	require.NoError(t, b.client.CreateTaskHub(t.Context(), nil))
	t.Cleanup(func() { // a full emulator is a slow one
		b.clientFaults.every.Store(0)
		_ = b.client.DeleteTaskHub(context.WithoutCancel(t.Context()), &durable.DeleteTaskHubOptions{Force: true})
	})
	return b
}

// run lets a host work until the test ends.
func (b *both) run(t *testing.T, scripts dt.Scripts, entities map[string]dt.Entity) *dt.TestHost {
	t.Helper()
	opts := &dt.HostOptions{Entities: entities, PollInterval: b.pause / 4, OnError: func(err error) {
		// A host that does not know whether a message was sent tries again, as after a crash.
		if !errors.Is(err, errInjected) && !errors.Is(err, context.Canceled) && !errors.Is(err, storage.ErrUncertain) {
			t.Error(err)
		}
	}}
	host := b.NewHost(scripts, opts)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = host.Run(ctx)
	}()
	b.stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(b.stop)
	return host
}

// wait waits for the end of an instance.
func (b *both) wait(t *testing.T, id string) *durable.OrchestrationStatus {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := b.client.WaitForCompletion(ctx, id, &durable.WaitOptions{PollInterval: b.pause})
	require.NoError(t, err)
	return s
}
