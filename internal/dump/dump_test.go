package dump_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/dump"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
)

// TestRoundTrip writes every recorded dump, reads it again and loads it.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, engine := range golden.Engines() {
		for _, name := range golden.Names(engine) {
			t.Run(engine+"/"+name, func(t *testing.T) {
				t.Parallel()
				for label, want := range golden.Load(t, engine+"/"+name).Dumps {
					text, err := json.Marshal(want)
					require.NoError(t, err, label)
					var got dump.Dump
					require.NoError(t, json.Unmarshal(text, &got), label)
					require.Equal(t, want, &got, label)

					account := memstore.New(nil).Account()
					require.NoError(t, got.LoadInto(t.Context(), account), label)
					back, err := dump.Of(t.Context(), account, want.Hub)
					require.NoError(t, err, label)
					require.Empty(t, golden.Diff(want, back, golden.Options{}), label)
				}
			})
		}
	}
}

// TestTypes writes a row with a column of each type.
func TestTypes(t *testing.T) {
	t.Parallel()
	e := storage.Entity{PartitionKey: "<p>", RowKey: "r"}
	for _, c := range []storage.Column{
		{Name: "S", Value: storage.StringValue(`"&`)},
		{Name: "I", Value: storage.Int32Value(-5)},
		{Name: "L", Value: storage.Value{Type: storage.Int64, Text: "9223372036854775807"}},
		{Name: "D", Value: storage.Value{Type: storage.Double, Text: "1.5"}},
		{Name: "N", Value: storage.Value{Type: storage.Double, Text: "NaN"}},
		{Name: "W", Value: storage.Value{Type: storage.Double, Text: "5"}},
		{Name: "B", Value: storage.BoolValue(true)},
		{Name: "T", Value: storage.Value{Type: storage.DateTime, Text: "2030-01-02T03:04:05.0000000Z"}},
		{Name: "G", Value: storage.Value{Type: storage.GUID, Text: "0123abcd-4567-89ab-cdef-0123456789ab"}},
		{Name: "X", Value: storage.Value{Type: storage.Binary, Text: "AP8="}},
	} {
		e.Set(c.Name, c.Value)
	}
	text, err := json.Marshal(dump.Row(e))
	require.NoError(t, err)
	require.JSONEq(t, `{"PartitionKey":"<p>","RowKey":"r","S":"\"&","I":-5,"L":"9223372036854775807",
		"L@odata.type":"Edm.Int64","D":1.5,"N":"NaN","N@odata.type":"Edm.Double","W":"5","W@odata.type":"Edm.Double",
		"B":true,"T":"2030-01-02T03:04:05.0000000Z","T@odata.type":"Edm.DateTime",
		"G":"0123abcd-4567-89ab-cdef-0123456789ab","G@odata.type":"Edm.Guid","X":"AP8=","X@odata.type":"Edm.Binary"}`,
		string(text))
	var back dump.Row
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, e, storage.Entity(back))
}

// TestBinaryBlob writes a blob that is no text.
func TestBinaryBlob(t *testing.T) {
	t.Parallel()
	want := dump.Dump{
		Hub: "Hub", Tables: map[string][]storage.Entity{}, Queues: map[string]dump.Queue{},
		Blobs: map[string][]dump.Blob{"hub-x": {{Name: "b", Content: []byte{0xff, 0}}, {Name: "t", Content: []byte("text")}}},
	}
	text, err := json.Marshal(&want)
	require.NoError(t, err)
	var got dump.Dump
	require.NoError(t, json.Unmarshal(text, &got))
	require.Equal(t, want, got)
}
