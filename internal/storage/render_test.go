package storage_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
)

func cmpOf(column string, op storage.CmpOp, typ storage.Type, text string) storage.Cmp {
	return storage.Cmp{Column: column, Op: op, Value: storage.Value{Type: typ, Text: text}}
}

func eq(column, text string) storage.Cmp { return cmpOf(column, storage.EQ, storage.String, text) }

func TestRender(t *testing.T) {
	t.Parallel()
	a, b, c := eq("A", "1"), eq("B", "2"), eq("C", "3")
	tests := []struct {
		name string
		f    storage.Filter
		want string
		n    int
	}{
		{"Nil", nil, "", 0},
		{"EmptyAnd", storage.And{}, "", 0},
		{"NestedEmptyAnd", storage.And{storage.And{}, nil, storage.And{storage.And{}}}, "", 0},
		{"OrWithEmptyAnd", storage.Or{a, storage.And{}}, "", 0},
		{"String", a, "A eq '1'", 1},
		{"Quotes", eq("A", "it's ''"), "A eq 'it''s '''''", 1},
		{"Injection", eq("PartitionKey", "' or PartitionKey ne '"), "PartitionKey eq ''' or PartitionKey ne '''", 1},
		{"Operator", cmpOf("A", storage.GE, storage.String, ""), "A ge ''", 1},
		{"Int32", cmpOf("A", storage.LT, storage.Int32, "-5"), "A lt -5", 1},
		{"Int64", cmpOf("A", storage.LT, storage.Int64, "9223372036854775807"), "A lt 9223372036854775807L", 1},
		{"WholeDouble", cmpOf("A", storage.LT, storage.Double, "5"), "A lt 5.0", 1},
		{"Double", cmpOf("A", storage.LT, storage.Double, "-0.25"), "A lt -0.25", 1},
		{"LargeDouble", cmpOf("A", storage.LT, storage.Double, "1e100"), "A lt 1E+100", 1},
		{"Bool", cmpOf("A", storage.NE, storage.Bool, "true"), "A ne true", 1},
		{"DateTime", cmpOf("A", storage.GT, storage.DateTime, "2026-01-02T03:04:05Z"), "A gt datetime'2026-01-02T03:04:05.0000000Z'", 1},
		{"LocalDateTime", cmpOf("A", storage.GT, storage.DateTime, "2026-01-02T03:04:05.123456789+01:00"), "A gt datetime'2026-01-02T02:04:05.1234567Z'", 1},
		{"GUID", cmpOf("A", storage.EQ, storage.GUID, "0123ABCD-4567-89ab-cdef-0123456789AB"), "A eq guid'0123abcd-4567-89ab-cdef-0123456789ab'", 1},
		{"Binary", cmpOf("A", storage.EQ, storage.Binary, "AP8="), "A eq X'00ff'", 1},
		{"And", storage.And{a, b, c}, "A eq '1' and B eq '2' and C eq '3'", 3},
		{"Or", storage.Or{a, b}, "A eq '1' or B eq '2'", 2},
		{"OrInAnd", storage.And{storage.Or{a, b}, c}, "(A eq '1' or B eq '2') and C eq '3'", 3},
		{"AndInOr", storage.Or{a, storage.And{b, c}}, "A eq '1' or (B eq '2' and C eq '3')", 3},
		{"AndInAnd", storage.And{a, storage.And{b, c}}, "A eq '1' and (B eq '2' and C eq '3')", 3},
		{"Single", storage.And{storage.Or{storage.And{a}}}, "A eq '1'", 1},
		{"SingleList", storage.And{storage.Or{a, b}}, "A eq '1' or B eq '2'", 2},
		{"NeutralPartsGo", storage.And{storage.And{}, storage.Or{a, storage.Or{}, b}, nil}, "A eq '1' or B eq '2'", 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, storage.Render(tt.f))
			require.Equal(t, tt.n, storage.Comparisons(tt.f))
			require.False(t, storage.Never(tt.f))
		})
	}
}

func TestNever(t *testing.T) {
	t.Parallel()
	a := eq("A", "1")
	tests := map[string]storage.Filter{
		"EmptyOr":          storage.Or{},
		"OrOfNothing":      storage.Or{storage.Or{}, storage.And{storage.Or{}}},
		"AndWithEmptyOr":   storage.And{a, storage.Or{}},
		"Operator":         storage.Cmp{Column: "A", Op: "eq '' or B eq", Value: storage.StringValue("")},
		"NoOperator":       storage.Cmp{Column: "A", Value: storage.StringValue("")},
		"ColumnInjection":  eq("A eq '' or B", ""),
		"ColumnSpace":      eq("A ", ""),
		"ColumnDigit":      eq("1A", ""),
		"ColumnNotUTF8":    eq("A\xff", ""),
		"NoColumn":         eq("", ""),
		"NoValue":          storage.Cmp{Column: "A", Op: storage.EQ},
		"UnknownType":      cmpOf("A", storage.EQ, storage.Type(99), "x"),
		"NotUTF8":          eq("A", "a\xff"),
		"Int32Injection":   cmpOf("A", storage.EQ, storage.Int32, "1 or 1 eq 1"),
		"Int32Overflow":    cmpOf("A", storage.EQ, storage.Int32, "2147483648"),
		"Int64Injection":   cmpOf("A", storage.EQ, storage.Int64, "1L or 1 eq 1"),
		"DoubleInjection":  cmpOf("A", storage.EQ, storage.Double, "1.0 or true"),
		"NaN":              cmpOf("A", storage.NE, storage.Double, "NaN"),
		"Infinity":         cmpOf("A", storage.LT, storage.Double, "Infinity"),
		"Bool":             cmpOf("A", storage.EQ, storage.Bool, "TRUE or"),
		"DateTime":         cmpOf("A", storage.EQ, storage.DateTime, "2026-01-02T03:04:05Z' or A eq '"),
		"DateTimeYearZero": cmpOf("A", storage.EQ, storage.DateTime, "0001-01-01T00:00:00+10:00"),
		"GUID":             cmpOf("A", storage.EQ, storage.GUID, "0123abcd-4567-89ab-cdef-0123456789a'"),
		"GUIDDashes":       cmpOf("A", storage.EQ, storage.GUID, "0123abcd-4567-89ab-cdef-0123456789-b"),
		"Binary":           cmpOf("A", storage.EQ, storage.Binary, "'"),
	}
	entities := sampleEntities()
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.True(t, storage.Never(f))
			require.Zero(t, storage.Comparisons(f))
			// Whoever does not ask Never must not find everything.
			written, err := parseFilter(storage.Render(f))
			require.NoError(t, err)
			require.NotNil(t, written)
			for i := range entities {
				require.False(t, storage.Match(f, &entities[i]))
				require.False(t, storage.Match(written, &entities[i]))
			}
			require.Equal(t, "A eq '1'", storage.Render(storage.Or{f, a}), "it does not count in an Or")
		})
	}
}

func TestUnknownFilterPanics(t *testing.T) {
	t.Parallel()
	f := &storage.And{}
	require.Panics(t, func() { storage.Render(f) })
	require.Panics(t, func() { storage.Match(f, &storage.Entity{}) })
}

func benchFilter() storage.Filter {
	at := time.Date(2026, 11, 22, 7, 27, 0, 0, time.UTC)
	return storage.And{
		storage.Cmp{Column: "PartitionKey", Op: storage.GE, Value: storage.StringValue("order-")},
		storage.Cmp{Column: "PartitionKey", Op: storage.LT, Value: storage.StringValue("order.")},
		storage.Cmp{Column: "CreatedTime", Op: storage.GE, Value: storage.TimeValue(at)},
		storage.Or{eq("RuntimeStatus", "Completed"), eq("RuntimeStatus", "it's failed")},
	}
}

func BenchmarkRender(b *testing.B) {
	f := benchFilter()
	b.ReportAllocs()
	for b.Loop() {
		storage.Render(f)
	}
}

func BenchmarkMatch(b *testing.B) {
	f := benchFilter()
	e := &storage.Entity{PartitionKey: "order-" + strings.Repeat("1", 20)}
	e.Set("CreatedTime", storage.TimeValue(time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)))
	e.Set("RuntimeStatus", storage.StringValue("Completed"))
	require.True(b, storage.Match(f, e))
	b.ReportAllocs()
	for b.Loop() {
		storage.Match(f, e)
	}
}
