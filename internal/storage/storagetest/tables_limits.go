package storagetest

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
)

var limitTests = []test{
	{"ForbiddenKeys", testForbiddenKeys},
	{"LongestKeys", testLongestKeys},
	{"LongestValues", testLongestValues},
	{"EntityLimits", testEntityLimits},
	{"ColumnNames", testColumnNames},
	{"BadValues", testBadValues},
	{"NotUTF8", testNotUTF8},
	{"ReservedColumns", testReservedColumns},
	{"AbsentColumns", testAbsentColumns},
}

// refused requires that no way of writing an entity works.
func refused(t *testing.T, b *bundle, table string, e *storage.Entity) {
	t.Helper()
	_, err := b.Tables.Insert(t.Context(), table, e)
	is(t, err, storage.ErrInvalid)
	for _, mode := range []storage.Mode{storage.Merge, storage.Replace} {
		_, err = b.Tables.Update(t.Context(), table, e, mode, "")
		is(t, err, storage.ErrInvalid)
	}
	for _, kind := range []storage.OpKind{storage.OpInsert, storage.OpMerge, storage.OpReplace} {
		is(t, b.Tables.Batch(t.Context(), table, []storage.Op{{Kind: kind, Entity: e}}), storage.ErrInvalid)
	}
	found, _ := b.all(table, storage.Query{})
	require.Empty(t, found)
}

func testForbiddenKeys(t *testing.T, b *bundle) {
	table := b.table()
	for i, key := range forbiddenKeys {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			refused(t, b.on(t), table, entity(key, "r"))
			refused(t, b.on(t), table, entity("p", key))
		})
	}
}

func testLongestKeys(t *testing.T, b *bundle) {
	table := b.table()
	for _, key := range longestKeys {
		lifeOfEntity(t, b, table, key, "r")
		lifeOfEntity(t, b, table, "p", key)
	}
}

func testLongestValues(t *testing.T, b *bundle) {
	table := b.table()
	refused(t, b, table, entity("p", "r", text("A", strings.Repeat("x", 32769))))
	refused(t, b, table, entity("p", "r", text("A", strings.Repeat("😀", 16384)+"x")))
	refused(t, b, table, entity("p", "r", column("A", storage.Binary, strings.Repeat("AAAA", 21845)+"AAA="))) // 65,537 bytes
	b.insert(table, entity("p", "r", column("A", storage.Binary, strings.Repeat("AAAA", 21845)+"AA==")))
	require.Len(t, b.get(table, "p", "r").Get("A").Text, 65536/3*4+4)
}

func testEntityLimits(t *testing.T, b *bundle) {
	b.differs(t, LooseEntities)
	table := b.table()
	full := entity("p", "many")
	for i := range 253 {
		full.Set("C"+strconv.Itoa(i), storage.Int32Value(1))
	}
	refused(t, b, table, full)
	large := entity("p", "large")
	for i := range 17 {
		large.Set("C"+strconv.Itoa(i), storage.StringValue(strings.Repeat("x", 32000)))
	}
	refused(t, b, table, large)

	full.Columns = full.Columns[:252]
	b.insert(table, full)
	_, err := b.Tables.Update(t.Context(), table, entity("p", "many", text("D", "one more")), storage.Merge, storage.Any)
	is(t, err, storage.ErrInvalid)
	large.Columns = large.Columns[:16]
	b.insert(table, large)
	_, err = b.Tables.Update(t.Context(), table, entity("p", "large", text("D", strings.Repeat("x", 32000))), storage.Merge, storage.Any)
	is(t, err, storage.ErrInvalid)
	require.False(t, b.get(table, "p", "large").Has("D"))
}

func testColumnNames(t *testing.T, b *bundle) {
	b.differs(t, LooseEntities)
	table := b.table()
	for _, name := range []string{"a-b", "a b", "1a", "", "a.b", strings.Repeat("n", 256)} {
		refused(t, b, table, entity("p", "r", text(name, "x")))
	}
	b.insert(table, entity("p", "r", text(strings.Repeat("n", 255), "x"), text("_a1", "x")))
}

func testBadValues(t *testing.T, b *bundle) {
	table := b.table()
	for _, v := range []storage.Column{
		column("A", storage.Int32, "abc"), column("A", storage.Int32, "2147483648"), column("A", storage.Int64, "9223372036854775808"),
		column("A", storage.Double, "abc"), column("A", storage.GUID, "abc"), column("A", storage.Bool, "maybe"),
		column("A", storage.DateTime, "yesterday"), column("A", storage.Binary, "%%%"), column("A", storage.Double, "0x1p4"),
		column("A", storage.Int32, "1,\"B\":2"), column("A", storage.Bool, "1"),
	} {
		refused(t, b, table, entity("p", "r", v))
	}
	b.differs(t, LooseValues)
	refused(t, b, table, entity("p", "r", column("A", storage.DateTime, "1600-12-31T23:59:59Z")))
}

// testNotUTF8: such bytes would silently become U+FFFD on their way.
func testNotUTF8(t *testing.T, b *bundle) {
	table := b.table()
	refused(t, b, table, entity("p\xff", "r"))
	refused(t, b, table, entity("p", "r\xff"))
	refused(t, b, table, entity("p", "r", text("A", "a\xffb")))
	refused(t, b, table, entity("p", "r", text("A\xff", "x")))
}

func testReservedColumns(t *testing.T, b *bundle) {
	table := b.table()
	for _, name := range []string{"PartitionKey", "RowKey", "Timestamp", "A@odata.type", "odata.etag"} {
		refused(t, b, table, entity("p", "r", text(name, "x")))
	}
}

func testAbsentColumns(t *testing.T, b *bundle) {
	table := b.table()
	b.insert(table, entity("p", "r", text("A", "a"), storage.Column{Name: "B"}))
	sameColumns(t, []storage.Column{text("A", "a")}, b.get(table, "p", "r").Columns)
	_, err := b.Tables.Update(t.Context(), table, entity("p", "r", storage.Column{Name: "A"}, text("C", "c")), storage.Merge, storage.Any)
	require.NoError(t, err)
	sameColumns(t, []storage.Column{text("A", "a"), text("C", "c")}, b.get(table, "p", "r").Columns)
	_, err = b.Tables.Update(t.Context(), table, entity("p", "r", storage.Column{Name: "A"}), storage.Replace, storage.Any)
	require.NoError(t, err)
	require.Empty(t, b.get(table, "p", "r").Columns)
}
