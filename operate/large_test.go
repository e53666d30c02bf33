package operate_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

// large is a hub that is made up while it is read: instances with fifteen history rows each. Every five-thousandth is behind
// its history, but for those that wait for an activity, every ten-thousandth.
type large struct {
	storage.Tables
	instances int
	requests  atomic.Int64
}

const rowsEach = 15

func largeID(n int) string { return fmt.Sprintf("instance-%08d", n) }

func (l *large) behind(n int) bool { return n%5000 == 7 }
func (l *large) waits(n int) bool  { return n%10_000 == 5 }

func (l *large) row(n int) storage.Entity {
	status := wire.StatusCompleted
	if l.behind(n) || l.waits(n) {
		status = wire.StatusRunning
	}
	return storage.Entity{
		PartitionKey: largeID(n), ETag: `W/"1"`, Timestamp: storage.TimeValue(noon),
		Columns: []storage.Column{
			str(wire.ColName, "Orchestrator"), str(wire.ColRuntimeStatus, status), str(wire.ColExecutionID, "execution"),
			at(wire.ColCreatedTime, noon), at(wire.ColLastUpdatedTime, noon), str(wire.ColCustomStatus, "null"),
			str(wire.ColInput, `"input"`), str(wire.ColOutput, `"output"`),
		},
	}
}

// event returns the i-th row of the history of the n-th instance.
func (l *large) event(n, i int) storage.Entity {
	var e *storage.Entity
	switch {
	case i == rowsEach-1:
		e = &storage.Entity{RowKey: wire.SentinelKey}
	case i == 0, i == 3, i == 7, i == 10:
		e = event(wire.OrchestratorStarted)
	case i == 1:
		e = started()
	case i == 2, i == 6, i == 9, i == 13:
		e = event(wire.OrchestratorCompleted)
	case i == 5, i == 8:
		e = action(wire.TaskScheduled, i, str(wire.ColName, "Activity"))
	case i == 4:
		e = event(wire.EventRaised, str(wire.ColName, "E"))
	case i == 11:
		e = done(wire.TaskCompleted, 5)
	case l.waits(n):
		e = event(wire.GenericEvent)
	default:
		e = end(9, wire.StatusCompleted)
	}
	e.PartitionKey, e.ETag, e.Timestamp = largeID(n), `W/"1"`, storage.TimeValue(noon)
	if e.RowKey == "" {
		e.RowKey = hexKey(i)
	}
	e.Set(wire.ColExecutionID, storage.StringValue("execution"))
	return *e
}

func (l *large) Get(_ context.Context, _, partitionKey, rowKey string, _ ...string) (*storage.Entity, error) {
	l.requests.Add(1)
	n, err := strconv.Atoi(strings.TrimPrefix(partitionKey, "instance-"))
	if err != nil || n >= l.instances || rowKey != "" {
		return nil, storage.ErrNotFound
	}
	e := l.row(n)
	return &e, nil
}

func (l *large) Query(_ context.Context, table string, q storage.Query) (*storage.Page, error) {
	if strings.HasSuffix(table, "Partitions") {
		return nil, storage.ErrContainerNotFound
	}
	l.requests.Add(1)
	each, make := 1, func(i int) storage.Entity { return l.row(i) }
	if strings.HasSuffix(table, "History") {
		each, make = rowsEach, func(i int) storage.Entity { return l.event(i/rowsEach, i%rowsEach) }
	}
	from, to := 0, l.instances*each
	if and, ok := q.Filter.(storage.And); ok {
		q.Filter = and[0]
	}
	if cmp, ok := q.Filter.(storage.Cmp); ok {
		number := strings.TrimPrefix(cmp.Value.Text, "instance-")
		if strings.HasSuffix(number, "x") {
			return &storage.Page{}, nil
		}
		n, err := strconv.Atoi(number)
		if err != nil {
			return nil, err
		}
		from, to = n*each, (n+1)*each
	} else if q.From.NextRowKey != "" {
		from, _ = strconv.Atoi(q.From.NextRowKey)
	}
	page := &storage.Page{}
	for i := from; i < to; i++ {
		if len(page.Entities) == storage.MaxPage {
			page.Next.NextRowKey = strconv.Itoa(i)
			break
		}
		page.Entities = append(page.Entities, make(i))
	}
	return page, nil
}

// largeBlobs are its payloads.
type largeBlobs struct {
	storage.Blobs
	*large
}

// List lists two payloads for every fifth instance, and some of nobody.
func (l largeBlobs) List(_ context.Context, container, prefix, from string) (*storage.BlobPage, error) {
	if !strings.HasSuffix(container, "-largemessages") || prefix != "" {
		return nil, storage.ErrContainerNotFound
	}
	l.requests.Add(1)
	page := &storage.BlobPage{}
	begin, _ := strconv.Atoi(from)
	for n := begin; n < l.instances; n += 5 {
		if len(page.Blobs) >= 5000 {
			page.Next = strconv.Itoa(n)
			break
		}
		for _, name := range []string{"/history-1-x-Input.json.gz", "/message-1-EventRaised.json.gz"} {
			page.Blobs = append(page.Blobs, storage.BlobItem{Name: largeID(n) + name, Size: 1000, LastModified: noon})
		}
		if n%20_000 == 0 {
			page.Blobs = append(page.Blobs, storage.BlobItem{Name: largeID(n) + "x/message-1-EventRaised.json.gz", LastModified: noon})
		}
	}
	return page, nil
}

func (l largeBlobs) Open(context.Context, string, string) (io.ReadCloser, error) {
	return nil, storage.ErrContainerNotFound
}

// A check-up takes as many requests as there are pages, and memory for a few of them, however large the hub.
func TestDiagnoseLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("reads one and a half million rows")
	}
	const instances = 100_000
	l := &large{instances: instances}
	mem := memstore.New(nil).Account()
	names, err := taskhub.NewNames("Hub")
	require.NoError(t, err)
	for p := range partitions {
		require.NoError(t, mem.Queues.CreateQueue(t.Context(), names.ControlQueue(p)))
	}
	require.NoError(t, mem.Queues.CreateQueue(t.Context(), names.WorkItems()))
	c, err := hook.NewClient(storage.Account{Tables: l, Queues: mem.Queues, Blobs: largeBlobs{large: l}}, "Hub", taskhub.Options{
		Now: func() time.Time { return noon.Add(48 * time.Hour) },
	})
	require.NoError(t, err)

	var heaps []uint64
	opts := quick()
	opts.OnProgress = func(p operate.DiagnoseProgress) {
		if p.Instances%10_000 == 0 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			heaps = append(heaps, m.HeapAlloc)
		}
	}
	found := map[operate.FindingKind]int{}
	for f, err := range operate.Diagnose(t.Context(), c.(*durable.OrchestrationClient), opts) {
		require.NoError(t, err)
		found[f.Kind]++
	}
	require.Equal(t, map[operate.FindingKind]int{
		operate.KindRowBehindHistory: 20, operate.KindActivityLost: 10, operate.KindPayloadsWithoutInstance: 5,
	}, found)
	blobs := 2*instances/5 + 5
	pages := instances/storage.MaxPage + instances*rowsEach/storage.MaxPage + blobs/5000
	require.LessOrEqual(t, l.requests.Load(), int64(pages)*110/100, "%d pages", pages)
	require.GreaterOrEqual(t, len(heaps), 10)
	const some = 4 << 20
	require.Less(t, slices.Max(heaps[1:]), heaps[0]+some, "%v", heaps)
}
