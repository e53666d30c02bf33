package durable_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

const (
	bulkLatency     = 10 * time.Millisecond
	bulkConcurrency = 32
	bulkInstances   = 5000
)

// slow makes every request take the latency of a storage account nearby.
func (f *fixture) slow() {
	f.fault.SetHook(func(_ context.Context, c faultstore.Call) error {
		if c.Phase == faultstore.Before {
			time.Sleep(bulkLatency)
		}
		return nil
	})
	f.fault.Reset()
}

// atBest is the time that the requests since the last reset take if the connections are never idle.
func (f *fixture) atBest() time.Duration {
	return time.Duration(f.fault.Count(nil)) * bulkLatency / bulkConcurrency
}

// loadEnded loads instances that have completed, with the history of a small orchestration each.
func (f *fixture) loadEnded(tb testing.TB, n int) {
	tb.Helper()
	for i := range n {
		id := fmt.Sprintf("order-%06d", i)
		f.startRunning(tb, id, i)
		f.history(tb, id, f.row(tb, id).Text(wire.ColExecutionID),
			event(wire.OrchestratorStarted), event(wire.ExecutionStarted, text(wire.ColName, "N")),
			event(wire.ExecutionCompleted, text(wire.ColOrchestrationStatus, "Completed")), event(wire.OrchestratorCompleted))
		f.complete(tb, id, `"done"`)
	}
}

// startAll starts instances from as many goroutines as there are connections.
func (f *fixture) startAll(tb testing.TB, n int) {
	tb.Helper()
	ids := make(chan int)
	var wg sync.WaitGroup
	for range bulkConcurrency {
		wg.Go(func() {
			for i := range ids {
				if _, err := f.StartNew(tb.Context(), "N", i, nil); err != nil {
					tb.Error(err)
				}
			}
		})
	}
	for i := range n {
		ids <- i
	}
	close(ids)
	wg.Wait()
}

// busy is how much longer bulk work may take than its requests at the concurrency that was asked for.
const busy = 1.15

// On a clock that only latency moves, a bulk purge and a bulk start take what their requests take: the connections are
// never idle for want of something to do.
func TestBulkKeepsConnectionsBusy(t *testing.T) {
	t.Parallel()
	for name, work := range map[string]func(*testing.T, *fixture){
		"purge": func(t *testing.T, f *fixture) {
			r, err := f.PurgeInstances(t.Context(), &durable.InstanceFilter{}, &durable.PurgeOptions{Concurrency: bulkConcurrency})
			require.NoError(t, err)
			require.Equal(t, bulkInstances, r.InstancesDeleted)
		},
		"start": func(t *testing.T, f *fixture) { f.startAll(t, bulkInstances) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := inMemory(t, taskhub.Options{})
				if name == "purge" {
					f.loadEnded(t, bulkInstances)
				}
				time.Sleep(time.Hour)
				f.slow()
				begin := time.Now()
				work(t, f)
				require.Less(t, float64(time.Since(begin)), busy*float64(f.atBest()))
			})
		})
	}
}

// floor takes what as many requests take that do nothing but wait, at the same concurrency.
func floor(requests int) time.Duration {
	begin := time.Now()
	var wg sync.WaitGroup
	for i := range bulkConcurrency {
		wg.Go(func() {
			for range (requests + bulkConcurrency - 1 - i) / bulkConcurrency {
				time.Sleep(bulkLatency)
			}
		})
	}
	wg.Wait()
	return time.Since(begin)
}

// The same on a real clock: the ratio to requests that do nothing but wait, in the same run, is printed.
func BenchmarkBulkPurge(b *testing.B) {
	var took, best time.Duration
	for b.Loop() {
		b.StopTimer()
		f := inMemory(b, taskhub.Options{Now: func() time.Time { return time.Now().Add(time.Hour) }})
		f.loadEnded(b, bulkInstances)
		f.slow()
		b.StartTimer()
		begin := time.Now()
		_, err := f.PurgeInstances(b.Context(), &durable.InstanceFilter{}, &durable.PurgeOptions{Concurrency: bulkConcurrency})
		took += time.Since(begin)
		require.NoError(b, err)
		b.StopTimer()
		best += floor(f.fault.Count(nil))
		b.StartTimer()
	}
	b.ReportMetric(float64(took)/float64(best), "x-floor")
	b.ReportMetric(float64(b.N*bulkInstances)/took.Seconds(), "instances/s")
}

func BenchmarkBulkStart(b *testing.B) {
	var took, best time.Duration
	for b.Loop() {
		b.StopTimer()
		f := inMemory(b, taskhub.Options{})
		f.slow()
		b.StartTimer()
		begin := time.Now()
		f.startAll(b, bulkInstances)
		took += time.Since(begin)
		b.StopTimer()
		best += floor(f.fault.Count(nil))
		b.StartTimer()
	}
	b.ReportMetric(float64(took)/float64(best), "x-floor")
	b.ReportMetric(float64(b.N*bulkInstances)/took.Seconds(), "instances/s")
}
