package faultstore_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/storage/storagetest"
)

var errFault = errors.New("fault")

// TestContract shows that a wrapper without a fault changes nothing.
func TestContract(t *testing.T) {
	t.Parallel()
	var stores sync.Map // by test
	type owned struct {
		store *memstore.Store
		clock *clock
	}
	storagetest.Run(t, storagetest.Options{
		New: func(tb testing.TB) storage.Account {
			c := &clock{now: time.Date(2026, 11, 22, 7, 27, 0, 0, time.UTC)}
			s := memstore.New(&memstore.Options{Clock: c.Now})
			stores.Store(tb, owned{s, c})
			return faultstore.Wrap(s.Account(), func(context.Context, faultstore.Call) error { return nil }).Account()
		},
		Advance: func(tb testing.TB, d time.Duration) {
			o, _ := stores.Load(tb)
			o.(owned).clock.advance(d)
		},
		Lease: func(tb testing.TB, container, blob string) {
			o, _ := stores.Load(tb)
			release, err := o.(owned).store.Lease(container, blob)
			require.NoError(tb, err)
			tb.Cleanup(release)
		},
	})
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// everyCall makes one successful call of each method, in an order in which each can succeed.
func everyCall(ctx context.Context, a storage.Account) []func() error {
	var m []storage.Message
	e := &storage.Entity{PartitionKey: "p", RowKey: "r"}
	return []func() error{
		func() error { return a.Tables.CreateTable(ctx, "table") },
		func() error { _, err := a.Tables.ListTables(ctx, "t"); return err },
		func() error { _, err := a.Tables.Insert(ctx, "table", e); return err },
		func() error { _, err := a.Tables.Get(ctx, "table", "p", "r"); return err },
		func() error { _, err := a.Tables.Query(ctx, "table", storage.Query{}); return err },
		func() error { _, err := a.Tables.Update(ctx, "table", e, storage.Merge, storage.Any); return err },
		func() error {
			return a.Tables.Batch(ctx, "table", []storage.Op{{Kind: storage.OpMerge, Entity: e}, {Entity: &storage.Entity{PartitionKey: "p"}}})
		},
		func() error { return a.Tables.Delete(ctx, "table", "p", "r", storage.Any) },
		func() error { return a.Tables.DeleteTable(ctx, "table") },
		func() error { return a.Queues.CreateQueue(ctx, "queue") },
		func() error { _, err := a.Queues.ListQueues(ctx, "q"); return err },
		func() error { return a.Queues.Put(ctx, "queue", "x", 0) },
		func() error { _, err := a.Queues.Count(ctx, "queue"); return err },
		func() error { _, err := a.Queues.Peek(ctx, "queue", 1); return err },
		func() (err error) { m, err = a.Queues.Dequeue(ctx, "queue", 1, time.Minute); return err },
		func() error { return a.Queues.Release(ctx, "queue", m[0], 0) },
		func() error {
			// A receipt can be used once: take the message again, around the hook's counting.
			again, err := a.Queues.Dequeue(ctx, "queue", 1, time.Minute)
			if err != nil {
				return err
			}
			return a.Queues.Remove(ctx, "queue", again[0])
		},
		func() error { return a.Queues.DeleteQueue(ctx, "queue") },
		func() error { return a.Blobs.CreateContainer(ctx, "container") },
		func() error { _, err := a.Blobs.ListContainers(ctx, "c"); return err },
		func() error { return a.Blobs.Write(ctx, "container", "x", storage.Blob{}) },
		func() error { _, err := a.Blobs.Open(ctx, "container", "x"); return err },
		func() error { _, err := a.Blobs.List(ctx, "container", "x", ""); return err },
		func() error { return a.Blobs.Delete(ctx, "container", "x") },
		func() error { return a.Blobs.DeleteContainer(ctx, "container") },
	}
}

func TestCalls(t *testing.T) {
	t.Parallel()
	s := faultstore.Wrap(memstore.New(nil).Account(), nil)
	for _, call := range everyCall(t.Context(), s.Account()) {
		require.NoError(t, call())
	}
	var got []string
	for _, c := range s.Calls() {
		require.Equal(t, faultstore.Before, c.Phase)
		got = append(got, strings.TrimSpace(string(c.Service)+" "+c.Op+" "+c.Name+" "+strings.Replace(c.Key, "00000000-0000-4000-8000-000000000001", "id", 1)))
	}
	require.Equal(t, []string{
		"tables CreateTable table", "tables ListTables t", "tables Insert table p|r", "tables Get table p|r", "tables Query table",
		"tables Update table p|r", "tables Batch table p|r", "tables Delete table p|r", "tables DeleteTable table",
		"queues CreateQueue queue", "queues ListQueues q", "queues Put queue", "queues Count queue", "queues Peek queue",
		"queues Dequeue queue", "queues Release queue id", "queues Dequeue queue", "queues Remove queue id", "queues DeleteQueue queue",
		"blobs CreateContainer container", "blobs ListContainers c", "blobs Write container x", "blobs Open container x",
		"blobs List container x", "blobs Delete container x", "blobs DeleteContainer container",
	}, got)
	require.Equal(t, 26, s.Count(nil))
	require.Equal(t, 2, s.Count(faultstore.Op("Dequeue")))
	require.Equal(t, 2, s.Calls()[6].N)
	s.Reset()
	require.Empty(t, s.Calls())
}

// TestEveryCallFails runs every method with a fault in each phase.
func TestEveryCallFails(t *testing.T) {
	t.Parallel()
	for _, phase := range []faultstore.Phase{faultstore.Before, faultstore.After} {
		s := faultstore.Wrap(memstore.New(nil).Account(), nil)
		for i, call := range everyCall(t.Context(), s.Account()) {
			if i == 15 || i == 16 { // needs the answer of the call before
				continue
			}
			s.SetHook(faultstore.FailNth(1, phase, errFault, nil))
			require.ErrorIs(t, call(), errFault, "call %d", i)
			s.SetHook(nil)
			if phase == faultstore.Before {
				require.NoError(t, call(), "call %d", i)
			}
		}
	}
}

func TestEffect(t *testing.T) {
	t.Parallel()
	s := faultstore.Wrap(memstore.New(nil).Account(), nil)
	tables := s.Account().Tables
	require.NoError(t, tables.CreateTable(t.Context(), "table"))
	insert := func(rowKey string) error {
		_, err := tables.Insert(t.Context(), "table", &storage.Entity{PartitionKey: "p", RowKey: rowKey})
		return err
	}
	get := func(rowKey string) error {
		_, err := tables.Get(t.Context(), "table", "p", rowKey)
		return err
	}

	s.SetHook(faultstore.FailNth(2, faultstore.Before, errFault, faultstore.Op("Insert")))
	require.NoError(t, insert("1"))
	require.ErrorIs(t, insert("2"), errFault)
	require.NoError(t, insert("3"))
	require.ErrorIs(t, get("2"), storage.ErrNotFound, "nothing happened")

	s.SetHook(faultstore.FailFrom(2, faultstore.After, errFault, faultstore.Op("Insert")))
	require.NoError(t, insert("4"))
	require.ErrorIs(t, insert("5"), errFault)
	require.ErrorIs(t, insert("6"), errFault)
	require.NoError(t, get("5"), "it took effect")
	require.ErrorIs(t, insert("5"), errFault, "the answer is lost, whatever it is")

	var seen error
	s.SetHook(func(_ context.Context, c faultstore.Call) error {
		if c.Phase == faultstore.After {
			seen = c.Err
		}
		return nil
	})
	require.ErrorIs(t, insert("5"), storage.ErrExists)
	require.ErrorIs(t, seen, storage.ErrExists)
}

type body struct {
	io.Reader
	closed bool
}

func (b *body) Close() error {
	b.closed = true
	return nil
}

type openOnly struct {
	storage.Blobs
	body *body
}

func (o openOnly) Open(context.Context, string, string) (io.ReadCloser, error) { return o.body, nil }

func TestLostContentIsClosed(t *testing.T) {
	t.Parallel()
	b := &body{Reader: strings.NewReader("x")}
	s := faultstore.Wrap(storage.Account{Blobs: openOnly{body: b}}, faultstore.FailNth(1, faultstore.After, errFault, nil))
	_, err := s.Account().Blobs.Open(t.Context(), "container", "x")
	require.ErrorIs(t, err, errFault)
	require.True(t, b.closed)
}
