package wire_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/wire"
)

// ownMessages are messages of all forms that this package writes.
func ownMessages() []*wire.Message {
	at, text, episode := time.Unix(0, 0), "text", 3
	of := wire.Execution{InstanceID: "i", ExecutionID: "e"}
	start := wire.Start{InstanceID: "i", ExecutionID: "e", Name: "N", Created: at, Tags: map[string]string{"a": "b"}}
	all := []*wire.Message{
		start.StartMessage(), wire.EventRaisedMessage("i", "E", &text, at), wire.WakeMessage("i", "why", at),
		wire.TaskScheduledMessage(of, 1, "A", &text, at), wire.TaskCompletedMessage(of, 1, &text, at),
		wire.TaskFailedMessage(of, 1, wire.Failure{Reason: &text, Object: json.RawMessage(`{"a":[1]}`)}, at),
		wire.ChildStartMessage(&wire.Child{Execution: of, Name: "N"}, &wire.Parent{Execution: of, Name: "P"}, at),
	}
	all[4].Episode = &episode
	all[4].SetSender(of)
	return all
}

// What this package writes is read by the short way, and as by the long one.
func TestReadOwn(t *testing.T) {
	t.Parallel()
	for _, m := range ownMessages() {
		own := wire.ReadOwn(m.JSON())
		require.NotNil(t, own, m.EventType)
		slow, err := wire.DecodeAnyMessage(m.JSON())
		require.NoError(t, err)
		require.Equal(t, slow, own)
	}
}

// Whatever stands differently goes the long way.
func TestReadOwnRefuses(t *testing.T) {
	t.Parallel()
	text := string(ownMessages()[4].JSON())
	require.NotNil(t, wire.ReadOwn([]byte(text)))
	for i := range len(text) {
		require.Nil(t, wire.ReadOwn([]byte(text[:i])), "cut off at %d", i)
	}
	for _, change := range [][2]string{
		{`"InstanceId":"i"`, `"InstanceId":"\u0069"`},
		{`"InstanceId":"i"`, `"InstanceId":""`},
		{`"InstanceId":"i"`, "\"InstanceId\":\"\xff\""},
		{`"SequenceNumber":0,"Episode"`, `"SequenceNumber":00,"Episode"`},
		{`"Episode":3`, `"Episode":03`},
		{`"Episode":3`, `"Episode":3.0`},
		{`"Episode":3`, `"Episode":99999999999999999999`},
		{`null}`, `null} `},
		{`{"$type"`, `{ "$type"`},
		{`"Event":{`, `"Event": {`},
		{`},"SequenceNumber"`, "}\n,\"SequenceNumber\""},
		{`"Event":{`, `"Event":{{`},
		{`"Event":{`, `"Event":[{`},
		{`History.TaskCompletedEvent`, `History.TaskCompleted`},
	} {
		changed := strings.Replace(text, change[0], change[1], 1)
		require.NotEqual(t, text, changed, change[0])
		require.Nil(t, wire.ReadOwn([]byte(changed)), change[1])
	}
}
