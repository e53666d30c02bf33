package wire_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

func stringColumn(name, text string) storage.Column {
	return storage.Column{Name: name, Value: storage.StringValue(text)}
}

func timeColumn(name, text string) storage.Column {
	return storage.Column{Name: name, Value: storage.Value{Type: storage.DateTime, Text: text}}
}

func aStart() *wire.Start {
	return &wire.Start{
		InstanceID: "order/1", ExecutionID: anExecution, Name: "ProcessOrder", Version: "1.2", Input: ptr(`"A-1"`),
		Tags: map[string]string{"team": "blue", "<a>": "é"}, Created: wire.Cut(at),
		Scheduled: time.Date(2024, 1, 3, 0, 0, 0, 0, time.UTC), Generation: 2,
	}
}

func TestStartRow(t *testing.T) {
	t.Parallel()
	row := aStart().Row("MyHub", ptr("a reference"), at.Add(time.Second))
	require.Equal(t, &storage.Entity{PartitionKey: "order^01", Columns: []storage.Column{
		stringColumn("Input", "a reference"),
		timeColumn("CreatedTime", "2024-01-02T03:04:05.1234567Z"),
		stringColumn("Name", "ProcessOrder"),
		stringColumn("Version", "1.2"),
		stringColumn("RuntimeStatus", "Pending"),
		timeColumn("LastUpdatedTime", "2024-01-02T03:04:06.1234567Z"),
		stringColumn("TaskHubName", "MyHub"),
		timeColumn("ScheduledStartTime", "2024-01-03T00:00:00.0000000Z"),
		stringColumn("ExecutionId", anExecution),
		{Name: "Generation", Value: storage.Int32Value(2)},
		stringColumn("Tags", `{"<a>":"é","team":"blue"}`),
	}}, row)
}

func TestStartRowOfTheLeast(t *testing.T) {
	t.Parallel()
	row := (&wire.Start{InstanceID: "x", ExecutionID: "e", Name: "N", Created: wire.Cut(at)}).Row("MyHub", nil, at)
	require.False(t, row.Has("Input"))
	require.False(t, row.Has("ScheduledStartTime"))
	require.Equal(t, storage.StringValue(""), row.Get("Version"))
	require.Equal(t, storage.StringValue("null"), row.Get("Tags"))
	require.Equal(t, storage.Int32Value(0), row.Get("Generation"))
}

// The message of a start that a crash cut short is made again from its row, the same to the byte.
func TestStartFromItsRow(t *testing.T) {
	t.Parallel()
	least := &wire.Start{InstanceID: "x", ExecutionID: "e", Name: "N", Created: wire.Cut(at)}
	for _, s := range []*wire.Start{aStart(), least} {
		i := wire.DecodeInstance(s.Row("MyHub", s.Input, at))
		require.Equal(t, s.InstanceID, i.ID)
		require.Equal(t, "MyHub", i.TaskHubName)
		again, err := i.Start()
		require.NoError(t, err)
		require.Equal(t, string(s.StartMessage().JSON()), string(again.StartMessage().JSON()))
	}
}

func TestStartFromABadRow(t *testing.T) {
	t.Parallel()
	_, err := (&wire.Instance{Tags: storage.StringValue(`["x"]`)}).Start()
	require.Error(t, err)
}

func TestDecodeInstance(t *testing.T) {
	t.Parallel()
	at := func(text string) storage.Value { return storage.Value{Type: storage.DateTime, Text: text} }
	e := &storage.Entity{PartitionKey: "a^0b", ETag: "W/1", Timestamp: at("2024-01-02T03:04:09Z"), Columns: []storage.Column{
		stringColumn("Name", "N"), stringColumn("Version", "V"), stringColumn("Input", ""), stringColumn("InputBlobName", "i"),
		stringColumn("Output", "O"), stringColumn("CustomStatus", "C"), stringColumn("RuntimeStatus", "Odd"),
		stringColumn("TaskHubName", "H"), stringColumn("ExecutionId", "E"),
		{Name: "Generation", Value: storage.Int32Value(7)},
		stringColumn("Tags", "{}"), stringColumn("TagsBlobName", "t"), timeColumn("CreatedTime", "2024-01-02T03:04:05Z"),
		timeColumn("LastUpdatedTime", "2024-01-02T03:04:06Z"), timeColumn("CompletedTime", "2024-01-02T03:04:07Z"),
		timeColumn("ScheduledStartTime", "2024-01-02T03:04:08Z"), stringColumn("SomethingNew", "?"),
	}}
	require.Equal(t, wire.Instance{
		ID: "a/b", Key: "a^0b", ETag: "W/1", Timestamp: time.Date(2024, 1, 2, 3, 4, 9, 0, time.UTC), Name: "N", Version: storage.StringValue("V"), Input: storage.StringValue(""),
		InputBlobName: storage.StringValue("i"), Output: storage.StringValue("O"), CustomStatus: storage.StringValue("C"),
		RuntimeStatus: "Odd", TaskHubName: "H", ExecutionID: "E", Generation: 7, Tags: storage.StringValue("{}"),
		TagsBlobName: storage.StringValue("t"), CreatedTime: at("2024-01-02T03:04:05Z"),
		LastUpdatedTime: at("2024-01-02T03:04:06Z"), CompletedTime: at("2024-01-02T03:04:07Z"),
		ScheduledStartTime: at("2024-01-02T03:04:08Z"),
	}, wire.DecodeInstance(e))
	require.Equal(t, wire.Instance{ID: "x", Key: "x"}, wire.DecodeInstance(&storage.Entity{PartitionKey: "x"}))
}

func TestTags(t *testing.T) {
	t.Parallel()
	require.Equal(t, "null", wire.EncodeTags(nil))
	require.Equal(t, "null", wire.EncodeTags(map[string]string{}))
	require.Equal(t, `{"a":"<&>","b":"\""}`, wire.EncodeTags(map[string]string{"b": `"`, "a": "<&>"}))

	blue := map[string]string{"team": "blue"}
	tests := []struct {
		name string
		in   storage.Value
		want map[string]string
	}{
		{"absent", storage.Value{}, nil},
		{"empty: it is in a blob", storage.StringValue(""), nil},
		{"none", storage.StringValue("null"), nil},
		{"plain", storage.StringValue(`{"team":"blue"}`), blue},
		{".NET", storage.StringValue("{\"$type\":\"System.Collections.Generic.Dictionary`2[[System.String, " +
			"System.Private.CoreLib],[System.String, System.Private.CoreLib]]\",\"team\":\"blue\"}"), blue},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := wire.DecodeTags(test.in)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
	for _, text := range []string{"x", "[]", `{"a":1}`, "1"} {
		_, err := wire.DecodeTags(storage.StringValue(text))
		require.Error(t, err, text)
	}
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]bool{
		wire.StatusPending: false, wire.StatusRunning: false, wire.StatusSuspended: false, wire.StatusContinuedAsNew: false,
		wire.StatusCompleted: true, wire.StatusFailed: true, wire.StatusCanceled: true, wire.StatusTerminated: true,
		"": false, "completed": false, "Odd": false,
	} {
		require.Equal(t, want, wire.Terminal(status), status)
	}
}
