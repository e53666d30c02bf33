package durable_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/azstore"
	"github.com/go-durable/durable/internal/azurite"
	"github.com/go-durable/durable/internal/connstr"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// fixture is a task hub of a test's own: a client of it, a look into its storage, and what the client has sent.
type fixture struct {
	*durable.OrchestrationClient
	// storage is the account itself. What is done with it is not counted.
	storage storage.Account
	names   taskhub.Names
	traffic traffic
	// again returns another client of the same hub.
	again func(durable.ClientOptions) *durable.OrchestrationClient
	// fault makes requests fail. It is nil where the storage is real.
	fault *faultstore.Store
	// mem is the storage in memory, or nil.
	mem *memstore.Store
}

// traffic is what clients have sent since the last reset.
type traffic interface {
	count() int
	reset()
	// puts are the messages put into queues.
	puts() []put
}

// put is a message on its way into a queue.
type put struct {
	queue, text string
	delay       time.Duration
}

const partitions = 4

// onBothStores runs a test on a new task hub in memory and on one at the storage emulator.
func onBothStores(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	for _, backend := range []struct {
		name string
		open func(testing.TB, string) *fixture
	}{
		{"memory", func(tb testing.TB, hub string) *fixture { return openMemory(tb, hub, taskhub.Options{}, nil) }},
		{"azurite", openAzurite},
	} {
		t.Run(backend.name, func(t *testing.T) {
			t.Parallel()
			f := backend.open(t, newHubName())
			f.create(t)
			test(t, f)
		})
	}
}

// inMemory returns a new task hub in memory with what only that can do: faults and a clock.
func inMemory(tb testing.TB, opts taskhub.Options) *fixture {
	tb.Helper()
	f := openMemory(tb, newHubName(), opts, nil)
	f.create(tb)
	return f
}

func newHubName() string {
	var b [6]byte
	_, _ = rand.Read(b[:])
	return "Hub" + hex.EncodeToString(b[:])
}

// create makes the hub and forgets that it did.
func (f *fixture) create(tb testing.TB) {
	tb.Helper()
	require.NoError(tb, f.CreateTaskHub(tb.Context(), nil))
	_, err := f.StartNew(tb.Context(), "warm-up", nil, &durable.StartNewOptions{InstanceID: "warm-up"})
	require.NoError(tb, err, "the client knows the partition count from here on")
	f.drain(tb)
	require.NoError(tb, f.storage.Tables.Delete(tb.Context(), f.names.Instances(), "warm-up", "", storage.Any))
	f.traffic.reset()
}

// blobEndpoint is what references to payloads begin with in memory.
const blobEndpoint = "https://memory.blob.core.windows.net"

func openMemory(tb testing.TB, hub string, opts taskhub.Options, mem *memstore.Options) *fixture {
	tb.Helper()
	if mem == nil {
		mem = &memstore.Options{Clock: opts.Now}
	}
	m := memstore.New(mem)
	rec := &recorder{Queues: m.Account().Queues}
	fault := faultstore.Wrap(storage.Account{Tables: m.Account().Tables, Queues: rec, Blobs: m.Account().Blobs}, nil)
	open := func(o durable.ClientOptions) *durable.OrchestrationClient {
		opts := opts
		opts.PartitionCount, opts.MaxPayload, opts.BlobEndpoint = o.PartitionCount, o.MaxPayloadSize, blobEndpoint
		c, err := hook.NewClient(fault.Account(), hub, opts)
		require.NoError(tb, err)
		return c.(*durable.OrchestrationClient)
	}
	names, err := taskhub.NewNames(hub)
	require.NoError(tb, err)
	return &fixture{
		OrchestrationClient: open(durable.ClientOptions{PartitionCount: opts.PartitionCount, MaxPayloadSize: opts.MaxPayload}),
		storage:             m.Account(), names: names, traffic: memoryTraffic{fault, rec}, again: open, fault: fault, mem: m,
	}
}

// recorder notes what is put into queues.
type recorder struct {
	storage.Queues
	mu   sync.Mutex
	seen []put
}

func (r *recorder) Put(ctx context.Context, queue, text string, delay time.Duration) error {
	r.mu.Lock()
	r.seen = append(r.seen, put{queue, text, delay})
	r.mu.Unlock()
	return r.Queues.Put(ctx, queue, text, delay)
}

type memoryTraffic struct {
	*faultstore.Store
	rec *recorder
}

func (m memoryTraffic) count() int { return m.Count(nil) }

func (m memoryTraffic) reset() {
	m.Reset()
	m.rec.mu.Lock()
	defer m.rec.mu.Unlock()
	m.rec.seen = nil
}

func (m memoryTraffic) puts() []put {
	m.rec.mu.Lock()
	defer m.rec.mu.Unlock()
	return append([]put(nil), m.rec.seen...)
}

func openAzurite(tb testing.TB, hub string) *fixture {
	tb.Helper()
	cs := azurite.ConnectionString(tb)
	log := &httpTraffic{}
	open := func(o durable.ClientOptions) *durable.OrchestrationClient {
		o.ClientOptions = azcore.ClientOptions{PerRetryPolicies: []policy.Policy{log}}
		c, err := durable.NewOrchestrationClientFromConnectionString(cs, hub, &o)
		require.NoError(tb, err)
		return c
	}
	parts, err := connstr.Parse(cs)
	require.NoError(tb, err)
	account, err := azstore.NewWithSharedKey(
		azstore.Endpoints{Table: parts.Table, Queue: parts.Queue, Blob: parts.Blob}, parts.Name, parts.Key, nil)
	require.NoError(tb, err)
	names, err := taskhub.NewNames(hub)
	require.NoError(tb, err)
	f := &fixture{
		OrchestrationClient: open(durable.ClientOptions{}), storage: *account, names: names, traffic: log, again: open,
	}
	tb.Cleanup(func() { // a full emulator is a slow one
		_ = f.DeleteTaskHub(context.WithoutCancel(tb.Context()), &durable.DeleteTaskHubOptions{Force: true})
	})
	return f
}

// damages reports whether the emulator may damage a text: it now and then decodes a request in pieces, and breaks
// characters of several bytes at their borders (Azurite issue 2670).
func (f *fixture) damages(text string) bool {
	return f.mem == nil && len(text) > 30_000 && strings.ContainsFunc(text, func(r rune) bool { return r > 0x7F })
}

// received takes all visible messages out of the control queues and returns them unpacked.
func (f *fixture) received(tb testing.TB) []*wire.Message {
	tb.Helper()
	var all []*wire.Message
	for p := range partitions {
		for {
			batch, err := f.storage.Queues.Dequeue(tb.Context(), f.names.ControlQueue(p), 32, time.Hour)
			require.NoError(tb, err)
			for _, m := range batch {
				all = append(all, f.unpack(tb, m.Text))
				require.NoError(tb, f.storage.Queues.Remove(tb.Context(), f.names.ControlQueue(p), m))
			}
			if len(batch) == 0 {
				break
			}
		}
	}
	return all
}

// drain empties the control queues.
func (f *fixture) drain(tb testing.TB) { f.received(tb) }

// unpack reads a message, out of its blob if it is a wrapper. BlobName then stays set.
func (f *fixture) unpack(tb testing.TB, text string) *wire.Message {
	tb.Helper()
	data, err := wire.DecodeText(text)
	require.NoError(tb, err)
	m, err := wire.DecodeMessage(data)
	require.NoError(tb, err)
	if m.BlobName == "" {
		return m
	}
	blob := m.BlobName
	m, err = wire.DecodeMessage([]byte(f.blob(tb, blob)))
	require.NoError(tb, err)
	m.BlobName = blob
	return m
}
