package durable_test

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
)

// TestPurgeLongHistories: several pages of rows, several transactions, several pages of payloads.
func TestPurgeLongHistories(t *testing.T) {
	t.Parallel()
	for _, rows := range []int{99, 100, 101, 199, 200, 201, 999, 1000, 1001, 2500} {
		for name, purge := range purges() {
			t.Run(fmt.Sprintf("%s %d", name, rows), func(t *testing.T) {
				t.Parallel()
				f := openMemory(t, newHubName(), taskhub.Options{}, &memstore.Options{PageSize: 500, ScanLimit: 130})
				f.create(t)
				f.ended(t, "ic", 3, 1)
				f.ended(t, "id", rows, 7)
				f.ended(t, "ie", 3, 1)
				f.setState(t, "ic", durable.RuntimeStatusRunning)
				f.setState(t, "ie", durable.RuntimeStatusRunning)
				f.traffic.reset()
				require.NoError(t, purge(t.Context(), f.OrchestrationClient))
				require.Equal(t, (rows+99)/100, f.fault.Count(faultstore.Op("Batch")))
				require.Equal(t, []string{"ic", "ie"}, f.left(t))
				require.Len(t, f.historyKeys(t, "ie"), 3)
			})
		}
	}
}

// TestPurgeManyPayloads: more payloads than a page lists.
func TestPurgeManyPayloads(t *testing.T) {
	t.Parallel()
	f := openMemory(t, newHubName(), taskhub.Options{}, &memstore.Options{PageSize: 10, ScanLimit: 7})
	f.create(t)
	f.ended(t, "id", 3, 95)
	f.ended(t, "id1", 3, 5)
	result, err := f.Purge(t.Context(), "id", nil)
	require.NoError(t, err)
	require.Equal(t, 95, result.BlobsDeleted)
	require.Len(t, f.blobs(t), 5)
}

// TestPurgePlan: the numbers of the plan are those of the purge, requests included, and the plan changes nothing.
func TestPurgePlan(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		instances int
		filter    durable.InstanceFilter
		mem       memstore.Options
		settled   bool
		strategy  durable.PurgeStrategy
	}{
		{"none", 0, durable.InstanceFilter{}, memstore.Options{}, false, durable.PurgeOneByOne},
		{"one", 1, durable.InstanceFilter{}, memstore.Options{}, false, durable.PurgeOneByOne},
		{"few", 20, durable.InstanceFilter{}, memstore.Options{}, false, durable.PurgeOneByOne},
		{"enough", 21, durable.InstanceFilter{}, memstore.Options{}, false, durable.PurgeScan},
		{"settled", 150, durable.InstanceFilter{}, memstore.Options{}, true, durable.PurgeScan},
		{"short pages", 150, durable.InstanceFilter{}, memstore.Options{PageSize: 40}, true, durable.PurgeScan},
		{"empty pages", 150, durable.InstanceFilter{}, memstore.Options{PageSize: 40, ScanLimit: 25}, true, durable.PurgeScan},
		{
			"few of many", 100,
			durable.InstanceFilter{InstanceIDPrefix: "order-010"},
			memstore.Options{PageSize: 40, ScanLimit: 25},
			true, durable.PurgeOneByOne,
		},
		{"by tag", 100, durable.InstanceFilter{Tags: map[string]string{"a": "b"}}, memstore.Options{}, true, durable.PurgeOneByOne},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := &clock{now: noon}
			test.mem.Clock = c.tick
			f := openMemory(t, newHubName(), taskhub.Options{Now: c.tick}, &test.mem)
			f.create(t)
			for i := range test.instances {
				f.ended(t, fmt.Sprintf("order-%04d", i*2), i%5*60, i%4)
			}
			if test.settled {
				c.add(time.Hour)
			}
			before := f.dumped(t)
			plan, err := f.PlanPurge(t.Context(), &test.filter, nil)
			require.NoError(t, err)
			require.Equal(t, before, f.dumped(t))
			result, err := f.PurgeInstances(t.Context(), &test.filter, nil)
			require.NoError(t, err)
			if test.mem.ScanLimit > 0 { // what is gone makes fewer empty pages
				require.LessOrEqual(t, result.Requests, plan.Requests)
				plan.Requests = result.Requests
			}
			require.Equal(t, planOf(result), planned(plan))
			require.Equal(t, test.strategy, plan.Strategy)
			if test.instances > 0 && test.filter.Tags == nil {
				require.Equal(t, map[durable.RuntimeStatus]int{durable.RuntimeStatusCompleted: plan.Instances}, plan.Statuses)
				require.NotZero(t, plan.Instances)
			}
			require.Zero(t, plan.Conflicts)
		})
	}
}

// TestPurgeRequests: small instances without payloads take at most 2.1 requests each when there are many.
func TestPurgeRequests(t *testing.T) {
	t.Parallel()
	const instances = 10_000
	c := &clock{now: noon}
	f := openMemory(t, newHubName(), taskhub.Options{Now: c.tick}, &memstore.Options{Clock: c.tick})
	f.create(t)
	for i := range instances {
		f.ended(t, fmt.Sprintf("order-%06d", i), 6, 0)
	}
	for i := range 50 {
		f.ended(t, fmt.Sprintf("running-%03d", i), 6, 1)
		f.setState(t, fmt.Sprintf("running-%03d", i), durable.RuntimeStatusRunning)
	}
	c.add(time.Hour)
	f.traffic.reset()
	result, err := f.PurgeInstances(t.Context(), everythingEnded(), nil)
	require.NoError(t, err)
	require.Equal(t, instances, result.InstancesDeleted)
	require.Equal(t, result.Requests, f.traffic.count())
	perInstance := float64(result.Requests) / instances
	t.Logf("%.4f requests per instance", perInstance)
	require.LessOrEqual(t, perInstance, 2.1)
	require.Len(t, f.left(t), 50)
}

// TestPurgeFewOfMany: few matches of a large hub are purged one by one, without reading what does not belong to them.
func TestPurgeFewOfMany(t *testing.T) {
	t.Parallel()
	c := &clock{now: noon}
	f := openMemory(t, newHubName(), taskhub.Options{Now: c.tick}, &memstore.Options{Clock: c.tick, ScanLimit: 1000})
	f.create(t)
	for i := range 5000 {
		f.ended(t, fmt.Sprintf("order-%06d", i), 6, 0)
		if i%500 != 0 {
			f.setState(t, fmt.Sprintf("order-%06d", i), durable.RuntimeStatusFailed)
		}
	}
	f.traffic.reset()
	completed := []durable.RuntimeStatus{durable.RuntimeStatusCompleted}
	result, err := f.PurgeInstances(t.Context(), &durable.InstanceFilter{Statuses: completed}, nil)
	require.NoError(t, err)
	require.Equal(t, 10, result.InstancesDeleted)
	require.LessOrEqual(t, result.Requests, 5+10*4)
	require.Zero(t, f.fault.Count(func(c faultstore.Call) bool { return c.Op == "List" && c.Key == "" }), "the payloads of the hub")
}

// TestPurgeRate: the rate is kept, from the first request on.
func TestPurgeRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := inMemory(t, taskhub.Options{})
		for i := range 100 {
			f.ended(t, fmt.Sprintf("order-%03d", i), 3, 0)
		}
		begin := time.Now()
		var stamps []time.Time
		f.fault.SetHook(nil)
		result, err := f.PurgeInstances(t.Context(), everythingEnded(), &durable.PurgeOptions{
			RequestsPerSecond: 50, OnProgress: func(durable.PurgeProgress) { stamps = append(stamps, time.Now()) },
		})
		require.NoError(t, err)
		took := time.Since(begin)
		want := time.Duration(result.Requests-1) * 20 * time.Millisecond
		require.Equal(t, want, took)
		require.Len(t, stamps, 100)
		for i := range stamps[2:] { // an instance is two requests at least
			require.GreaterOrEqual(t, stamps[i+2].Sub(stamps[i]), 40*time.Millisecond)
		}
	})
}

// TestPurgeRateCancelled: a purge that waits for its turn ends with its context.
func TestPurgeRateCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := inMemory(t, taskhub.Options{})
		for i := range 10 {
			f.ended(t, fmt.Sprintf("order-%03d", i), 3, 0)
		}
		ctx, cancel := contextWithTimeout(t, 5*time.Second)
		defer cancel()
		begin := time.Now()
		_, err := f.PurgeInstances(ctx, everythingEnded(), &durable.PurgeOptions{RequestsPerSecond: 1e-300})
		require.Error(t, err)
		require.Equal(t, 5*time.Second, time.Since(begin))
		require.NoError(t, purgeAll(t.Context(), f.OrchestrationClient))
		require.Empty(t, f.left(t))
	})
}

// TestPurgeProgress: OnProgress is called once an instance, never twice at once, and no number ever falls.
func TestPurgeProgress(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{})
	const instances = 300
	for i := range instances {
		f.ended(t, fmt.Sprintf("order-%03d", i), 2+i%3*60, i%2)
	}
	var inside atomic.Int32
	var last durable.PurgeProgress
	seen := map[string]bool{}
	result, err := f.PurgeInstances(t.Context(), everythingEnded(), &durable.PurgeOptions{
		Concurrency: 32, OnProgress: func(p durable.PurgeProgress) {
			if inside.Add(1) != 1 {
				t.Error("called twice at once")
			}
			defer inside.Add(-1)
			if p.InstancesDeleted != last.InstancesDeleted+1 || p.RowsDeleted < last.RowsDeleted ||
				p.BlobsDeleted < last.BlobsDeleted || p.Requests < last.Requests || seen[p.InstanceID] {
				t.Errorf("%+v after %+v", p, last)
			}
			last, seen[p.InstanceID] = p, true
		},
	})
	require.NoError(t, err)
	require.Len(t, seen, instances)
	require.Equal(t, last.PurgeResult.InstancesDeleted, result.InstancesDeleted)
	require.Equal(t, last.Checkpoint, result.Checkpoint)
}

// TestPurgeArguments: bad options are refused before anything is sent.
func TestPurgeArguments(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{})
	for name, opts := range map[string]durable.PurgeOptions{
		"concurrency": {Concurrency: -1}, "too much": {Concurrency: 257}, "rate": {RequestsPerSecond: -1},
		"no number": {RequestsPerSecond: nan()}, "checkpoint": {Checkpoint: "x"}, "empty checkpoint": {Checkpoint: "purged-to:"},
		"checkpoint without its mark": {Checkpoint: "b3JkZXI"}, "no Base64": {Checkpoint: "purged-to:!"},
		"no UTF-8": {Checkpoint: "purged-to:_w"},
	} {
		_, err := f.PurgeInstances(t.Context(), everythingEnded(), &opts)
		require.ErrorIs(t, err, durable.ErrInvalidArgument, name)
		_, err = f.PlanPurge(t.Context(), everythingEnded(), &opts)
		require.ErrorIs(t, err, durable.ErrInvalidArgument, name)
		_, err = f.Purge(t.Context(), "id", &opts)
		require.ErrorIs(t, err, durable.ErrInvalidArgument, name)
	}
	for _, id := range badKnownIDs {
		_, err := f.Purge(t.Context(), id, nil)
		require.ErrorIs(t, err, durable.ErrInvalidArgument)
	}
	require.Zero(t, f.traffic.count())
}

// TestPurgeNoHub: a hub that does not exist is not mistaken for an empty one.
func TestPurgeNoHub(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.ended(t, "id", 2, 0)
		require.NoError(t, f.storage.Tables.DeleteTable(t.Context(), f.names.History()))
		for name, purge := range purges() {
			require.ErrorIs(t, purge(t.Context(), f.OrchestrationClient), durable.ErrTaskHubNotFound, name)
		}
		require.NotNil(t, f.row(t, "id"))
		require.NoError(t, f.storage.Tables.DeleteTable(t.Context(), f.names.Instances()))
		for name, purge := range purges() {
			require.ErrorIs(t, purge(t.Context(), f.OrchestrationClient), durable.ErrTaskHubNotFound, name)
		}
		_, err := f.PlanPurge(t.Context(), everythingEnded(), nil)
		require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
	})
}

// TestPurgeMemory: the memory of a purge does not grow with the hub. It is not parallel, since it measures the heap.
func TestPurgeMemory(t *testing.T) {
	hub := newHubName()
	store := newFabricated(t, hub, 100_000, 3)
	c := clientOn(t, storage.Account{Tables: store, Blobs: noBlobs{}}, hub,
		taskhub.Options{Now: func() time.Time { return noon.Add(time.Hour) }})
	before := heap()
	peak := before
	result, err := c.PurgeInstances(t.Context(), everythingEnded(), &durable.PurgeOptions{OnProgress: func(p durable.PurgeProgress) {
		if p.InstancesDeleted%10_000 == 0 {
			peak = max(peak, heap())
		}
	}})
	require.NoError(t, err)
	require.Equal(t, 100_000, result.InstancesDeleted)
	require.Equal(t, 300_000, result.RowsDeleted)
	t.Logf("%d KiB above the start, %d requests", (int64(peak)-int64(before))>>10, result.Requests)
	require.Less(t, int64(peak)-int64(before), int64(64<<20))
}

// heap returns what is alive.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
