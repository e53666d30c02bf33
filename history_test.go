package durable_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// getHistory returns the history of the instance "id".
func (f *fixture) getHistory(t *testing.T) []*durable.HistoryEvent {
	t.Helper()
	events, err := f.GetHistory(t.Context(), "id", nil)
	require.NoError(t, err)
	return events
}

func id(n int) *int { return &n }

// TestGetHistory: every field of every kind, and nothing lost of a kind or a column from the future.
func TestGetHistory(t *testing.T) {
	t.Parallel()
	when := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	tests := []struct {
		row  *storage.Entity
		want durable.HistoryEvent
	}{
		{event(wire.OrchestratorStarted), durable.HistoryEvent{}},
		{
			event(wire.ExecutionStarted, text(wire.ColName, "Hello"), text(wire.ColVersion, "2"), text(wire.ColInput, `{"a":1}`)),
			durable.HistoryEvent{Name: "Hello", Version: "2", Input: raw(`{"a":1}`)},
		},
		{
			event(wire.TaskScheduled, number(wire.ColEventID, 0), text(wire.ColName, "Say")),
			durable.HistoryEvent{EventID: 1, Name: "Say"},
		},
		{
			event(wire.TimerCreated, number(wire.ColEventID, 1), at(wire.ColFireAt, noon)),
			durable.HistoryEvent{EventID: 2, FireAt: noon.Truncate(wire.Tick)},
		},
		{
			event(wire.SubOrchestrationInstanceCreated, number(wire.ColEventID, 2), text(wire.ColInstanceID, "child")),
			durable.HistoryEvent{EventID: 3, InstanceID: "child"},
		},
		{
			event(wire.TaskFailed, number(wire.ColTaskScheduledID, 0), text(wire.ColReason, "no"), text(wire.ColDetails, "d"),
				text(wire.ColFailureDetails, `{"ErrorType":"X"}`)),
			durable.HistoryEvent{ScheduledID: id(0), Reason: "no", Details: "d", FailureDetails: raw(`{"ErrorType":"X"}`)},
		},
		{
			event(wire.TimerFired, number(wire.ColTimerID, 1), at(wire.ColFireAt, noon), text(wire.ColFailureDetails, "null")),
			durable.HistoryEvent{ScheduledID: id(1), FireAt: noon.Truncate(wire.Tick)},
		},
		{
			event(wire.EventRaised, text(wire.ColName, "Go"), text(wire.ColInput, "plain text")),
			durable.HistoryEvent{Name: "Go", Input: raw(`"plain text"`)},
		},
		{
			event(wire.ExecutionSuspended, text(wire.ColReason, "wait")), durable.HistoryEvent{Reason: "wait"},
		},
		{
			event("SomethingNew", text("New", "column"), number("Number", 7)),
			durable.HistoryEvent{Properties: map[string]string{"New": "column", "Number": "7"}},
		},
		{
			event(wire.ExecutionCompleted, number(wire.ColEventID, 3), text(wire.ColOrchestrationStatus, "Completed"),
				text(wire.ColResult, "[1]")),
			durable.HistoryEvent{EventID: 4, Status: durable.RuntimeStatusCompleted, Result: raw("[1]")},
		},
	}
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.start(t, "id", nil)
		var rows []*storage.Entity
		for _, test := range tests {
			rows = append(rows, test.row)
		}
		f.history(t, "id", f.row(t, "id").Text(wire.ColExecutionID), rows...)
		events := f.getHistory(t)
		require.Len(t, events, len(tests))
		for i, test := range tests {
			want := test.want
			want.EventID-- // -1 is the usual one
			want.Type, want.Timestamp = durable.HistoryEventType(test.row.Text(wire.ColEventType)), when
			properties := map[string]string{wire.ColExecutionID: f.row(t, "id").Text(wire.ColExecutionID)}
			for k, v := range want.Properties {
				properties[k] = v
			}
			want.Properties = properties
			require.Equal(t, &want, events[i], "%d %s", i, want.Type)
			_, err := json.Marshal(events[i])
			require.NoError(t, err)
		}
	})
}

// TestHistoryPayloads: texts in blobs are fetched, or not even looked for.
func TestHistoryPayloads(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.start(t, "id", nil)
		f.putBlob(t, "id/history-1", `"large"`)
		f.history(t, "id", f.row(t, "id").Text(wire.ColExecutionID),
			event(wire.ExecutionStarted, text(wire.ColInput, ""), text("InputBlobName", "id/history-1"), text(wire.ColName, "N")),
			event(wire.TaskCompleted, text(wire.ColResult, ""), text("ResultBlobName", "id/history-2"), number(wire.ColTaskScheduledID, 0)),
			event(wire.TaskFailed, text(wire.ColReason, "r"), text(wire.ColDetails, "d"), text(wire.ColFailureDetails, "{}")),
		)
		events := f.getHistory(t)
		require.Equal(t, `"large"`, string(events[0].Input))
		require.NoError(t, events[0].PayloadError)
		require.NotContains(t, events[0].Properties, "InputBlobName")
		require.ErrorIs(t, events[1].PayloadError, durable.ErrPayloadMissing)

		f.traffic.reset()
		events, err := f.GetHistory(t.Context(), "id", &durable.GetHistoryOptions{OmitPayloads: true})
		require.NoError(t, err)
		require.Equal(t, 2, f.traffic.count())
		require.Nil(t, events[0].Input)
		require.Equal(t, "N", events[0].Name)
		require.Nil(t, events[1].Result)
		require.NoError(t, events[1].PayloadError)
		require.Empty(t, events[2].Details)
		require.Nil(t, events[2].FailureDetails)
		require.Equal(t, "r", events[2].Reason)

		c := f.again(durable.ClientOptions{MaxPayloadSize: 3})
		_, err = c.GetHistory(t.Context(), "id", nil)
		require.ErrorIs(t, err, durable.ErrPayloadTooLarge)
	})
}

// TestStaleHistory: rows that an earlier, longer execution left behind are never shown.
func TestStaleHistory(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.startRunning(t, "id", nil)
		first := f.row(t, "id").Text(wire.ColExecutionID)
		f.history(t, "id", first, event(wire.OrchestratorStarted), event(wire.ExecutionStarted), event(wire.TimerCreated),
			event(wire.TimerFired), event(wire.ExecutionCompleted))
		f.complete(t, "id", "1")
		require.Len(t, f.getHistory(t), 5)

		f.start(t, "id", nil)
		require.Empty(t, f.getHistory(t), "the new execution has none yet")
		require.NoError(t, f.Terminate(t.Context(), "id", "", nil))
		require.Equal(t, wire.StatusTerminated, f.row(t, "id").Text(wire.ColRuntimeStatus))
		require.Empty(t, f.getHistory(t), "and never will")

		f.startRunning(t, "id", nil)
		require.Len(t, f.getHistory(t), 2)
		s, err := f.GetStatus(t.Context(), "id", &durable.GetStatusOptions{ShowHistory: true})
		require.NoError(t, err)
		require.Len(t, s.HistoryEvents, 1)
	})
}

// TestHistoryAhead: after ContinueAsNew the history is ahead of the row for a moment and is the current one.
func TestHistoryAhead(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.startRunning(t, "id", nil)
		f.history(t, "id", "next", event(wire.OrchestratorStarted))
		events := f.getHistory(t)
		require.Len(t, events, 1)
		require.Equal(t, durable.EventOrchestratorStarted, events[0].Type)
		s, err := f.GetStatus(t.Context(), "id", &durable.GetStatusOptions{ShowHistory: true})
		require.NoError(t, err)
		require.Empty(t, s.HistoryEvents)
	})
}

// TestLongHistory spans several pages.
func TestLongHistory(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.start(t, "id", nil)
		f.start(t, "id2", nil)
		const n = 1234
		ops := make([]storage.Op, 0, n+1)
		execution := f.row(t, "id").Text(wire.ColExecutionID)
		for i := range n {
			e := event(wire.TimerCreated, number(wire.ColEventID, int32(i)), text(wire.ColExecutionID, execution))
			e.PartitionKey, e.RowKey = "id", hexKey(i)
			ops = append(ops, storage.Op{Kind: storage.OpInsert, Entity: e})
		}
		sentinel := &storage.Entity{PartitionKey: "id", RowKey: wire.SentinelKey}
		sentinel.Set(wire.ColExecutionID, storage.StringValue(execution))
		ops = append(ops, storage.Op{Kind: storage.OpInsert, Entity: sentinel})
		for len(ops) > 0 {
			k := min(len(ops), storage.MaxBatch)
			require.NoError(t, f.storage.Tables.Batch(t.Context(), f.names.History(), ops[:k]))
			ops = ops[k:]
		}
		f.history(t, "id2", f.row(t, "id2").Text(wire.ColExecutionID), event(wire.OrchestratorStarted))
		events := f.getHistory(t)
		require.Len(t, events, n)
		for i, e := range events {
			require.Equal(t, i, e.EventID)
		}
	})
}
