package memstore_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
)

func queuesOf(t *testing.T, opts *memstore.Options) storage.Queues {
	t.Helper()
	queues := memstore.New(opts).Account().Queues
	require.NoError(t, queues.CreateQueue(t.Context(), "queue"))
	return queues
}

func TestQueueTimes(t *testing.T) {
	t.Parallel()
	c := newClock()
	queues := queuesOf(t, &memstore.Options{Clock: c.Now})
	start := c.Now().Truncate(time.Second)
	require.NoError(t, queues.Put(t.Context(), "queue", "a", 1200*time.Millisecond))
	visible := func() int {
		found, err := queues.Peek(t.Context(), "queue", 32)
		require.NoError(t, err)
		return len(found)
	}
	c.Advance(2*time.Second - time.Nanosecond)
	require.Zero(t, visible(), "the delay was rounded up to two seconds")
	c.Advance(time.Nanosecond)
	require.Equal(t, 1, visible())

	taken, err := queues.Dequeue(t.Context(), "queue", 1, time.Minute)
	require.NoError(t, err)
	require.Equal(t, start, taken[0].Inserted, "in whole seconds")
	require.Equal(t, start.Add(2*time.Second+time.Minute), taken[0].NextVisible)
	c.Advance(time.Minute - time.Nanosecond)
	require.Zero(t, visible())
	c.Advance(time.Nanosecond)
	require.Equal(t, 1, visible())
	require.NoError(t, queues.Remove(t.Context(), "queue", taken[0]), "a receipt is good until somebody else gets one")

	require.NoError(t, queues.Put(t.Context(), "queue", "stays", 0))
	c.Advance(50 * 365 * 24 * time.Hour)
	require.Equal(t, 1, visible(), "it never expires")
}

func TestReleasedMessagesLineUpAgain(t *testing.T) {
	t.Parallel()
	c := newClock()
	queues := queuesOf(t, &memstore.Options{Clock: c.Now})
	for i := range 3 {
		require.NoError(t, queues.Put(t.Context(), "queue", strconv.Itoa(i), 0))
	}
	taken, err := queues.Dequeue(t.Context(), "queue", 1, time.Minute)
	require.NoError(t, err)
	c.Advance(time.Second)
	require.NoError(t, queues.Release(t.Context(), "queue", taken[0], 0))
	found, err := queues.Peek(t.Context(), "queue", 3)
	require.NoError(t, err)
	require.Equal(t, []string{"1", "2", "0"}, []string{found[0].Text, found[1].Text, found[2].Text})
}

func TestQueueRefusals(t *testing.T) {
	t.Parallel()
	queues := queuesOf(t, nil)
	require.ErrorIs(t, queues.Put(t.Context(), "queue", "x", -time.Second), storage.ErrInvalid)
	_, err := queues.Dequeue(t.Context(), "queue", 1, 0)
	require.ErrorIs(t, err, storage.ErrInvalid)
	require.NoError(t, queues.Put(t.Context(), "queue", "x", 0))
	found, err := queues.Peek(t.Context(), "queue", 1)
	require.NoError(t, err)
	require.ErrorIs(t, queues.Remove(t.Context(), "queue", found[0]), storage.ErrNotFound, "peeking gives no receipt")
	require.ErrorIs(t, queues.Release(t.Context(), "queue", found[0], -1), storage.ErrInvalid)
}

func TestQueueBeingDeleted(t *testing.T) {
	t.Parallel()
	c := newClock()
	queues := queuesOf(t, &memstore.Options{Clock: c.Now, DeleteDelay: 30 * time.Second})
	require.NoError(t, queues.DeleteQueue(t.Context(), "queue"))
	require.ErrorIs(t, queues.CreateQueue(t.Context(), "queue"), storage.ErrBeingDeleted)
	require.ErrorIs(t, queues.Put(t.Context(), "queue", "x", 0), storage.ErrBeingDeleted)
	c.Advance(30 * time.Second)
	require.ErrorIs(t, queues.Put(t.Context(), "queue", "x", 0), storage.ErrContainerNotFound)
	require.NoError(t, queues.CreateQueue(t.Context(), "queue"))
	n, err := queues.Count(t.Context(), "queue")
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestLongQueue(t *testing.T) {
	t.Parallel()
	queues := queuesOf(t, nil)
	const n = 20_000
	for i := range n {
		require.NoError(t, queues.Put(t.Context(), "queue", strconv.Itoa(i), 0))
	}
	next := 0
	for next < n {
		taken, err := queues.Dequeue(t.Context(), "queue", 32, time.Hour)
		require.NoError(t, err)
		for _, m := range taken {
			require.Equal(t, strconv.Itoa(next), m.Text)
			require.NoError(t, queues.Remove(t.Context(), "queue", m))
			next++
		}
	}
}
