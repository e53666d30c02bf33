package durable_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// cleanAll are options that clean all there is.
func cleanAll() *durable.CleanEntityStorageOptions {
	return &durable.CleanEntityStorageOptions{RemoveEmptyEntities: true, ReleaseOrphanedLocks: true}
}

// TestCleanRecorded: at the time of the recording nothing is old enough, as the .NET client found; later what was
// deleted goes, and nothing else.
func TestCleanRecorded(t *testing.T) {
	t.Parallel()
	rec := golden.Load(t, "v2/entities")
	for after, removed := range map[time.Duration]int{time.Minute: 0, time.Hour: 1} {
		at := time.Date(2026, 11, 22, 6, 7, 30, 0, time.UTC).Add(after)
		f := openMemory(t, rec.Hub, taskhub.Options{Now: func() time.Time { return at }}, nil)
		require.NoError(t, rec.Dumps["used"].LoadInto(t.Context(), f.storage))
		before := f.dump(t)
		r, err := f.CleanEntityStorage(t.Context(), cleanAll())
		require.NoError(t, err)
		require.Equal(t, 3, r.Entities)
		require.Equal(t, removed, r.EmptyEntitiesRemoved)
		require.Zero(t, r.OrphanedLocksReleased)
		want := rec.Dumps["cleaned"]
		if removed > 0 {
			want = withoutEntity(before, "@counter@gone")
		}
		require.Empty(t, golden.Diff(want, f.dump(t), golden.Options{KeepTimes: true}))
	}
}

// withoutEntity returns a dump without the rows of an instance.
func withoutEntity(d *golden.Dump, key string) *golden.Dump {
	c := *d
	c.Tables = map[string][]storage.Entity{}
	for name, rows := range d.Tables {
		c.Tables[name] = []storage.Entity{}
		for _, row := range rows {
			if row.PartitionKey != key {
				c.Tables[name] = append(c.Tables[name], row)
			}
		}
	}
	return &c
}

// TestReleaseRecorded: the owner of the lock was purged in the recording.
func TestReleaseRecorded(t *testing.T) {
	t.Parallel()
	rec := golden.Load(t, "v2/broken-hub")
	f := openMemory(t, rec.Hub, taskhub.Options{}, nil)
	require.NoError(t, rec.Dumps["stopped"].LoadInto(t.Context(), f.storage))
	f.drain(t)
	r, err := f.CleanEntityStorage(t.Context(), cleanAll())
	require.NoError(t, err)
	require.Equal(t, 1, r.OrphanedLocksReleased)
	require.Zero(t, r.EmptyEntitiesRemoved)
	messages := f.received(t)
	require.Len(t, messages, 1)
	m := messages[0]
	require.Equal(t, "@counter@locked", m.InstanceID)
	require.Contains(t, string(m.Event), `"Name":"release","Input":"{\"parent\":\"locker\",\"id\":\"fix-orphaned-lock\"}"`)
}

// entityKinds says what is done to an entity. The empty text is nothing.
var entityKinds = []struct {
	name, state, status string
	age                 time.Duration
	change              []storage.Column
	want                string
}{
	{"empty", `{"sorter":{}}`, `{}`, time.Hour, nil, "removed"},
	{"just old enough", `{}`, `{}`, 30*time.Minute + time.Second, nil, "removed"},
	{"young", `{}`, `{}`, 29 * time.Minute, nil, ""},
	{"exists", `{"state":"1"}`, existingStatus, time.Hour, nil, ""},
	{"busy", `{"queue":[{}]}`, `{"queueSize":1}`, time.Hour, nil, ""},
	{"locked by running", `{}`, `{"lockedBy":"running"}`, time.Hour, nil, ""},
	{"locked by suspended", `{}`, `{"lockedBy":"suspended"}`, time.Hour, nil, ""},
	{"locked by pending", `{}`, `{"lockedBy":"pending"}`, time.Hour, nil, ""},
	{"locked by nobody", `{}`, `{"lockedBy":"nobody"}`, time.Hour, nil, "released from nobody"},
	{"locked by nobody too", `{}`, `{"lockedBy":"nobody"}`, time.Minute, nil, "released from nobody"},
	{"locked by completed", `{}`, `{"lockedBy":"completed"}`, time.Hour, nil, "released from completed"},
	{"locked, exists", `{"state":"1"}`, `{"entityExists":true,"lockedBy":"failed"}`, time.Hour, nil, "released from failed"},
	{"no status, empty", `{}`, "null", time.Hour, nil, "removed"},
	{"no status, exists", `{"exists":true,"state":"1"}`, "null", time.Hour, nil, ""},
	{"no status, locked", `{"lockedBy":"nobody"}`, "damaged", time.Hour, nil, "released from nobody"},
	{"an orchestration", `{}`, `{}`, time.Hour, []storage.Column{text(wire.ColName, "Orchestrator")}, ""},
	{"ended", `{}`, `{}`, time.Hour, []storage.Column{text(wire.ColRuntimeStatus, wire.StatusCompleted)}, ""},
	{"^odd key %20 it's 🌍", `{}`, `{}`, time.Hour, nil, "removed"},
}

func (f *fixture) fillEntityKinds(t *testing.T) (want map[string]string) {
	t.Helper()
	want = map[string]string{}
	for _, kind := range entityKinds {
		id := "@counter@" + kind.name
		f.entity(t, id, kind.state, kind.status, time.Now().Add(-kind.age))
		if kind.change != nil {
			f.set(t, id, kind.change...)
		}
		if kind.want != "" {
			want[id] = kind.want
		}
	}
	for _, state := range allStates {
		f.prepareOld(t, lowerState(state), state)
	}
	f.traffic.reset()
	return want
}

func lowerState(s durable.RuntimeStatus) string { return string(s[0]|0x20) + string(s[1:]) }

// collectCleanups returns options with a callback, and what that was told.
func collectCleanups(o *durable.CleanEntityStorageOptions) map[string]string {
	told := map[string]string{}
	o.OnCleanup = func(c durable.EntityCleanup) {
		what := "released from " + c.LockedBy
		if c.Removed {
			what = "removed"
		}
		told[c.ID.String()] = what
	}
	return told
}

func TestCleanEntityStorage(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		want := f.fillEntityKinds(t)
		f.putBlob(t, "@counter@empty/history-1-Input.json.gz", "1")
		f.putBlob(t, "@counter@empty2/history-1-Input.json.gz", "a neighbour's")
		before := f.dump(t)

		dry := cleanAll()
		dry.DryRun = true
		told := collectCleanups(dry)
		counts, err := f.CleanEntityStorage(t.Context(), dry)
		require.NoError(t, err)
		require.Equal(t, want, told)
		require.Empty(t, golden.Diff(before, f.dump(t), golden.Options{KeepTimes: true}))

		opts := cleanAll()
		told = collectCleanups(opts)
		r, err := f.CleanEntityStorage(t.Context(), opts)
		require.NoError(t, err)
		require.Equal(t, want, told)
		require.Equal(t, 4, r.EmptyEntitiesRemoved)
		require.Equal(t, 5, r.OrphanedLocksReleased)
		require.Equal(t, len(entityKinds)-2, r.Entities)
		require.Zero(t, r.Changed+r.Failed)
		require.Equal(t, counts.EmptyEntitiesRemoved, r.EmptyEntitiesRemoved)
		require.Equal(t, counts.OrphanedLocksReleased, r.OrphanedLocksReleased)
		require.Equal(t, []string{"@counter@empty2/history-1-Input.json.gz"}, f.blobs(t))
		for id, what := range want {
			require.Equal(t, what == "removed", f.row(t, id) == nil, id)
			if what == "removed" {
				before = withoutEntity(before, wire.EscapeKey(id))
			}
		}
		f.requireReleases(t, want)
		require.Empty(t, golden.Diff(before, f.dump(t), golden.Options{KeepTimes: true, Skip: []string{"largemessages"}}))

		r, err = f.CleanEntityStorage(t.Context(), &durable.CleanEntityStorageOptions{RemoveEmptyEntities: true})
		require.NoError(t, err)
		require.Zero(t, r.EmptyEntitiesRemoved)
	})
}

// requireReleases takes the messages out of the queues and checks that they are the releases wanted.
func (f *fixture) requireReleases(t *testing.T, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for _, m := range f.received(t) {
		owner := want[m.InstanceID][len("released from "):]
		require.Contains(t, string(m.Event), fmt.Sprintf(`"Input":"{\"parent\":\"%s\",\"id\":\"fix-orphaned-lock\"}"`, owner))
		got[m.InstanceID] = "released from " + owner
	}
	for id, what := range want {
		if what != "removed" {
			require.Equal(t, what, got[id])
		}
	}
	require.Len(t, got, 5)
}

// TestCleanOne: one kind of cleaning does not do the other, and a part of the hub is not the whole.
func TestCleanOne(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.fillEntityKinds(t)
		r, err := f.CleanEntityStorage(t.Context(), &durable.CleanEntityStorageOptions{
			ReleaseOrphanedLocks: true, Keys: durable.KeyRange{From: "@counter@locked by n", To: "@counter@locked by q"},
		})
		require.NoError(t, err)
		require.Equal(t, 3, r.Entities)
		require.Equal(t, 2, r.OrphanedLocksReleased)
		require.Equal(t, 1+2+2, r.Requests, "a page, two owners, two messages")
		require.Equal(t, r.Requests, f.traffic.count())
		require.Len(t, f.received(t), 2)

		f.traffic.reset()
		r, err = f.CleanEntityStorage(t.Context(), &durable.CleanEntityStorageOptions{
			RemoveEmptyEntities: true, MinimumAge: 45 * time.Minute, Keys: durable.KeyRange{From: "@counter@e", To: "@counter@f"},
		})
		require.NoError(t, err)
		require.Equal(t, 1, r.EmptyEntitiesRemoved)
		require.Equal(t, 1+5, r.Requests, "a page; history keys, sentinel, payloads, history, row")
		require.Equal(t, r.Requests, f.traffic.count())
		require.Nil(t, f.row(t, "@counter@empty"))
		require.NotNil(t, f.row(t, "@counter@just old enough"))
		require.Empty(t, f.received(t))
	})
}

func TestCleanRefused(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		for _, o := range []*durable.CleanEntityStorageOptions{
			nil,
			{},
			{DryRun: true},
			{RemoveEmptyEntities: true, Concurrency: -1},
			{RemoveEmptyEntities: true, Concurrency: 257},
			{RemoveEmptyEntities: true, MinimumAge: -1},
			{RemoveEmptyEntities: true, RequestsPerSecond: -1},
			{RemoveEmptyEntities: true, Keys: durable.KeyRange{From: "b", To: "a"}},
		} {
			r, err := f.CleanEntityStorage(t.Context(), o)
			require.ErrorIs(t, err, durable.ErrInvalidArgument)
			require.Equal(t, &durable.CleanEntityStorageResult{}, r)
		}
		require.Zero(t, f.traffic.count())
		require.NoError(t, f.DeleteTaskHub(t.Context(), nil))
		_, err := f.CleanEntityStorage(t.Context(), cleanAll())
		require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
	})
}

// TestCleanRaced: a worker takes the entity up before any of the requests, and writes its row a request later or at
// once. Its state survives, in the row and in the history.
func TestCleanRaced(t *testing.T) {
	t.Parallel()
	const id, state = "@counter@empty", `{"exists":true,"state":"1"}`
	for k := int32(1); k <= 6; k++ {
		for later := int32(0); later <= 2; later++ {
			f := inMemory(t, taskhub.Options{})
			f.entity(t, id, `{}`, emptyStatus, time.Now().Add(-time.Hour))
			var calls atomic.Int32
			worker := func(n int32) {
				if n == k {
					f.history(t, id, "new", event(wire.OrchestratorStarted), event(wire.ExecutionStarted))
				}
				if n == k+later {
					f.entityRow(t, id, "new", state, existingStatus, time.Now())
				}
			}
			f.fault.SetHook(func(_ context.Context, c faultstore.Call) error {
				if c.Phase == faultstore.Before {
					worker(calls.Add(1))
				}
				return nil
			})
			r, err := f.CleanEntityStorage(t.Context(), cleanAll())
			f.fault.SetHook(nil)
			require.NoError(t, err)
			if calls.Load() < k+later { // the worker is slower than the cleaning
				f.entityRow(t, id, "new", state, existingStatus, time.Now())
			}
			what := fmt.Sprintf("request %d, row %d later, %+v", k, later, r)
			require.Zero(t, r.Failed, what)
			require.Equal(t, state, f.row(t, id).Text(wire.ColInput), what)
			if int32(r.Requests) < k {
				continue // it was over by then
			}
			history, err := f.GetHistory(t.Context(), id, nil)
			require.NoError(t, err)
			require.Len(t, history, 2, what)
		}
	}
}

// TestCleanCrash: whichever request fails, and however, a repeat leaves nothing of what is empty and touches nothing
// else.
func TestCleanCrash(t *testing.T) {
	t.Parallel()
	for _, fault := range faults {
		for n := 1; n <= 11; n++ {
			t.Run(fmt.Sprintf("%s, request %d", fault.name, n), func(t *testing.T) {
				t.Parallel()
				f := inMemory(t, taskhub.Options{})
				old := time.Now().Add(-time.Hour)
				f.entity(t, "@counter@empty", `{}`, emptyStatus, old)
				f.entity(t, "@counter@empty2", `{"state":"1"}`, existingStatus, old)
				f.entity(t, "@counter@locked", `{"lockedBy":"nobody"}`, `{"lockedBy":"nobody"}`, old)
				f.putBlob(t, "@counter@empty2/history-1-Input.json.gz", "1")
				want := withoutEntity(f.dump(t), "@counter@empty")
				f.putBlob(t, "@counter@empty/history-1-Input.json.gz", "1")
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				opts := cleanAll()
				opts.Concurrency = 1
				f.fault.SetHook(fault.hook(n, cancel))
				first, err := f.CleanEntityStorage(ctx, opts)
				f.fault.SetHook(nil)
				require.NotNil(t, first)
				if n <= 9 {
					require.Error(t, err)
				}
				_, err = f.CleanEntityStorage(t.Context(), opts)
				require.NoError(t, err)
				require.NotEmpty(t, f.received(t))
				require.Empty(t, golden.Diff(want, f.dump(t), golden.Options{KeepTimes: true}))
			})
		}
	}
}

// TestCleanFailures: failures do not stop the others, are counted, and only the first hundred are told.
func TestCleanFailures(t *testing.T) {
	t.Parallel()
	f := openMemory(t, newHubName(), taskhub.Options{}, &memstore.Options{PageSize: 50})
	f.create(t)
	const n = 250
	for i := range n {
		f.entity(t, fmt.Sprintf("@counter@%03d", i), `{}`, emptyStatus, time.Now().Add(-time.Hour))
	}
	f.fault.SetHook(faultstore.FailFrom(1, faultstore.Before, errNetwork, func(c faultstore.Call) bool {
		return c.Op == "Batch" && c.Key[len("@counter@00")] != '0'
	}))
	r, err := f.CleanEntityStorage(t.Context(), cleanAll())
	require.ErrorIs(t, err, errNetwork)
	require.ErrorContains(t, err, "and 125 more")
	require.Equal(t, n/10*9, r.Failed)
	require.Equal(t, n/10, r.EmptyEntitiesRemoved)
	require.Equal(t, n, r.Entities)

	f.fault.SetHook(faultstore.FailFrom(1, faultstore.Before, storage.ErrDenied, faultstore.Op("Batch")))
	opts := cleanAll()
	opts.Concurrency = 1
	f.fault.Reset()
	r, err = f.CleanEntityStorage(t.Context(), opts)
	require.ErrorIs(t, err, durable.ErrAccessDenied)
	require.Equal(t, 1, r.Failed)
	require.Equal(t, 1, f.fault.Count(faultstore.Op("Batch")), "it would be so for all others as well")

	f.fault.SetHook(nil)
	r, err = f.CleanEntityStorage(t.Context(), cleanAll())
	require.NoError(t, err)
	require.Equal(t, n/10*9, r.EmptyEntitiesRemoved)
}

// TestCleanCancelled: the context ends the cleaning soon, and the counts are those of what was done.
func TestCleanCancelled(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{})
	const n = 100
	for i := range n {
		f.entity(t, fmt.Sprintf("@counter@%03d", i), `{}`, emptyStatus, time.Now().Add(-time.Hour))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	opts := cleanAll()
	opts.Concurrency = 4
	removed := 0
	opts.OnCleanup = func(durable.EntityCleanup) {
		if removed++; removed == 10 {
			cancel()
		}
	}
	r, err := f.CleanEntityStorage(ctx, opts)
	require.True(t, errors.Is(err, context.Canceled))
	require.Equal(t, removed, r.EmptyEntitiesRemoved)
	require.Less(t, removed, 20)
	require.Zero(t, r.Failed)
	r, err = f.CleanEntityStorage(t.Context(), cleanAll())
	require.NoError(t, err)
	require.GreaterOrEqual(t, r.EmptyEntitiesRemoved, n-removed-4)
	require.Empty(t, f.entities(t, &durable.EntityFilter{IncludeDeleted: true}, nil))
}
