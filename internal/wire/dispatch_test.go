package wire_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/wire"
)

func TestDispatchable(t *testing.T) {
	t.Parallel()
	good := string(wire.EventRaisedMessage("x", "E", nil, time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)).JSON())
	tests := []struct{ name, old, new, want string }{
		{"good", "", "", ""},
		{"white space", `"InstanceId":"x"`, `"InstanceId":" "`, "the instance ID is only white space"},
		{"sender is null", `"Sender":{"InstanceId":"","ExecutionId":""}`, `"Sender":null`, "the event has no Sender"},
		{"no sender", `,"Sender":{"InstanceId":"","ExecutionId":""}`, ``, "the event has no Sender"},
		{"a start without sender", `,"Sender":{"InstanceId":"","ExecutionId":""}`, ``, ""},
		{"local time", `12:00:00Z`, `12:00:00`, "the event's time is not in UTC"},
		{"another zone", `12:00:00Z`, `12:00:00+01:00`, "the event's time is not in UTC"},
		{"no time", `,"Timestamp":"2026-11-22T12:00:00Z"`, ``, "the event has no Timestamp"},
		{"a number", `"Timestamp":"2026-11-22T12:00:00Z"`, `"Timestamp":1`, "the event has no Timestamp"},
		{"another case", `"Timestamp":`, `"timestamp":`, ""},
		{"large", good, string((&wire.Message{BlobName: "x/message-1-EventRaised.json.gz"}).JSON()), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, good, tt.old)
			text := strings.Replace(good, tt.old, tt.new, 1)
			if tt.name == "a start without sender" {
				text = strings.Replace(text, wire.EventRaised+"Event", wire.ExecutionStarted+"Event", 1)
			}
			m, err := wire.DecodeMessage([]byte(text))
			require.NoError(t, err)
			if err = m.Dispatchable(); tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, tt.want)
		})
	}
}
