package storage_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
)

// sampleEntities have columns of every type, and columns that lack or that are of another type.
func sampleEntities() []storage.Entity {
	texts := map[storage.Type][]string{
		storage.String: {"", "a", "it's", "😀", "\ue000", "5"}, storage.Int32: {"-5", "0", "5"}, storage.Int64: {"5", "9223372036854775807"},
		storage.Double: {"5.0", "-0.25", "1E+100", "NaN"}, storage.Bool: {"true", "false"},
		storage.DateTime: {"2026-01-02T03:04:05.1234567Z", "1601-01-01T00:00:00Z", "nonsense"},
		storage.GUID:     {"0123abcd-4567-89ab-cdef-0123456789ab"}, storage.Binary: {"", "AP8="},
	}
	entities := []storage.Entity{{PartitionKey: "p"}, {PartitionKey: "it's", RowKey: "😀", Timestamp: storage.Value{Type: storage.DateTime, Text: "2026-01-02T03:04:05Z"}}}
	for typ, values := range texts {
		for _, text := range values {
			v := storage.Value{Type: typ, Text: text}
			e := storage.Entity{PartitionKey: text, RowKey: "r"}
			e.Set("A", v)
			e.Set("B", storage.StringValue(text))
			entities = append(entities, e)
		}
	}
	return entities
}

// filterOf makes a filter out of bytes: shape says how it is built, and the strings stand wherever one can.
func filterOf(shape []byte, column, text string) storage.Filter {
	b := &builder{shape: shape, column: column, text: text}
	return b.filter(4)
}

type builder struct {
	shape        []byte
	column, text string
}

func (b *builder) next(n int) int {
	if len(b.shape) == 0 {
		return 0
	}
	v := int(b.shape[0])
	b.shape = b.shape[1:]
	return v % n
}

func (b *builder) filter(depth int) storage.Filter {
	kind := b.next(4)
	if kind >= 2 || depth == 0 {
		return b.comparison()
	}
	var parts []storage.Filter
	for range b.next(4) {
		parts = append(parts, b.filter(depth-1))
	}
	if kind == 0 {
		return storage.And(parts)
	}
	return storage.Or(parts)
}

func (b *builder) comparison() storage.Filter {
	columns := []string{"A", "B", "PartitionKey", "RowKey", "Timestamp", b.column}
	texts := []string{b.text, b.text, "5", "-0.25", "true", "2026-01-02T03:04:05.1234567Z", "0123abcd-4567-89ab-cdef-0123456789ab", "AP8="}
	op := operators[b.next(len(operators))]
	return storage.Cmp{
		Column: columns[b.next(len(columns))], Op: op,
		Value: storage.Value{Type: storage.Type(b.next(9)), Text: texts[b.next(len(texts))]},
	}
}

// FuzzFilterRenderParse: what Render writes is in the language, means what Match decides, and holds as many
// comparisons as Comparisons says, whatever strings are in it.
func FuzzFilterRenderParse(f *testing.F) {
	entities := sampleEntities()
	f.Fuzz(func(t *testing.T, shape []byte, column, text string) {
		if len(shape) > 200 {
			t.Skip("too large to be of use")
		}
		filter := filterOf(shape, column, text)
		written := storage.Render(filter)
		parsed, err := parseFilter(written)
		require.NoError(t, err, "%q", written)
		if storage.Never(filter) {
			require.NotEmpty(t, written)
		} else {
			require.Equal(t, storage.Comparisons(parsed), storage.Comparisons(filter))
			require.Equal(t, written, storage.Render(parsed))
		}
		special := storage.Entity{PartitionKey: text, RowKey: text, Columns: []storage.Column{{Name: column, Value: storage.StringValue(text)}, {Name: "A", Value: storage.StringValue(text)}}}
		for _, e := range append([]storage.Entity{special}, entities...) {
			require.Equal(t, storage.Match(filter, &e), storage.Match(parsed, &e), "%q and %+v", written, e)
		}
	})
}
