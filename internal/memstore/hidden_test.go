package memstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/memstore"
)

func TestHiddenMessages(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	s := memstore.New(&memstore.Options{Clock: func() time.Time { return now }})
	q := s.Account().Queues
	require.Empty(t, s.Messages("none"))
	_, ok := s.NextVisible(now, "none", "one")
	require.False(t, ok)
	for _, name := range []string{"one", "two"} {
		require.NoError(t, q.CreateQueue(t.Context(), name))
	}
	require.NoError(t, q.Put(t.Context(), "one", "later", time.Hour))
	require.NoError(t, q.Put(t.Context(), "one", "now", 0))
	require.NoError(t, q.Put(t.Context(), "two", "soon", time.Minute))

	all := s.Messages("one")
	require.Len(t, all, 2)
	require.Equal(t, "now", all[0].Text)
	require.Equal(t, "later", all[1].Text)
	require.Equal(t, now.Add(time.Hour), all[1].NextVisible)
	next, ok := s.NextVisible(now, "one", "two")
	require.True(t, ok)
	require.Equal(t, now.Add(time.Minute), next)
	next, ok = s.NextVisible(now.Add(time.Minute), "two", "one")
	require.True(t, ok)
	require.Equal(t, now.Add(time.Hour), next)
	_, ok = s.NextVisible(now.Add(time.Hour), "two", "one")
	require.False(t, ok)
}

func TestToldOfMessages(t *testing.T) {
	t.Parallel()
	var told []string
	s := memstore.New(&memstore.Options{OnMessage: func(queue string) { told = append(told, queue) }})
	q := s.Account().Queues
	for _, name := range []string{"one", "two"} {
		require.NoError(t, q.CreateQueue(t.Context(), name))
		require.NoError(t, q.Put(t.Context(), name, "x", 0))
	}
	require.Equal(t, []string{"one", "two"}, told)
	taken, err := q.Dequeue(t.Context(), "one", 1, time.Minute)
	require.NoError(t, err)
	require.Len(t, told, 2)
	require.NoError(t, q.Release(t.Context(), "one", taken[0], 0))
	require.Equal(t, []string{"one", "two", "one"}, told)
}
