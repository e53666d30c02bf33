package wire_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// FuzzEscapeKeyRoundTrip: every ID has a key of its own that a table can hold, and comes back from it.
func FuzzEscapeKeyRoundTrip(f *testing.F) {
	f.Fuzz(func(t *testing.T, id string) {
		if !utf8.ValidString(id) {
			t.Skip()
		}
		key := wire.EscapeKey(id)
		require.Equal(t, id, wire.UnescapeKey(key))
		require.False(t, strings.ContainsAny(key, `/\#?`))
		require.False(t, strings.ContainsFunc(key, func(r rune) bool { return r < 0x20 || r >= 0x7F && r <= 0x9F }))
		require.LessOrEqual(t, wire.UTF16Len(key), 2*wire.UTF16Len(id))
	})
}

// FuzzUnescapeKey: any key is read, to the ID that it was made from, or as it is.
func FuzzUnescapeKey(f *testing.F) {
	f.Fuzz(func(t *testing.T, key string) {
		id := wire.UnescapeKey(key)
		if id != key && utf8.ValidString(key) && !strings.ContainsFunc(key, mustBeEscaped) {
			require.Equal(t, key, wire.EscapeKey(id))
		}
	})
}

func mustBeEscaped(r rune) bool { return r != '^' && wire.EscapeKey(string(r)) != string(r) }

// FuzzDecodeMessage: what is read as a message is written and read again as the same.
func FuzzDecodeMessage(f *testing.F) {
	for _, m := range ownMessages() {
		f.Add(m.JSON())
	}
	f.Add(bytes.Replace(ownMessages()[0].JSON(), []byte(`"Event":{`), []byte(`"Event": {`), 1))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := wire.DecodeMessage(text)
		slow, slowErr := wire.DecodeAnyMessage(text)
		require.Equal(t, slowErr, err)
		require.Equal(t, slow, m)
		if err != nil {
			require.Nil(t, m)
			return
		}
		written := m.JSON()
		again, err := wire.DecodeMessage(written)
		require.NoError(t, err)
		require.Equal(t, string(written), string(again.JSON()))
		_, _ = wire.StartInput(text)
	})
}

// FuzzMessageJSON: a message is written as encoding/json would write it, byte by byte.
func FuzzMessageJSON(f *testing.F) {
	f.Add("order-17", "0a1b", "parent", "x", int64(7), 3, true)
	f.Add("\x00<\"&\\\u2028\u007f", "\xff", "ü", "", int64(-1), -1, false)
	f.Fuzz(func(t *testing.T, id, execution, from, fromExecution string, number int64, episode int, has bool) {
		m := wire.EventRaisedMessage(id, "E", &from, time.Unix(0, 0))
		m.ActivityID, m.ExecutionID, m.SequenceNumber = execution, execution, number
		m.SetSender(wire.Execution{InstanceID: from, ExecutionID: fromExecution})
		if has {
			m.Episode = &episode
		}
		var executionID any // null for none
		if execution != "" {
			executionID = execution
		}
		instance := members("$type", "DurableTask.Core.OrchestrationInstance", "InstanceId", id, "ExecutionId", executionID)
		task := members("$type", "DurableTask.Core.TaskMessage", "Event", m.Event, "SequenceNumber", 0,
			"OrchestrationInstance", instance, "OrchestrationExecutionContext", nil)
		want := []any{
			"$type", "DurableTask.AzureStorage.MessageData", "ActivityId", execution, "TaskMessage", task,
			"CompressedBlobName", nil, "SequenceNumber", number,
		}
		if has {
			want = append(want, "Episode", episode)
		}
		want = append(want, "Sender", members("InstanceId", from, "ExecutionId", fromExecution), "SerializableTraceContext", nil)
		require.Equal(t, string(members(want...)), string(m.JSON()))
	})
}

// members returns a JSON object with members in this order, each a name and a value, written by encoding/json.
func members(all ...any) json.RawMessage {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	separator := "{"
	for i, v := range all {
		b.WriteString(separator)
		if err := encoder.Encode(v); err != nil {
			panic(err)
		}
		b.Truncate(b.Len() - 1) // the end of the line
		separator = ":,"[i%2 : i%2+1]
	}
	b.WriteByte('}')
	return b.Bytes()
}

// FuzzDecodeText: whatever was put into a queue in either form comes out of it.
func FuzzDecodeText(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		if message, err := wire.DecodeText(text); err == nil {
			again, err := wire.DecodeText(wire.EncodeText(message))
			require.NoError(t, err)
			require.True(t, bytes.Equal(message, again))
		}
		message, err := wire.DecodeText(wire.EncodeText([]byte(text)))
		require.NoError(t, err)
		require.Equal(t, text, string(message))
	})
}

// FuzzBlobReference: a reference names a blob, and the URL of any blob leads back to it, whatever the host.
func FuzzBlobReference(f *testing.F) {
	f.Fuzz(func(t *testing.T, text, instanceID, endpoint string) {
		const container = "myhub-largemessages"
		if name, ok := wire.BlobReference(text, container, instanceID); ok {
			require.NotEmpty(t, name)
		} else {
			require.Empty(t, name)
		}
		if strings.ContainsAny(endpoint, "/?") {
			t.Skip()
		}
		want := text + "/message-0-ExecutionStarted.json.gz"
		url := wire.BlobURL("https://"+endpoint+"/"+container, want)
		name, ok := wire.BlobReference(url, container, instanceID)
		require.True(t, ok)
		require.Equal(t, want, name)
		require.True(t, wire.HoldsStart(name))
		_, ok = wire.BlobReference(url, "other-largemessages", "")
		require.False(t, ok)
	})
}

var entityColumns = []string{
	"Name", "Version", "Input", "InputBlobName", "Output", "CustomStatus", "CreatedTime", "LastUpdatedTime", "CompletedTime",
	"ScheduledStartTime", "RuntimeStatus", "TaskHubName", "ExecutionId", "Generation", "Tags", "TagsBlobName",
	"EventType", "EventId", "IsPlayed", "_Timestamp", "TaskScheduledId", "TimerId", "FireAt", "InstanceId", "Reason",
	"Result", "Details", "FailureDetails", "OrchestrationStatus", "Unknown",
}

// entityOf makes an entity: a byte for a column, a byte for its type, and what follows up to a zero byte as its text.
func entityOf(key string, data []byte) *storage.Entity {
	e := &storage.Entity{PartitionKey: key, RowKey: key}
	for len(data) >= 2 {
		column, kind := entityColumns[int(data[0])%len(entityColumns)], storage.Type(data[1]%9)
		text, rest, _ := bytes.Cut(data[2:], []byte{0})
		e.Set(column, storage.Value{Type: kind, Text: string(text)})
		data = rest
	}
	return e
}

// FuzzDecodeInstance: any row is read, and what it holds of a start can be written again.
func FuzzDecodeInstance(f *testing.F) {
	f.Fuzz(func(t *testing.T, key string, data []byte) {
		e := entityOf(key, data)
		before := e.Clone()
		i := wire.DecodeInstance(e)
		require.Equal(t, before, e, "the row is not touched")
		require.Equal(t, wire.UnescapeKey(key), i.ID)
		if start, err := i.Start(); err == nil {
			text := start.StartMessage().JSON()
			require.True(t, utf8.Valid(text) || !utf8.ValidString(key) || !utf8.Valid(data))
		}
	})
}

// FuzzDecodeEvent: any row is read that says what event it is.
func FuzzDecodeEvent(f *testing.F) {
	f.Fuzz(func(t *testing.T, key string, data []byte) {
		e := entityOf(key, data)
		ev, err := wire.DecodeEvent(e)
		if e.Get("EventType").Text == "" {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		require.Same(t, e, ev.Row)
		require.Equal(t, e.Get("EventType").Text, ev.Type)
		require.NotEqual(t, "null", ev.FailureDetails)
	})
}
