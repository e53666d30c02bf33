package durable_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// started is what a start message says.
type started struct {
	OrchestrationInstance struct{ InstanceID, ExecutionID string }
	Name                  string
	Version               *string
	Input                 *string
	Tags                  map[string]string
	ParentTraceContext    map[string]any
	ScheduledStartTime    *time.Time
	Generation            int
	Timestamp             time.Time
	EventID               int `json:"EventId"`
}

func startEvent(t *testing.T, m *wire.Message) started {
	t.Helper()
	require.Equal(t, wire.ExecutionStarted, m.EventType)
	var s started
	require.NoError(t, json.Unmarshal(m.Event, &s))
	return s
}

// onlyStart returns the one start message in the hub.
func (f *fixture) onlyStart(t *testing.T) (*wire.Message, started) {
	t.Helper()
	messages := f.received(t)
	require.Len(t, messages, 1)
	return messages[0], startEvent(t, messages[0])
}

// TestStartNew: row and message tell the same story.
func TestStartNew(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		before := time.Now().Add(-time.Second)
		id, err := f.StartNew(t.Context(), "Hello", map[string]any{"html": "<b>&</b>"}, &durable.StartNewOptions{
			InstanceID: "order-1", Version: "2.1", Tags: map[string]string{"team": "blue", "<": ">"},
			TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", TraceState: "a=b",
		})
		require.NoError(t, err)
		require.Equal(t, "order-1", id)

		row := f.row(t, "order-1")
		m, s := f.onlyStart(t)
		require.Equal(t, `{"html":"<b>&</b>"}`, row.Text(wire.ColInput))
		require.Equal(t, row.Text(wire.ColInput), *s.Input)
		require.Equal(t, "Hello", row.Text(wire.ColName))
		require.Equal(t, "Hello", s.Name)
		require.Equal(t, "2.1", row.Text(wire.ColVersion))
		require.Equal(t, "2.1", *s.Version)
		require.JSONEq(t, `{"team":"blue","<":">"}`, row.Text(wire.ColTags))
		require.Equal(t, map[string]string{"team": "blue", "<": ">"}, s.Tags)
		require.Equal(t, wire.StatusPending, row.Text(wire.ColRuntimeStatus))
		require.Equal(t, f.names.Hub(), row.Text(wire.ColTaskHubName))
		require.False(t, row.Has(wire.ColScheduledStartTime))
		require.Nil(t, s.ScheduledStartTime)
		require.Equal(t, storage.Int32Value(0), row.Get(wire.ColGeneration))
		require.Zero(t, s.Generation)
		require.Equal(t, -1, s.EventID)
		require.Equal(t, "a=b", s.ParentTraceContext["TraceState"])
		require.Equal(t, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", s.ParentTraceContext["TraceParent"])

		execution := row.Text(wire.ColExecutionID)
		require.Regexp(t, "^[0-9a-f]{32}$", execution)
		require.Equal(t, execution, m.ExecutionID)
		require.Equal(t, execution, s.OrchestrationInstance.ExecutionID)
		require.Equal(t, "order-1", s.OrchestrationInstance.InstanceID)
		created := row.Get(wire.ColCreatedTime)
		require.Equal(t, storage.DateTime, created.Type)
		require.True(t, created.Time().Equal(s.Timestamp), "the engine compares the two")
		require.WithinRange(t, created.Time(), before, time.Now())
		require.Empty(t, f.blobs(t))
	})
}

// TestStartNewQueue: the message lies in the queue that the ID hashes to, and is not hidden.
func TestStartNewQueue(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		for id, partition := range map[string]int{"abc": 3, "a": 0, "日本語-インスタンス": 3, "émojis-🌍": 2, "order-12345": 1} {
			f.traffic.reset()
			f.start(t, id, nil)
			puts := f.traffic.puts()
			require.Len(t, puts, 1)
			require.Equal(t, f.names.ControlQueue(partition), puts[0].queue)
			require.Zero(t, puts[0].delay)
		}
	})
}

// TestStartNewMissing: what is not given is null or absent, as the engine has it.
func TestStartNewMissing(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.start(t, "plain", nil)
		row := f.row(t, "plain")
		_, s := f.onlyStart(t)
		require.False(t, row.Has(wire.ColInput))
		require.Nil(t, s.Input)
		require.Nil(t, s.Tags)
		require.Nil(t, s.ParentTraceContext)
		require.Equal(t, "null", row.Text(wire.ColTags))
	})
}

// TestSchedule: the message is hidden until then, in whole seconds rounded up, and row and message name the time.
func TestSchedule(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{Now: atNoon})
	for name, test := range map[string]struct {
		in    time.Duration
		delay time.Duration
	}{
		"a second":    {time.Second, time.Second},
		"a bit":       {time.Millisecond, time.Millisecond},
		"the longest": {farthest, farthest},
		"now":         {0, 0},
		"in the past": {-time.Hour, 0},
	} {
		f.traffic.reset()
		when := noon.Truncate(wire.Tick).Add(test.in)
		_, err := f.StartNew(t.Context(), "Orchestrator", nil, &durable.StartNewOptions{
			InstanceID: name, ScheduledStartTime: when.In(time.FixedZone("", 3*3600)),
		})
		require.NoError(t, err, name)
		puts := f.traffic.puts()
		require.Len(t, puts, 1)
		require.InDelta(t, test.delay, puts[0].delay, float64(wire.Tick), name)
		s := startEvent(t, f.unpack(t, puts[0].text))
		require.True(t, when.Equal(*s.ScheduledStartTime), name)
		require.True(t, when.Equal(f.row(t, name).Get(wire.ColScheduledStartTime).Time()), name)
	}
}

// TestScheduleIsHidden looks at what the services make of the delay.
func TestScheduleIsHidden(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		when := time.Now().Add(90*time.Minute + 500*time.Millisecond)
		_, err := f.StartNew(t.Context(), "Orchestrator", nil, &durable.StartNewOptions{InstanceID: "abc", ScheduledStartTime: when})
		require.NoError(t, err)
		require.Empty(t, f.received(t))
		n, err := f.storage.Queues.Count(t.Context(), f.names.ControlQueue(3))
		require.NoError(t, err)
		require.Equal(t, int64(1), n)
		delay := f.traffic.puts()[0].delay
		require.InDelta(t, 90*time.Minute, delay, float64(2*time.Second))
		s, err := f.GetStatus(t.Context(), "abc", nil)
		require.NoError(t, err)
		require.True(t, when.UTC().Truncate(wire.Tick).Equal(s.ScheduledStartTime))
		require.Equal(t, durable.RuntimeStatusPending, s.RuntimeStatus)
	})
}

// TestStartNewExists: an ID in use is refused, whatever order things come in, and nothing is left of the attempt.
func TestStartNewExists(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.start(t, "id", 1)
		before := f.row(t, "id")
		f.drain(t)
		for _, input := range []any{2, strings.Repeat("x", 50_000)} {
			_, err := f.StartNew(t.Context(), "Orchestrator", input, &durable.StartNewOptions{InstanceID: "id"})
			require.ErrorIs(t, err, durable.ErrInstanceExists)
			var e *durable.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, durable.RuntimeStatusPending, e.Status)
			require.Equal(t, "id", e.InstanceID)
		}
		require.Equal(t, before, f.row(t, "id"))
		require.Empty(t, f.received(t))
		require.Empty(t, f.blobs(t))
	})
}

// TestStartNewHubMissing: a hub that is not there is said to be missing, and nothing of it is created.
func TestStartNewHubMissing(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		known := f.again(durable.ClientOptions{PartitionCount: partitions})
		for _, table := range []string{f.names.Instances(), f.names.History()} {
			require.NoError(t, f.storage.Tables.DeleteTable(t.Context(), table))
		}
		queues, err := f.storage.Queues.ListQueues(t.Context(), f.names.WorkItems()[:len(f.names.Hub())])
		require.NoError(t, err)
		for _, q := range queues {
			require.NoError(t, f.storage.Queues.DeleteQueue(t.Context(), q))
		}
		for name, c := range map[string]*durable.OrchestrationClient{
			"fresh": f.again(durable.ClientOptions{}), "count given": known, "count known": f.OrchestrationClient,
		} {
			for _, input := range []any{nil, strings.Repeat("x", 50_000)} {
				_, err := c.StartNew(t.Context(), "Orchestrator", input, nil)
				require.ErrorIs(t, err, durable.ErrTaskHubNotFound, name)
				_, _, err = c.StartOrGet(t.Context(), "Orchestrator", "id", input, nil)
				require.ErrorIs(t, err, durable.ErrTaskHubNotFound, name)
			}
		}
		_, err = f.TaskHubInfo(t.Context(), nil)
		require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
	})
}

// TestQueueMissing: a hub without the queue of an instance has lost a part; the row is not left behind.
func TestQueueMissing(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		require.NoError(t, f.storage.Queues.DeleteQueue(t.Context(), f.names.ControlQueue(1)))
		given := f.again(durable.ClientOptions{PartitionCount: partitions})
		for _, input := range []any{nil, strings.Repeat("x", 50_000)} {
			opts := &durable.StartNewOptions{InstanceID: "order-12345"}
			_, err := f.StartNew(t.Context(), "Orchestrator", input, opts)
			require.ErrorIs(t, err, durable.ErrPartitionCount)
			require.ErrorContains(t, err, f.names.ControlQueue(1)+" is missing")
			require.NotErrorIs(t, err, durable.ErrUncertain)
			_, err = given.StartNew(t.Context(), "Orchestrator", input, opts)
			require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
			require.ErrorContains(t, err, f.names.ControlQueue(1)+" does not exist")
		}
		require.Nil(t, f.row(t, "order-12345"))
		require.Empty(t, f.blobs(t))
	})
}

// TestSourcesDisagree: no message is sent while it is not certain where to.
func TestSourcesDisagree(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.startRunning(t, "running", nil)
		require.NoError(t, f.storage.Tables.CreateTable(t.Context(), f.names.Partitions()))
		for p := range 8 {
			e := &storage.Entity{PartitionKey: "p", RowKey: f.names.ControlQueue(p)}
			_, err := f.storage.Tables.Insert(t.Context(), f.names.Partitions(), e)
			require.NoError(t, err)
		}
		c := f.again(durable.ClientOptions{})
		_, err := c.StartNew(t.Context(), "Orchestrator", strings.Repeat("x", 50_000), &durable.StartNewOptions{InstanceID: "id"})
		require.ErrorIs(t, err, durable.ErrPartitionCount)
		require.ErrorContains(t, err, "Partitions table says 8, control queues says 4")
		require.ErrorIs(t, c.RaiseEvent(t.Context(), "running", "event", strings.Repeat("x", 50_000), nil), durable.ErrPartitionCount)
		require.ErrorIs(t, c.Terminate(t.Context(), "running", "", nil), durable.ErrPartitionCount)
		require.Nil(t, f.row(t, "id"))
		require.Empty(t, f.blobs(t))
		require.Empty(t, f.received(t))

		_, err = f.again(durable.ClientOptions{PartitionCount: 4}).StartNew(t.Context(), "Orchestrator", nil, nil)
		require.NoError(t, err, "the option decides")
	})
}

// TestPartitionCountChanges: a client that meets a missing queue reads the partition count again, but does not take a
// hub that lost its highest queues for one that was made anew with fewer.
func TestPartitionCountChanges(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{})
	for _, p := range []int{2, 3} {
		require.NoError(t, f.storage.Queues.DeleteQueue(t.Context(), f.names.ControlQueue(p)))
	}
	opts := &durable.StartNewOptions{InstanceID: "abc"} // partition 3 of 4, 1 of 2
	_, err := f.StartNew(t.Context(), "Orchestrator", nil, opts)
	require.ErrorIs(t, err, durable.ErrPartitionCount)
	require.Nil(t, f.row(t, "abc"))
	require.Len(t, f.traffic.puts(), 1, "the one that met the missing queue")

	info := fmt.Sprintf(`{"TaskHubName":%q,"PartitionCount":2}`, f.names.Hub())
	require.NoError(t, f.storage.Blobs.CreateContainer(t.Context(), f.names.Leases()))
	require.NoError(t, f.storage.Blobs.Write(t.Context(), f.names.Leases(), "taskhub.json", storage.Blob{Content: []byte(info)}))
	f.traffic.reset()
	_, err = f.StartNew(t.Context(), "Orchestrator", nil, opts)
	require.NoError(t, err)
	puts := f.traffic.puts()
	require.Len(t, puts, 2)
	require.Equal(t, f.names.ControlQueue(3), puts[0].queue)
	require.Equal(t, f.names.ControlQueue(1), puts[1].queue)
}

// TestSequenceNumbers: messages are numbered by the clock in microseconds, and never twice the same.
func TestSequenceNumbers(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{Now: atNoon})
	const n = 200
	done := make(chan error, n)
	for range n {
		go func() {
			_, err := f.StartNew(t.Context(), "Orchestrator", nil, nil)
			done <- err
		}()
	}
	for range n {
		require.NoError(t, <-done)
	}
	seen := map[int64]bool{}
	for _, p := range f.traffic.puts() {
		seen[f.unpack(t, p.text).SequenceNumber] = true
	}
	require.Len(t, seen, n)
	for number := range seen {
		require.GreaterOrEqual(t, number, noon.UnixMicro())
		require.LessOrEqual(t, number, noon.UnixMicro()+n+1)
	}
	f.traffic.reset()
	f.startRunning(t, "id", nil)
	require.NoError(t, f.RaiseEvent(t.Context(), "id", "event", nil, nil))
	require.NoError(t, f.Suspend(t.Context(), "id", "", nil))
	last := int64(0)
	for _, p := range f.traffic.puts() {
		number := f.unpack(t, p.text).SequenceNumber
		require.Greater(t, number, last)
		last = number
	}
}
