package storagetest

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
)

// nastyKeys are keys that the service accepts and that break what forgets to escape.
var nastyKeys = []string{
	"it's", "''", "' or PartitionKey ne '", "50%", "%25", "%20", "%2F", "a b", " lead", "trail ", "  ", ".", "..", "...",
	"^", "a^0A", "+", "a+b", "(", ")", "()", "a,b", "a=b", "a&b", "@entity@key", ";", `"quoted"`, "$top", ":", "|", "<a>",
	"*", "~", "[x]", "{x}", "`", "!", "ünïcödé", "日本", "😀", "e\u0301", "\u200b", "\ue000", "\ufffd",
	"00000000-0000-0000-0000-000000000000", "0", "-1", "1E+100", "NULL", "true",
}

// forbiddenKeys are keys that the service refuses.
var forbiddenKeys = []string{
	"a/b", `a\b`, "a#b", "a?b", "/", "a\tb", "a\nb", "a\rb", "\x00", "a\x1fb", "a\x7fb", "a\u0085b", "\u009f",
	strings.Repeat("k", 513), strings.Repeat("😀", 257),
}

// longestKeys are as long as a key may be: 1 KiB in UTF-16.
var longestKeys = []string{strings.Repeat("k", 512), strings.Repeat("😀", 256)}

func entity(partitionKey, rowKey string, columns ...storage.Column) *storage.Entity {
	return &storage.Entity{PartitionKey: partitionKey, RowKey: rowKey, Columns: columns}
}

func text(name, s string) storage.Column {
	return storage.Column{Name: name, Value: storage.StringValue(s)}
}

func number(name string, n int32) storage.Column {
	return storage.Column{Name: name, Value: storage.Int32Value(n)}
}

func column(name string, typ storage.Type, s string) storage.Column {
	return storage.Column{Name: name, Value: storage.Value{Type: typ, Text: s}}
}

// insert adds an entity and returns its ETag.
func (b *bundle) insert(table string, e *storage.Entity) storage.ETag {
	b.tb.Helper()
	tag, err := b.Tables.Insert(b.tb.Context(), table, e)
	require.NoError(b.tb, err)
	require.NotEmpty(b.tb, tag)
	return tag
}

// get reads an entity that must exist.
func (b *bundle) get(table, partitionKey, rowKey string) *storage.Entity {
	b.tb.Helper()
	e, err := b.Tables.Get(b.tb.Context(), table, partitionKey, rowKey)
	require.NoError(b.tb, err)
	return e
}

// fill adds n entities to a partition, with row keys of four digits and a column N that holds 0 to n-1.
func (b *bundle) fill(table, partitionKey string, n int) {
	b.tb.Helper()
	for from := 0; from < n; from += storage.MaxBatch {
		var ops []storage.Op
		for i := from; i < min(n, from+storage.MaxBatch); i++ {
			ops = append(ops, storage.Op{Entity: entity(partitionKey, rowKey(i), number("N", int32(i)))})
		}
		require.NoError(b.tb, b.Tables.Batch(b.tb.Context(), table, ops))
	}
}

func rowKey(i int) string {
	s := strconv.Itoa(i)
	return strings.Repeat("0", 4-len(s)) + s
}

// all reads every page of a query and returns the entities and the sizes of the pages.
func (b *bundle) all(table string, q storage.Query) (found []storage.Entity, pages []int) {
	b.tb.Helper()
	for {
		p, err := b.Tables.Query(b.tb.Context(), table, q)
		require.NoError(b.tb, err)
		found = append(found, p.Entities...)
		pages = append(pages, len(p.Entities))
		if p.Next == (storage.Token{}) {
			return found, pages
		}
		require.NotEqual(b.tb, q.From, p.Next, "a token that leads to where it came from")
		require.Less(b.tb, len(pages), 10_000, "a query without end")
		q.From = p.Next
	}
}

// keys returns the keys of entities as "PartitionKey|RowKey".
func keys(entities []storage.Entity) []string {
	out := make([]string, len(entities))
	for i, e := range entities {
		out[i] = e.PartitionKey + "|" + e.RowKey
	}
	return out
}

// sameColumns compares columns by name: the order in which a service returns them is its own.
func sameColumns(tb testing.TB, want, got []storage.Column) {
	tb.Helper()
	require.ElementsMatch(tb, want, got)
}

// is requires that errors.Is finds exactly this one of the error values.
func is(tb testing.TB, err, want error) {
	tb.Helper()
	require.ErrorIs(tb, err, want)
	for _, other := range []error{
		storage.ErrNotFound, storage.ErrContainerNotFound, storage.ErrExists, storage.ErrPrecondition,
		storage.ErrBeingDeleted, storage.ErrLeased, storage.ErrInvalid, storage.ErrDenied, storage.ErrUncertain,
	} {
		if other != want { //nolint:errorlint // identity is meant
			require.NotErrorIs(tb, err, other)
		}
	}
}
