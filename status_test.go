package durable_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

func raw(s string) json.RawMessage { return json.RawMessage(s) }

// TestGetStatus reads a row with everything in it.
func TestGetStatus(t *testing.T) {
	t.Parallel()
	noon := noon.Truncate(wire.Tick)
	row := &storage.Entity{PartitionKey: "a^0b", Columns: []storage.Column{
		text(wire.ColName, "Hello"), text(wire.ColVersion, "2"), text(wire.ColInput, `{"date":"2020-01-02T03:04:05+09:00"}`),
		text(wire.ColOutput, `[1, 2]`), text(wire.ColCustomStatus, `"half"`), at(wire.ColCreatedTime, noon),
		at(wire.ColLastUpdatedTime, noon.Add(time.Second)), at(wire.ColCompletedTime, noon.Add(2*time.Second)),
		at(wire.ColScheduledStartTime, noon.Add(-time.Second)), text(wire.ColRuntimeStatus, "Completed"),
		text(wire.ColExecutionID, "execution"), number(wire.ColGeneration, 3), text(wire.ColTags, `{"$type":"x","a":"b"}`),
		text(wire.ColTaskHubName, "x"), text("Stranger", "x"),
	}}
	want := &durable.OrchestrationStatus{
		Name: "Hello", InstanceID: "a/b", RuntimeStatus: durable.RuntimeStatusCompleted,
		Input: raw(`{"date":"2020-01-02T03:04:05+09:00"}`), Output: raw(`[1, 2]`), CustomStatus: raw(`"half"`),
		CreatedTime: noon, LastUpdatedTime: noon.Add(time.Second), CompletedTime: noon.Add(2 * time.Second),
		ScheduledStartTime: noon.Add(-time.Second), ExecutionID: "execution", Version: "2", Generation: 3,
		Tags: map[string]string{"a": "b"},
	}
	onBothStores(t, func(t *testing.T, f *fixture) {
		_, err := f.storage.Tables.Insert(t.Context(), f.names.Instances(), row)
		require.NoError(t, err)
		s, err := f.GetStatus(t.Context(), "a/b", nil)
		require.NoError(t, err)
		require.Equal(t, want, s)

		s, err = f.GetStatus(t.Context(), "a/b", &durable.GetStatusOptions{OmitInput: true})
		require.NoError(t, err)
		require.Nil(t, s.Input)
		require.Equal(t, want.Output, s.Output)

		var output []int
		require.NoError(t, s.DecodeOutput(&output))
		require.Equal(t, []int{1, 2}, output)
		var status string
		require.NoError(t, s.DecodeCustomStatus(&status))
		require.Equal(t, "half", status)
		document, err := json.Marshal(s)
		require.NoError(t, err)
		require.Equal(t, `{"name":"Hello","instanceId":"a/b","runtimeStatus":"Completed","input":null,"customStatus":"half",`+
			`"output":[1,2],"createdTime":"2026-11-22T12:00:00Z","lastUpdatedTime":"2026-11-22T12:00:01Z"}`, string(document))
	})
}

// TestGetStatusTexts: reasons, failures and other plain texts become JSON strings; null and nothing differ.
func TestGetStatusTexts(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.startRunning(t, "id", nil)
		for stored, want := range map[string]string{
			"why not": `"why not"`, `"quoted"`: `"quoted"`, "": `""`, "null": "null", "{broken": `"{broken"`, "12": "12",
			"https://x/1": `"https://x/1"`, "a\nb": `"a\nb"`, "<&>": `"<&>"`,
		} {
			f.set(t, "id", text(wire.ColOutput, stored), text(wire.ColCustomStatus, stored))
			s, err := f.GetStatus(t.Context(), "id", nil)
			require.NoError(t, err)
			require.Equal(t, want, string(s.Output))
			require.Equal(t, want, string(s.CustomStatus))
		}
	})
}

// TestGetStatusMissing tells a missing instance from a missing hub.
func TestGetStatusMissing(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		for name, op := range readsAndControls("absent") {
			require.ErrorIs(t, op(t.Context(), f.OrchestrationClient), durable.ErrInstanceNotFound, name)
		}
		require.NoError(t, f.storage.Tables.DeleteTable(t.Context(), f.names.Instances()))
		require.NoError(t, f.storage.Tables.DeleteTable(t.Context(), f.names.History()))
		for name, op := range readsAndControls("absent") {
			err := op(t.Context(), f.OrchestrationClient)
			require.ErrorIs(t, err, durable.ErrTaskHubNotFound, name)
			require.NotErrorIs(t, err, durable.ErrInstanceNotFound, name)
		}
		have, err := f.storage.Tables.ListTables(t.Context(), f.names.Hub())
		require.NoError(t, err)
		require.Empty(t, have, "a look creates nothing")
	})
}

// TestShowHistory: the history of the row's execution, and none of a start that waits.
func TestShowHistory(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.start(t, "id", 1)
		show := &durable.GetStatusOptions{ShowHistory: true, ShowHistoryOutput: true}
		s, err := f.GetStatus(t.Context(), "id", show)
		require.NoError(t, err)
		require.Nil(t, s.HistoryEvents)
		f.history(t, "id", s.ExecutionID,
			event(wire.OrchestratorStarted),
			event(wire.ExecutionStarted, text(wire.ColName, "Orchestrator"), text(wire.ColInput, "1")),
			event(wire.TaskScheduled, number(wire.ColEventID, 0), text(wire.ColName, "Say")),
			event(wire.TaskScheduled, number(wire.ColEventID, 1), text(wire.ColName, "Open")),
			event(wire.TaskCompleted, number(wire.ColTaskScheduledID, 0), text(wire.ColResult, `"hi"`)),
		)
		f.setState(t, "id", durable.RuntimeStatusRunning)
		s, err = f.GetStatus(t.Context(), "id", show)
		require.NoError(t, err)
		require.Len(t, s.HistoryEvents, 3)
		require.Contains(t, string(s.HistoryEvents[2]), `"Result":"hi"`)
		require.Contains(t, string(s.HistoryEvents[2]), `"FunctionName":"Say"`)
		require.Contains(t, string(s.HistoryEvents[1]), `"Name":"Open"`)

		s, err = f.GetStatus(t.Context(), "id", &durable.GetStatusOptions{ShowHistory: true, OmitInput: true})
		require.NoError(t, err)
		require.NotContains(t, string(s.HistoryEvents[0]), "Input")
		require.NotContains(t, string(s.HistoryEvents[2]), "Result")
		s, err = f.GetStatus(t.Context(), "id", nil)
		require.NoError(t, err)
		require.Nil(t, s.HistoryEvents)
	})
}

// TestOmitInput: the input is not even fetched, neither its column nor its blob.
func TestOmitInput(t *testing.T) {
	t.Parallel()
	f := openMemory(t, newHubName(), taskhub.Options{}, nil)
	f.create(t)
	f.start(t, "id", strings.Repeat("x", 50_000))
	f.traffic.reset()
	columns := &columnSpy{Tables: f.storage.Tables}
	c := clientOn(t, storage.Account{Tables: columns, Queues: f.storage.Queues, Blobs: nil}, f.names.Hub(), taskhub.Options{})
	s, err := c.GetStatus(t.Context(), "id", &durable.GetStatusOptions{OmitInput: true})
	require.NoError(t, err)
	require.Nil(t, s.Input)
	require.NotEmpty(t, columns.asked)
	for _, asked := range columns.asked {
		require.NotContains(t, asked, wire.ColInput)
		require.NotContains(t, asked, wire.ColInputBlobName)
		require.True(t, slices.Contains(asked, wire.ColOutput))
	}
}

// TestGetStatuses: a list keeps its order and its gaps, and one request an instance is all it takes.
func TestGetStatuses(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.start(t, "a", 1)
		f.start(t, "b", 2)
		f.traffic.reset()
		got, err := f.GetStatuses(t.Context(), []string{"b", "nobody", "a", "b"}, &durable.GetStatusOptions{OmitInput: true})
		require.NoError(t, err)
		require.Len(t, got, 4)
		require.Equal(t, []string{"b", "a", "b"}, []string{got[0].InstanceID, got[2].InstanceID, got[3].InstanceID})
		require.Nil(t, got[1])
		require.Nil(t, got[0].Input)
		require.Equal(t, 4, f.traffic.count())

		f.traffic.reset()
		for _, ids := range [][]string{nil, {}, {"a", ""}, make([]string, 10_001)} {
			_, err := f.GetStatuses(t.Context(), ids, nil)
			require.ErrorIs(t, err, durable.ErrInvalidArgument)
		}
		require.Zero(t, f.traffic.count())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = f.GetStatuses(ctx, []string{"a"}, nil)
		require.ErrorIs(t, err, context.Canceled)
	})
}
