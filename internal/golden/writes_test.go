package golden_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/storage"
)

// step returns the first call of an operation that has arg among its arguments, or the first of all if arg is "".
func step(t *testing.T, recording, op, arg string) *golden.Step {
	t.Helper()
	steps := golden.Load(t, recording).Steps
	i := slices.IndexFunc(steps, func(s golden.Step) bool {
		return s.Client == op && (arg == "" || slices.Contains(s.Args, arg))
	})
	require.GreaterOrEqual(t, i, 0, "%s %s", op, arg)
	return &steps[i]
}

func TestWritesOfAStart(t *testing.T) {
	t.Parallel()
	s := step(t, "v2/client-only", "start-at", "")
	messages := s.QueueMessages(t)
	require.Len(t, messages, 1)
	require.Equal(t, "gclientonly-control-03", messages[0].Queue)
	require.Equal(t, 3599*time.Second, messages[0].Delay)
	require.Equal(t, golden.Base64, messages[0].Encoding)
	require.Contains(t, messages[0].Text, `{"$type":"DurableTask.AzureStorage.MessageData",`)

	writes := s.TableWrites(t)
	require.Len(t, writes, 1)
	w := writes[0]
	require.Equal(t, http.MethodPost, w.Method)
	require.Equal(t, "GClientOnlyInstances", w.Table)
	require.Empty(t, w.IfMatch)
	require.False(t, w.Batch)
	require.Equal(t, "co-at", w.Entity.PartitionKey)
	require.Empty(t, w.Entity.RowKey)
	require.Equal(t, storage.StringValue("Pending"), w.Entity.Get("RuntimeStatus"))
	require.Equal(t, storage.Int32Value(0), w.Entity.Get("Generation"))
	require.Equal(t, storage.DateTime, w.Entity.Get("ScheduledStartTime").Type)
	require.Empty(t, s.BlobWrites(t))
}

func TestWritesOfALargeStart(t *testing.T) {
	t.Parallel()
	s := step(t, "v2/client-only", "start-new", "co-large")
	blobs := s.BlobWrites(t)
	require.Len(t, blobs, 1)
	require.Equal(t, "gclientonly-largemessages", blobs[0].Container)
	require.Regexp(t, `^co-large/message-[0-9a-f]{32}-ExecutionStarted\.json\.gz$`, blobs[0].Name)
	require.False(t, blobs[0].IfAbsent)
	text, err := blobs[0].Text()
	require.NoError(t, err)
	require.Contains(t, text, `"InstanceId":"co-large"`)
	require.Contains(t, s.QueueMessages(t)[0].Text, `"CompressedBlobName":"`+blobs[0].Name+`"`)
	require.Zero(t, s.QueueMessages(t)[0].Delay)
}

func TestWritesOfAHub(t *testing.T) {
	t.Parallel()
	s := step(t, "v2/client-only", "get-status", "nobody")
	var names []string
	for _, b := range s.BlobWrites(t) {
		require.True(t, b.IfAbsent, b.Name)
		names = append(names, b.Name)
	}
	// A second attempt at taskhub.json failed and does not count.
	require.Len(t, names, 10)
	require.Contains(t, names, "taskhub.json")
	require.Contains(t, names, "ownership/gclientonly-control-02")
	require.Empty(t, s.TableWrites(t))
	require.Empty(t, s.QueueMessages(t))
}

func TestWritesOfARewind(t *testing.T) {
	t.Parallel()
	writes := step(t, "v2/rewind-activity", "rewind", "").TableWrites(t)
	require.Len(t, writes, 4)
	for _, w := range writes[:3] {
		require.Equal(t, http.MethodPut, w.Method)
		require.Equal(t, "GRewindActivityHistory", w.Table)
		require.Regexp(t, `^W/"datetime'`, w.IfMatch)
		require.Equal(t, storage.StringValue("GenericEvent"), w.Entity.Get("EventType"))
		require.NotEmpty(t, w.Entity.RowKey)
	}
	require.Equal(t, "MERGE", writes[3].Method)
	require.Equal(t, "*", writes[3].IfMatch)
	require.Equal(t, writes[0].Entity.PartitionKey, writes[3].Entity.PartitionKey)
	require.Empty(t, writes[3].Entity.RowKey)
}

func TestWritesOfAPurge(t *testing.T) {
	t.Parallel()
	writes := step(t, "v2/purge", "purge", "").TableWrites(t)
	require.Len(t, writes, 10)
	for i, w := range writes {
		require.Equal(t, http.MethodDelete, w.Method)
		require.Equal(t, "order-1", w.Entity.PartitionKey)
		require.Equal(t, i > 0, w.Batch)
		require.NotEmpty(t, w.IfMatch)
		require.Empty(t, w.Entity.Columns)
	}
	require.Equal(t, "GPurgeInstances", writes[0].Table)
	require.Equal(t, "*", writes[0].IfMatch)
	require.Empty(t, writes[0].Entity.RowKey)
	require.Equal(t, "GPurgeHistory", writes[1].Table)
	require.Equal(t, "0000000000000000", writes[1].Entity.RowKey)
	require.Equal(t, "sentinel", writes[9].Entity.RowKey)
}

func TestWritesOfOneLineRequests(t *testing.T) {
	t.Parallel()
	s := step(t, "v3/hello-sequence", "start-new", "")
	require.Empty(t, s.QueueMessages(t))
	require.Empty(t, s.TableWrites(t))
	require.Empty(t, s.BlobWrites(t))
}
