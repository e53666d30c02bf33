package wire_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/wire"
)

const (
	anID         = "3d3f4c5b6a7988a1b2c3d4e5f6071829"
	anExecution  = "c0ffee00c0ffee00c0ffee00c0ffee00"
	anActivityID = "5406d369-4369-4673-afae-6671a2fa1e57"
)

var at = time.Date(2024, 1, 2, 3, 4, 5, 123456789, time.FixedZone("", 3600)).Add(time.Hour)

func ptr[T any](v T) *T { return &v }

// sample reads a message that the .NET classes read and wrote again byte by byte (Core 3.9).
func sample(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "messages", name+".json"))
	require.NoError(t, err)
	return bytes.TrimSuffix(text, []byte("\n"))
}

// withoutNewTrace drops the one member that .NET writes since Core 3.9 and we do not: false is its default, and the
// form of Core 2.17 is what the recordings have.
func withoutNewTrace(text []byte) []byte {
	return bytes.ReplaceAll(text, []byte(`"GenerateNewTrace":false,`), nil)
}

// sent are the messages of the samples that a client sends.
func sent() map[string]*wire.Message {
	start := wire.Start{
		InstanceID: anID, ExecutionID: anExecution, Name: "HelloSequence", Input: ptr(`{"city":"Tōkyō"}`), Created: at,
	}
	scheduled := wire.Start{
		InstanceID: "order-12345", ExecutionID: "11112222333344445555666677778888", Name: "ProcessOrder",
		Input: ptr(`"A-1"`), Created: at, Scheduled: time.Date(2024, 1, 3, 0, 0, 0, 99, time.UTC), Generation: 2,
		Tags:         map[string]string{"team": "blue"},
		TraceContext: &wire.TraceContext{TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
	}
	return map[string]*wire.Message{
		"start":           start.StartMessage(),
		"start-scheduled": scheduled.StartMessage(),
		"terminate":       wire.TerminateMessage(anID, "operator request", at),
		"raise":           wire.EventRaisedMessage(anID, "Approval", ptr(`{"approved":true}`), at),
		"suspend":         wire.SuspendMessage(anID, "maintenance", at),
		"resume":          wire.ResumeMessage(anID, "done", at),
		"rewind":          wire.WakeMessage(anID, "fixed the bug", at),
		"signal": wire.EventRaisedMessage("@counter@myCounter", "op", ptr(`{"op":"add","signal":true,"input":"1",`+
			`"id":"0f9c5b0e-7d0a-4d1e-9f4b-2d8f0c6a1b33","Timestamp":"0001-01-01T00:00:00",`+
			`"Predecessor":"0001-01-01T00:00:00"}`), at),
	}
}

func TestMessagesThatAClientSends(t *testing.T) {
	t.Parallel()
	numbers := map[string]int64{
		"start": 1, "start-scheduled": 2, "terminate": 3, "raise": 4, "suspend": 5, "resume": 6, "rewind": 7, "signal": 8,
	}
	for name, m := range sent() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m.ActivityID, m.SequenceNumber = anActivityID, numbers[name]
			require.Equal(t, string(withoutNewTrace(sample(t, name))), string(m.JSON()))
		})
	}
}

func TestWrapper(t *testing.T) {
	t.Parallel()
	m := &wire.Message{ActivityID: anActivityID, InstanceID: anID, EventType: wire.ExecutionStarted}
	wrapper := &wire.Message{BlobName: wire.MessageBlobName(m)}
	require.Equal(t, string(sample(t, "wrapper")), string(wrapper.JSON()))

	read, err := wire.DecodeMessage(wrapper.JSON())
	require.NoError(t, err)
	require.Equal(t, wrapper, read)
}

// Every sample is read. All that have nothing but what a Message holds come out again as they went in; the others are
// starts of children and activities, which carry an execution context.
func TestDecodeMessage(t *testing.T) {
	t.Parallel()
	types := map[string]string{
		"start": wire.ExecutionStarted, "start-scheduled": wire.ExecutionStarted, "terminate": wire.ExecutionTerminated,
		"raise": wire.EventRaised, "suspend": wire.ExecutionSuspended, "resume": wire.ExecutionResumed,
		"rewind": wire.GenericEvent, "signal": wire.EventRaised, "signal-core": wire.EventRaised,
		"signal-scheduled": wire.EventRaised, "release": wire.EventRaised, "wrapper": "",
		"task-scheduled": wire.TaskScheduled, "task-completed": wire.TaskCompleted, "task-failed": wire.TaskFailed,
		"timer-fired": wire.TimerFired, "child-started": wire.ExecutionStarted,
		"child-completed": wire.SubOrchestrationInstanceCompleted, "child-failed": wire.SubOrchestrationInstanceFailed,
	}
	context := []string{"task-scheduled", "child-started"}
	entries, err := os.ReadDir(filepath.Join("testdata", "messages"))
	require.NoError(t, err)
	require.Len(t, entries, len(types))
	for _, name := range slices.Sorted(maps.Keys(types)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := sample(t, name)
			m, err := wire.DecodeMessage(text)
			require.NoError(t, err)
			require.Equal(t, types[name], m.EventType)
			if name != "wrapper" {
				require.Equal(t, anActivityID, m.ActivityID)
				require.NotEmpty(t, m.InstanceID)
			}
			if !slices.Contains(context, name) {
				require.Equal(t, string(text), string(m.JSON()))
			}
		})
	}
}

func TestDecodeWorkerMessage(t *testing.T) {
	t.Parallel()
	m, err := wire.DecodeMessage(sample(t, "task-completed"))
	require.NoError(t, err)
	m.Event = nil
	require.Equal(t, &wire.Message{
		ActivityID: anActivityID, InstanceID: anID, ExecutionID: anExecution, SequenceNumber: 13,
		SenderInstanceID: anID, SenderExecutionID: anExecution, Episode: ptr(1), EventType: wire.TaskCompleted,
	}, m)
}

// Older engines named the assembly behind each type and left members out.
func TestDecodeOlderMessage(t *testing.T) {
	t.Parallel()
	text := `{"$type":"DurableTask.AzureStorage.MessageData, DurableTask.AzureStorage",` +
		`"ActivityId":"` + anActivityID + `","TaskMessage":{"$type":"DurableTask.Core.TaskMessage, DurableTask.Core",` +
		`"Event":{"$type":"DurableTask.Core.History.EventRaisedEvent, DurableTask.Core","Name":"Go"},` +
		`"OrchestrationInstance":{"InstanceId":"x"}},"SequenceNumber":3,"Episode":0}`
	m, err := wire.DecodeMessage([]byte(text))
	require.NoError(t, err)
	require.Equal(t, wire.EventRaised, m.EventType)
	require.Equal(t, "x", m.InstanceID)
	require.Empty(t, m.SenderInstanceID)
}

// The engine looks at CompressedBlobName first.
func TestDecodeMessageWithBlobAndEvent(t *testing.T) {
	t.Parallel()
	text := strings.Replace(string(sample(t, "raise")), `"CompressedBlobName":null`, `"CompressedBlobName":"x/y.json.gz"`, 1)
	m, err := wire.DecodeMessage([]byte(text))
	require.NoError(t, err)
	require.Equal(t, &wire.Message{BlobName: "x/y.json.gz"}, m)
}

func TestDecodeMessageRefuses(t *testing.T) {
	t.Parallel()
	event := `{"$type":"DurableTask.Core.History.EventRaisedEvent"}`
	message := func(event, instance string) string {
		return `{"TaskMessage":{"Event":` + event + `,"OrchestrationInstance":` + instance + `}}`
	}
	tests := map[string]string{
		"empty":                  "",
		"no JSON":                "hello secret",
		"cut short":              `{"TaskMessage":{"Event":{"secret":1}`,
		"more than JSON":         `{} secret`,
		"an array":               `["secret"]`,
		"byte order mark":        "\ufeff" + string(sample(t, "raise")),
		"nothing in it":          `{"TaskMessage":null,"CompressedBlobName":null}`,
		"empty blob name":        `{"CompressedBlobName":""}`,
		"number of wrong type":   `{"SequenceNumber":"secret"}`,
		"no event":               `{"TaskMessage":{"OrchestrationInstance":{"InstanceId":"x"}}}`,
		"event is null":          message("null", `{"InstanceId":"x"}`),
		"event is text":          message(`"secret"`, `{"InstanceId":"x"}`),
		"no $type":               message(`{"EventType":15}`, `{"InstanceId":"x"}`),
		"short $type":            message(`{"$type":"EventRaisedEvent"}`, `{"InstanceId":"x"}`),
		"no event's $type":       message(`{"$type":"DurableTask.Core.History.Event"}`, `{"InstanceId":"x"}`),
		"no instance":            message(event, "null"),
		"instance without ID":    message(event, `{}`),
		"data contract":          message(`{"__type":"EventRaisedEvent:#DurableTask.Core.History"}`, `{"InstanceId":"x"}`),
		"type of something else": message(`{"$type":"System.Secret, secret"}`, `{"InstanceId":"x"}`),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := wire.DecodeMessage([]byte(text))
			require.Error(t, err)
			require.NotContains(t, strings.ToLower(err.Error()), "secret", "errors hold no payload")
		})
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	const message = `{"Input":"é😀\uFFFF"}`
	text := wire.EncodeText([]byte(message))
	require.Regexp(t, "^[A-Za-z0-9+/]+=*$", text)
	for _, in := range []string{text, " " + text + "\r\n", message, "\n\t" + message + " "} {
		read, err := wire.DecodeText(in)
		require.NoError(t, err)
		require.Equal(t, message, string(read))
	}
	for _, in := range []string{"secret!", "\ufeff{}", "a", "[1]"} {
		_, err := wire.DecodeText(in)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestFormatTime(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"},
		{"2024-01-02T03:04:05.12Z", "2024-01-02T03:04:05.12Z"},
		{"2024-01-02T03:04:05.123456789Z", "2024-01-02T03:04:05.1234567Z"},
		{"2024-01-02T03:04:05.0000000999+02:00", "2024-01-02T01:04:05Z"},
	}
	for _, test := range tests {
		in, err := time.Parse(time.RFC3339Nano, test.in)
		require.NoError(t, err)
		require.Equal(t, test.want, wire.FormatTime(wire.Cut(in)))
		text, err := json.Marshal(wire.Time(in))
		require.NoError(t, err)
		require.Equal(t, `"`+test.want+`"`, string(text))
		require.Equal(t, time.UTC, wire.Cut(in).Location())
	}
}
