package durabletest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/wire"
)

// TestPoison puts texts into a control queue that no worker can read, and some that stop a worker.
func TestPoison(t *testing.T) {
	t.Parallel()
	message := func(change ...string) string {
		m := wire.EventRaisedMessage("1", "go", nil, time.Unix(0, 0))
		return strings.NewReplacer(change...).Replace(string(m.JSON()))
	}
	tests := []struct{ name, text, want string }{
		{"text", "!", "neither JSON nor Base64"},
		{"no type", message(`"$type":"DurableTask.Core.History.EventRaisedEvent",`, ``), "no $type"},
		{"no sender", message(`"Sender":{"InstanceId":"","ExecutionId":""}`, `"Sender":null`), "no Sender"},
		{"local time", message(`00Z"`, `00+00:00"`), "not in UTC"},
		{"no time", message(`"1970-01-01T00:00:00Z"`, `5`), "no Timestamp"},
		{"white space", message(`"InstanceId":"1"`, `"InstanceId":" "`), "only white space"},
		{"wrong queue", message(`"InstanceId":"1"`, `"InstanceId":"3"`), "belongs to partition"},
		{"lost blob", `{"TaskMessage":null,"CompressedBlobName":"1/message-x-EventRaised.json.gz"}`, "payload is missing"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			hub := durabletest.NewHub(t, nil)
			start(t, hub, "Order", "1", `1`)
			queue := fmt.Sprintf("testhub-control-%02d", wire.Partition("1", 4))
			require.NoError(t, hub.Account().Queues.Put(t.Context(), queue, test.text, 0))
			_, err := hub.Hub.Process(t.Context(), "1")
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, queue)
			visible, err := hub.Account().Queues.Peek(t.Context(), queue, 32)
			require.NoError(t, err)
			require.Len(t, visible, 2)
			require.Equal(t, durable.RuntimeStatusPending, status(t, hub, "1").RuntimeStatus)
		})
	}
}
