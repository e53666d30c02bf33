package durabletest

import (
	"strings"
	"time"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// turn is an episode in the making: what there is of an execution, and the rows that the episode adds to its history.
type turn struct {
	id          string
	history     *taskhub.History // of the current execution
	executionID string           // "" if nothing runs
	now         time.Time
	stamped     storage.Value // now, as a value of a column; see stamp
	// opened says whether the execution begins with this episode.
	opened bool
	// rows are the new rows of the history, without keys.
	rows   []*storage.Entity
	status string
	// reason is why it was terminated in this episode.
	reason     storage.Value
	terminated bool
	// ended says whether the execution ends with this episode.
	ended bool
	// custom is the text for the column of the custom status.
	custom string
}

// noStatus is the text of the column where no custom status was set (AzureTableTrackingStore.cs).
const noStatus = "null"

// open begins an execution.
func (t *turn) open(executionID string) {
	t.executionID, t.opened, t.history = executionID, true, &taskhub.History{Sentinel: t.history.Sentinel}
	t.status, t.custom = wire.StatusRunning, noStatus
}

// receive applies a message and returns the row that it gave, or nil where a worker throws it away.
func (t *turn) receive(m *wire.Message) (*storage.Entity, error) {
	switch {
	case m.EventType == wire.ExecutionStarted:
		if t.executionID != "" {
			return nil, nil //nolint:nilnil // one that runs already is a repetition
		}
		t.open(m.ExecutionID)
	case t.executionID == "", wire.Terminal(t.status):
		return nil, nil //nolint:nilnil // nobody there to hear it
	case m.ExecutionID != "" && !strings.EqualFold(m.ExecutionID, t.executionID):
		return nil, nil //nolint:nilnil // for an earlier execution
	}
	columns, err := eventColumns(m.Event)
	if err != nil {
		return nil, err
	}
	row := &storage.Entity{Columns: columns}
	t.append(m.EventType, row)
	switch m.EventType {
	case wire.ExecutionSuspended:
		t.status = wire.StatusSuspended
	case wire.ExecutionResumed:
		t.status = wire.StatusRunning
	case wire.ExecutionTerminated:
		if !t.terminated {
			t.terminated, t.reason = true, row.Get(wire.ColInput)
		}
	}
	return row, nil
}

// append adds a row to the history.
func (t *turn) append(eventType string, row *storage.Entity) {
	row.Set(wire.ColEventType, storage.StringValue(eventType))
	row.Set(wire.ColExecutionID, storage.StringValue(t.executionID))
	t.rows = append(t.rows, row)
}

// newRow returns a row for an event that the worker itself makes.
func (t *turn) newRow(eventID int) *storage.Entity {
	const more = 5 // columns, in most events
	columns := make([]storage.Column, 3, 3+more)
	columns[0] = storage.Column{Name: wire.ColEventID, Value: storage.Int32Value(int32(eventID))} //nolint:gosec // counts actions
	columns[1] = storage.Column{Name: wire.ColIsPlayed, Value: storage.BoolValue(false)}
	columns[2] = storage.Column{Name: wire.ColTimestamp, Value: t.stamp()}
	return &storage.Entity{Columns: columns}
}

// stamp returns the time of the episode as a value of a column.
func (t *turn) stamp() storage.Value {
	if t.stamped.Type == storage.None {
		t.stamped = storage.TimeValue(t.now)
	}
	return t.stamped
}

// end adds the event with which an execution ends.
func (t *turn) end(eventID int, status string, result storage.Value) {
	t.ended, t.status = true, status
	row := t.newRow(eventID)
	row.Set(wire.ColOrchestrationStatus, storage.StringValue(status))
	if result.Type != storage.None {
		row.Set(wire.ColResult, result)
	}
	t.append(wire.ExecutionCompleted, row)
}

// frame puts the rows that begin and end an episode around the others.
func (t *turn) frame() {
	rows := t.rows
	t.rows = make([]*storage.Entity, 0, len(rows)+2)
	t.append(wire.OrchestratorStarted, t.newRow(-1))
	t.rows = append(t.rows, rows...)
	t.append(wire.OrchestratorCompleted, t.newRow(-1))
}

// startGeneration begins a generation of an instance that continues as new: rows for its start, and for events that go
// along. What there was before is dropped (TaskOrchestrationDispatcher.cs).
func (t *turn) startGeneration(start *wire.Message, carried []Event) error {
	t.rows, t.executionID = nil, "" // so that the event opens an execution
	row, err := t.receive(start)
	if err != nil {
		return err
	}
	t.rows = nil
	t.append(wire.OrchestratorStarted, t.newRow(-1))
	t.rows = append(t.rows, row)
	for _, event := range carried {
		row := t.newRow(-1)
		row.Set(wire.ColIsPlayed, storage.BoolValue(true))
		row.Set(wire.ColName, storage.StringValue(event.Name))
		if event.Data != nil {
			row.Set(wire.ColInput, storage.StringValue(string(event.Data)))
		}
		t.append(wire.EventRaised, row)
	}
	done := t.newRow(-1)
	done.Set(wire.ColIsPlayed, storage.BoolValue(true))
	t.append(wire.OrchestratorCompleted, done)
	return nil
}

// statusOf returns the state that a history leaves an execution in, "" if it has none.
func statusOf(h *taskhub.History) string {
	status := ""
	for i := range h.Events {
		switch e := &h.Events[i]; e.Type {
		case wire.ExecutionStarted, wire.ExecutionResumed:
			status = wire.StatusRunning
		case wire.ExecutionSuspended:
			status = wire.StatusSuspended
		case wire.ExecutionCompleted:
			status = e.Status
		}
	}
	return status
}
