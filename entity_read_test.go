package durable_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

const (
	existingStatus = `{"entityExists":true}`
	emptyStatus    = `{}`
)

// entity writes the row and the history of an entity as a worker does that has handled a batch of operations.
func (f *fixture) entity(tb testing.TB, instanceID, state, status string, lastOperation time.Time) {
	tb.Helper()
	execution := "execution of " + instanceID + lastOperation.String()
	f.history(tb, instanceID, execution, event(wire.OrchestratorStarted), event(wire.ExecutionStarted))
	f.entityRow(tb, instanceID, execution, state, status, lastOperation)
}

func (f *fixture) entityRow(tb testing.TB, instanceID, execution, state, status string, lastOperation time.Time) {
	tb.Helper()
	row := &storage.Entity{PartitionKey: wire.EscapeKey(instanceID), Columns: []storage.Column{
		text(wire.ColCustomStatus, status), text(wire.ColExecutionID, execution), text(wire.ColName, instanceID),
		text(wire.ColRuntimeStatus, wire.StatusRunning), text(wire.ColInput, state), text(wire.ColVersion, ""),
		at(wire.ColCreatedTime, lastOperation), at(wire.ColLastUpdatedTime, lastOperation.Add(time.Millisecond)),
	}}
	_, err := f.storage.Tables.Update(tb.Context(), f.names.Instances(), row, storage.Replace, "")
	require.NoError(tb, err)
}

func TestReadEntityState(t *testing.T) {
	t.Parallel()
	last := noon.Truncate(wire.Tick)
	large := `"` + strings.Repeat("x", 70_000) + `"`
	quoted, err := json.Marshal(large)
	require.NoError(t, err)
	tests := map[string]struct {
		state, status string
		want          durable.EntityStateResponse
	}{
		"extension": {`{"exists":true,"state":"34","sorter":{}}`, existingStatus, durable.EntityStateResponse{Exists: true, State: json.RawMessage("34")}},
		"core":      {`{"state":"{\"a\": 1.0}"}`, existingStatus, durable.EntityStateResponse{Exists: true, State: json.RawMessage(`{"a": 1.0}`)}},
		"no JSON":   {`{"exists":true,"state":"free text"}`, existingStatus, durable.EntityStateResponse{Exists: true, State: json.RawMessage(`"free text"`)}},
		"null":      {`{"exists":true,"state":"null"}`, existingStatus, durable.EntityStateResponse{Exists: true, State: json.RawMessage("null")}},
		"no state":  {`{"exists":true}`, existingStatus, durable.EntityStateResponse{Exists: true}},
		"deleted":   {`{"sorter":{}}`, emptyStatus, durable.EntityStateResponse{}},
		"locked": {
			`{"queue":[{"op":"add"}],"lockedBy":"locker"}`, `{"queueSize":1,"lockedBy":"locker"}`,
			durable.EntityStateResponse{QueueSize: 1, LockedBy: "locker"},
		},
		"the state decides": {`{"exists":true,"state":"1"}`, "null", durable.EntityStateResponse{Exists: true, State: json.RawMessage("1")}},
		"in a blob":         {"BLOB", existingStatus, durable.EntityStateResponse{Exists: true, State: json.RawMessage(large)}},
	}
	onBothStores(t, func(t *testing.T, f *fixture) {
		const blob = "@counter@Main Key/history-0000000000000001-ExecutionStarted-6125A916-Input.json.gz"
		f.putBlob(t, blob, `{"exists":true,"state":`+string(quoted)+`}`)
		for name, test := range tests {
			requests := 1
			if test.state == "BLOB" {
				test.state, requests = f.reference(blob), 2
			}
			f.entity(t, "@counter@Main Key", test.state, test.status, noon)
			f.traffic.reset()
			got, err := f.ReadEntityState(t.Context(), aCounter, nil)
			require.NoError(t, err, name)
			require.Equal(t, requests, f.traffic.count(), name)
			test.want.LastOperationTime = last
			require.Equal(t, &test.want, got, name)
		}
		got, err := f.ReadEntityState(t.Context(), durable.EntityID{Name: "counter", Key: "main key"}, nil)
		require.NoError(t, err)
		require.Equal(t, &durable.EntityStateResponse{}, got, "the key's case counts")
		var n *int
		require.NoError(t, got.DecodeState(&n))
		require.Nil(t, n)
	})
}

// TestReadEntityStateFails: no wrong answer where there is none.
func TestReadEntityStateFails(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.entity(t, "@counter@Main Key", f.reference("@counter@Main Key/history-1-Input.json.gz"), existingStatus, noon)
		_, err := f.ReadEntityState(t.Context(), aCounter, nil)
		require.ErrorIs(t, err, durable.ErrPayloadMissing)
		for _, state := range []string{"secret", `["secret"]`, `{"state":{"secret":1}}`} {
			f.entity(t, "@counter@Main Key", state, existingStatus, noon)
			_, err = f.ReadEntityState(t.Context(), aCounter, nil)
			require.ErrorIs(t, err, durable.ErrInvalidState)
			require.NotContains(t, err.Error(), "secret")
		}
		_, err = f.ReadEntityState(t.Context(), durable.EntityID{Name: "counter", Key: "made by an orchestrator: a/b?"}, nil)
		require.NoError(t, err)
		f.traffic.reset()
		for _, id := range []durable.EntityID{{}, {Name: "a@b"}, {Name: "\xff"}, {Name: "a", Key: "\xff"}, {Name: "a", Key: strings.Repeat("k", 510)}} {
			_, err := f.ReadEntityState(t.Context(), id, nil)
			require.ErrorIs(t, err, durable.ErrInvalidArgument, id)
		}
		require.Zero(t, f.traffic.count())
		require.NoError(t, f.DeleteTaskHub(t.Context(), nil))
		_, err = f.ReadEntityState(t.Context(), aCounter, nil)
		require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
	})
}

// TestReadRecordedEntities: what the .NET client answered, from the rows that it answered it from.
func TestReadRecordedEntities(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, name := range []string{"v2/entities", "v2/client-only"} {
		rec := golden.Load(t, name)
		for i, step := range rec.Steps {
			if step.Client != "read-entity" {
				continue
			}
			f := openMemory(t, rec.Hub, taskhub.Options{}, nil)
			require.NoError(t, nextDump(rec, i).LoadInto(t.Context(), f.storage))
			got, err := f.ReadEntityState(t.Context(), durable.EntityID{Name: step.Args[0], Key: step.Args[1]}, nil)
			require.NoError(t, err)
			var want struct {
				EntityExists bool
				EntityState  json.RawMessage
			}
			require.NoError(t, json.Unmarshal(step.Result, &want))
			require.Equal(t, want.EntityExists, got.Exists)
			if got.State == nil {
				got.State = json.RawMessage("null")
			}
			require.JSONEq(t, string(want.EntityState), string(got.State))
			compared++
		}
	}
	require.Equal(t, 3, compared)
}

// nextDump returns the first dump after a step.
func nextDump(rec *golden.Recording, step int) *golden.Dump {
	for _, s := range rec.Steps[step:] {
		if s.Dump != "" {
			return rec.Dumps[s.Dump]
		}
	}
	return nil
}

func TestEntityID(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"@counter@main", "@a@", "@a@b@c", "@a@/?#", "@ä b@ "} {
		id, err := durable.ParseEntityID(text)
		require.NoError(t, err)
		require.Equal(t, text, id.String())
	}
	id, err := durable.ParseEntityID("@Counter@Main@X")
	require.NoError(t, err)
	require.Equal(t, durable.EntityID{Name: "counter", Key: "Main@X"}, id)
	for _, text := range []string{"", "@", "@@", "@@key", "@name", "name@key", "a@b@c", "@\xff@key"} {
		_, err := durable.ParseEntityID(text)
		require.True(t, errors.Is(err, durable.ErrInvalidArgument), text)
	}
}
