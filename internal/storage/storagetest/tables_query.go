package storagetest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
)

var queryTests = []test{
	{"Order", testOrder},
	{"OrderOfUTF16", testOrderUTF16},
	{"Pages", testPages},
	{"PageBoundary", testPageBoundary},
	{"FullPages", testFullPages},
	{"FilterSkipsMuch", testFilterSkipsMuch},
	{"BoundaryIsEmptyRowKey", testEmptyRowKeyBoundary},
	{"BoundaryIsNastyKey", testNastyBoundary},
	{"ResumeWhenBoundaryIsGone", testResume},
	{"TokenFromNowhere", testForeignToken},
	{"TopOutOfRange", testTop},
}

func testOrder(t *testing.T, b *bundle) {
	table := b.table()
	var want []string
	for _, k := range [][2]string{{"b", "1"}, {"a", "2"}, {"B", "1"}, {"a", ""}, {"a", "10"}, {"a b", "1"}, {"a", "é"}} {
		b.insert(table, entity(k[0], k[1]))
		want = append(want, k[0]+"|"+k[1])
	}
	found, _ := b.all(table, storage.Query{})
	require.ElementsMatch(t, want, keys(found))
	require.Equal(t, []string{"B|1", "a|", "a|10", "a|2", "a|é", "a b|1", "b|1"}, keys(found))
}

func testOrderUTF16(t *testing.T, b *bundle) {
	table := b.table()
	want := []string{"a", "\u00e9", "\ud7ff", "\U00010000", "😀", "\ue000", "\ufffd"}
	for _, k := range want {
		b.insert(table, entity("p", k))
		b.insert(table, entity(k, "r"))
	}
	found, _ := b.all(table, storage.Query{Filter: pk("p")})
	require.Len(t, found, len(want))
	for i, e := range found {
		require.Equal(t, want[i], e.RowKey)
	}
	found, _ = b.all(table, storage.Query{Filter: storage.Cmp{Column: "RowKey", Op: storage.EQ, Value: storage.StringValue("r")}, Top: 2})
	require.Len(t, found, len(want))
	for i, e := range found {
		require.Equal(t, want[i], e.PartitionKey)
	}
	found, _ = b.all(table, storage.Query{Filter: storage.And{pk("p"), storage.Cmp{Column: "RowKey", Op: storage.GE, Value: storage.StringValue("😀")}}})
	require.Equal(t, []string{"p|😀", "p|\ue000", "p|\ufffd"}, keys(found), "filters compare in the order of the keys")
}

// pk is the filter for one partition.
func pk(key string) storage.Filter {
	return storage.Cmp{Column: "PartitionKey", Op: storage.EQ, Value: storage.StringValue(key)}
}

func testPages(t *testing.T, b *bundle) {
	table := b.table()
	b.fill(table, "a", 13)
	b.fill(table, "b", 12)
	want, _ := b.all(table, storage.Query{})
	require.Len(t, want, 25)
	require.True(t, slices.IsSortedFunc(want, func(x, y storage.Entity) int {
		if c := storage.CompareKeys(x.PartitionKey, y.PartitionKey); c != 0 {
			return c
		}
		return storage.CompareKeys(x.RowKey, y.RowKey)
	}))
	for _, top := range []int{1, 7, 13, 24, 25, 26, storage.MaxPage} {
		found, pages := b.all(table, storage.Query{Top: top})
		require.Equal(t, want, found, "top %d", top)
		require.LessOrEqual(t, slices.Max(pages), top)
	}
	found, _ := b.all(table, storage.Query{Top: 5, Filter: pk("b"), Columns: []string{"N"}})
	require.Equal(t, keys(want[13:]), keys(found))
	first, err := b.Tables.Query(t.Context(), table, storage.Query{Filter: pk("absent")})
	require.NoError(t, err)
	require.Empty(t, first.Entities)
}

// testPageBoundary goes on from every possible place.
func testPageBoundary(t *testing.T, b *bundle) {
	table := b.table()
	b.fill(table, "p", 10)
	want, _ := b.all(table, storage.Query{})
	for top := 1; top <= 10; top++ {
		first, err := b.Tables.Query(t.Context(), table, storage.Query{Top: top})
		require.NoError(t, err)
		if first.Next == (storage.Token{}) {
			require.Equal(t, want, first.Entities, "without a token that was all")
			continue
		}
		rest, _ := b.all(table, storage.Query{From: first.Next})
		require.Equal(t, want, append(first.Entities, rest...), "top %d", top)
		again, _ := b.all(table, storage.Query{From: first.Next})
		require.Equal(t, rest, again, "a token can be used twice")
	}
}

func testFullPages(t *testing.T, b *bundle) {
	table := b.table()
	b.fill(table, "p", storage.MaxPage)
	b.fill(table, "q", 1)
	want, pages := b.all(table, storage.Query{})
	require.Len(t, want, storage.MaxPage+1)
	require.LessOrEqual(t, slices.Max(pages), storage.MaxPage)
	exact, _ := b.all(table, storage.Query{Filter: pk("p")})
	require.Equal(t, want[:storage.MaxPage], exact)
	same, _ := b.all(table, storage.Query{Top: storage.MaxPage})
	require.Equal(t, want, same)
}

func testFilterSkipsMuch(t *testing.T, b *bundle) {
	table := b.table()
	b.fill(table, "p", 1200)
	found, _ := b.all(table, storage.Query{Top: 1, Filter: storage.Or{
		storage.Cmp{Column: "N", Op: storage.EQ, Value: storage.Int32Value(3)},
		storage.Cmp{Column: "N", Op: storage.GE, Value: storage.Int32Value(1198)},
	}})
	require.Equal(t, []string{"p|0003", "p|1198", "p|1199"}, keys(found))
	found, _ = b.all(table, storage.Query{Filter: storage.Cmp{Column: "N", Op: storage.LT, Value: storage.Int32Value(0)}})
	require.Empty(t, found)
}

func testEmptyRowKeyBoundary(t *testing.T, b *bundle) {
	table := b.table()
	var want []string
	for i := range 7 {
		b.insert(table, entity(rowKey(i), ""))
		want = append(want, rowKey(i)+"|")
	}
	for _, top := range []int{1, 2, 3} {
		found, _ := b.all(table, storage.Query{Top: top})
		require.Equal(t, want, keys(found))
	}
}

func testNastyBoundary(t *testing.T, b *bundle) {
	table := b.table()
	var want []string
	for _, key := range nastyKeys {
		b.insert(table, entity(key, key))
		want = append(want, key+"|"+key)
	}
	found, _ := b.all(table, storage.Query{Top: 1})
	require.ElementsMatch(t, want, keys(found))
	require.True(t, slices.IsSortedFunc(found, func(x, y storage.Entity) int {
		return storage.CompareKeys(x.PartitionKey, y.PartitionKey)
	}))
}

func testResume(t *testing.T, b *bundle) {
	table := b.table()
	b.fill(table, "p", 6)
	first, err := b.Tables.Query(t.Context(), table, storage.Query{Top: 2})
	require.NoError(t, err)
	require.Equal(t, []string{"p|0000", "p|0001"}, keys(first.Entities))
	for _, key := range []string{"0000", "0001", "0002"} {
		require.NoError(t, b.Tables.Delete(t.Context(), table, "p", key, storage.Any))
	}
	b.insert(table, entity("p", "0001a"))
	b.insert(table, entity("p", "0003a"))
	rest, _ := b.all(table, storage.Query{From: first.Next})
	got := slices.DeleteFunc(keys(rest), func(k string) bool { return k == "p|0001a" })
	require.Equal(t, []string{"p|0003", "p|0003a", "p|0004", "p|0005"}, got)
}

func testForeignToken(t *testing.T, b *bundle) {
	b.differs(t, LooseTokens)
	table := b.table()
	b.fill(table, "p", 3)
	for _, token := range []storage.Token{
		{NextPartitionKey: "nonsense"},
		{NextPartitionKey: "nonsense", NextRowKey: "nonsense"},
		{NextPartitionKey: "' or 1 eq 1"},
		{NextRowKey: "nonsense"},
	} {
		_, err := b.Tables.Query(t.Context(), table, storage.Query{From: token})
		is(t, err, storage.ErrInvalid)
	}
}

func testTop(t *testing.T, b *bundle) {
	table := b.table()
	for _, top := range []int{-1, storage.MaxPage + 1} {
		_, err := b.Tables.Query(t.Context(), table, storage.Query{Top: top})
		is(t, err, storage.ErrInvalid)
	}
}
