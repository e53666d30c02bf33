package operate_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

func inspect(t *testing.T, h *hub, id string) *operate.Inspection {
	t.Helper()
	i, err := operate.Inspect(t.Context(), h.OrchestrationClient, id, nil)
	require.NoError(t, err)
	_, err = json.Marshal(i)
	require.NoError(t, err)
	return i
}

func codes(i *operate.Inspection) []string {
	list := []string{}
	for _, w := range i.Warnings {
		list = append(list, w.Code)
	}
	return list
}

func TestInspectRecorded(t *testing.T) {
	t.Parallel()
	h := load(t, "v2/unblock", "blocked")
	i := inspect(t, h, "ub-timer")
	require.Equal(t, durable.RuntimeStatusRunning, i.RuntimeStatus)
	require.Len(t, i.Open, 1)
	require.Equal(t, durable.EventTimerCreated, i.Open[0].Type)
	require.Equal(t, "2026-11-22T08:16:04Z", i.Open[0].Due.Format(time.RFC3339))
	require.Equal(t, []string{"a timer (event ID 0) that fires at 2026-11-22T08:16:04Z"}, i.WaitsFor)
	require.Equal(t, []string{"TimerOverdue", "PartitionUnowned"}, codes(i), "by our clock it is noon, and nobody holds a lease")
	require.Equal(t, 4, i.Events)
	require.Equal(t, 1, i.Episodes)
	i = inspect(t, h, "ub-complete")
	require.Equal(t, []string{"activity Slow (event ID 0), scheduled at 2026-11-22T07:16:04Z"}, i.WaitsFor)
	require.Nil(t, i.Parent)

	h = load(t, "v2/unblock", "found")
	i = inspect(t, h, "ub-lost")
	require.Empty(t, i.WaitsFor)
	require.Empty(t, i.Open)
	require.Empty(t, i.Warnings)
	require.Equal(t, 12, i.Events)

	h = load(t, "v2/detached", "completed")
	i = inspect(t, h, "det-detached")
	require.Equal(t, "det", i.Parent.InstanceID)
	require.True(t, i.Parent.Detached)
	require.Equal(t, []operate.ChildRef{{EventID: 0, InstanceID: "det-detached", Name: "HelloSequence", Detached: true}}, inspect(t, h, "det").Children)
	require.Empty(t, inspect(t, h, "det").Open, "it has ended")

	h = load(t, "v2/broken-hub", "broken")
	i = inspect(t, h, "@counter@locked")
	require.True(t, i.Entity)
	require.Equal(t, []string{`"locker" to release its lock; 1 operation waits for that`}, i.WaitsFor)
	i = inspect(t, h, "never-sent")
	require.Equal(t, []string{"a worker to take up its start"}, i.WaitsFor)
	require.Equal(t, []string{"StartOverdue", "PartitionUnowned"}, codes(i))

	h = load(t, "v2/killed-host", "dead")
	i = inspect(t, h, "kill-2")
	require.Equal(t, []string{"an external event; which one, the history does not say"}, i.WaitsFor)
	require.Len(t, i.Queue.Messages, 1)
	require.Equal(t, durable.EventEventRaised, i.Queue.Messages[0].EventType)
}

func TestInspectEntityCall(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	call := func(id int, request string) *storage.Entity {
		return action(wire.EventSent, id, str(wire.ColInstanceID, "@counter@x"), str(wire.ColName, "op"), str(wire.ColInput, request))
	}
	h.running(t, "calls", call(0, `{"op":"add","signal":true,"id":"s"}`), call(1, `{"op":"get","id":"a"}`), call(2, `{"op":"get","id":"b"}`),
		call(3, `{"op":null,"id":"c","lockset":[{}]}`), event(wire.EventRaised, str(wire.ColName, "a")))
	i := inspect(t, h, "calls")
	require.Len(t, i.Open, 2)
	require.Contains(t, i.WaitsFor[0], `the answer of entity @counter@x to "get" (event ID 2)`)
	require.Contains(t, i.WaitsFor[1], `the lock of entity @counter@x (event ID 3)`)
}

func TestInspectStates(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.row(t, "scheduled", wire.StatusPending, at(wire.ColScheduledStartTime, noon.Add(time.Hour)))
	h.running(t, "suspended", action(wire.TaskScheduled, 0, str(wire.ColName, "A")), event(wire.ExecutionSuspended))
	h.row(t, "suspended", wire.StatusSuspended)
	rewritten := action(wire.GenericEvent, 0, str(wire.ColReason, "Rewound: ExecutionCompleted"))
	h.history(t, "woken", append(episode(started(), rewritten), episode(event(wire.GenericEvent))...)...)
	h.row(t, "woken", wire.StatusPending)
	h.history(t, "rewound", episode(started(), end(0, wire.StatusFailed))...)
	h.clock.add(time.Second)
	rewritten.PartitionKey, rewritten.RowKey = "rewound", hexKey(2)
	_, err := h.storage.Tables.Update(t.Context(), h.History(), rewritten, storage.Merge, storage.Any)
	require.NoError(t, err)
	h.row(t, "rewound", wire.StatusPending)
	h.history(t, "behind", episode(started(), end(0, wire.StatusCompleted))...)
	h.row(t, "behind", wire.StatusRunning, str(wire.ColOutput, "urn:uuid:1"))
	h.running(t, "damaged", done(wire.TaskCompleted, 7))
	h.history(t, "replaced", episode(started())...)
	h.row(t, "replaced", wire.StatusPending, str(wire.ColExecutionID, "another"))

	require.Equal(t, []string{"its start at 2026-11-22T13:00:00Z"}, inspect(t, h, "scheduled").WaitsFor)
	require.Empty(t, inspect(t, h, "scheduled").Warnings)
	i := inspect(t, h, "suspended")
	require.True(t, i.Suspended)
	require.Equal(t, "somebody to resume it", i.WaitsFor[0])
	require.Len(t, i.WaitsFor, 2)
	require.Equal(t, []string{"a worker to take it up again"}, inspect(t, h, "rewound").WaitsFor[:1])
	require.Equal(t, []string{"an external event; which one, the history does not say"}, inspect(t, h, "woken").WaitsFor, "though Pending for good")
	i = inspect(t, h, "behind")
	require.Equal(t, []string{"RowBehindHistory", "UnreadableForDotNet"}, codes(i))
	require.Equal(t, []string{"HistoryDamaged"}, codes(inspect(t, h, "damaged")))
	require.Equal(t, []string{"HistoryOfEarlierExecution"}, codes(inspect(t, h, "replaced")))
}

func TestInspectPayloads(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.running(t, "has")
	require.NoError(t, h.storage.Blobs.CreateContainer(t.Context(), h.LargeMessages()))
	for i, name := range []string{
		"has/message-1-EventRaised.json.gz", "has/history-1-x-Input.json.gz", "has2/message-1-EventRaised.json.gz", "has/a/message-1-EventRaised.json.gz",
	} {
		require.NoError(t, h.storage.Blobs.Write(t.Context(), h.LargeMessages(), name, storage.Blob{Content: make([]byte, 10*(i+1))}))
	}
	p := inspect(t, h, "has").Payloads
	require.Equal(t, 2, p.Blobs)
	require.EqualValues(t, 30, p.BlobBytes)
	require.Equal(t, []operate.Payload{{Blob: "has/history-1-x-Input.json.gz", Bytes: 20}, {Blob: "has/message-1-EventRaised.json.gz", Bytes: 10}}, p.Largest)
	require.Equal(t, 1, p.Input)
}

func TestInspectErrors(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	_, err := operate.Inspect(t.Context(), h.OrchestrationClient, "nobody", nil)
	require.ErrorIs(t, err, durable.ErrInstanceNotFound)
	_, err = operate.Inspect(t.Context(), h.OrchestrationClient, "", nil)
	require.ErrorIs(t, err, durable.ErrInvalidArgument)
	require.NoError(t, h.storage.Queues.DeleteQueue(t.Context(), h.ControlQueue(1)))
	h.running(t, "runs")
	require.Equal(t, []string{"PartitionCount"}, codes(inspect(t, h, "runs")))
	h.fault.Reset()
	_, err = operate.Inspect(t.Context(), h.OrchestrationClient, "runs", &operate.InspectOptions{OmitQueue: true, OmitPayloads: true})
	require.NoError(t, err)
	require.Equal(t, 2, h.fault.Count(nil))
}

// Nobody waits for a sub-orchestration that was started without waiting, though its parent never gets an answer; for one
// that was started by somebody else under its ID since, the parent waits.
func TestInspectDetached(t *testing.T) {
	t.Parallel()
	h := grove(t, wire.StatusRunning)
	i := inspect(t, h, "top")
	require.Equal(t, []operate.ChildRef{
		{EventID: 0, InstanceID: "a", Name: "Child"},
		{EventID: 1, InstanceID: "b", Name: "Child"},
		{EventID: 2, InstanceID: "gone", Name: "Child"},
		{EventID: 3, InstanceID: "det", Name: "Child", Detached: true},
	}, i.Children)
	require.Len(t, i.Open, 3)
	require.Len(t, i.WaitsFor, 3)
	require.NotContains(t, strings.Join(i.WaitsFor, "\n"), "det")

	h.history(t, "det", episode(started(parent("other", 3), str(wire.ColTags, `{"FireAndForget":""}`)))...)
	require.Len(t, inspect(t, h, "top").Open, 4)
}
