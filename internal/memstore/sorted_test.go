package memstore_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
)

// TestManyRows compares a table that grows and shrinks in random order with a map.
func TestManyRows(t *testing.T) {
	t.Parallel()
	tables := tablesOf(t, nil)
	r := rand.New(rand.NewPCG(1, 2))
	model := map[string]bool{}
	for range 20_000 {
		key := name(r.IntN(6_000))
		if r.IntN(3) > 0 {
			_, err := tables.Update(t.Context(), "table", &storage.Entity{PartitionKey: key}, storage.Merge, "")
			require.NoError(t, err)
			model[key] = true
			continue
		}
		err := tables.Delete(t.Context(), "table", key, "", storage.Any)
		if model[key] {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, storage.ErrNotFound)
		}
		delete(model, key)
	}
	var want []string
	for key := range model {
		want = append(want, key)
	}
	slices.Sort(want)
	require.Equal(t, want, partitionKeys(readAll(t, tables, storage.Query{})))
	for key := range model {
		require.NoError(t, tables.Delete(t.Context(), "table", key, "", storage.Any))
	}
	require.Empty(t, readAll(t, tables, storage.Query{}))
}

// TestLargeTable fills a table with 30,000 instances in random order and reads it page by page.
func TestLargeTable(t *testing.T) {
	t.Parallel()
	const n = 30_000
	tables := tablesOf(t, nil)
	for _, i := range rand.New(rand.NewPCG(3, 4)).Perm(n) {
		_, err := tables.Insert(t.Context(), "table", &storage.Entity{PartitionKey: name(i)})
		require.NoError(t, err)
	}
	found := readAll(t, tables, storage.Query{})
	require.Len(t, found, n)
	for i, e := range found {
		if e.PartitionKey != name(i) {
			require.Equal(t, name(i), e.PartitionKey)
		}
	}
	// Ten entities per page from the middle on.
	page, err := tables.Query(t.Context(), "table", storage.Query{Top: 10, Filter: from(name(n / 2))})
	require.NoError(t, err)
	require.Equal(t, name(n/2), page.Entities[0].PartitionKey)
	page, err = tables.Query(t.Context(), "table", storage.Query{Top: 10, From: page.Next})
	require.NoError(t, err)
	require.Equal(t, name(n/2+10), page.Entities[0].PartitionKey)
}

func BenchmarkInsertLargeTable(b *testing.B) {
	tables := tablesOf(b, nil)
	order := rand.New(rand.NewPCG(5, 6)).Perm(1_000_000)
	for i := 0; b.Loop(); i++ {
		_, err := tables.Update(b.Context(), "table", &storage.Entity{PartitionKey: name(order[i%len(order)])}, storage.Replace, "")
		require.NoError(b, err)
	}
}

func BenchmarkPageOfLargeTable(b *testing.B) {
	tables := tablesOf(b, &memstore.Options{})
	for i := range 100_000 {
		_, err := tables.Insert(b.Context(), "table", &storage.Entity{PartitionKey: name(i)})
		require.NoError(b, err)
	}
	for b.Loop() {
		_, err := tables.Query(b.Context(), "table", storage.Query{Top: 10, Filter: from(name(90_000))})
		require.NoError(b, err)
	}
}
