package wire_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/wire"
)

func TestFailureDetails(t *testing.T) {
	t.Parallel()
	reason := "no"
	f := wire.Failure{Reason: &reason, Object: json.RawMessage(`{"ErrorType":"E<T>"}`)}
	to := wire.Execution{InstanceID: "i"}
	for _, m := range []*wire.Message{
		wire.TaskFailedMessage(to, 3, f, time.Unix(0, 0)), wire.ChildFailedMessage(to, 3, f, time.Unix(0, 0)),
	} {
		require.Contains(t, string(m.Event), `"Reason":"no","Details":null,"FailureDetails":{"ErrorType":"E<T>"},`)
	}
}

func TestSetSender(t *testing.T) {
	t.Parallel()
	m := wire.WakeMessage("i", "why", time.Unix(0, 0))
	m.SetSender(wire.Execution{InstanceID: "from", ExecutionID: "x"})
	require.Contains(t, string(m.JSON()), `"Sender":{"InstanceId":"from","ExecutionId":"x"}`)
}

func TestDecodeEntityRequest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, input string
		want        wire.EntityRequest
		ok          bool
	}{
		{"op", `{"op":"get","id":"1"}`, wire.EntityRequest{Operation: "get", ID: "1"}, true},
		{
			"op", `{"op":"add","signal":true,"input":"5","id":"1"}`,
			wire.EntityRequest{Operation: "add", Signal: true, ID: "1", Input: "5"},
			true,
		},
		{"op@2026-01-01T00:00:00.0000000Z", `{"op":"get","id":"1"}`, wire.EntityRequest{Operation: "get", ID: "1"}, true},
		{"op", `{"op":null,"id":"1","lockset":[{}]}`, wire.EntityRequest{ID: "1"}, true},
		{"release", `{"parent":"p","id":"1"}`, wire.EntityRequest{}, false},
		{"op", `nonsense`, wire.EntityRequest{}, false},
		{"op", ``, wire.EntityRequest{}, false},
		{"operation", `{"op":"get","id":"1"}`, wire.EntityRequest{}, false},
	}
	for _, tt := range tests {
		have, ok := wire.DecodeEntityRequest(tt.name, tt.input)
		require.Equal(t, tt.ok, ok, tt)
		if ok {
			require.Equal(t, tt.want, have)
		}
	}
}

func TestDecodeEntityAnswer(t *testing.T) {
	t.Parallel()
	a, ok := wire.DecodeEntityAnswer(`{"result":"34"}`)
	require.True(t, ok)
	require.Equal(t, wire.EntityAnswer{Result: "34"}, a)
	a, ok = wire.DecodeEntityAnswer(`{"result":"{}","exceptionType":"X"}`)
	require.True(t, ok)
	require.Equal(t, wire.EntityAnswer{Result: "{}", ExceptionType: "X"}, a)
	_, ok = wire.DecodeEntityAnswer(`no JSON`)
	require.False(t, ok)
}

func TestIsDetached(t *testing.T) {
	t.Parallel()
	for tags, want := range map[string]bool{
		`{"FireAndForget":""}`: true, `{"$type":"x","FireAndForget":""}`: true, `{"a":"b"}`: false, "null": false, "": false, "{": false,
	} {
		require.Equal(t, want, wire.IsDetached(tags), tags)
	}
}
