package taskhub_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
)

// bundle is a hub in a store of its own. Nothing of the hub exists at first.
type bundle struct {
	*taskhub.Hub
	store *memstore.Store
	fault *faultstore.Store
}

func setup(t *testing.T, hub string, opts taskhub.Options) *bundle {
	t.Helper()
	store := memstore.New(nil)
	fault := faultstore.Wrap(store.Account(), nil)
	h, err := taskhub.New(fault.Account(), hub, opts)
	require.NoError(t, err)
	return &bundle{h, store, fault}
}

// recorded is setup with what was recorded.
func recorded(t *testing.T, recording, dump string, opts taskhub.Options) *bundle {
	t.Helper()
	d := golden.Load(t, recording).Dumps[dump]
	require.NotNil(t, d)
	b := setup(t, d.Hub, opts)
	require.NoError(t, d.LoadInto(t.Context(), b.store.Account()))
	return b
}

func (b *bundle) createQueues(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		require.NoError(t, b.store.Account().Queues.CreateQueue(t.Context(), name))
	}
}

func (b *bundle) createTables(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		require.NoError(t, b.store.Account().Tables.CreateTable(t.Context(), name))
	}
}

func (b *bundle) createContainers(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		require.NoError(t, b.store.Account().Blobs.CreateContainer(t.Context(), name))
	}
}

// writePartitions makes a Partitions table with rows for the queues.
func (b *bundle) writePartitions(t *testing.T, queues ...string) {
	t.Helper()
	b.createTables(t, b.Partitions())
	for _, q := range queues {
		_, err := b.store.Account().Tables.Insert(t.Context(), b.Partitions(), &storage.Entity{RowKey: q})
		require.NoError(t, err)
	}
}

func (b *bundle) writeInfo(t *testing.T, text string) {
	t.Helper()
	b.createContainers(t, b.Leases())
	require.NoError(t, b.store.Account().Blobs.Write(t.Context(), b.Leases(), "taskhub.json",
		storage.Blob{Content: []byte(text)}))
}

func info(hub string, count int) string {
	return fmt.Sprintf(`{"TaskHubName":%q,"CreatedAt":"2024-01-02T03:04:05.1234567Z","PartitionCount":%d}`, hub, count)
}

// controlQueues returns the names of the first n control queues.
func controlQueues(hub *taskhub.Hub, n int) []string {
	queues := make([]string, n)
	for p := range queues {
		queues[p] = hub.ControlQueue(p)
	}
	return queues
}

// resources are the names of everything in the store.
func (b *bundle) resources(t *testing.T) map[string][]string {
	t.Helper()
	acc := b.store.Account()
	tables, err := acc.Tables.ListTables(t.Context(), "")
	require.NoError(t, err)
	queues, err := acc.Queues.ListQueues(t.Context(), "")
	require.NoError(t, err)
	containers, err := acc.Blobs.ListContainers(t.Context(), "")
	require.NoError(t, err)
	return map[string][]string{"tables": tables, "queues": queues, "containers": containers}
}
