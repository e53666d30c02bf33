package durable_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/wire"
)

const crowd = 64

// atOnce calls do from many goroutines at the same moment.
func atOnce(n int, do func(i int)) {
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			do(i)
		})
	}
	done.Wait()
}

// TestConcurrentStarts: of any number of starts of one ID exactly one wins, and only its message will run.
func TestConcurrentStarts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		old         durable.RuntimeStatus
		overridable durable.OverridableStates
		input       any
	}{
		"free":            {"", durable.OverridableNonRunningStates, nil},
		"free, large":     {"", durable.OverridableNonRunningStates, strings.Repeat("x", 50_000)},
		"ended":           {durable.RuntimeStatusCompleted, durable.OverridableNonRunningStates, nil},
		"free, any state": {"", durable.OverridableAnyState, nil},
		"any state":       {durable.RuntimeStatusRunning, durable.OverridableAnyState, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBothStores(t, func(t *testing.T, f *fixture) {
				if test.old != "" {
					f.prepareOld(t, "id", test.old)
				}
				errs := make([]error, crowd)
				atOnce(crowd, func(i int) {
					_, errs[i] = f.StartNew(t.Context(), "New", test.input, &durable.StartNewOptions{
						InstanceID: "id", OverridableStates: test.overridable,
					})
				})
				won := 0
				for _, err := range errs {
					if err == nil {
						won++
						continue
					}
					require.True(t, isAny(err, durable.ErrInstanceExists, durable.ErrConflict), "%v", err)
				}
				if test.overridable == durable.OverridableNonRunningStates {
					require.Equal(t, 1, won)
				}
				require.Positive(t, won)
				messages := f.received(t)
				require.Len(t, messages, won, "only winners send")
				f.requireOneRuns(t, messages, "id")
			})
		})
	}
}

// requireOneRuns checks that exactly one message is of the execution that the row names.
func (f *fixture) requireOneRuns(t *testing.T, messages []*wire.Message, id string) {
	t.Helper()
	n := 0
	for _, m := range messages {
		if m.InstanceID == id && m.ExecutionID == f.row(t, id).Text(wire.ColExecutionID) {
			n++
		}
	}
	require.Equal(t, 1, n)
}

// TestConcurrentStartOrGet: everybody succeeds, one has started it, and all messages are of its execution.
func TestConcurrentStartOrGet(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		var mu sync.Mutex
		isNew := 0
		var failed error
		atOnce(crowd, func(int) {
			s, started, err := f.StartOrGet(t.Context(), "New", "id", 1, nil)
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
			if started {
				isNew++
			}
			if err == nil && s.InstanceID != "id" {
				failed = errors.New("another instance")
			}
		})
		require.NoError(t, failed)
		require.Equal(t, 1, isNew)
		for _, m := range f.received(t) {
			require.Equal(t, f.row(t, "id").Text(wire.ColExecutionID), m.ExecutionID)
		}
	})
}

// TestConcurrentTerminate: a start that many cancel at once is cancelled, by at least one of them.
func TestConcurrentTerminate(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.start(t, "id", nil)
		f.drain(t)
		errs := make([]error, crowd)
		atOnce(crowd, func(i int) { errs[i] = f.Terminate(t.Context(), "id", "why", nil) })
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else {
				require.True(t, isAny(err, durable.ErrInvalidState, durable.ErrConflict), "%v", err)
			}
		}
		require.Equal(t, 1, won)
		require.Empty(t, f.received(t))
		require.Equal(t, wire.StatusTerminated, f.row(t, "id").Text(wire.ColRuntimeStatus))
	})
}

// TestOneClientForAll uses a fresh client for everything at once.
func TestOneClientForAll(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		c := f.again(durable.ClientOptions{})
		f.startRunning(t, "running", strings.Repeat("x", 50_000))
		calls := []call{
			startInput(1), startInput(strings.Repeat("x", 50_000)), startOrGet("id", nil),
			func(ctx context.Context, c *durable.OrchestrationClient) error { return c.CreateTaskHub(ctx, nil) },
			func(ctx context.Context, c *durable.OrchestrationClient) error {
				_, err := c.TaskHubInfo(ctx, nil)
				return err
			},
		}
		for name, op := range readsAndControls("running") {
			if name != "WaitForCompletion" && name != "Resume" {
				calls = append(calls, op)
			}
		}
		errs := make([]error, 4*len(calls))
		atOnce(len(errs), func(i int) {
			if err := calls[i%len(calls)](t.Context(), c); err != nil {
				errs[i] = fmt.Errorf("call %d: %w", i%len(calls), err)
			}
		})
		require.NoError(t, errors.Join(errs...))
		seen := map[int64]bool{}
		for _, m := range f.received(t) {
			require.False(t, seen[m.SequenceNumber])
			seen[m.SequenceNumber] = true
		}
		require.Len(t, seen, len(f.traffic.puts())-1, "besides the start of the running one")
	})
}
