package durable_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// TestStartOrGet: the first call starts, the next ones find.
func TestStartOrGet(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		s, isNew, err := f.StartOrGet(t.Context(), "Orchestrator", "id", 1, &durable.StartNewOptions{Version: "3"})
		require.NoError(t, err)
		require.True(t, isNew)
		require.Equal(t, durable.RuntimeStatusPending, s.RuntimeStatus)
		require.Equal(t, "3", s.Version)
		f.requireStarted(t, "id", 0)
		f.run(t, "id")
		for _, state := range allStates[1:] {
			f.setState(t, "id", state)
			before := f.row(t, "id")
			s, isNew, err := f.StartOrGet(t.Context(), "Orchestrator", "id", 2, &durable.StartNewOptions{
				InstanceID: "id", OverridableStates: durable.OverridableAnyState,
			})
			require.NoError(t, err)
			require.False(t, isNew)
			require.Equal(t, state, s.RuntimeStatus)
			require.Equal(t, "1", string(s.Input))
			require.Equal(t, before, f.row(t, "id"))
			require.Empty(t, f.received(t), state)
		}
	})
}

// TestStartOrGetOther: an ID that another orchestrator has is not found but in use.
func TestStartOrGetOther(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.start(t, "id", nil)
		f.drain(t)
		_, isNew, err := f.StartOrGet(t.Context(), "orchestrator", "id", strings.Repeat("x", 50_000), nil)
		require.ErrorIs(t, err, durable.ErrInstanceExists)
		require.ErrorContains(t, err, `it is one of orchestrator "Orchestrator"`)
		require.False(t, isNew)
		var e *durable.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, durable.RuntimeStatusPending, e.Status)
		require.Empty(t, f.received(t))
		require.Empty(t, f.blobs(t))
	})
}

// TestStartOrGetCompletes: a start whose message was never sent is completed from its row, as often as one likes, and
// the message is always of the same execution.
func TestStartOrGetCompletes(t *testing.T) {
	t.Parallel()
	large := `"` + strings.Repeat("é", 40_000) + `"`
	tests := map[string]struct {
		input string
		// store puts the input where it lies and returns the columns that say so.
		store func(t *testing.T, f *fixture) []storage.Column
	}{
		"inline": {`{"a": 1}`, func(*testing.T, *fixture) []storage.Column {
			return []storage.Column{text(wire.ColInput, `{"a": 1}`)}
		}},
		"inline, too long for the queue": {`"` + strings.Repeat("日", 20_000) + `"`, func(*testing.T, *fixture) []storage.Column {
			return []storage.Column{text(wire.ColInput, `"`+strings.Repeat("日", 20_000)+`"`)}
		}},
		"in a blob named beside it": {large, func(t *testing.T, f *fixture) []storage.Column {
			f.putBlob(t, "id/history--Input-1A2B3C4D-Input.json.gz", large)
			return []storage.Column{text(wire.ColInput, ""), text(wire.ColInputBlobName, "id/history--Input-1A2B3C4D-Input.json.gz")}
		}},
		"in the message's blob": {large, func(t *testing.T, f *fixture) []storage.Column {
			start := wire.Start{InstanceID: "id", ExecutionID: "execution", Name: "Orchestrator", Input: &large, Created: noon}
			m := start.StartMessage()
			m.ActivityID = "11111111-2222-3333-4444-555555555555"
			f.putBlob(t, wire.MessageBlobName(m), string(m.JSON()))
			return []storage.Column{text(wire.ColInput, f.reference(wire.MessageBlobName(m)))}
		}},
	}
	onBothStores(t, func(t *testing.T, f *fixture) {
		for name, test := range tests {
			if strings.HasPrefix(name, "inline") && f.damages(test.input) {
				continue
			}
			row := &storage.Entity{PartitionKey: "id", Columns: append(test.store(t, f),
				text(wire.ColName, "Orchestrator"), text(wire.ColExecutionID, "execution"), text(wire.ColVersion, "7"),
				text(wire.ColRuntimeStatus, wire.StatusPending), at(wire.ColCreatedTime, noon), number(wire.ColGeneration, 3),
				text(wire.ColTags, `{"$type":"x","a":"b"}`),
			)}
			_, err := f.storage.Tables.Update(t.Context(), f.names.Instances(), row, storage.Replace, "")
			require.NoError(t, err)
			before := f.row(t, "id")
			for range 3 {
				s, isNew, err := f.StartOrGet(t.Context(), "Orchestrator", "id", "ignored", nil)
				require.NoError(t, err, name)
				require.False(t, isNew)
				require.Equal(t, test.input, string(s.Input))
			}
			require.Equal(t, before, f.row(t, "id"), name)
			messages := f.received(t)
			require.Len(t, messages, 3, name)
			for _, m := range messages {
				e := startEvent(t, m)
				require.Equal(t, test.input, *e.Input, name)
				require.Equal(t, "execution", m.ExecutionID)
				if name == "in the message's blob" {
					continue
				}
				require.Equal(t, 3, e.Generation)
				require.Equal(t, map[string]string{"a": "b"}, e.Tags)
				require.True(t, noon.Truncate(wire.Tick).Equal(e.Timestamp), "the engine compares it with CreatedTime")
			}
		}
	})
}

// TestStartOrGetScheduled: a scheduled start that is completed keeps its time.
func TestStartOrGetScheduled(t *testing.T) {
	t.Parallel()
	now := noon
	f := inMemory(t, taskhub.Options{Now: func() time.Time { return now }})
	when := noon.Add(2 * time.Hour)
	opts := &durable.StartNewOptions{ScheduledStartTime: when}
	_, isNew, err := f.StartOrGet(t.Context(), "Orchestrator", "id", nil, opts)
	require.NoError(t, err)
	require.True(t, isNew)
	now = now.Add(30 * time.Minute)
	_, isNew, err = f.StartOrGet(t.Context(), "Orchestrator", "id", nil, opts)
	require.NoError(t, err)
	require.False(t, isNew)
	now = now.Add(24 * time.Hour)
	_, _, err = f.StartOrGet(t.Context(), "Orchestrator", "id", nil, nil)
	require.NoError(t, err)
	puts := f.traffic.puts()
	require.Len(t, puts, 3)
	require.InDelta(t, 2*time.Hour, puts[0].delay, float64(wire.Tick))
	require.InDelta(t, 90*time.Minute, puts[1].delay, float64(wire.Tick))
	require.Zero(t, puts[2].delay)
	for _, p := range puts {
		require.True(t, when.Truncate(wire.Tick).Equal(*startEvent(t, f.unpack(t, p.text)).ScheduledStartTime))
	}
}

// TestStartOrGetRewound: a Pending instance with a history waits for its worker and needs no second start.
func TestStartOrGetRewound(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.startRunning(t, "id", nil)
		f.setState(t, "id", durable.RuntimeStatusPending)
		_, isNew, err := f.StartOrGet(t.Context(), "Orchestrator", "id", nil, nil)
		require.NoError(t, err)
		require.False(t, isNew)
		require.Empty(t, f.received(t))
	})
}

// TestStartOrGetPayloadGone: a start cannot be completed without its input.
func TestStartOrGetPayloadGone(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.start(t, "id", nil)
		f.drain(t)
		f.set(t, "id", text(wire.ColInput, f.reference("id/history--Input-1A2B3C4D-Input.json.gz")))
		_, _, err := f.StartOrGet(t.Context(), "Orchestrator", "id", nil, nil)
		require.ErrorIs(t, err, durable.ErrPayloadMissing)
		require.Empty(t, f.received(t))
	})
}
