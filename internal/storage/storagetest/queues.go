package storagetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
)

var queueTests = []test{
	{"CreateIsRepeatable", testCreateQueue},
	{"DeleteIsRepeatable", testDeleteQueue},
	{"List", testListQueues},
	{"InvalidName", testQueueName},
	{"MissingQueue", testMissingQueue},
	{"ContextCancelled", testQueuesCancelled},
	{"Count", testCount},
}

func testCreateQueue(t *testing.T, b *bundle) {
	queue := b.queue()
	b.put(queue, "kept")
	require.NoError(t, b.Queues.CreateQueue(t.Context(), queue))
	require.Equal(t, []string{"kept"}, b.peek(queue, 32))
}

func testDeleteQueue(t *testing.T, b *bundle) {
	require.NoError(t, b.Queues.DeleteQueue(t.Context(), unique()))
	queue := b.queue()
	b.put(queue, "lost")
	require.NoError(t, b.Queues.DeleteQueue(t.Context(), queue))
	names, err := b.Queues.ListQueues(t.Context(), queue)
	require.NoError(t, err)
	require.Empty(t, names)
}

func testListQueues(t *testing.T, b *bundle) {
	prefix := unique()
	want := []string{prefix + "-control-00", prefix + "-control-01", prefix + "-workitems"}
	for _, name := range []string{want[2], want[0], want[1]} {
		b.dropQueue(name)
		require.NoError(t, b.Queues.CreateQueue(t.Context(), name))
	}
	for p, n := range map[string][]string{prefix: want, prefix + "-control-": want[:2], prefix + "-x": nil} {
		names, err := b.Queues.ListQueues(t.Context(), p)
		require.NoError(t, err)
		require.ElementsMatch(t, n, names)
		require.IsNonDecreasing(t, append([]string{""}, names...))
	}
	names, err := b.Queues.ListQueues(t.Context(), "")
	require.NoError(t, err)
	require.Subset(t, names, want)
}

func testQueueName(t *testing.T, b *bundle) {
	for _, name := range []string{"UPPER", "ab", "a--b", "-ab", "ab-", "a_b", strings.Repeat("a", 64)} {
		is(t, b.Queues.CreateQueue(t.Context(), name), storage.ErrInvalid)
	}
}

func testMissingQueue(t *testing.T, b *bundle) {
	for name, call := range queueCalls(b, unique()) {
		t.Run(name, func(t *testing.T) {
			is(t, call(t.Context()), storage.ErrContainerNotFound)
		})
	}
}

func testQueuesCancelled(t *testing.T, b *bundle) {
	queue := b.queue()
	calls := queueCalls(b, queue)
	calls["CreateQueue"] = func(ctx context.Context) error { return b.Queues.CreateQueue(ctx, queue) }
	calls["DeleteQueue"] = func(ctx context.Context) error { return b.Queues.DeleteQueue(ctx, queue) }
	calls["ListQueues"] = func(ctx context.Context) error {
		_, err := b.Queues.ListQueues(ctx, queue)
		return err
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, call(cancelled(t)), context.Canceled)
		})
	}
	require.Empty(t, b.peek(queue, 32), "nothing was done")
}

// queueCalls are the methods that work on a queue.
func queueCalls(b *bundle, queue string) map[string]func(context.Context) error {
	m := storage.Message{ID: "00000000-0000-0000-0000-000000000001", PopReceipt: "AgAAAAMAAAAAAAAA", Text: "x"}
	return map[string]func(context.Context) error{
		"Count": func(ctx context.Context) error {
			_, err := b.Queues.Count(ctx, queue)
			return err
		},
		"Put": func(ctx context.Context) error { return b.Queues.Put(ctx, queue, "x", 0) },
		"Peek": func(ctx context.Context) error {
			_, err := b.Queues.Peek(ctx, queue, 1)
			return err
		},
		"Dequeue": func(ctx context.Context) error {
			_, err := b.Queues.Dequeue(ctx, queue, 1, time.Minute)
			return err
		},
		"Release": func(ctx context.Context) error { return b.Queues.Release(ctx, queue, m, 0) },
		"Remove":  func(ctx context.Context) error { return b.Queues.Remove(ctx, queue, m) },
	}
}

func testCount(t *testing.T, b *bundle) {
	queue := b.queue()
	count := func() int64 {
		n, err := b.Queues.Count(t.Context(), queue)
		require.NoError(t, err)
		return n
	}
	require.Zero(t, count())
	b.put(queue, "1", "2", "3")
	require.NoError(t, b.Queues.Put(t.Context(), queue, "later", time.Hour))
	require.Equal(t, int64(4), count(), "a delayed message counts")
	taken := b.dequeue(queue, 2, time.Hour)
	require.Len(t, taken, 2)
	require.Equal(t, int64(4), count(), "a taken message counts")
	require.NoError(t, b.Queues.Remove(t.Context(), queue, taken[0]))
	require.Equal(t, int64(3), count())
}
