package storage_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
)

var operators = []storage.CmpOp{storage.EQ, storage.NE, storage.LT, storage.LE, storage.GT, storage.GE}

// holding returns which operators hold between two values.
func holding(column, literal storage.Value) string {
	e := &storage.Entity{PartitionKey: "p", Columns: []storage.Column{{Name: "A", Value: column}}}
	var out []string
	for _, op := range operators {
		if storage.Match(storage.Cmp{Column: "A", Op: op, Value: literal}, e) {
			out = append(out, string(op))
		}
	}
	return strings.Join(out, " ")
}

func TestMatchValues(t *testing.T) {
	t.Parallel()
	const equal, less, greater, none = "eq le ge", "ne lt le", "ne gt ge", ""
	v := func(typ storage.Type, text string) storage.Value { return storage.Value{Type: typ, Text: text} }
	tests := []struct {
		name            string
		column, literal storage.Value
		want            string
	}{
		{"Strings", storage.StringValue("a"), storage.StringValue("a"), equal},
		{"StringCase", storage.StringValue("A"), storage.StringValue("a"), less},
		{"StringUTF16", storage.StringValue("😀"), storage.StringValue("\ue000"), less},
		{"EmptyString", storage.StringValue(""), storage.StringValue("a"), less},
		{"Int32", v(storage.Int32, "10"), v(storage.Int32, "9"), greater},
		{"Int32AndInt64", v(storage.Int32, "5"), v(storage.Int64, "5"), equal},
		{"Int64AndInt32", v(storage.Int64, "-9223372036854775808"), v(storage.Int32, "0"), less},
		{"Double", v(storage.Double, "5.0"), v(storage.Double, "5"), equal},
		{"DoubleLarge", v(storage.Double, "1E+100"), v(storage.Double, "1.7E+308"), less},
		{"DoubleInfinity", v(storage.Double, "Infinity"), v(storage.Double, "1"), greater},
		{"DoubleNaN", v(storage.Double, "NaN"), v(storage.Double, "1"), "ne"},
		{"DoubleAndInt32", v(storage.Double, "5"), v(storage.Int32, "5"), none},
		{"Bool", storage.BoolValue(false), storage.BoolValue(true), less},
		{"DateTime", v(storage.DateTime, "2026-01-01T00:00:00Z"), v(storage.DateTime, "2026-01-01T00:00:00.0000000Z"), equal},
		{"DateTimeZone", v(storage.DateTime, "2026-01-01T00:00:00Z"), v(storage.DateTime, "2026-01-01T01:00:00+01:00"), equal},
		{"DateTimeTick", v(storage.DateTime, "2026-01-01T00:00:00.0000001Z"), v(storage.DateTime, "2026-01-01T00:00:00.0000002Z"), less},
		{"DateTimeBelowTick", v(storage.DateTime, "2026-01-01T00:00:00.0000001Z"), v(storage.DateTime, "2026-01-01T00:00:00.000000199Z"), equal},
		{"DateTimeYears", v(storage.DateTime, "9999-12-31T23:59:59.9999999Z"), v(storage.DateTime, "1601-01-01T00:00:00Z"), greater},
		{"DateTimeBadColumn", v(storage.DateTime, "yesterday"), v(storage.DateTime, "1601-01-01T00:00:00Z"), none},
		{"GUID", v(storage.GUID, "0123ABCD-4567-89ab-cdef-0123456789ab"), v(storage.GUID, "0123abcd-4567-89AB-cdef-0123456789ab"), equal},
		{"Binary", v(storage.Binary, "AAE="), v(storage.Binary, "AAI="), less},
		{"BinaryPrefix", v(storage.Binary, "AAE="), v(storage.Binary, "AA=="), greater},
		{"OtherType", storage.StringValue("5"), v(storage.Int32, "5"), none},
		{"DateAsString", storage.StringValue("2026-01-01T00:00:00Z"), v(storage.DateTime, "2026-01-01T00:00:00Z"), none},
		{"Absent", storage.Value{}, storage.StringValue(""), none},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, holding(tt.column, tt.literal))
		})
	}
}

func TestMatchKeys(t *testing.T) {
	t.Parallel()
	e := &storage.Entity{PartitionKey: "p", RowKey: "", Timestamp: storage.Value{Type: storage.DateTime, Text: "2026-01-01T00:00:00.5Z"}}
	for f, want := range map[storage.Filter]bool{
		eq("PartitionKey", "p"):                          true,
		eq("PartitionKey", "P"):                          false,
		eq("RowKey", ""):                                 true,
		eq("partitionkey", "p"):                          false,
		eq("Absent", ""):                                 false,
		cmpOf("Absent", storage.NE, storage.String, "x"): false,
		cmpOf("Timestamp", storage.GT, storage.DateTime, "2026-01-01T00:00:00Z"): true,
		cmpOf("Timestamp", storage.LT, storage.DateTime, "2026-01-01T00:00:00Z"): false,
		cmpOf("Timestamp", storage.GT, storage.String, ""):                       false,
	} {
		require.Equal(t, want, storage.Match(f, e), "%v", f)
	}
}

func TestMatchLists(t *testing.T) {
	t.Parallel()
	e := &storage.Entity{PartitionKey: "p"}
	yes, no := eq("PartitionKey", "p"), eq("PartitionKey", "q")
	tests := []struct {
		f    storage.Filter
		want bool
	}{
		{nil, true},
		{storage.And{}, true},
		{storage.Or{}, false},
		{storage.And{yes, yes}, true},
		{storage.And{yes, no}, false},
		{storage.And{yes, nil}, true},
		{storage.Or{no, yes}, true},
		{storage.Or{no, no}, false},
		{storage.And{storage.Or{no, yes}, storage.Or{yes}}, true},
		{storage.Or{storage.And{yes, no}, storage.And{no}}, false},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, storage.Match(tt.f, e), "%v", tt.f)
	}
}
