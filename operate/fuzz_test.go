package operate_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

// Whatever lies in a queue, it can be listed, checked, quarantined and put back.
func FuzzMessage(f *testing.F) {
	for _, m := range []*wire.Message{
		event0("x"), wire.WakeMessage("x", "why", noon), {BlobName: "x/message-1-EventRaised.json.gz"}, {BlobName: "x"},
	} {
		f.Add(string(m.JSON()))
	}
	f.Add(`{"__type":"x"}`)
	f.Add("not a message")
	f.Fuzz(func(t *testing.T, text string) {
		h := newHub(t)
		queue := h.ControlQueue(0)
		if h.storage.Queues.Put(t.Context(), queue, text, 0) != nil {
			t.Skip("no queue takes it")
		}
		h.clock.add(time.Second)
		list := messages(t, h, nil)
		require.Len(t, list, 1)
		diagnose(t, h, nil)
		_, err := operate.QuarantineMessage(t.Context(), h.OrchestrationClient, queue, list[0].ID, nil)
		require.NoError(t, err)
		require.Empty(t, h.texts(t, queue))
		_, err = operate.RestoreMessage(t.Context(), h.OrchestrationClient, queue, list[0].ID, nil)
		require.NoError(t, err)
		require.Equal(t, []string{text}, h.texts(t, queue))
	})
}

// A record that was read from somewhere touches nothing but what a repair can have touched.
func FuzzUndo(f *testing.F) {
	f.Add(`{"taskHub":"Hub","outcome":"done","undoable":true,"finding":{"kind":"row-behind-history"},
		"before":[{"table":"HubInstances","partitionKey":"x","columns":[{"name":"RuntimeStatus","type":"Edm.String","value":"Running"}]}],
		"after":[{"table":"HubInstances","partitionKey":"x","etag":"*"}]}`)
	f.Add(`{"taskHub":"Hub","outcome":"done","undoable":true,"before":[{"absent":true}],"after":[{"table":"HubInstances","partitionKey":"x","etag":"W/\"1\""}]}`)
	f.Add(`{"taskHub":"Hub","outcome":"done","undoable":true,"before":[{}],"after":[{"table":"HubHistory","etag":"*"}]}`)
	f.Add(`{"taskHub":"Hub","outcome":"done","undoable":true,"before":[{}],"after":[{"container":"hub-leases","blob":"taskhub.json"}]}`)
	f.Add(`{"taskHub":"Hub","outcome":"done","undoable":true,"finding":{"kind":"partition-count"},"deleted":["other"]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var r operate.RepairRecord
		if json.Unmarshal([]byte(text), &r) != nil {
			t.Skip("no record")
		}
		h := newHub(t)
		h.ended(t, "x", wire.StatusCompleted)
		before := h.dump(t)
		_, err := operate.Undo(t.Context(), h.OrchestrationClient, &r)
		if err != nil {
			h.unchanged(t, before)
			return
		}
		after := h.dump(t)
		require.Equal(t, before.Tables, after.Tables, "no version fits")
		for queue := range after.Queues {
			_, ok := before.Queues[queue]
			require.True(t, ok || r.Finding.Kind == operate.KindPartitionCount, queue)
		}
	})
}
