package memstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
)

// tablesOf returns the tables of a new store that has a table "table".
func tablesOf(tb testing.TB, opts *memstore.Options) storage.Tables {
	tb.Helper()
	tables := memstore.New(opts).Account().Tables
	require.NoError(tb, tables.CreateTable(tb.Context(), "table"))
	return tables
}

// name returns keys that sort as their numbers.
func name(i int) string { return fmt.Sprintf("instance-%06d", i) }

func from(key string) storage.Filter {
	return storage.Cmp{Column: "PartitionKey", Op: storage.GE, Value: storage.StringValue(key)}
}

func readAll(tb testing.TB, tables storage.Tables, q storage.Query) []storage.Entity {
	tb.Helper()
	var all []storage.Entity
	for {
		p, err := tables.Query(tb.Context(), "table", q)
		require.NoError(tb, err)
		all = append(all, p.Entities...)
		if p.Next == (storage.Token{}) {
			return all
		}
		require.NotEqual(tb, q.From, p.Next, "a token that leads to where it came from")
		q.From = p.Next
	}
}

func partitionKeys(entities []storage.Entity) []string {
	var out []string
	for _, e := range entities {
		out = append(out, e.PartitionKey)
	}
	return out
}

// grid fills a table with 6 partitions of 6 rows.
func grid(t *testing.T, tables storage.Tables) {
	for p := range 6 {
		for r := range 6 {
			e := &storage.Entity{PartitionKey: strconv.Itoa(p), RowKey: strconv.Itoa(r)}
			e.Set("N", storage.Int32Value(int32(p*6+r)))
			_, err := tables.Insert(t.Context(), "table", e)
			require.NoError(t, err)
		}
	}
}

func TestPageSize(t *testing.T) {
	t.Parallel()
	tables := tablesOf(t, &memstore.Options{PageSize: 6})
	grid(t, tables)
	q := storage.Query{Top: 10}
	for range 6 {
		p, err := tables.Query(t.Context(), "table", q)
		require.NoError(t, err)
		require.Len(t, p.Entities, 6, "the smaller of both numbers")
		q.From = p.Next
	}
	require.Equal(t, storage.Token{}, q.From, "no token where nothing is left to be looked at")
}

func TestScanLimit(t *testing.T) {
	t.Parallel()
	tables := tablesOf(t, &memstore.Options{ScanLimit: 10})
	grid(t, tables)
	q := storage.Query{Filter: storage.Cmp{Column: "N", Op: storage.GE, Value: storage.Int32Value(35)}}
	var sizes []int
	for {
		p, err := tables.Query(t.Context(), "table", q)
		require.NoError(t, err)
		sizes = append(sizes, len(p.Entities))
		if q.From = p.Next; q.From == (storage.Token{}) {
			break
		}
	}
	require.Equal(t, []int{0, 0, 0, 1}, sizes)
}

// TestOnlyTheSpanIsScanned counts what a query looks at by the pages that it takes with one entity per page.
func TestOnlyTheSpanIsScanned(t *testing.T) {
	t.Parallel()
	tables := tablesOf(t, &memstore.Options{ScanLimit: 1})
	grid(t, tables)
	key := func(column string, op storage.CmpOp, s string) storage.Filter {
		return storage.Cmp{Column: column, Op: op, Value: storage.StringValue(s)}
	}
	last := storage.Cmp{Column: "N", Op: storage.GE, Value: storage.Int32Value(1000)}
	tests := []struct {
		name string
		f    storage.Filter
		want int
	}{
		{"Everything", last, 36},
		{"Partition", storage.And{key("PartitionKey", storage.EQ, "2"), last}, 6},
		{"PartitionAbsent", key("PartitionKey", storage.EQ, "22"), 1},
		{"Entity", storage.And{key("PartitionKey", storage.EQ, "2"), key("RowKey", storage.EQ, "3")}, 1},
		{"Rows", storage.And{key("PartitionKey", storage.EQ, "2"), key("RowKey", storage.GE, "2"), key("RowKey", storage.LE, "4"), last}, 3},
		{"Range", storage.And{key("PartitionKey", storage.GE, "2"), key("PartitionKey", storage.LE, "3"), last}, 12},
		{"Hull", storage.And{storage.Or{key("PartitionKey", storage.EQ, "1"), key("PartitionKey", storage.EQ, "3"), storage.Or{}}, last}, 18},
		{"OpenOr", storage.And{storage.Or{key("PartitionKey", storage.EQ, "1"), last}, last}, 36},
		{"Contradiction", storage.And{key("PartitionKey", storage.GE, "4"), key("PartitionKey", storage.LE, "1")}, 1},
		{"Nothing", storage.Or{}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pages, q := 0, storage.Query{Filter: tt.f}
			for more := true; more; more = q.From != (storage.Token{}) {
				p, err := tables.Query(t.Context(), "table", q)
				require.NoError(t, err)
				q.From = p.Next
				pages++
			}
			require.Equal(t, tt.want, pages)
		})
	}
}

// TestQueryFindsWhatMatches compares queries with random filters on the keys with a look at every entity.
func TestQueryFindsWhatMatches(t *testing.T) {
	t.Parallel()
	tables := tablesOf(t, &memstore.Options{PageSize: 5})
	grid(t, tables)
	everything := readAll(t, tables, storage.Query{})
	require.Len(t, everything, 36)
	r := rand.New(rand.NewPCG(7, 8))
	for range 2000 {
		f := randomFilter(r, 3)
		var want []storage.Entity
		for i := range everything {
			if storage.Match(f, &everything[i]) {
				want = append(want, everything[i])
			}
		}
		require.Equal(t, want, readAll(t, tables, storage.Query{Filter: f}), "%v", f)
	}
}

func randomFilter(r *rand.Rand, depth int) storage.Filter {
	if kind := r.IntN(3); depth > 0 && kind < 2 {
		var parts []storage.Filter
		for range r.IntN(3) {
			parts = append(parts, randomFilter(r, depth-1))
		}
		if kind == 0 {
			return storage.And(parts)
		}
		return storage.Or(parts)
	}
	ops := []storage.CmpOp{storage.EQ, storage.NE, storage.LT, storage.LE, storage.GT, storage.GE}
	columns := []string{"PartitionKey", "RowKey", "N"}
	c := storage.Cmp{Column: columns[r.IntN(3)], Op: ops[r.IntN(6)], Value: storage.StringValue(strconv.Itoa(r.IntN(7)))}
	if c.Column == "N" {
		c.Value = storage.Int32Value(int32(r.IntN(36)))
	}
	return c
}

func TestVersionsRiseOnAStandingClock(t *testing.T) {
	t.Parallel()
	c := newClock()
	tables := tablesOf(t, &memstore.Options{Clock: c.Now})
	var last storage.ETag
	for i := range 20 {
		tag, err := tables.Update(t.Context(), "table", &storage.Entity{PartitionKey: "p"}, storage.Merge, "")
		require.NoError(t, err)
		require.Greater(t, tag, last)
		last = tag
		if i == 10 {
			c.Advance(-time.Hour)
		}
	}
	op := func(row string) storage.Op {
		return storage.Op{Kind: storage.OpInsert, Entity: &storage.Entity{PartitionKey: "p", RowKey: row}}
	}
	require.NoError(t, tables.Batch(t.Context(), "table", []storage.Op{op("1"), op("2")}))
	rows := readAll(t, tables, storage.Query{})
	require.Len(t, rows, 3)
	require.Greater(t, rows[1].ETag, last)
	require.Equal(t, rows[1].ETag, rows[2].ETag, "the rows of a transaction have one version")
}

func TestTableBeingDeleted(t *testing.T) {
	t.Parallel()
	c := newClock()
	tables := tablesOf(t, &memstore.Options{Clock: c.Now, DeleteDelay: 30 * time.Second})
	require.NoError(t, tables.DeleteTable(t.Context(), "table"))
	require.NoError(t, tables.DeleteTable(t.Context(), "table"))
	require.ErrorIs(t, tables.CreateTable(t.Context(), "TABLE"), storage.ErrBeingDeleted)
	_, err := tables.Get(t.Context(), "table", "p", "r")
	require.ErrorIs(t, err, storage.ErrBeingDeleted)
	names, err := tables.ListTables(t.Context(), "")
	require.NoError(t, err)
	require.Empty(t, names)

	c.Advance(30 * time.Second)
	_, err = tables.Get(t.Context(), "table", "p", "r")
	require.ErrorIs(t, err, storage.ErrContainerNotFound)
	require.NoError(t, tables.CreateTable(t.Context(), "table"))
	_, err = tables.Get(t.Context(), "table", "p", "r")
	require.ErrorIs(t, err, storage.ErrNotFound)
}

func TestNoEntityIsInvalid(t *testing.T) {
	t.Parallel()
	tables := tablesOf(t, nil)
	_, err := tables.Insert(t.Context(), "table", nil)
	require.ErrorIs(t, err, storage.ErrInvalid)
	require.ErrorIs(t, tables.Batch(t.Context(), "table", []storage.Op{{}}), storage.ErrInvalid)
	require.ErrorIs(t, tables.Batch(t.Context(), "table", []storage.Op{{Kind: 9, Entity: &storage.Entity{}}}), storage.ErrInvalid)
	_, err = tables.Update(t.Context(), "table", &storage.Entity{}, storage.Mode(9), "")
	require.ErrorIs(t, err, storage.ErrInvalid)
}

// TestConcurrency lets readers page through a table while batches write to it: a batch is seen whole or not at all in
// one page, and nobody disturbs anybody (the race detector looks on).
func TestConcurrency(t *testing.T) {
	t.Parallel()
	tables := tablesOf(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var writers, readers sync.WaitGroup
	errs := make(chan error, 100)
	for w := range 4 {
		writers.Go(func() {
			for i := range 50 {
				p := strconv.Itoa(w*1000 + i)
				err := tables.Batch(ctx, "table", []storage.Op{
					{Entity: &storage.Entity{PartitionKey: p, RowKey: "a"}}, {Entity: &storage.Entity{PartitionKey: p, RowKey: "b"}},
				})
				if err != nil {
					errs <- err
				}
			}
		})
	}
	for range 2 {
		readers.Go(func() {
			for ctx.Err() == nil {
				p, err := tables.Query(ctx, "table", storage.Query{})
				if err == nil && p.Next == (storage.Token{}) && len(p.Entities)%2 != 0 {
					err = errors.New("half a batch")
				}
				if err != nil && !errors.Is(err, context.Canceled) {
					errs <- err
					return
				}
			}
		})
	}
	writers.Wait()
	cancel()
	readers.Wait()
	close(errs)
	require.NoError(t, <-errs)
	require.Len(t, readAll(t, tables, storage.Query{}), 400)
}
