package durable_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
)

// TestWaitPolling: looks become rarer, up to the interval.
func TestWaitPolling(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		interval, wait time.Duration
		looks          int
	}{
		// 0, 50, 125, 238, 406, 659, 1,039, 1,609, 2,464 ms, then every second.
		"at once":  {0, 0, 1},
		"default":  {0, 10 * time.Second, 17},
		"long":     {time.Minute, time.Hour, 77},
		"as first": {durable.FirstPollInterval, 975 * time.Millisecond, 21},
		"short":    {10 * time.Millisecond, 995 * time.Millisecond, 101},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := inMemory(t, taskhub.Options{})
				f.startRunning(t, "id", nil)
				f.traffic.reset()
				if test.wait == 0 {
					f.complete(t, "id", "1")
				} else {
					time.AfterFunc(test.wait, func() { f.complete(t, "id", "1") })
				}
				s, err := f.WaitForCompletion(t.Context(), "id", &durable.WaitOptions{PollInterval: test.interval})
				require.NoError(t, err)
				require.Equal(t, durable.RuntimeStatusCompleted, s.RuntimeStatus)
				require.Equal(t, "1", string(s.Output))
				require.Equal(t, test.looks+1, f.traffic.count(), "and one for the status")
			})
		})
	}
}

// TestWaitDeadline: the context decides how long; the error is its error and has the last state.
func TestWaitDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := inMemory(t, taskhub.Options{})
		f.startRunning(t, "id", nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		_, err := f.WaitForCompletion(ctx, "id", nil)
		require.Equal(t, time.Minute, time.Since(begin))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var e *durable.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, durable.RuntimeStatusRunning, e.Status)
		require.Equal(t, "WaitForCompletion", e.Op)

		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		_, err = f.WaitForCompletion(ctx, "id", nil)
		require.ErrorIs(t, err, context.Canceled)
	})
}

// TestWaitStates: ContinuedAsNew is no end, Suspended neither, nor a restart under the same ID.
func TestWaitStates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := inMemory(t, taskhub.Options{})
		_, err := f.WaitForCompletion(t.Context(), "id", nil)
		require.ErrorIs(t, err, durable.ErrInstanceNotFound)
		for i, step := range []func(){
			func() { f.start(t, "id", "old") },
			func() { f.run(t, "id") },
			func() { f.setState(t, "id", durable.RuntimeStatusContinuedAsNew) },
			func() { f.setState(t, "id", durable.RuntimeStatusSuspended) },
			func() { f.setState(t, "id", durable.RuntimeStatusRunning) },
			func() { f.setState(t, "id", durable.RuntimeStatusFailed) },
		} {
			time.AfterFunc(time.Duration(i+1)*10*time.Second, step)
		}
		begin := time.Now()
		s, err := f.WaitForCompletion(t.Context(), "id", &durable.WaitOptions{AllowMissing: true})
		require.NoError(t, err)
		require.Equal(t, durable.RuntimeStatusFailed, s.RuntimeStatus)
		require.WithinRange(t, time.Now(), begin.Add(time.Minute), begin.Add(61*time.Second))
	})
}

// TestWaitRestarted: between the look that saw the end and the reading of the status, the instance is started anew.
func TestWaitRestarted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := inMemory(t, taskhub.Options{})
		f.startRunning(t, "id", nil)
		f.complete(t, "id", "1")
		f.fault.SetHook(onCall(2, "Get", func() {
			f.setState(t, "id", durable.RuntimeStatusPending)
			time.AfterFunc(time.Minute, func() { f.complete(t, "id", "2") })
		}))
		s, err := f.WaitForCompletion(t.Context(), "id", nil)
		require.NoError(t, err)
		require.Equal(t, "2", string(s.Output))
	})
}

// TestWaitPurged: an instance that is purged while it is waited for is missing; with AllowMissing the wait goes on,
// whenever it happens.
func TestWaitPurged(t *testing.T) {
	t.Parallel()
	for _, look := range []int32{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			f := inMemory(t, taskhub.Options{})
			purge := func() {
				require.NoError(t, f.storage.Tables.Delete(t.Context(), f.names.Instances(), "id", "", storage.Any))
			}
			f.startRunning(t, "id", nil)
			f.complete(t, "id", "1")
			f.fault.SetHook(onCall(look, "Get", purge))
			_, err := f.WaitForCompletion(t.Context(), "id", nil)
			require.ErrorIs(t, err, durable.ErrInstanceNotFound)
			f.fault.SetHook(nil)

			f.startRunning(t, "id", nil)
			f.complete(t, "id", "1")
			f.fault.SetHook(onCall(look, "Get", func() {
				purge()
				time.AfterFunc(time.Minute, func() {
					f.startRunning(t, "id", nil)
					f.complete(t, "id", "2")
				})
			}))
			s, err := f.WaitForCompletion(t.Context(), "id", &durable.WaitOptions{AllowMissing: true})
			require.NoError(t, err)
			require.Equal(t, "2", string(s.Output))
		})
	}
}

// TestWaitOnBothStores waits with real time, for next to nothing.
func TestWaitOnBothStores(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.startRunning(t, "id", nil)
		done := make(chan error, 1)
		go func() {
			_, err := f.WaitForCompletion(t.Context(), "id", &durable.WaitOptions{PollInterval: time.Millisecond})
			done <- err
		}()
		f.complete(t, "id", "1")
		require.NoError(t, <-done)
		require.ErrorIs(t, f.Terminate(t.Context(), "id", "", nil), durable.ErrInvalidState)
	})
}
