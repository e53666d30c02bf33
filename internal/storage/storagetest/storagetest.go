// Package storagetest is the contract of package storage, executable: every sentence in the comments of
// [storage.Tables], [storage.Queues] and [storage.Blobs] is a test here, and every implementation passes all of them.
//
// The tests share nothing but the account, use names of their own, remove what they made and run in parallel, so that
// they can run against an emulator or a real account that others use as well.
package storagetest

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
)

// Options say what to test.
type Options struct {
	// New returns the account for one test. It may be the same for all.
	New func(tb testing.TB) storage.Account
	// Advance makes time pass for the service of the account that New returned for that test. Defaults to
	// time.Sleep: a real service cannot be hurried. A test asks for a few seconds at most.
	Advance func(tb testing.TB, d time.Duration)
	// Lease takes a lease that does not end on a blob, or on the container if blob is "", and releases it when the test
	// is over. If it is nil, nothing is stated about leases.
	Lease func(tb testing.TB, container, blob string)
	// Known are the deviations of the service, not of the implementation, that are accepted. A real account has none.
	Known []Difference
}

// Difference is a known deviation of an emulator from the service. Its value is the reason that a test reports.
type Difference string

// What the Azurite emulator, 3.34 to 3.37, does differently from the service. [Azurite] lists them.
const (
	TableCase        Difference = "Azurite finds a table only by its name in the case in which it was created"
	LooseTokens      Difference = "Azurite accepts any text as a continuation token"
	LooseBatches     Difference = "Azurite writes a batch with two partition keys (Azurite issue 1215)"
	LooseEntities    Difference = "Azurite does not limit the size of an entity, or its number of columns, or their names"
	LooseValues      Difference = "Azurite stores DateTimes before 1601"
	LooseTypes       Difference = "Azurite compares a column with a value of another type as JavaScript does: ne holds, numbers equal a GUID"
	MillisecondTimes Difference = "Azurite compares DateTimes in filters by milliseconds"
	LooseFilters     Difference = "Azurite does not limit the number of comparisons in a filter"
	MixedIntegers    Difference = "Azurite answers 500 when an Int32 column is compared with an Int64"
	DamagedText      Difference = "Azurite damages long texts that are not ASCII outside batches (Azurite issue 2670)"
)

// Azurite are the differences of the Azurite emulator.
func Azurite() []Difference {
	return []Difference{
		TableCase, LooseTokens, LooseBatches, LooseEntities, LooseValues, LooseTypes, LooseFilters, MillisecondTimes, MixedIntegers,
		DamagedText,
	}
}

// Run tests an implementation.
func Run(t *testing.T, o Options) {
	t.Helper()
	group(t, o, "Tables", slices.Concat(tableTests, entityTests, queryTests, filterTests, batchTests, limitTests))
	group(t, o, "Queues", slices.Concat(queueTests, messageTests))
	group(t, o, "Blobs", slices.Concat(containerTests, blobTests))
}

type test struct {
	name string
	run  func(t *testing.T, b *bundle)
}

func group(t *testing.T, o Options, name string, tests []test) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				tt.run(t, newBundle(t, o))
			})
		}
	})
}

// bundle is what a test works with.
type bundle struct {
	storage.Account
	o Options
	// tb is the test that the helpers fail.
	tb testing.TB
	// owner is the test that New got.
	owner testing.TB
}

func newBundle(tb testing.TB, o Options) *bundle {
	tb.Helper()
	return &bundle{Account: o.New(tb), o: o, tb: tb, owner: tb}
}

// on returns the bundle for a subtest.
func (b *bundle) on(tb testing.TB) *bundle {
	c := *b
	c.tb = tb
	return &c
}

// differs ends the test if the service is known to fail it.
func (b *bundle) differs(t *testing.T, d Difference) {
	t.Helper()
	if slices.Contains(b.o.Known, d) {
		t.Skip("known difference: " + string(d))
	}
}

// advance makes time pass for the service.
func (b *bundle) advance(d time.Duration) {
	if b.o.Advance != nil {
		b.o.Advance(b.owner, d)
		return
	}
	time.Sleep(d)
}

// unique returns a name that nobody else uses: letters and digits, beginning with a letter, valid for everything.
func unique() string {
	return "st" + strconv.FormatUint(rand.Uint64(), 36)
}

// table creates a table for the test.
func (b *bundle) table() string {
	b.tb.Helper()
	name := "T" + unique()
	b.dropTable(name)
	require.NoError(b.tb, b.Tables.CreateTable(b.tb.Context(), name))
	return name
}

// dropTable deletes a table when the test is over, if it exists by then.
func (b *bundle) dropTable(name string) {
	ctx := context.WithoutCancel(b.tb.Context())
	b.tb.Cleanup(func() { _ = b.Tables.DeleteTable(ctx, name) })
}

// queue creates a queue for the test.
func (b *bundle) queue() string {
	b.tb.Helper()
	name := unique()
	b.dropQueue(name)
	require.NoError(b.tb, b.Queues.CreateQueue(b.tb.Context(), name))
	return name
}

func (b *bundle) dropQueue(name string) {
	ctx := context.WithoutCancel(b.tb.Context())
	b.tb.Cleanup(func() { _ = b.Queues.DeleteQueue(ctx, name) })
}

// container creates a blob container for the test.
func (b *bundle) container() string {
	b.tb.Helper()
	name := unique()
	b.dropContainer(name)
	require.NoError(b.tb, b.Blobs.CreateContainer(b.tb.Context(), name))
	return name
}

func (b *bundle) dropContainer(name string) {
	ctx := context.WithoutCancel(b.tb.Context())
	b.tb.Cleanup(func() { _ = b.Blobs.DeleteContainer(ctx, name) })
}

// cancelled returns a context that is over.
func cancelled(tb testing.TB) context.Context {
	ctx, cancel := context.WithCancel(tb.Context())
	cancel()
	return ctx
}
