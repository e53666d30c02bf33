package durable_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/wire"
)

// TestPurgeYoungPayload: a payload that was written after the instance ended belongs to a start or an event on its way,
// until it has been so for ten minutes.
func TestPurgeYoungPayload(t *testing.T) {
	t.Parallel()
	for name, purge := range purges() {
		for _, blob := range []string{
			"id/message-0000000000000000000000000000abcd-ExecutionStarted.json.gz",
			"id/message-0000000000000000000000000000abcd-EventRaised.json.gz",
			"id/history--Input-12345678-Input.json.gz",
		} {
			t.Run(name+blob[2:16], func(t *testing.T) {
				t.Parallel()
				f, c := withClock(t)
				f.ended(t, "id", 3, 2)
				execution := "new" // known to be another one at once, however coarse the times of blobs are
				if !strings.Contains(blob, "Started") {
					execution = ""
					c.add(time.Second)
				}
				f.putBlob(t, blob, message("id", execution))
				before := f.dumped(t)
				err := purge(t.Context(), f.OrchestrationClient)
				require.ErrorIs(t, err, durable.ErrConflict)
				require.ErrorContains(t, err, "sent a payload")
				require.Empty(t, golden.Diff(before, f.dumped(t), rest))
				plan, err := f.PlanPurge(t.Context(), everythingEnded(), nil)
				require.NoError(t, err)
				require.Equal(t, 1, plan.Conflicts)
				require.Zero(t, plan.Instances)

				c.add(10 * time.Minute)
				require.NoError(t, purge(t.Context(), f.OrchestrationClient))
				require.Empty(t, f.left(t))
			})
		}
	}
}

// message is what a client sends to an execution of an instance.
func message(id, execution string) string {
	return string((&wire.Message{
		ActivityID: "00000000-0000-0000-0000-000000000001", InstanceID: id, ExecutionID: execution,
		EventType: "EventRaised", Event: []byte(`{"$type":"DurableTask.Core.History.EventRaisedEvent","EventType":16}`),
	}).JSON())
}

// TestPurgeJustEnded: the instance's own payloads do not stand in the way of a purge right after its end, although the
// times of blobs are coarse.
func TestPurgeJustEnded(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.start(t, "id", strings.Repeat("x", 50_000))
		f.run(t, "id")
		f.putBlob(t, "id/history-0000000000000001-ExecutionStarted-ABCDEF01-Input.json.gz", "x")
		f.complete(t, "id", "1")
		for _, purge := range purges() {
			require.NoError(t, purge(t.Context(), f.OrchestrationClient))
		}
		require.Empty(t, f.left(t))
	})
}

// TestPurgeForcedYoungPayload: by force it goes as well.
func TestPurgeForcedYoungPayload(t *testing.T) {
	t.Parallel()
	f, _ := withClock(t)
	f.ended(t, "id", 3, 2)
	f.putBlob(t, "id/message-0000000000000000000000000000abcd-ExecutionStarted.json.gz", message("id", "new"))
	result, err := f.Purge(t.Context(), "id", &durable.PurgeOptions{Force: true})
	require.NoError(t, err)
	require.Equal(t, 3, result.BlobsDeleted)
	require.Empty(t, f.left(t))
}
