package golden_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/storage"
)

// Reading the recordings costs more than the tests do, so they share what was read.
func TestEveryRecording(t *testing.T) {
	t.Parallel()
	for _, engine := range golden.Engines() {
		for _, name := range golden.Names(engine) {
			t.Run(engine+"/"+name, func(t *testing.T) {
				t.Parallel()
				r := golden.Load(t, engine+"/"+name)
				t.Run("is complete", func(t *testing.T) { testComplete(t, r, name) })
				t.Run("loads and reads back", func(t *testing.T) { testLoadsAndReadsBack(t, r) })
				t.Run("renames", func(t *testing.T) { testRenames(t, r) })
				t.Run("equals another run", func(t *testing.T) { testEqualsAnotherRun(t, r) })
			})
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"hello-sequence", "http-api"}, golden.Names("v3"))
	require.Len(t, golden.Names("v1"), 14)
	require.Len(t, golden.Names("v2"), 36)
	require.Empty(t, golden.Names("v4"))
}

func testComplete(t *testing.T, r *golden.Recording, name string) {
	t.Helper()
	require.Equal(t, name, r.Scenario)
	require.Contains(t, r.Engine, "DurableTask.AzureStorage")
	require.NotEmpty(t, r.About)
	require.NotEmpty(t, r.Hub)
	require.Positive(t, r.Partitions)
	require.NotEmpty(t, r.Steps)

	var labels []string
	for _, s := range r.Steps {
		require.NotEmpty(t, s.Raw)
		if s.Dump != "" {
			labels = append(labels, s.Dump)
		}
		if s.Method != "" {
			require.Positive(t, s.Status)
			require.Regexp(t, "^(/|$)", s.Path)
		}
		for _, q := range s.Requests {
			require.Contains(t, []string{"table", "queue", "blob"}, q.Service)
			require.Positive(t, q.Status, q.URL)
		}
	}
	require.Len(t, r.Dumps, len(labels))
	for _, label := range labels {
		require.Equal(t, r.Hub, r.Dumps[label].Hub)
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	steps := golden.Load(t, "v3/hello-sequence").Steps

	call := steps[0]
	require.Equal(t, "start-new", call.Client)
	require.Equal(t, []string{"HelloSequence", "hello-1", `"x"`}, call.Args)
	require.JSONEq(t, `"hello-1"`, string(call.Result))
	require.Len(t, call.Requests, 17)
	require.Equal(t, golden.Request{
		Service: "queue", Method: "PUT", URL: "/ghellosequence-workitems", Status: 204,
	}, call.Requests[5])

	i := slices.IndexFunc(steps, func(s golden.Step) bool { return s.Error != "" })
	require.Equal(t, "System.ArgumentException", steps[i].ErrorType)

	i = slices.IndexFunc(steps, func(s golden.Step) bool { return s.Method != "" })
	require.Equal(t, "GET", steps[i].Method)
	require.Equal(t, "/instances/hello-1", steps[i].Path)
	require.Nil(t, steps[i].RequestBody)
	require.Contains(t, steps[i].Body, `"runtimeStatus":"Completed"`)

	require.Equal(t, "completed", steps[len(steps)-1].Dump)
}

func TestEntityTypes(t *testing.T) {
	t.Parallel()
	dump := golden.Load(t, "v3/hello-sequence").Dumps["completed"]
	history := dump.Tables["GHelloSequenceHistory"]
	require.Equal(t, storage.Entity{
		PartitionKey: "hello-1", RowKey: "0000000000000000",
		Timestamp: storage.Value{Type: storage.DateTime, Text: "2026-11-22T06:22:34.0172190Z"},
		Columns: []storage.Column{
			{Name: "EventId", Value: storage.Int32Value(-1)},
			{Name: "IsPlayed", Value: storage.BoolValue(false)},
			{Name: "_Timestamp", Value: storage.Value{Type: storage.DateTime, Text: "2026-11-22T06:22:33.8990888Z"}},
			{Name: "EventType", Value: storage.StringValue("OrchestratorStarted")},
			{Name: "ExecutionId", Value: storage.StringValue("2d11d17fb7964d6c93adf45c0708194b")},
		},
	}, history[0])
}

func TestRead(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("testdata/v2/events.json.gz")
	require.NoError(t, err)
	r, err := golden.Read(bytes.NewReader(file))
	require.NoError(t, err)
	require.Equal(t, golden.Load(t, "v2/events"), r)
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"no JSON":             `{`,
		"request, no status":  `{"steps":[{"requests":["PUT queue /x"]}]}`,
		"request, no URL":     `{"steps":[{"requests":["PUT -> 200"]}]}`,
		"request, odd status": `{"steps":[{"requests":["PUT queue /x -> ok"]}]}`,
		"entity, array":       `{"dumps":{"a":{"tables":{"T":[[]]}}}}`,
		"entity, odd type":    `{"dumps":{"a":{"tables":{"T":[{"A@odata.type":"Edm.Odd","A":"1"}]}}}}`,
		"entity, odd value":   `{"dumps":{"a":{"tables":{"T":[{"A":{}}]}}}}`,
		"blob, no Base64":     `{"dumps":{"a":{"blobs":{"c":[{"base64":"*"}]}}}}`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var buf bytes.Buffer
			w := gzip.NewWriter(&buf)
			_, err := w.Write([]byte(text))
			require.NoError(t, err)
			require.NoError(t, w.Close())
			_, err = golden.Read(&buf)
			require.Error(t, err)
		})
	}
	_, err := golden.Read(strings.NewReader("{ not zipped at all }"))
	require.ErrorIs(t, err, gzip.ErrHeader)
}
