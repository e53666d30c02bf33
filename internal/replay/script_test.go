package replay_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/replay"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// script makes rows of lines such as
//
//	start            an episode begins
//	act 3 Charge     an activity is scheduled
//	done 3, fail 3   it is answered
//
// and so on for child, timer, send, event and end.
func script(t *testing.T, text string) []wire.Event {
	t.Helper()
	var rows []wire.Event
	for line := range strings.Lines(strings.TrimSpace(text)) {
		e := &storage.Entity{PartitionKey: "i", RowKey: fmt.Sprintf("%016X", len(rows)), ETag: "1"}
		e.Set(wire.ColEventID, storage.Int32Value(-1))
		e.Set(wire.ColExecutionID, storage.StringValue("x"))
		fill(t, e, strings.Fields(line))
		rows = append(rows, decode(t, e))
	}
	return rows
}

// words are the kinds of lines: the event type, and the columns that the words behind it fill.
var words = map[string][]string{
	"start":     {wire.OrchestratorStarted},
	"began":     {wire.ExecutionStarted, wire.ColParentInstance},
	"act":       {wire.TaskScheduled, wire.ColEventID, wire.ColName},
	"child":     {wire.SubOrchestrationInstanceCreated, wire.ColEventID, wire.ColName, wire.ColInstanceID},
	"timer":     {wire.TimerCreated, wire.ColEventID, wire.ColFireAt},
	"send":      {wire.EventSent, wire.ColEventID, wire.ColInstanceID, wire.ColName, wire.ColInput},
	"done":      {wire.TaskCompleted, wire.ColTaskScheduledID},
	"fail":      {wire.TaskFailed, wire.ColTaskScheduledID, wire.ColReason},
	"childdone": {wire.SubOrchestrationInstanceCompleted, wire.ColTaskScheduledID},
	"childfail": {wire.SubOrchestrationInstanceFailed, wire.ColTaskScheduledID},
	"fired":     {wire.TimerFired, wire.ColTimerID},
	"event":     {wire.EventRaised, wire.ColName},
	"suspend":   {wire.ExecutionSuspended},
	"resume":    {wire.ExecutionResumed},
	"kill":      {wire.ExecutionTerminated},
	"end":       {wire.ExecutionCompleted, wire.ColEventID, wire.ColOrchestrationStatus, wire.ColResult},
	"generic":   {wire.GenericEvent, wire.ColEventID},
}

func fill(t *testing.T, e *storage.Entity, line []string) {
	t.Helper()
	columns, ok := words[line[0]]
	require.True(t, ok, line[0])
	e.Set(wire.ColEventType, storage.StringValue(columns[0]))
	for i, word := range line[1:] {
		switch name := columns[i+1]; name {
		case wire.ColEventID, wire.ColTaskScheduledID, wire.ColTimerID:
			e.Set(name, storage.Value{Type: storage.Int32, Text: word})
		case wire.ColFireAt:
			e.Set(name, storage.Value{Type: storage.DateTime, Text: word})
		default:
			e.Set(name, storage.StringValue(word))
		}
	}
}

// ids returns the event IDs of actions.
func ids(actions []*replay.Action) []int {
	var list []int
	for _, a := range actions {
		list = append(list, a.EventID)
	}
	return list
}

func codes(plan *replay.Plan) []string {
	var list []string
	for _, w := range plan.Warnings {
		list = append(list, fmt.Sprintf("%s %d", w.Code, w.EventID))
	}
	return list
}
