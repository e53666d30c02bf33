package operate_test

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/azurite"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/operate"
)

const (
	// largeEnv says how many instances the check-up at the emulator goes through.
	largeEnv = "DURABLE_TEST_INSTANCES"
	// fewInstances are enough to see that it works, and seconds at the emulator.
	fewInstances = 300
	// manyInstances, with fifteen rows of history each, are more than memory may hold or requests may be wasted on.
	manyInstances = 100_000

	// blobPage is how many blobs a page of a listing holds.
	blobPage = 5000
)

// A check-up takes as many requests as there are pages, and memory for a few of them, however large the hub. Neither this
// test nor the next is parallel: they measure the heap.
func TestDiagnoseLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("reads one and a half million rows")
	}
	h := load(t, "v2/broken-hub", "broken")
	c := newCrowd(t, h.Hub(), manyInstances)
	want := c.hide(t, h, 2)
	h.clock.add(48 * time.Hour)
	c.serve(t, h)
	diagnoseLarge(t, h, c, want)
}

// The same at the storage emulator, of which each page is asked over HTTP. `make large` runs it with 100,000 instances.
func TestDiagnoseLargeAzurite(t *testing.T) {
	size := fewInstances
	if s := os.Getenv(largeEnv); s != "" {
		var err error
		size, err = strconv.Atoi(s)
		require.NoError(t, err, largeEnv)
	}
	t.Setenv(azurite.ConnectionEnv, azurite.StartLarge(t).ConnectionString())
	h := atAzurite(t, "v2/broken-hub", "broken")
	c := newCrowd(t, h.Hub(), size)
	h.clock.add(-48 * time.Hour) // what atAzurite has put it forward by: the crowd is written in the same way
	begun := time.Now()
	want := c.hide(t, h, 2)
	c.load(t, h)
	h.clock.add(48 * time.Hour)
	t.Logf("written in %s", time.Since(begun).Round(time.Second))
	h.fault.Reset()
	diagnoseLarge(t, h, c, want)
}

// diagnoseLarge checks a hub with a crowd, in which these findings are hidden besides those of the recording that the hub
// was made from.
func diagnoseLarge(t *testing.T, h *hub, c *crowd, want []string) {
	t.Helper()
	want = append(want, "entity-lock-orphaned @counter@locked", "payloads-without-instance has^^caret", "start-not-sent never-sent")
	slices.Sort(want)
	var heaps []uint64
	var progress operate.DiagnoseProgress
	opts := quick()
	opts.OnProgress = func(p operate.DiagnoseProgress) {
		progress = p
		if p.Instances/(manyInstances/10) > len(heaps) {
			heaps = append(heaps, heapInUse())
		}
	}
	begun := time.Now()
	findings := diagnose(t, h, opts)
	took := time.Since(begun)
	require.Equal(t, want, brief(findings))
	require.GreaterOrEqual(t, progress.Instances, c.size)
	require.GreaterOrEqual(t, progress.Events, c.size*15)

	pages := pagesOf(progress.Instances, storage.MaxPage) + pagesOf(progress.Events, storage.MaxPage) + pagesOf(c.payloads(), blobPage)
	requests := h.fault.Count(nil)
	t.Logf("%d instances, %d rows of history, %d payloads", progress.Instances, progress.Events, c.payloads())
	t.Logf("%d findings in %s", len(findings), took.Round(time.Millisecond))
	t.Logf("%d pages, and %d requests besides: ratio %.3f", pages, requests-pages, float64(requests)/float64(pages))
	t.Logf("heap after each 10,000 instances, in KiB: %d", heaps)

	// Besides the pages, the queues are looked at, and by itself what is wrong or seems so.
	require.LessOrEqual(t, requests, pages+5*len(want))
	if c.size >= manyInstances {
		require.LessOrEqual(t, requests, pages*11/10)
		require.GreaterOrEqual(t, len(heaps), 10)
		require.Less(t, slices.Max(heaps), heaps[0]+4<<10, "%v", heaps)
	}
}

func pagesOf(rows, most int) int { return (rows + most - 1) / most }

// heapInUse returns how much is in use, in KiB.
func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc >> 10
}
