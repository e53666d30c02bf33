package storagetest

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
)

var filterTests = []test{
	{"FilterTypes", testFilterTypes},
	{"FilterOtherTypes", testFilterOtherTypes},
	{"FilterTicks", testFilterTicks},
	{"FilterMixedIntegers", testFilterMixed},
	{"FilterStrings", testFilterStrings},
	{"FilterNesting", testFilterNesting},
	{"FilterTimestamp", testFilterTimestamp},
	{"FilterLength", testFilterLength},
}

var operators = []storage.CmpOp{storage.EQ, storage.NE, storage.LT, storage.LE, storage.GT, storage.GE}

// matches requires that the service and [storage.Match] agree on which entities meet a filter, and returns their keys.
func matches(t *testing.T, b *bundle, table string, f storage.Filter) []string {
	t.Helper()
	everything, _ := b.all(table, storage.Query{})
	var want []string
	for i := range everything {
		if storage.Match(f, &everything[i]) {
			want = append(want, keys(everything[i:i+1])...)
		}
	}
	found, _ := b.all(table, storage.Query{Filter: f})
	require.ElementsMatch(t, want, keys(found), "filter: %s", storage.Render(f))
	return keys(found)
}

// scale inserts rows whose column V rises from "1" to "3", besides one without it.
func scale(b *bundle, typ storage.Type, values [3]string) string {
	table := b.table()
	for i, v := range values {
		b.insert(table, entity("p", string(rune('1'+i)), column("V", typ, v)))
	}
	b.insert(table, entity("p", "absent", text("W", "x")))
	return table
}

func testFilterTypes(t *testing.T, b *bundle) {
	tests := []struct {
		name    string
		typ     storage.Type
		values  [3]string
		ordered bool
	}{
		{"String", storage.String, [3]string{"", "b", "it's"}, true},
		{"Int32", storage.Int32, [3]string{"-5", "0", "2147483647"}, true},
		{"Int64", storage.Int64, [3]string{"-9223372036854775808", "5", "9223372036854775807"}, true},
		{"Double", storage.Double, [3]string{"-1.5", "5.25", "1E+100"}, true},
		{"DateTime", storage.DateTime, [3]string{"1999-12-31T23:59:59.5000000Z", "2026-01-02T03:04:05.1230000Z", "9999-12-31T00:00:00.0000000Z"}, true},
		{"GUID", storage.GUID, [3]string{"00000000-0000-0000-0000-000000000001", "10000000-aaaa-0000-0000-000000000000", "f0000000-0000-0000-0000-000000000000"}, false},
		{"Binary", storage.Binary, [3]string{"AAE=", "AAI=", "/w=="}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := b.on(t)
			table := scale(b, tt.typ, tt.values)
			value := storage.Value{Type: tt.typ, Text: tt.values[1]}
			want := map[storage.CmpOp][]string{
				storage.EQ: {"p|2"}, storage.NE: {"p|1", "p|3"}, storage.LT: {"p|1"}, storage.LE: {"p|1", "p|2"},
				storage.GT: {"p|3"}, storage.GE: {"p|2", "p|3"},
			}
			for _, op := range operators {
				if !tt.ordered && op != storage.EQ && op != storage.NE {
					continue
				}
				got := matches(t, b, table, storage.Cmp{Column: "V", Op: op, Value: value})
				require.Equal(t, want[op], got, op)
			}
		})
	}
	t.Run("Bool", func(t *testing.T) {
		t.Parallel()
		b := b.on(t)
		table := scale(b, storage.Bool, [3]string{"true", "false", "true"})
		for _, op := range []storage.CmpOp{storage.EQ, storage.NE} {
			matches(t, b, table, storage.Cmp{Column: "V", Op: op, Value: storage.BoolValue(true)})
		}
	})
}

// testFilterOtherTypes: where a column is of another type than the value, nothing holds, not even that it differs.
func testFilterOtherTypes(t *testing.T, b *bundle) {
	b.differs(t, LooseTypes)
	table := b.table()
	columns := []storage.Column{
		text("V", "5"), number("V", 5), column("V", storage.Double, "5.5"), column("V", storage.Bool, "true"),
		column("V", storage.DateTime, "2026-01-02T03:04:05.0000000Z"), column("V", storage.GUID, "10000000-aaaa-0000-0000-000000000000"),
		column("V", storage.Binary, "AAI="),
	}
	for i, c := range columns {
		b.insert(table, entity("p", rowKey(i), c))
	}
	for i, c := range columns {
		for op, want := range map[storage.CmpOp][]string{storage.EQ: {"p|" + rowKey(i)}, storage.NE: nil} {
			t.Run(strconv.Itoa(i)+string(op), func(t *testing.T) {
				require.ElementsMatch(t, want, matches(t, b.on(t), table, storage.Cmp{Column: "V", Op: op, Value: c.Value}))
			})
		}
	}
}

func testFilterTicks(t *testing.T, b *bundle) {
	b.differs(t, MillisecondTimes)
	at := now()
	table := scale(b, storage.DateTime, [3]string{
		storage.TimeValue(at.Add(-100 * time.Nanosecond)).Text, storage.TimeValue(at).Text, storage.TimeValue(at.Add(100 * time.Nanosecond)).Text,
	})
	for op, want := range map[storage.CmpOp][]string{storage.EQ: {"p|2"}, storage.LT: {"p|1"}, storage.GT: {"p|3"}} {
		require.Equal(t, want, matches(t, b, table, storage.Cmp{Column: "V", Op: op, Value: storage.TimeValue(at)}))
	}
	elsewhere := storage.Value{Type: storage.DateTime, Text: "2026-11-22T09:27:00.1234567+02:00"}
	require.Equal(t, []string{"p|2"}, matches(t, b, table, storage.Cmp{Column: "V", Op: storage.EQ, Value: elsewhere}))
}

func testFilterMixed(t *testing.T, b *bundle) {
	b.differs(t, MixedIntegers)
	table := b.table()
	b.insert(table, entity("p", "1", number("V", 5)))
	b.insert(table, entity("p", "2", column("V", storage.Int64, "5")))
	for _, v := range []storage.Value{storage.Int32Value(5), {Type: storage.Int64, Text: "5"}} {
		require.Equal(t, []string{"p|1", "p|2"}, matches(t, b, table, storage.Cmp{Column: "V", Op: storage.EQ, Value: v}))
	}
}

// testFilterStrings puts every nasty string into a filter: each finds its own row and no other.
func testFilterStrings(t *testing.T, b *bundle) {
	table := b.table()
	values := append([]string{"", "' or '1' eq '1", "') or (V ne '", "a\nb", `\'`, "&$top=1", "#", "?", "/", "%00", "🤷‍♂️"}, nastyKeys...)
	for i, v := range values {
		b.insert(table, entity("p", rowKey(i), text("V", v)))
	}
	for i, v := range values {
		got := matches(t, b, table, storage.Cmp{Column: "V", Op: storage.EQ, Value: storage.StringValue(v)})
		require.Equal(t, []string{"p|" + rowKey(i)}, got)
	}
}

func testFilterNesting(t *testing.T, b *bundle) {
	table := b.table()
	for i := range 8 {
		bit := func(n int) storage.Value { return storage.BoolValue(i>>n&1 == 1) }
		b.insert(table, entity("p", rowKey(i), storage.Column{Name: "A", Value: bit(2)}, storage.Column{Name: "B", Value: bit(1)}, storage.Column{Name: "C", Value: bit(0)}))
	}
	is := func(name string) storage.Filter {
		return storage.Cmp{Column: name, Op: storage.EQ, Value: storage.BoolValue(true)}
	}
	tests := []struct {
		name string
		f    storage.Filter
		want int
	}{
		{"Nil", nil, 8},
		{"EmptyAnd", storage.And{}, 8},
		{"EmptyOr", storage.Or{}, 0},
		{"EmptyOrInAnd", storage.And{is("A"), storage.Or{}}, 0},
		{"EmptyOrInOr", storage.Or{is("A"), storage.Or{}}, 4},
		{"EmptyAndInOr", storage.Or{is("A"), storage.And{}}, 8},
		{"EmptyAndInAnd", storage.And{storage.And{}, is("A")}, 4},
		{"And", storage.And{is("A"), is("B"), is("C")}, 1},
		{"Or", storage.Or{is("A"), is("B"), is("C")}, 7},
		{"OrInAnd", storage.And{is("A"), storage.Or{is("B"), is("C")}}, 3},
		{"OrFirstInAnd", storage.And{storage.Or{is("B"), is("C")}, is("A")}, 3},
		{"AndInOr", storage.Or{storage.And{is("A"), is("B")}, is("C")}, 5},
		{"Deep", storage.And{storage.Or{storage.And{storage.Or{is("A"), is("B")}, is("C")}, is("A")}, storage.And{storage.Or{is("B")}}}, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Len(t, matches(t, b.on(t), table, tt.f), tt.want)
		})
	}
}

func testFilterTimestamp(t *testing.T, b *bundle) {
	table := b.table()
	b.fill(table, "p", 3)
	long := func(op storage.CmpOp, at time.Time) storage.Filter {
		return storage.Cmp{Column: "Timestamp", Op: op, Value: storage.TimeValue(at)}
	}
	past, future := time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)
	require.Len(t, matches(t, b, table, storage.And{long(storage.GT, past), long(storage.LT, future)}), 3)
	require.Empty(t, matches(t, b, table, long(storage.LT, past)))
	require.Empty(t, matches(t, b, table, long(storage.GT, future)))
}

func testFilterLength(t *testing.T, b *bundle) {
	table := b.table()
	b.fill(table, "p", 20)
	var f storage.Or
	for i := range storage.MaxComparisons {
		f = append(f, storage.Cmp{Column: "N", Op: storage.EQ, Value: storage.Int32Value(int32(i))})
	}
	require.Len(t, matches(t, b, table, f), storage.MaxComparisons)
	b.differs(t, LooseFilters)
	_, err := b.Tables.Query(t.Context(), table, storage.Query{Filter: append(f, pk("p"))})
	is(t, err, storage.ErrInvalid)
}
