package memstore_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/storage/storagetest"
)

// clock is a clock that only moves when it is told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 22, 7, 27, 0, 500_000_000, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// harness gives every test a store and a clock of its own.
func harness(opts memstore.Options) storagetest.Options {
	type owned struct {
		store *memstore.Store
		clock *clock
	}
	var stores sync.Map // by test
	return storagetest.Options{
		New: func(tb testing.TB) storage.Account {
			o, clock := opts, newClock()
			o.Clock = clock.Now
			store := memstore.New(&o)
			stores.Store(tb, owned{store, clock})
			return store.Account()
		},
		Advance: func(tb testing.TB, d time.Duration) {
			o, _ := stores.Load(tb)
			o.(owned).clock.Advance(d)
		},
		Lease: func(tb testing.TB, container, blob string) {
			o, _ := stores.Load(tb)
			release, err := o.(owned).store.Lease(container, blob)
			require.NoError(tb, err)
			tb.Cleanup(release)
		},
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	tests := map[string]memstore.Options{
		"Default":     {},
		"SmallPages":  {PageSize: 3},
		"EmptyPages":  {ScanLimit: 2},
		"DeleteDelay": {DeleteDelay: 30 * time.Second},
	}
	for name, opts := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storagetest.Run(t, harness(opts))
		})
	}
}

func BenchmarkStore(b *testing.B) { storagetest.RunBenchmarks(b, harness(memstore.Options{})) }
