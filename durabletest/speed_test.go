package durabletest_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	dt "github.com/go-durable/durable/durabletest"
)

// What the benchmarks hold themselves to. They report how much of it they need as "of-limit"; [TestSpeed] only notices
// what has gone wrong by an order of magnitude, since machines differ and are busy.
const (
	maxThreeActivities = 200 * time.Microsecond
	maxThousandHubs    = 2 * time.Second
	slack              = 10
)

func threeActivities() dt.Scripts {
	return dt.Scripts{"Order": {
		dt.Activity{Name: "Reserve", Input: "tea", Result: 1},
		dt.Activity{Name: "Pay", Result: 2},
		dt.Activity{Name: "Send", Result: 3},
		dt.Complete{Output: "sent"},
	}}
}

// placeOrder lets one instance go from its start to its completed status.
func placeOrder(tb testing.TB, hub *dt.TestHub, host *dt.TestHost, id string) {
	tb.Helper()
	_, err := hub.Client().StartNew(tb.Context(), "Order", "tea", &durable.StartNewOptions{InstanceID: id})
	require.NoError(tb, err)
	host.RunUntilIdle()
	s, err := hub.Client().GetStatus(tb.Context(), id, nil)
	require.NoError(tb, err)
	require.Equal(tb, durable.RuntimeStatusCompleted, s.RuntimeStatus)
}

// median returns the median time of a function that is called n times and returns when it began.
func median(n int, f func(i int) time.Time) time.Duration {
	took := make([]time.Duration, n)
	for i := range took {
		took[i] = time.Since(f(i))
	}
	slices.Sort(took)
	return took[n/2]
}

// threeActivitiesMedian measures on hubs as a test has them, with a few dozen instances.
func threeActivitiesMedian(tb testing.TB, n int) time.Duration {
	tb.Helper()
	const perHub = 50
	var hub *dt.TestHub
	var host *dt.TestHost
	return median(n, func(i int) (begin time.Time) {
		if i%perHub == 0 {
			hub = dt.NewHub(tb, nil)
			host = hub.NewHost(threeActivities(), nil)
		}
		begin = time.Now()
		placeOrder(tb, hub, host, fmt.Sprint(i))
		return begin
	})
}

func BenchmarkThreeActivities(b *testing.B) {
	const atLeast = 500 // so that the median is one, and not of a cold start
	n := max(b.N, atLeast)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m := threeActivitiesMedian(b, n)
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(m.Nanoseconds()), "median-ns/op")
	b.ReportMetric(float64(m)/float64(maxThreeActivities), "of-limit")
	b.ReportMetric(float64((after.Mallocs-before.Mallocs)/uint64(n)), "allocs/instance") //nolint:gosec // n is positive
	b.ReportMetric(0, "ns/op")
}

// thousandHubs runs tests with a hub each, all at the same time.
func thousandHubs(tb testing.TB) time.Duration {
	tb.Helper()
	begin := time.Now()
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() {
			hub := dt.NewHub(tb, nil)
			placeOrder(tb, hub, hub.NewHost(threeActivities(), nil), "order-1")
		})
	}
	wg.Wait()
	return time.Since(begin)
}

func BenchmarkThousandHubs(b *testing.B) {
	m := median(b.N, func(int) time.Time {
		begin := time.Now()
		thousandHubs(b)
		return begin
	})
	b.ReportMetric(float64(m)/float64(maxThousandHubs), "of-limit")
}

func TestSpeed(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes its time")
	}
	m := threeActivitiesMedian(t, 200)
	t.Logf("three activities: %v, %.1f of %v", m, float64(m)/float64(maxThreeActivities), maxThreeActivities)
	require.Less(t, m, slack*maxThreeActivities)
	if testing.Short() {
		return
	}
	d := thousandHubs(t)
	t.Logf("1000 hubs: %v, %.1f of %v", d, float64(d)/float64(maxThousandHubs), maxThousandHubs)
	require.Less(t, d, slack*maxThousandHubs)
}
