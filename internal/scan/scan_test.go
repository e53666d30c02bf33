package scan_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/scan"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// bundle is a hub with a History table and no payloads.
type bundle struct {
	*taskhub.Hub
	fault   *faultstore.Store
	account storage.Account
	now     time.Time
}

func setup(t *testing.T, opts memstore.Options) *bundle {
	t.Helper()
	b := &bundle{now: noon}
	opts.Clock = func() time.Time { return b.now }
	b.account = memstore.New(&opts).Account()
	b.fault = faultstore.Wrap(b.account, nil)
	h, err := taskhub.New(b.fault.Account(), "Scanned", taskhub.Options{Now: opts.Clock})
	require.NoError(t, err)
	b.Hub = h
	require.NoError(t, b.account.Tables.CreateTable(t.Context(), h.Names.History()))
	return b
}

// insert writes n rows of an instance.
func (b *bundle) insert(t *testing.T, key string, n int) {
	t.Helper()
	for i := range n {
		e := &storage.Entity{PartitionKey: key, RowKey: fmt.Sprintf("%016X", i)}
		_, err := b.account.Tables.Insert(t.Context(), b.Names.History(), e)
		require.NoError(t, err)
	}
}

func (b *bundle) blob(t *testing.T, name string) {
	t.Helper()
	require.NoError(t, b.account.Blobs.CreateContainer(t.Context(), b.LargeMessages()))
	require.NoError(t, b.account.Blobs.Write(t.Context(), b.LargeMessages(), name, storage.Blob{}))
}

// TestHistory: whatever instances are asked for, those that have no rows included, each gets its own, whatever pages they
// come in.
func TestHistory(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		opts := memstore.Options{PageSize: 1 + r.IntN(40), ScanLimit: []int{0, 1 + r.IntN(40)}[r.IntN(2)]}
		b := setup(t, opts)
		rows := map[string]int{}
		var keys []string
		for i := range 60 {
			key := fmt.Sprintf("%c-%d", []rune("aé\uE000😀")[r.IntN(4)], i)
			rows[key] = []int{0, 1, 3, r.IntN(100)}[r.IntN(4)]
			b.insert(t, key, rows[key])
			if r.IntN(3) > 0 {
				keys = append(keys, key)
			}
		}
		slices.SortFunc(keys, storage.CompareKeys)
		h := scan.NewHistory(b.Hub)
		for _, key := range keys {
			if r.IntN(10) == 0 {
				h.Forget()
			}
			got, err := h.Rows(t.Context(), key)
			require.NoError(t, err)
			require.Len(t, got, rows[key], key)
			alone, err := scan.Rows(t.Context(), b.Hub, key)
			require.NoError(t, err)
			require.Equal(t, alone, got)
			for i, row := range got {
				require.Equal(t, fmt.Sprintf("%016X", i), row.Key)
				require.NotEmpty(t, row.ETag)
				require.False(t, row.Written.Before(noon))
			}
		}
	}
}

// TestHistoryRequests: instances side by side share pages; for scattered ones little is read that nobody asked for.
func TestHistoryRequests(t *testing.T) {
	t.Parallel()
	b := setup(t, memstore.Options{})
	const instances, rows = 3000, 5
	key := func(i int) string { return fmt.Sprintf("order-%05d", i) }
	for i := range instances {
		b.insert(t, key(i), rows)
	}
	tests := []struct {
		name        string
		every, most int
	}{
		{"all", 1, instances*rows/1000 + 1},
		{"half", 2, instances*rows/1000 + 1},
		{"scattered", 300, 10},
	}
	for _, test := range tests {
		b.fault.Reset()
		h := scan.NewHistory(b.Hub)
		for i := 0; i < instances; i += test.every {
			got, err := h.Rows(t.Context(), key(i))
			require.NoError(t, err)
			require.Len(t, got, rows)
		}
		require.LessOrEqual(t, b.fault.Count(nil), test.most, test.name)
	}
}

// TestForget: what was read before is not given out after.
func TestForget(t *testing.T) {
	t.Parallel()
	b := setup(t, memstore.Options{})
	b.insert(t, "a", 2)
	h := scan.NewHistory(b.Hub)
	_, err := h.Rows(t.Context(), "a")
	require.NoError(t, err)
	b.insert(t, "b", 3)
	got, err := h.Rows(t.Context(), "b")
	require.NoError(t, err)
	require.Empty(t, got, "the page at hand said that nothing follows")
	h.Forget()
	got, err = h.Rows(t.Context(), "b")
	require.NoError(t, err)
	require.Len(t, got, 3)
}

func TestHistoryOfNoHub(t *testing.T) {
	t.Parallel()
	b := setup(t, memstore.Options{})
	require.NoError(t, b.account.Tables.DeleteTable(t.Context(), b.Names.History()))
	_, err := scan.NewHistory(b.Hub).Rows(t.Context(), "a")
	require.ErrorIs(t, err, taskhub.ErrHubNotFound)
	require.ErrorIs(t, err, storage.ErrContainerNotFound)
	_, err = scan.Rows(t.Context(), b.Hub, "a")
	require.ErrorIs(t, err, taskhub.ErrHubNotFound)
}

// TestPayloads: they are counted by whom they may belong to; a row that is younger than the listing is not answered for.
func TestPayloads(t *testing.T) {
	t.Parallel()
	b := setup(t, memstore.Options{PageSize: 2})
	for _, name := range []string{
		"order-1/message-1", "order-1/history-1", "order-10/message-1", "a^^b/history-1", "a^b/message-1", "a/message-1", "a/b/message-1",
		"stray",
	} {
		b.blob(t, name)
	}
	p, err := scan.ListPayloads(t.Context(), b.Hub, 40)
	require.NoError(t, err)
	for id, want := range map[string]int{
		"order-1": 2, "order-10": 1, "order": 0, "a^b": 2, "a": 1, "a/b": 1, "b": 0, "": 0,
	} {
		require.Equal(t, want, p.Count(id), id)
	}
	require.True(t, p.Knows(&wire.Instance{Timestamp: noon.Add(-3 * time.Minute)}))
	require.False(t, p.Knows(&wire.Instance{Timestamp: noon.Add(-time.Minute)}), "clocks differ")
	require.False(t, p.Knows(&wire.Instance{Timestamp: noon.Add(time.Minute)}))
	require.False(t, p.Knows(&wire.Instance{}))
	require.False(t, (*scan.Payloads)(nil).Knows(&wire.Instance{Timestamp: noon.Add(-time.Hour)}))
}

// TestPayloadsTooMany: a container with more pages than allowed is not listed to its end.
func TestPayloadsTooMany(t *testing.T) {
	t.Parallel()
	b := setup(t, memstore.Options{PageSize: 2})
	p, err := scan.ListPayloads(t.Context(), b.Hub, 1)
	require.NoError(t, err)
	require.NotNil(t, p, "no container, no payloads")
	require.Zero(t, p.Count("a"))
	for i := range 9 {
		b.blob(t, fmt.Sprintf("a/message-%d", i))
	}
	b.fault.Reset()
	p, err = scan.ListPayloads(t.Context(), b.Hub, 4)
	require.NoError(t, err)
	require.Nil(t, p)
	require.Equal(t, 4, b.fault.Count(nil))
	p, err = scan.ListPayloads(t.Context(), b.Hub, 5)
	require.NoError(t, err)
	require.Equal(t, 9, p.Count("a"))

	b.fault.SetHook(faultstore.FailNth(2, faultstore.Before, storage.ErrDenied, nil))
	_, err = scan.ListPayloads(t.Context(), b.Hub, 5)
	require.ErrorIs(t, err, storage.ErrDenied)
}
