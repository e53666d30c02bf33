package durable_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// forgedTime is when everything happened in histories that are made up here.
var forgedTime = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// inMemoryAt returns an empty hub in memory whose clock begins at a moment and goes on a little with each look at it.
func inMemoryAt(tb testing.TB, start time.Time) *fixture {
	tb.Helper()
	var mu sync.Mutex
	now := start
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Millisecond)
		return now
	}
	f := openMemory(tb, newHubName(), taskhub.Options{PartitionCount: partitions, Now: clock}, &memstore.Options{Clock: clock})
	require.NoError(tb, f.CreateTaskHub(tb.Context(), nil))
	f.traffic.reset()
	return f
}

// clocks are when a hub is looked at. Soon after, the times at which rows were written tell what a rewind has changed; a
// hub that was copied long after has none that could.
var clocks = map[string]time.Time{"soon after": forgedTime.Add(time.Second), "long after": forgedTime.AddDate(1, 0, 0)}

func soonAfter() time.Time { return clocks["soon after"] }

// called says who called an instance.
type called struct {
	parent  string
	eventID int
	// detached says that the caller does not wait.
	detached bool
}

// forge writes an instance as a worker leaves it. Each line of the script is an event: "start", "act ID NAME", "sub ID
// INSTANCE", "timer ID SECONDS", "done ID", "fail ID REASON", "subdone ID", "subfail ID", "fired ID", "event NAME",
// "kill", "wake", "send ID INSTANCE" or "end ID STATUS RESULT".
func (f *fixture) forge(tb testing.TB, id, status string, by called, script string) {
	tb.Helper()
	execution := executionOf(id)
	row := &storage.Entity{PartitionKey: wire.EscapeKey(id), Columns: []storage.Column{
		text(wire.ColName, "Orchestrator"), text(wire.ColInput, `"in"`), text(wire.ColRuntimeStatus, status),
		text(wire.ColExecutionID, execution), at(wire.ColCreatedTime, forgedTime), at(wire.ColLastUpdatedTime, forgedTime),
		text(wire.ColTaskHubName, f.names.Hub()),
	}}
	if wire.Terminal(status) {
		row.Set(wire.ColOutput, storage.StringValue("it failed"))
		row.Set(wire.ColCompletedTime, storage.TimeValue(forgedTime))
	}
	_, err := f.storage.Tables.Insert(tb.Context(), f.names.Instances(), row)
	require.NoError(tb, err)
	f.writeScript(tb, id, 0, by, script)
}

func executionOf(id string) string { return "execution-of-" + strings.ToLower(id) }

// writeScript appends events to a history, in transactions as a worker does.
func (f *fixture) writeScript(tb testing.TB, id string, from int, by called, script string) {
	tb.Helper()
	var ops []storage.Op
	add := func(rowKey string, e *storage.Entity) {
		e.PartitionKey, e.RowKey = wire.EscapeKey(id), rowKey
		e.Set(wire.ColExecutionID, storage.StringValue(executionOf(id)))
		ops = append(ops, storage.Op{Kind: storage.OpReplace, Entity: e})
	}
	for _, line := range strings.Split(script, "\n") {
		for _, e := range scripted(tb, line, by, from+len(ops) == 0) {
			add(hexKey(from+len(ops)), e)
		}
	}
	add(wire.SentinelKey, &storage.Entity{})
	for batch := range slices.Chunk(ops, storage.MaxBatch) {
		require.NoError(tb, f.storage.Tables.Batch(tb.Context(), f.names.History(), batch))
	}
}

func scripted(tb testing.TB, line string, by called, first bool) []*storage.Entity {
	tb.Helper()
	words := append(strings.SplitN(line, " ", 4), "", "", "")
	kind, rest := words[0], words[2]
	var id int32
	_, _ = fmt.Sscan(words[1], &id)
	one := func(eventType string, columns ...storage.Column) []*storage.Entity {
		return []*storage.Entity{event(eventType, columns...)}
	}
	switch kind {
	case "start":
		started := one(wire.OrchestratorStarted)
		if first {
			started = append(started, event(wire.ExecutionStarted, by.columns()...))
		}
		return started
	case "act":
		return one(wire.TaskScheduled, number(wire.ColEventID, id), text(wire.ColName, rest))
	case "sub":
		return one(wire.SubOrchestrationInstanceCreated, number(wire.ColEventID, id), text(wire.ColName, "Orchestrator"),
			text(wire.ColInstanceID, rest))
	case "timer":
		var seconds int
		_, _ = fmt.Sscan(rest, &seconds)
		return one(wire.TimerCreated, number(wire.ColEventID, id), at(wire.ColFireAt, forgedTime.Add(time.Duration(seconds)*time.Second)))
	case "send":
		return one(wire.EventSent, number(wire.ColEventID, id), text(wire.ColName, "go"), text(wire.ColInstanceID, rest))
	case "done":
		return one(wire.TaskCompleted, number(wire.ColTaskScheduledID, id), text(wire.ColResult, `"done"`))
	case "fail":
		return one(wire.TaskFailed, number(wire.ColTaskScheduledID, id), text(wire.ColReason, "it broke "+rest))
	case "subdone":
		return one(wire.SubOrchestrationInstanceCompleted, number(wire.ColTaskScheduledID, id), text(wire.ColResult, `"done"`))
	case "subfail":
		return one(wire.SubOrchestrationInstanceFailed, number(wire.ColTaskScheduledID, id), text(wire.ColReason, "the child broke"))
	case "fired":
		return one(wire.TimerFired, number(wire.ColTimerID, id))
	case "event":
		return one(wire.EventRaised, text(wire.ColName, words[1]))
	case "kill":
		return one(wire.ExecutionTerminated)
	case "wake":
		return one(wire.GenericEvent)
	case "end":
		return one(wire.ExecutionCompleted, number(wire.ColEventID, id), text(wire.ColOrchestrationStatus, rest),
			text(wire.ColResult, words[3]))
	}
	require.Fail(tb, "unknown event", line)
	return nil
}

func (by called) columns() []storage.Column {
	columns := []storage.Column{text(wire.ColName, "Orchestrator")}
	if by.parent != "" {
		columns = append(columns, text(wire.ColParentInstance, fmt.Sprintf(
			`{"Name":"Orchestrator","OrchestrationInstance":{"InstanceId":%q,"ExecutionId":%q},"TaskScheduleId":%d,"Version":""}`,
			by.parent, executionOf(by.parent), by.eventID)))
	}
	if by.detached {
		columns = append(columns, text(wire.ColTags, `{"FireAndForget":""}`))
	}
	return columns
}

// callers are the tree of the instances of a test: who called whom.
type callers map[string]called

// failedTree writes a tree of instances that have failed: each called an activity that worked, then either another that
// failed or its children, and failed of that.
func (f *fixture) failedTree(tb testing.TB, tree callers) {
	tb.Helper()
	for id, by := range tree {
		kids := tree.of(id)
		script := "start\nact 0 Works\nstart\ndone 0\n"
		if len(kids) == 0 {
			script += "act 1 Fails\nstart\nfail 1\nend 2 Failed broken"
		} else {
			for _, kid := range kids {
				script += fmt.Sprintf("sub %d %s\n", tree[kid].eventID, kid)
			}
			script += "start\n"
			for _, kid := range kids {
				script += fmt.Sprintf("subfail %d\n", tree[kid].eventID)
			}
			script += fmt.Sprintf("end %d Failed broken", 1+len(kids))
		}
		f.forge(tb, id, wire.StatusFailed, by, script)
	}
}

// of returns the children of an instance in order of their event IDs.
func (c callers) of(parent string) []string {
	var kids []string
	for id, by := range c {
		if by.parent == parent && id != parent {
			kids = append(kids, id)
		}
	}
	slices.SortFunc(kids, func(a, b string) int { return c[a].eventID - c[b].eventID })
	return kids
}

// events returns the types of the history rows of an instance, an earlier type in brackets.
func (f *fixture) events(tb testing.TB, id string) []string {
	tb.Helper()
	types := []string{}
	for _, e := range f.historyOf(tb, id) {
		was := strings.TrimPrefix(e.Text(wire.ColReason), "Rewound: ")
		if was != e.Text(wire.ColReason) {
			was = "(" + was + ")"
		} else {
			was = ""
		}
		types = append(types, e.Text(wire.ColEventType)+was)
	}
	return types
}

// historyOf returns the history rows of an instance, without the sentinel.
func (f *fixture) historyOf(tb testing.TB, id string) []storage.Entity {
	tb.Helper()
	var rows []storage.Entity
	q := storage.Query{Filter: storage.Cmp{Column: "PartitionKey", Op: storage.EQ, Value: storage.StringValue(wire.EscapeKey(id))}}
	for {
		page, err := f.storage.Tables.Query(tb.Context(), f.names.History(), q)
		require.NoError(tb, err)
		rows = append(rows, page.Entities...)
		if q.From = page.Next; q.From == (storage.Token{}) {
			break
		}
	}
	return slices.DeleteFunc(rows, func(e storage.Entity) bool { return e.RowKey == wire.SentinelKey })
}

// isOpen reports whether the history of an instance has no end: the engine would let it run on.
func (f *fixture) isOpen(tb testing.TB, id string) bool {
	tb.Helper()
	return !slices.ContainsFunc(f.historyOf(tb, id), func(e storage.Entity) bool {
		return e.Text(wire.ColEventType) == wire.ExecutionCompleted
	})
}

// takeUp is what a worker does with an instance that it was woken for: it runs an episode and stores it.
func (f *fixture) takeUp(tb testing.TB, id string) {
	tb.Helper()
	require.True(tb, f.isOpen(tb, id))
	f.writeScript(tb, id, len(f.historyOf(tb, id)), called{}, "start\nwake")
	f.setState(tb, id, durable.RuntimeStatusRunning)
}

// wakes counts the messages that wake instances. There must be no others.
func (f *fixture) wakes(tb testing.TB) map[string]int {
	tb.Helper()
	woken := map[string]int{}
	for p := range partitions {
		messages, err := f.storage.Queues.Peek(tb.Context(), f.names.ControlQueue(p), 32)
		require.NoError(tb, err)
		for _, queued := range messages {
			m := f.unpack(tb, queued.Text)
			require.Equal(tb, wire.GenericEvent, m.EventType)
			require.Equal(tb, p, wire.Partition(m.InstanceID, partitions))
			var body struct{ Data string }
			require.NoError(tb, json.Unmarshal(m.Event, &body))
			require.Equal(tb, "repaired", body.Data)
			woken[m.InstanceID]++
		}
	}
	return woken
}

// writes counts the requests that change something.
func (f *fixture) writes() int {
	n := 0
	for _, c := range f.fault.Calls() {
		switch c.Op {
		case "Get", "Query", "Open", "List", "ListQueues", "ListTables", "ListContainers", "Peek", "Count":
		default:
			n++
		}
	}
	return n
}
