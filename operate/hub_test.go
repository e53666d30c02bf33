package operate_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// noon is when the tests begin, by the clock of their hubs.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// clock is a clock that is moved on by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// hub is a task hub in memory.
type hub struct {
	*durable.OrchestrationClient
	taskhub.Names
	clock *clock
	// storage is the account itself, fault what the client sees of it.
	storage storage.Account
	fault   *faultstore.Store
	mem     *memstore.Store
	// names is how many IDs a check-up of it keeps in memory, 0 for as many as ever.
	// Rows is how long the histories are that it looks at by themselves.
	names, rows int
}

const partitions = 4

// newHub returns an empty hub.
func newHub(tb testing.TB) *hub {
	tb.Helper()
	h := openHub(tb, "Hub", nil)
	require.NoError(tb, h.CreateTaskHub(tb.Context(), &durable.CreateTaskHubOptions{PartitionCount: partitions}))
	h.fault.Reset()
	return h
}

func openHub(tb testing.TB, name string, mem *memstore.Options) *hub {
	tb.Helper()
	h := &hub{clock: &clock{now: noon}}
	if mem == nil {
		mem = &memstore.Options{}
	}
	mem.Clock = h.clock.time
	opts := taskhub.Options{Now: h.clock.time, BlobEndpoint: "https://memory.blob.core.windows.net"}
	h.mem = memstore.New(mem)
	h.storage = h.mem.Account()
	h.fault = faultstore.Wrap(h.storage, nil)
	c, err := hook.NewClient(h.fault.Account(), name, opts)
	require.NoError(tb, err)
	h.OrchestrationClient = c.(*durable.OrchestrationClient)
	h.Names, err = taskhub.NewNames(name)
	require.NoError(tb, err)
	return h
}

// load returns what a dump of a recording shows. Everything in it was written at noon.
func load(tb testing.TB, recording, dump string) *hub {
	tb.Helper()
	r := golden.Load(tb, recording)
	d := r.Dumps[dump]
	require.NotNil(tb, d, dump)
	h := openHub(tb, r.Hub, nil)
	require.NoError(tb, d.LoadInto(tb.Context(), h.storage))
	h.fault.Reset()
	return h
}

// dump reads the whole hub.
func (h *hub) dump(tb testing.TB) *golden.Dump {
	tb.Helper()
	d, err := golden.DumpOf(tb.Context(), h.storage, h.Hub())
	require.NoError(tb, err)
	return d
}

// unchanged requires that nothing differs from an earlier dump, times included.
func (h *hub) unchanged(tb testing.TB, before *golden.Dump) {
	tb.Helper()
	require.Empty(tb, golden.Diff(before, h.dump(tb), golden.Options{KeepTimes: true, Hidden: true}))
}

func str(name, value string) storage.Column {
	return storage.Column{Name: name, Value: storage.StringValue(value)}
}

func num(name string, n int) storage.Column {
	return storage.Column{Name: name, Value: storage.Int32Value(int32(n))}
}

func at(name string, t time.Time) storage.Column {
	return storage.Column{Name: name, Value: storage.TimeValue(t)}
}

// event returns a row of a history that still lacks its keys.
func event(eventType string, columns ...storage.Column) *storage.Entity {
	e := &storage.Entity{Columns: []storage.Column{
		str(wire.ColEventType, eventType), num(wire.ColEventID, -1), at(wire.ColTimestamp, noon),
	}}
	for _, c := range columns {
		e.Set(c.Name, c.Value)
	}
	return e
}

// action returns a row of something that the orchestrator did.
func action(eventType string, id int, columns ...storage.Column) *storage.Entity {
	return event(eventType, append([]storage.Column{num(wire.ColEventID, id)}, columns...)...)
}

// done returns a row that completes an action.
func done(eventType string, id int) *storage.Entity {
	column := wire.ColTaskScheduledID
	if eventType == wire.TimerFired {
		column = wire.ColTimerID
	}
	return event(eventType, num(column, id))
}

// executionOf is the execution ID that the tests give an instance.
func executionOf(id string) string { return "execution-of-" + id }

// episode puts the rows that begin and end an episode around others.
func episode(rows ...*storage.Entity) []*storage.Entity {
	return append(append([]*storage.Entity{event(wire.OrchestratorStarted)}, rows...), event(wire.OrchestratorCompleted))
}

// started is the row with which a history begins.
func started(columns ...storage.Column) *storage.Entity {
	return event(wire.ExecutionStarted, append([]storage.Column{str(wire.ColName, "Orchestrator"), str(wire.ColVersion, "")}, columns...)...)
}

// parent is the column that names who started an execution.
func parent(id string, eventID int) storage.Column {
	return str(wire.ColParentInstance, fmt.Sprintf(
		`{"Name":"Orchestrator","OrchestrationInstance":{"InstanceId":%q,"ExecutionId":%q},"TaskScheduleId":%d,"Version":""}`,
		id, executionOf(id), eventID))
}

func hexKey(i int) string { return fmt.Sprintf("%016X", i) }

// history writes the history of an instance as a worker does.
func (h *hub) history(tb testing.TB, id string, rows ...*storage.Entity) {
	tb.Helper()
	put := func(key string, e *storage.Entity) {
		e = e.Clone()
		e.PartitionKey, e.RowKey = wire.EscapeKey(id), key
		e.Set(wire.ColExecutionID, storage.StringValue(executionOf(id)))
		_, err := h.storage.Tables.Update(tb.Context(), h.History(), e, storage.Replace, "")
		require.NoError(tb, err)
	}
	for i, e := range rows {
		put(hexKey(i), e)
	}
	put(wire.SentinelKey, &storage.Entity{Columns: []storage.Column{
		{Name: "IsCheckpointComplete", Value: storage.BoolValue(true)}, at("CheckpointCompletedTimestamp", h.clock.time()),
	}})
}

// row writes the row of an instance as a worker does.
func (h *hub) row(tb testing.TB, id, status string, columns ...storage.Column) {
	tb.Helper()
	now := h.clock.time()
	e := &storage.Entity{PartitionKey: wire.EscapeKey(id), Columns: []storage.Column{
		str(wire.ColName, "Orchestrator"), str(wire.ColVersion, ""), str(wire.ColInput, "1"), str(wire.ColCustomStatus, "null"),
		at(wire.ColCreatedTime, now), at(wire.ColLastUpdatedTime, now), str(wire.ColTaskHubName, h.Hub()),
		str(wire.ColRuntimeStatus, status), str(wire.ColExecutionID, executionOf(id)), num(wire.ColGeneration, 0), str(wire.ColTags, "null"),
	}}
	if wire.Terminal(status) {
		e.Set(wire.ColCompletedTime, storage.TimeValue(now))
	}
	for _, c := range columns {
		e.Set(c.Name, c.Value)
	}
	_, err := h.storage.Tables.Update(tb.Context(), h.Instances(), e, storage.Replace, "")
	require.NoError(tb, err)
}

// running writes an instance that has done something and waits.
func (h *hub) running(tb testing.TB, id string, rows ...*storage.Entity) {
	tb.Helper()
	h.history(tb, id, episode(append([]*storage.Entity{started()}, rows...)...)...)
	h.row(tb, id, wire.StatusRunning)
}

// ended writes an instance that has ended.
func (h *hub) ended(tb testing.TB, id, status string, columns ...storage.Column) {
	tb.Helper()
	h.history(tb, id, episode(started(), end(0, status))...)
	h.row(tb, id, status, append([]storage.Column{str(wire.ColOutput, `"out"`)}, columns...)...)
}

// end is the row with which an execution ends.
func end(id int, status string) *storage.Entity {
	return action(wire.ExecutionCompleted, id, str(wire.ColOrchestrationStatus, status), str(wire.ColResult, `"out"`))
}

// instance reads the row of an instance, or nil.
func (h *hub) instance(tb testing.TB, id string) *storage.Entity {
	tb.Helper()
	return h.entity(tb, h.Instances(), wire.EscapeKey(id), "")
}

func (h *hub) entity(tb testing.TB, table, partitionKey, rowKey string) *storage.Entity {
	tb.Helper()
	e, err := h.storage.Tables.Get(tb.Context(), table, partitionKey, rowKey)
	if err != nil {
		require.ErrorIs(tb, err, storage.ErrNotFound)
		return nil
	}
	return e
}

// queueOf is the control queue of an instance.
func (h *hub) queueOf(id string) string { return h.ControlQueue(wire.Partition(id, partitions)) }

// sent returns the messages for an instance that can be seen.
func (h *hub) sent(tb testing.TB, id string) []*wire.Message {
	tb.Helper()
	texts, err := h.storage.Queues.Peek(tb.Context(), h.queueOf(id), 32)
	require.NoError(tb, err)
	var messages []*wire.Message
	for _, m := range texts {
		data, err := wire.DecodeText(m.Text)
		require.NoError(tb, err)
		decoded, err := wire.DecodeMessage(data)
		require.NoError(tb, err)
		if decoded.InstanceID == id {
			messages = append(messages, decoded)
		}
	}
	return messages
}

// noWrites requires that nothing was written through the client since the last reset.
func (h *hub) noWrites(tb testing.TB) {
	tb.Helper()
	writes := h.fault.Count(faultstore.Op("Insert", "Update", "Delete", "Batch", "Put", "Dequeue", "Release", "Remove", "Write",
		"CreateQueue", "DeleteQueue", "CreateContainer", "DeleteContainer", "CreateTable", "DeleteTable"))
	require.Zero(tb, writes)
}

// onCall returns a hook that does something before the first call of a method.
func onCall(op string, do func()) faultstore.Hook {
	var once sync.Once
	return func(_ context.Context, c faultstore.Call) error {
		if c.Phase != faultstore.Before || c.Op != op {
			return nil
		}
		once.Do(do)
		return nil
	}
}
