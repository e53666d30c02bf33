package replay_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// dotNet rewinds as the .NET client does: every failure and what scheduled it.
func dotNet(t *testing.T, rows []wire.Event) []wire.Event {
	t.Helper()
	rows = slices.Clone(rows)
	mark := func(i int, eventType string) {
		row := rows[i].Row.Clone()
		row.Set(wire.ColReason, storage.StringValue("Rewound: "+rows[i].Type))
		row.Set(wire.ColEventType, storage.StringValue(eventType))
		rows[i] = decode(t, row)
	}
	for i := range rows {
		ev := rows[i]
		switch {
		case ev.Type == wire.TaskFailed:
			mark(find(rows, wire.TaskScheduled, ev.ScheduledID), wire.GenericEvent)
			mark(i, wire.GenericEvent)
		case ev.Type == wire.SubOrchestrationInstanceFailed:
			mark(find(rows, wire.SubOrchestrationInstanceCreated, ev.ScheduledID), wire.SubOrchestrationInstanceCreated)
			mark(i, wire.GenericEvent)
		case ev.Status == wire.StatusFailed:
			mark(i, wire.GenericEvent)
		}
	}
	return rows
}

func find(rows []wire.Event, eventType string, id int) int {
	return slices.IndexFunc(rows, func(ev wire.Event) bool { return ev.Type == eventType && ev.EventID == id })
}

// appendRow appends a row under the next key.
func appendRow(t *testing.T, rows []wire.Event, ev wire.Event) []wire.Event {
	t.Helper()
	row := ev.Row.Clone()
	row.RowKey = fmt.Sprintf("%016X", len(rows))
	return append(slices.Clone(rows), decode(t, row))
}
