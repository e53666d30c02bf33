package wire_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/wire"
)

// Everything that was recorded is read: rows of instances, events, and the messages that lay visible in queues.
func TestDecodeEverythingRecorded(t *testing.T) {
	t.Parallel()
	var all, ran, instances, events, messages atomic.Int64
	for _, engine := range golden.Engines() {
		for _, name := range golden.Names(engine) {
			all.Add(1)
			t.Run(engine+"/"+name, func(t *testing.T) {
				t.Parallel()
				ran.Add(1)
				for _, d := range golden.Load(t, engine+"/"+name).Dumps {
					instances.Add(decodeInstances(t, d))
					events.Add(decodeEvents(t, d))
					messages.Add(decodeMessages(t, d))
				}
			})
		}
	}
	t.Cleanup(func() {
		if ran.Load() < all.Load() {
			return // only some were asked for
		}
		require.Equal(t, []int64{449, 5102, 49}, []int64{instances.Load(), events.Load(), messages.Load()})
	})
}

func decodeInstances(t *testing.T, d *golden.Dump) (n int64) {
	t.Helper()
	for _, row := range d.Tables[d.Hub+"Instances"] {
		i := wire.DecodeInstance(&row)
		require.Equal(t, row.PartitionKey, wire.EscapeKey(i.ID))
		require.Contains(t, []string{d.Hub, ""}, i.TaskHubName) // 1.7.7 leaves it out of the rows of children
		require.NotEmpty(t, i.RuntimeStatus)
		require.False(t, i.CreatedTime.Time().IsZero())
		_, err := wire.DecodeTags(i.Tags)
		require.NoError(t, err)
		n++
	}
	return n
}

func decodeEvents(t *testing.T, d *golden.Dump) (n int64) {
	t.Helper()
	for _, row := range d.Tables[d.Hub+"History"] {
		if row.RowKey == wire.SentinelKey {
			continue
		}
		ev, err := wire.DecodeEvent(&row)
		require.NoError(t, err)
		require.Contains(t, knownEvents, ev.Type)
		require.NotEmpty(t, ev.ExecutionID)
		require.False(t, ev.Timestamp.IsZero())
		n++
	}
	return n
}

// decodeMessages also writes the messages again: they come out as they went in, but for the execution context that
// only workers fill in.
func decodeMessages(t *testing.T, d *golden.Dump) (n int64) {
	t.Helper()
	for queue, q := range d.Queues {
		for _, queued := range q.Visible {
			m, err := wire.DecodeMessage([]byte(queued.Text))
			require.NoError(t, err, queue)
			if !strings.Contains(queued.Text, `"OrchestrationExecutionContext":{`) {
				require.Equal(t, queued.Text, string(m.JSON()))
			}
			n++
		}
	}
	return n
}
