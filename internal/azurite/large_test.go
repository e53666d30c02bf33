package azurite_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/azstore"
	"github.com/go-durable/durable/internal/azurite"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/storage/storagetest"
)

func account(tb testing.TB, s *azurite.Server) storage.Account {
	tb.Helper()
	a, err := azstore.NewWithSharedKey(azstore.Endpoints{Table: s.Table, Queue: s.Queue, Blob: s.Blob},
		azurite.AccountName, azurite.AccountKey, nil)
	require.NoError(tb, err)
	return *a
}

// The emulator for large tables keeps the contract, with the differences that the emulator has anyway.
func TestLargeContract(t *testing.T) {
	t.Parallel()
	large := account(t, azurite.StartLarge(t))
	storagetest.Run(t, storagetest.Options{
		New: func(testing.TB) storage.Account { return large }, Known: storagetest.Azurite(),
	})
}

const table = "Answers"

// fill writes rows in an order that is not theirs, with keys that JavaScript, lokijs and Go might order each in its own way.
func fill(ctx context.Context, tables storage.Tables) error {
	if err := tables.CreateTable(ctx, table); err != nil {
		return err
	}
	keys := []string{"10", "9", "B", "a", "a-", "a_b", "aa", "é", "\uE000", "😀", " ", "-1", "1e3", "z"}
	const each = 200
	for i, key := range keys {
		var ops []storage.Op
		for r := range each {
			n := (r*37 + i) % each
			ops = append(ops, storage.Op{Kind: storage.OpInsert, Entity: &storage.Entity{
				PartitionKey: key, RowKey: []string{"", fmt.Sprint(n), fmt.Sprintf("%016X", n), "sentinel"}[min(n, 2+(n+1)/each)],
				Columns: []storage.Column{
					{Name: "N", Value: storage.Int32Value(int32(n % 7))}, {Name: "Text", Value: storage.StringValue(fmt.Sprint("text ", n))},
				},
			}})
		}
		for some := range slices.Chunk(ops, storage.MaxBatch) {
			if err := tables.Batch(ctx, table, some); err != nil {
				return err
			}
		}
	}
	return nil
}

// page is an answer without the times at which its rows were written.
type page struct {
	rows []string
	next storage.Token
}

func pages(ctx context.Context, t *testing.T, tables storage.Tables, q storage.Query) []page {
	t.Helper()
	var all []page
	for {
		got, err := tables.Query(ctx, table, q)
		require.NoError(t, err)
		p := page{next: got.Next}
		for _, e := range got.Entities {
			e.Columns = slices.DeleteFunc(e.Columns, func(c storage.Column) bool { return c.Name == "Timestamp" })
			p.rows = append(p.rows, fmt.Sprintf("%q %q %v", e.PartitionKey, e.RowKey, e.Columns))
		}
		all = append(all, p)
		if got.Next == (storage.Token{}) {
			return all
		}
		q.From = got.Next
	}
}

func is(column string, op storage.CmpOp, text string) storage.Filter {
	return storage.Cmp{Column: column, Op: op, Value: storage.StringValue(text)}
}

// questions are filters of all kinds.
func questions() map[string]storage.Filter {
	return map[string]storage.Filter{
		"all":      nil,
		"key":      is("PartitionKey", storage.EQ, "a"),
		"prefix":   storage.And{is("PartitionKey", storage.GE, "a"), is("PartitionKey", storage.LT, "b")},
		"point":    storage.And{is("PartitionKey", storage.EQ, "é"), is("RowKey", storage.EQ, "sentinel")},
		"rows":     storage.And{is("PartitionKey", storage.EQ, "10"), is("RowKey", storage.GE, fmt.Sprintf("%016X", 8))},
		"no key":   storage.Or{is("RowKey", storage.EQ, ""), is("Text", storage.GT, "text 8")},
		"column":   storage.Cmp{Column: "N", Op: storage.NE, Value: storage.Int32Value(3)},
		"nobody":   is("PartitionKey", storage.EQ, "nobody"),
		"the time": storage.Cmp{Column: "Timestamp", Op: storage.GT, Value: storage.TimeValue(time.Now().Add(-time.Hour))},
	}
}

// change is something that is done to the table, and how large the pages are that are compared then.
type change struct {
	name string
	tops []int
	do   func(ctx context.Context, tables storage.Tables) error
}

func changes() []change {
	row := func(c storage.Column) *storage.Entity {
		return &storage.Entity{PartitionKey: "a", RowKey: "new", Columns: []storage.Column{c}}
	}
	number := storage.Column{Name: "N", Value: storage.Int32Value(3)}
	text := storage.Column{Name: "Text", Value: storage.StringValue("new")}
	return []change{
		{"filled", []int{0, 41}, fill},
		{"inserted", []int{333}, func(ctx context.Context, tables storage.Tables) error {
			_, err := tables.Insert(ctx, table, row(number))
			return err
		}},
		{"merged", []int{0}, func(ctx context.Context, tables storage.Tables) error {
			_, err := tables.Update(ctx, table, row(text), storage.Merge, storage.Any)
			return err
		}},
		{"replaced", []int{0}, func(ctx context.Context, tables storage.Tables) error {
			_, err := tables.Update(ctx, table, row(number), storage.Replace, storage.Any)
			return err
		}},
		{"deleted", []int{0}, func(ctx context.Context, tables storage.Tables) error {
			return tables.Delete(ctx, table, "a", "new", storage.Any)
		}},
		{"rolled back", []int{0}, func(ctx context.Context, tables storage.Tables) error {
			err := tables.Batch(ctx, table, []storage.Op{
				{Kind: storage.OpDelete, Entity: &storage.Entity{PartitionKey: "9", RowKey: "sentinel"}, Match: storage.Any},
				{Kind: storage.OpInsert, Entity: &storage.Entity{PartitionKey: "9", RowKey: ""}},
			})
			if errors.Is(err, storage.ErrExists) {
				return nil
			}
			return fmt.Errorf("a row inserted twice: %w", err)
		}},
		{"emptied", []int{0}, func(ctx context.Context, tables storage.Tables) error {
			return errors.Join(tables.DeleteTable(ctx, table), tables.CreateTable(ctx, table))
		}},
	}
}

// Page by page the emulator for large tables answers what the other one does: whatever is asked, however large the pages
// are, and whatever was written in between.
func TestLargeAnswers(t *testing.T) {
	t.Parallel()
	server, err := azurite.Start(t.Context(), azurite.Options{Dir: installed(t)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	plain, large := account(t, server).Tables, account(t, azurite.StartLarge(t)).Tables
	compared := 0
	for _, c := range changes() {
		require.NoError(t, c.do(t.Context(), plain))
		require.NoError(t, c.do(t.Context(), large))
		for name, filter := range questions() {
			for _, top := range c.tops {
				q := storage.Query{Filter: filter, Top: top}
				want := pages(t.Context(), t, plain, q)
				require.Equal(t, want, pages(t.Context(), t, large, q), "%s, %s, pages of %d", c.name, name, top)
				compared += len(want)
			}
		}
	}
	require.Greater(t, compared, 300)
}
