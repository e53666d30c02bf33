package storagetest

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
)

var entityTests = []test{
	{"InsertAndGet", testInsert},
	{"Missing", testMissingEntity},
	{"NastyKeys", testNastyKeys},
	{"NoPartitionKey", testNoPartitionKey},
	{"Types", testTypes},
	{"LongText", testLongText},
	{"Projection", testProjection},
	{"Timestamp", testTimestamp},
	{"Merge", func(t *testing.T, b *bundle) { testUpdate(t, b, storage.Merge) }},
	{"Replace", func(t *testing.T, b *bundle) { testUpdate(t, b, storage.Replace) }},
	{"Upsert", testUpsert},
	{"Delete", testDeleteEntity},
	{"ETags", testETags},
	{"ArgumentsStay", testArguments},
	{"ConcurrentInserts", testConcurrentInserts},
	{"ConcurrentUpdates", testConcurrentUpdates},
}

func testInsert(t *testing.T, b *bundle) {
	table := b.table()
	e := entity("p", "r", text("A", "x"), number("N", 7))
	tag := b.insert(table, e)
	got := b.get(table, "p", "r")
	require.Equal(t, "p", got.PartitionKey)
	require.Equal(t, "r", got.RowKey)
	require.Equal(t, tag, got.ETag)
	sameColumns(t, e.Columns, got.Columns)

	_, err := b.Tables.Insert(t.Context(), table, entity("p", "r", text("A", "other")))
	is(t, err, storage.ErrExists)
	require.Equal(t, got, b.get(table, "p", "r"), "a refused insert changes nothing")

	b.insert(table, entity("p", ""))
	b.insert(table, entity("P", "r"))
	b.insert(table, entity("p", "R"))
	require.Empty(t, b.get(table, "p", "").Columns)
	require.Equal(t, "R", b.get(table, "p", "R").RowKey, "keys heed case")
}

func testNoPartitionKey(t *testing.T, b *bundle) {
	table := b.table()
	b.insert(table, entity("p", "r"))
	b.insert(table, entity("", "r2", text("A", "x")))
	b.insert(table, entity("", "r1"))
	_, err := b.Tables.Insert(t.Context(), table, entity("", "r1"))
	is(t, err, storage.ErrExists)
	for _, filter := range []storage.Filter{
		nil, storage.Cmp{Column: "RowKey", Op: storage.GE, Value: storage.StringValue("r")},
	} {
		rows, _ := b.all(table, storage.Query{Filter: filter})
		require.Len(t, rows, 3)
		require.Equal(t, []string{"r1", "r2", "r"}, []string{rows[0].RowKey, rows[1].RowKey, rows[2].RowKey})
		require.Empty(t, rows[1].PartitionKey)
		sameColumns(t, []storage.Column{text("A", "x")}, rows[1].Columns)
	}
}

func testMissingEntity(t *testing.T, b *bundle) {
	table := b.table()
	_, err := b.Tables.Get(t.Context(), table, "p", "r")
	is(t, err, storage.ErrNotFound)
	_, err = b.Tables.Get(t.Context(), table, "p", "r", "A")
	is(t, err, storage.ErrNotFound)
	for _, mode := range []storage.Mode{storage.Merge, storage.Replace} {
		_, err = b.Tables.Update(t.Context(), table, entity("p", "r"), mode, storage.Any)
		is(t, err, storage.ErrNotFound)
	}
	is(t, b.Tables.Delete(t.Context(), table, "p", "r", storage.Any), storage.ErrNotFound)
}

func testNastyKeys(t *testing.T, b *bundle) {
	table := b.table()
	for i, key := range nastyKeys {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			b := b.on(t)
			for _, k := range [][2]string{{key, "x"}, {"x", key}, {key, key}, {key, ""}} {
				lifeOfEntity(t, b, table, k[0], k[1])
			}
		})
	}
}

// lifeOfEntity takes one key through every method.
func lifeOfEntity(t *testing.T, b *bundle, table, partitionKey, rowKey string) {
	ctx := t.Context()
	b.insert(table, entity(partitionKey, rowKey, text("A", partitionKey), text("B", "1")))
	got := b.get(table, partitionKey, rowKey)
	require.Equal(t, [2]string{partitionKey, rowKey}, [2]string{got.PartitionKey, got.RowKey})
	require.Equal(t, partitionKey, got.Text("A"))

	found, _ := b.all(table, storage.Query{Filter: storage.And{
		storage.Cmp{Column: "PartitionKey", Op: storage.EQ, Value: storage.StringValue(partitionKey)},
		storage.Cmp{Column: "RowKey", Op: storage.EQ, Value: storage.StringValue(rowKey)},
		storage.Cmp{Column: "A", Op: storage.EQ, Value: storage.StringValue(partitionKey)},
	}})
	require.Equal(t, []string{partitionKey + "|" + rowKey}, keys(found))

	tag, err := b.Tables.Update(ctx, table, entity(partitionKey, rowKey, text("B", "2")), storage.Merge, got.ETag)
	require.NoError(t, err)
	tag, err = b.Tables.Update(ctx, table, entity(partitionKey, rowKey, text("B", "3")), storage.Replace, tag)
	require.NoError(t, err)
	got = b.get(table, partitionKey, rowKey)
	sameColumns(t, []storage.Column{text("B", "3")}, got.Columns)
	require.Equal(t, tag, got.ETag)
	require.NoError(t, b.Tables.Delete(ctx, table, partitionKey, rowKey, tag))
	_, err = b.Tables.Get(ctx, table, partitionKey, rowKey)
	is(t, err, storage.ErrNotFound)
}

// exactColumns are values whose text comes back as it went in.
var exactColumns = []storage.Column{
	text("Empty", ""), text("Blanks", "  x "), text("Quotes", `it's "so"`), text("Emoji", "a😀b"), text("JSON", `{"a":"\u0000"}`),
	text("Lines", "a\r\nb\tc"), text("Number", "5"), text("Date", "2026-01-02T03:04:05Z"), text("HTML", "<&>"), text("Separators", "\u2028\u2029"),
	column("I32Min", storage.Int32, "-2147483648"), column("I32Max", storage.Int32, "2147483647"), number("Zero", 0),
	column("I64Min", storage.Int64, "-9223372036854775808"), column("I64Max", storage.Int64, "9223372036854775807"),
	column("I64Small", storage.Int64, "5"),
	column("True", storage.Bool, "true"), column("False", storage.Bool, "false"),
	column("Ticks", storage.DateTime, "2026-11-22T07:27:00.1234567Z"), column("FirstYear", storage.DateTime, "1601-01-01T00:00:00.0000001Z"),
	column("LastYear", storage.DateTime, "9999-12-31T23:59:59.9999999Z"),
	column("Guid", storage.GUID, "0123abcd-4567-89ab-cdef-0123456789ab"), column("NoGuid", storage.GUID, "00000000-0000-0000-0000-000000000000"),
	column("Bytes", storage.Binary, "AAECAwT/+/8="), column("NoBytes", storage.Binary, ""),
	column("Half", storage.Double, "0.5"), column("Precise", storage.Double, "3.141592653589793"),
}

// equalColumns are values that the service may write in another way that means the same. What it writes it writes
// again: the text that was read can be written and read without another change.
var equalColumns = []storage.Column{
	column("Whole", storage.Double, "5.0"), column("NoDigits", storage.Double, "-7"), column("Huge", storage.Double, "1E+100"),
	column("Tiny", storage.Double, "5E-324"), column("Largest", storage.Double, "1.7976931348623157E+308"), column("Nought", storage.Double, "0.0"),
	column("Second", storage.DateTime, "2026-01-02T03:04:05.0000000Z"), column("Trailing", storage.DateTime, "2026-01-02T03:04:05.1000000Z"),
}

func testTypes(t *testing.T, b *bundle) {
	table := b.table()
	b.insert(table, entity("p", "one", append(append([]storage.Column(nil), exactColumns...), equalColumns...)...))
	first := b.get(table, "p", "one")
	require.Len(t, first.Columns, len(exactColumns)+len(equalColumns))
	for _, c := range exactColumns {
		require.Equal(t, c.Value, first.Get(c.Name), c.Name)
	}
	for _, c := range equalColumns {
		equalValues(t, c.Value, first.Get(c.Name), c.Name)
	}
	again := entity("p", "two", first.Columns...)
	require.NoError(t, b.Tables.Batch(t.Context(), table, []storage.Op{{Entity: again}}))
	sameColumns(t, first.Columns, b.get(table, "p", "two").Columns)

	found, _ := b.all(table, storage.Query{})
	require.Len(t, found, 2)
	sameColumns(t, first.Columns, found[0].Columns)
}

func equalValues(t *testing.T, want, got storage.Value, name string) {
	require.Equal(t, want.Type, got.Type, name)
	if want.Type == storage.DateTime {
		require.True(t, want.Time().Equal(got.Time()), "%s: want %s, got %s", name, want.Text, got.Text)
		return
	}
	x, err := strconv.ParseFloat(want.Text, 64)
	require.NoError(t, err)
	y, err := strconv.ParseFloat(got.Text, 64)
	require.NoError(t, err, name)
	require.Equal(t, x, y, name)
}

func testLongText(t *testing.T, b *bundle) {
	table := b.table()
	for name, s := range map[string]string{"ASCII": strings.Repeat("x", 32768), "Emoji": strings.Repeat("😀", 16384)} {
		t.Run(name, func(t *testing.T) {
			b := b.on(t)
			e := entity("p", name, text("A", s))
			require.NoError(t, b.Tables.Batch(t.Context(), table, []storage.Op{{Entity: e}}))
			require.True(t, b.get(table, "p", name).Text("A") == s)
			if name == "Emoji" {
				b.differs(t, DamagedText)
			}
			for i := range 10 {
				e.RowKey = name + strconv.Itoa(i)
				b.insert(table, e)
				require.True(t, b.get(table, "p", e.RowKey).Text("A") == s)
			}
		})
	}
}

func testProjection(t *testing.T, b *bundle) {
	table := b.table()
	tag := b.insert(table, entity("p", "r", text("A", "a"), text("B", "b"), number("C", 1)))
	tests := []struct {
		name    string
		columns []string
		want    []storage.Column
	}{
		{"None", nil, []storage.Column{text("A", "a"), text("B", "b"), number("C", 1)}},
		{"Some", []string{"C", "A"}, []storage.Column{text("A", "a"), number("C", 1)}},
		{"Absent", []string{"A", "Absent"}, []storage.Column{text("A", "a")}},
		{"OnlyAbsent", []string{"Absent"}, nil},
		{"Keys", []string{"PartitionKey", "RowKey"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := b.Tables.Get(t.Context(), table, "p", "r", tt.columns...)
			require.NoError(t, err)
			page, err := b.Tables.Query(t.Context(), table, storage.Query{Columns: tt.columns})
			require.NoError(t, err)
			require.Len(t, page.Entities, 1)
			for _, e := range []*storage.Entity{got, &page.Entities[0]} {
				require.Equal(t, [2]string{"p", "r"}, [2]string{e.PartitionKey, e.RowKey})
				require.Equal(t, tag, e.ETag)
				sameColumns(t, tt.want, e.Columns)
			}
		})
	}
}

func testTimestamp(t *testing.T, b *bundle) {
	table := b.table()
	e := entity("p", "r", text("A", "x"))
	e.Timestamp, e.ETag = column("", storage.DateTime, "2001-01-01T00:00:00Z").Value, "nonsense"
	b.insert(table, e)
	got := b.get(table, "p", "r")
	require.Equal(t, storage.DateTime, got.Timestamp.Type)
	require.Greater(t, got.Timestamp.Time().Year(), 2001, "the service sets it")
	require.False(t, got.Has("Timestamp"), "it is not among the columns")

	_, err := b.Tables.Update(t.Context(), table, got, storage.Merge, got.ETag)
	require.NoError(t, err, "what was read can be written")
	require.False(t, b.get(table, "p", "r").Timestamp.Time().Before(got.Timestamp.Time()))
	page, err := b.Tables.Query(t.Context(), table, storage.Query{})
	require.NoError(t, err)
	require.Equal(t, storage.DateTime, page.Entities[0].Timestamp.Type)
}

func testUpdate(t *testing.T, b *bundle, mode storage.Mode) {
	table := b.table()
	old := b.insert(table, entity("p", "r", text("A", "a"), text("B", "b")))
	want := []storage.Column{number("B", 2), text("C", "c")}
	if mode == storage.Merge {
		want = append(want, text("A", "a"))
	}
	e := entity("p", "r", number("B", 2), text("C", "c"))
	tag, err := b.Tables.Update(t.Context(), table, e, mode, old)
	require.NoError(t, err)
	require.NotEqual(t, old, tag)
	got := b.get(table, "p", "r")
	require.Equal(t, tag, got.ETag)
	sameColumns(t, want, got.Columns)

	_, err = b.Tables.Update(t.Context(), table, entity("p", "r", text("A", "late")), mode, old)
	is(t, err, storage.ErrPrecondition)
	require.Equal(t, got, b.get(table, "p", "r"), "a refused update changes nothing")

	_, err = b.Tables.Update(t.Context(), table, entity("p", "r", text("A", "any")), mode, storage.Any)
	require.NoError(t, err)
	require.Equal(t, "any", b.get(table, "p", "r").Text("A"))

	require.NoError(t, b.Tables.Delete(t.Context(), table, "p", "r", storage.Any))
	_, err = b.Tables.Update(t.Context(), table, e, mode, tag)
	is(t, err, storage.ErrNotFound)
}

func testUpsert(t *testing.T, b *bundle) {
	table := b.table()
	for i, mode := range []storage.Mode{storage.Merge, storage.Replace} {
		key := strconv.Itoa(i)
		tag, err := b.Tables.Update(t.Context(), table, entity("p", key, text("A", "a")), mode, "")
		require.NoError(t, err)
		got := b.get(table, "p", key)
		require.Equal(t, tag, got.ETag)
		sameColumns(t, []storage.Column{text("A", "a")}, got.Columns)

		_, err = b.Tables.Update(t.Context(), table, entity("p", key, text("B", "b")), mode, "")
		require.NoError(t, err, "any version will do")
		got = b.get(table, "p", key)
		require.Equal(t, "b", got.Text("B"))
		require.Equal(t, mode == storage.Merge, got.Has("A"))
	}
}

func testDeleteEntity(t *testing.T, b *bundle) {
	table := b.table()
	old := b.insert(table, entity("p", "r"))
	tag, err := b.Tables.Update(t.Context(), table, entity("p", "r", number("A", 1)), storage.Merge, old)
	require.NoError(t, err)
	for _, match := range []storage.ETag{old, ""} { // no version is not any version
		is(t, b.Tables.Delete(t.Context(), table, "p", "r", match), storage.ErrPrecondition)
		is(t, b.Tables.Batch(t.Context(), table, []storage.Op{{Kind: storage.OpDelete, Entity: entity("p", "r"), Match: match}}), storage.ErrPrecondition)
		is(t, b.Tables.Delete(t.Context(), table, "p", "absent", match), storage.ErrNotFound)
	}
	b.get(table, "p", "r")
	require.NoError(t, b.Tables.Delete(t.Context(), table, "p", "r", tag))
	is(t, b.Tables.Delete(t.Context(), table, "p", "r", tag), storage.ErrNotFound)

	again := b.insert(table, entity("p", "r"))
	require.NotContains(t, []storage.ETag{old, tag}, again, "a version never comes back")
	require.NoError(t, b.Tables.Delete(t.Context(), table, "p", "r", storage.Any))
}

func testETags(t *testing.T, b *bundle) {
	table := b.table()
	seen := map[storage.ETag]bool{b.insert(table, entity("p", "r", text("A", "same"))): true}
	for range 50 {
		tag, err := b.Tables.Update(t.Context(), table, entity("p", "r", text("A", "same")), storage.Merge, storage.Any)
		require.NoError(t, err)
		require.False(t, seen[tag], "every write makes a new version")
		seen[tag] = true
	}
}

func testArguments(t *testing.T, b *bundle) {
	table := b.table()
	e := entity("p", "r", text("A", "a"), text("B", "it's"))
	want := e.Clone()
	b.insert(table, e)
	require.Equal(t, want, e, "not modified")
	e.Columns[0].Text = "changed"
	require.Equal(t, "a", b.get(table, "p", "r").Text("A"), "not retained")

	got := b.get(table, "p", "r")
	got.Columns[0].Value = storage.StringValue("changed")
	require.NotEqual(t, got.Columns, b.get(table, "p", "r").Columns, "a result belongs to the caller")

	ops := []storage.Op{{Kind: storage.OpMerge, Entity: e, Match: storage.Any}}
	before := e.Clone()
	require.NoError(t, b.Tables.Batch(t.Context(), table, ops))
	require.Equal(t, []storage.Op{{Kind: storage.OpMerge, Entity: before, Match: storage.Any}}, ops)
}

func testConcurrentInserts(t *testing.T, b *bundle) {
	table := b.table()
	const n = 64
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			_, errs[i] = b.Tables.Insert(t.Context(), table, entity("p", "r", number("N", int32(i))))
		})
	}
	wg.Wait()
	winner := -1
	for i, err := range errs {
		if err == nil {
			require.Equal(t, -1, winner, "two inserts of one key succeeded")
			winner = i
			continue
		}
		is(t, err, storage.ErrExists)
	}
	require.NotEqual(t, -1, winner)
	require.Equal(t, int64(winner), b.get(table, "p", "r").Get("N").Int())
}

// testConcurrentUpdates counts with many writers: no update is lost where each demands the version it read.
func testConcurrentUpdates(t *testing.T, b *bundle) {
	table := b.table()
	b.insert(table, entity("p", "r", number("N", 0)))
	const writers, each = 8, 5
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for done := 0; done < each && errs[w] == nil; {
				errs[w] = increment(t, b, table)
				switch {
				case errs[w] == nil:
					done++
				case errors.Is(errs[w], storage.ErrPrecondition):
					errs[w] = nil
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Equal(t, int64(writers*each), b.get(table, "p", "r").Get("N").Int())
}

func increment(t *testing.T, b *bundle, table string) error {
	e, err := b.Tables.Get(t.Context(), table, "p", "r")
	if err != nil {
		return err
	}
	next := entity("p", "r", number("N", int32(e.Get("N").Int())+1))
	_, err = b.Tables.Update(t.Context(), table, next, storage.Merge, e.ETag)
	return err
}

// now is a time with a fraction that no service rounds.
func now() time.Time { return time.Date(2026, 11, 22, 7, 27, 0, 123_456_700, time.UTC) }
