package durable_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// ended writes an instance that has ended, with a history of so many rows and so many payloads, as a worker leaves it.
func (f *fixture) ended(tb testing.TB, id string, rows, blobs int) {
	tb.Helper()
	f.endedAs(tb, wire.EscapeKey(id), id, rows, blobs)
}

// endedAs is ended under a key of its own: engines before 1.8.4 did not escape.
func (f *fixture) endedAs(tb testing.TB, key, id string, rows, blobs int) {
	tb.Helper()
	ctx := tb.Context()
	for i := range blobs {
		name := fmt.Sprintf("%s/message-%032x-TaskCompleted.json.gz", id, i)
		content := string((&wire.Message{
			ActivityID: "00000000-0000-0000-0000-000000000001", InstanceID: id, ExecutionID: "old of " + id,
			EventType: "TaskCompleted", Event: []byte(`{"$type":"DurableTask.Core.History.TaskCompletedEvent","EventType":5}`),
		}).JSON())
		if i%2 == 1 {
			name = fmt.Sprintf("%s/history-%016X-TaskCompleted-%08X-Result.json.gz", key, i, i)
			content = `"result"`
		}
		f.putBlob(tb, name, content)
	}
	for begin := 0; begin < rows; begin += storage.MaxBatch {
		ops := make([]storage.Op, min(storage.MaxBatch, rows-begin))
		for i := range ops {
			e := event(wire.OrchestratorStarted, text(wire.ColExecutionID, "old of "+id))
			e.PartitionKey, e.RowKey = key, hexKey(begin+i)
			if begin+i == rows-1 {
				e.RowKey = wire.SentinelKey
			}
			ops[i] = storage.Op{Kind: storage.OpInsert, Entity: e}
		}
		require.NoError(tb, f.storage.Tables.Batch(ctx, f.names.History(), ops))
	}
	_, err := f.storage.Tables.Insert(ctx, f.names.Instances(), &storage.Entity{PartitionKey: key, Columns: []storage.Column{
		text(wire.ColName, "Orchestrator"), text(wire.ColVersion, ""), text(wire.ColInput, "1"), text(wire.ColOutput, "2"),
		at(wire.ColCreatedTime, noon), at(wire.ColLastUpdatedTime, noon), at(wire.ColCompletedTime, noon),
		text(wire.ColRuntimeStatus, wire.StatusCompleted), text(wire.ColExecutionID, "old of "+id),
		number(wire.ColGeneration, 0), text(wire.ColTags, "null"),
	}})
	require.NoError(tb, err)
}

// historyKeys are the row keys that the History table has of an instance.
func (f *fixture) historyKeys(tb testing.TB, id string) []string {
	tb.Helper()
	keys := []string{}
	q := storage.Query{Filter: storage.Cmp{
		Column: "PartitionKey", Op: storage.EQ, Value: storage.StringValue(wire.EscapeKey(id)),
	}}
	for {
		page, err := f.storage.Tables.Query(tb.Context(), f.names.History(), q)
		require.NoError(tb, err)
		for _, e := range page.Entities {
			keys = append(keys, e.RowKey)
		}
		if q.From = page.Next; q.From == (storage.Token{}) {
			return keys
		}
	}
}

// clock is a clock that goes on by a millisecond whenever it is looked at, so that no two times are the same.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) tick() time.Time {
	c.add(time.Millisecond)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// withClock returns a hub in memory with a clock of its own.
func withClock(t *testing.T) (*fixture, *clock) {
	t.Helper()
	c := &clock{now: noon}
	f := openMemory(t, newHubName(), taskhub.Options{Now: c.tick}, &memstore.Options{Clock: c.tick})
	f.create(t)
	return f, c
}

var errCrash = errors.New("the process has died")

// everythingEnded is the filter for all that may be purged.
func everythingEnded() *durable.InstanceFilter { return &durable.InstanceFilter{} }

// purgeAll purges all that has ended, by filter.
func purgeAll(ctx context.Context, c *durable.OrchestrationClient) error {
	_, err := c.PurgeInstances(ctx, everythingEnded(), nil)
	return err
}

// purgeID purges one instance.
func purgeID(id string) call {
	return func(ctx context.Context, c *durable.OrchestrationClient) error {
		_, err := c.Purge(ctx, id, nil)
		return err
	}
}

// errorLines are the IDs that errors of instances name.
func errorLines(err error) []string {
	var ids []string
	var e *durable.Error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			ids = append(ids, errorLines(err)...)
		}
	} else if errors.As(err, &e) && e.InstanceID != "" {
		ids = append(ids, e.InstanceID)
	} else if err = errors.Unwrap(err); err != nil {
		ids = append(ids, errorLines(err)...)
	}
	return ids
}

func contextWithTimeout(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

func nan() float64 { return math.NaN() }

// fabricated is a hub so large that nobody would keep it: its rows are made when they are asked for. Deletions are only
// counted.
type fabricated struct {
	storage.Tables
	names              taskhub.Names
	instances, history int
	// queries counts pages, of whatever table.
	queries atomic.Int64
}

func newFabricated(tb testing.TB, hub string, instances, history int) *fabricated {
	tb.Helper()
	names, err := taskhub.NewNames(hub)
	require.NoError(tb, err)
	return &fabricated{names: names, instances: instances, history: history}
}

func fabricatedKey(i int) string { return fmt.Sprintf("order-%08d", i) }

// Query returns pages of a thousand rows in key order. Of a filter it heeds where it begins, and where it ends if that is
// bounded.
func (f *fabricated) Query(_ context.Context, table string, q storage.Query) (*storage.Page, error) {
	f.queries.Add(1)
	per := 1
	if table == f.names.History() {
		per = f.history
	}
	begin, end := bounds(q.Filter)
	at := per * sort.Search(f.instances, func(i int) bool { return fabricatedKey(i) >= begin })
	last := per * f.instances
	if end != "" {
		last = per * sort.Search(f.instances, func(i int) bool { return fabricatedKey(i) >= end })
	}
	if q.From.NextPartitionKey != "" {
		at, _ = strconv.Atoi(q.From.NextPartitionKey)
	}
	size := min(q.Top, last-at)
	p := &storage.Page{Entities: make([]storage.Entity, 0, max(size, 0))}
	for i := at; i < at+size; i++ {
		p.Entities = append(p.Entities, f.entity(i/per, i%per, per > 1))
	}
	if at+size < last {
		p.Next.NextPartitionKey = strconv.Itoa(at + size)
	}
	return p, nil
}

func (f *fabricated) entity(i, event int, history bool) storage.Entity {
	e := storage.Entity{PartitionKey: fabricatedKey(i), ETag: "x", Timestamp: storage.TimeValue(noon)}
	if history {
		e.RowKey = hexKey(event)
		return e
	}
	e.Columns = []storage.Column{
		text(wire.ColName, "Orchestrator"), text(wire.ColRuntimeStatus, wire.StatusCompleted), text(wire.ColExecutionID, "x"),
		text(wire.ColInput, strings.Repeat("i", 200)), text(wire.ColOutput, strings.Repeat("o", 200)),
		at(wire.ColCreatedTime, noon), at(wire.ColLastUpdatedTime, noon),
	}
	return e
}

func (f *fabricated) Batch(context.Context, string, []storage.Op) error { return nil }

func (f *fabricated) Delete(context.Context, string, string, string, storage.ETag) error { return nil }

// bounds returns the keys between which a filter looks.
func bounds(f storage.Filter) (begin, end string) {
	switch f := f.(type) {
	case storage.And:
		for _, part := range f {
			b, e := bounds(part)
			begin, end = max(begin, b), max(end, e)
		}
	case storage.Cmp:
		if f.Column == "PartitionKey" && (f.Op == storage.GE || f.Op == storage.GT) {
			begin = f.Value.Text
		}
		if f.Column == "PartitionKey" && f.Op == storage.LT {
			end = f.Value.Text
		}
	}
	return begin, end
}

// noBlobs is a blob service without the container for payloads.
type noBlobs struct{ storage.Blobs }

func (noBlobs) List(context.Context, string, string, string) (*storage.BlobPage, error) {
	return nil, storage.ErrContainerNotFound
}
