package wire_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

var knownEvents = []string{
	wire.OrchestratorStarted, wire.OrchestratorCompleted, wire.ExecutionStarted, wire.ExecutionCompleted,
	wire.ExecutionTerminated, wire.ExecutionSuspended, wire.ExecutionResumed, wire.TaskScheduled, wire.TaskCompleted,
	wire.TaskFailed, wire.SubOrchestrationInstanceCreated, wire.SubOrchestrationInstanceCompleted,
	wire.SubOrchestrationInstanceFailed, wire.TimerCreated, wire.TimerFired, wire.EventSent, wire.EventRaised,
	wire.ContinueAsNew, wire.GenericEvent,
}

func TestDecodeEvent(t *testing.T) {
	t.Parallel()
	row := &storage.Entity{PartitionKey: "x", RowKey: "000000000000000A", ETag: "W/1", Columns: []storage.Column{
		stringColumn("EventType", "SubOrchestrationInstanceFailed"),
		{Name: "EventId", Value: storage.Int32Value(3)},
		stringColumn("ExecutionId", "E"), timeColumn("_Timestamp", "2024-01-02T03:04:05.5Z"), stringColumn("Name", "N"),
		stringColumn("InstanceId", "I"),
		{Name: "TaskScheduledId", Value: storage.Int32Value(5)},
		timeColumn("FireAt", "2024-01-02T03:04:06Z"), stringColumn("Reason", "R"), stringColumn("Result", "S"),
		stringColumn("Details", "D"), stringColumn("FailureDetails", "null"), stringColumn("OrchestrationStatus", "Failed"),
		stringColumn("SomethingNew", "?"),
	}}
	ev, err := wire.DecodeEvent(row)
	require.NoError(t, err)
	require.Equal(t, wire.Event{
		RowKey: "000000000000000A", ETag: "W/1", Type: wire.SubOrchestrationInstanceFailed, EventID: 3, ExecutionID: "E",
		Timestamp: time.Date(2024, 1, 2, 3, 4, 5, 5e8, time.UTC), Name: "N", InstanceID: "I", ScheduledID: 5,
		FireAt: time.Date(2024, 1, 2, 3, 4, 6, 0, time.UTC), Reason: "R", Result: "S", Details: "D", Status: "Failed",
		Row: row,
	}, ev)
}

func TestDecodeEventOfTheLeast(t *testing.T) {
	t.Parallel()
	row := &storage.Entity{RowKey: "0000000000000000", Columns: []storage.Column{
		stringColumn("EventType", "SomethingNew"), stringColumn("FailureDetails", `{"ErrorType":"T"}`),
		{Name: "TimerId", Value: storage.Int32Value(0)},
	}}
	ev, err := wire.DecodeEvent(row)
	require.NoError(t, err)
	require.Equal(t, wire.Event{
		RowKey: row.RowKey, Type: "SomethingNew", EventID: -1, FailureDetails: `{"ErrorType":"T"}`, Row: row,
	}, ev)

	_, err = wire.DecodeEvent(&storage.Entity{RowKey: wire.SentinelKey})
	require.Error(t, err)
}
