package storagetest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
)

var tableTests = []test{
	{"CreateIsRepeatable", testCreateTable},
	{"DeleteIsRepeatable", testDeleteTable},
	{"CaseOfNames", testTableCase},
	{"List", testListTables},
	{"InvalidName", testTableName},
	{"MissingTable", testMissingTable},
	{"ContextCancelled", testTablesCancelled},
}

func testCreateTable(t *testing.T, b *bundle) {
	table := b.table()
	b.insert(table, entity("p", "r", text("A", "kept")))
	require.NoError(t, b.Tables.CreateTable(t.Context(), table))
	require.Equal(t, "kept", b.get(table, "p", "r").Text("A"))
}

func testDeleteTable(t *testing.T, b *bundle) {
	require.NoError(t, b.Tables.DeleteTable(t.Context(), "T"+unique()))
	table := b.table()
	b.insert(table, entity("p", "r"))
	require.NoError(t, b.Tables.DeleteTable(t.Context(), table))
	require.NoError(t, b.Tables.DeleteTable(t.Context(), table))
	names, err := b.Tables.ListTables(t.Context(), table)
	require.NoError(t, err)
	require.Empty(t, names)
}

func testTableCase(t *testing.T, b *bundle) {
	table := b.table()
	upper := strings.ToUpper(table)
	require.NoError(t, b.Tables.CreateTable(t.Context(), upper), "it exists already")
	names, err := b.Tables.ListTables(t.Context(), table)
	require.NoError(t, err)
	require.Equal(t, []string{table}, names, "a table keeps the case in which it was created")
	b.differs(t, TableCase)
	b.insert(upper, entity("p", "r", text("A", "x")))
	require.Equal(t, "x", b.get(table, "p", "r").Text("A"))
}

func testListTables(t *testing.T, b *bundle) {
	prefix := "T" + unique()
	for _, name := range []string{prefix + "History", prefix + "Instances", prefix, strings.ToLower(prefix[:1]) + prefix[1:] + "X"} {
		b.dropTable(name)
		require.NoError(t, b.Tables.CreateTable(t.Context(), name))
	}
	names, err := b.Tables.ListTables(t.Context(), prefix)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{prefix, prefix + "History", prefix + "Instances"}, names)

	names, err = b.Tables.ListTables(t.Context(), prefix+"I")
	require.NoError(t, err)
	require.Equal(t, []string{prefix + "Instances"}, names)

	names, err = b.Tables.ListTables(t.Context(), prefix+"'")
	require.NoError(t, err)
	require.Empty(t, names, "a quote in a prefix is a character like any other")

	names, err = b.Tables.ListTables(t.Context(), "")
	require.NoError(t, err)
	require.Subset(t, names, []string{prefix, prefix + "History"}, "every name begins with nothing")
}

func testTableName(t *testing.T, b *bundle) {
	for _, name := range []string{"a-b", "1abc", "ab", strings.Repeat("a", 64), "a_b", "ü23"} {
		is(t, b.Tables.CreateTable(t.Context(), name), storage.ErrInvalid)
	}
}

func testMissingTable(t *testing.T, b *bundle) {
	for name, call := range tableCalls(b, "T"+unique()) {
		t.Run(name, func(t *testing.T) {
			is(t, call(t.Context()), storage.ErrContainerNotFound)
		})
	}
}

func testTablesCancelled(t *testing.T, b *bundle) {
	table := b.table()
	calls := tableCalls(b, table)
	calls["CreateTable"] = func(ctx context.Context) error { return b.Tables.CreateTable(ctx, table) }
	calls["DeleteTable"] = func(ctx context.Context) error { return b.Tables.DeleteTable(ctx, table) }
	calls["ListTables"] = func(ctx context.Context) error {
		_, err := b.Tables.ListTables(ctx, table)
		return err
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, call(cancelled(t)), context.Canceled)
		})
	}
	found, _ := b.all(table, storage.Query{})
	require.Empty(t, found, "nothing was done")
}

// tableCalls are the methods that work on a table.
func tableCalls(b *bundle, table string) map[string]func(context.Context) error {
	e := entity("p", "r", text("A", "x"))
	calls := map[string]func(context.Context) error{
		"Get": func(ctx context.Context) error {
			_, err := b.Tables.Get(ctx, table, "p", "r")
			return err
		},
		"Query": func(ctx context.Context) error {
			_, err := b.Tables.Query(ctx, table, storage.Query{})
			return err
		},
		"Insert": func(ctx context.Context) error {
			_, err := b.Tables.Insert(ctx, table, e)
			return err
		},
		"Delete": func(ctx context.Context) error {
			return b.Tables.Delete(ctx, table, "p", "r", storage.Any)
		},
	}
	for _, mode := range []storage.Mode{storage.Merge, storage.Replace} {
		for _, match := range []storage.ETag{"", storage.Any} {
			name := []string{"Merge", "Replace"}[mode] + string(match)
			calls[name] = func(ctx context.Context) error {
				_, err := b.Tables.Update(ctx, table, e, mode, match)
				return err
			}
		}
	}
	for kind, name := range []string{"BatchInsert", "BatchMerge", "BatchReplace", "BatchDelete"} {
		ops := []storage.Op{{Kind: storage.OpKind(kind), Entity: e, Match: storage.Any}}
		calls[name] = func(ctx context.Context) error { return b.Tables.Batch(ctx, table, slices.Clone(ops)) }
	}
	return calls
}
