package durabletest_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	dt "github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// TestEntityRecording signals the entity of a recording that no orchestration has used: its rows are the same, when it
// was used and when it was deleted.
func TestEntityRecording(t *testing.T) {
	t.Parallel()
	rec := golden.Load(t, "v2/entities")
	hub := dt.NewHub(t, &dt.Options{TaskHub: rec.Hub, PartitionCount: rec.Partitions})
	host := hub.NewHost(nil, &dt.HostOptions{Entities: entities()})
	gone := durable.EntityID{Name: "Counter", Key: "gone"}
	same := func(label string) {
		t.Helper()
		got, err := golden.DumpOf(t.Context(), hub.Account(), rec.Hub)
		require.NoError(t, err)
		require.Empty(t, golden.Diff(only(rec.Dumps[label], []string{gone.String()}), got,
			golden.Options{Skip: []string{"leases", "applease"}}))
	}
	require.NoError(t, hub.Client().SignalEntity(t.Context(), gone, "add", 1, nil))
	host.RunUntilIdle()
	same("two-signals")
	require.NoError(t, hub.Client().SignalEntity(t.Context(), gone, "delete", nil, nil))
	host.RunUntilIdle()
	same("used")
}

func TestEntitySignals(t *testing.T) {
	t.Parallel()
	hub := dt.NewHub(t, nil)
	host := hub.NewHost(nil, &dt.HostOptions{Entities: entities()})
	id, c, ctx := durable.EntityID{Name: "counter", Key: "1"}, hub.Client(), t.Context()
	state := func() string {
		s, err := c.ReadEntityState(ctx, id, nil)
		require.NoError(t, err)
		return string(s.State)
	}
	at := func(d time.Duration) *durable.SignalEntityOptions {
		return &durable.SignalEntityOptions{ScheduledTime: hub.Now().Add(d)}
	}
	require.NoError(t, c.SignalEntity(ctx, id, "add", 1, at(20*24*time.Hour)))
	require.NoError(t, c.SignalEntity(ctx, id, "add", 10, at(time.Hour)))
	host.Advance(59 * time.Minute)
	require.Empty(t, state())
	host.Advance(2 * time.Minute)
	require.Equal(t, "10", state())
	host.Advance(19 * 24 * time.Hour) // the message goes in hops
	require.Equal(t, "10", state())
	host.Advance(24 * time.Hour)
	require.Equal(t, "11", state())
	require.NoError(t, c.SignalEntity(ctx, id, "nonsense", nil, nil))
	host.RunUntilIdle()
	require.Equal(t, "11", state())
	hub.RequireNoMessages()

	require.NoError(t, c.SignalEntity(ctx, durable.EntityID{Name: "unknown", Key: "1"}, "add", 1, nil))
	require.ErrorContains(t, host.Host.RunUntilIdle(ctx), `the app has no entity "unknown"`)
}

// TestEntityLock loads a locked entity: operations wait until the lock is released.
func TestEntityLock(t *testing.T) {
	t.Parallel()
	hub := dt.NewHub(t, nil)
	host := hub.NewHost(nil, &dt.HostOptions{Entities: entities()})
	id := durable.EntityID{Name: "counter", Key: "1"}
	signal := func() {
		require.NoError(t, hub.Client().SignalEntity(t.Context(), id, "add", 1, nil))
		host.RunUntilIdle()
	}
	signal()
	lock(t, hub, id.String(), "owner")
	signal()
	state, err := hub.Client().ReadEntityState(t.Context(), id, nil)
	require.NoError(t, err)
	require.Equal(t, "1", string(state.State))
	require.Equal(t, `{"entityExists":true,"queueSize":1,"lockedBy":"owner"}`, string(status(t, hub, id.String()).CustomStatus))

	_, err = hub.Client().CleanEntityStorage(t.Context(), &durable.CleanEntityStorageOptions{ReleaseOrphanedLocks: true})
	require.NoError(t, err)
	host.RunUntilIdle()
	state, err = hub.Client().ReadEntityState(t.Context(), id, nil)
	require.NoError(t, err)
	require.Equal(t, "2", string(state.State))
}

// lock writes into an entity's rows that an orchestration has locked it.
func lock(t *testing.T, hub *dt.TestHub, entity, owner string) {
	t.Helper()
	ctx, tables := context.WithoutCancel(t.Context()), hub.Account().Tables
	for _, row := range []struct{ table, key string }{{"TestHubHistory", "0000000000000001"}, {"TestHubInstances", ""}} {
		e, err := tables.Get(ctx, row.table, entity, row.key)
		require.NoError(t, err)
		var state map[string]any
		require.NoError(t, json.Unmarshal([]byte(e.Text(wire.ColInput)), &state))
		state["lockedBy"] = owner
		text, err := json.Marshal(state)
		require.NoError(t, err)
		e.Set(wire.ColInput, storage.StringValue(string(text)))
		_, err = tables.Update(ctx, row.table, e, storage.Replace, e.ETag)
		require.NoError(t, err)
	}
}
