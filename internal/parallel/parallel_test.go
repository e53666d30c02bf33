package parallel_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/parallel"
)

var errOdd = errors.New("odd")

func TestDo(t *testing.T) {
	t.Parallel()
	const n, limit = 200, 7
	var running, most atomic.Int32
	errs := parallel.Do(t.Context(), n, limit, func(_ context.Context, i int) error {
		now := running.Add(1)
		defer running.Add(-1)
		for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
		}
		if i%2 == 1 {
			return errOdd
		}
		return nil
	})
	require.Len(t, errs, n)
	for i, err := range errs {
		require.Equal(t, i%2 == 1, err != nil, i)
	}
	require.LessOrEqual(t, most.Load(), int32(limit))
	require.Empty(t, parallel.Do(t.Context(), 0, limit, nil))
}

// What was not begun when the context ended says so.
func TestDoEnded(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	errs := parallel.Do(ctx, 100, 1, func(context.Context, int) error {
		cancel()
		return nil
	})
	require.NoError(t, errs[0])
	require.ErrorIs(t, errs[99], context.Canceled)
}
