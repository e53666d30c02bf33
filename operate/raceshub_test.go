package operate_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

// sums is an entity that adds up.
func sums(w *world) durabletest.Entity {
	return func(state json.RawMessage, _ string, input json.RawMessage) (json.RawMessage, error) {
		w.meanwhile()
		var sum, n int
		_ = json.Unmarshal(state, &sum)
		if err := json.Unmarshal(input, &n); err != nil {
			return nil, err
		}
		return json.Marshal(sum + n)
	}
}

var entityX = durable.EntityID{Name: "sum", Key: "x"}

func (w *world) signal(t *testing.T, n int) {
	t.Helper()
	require.NoError(t, w.hosted.Client().SignalEntity(t.Context(), entityX, "add", n, nil))
}

// lock locks the entity x for an owner who does not exist.
func (w *world) lock(t *testing.T) {
	t.Helper()
	rows, err := w.raw.ReadHistory(t.Context(), entityX.String(), "")
	require.NoError(t, err)
	for _, ev := range rows.Events {
		if ev.Type != wire.ExecutionStarted {
			continue
		}
		var state map[string]any
		require.NoError(t, json.Unmarshal([]byte(ev.Row.Text(wire.ColInput)), &state))
		state["lockedBy"] = "owner"
		text, err := json.Marshal(state)
		require.NoError(t, err)
		e := &storage.Entity{PartitionKey: ev.Row.PartitionKey, RowKey: ev.Row.RowKey, Columns: []storage.Column{str(wire.ColInput, string(text))}}
		_, err = w.storage.Tables.Update(t.Context(), w.History(), e, storage.Merge, ev.Row.ETag)
		require.NoError(t, err)
	}
	w.merge(t, entityX.String(), str(wire.ColCustomStatus, `{"entityExists":true,"lockedBy":"owner"}`))
}

// What waits behind the lock is done once, whoever releases it.
func lockRace() race {
	return race{
		name: "lock orphaned", kind: operate.KindEntityLockOrphaned,
		app: waiting,
		damage: func(t *testing.T, w *world) {
			w.entities = map[string]durabletest.Entity{"sum": sums(w)}
			w.restart()
			w.signal(t, 1)
			w.host.RunUntilIdle()
			w.lock(t)
			w.signal(t, 10)
			w.host.RunUntilIdle()
		},
		stirs: stirs{
			"busy": func(t *testing.T, w *world) { w.ran["signals"]++; w.signal(t, 100) },
			"back": func(t *testing.T, w *world) {
				w.put(t, w.queueOf(entityX.String()), wire.ReleaseMessage(entityX.String(), "owner", w.hosted.Now()), 0)
			},
		},
		end: func(t *testing.T, w *world) {
			s, err := w.ReadEntityState(t.Context(), entityX, nil)
			require.NoError(t, err)
			var sum int
			require.NoError(t, json.Unmarshal(s.State, &sum))
			require.Equal(t, 11+100*w.ran["signals"], sum)
			delete(w.ran, "signals")
		},
	}
}

// rewindAsReference takes back every failure of x, handled ones too, as the reference does, and lets the host meet that.
func (w *world) rewindAsReference(t *testing.T) {
	t.Helper()
	h, err := w.raw.ReadHistory(t.Context(), "x", "")
	require.NoError(t, err)
	failed := map[int]bool{}
	for _, ev := range h.Events {
		if ev.Type == wire.TaskFailed {
			failed[ev.ScheduledID] = true
		}
	}
	for _, ev := range h.Events {
		switch {
		case ev.Type == wire.TaskFailed, ev.Type == wire.ExecutionCompleted, ev.Type == wire.TaskScheduled && failed[ev.EventID]:
			e := &storage.Entity{PartitionKey: "x", RowKey: ev.Row.RowKey, Columns: []storage.Column{
				str(wire.ColEventType, wire.GenericEvent), str(wire.ColReason, "Rewound: "+ev.Type),
			}}
			_, err := w.storage.Tables.Update(t.Context(), w.History(), e, storage.Merge, ev.Row.ETag)
			require.NoError(t, err)
		}
	}
	w.merge(t, "x", str(wire.ColRuntimeStatus, wire.StatusPending))
	w.put(t, w.queueOf("x"), wire.WakeMessage("x", "rewound", w.hosted.Now()), 0)
	w.restart()
	w.host.RunUntilIdle()
	require.True(t, strings.Contains(w.instance(t, "x").Text(wire.ColOutput), "Non-Deterministic"))
}

// F has failed and was handled, G has failed and was not.
func rewindRace() race {
	return race{
		name: "broken by rewind", kind: operate.KindBrokenByRewind, opts: operate.RepairOptions{Force: true},
		app: func(w *world) durabletest.Script {
			handled := w.activity("F", 99)
			handled.Catch = true
			return durabletest.Script{handled, w.activity("H", 0), w.activity("G", 1), durabletest.Complete{Output: "done"}}
		},
		damage: func(t *testing.T, w *world) { w.begin(t); w.rewindAsReference(t) },
		stirs: stirs{"an old message": busy, "healed": func(t *testing.T, w *world) {
			_, err := w.hosted.Client().Rewind(t.Context(), "x", "again", &durable.RewindOptions{Heal: true, Force: true})
			w.try(t, err)
		}},
		want: []string{"F", "F", "H", "G", "G"},
		end:  completed,
	}
}
