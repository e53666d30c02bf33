package taskhub_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
)

var errBroken = errors.New("broken")

func create(c faultstore.Call) bool { return strings.HasPrefix(c.Op, "Create") }
func remove(c faultstore.Call) bool { return strings.HasPrefix(c.Op, "Delete") }

func TestCreate(t *testing.T) {
	t.Parallel()
	b := setup(t, "MyHub", taskhub.Options{})
	require.NoError(t, b.Create(t.Context(), 3))
	var order []string
	for _, c := range b.fault.Calls() {
		if create(c) {
			order = append(order, c.Name)
		}
	}
	require.Equal(t, []string{
		"myhub-control-02", "myhub-control-01", "myhub-control-00", "myhub-workitems", "MyHubHistory", "MyHubInstances",
	}, order, "highest queue first, Instances last")
	want := map[string][]string{
		"tables":     {"MyHubHistory", "MyHubInstances"},
		"queues":     {"myhub-control-00", "myhub-control-01", "myhub-control-02", "myhub-workitems"},
		"containers": nil,
	}
	require.Equal(t, want, b.resources(t), "what hosts need, they make themselves")
	require.NoError(t, b.Create(t.Context(), 3), "again")
	require.Equal(t, want, b.resources(t))
}

func TestCreateWithAnotherCount(t *testing.T) {
	t.Parallel()
	for source, write := range sources {
		t.Run(string(source), func(t *testing.T) {
			t.Parallel()
			b := setup(t, "MyHub", taskhub.Options{})
			write(t, b, 4)
			before := b.resources(t)
			for _, n := range []int{1, 3, 5} {
				err := b.Create(t.Context(), n)
				require.ErrorIs(t, err, taskhub.ErrPartitionCount)
				require.ErrorContains(t, err, string(source))
			}
			require.Equal(t, before, b.resources(t), "nothing was made")
			require.NoError(t, b.Create(t.Context(), 4))
			require.Contains(t, b.resources(t)["tables"], "MyHubInstances")
		})
	}
}

// Whatever step fails, and whether it took effect or not, the hub is seen as what it is meanwhile, another count is
// refused once a queue is there, and the same call again completes it.
func TestCreateInterrupted(t *testing.T) {
	t.Parallel()
	whole := created(t, 4, taskhub.Options{}).resources(t)
	const steps = 4 + 1 + 2
	for _, phase := range []faultstore.Phase{faultstore.Before, faultstore.After} {
		for step := 1; step <= steps; step++ {
			b := setup(t, "MyHub", taskhub.Options{})
			b.fault.SetHook(faultstore.FailNth(step, phase, errBroken, create))
			require.ErrorIs(t, b.Create(t.Context(), 4), errBroken)
			b.fault.SetHook(nil)

			if n, err := newHub(t, b).PartitionCount(t.Context()); err == nil {
				require.Equal(t, 4, n)
			} else {
				require.True(t, errors.Is(err, taskhub.ErrHubNotFound) || errors.Is(err, taskhub.ErrPartitionCount))
			}
			if done := b.resources(t); len(done["queues"]) > 0 {
				require.ErrorIs(t, newHub(t, b).Create(t.Context(), 3), taskhub.ErrPartitionCount)
				require.Equal(t, done, b.resources(t))
			}
			require.NoError(t, newHub(t, b).Create(t.Context(), 4))
			require.Equal(t, whole, b.resources(t))
			n, err := newHub(t, b).PartitionCount(t.Context())
			require.NoError(t, err)
			require.Equal(t, 4, n)
		}
		b := setup(t, "MyHub", taskhub.Options{})
		b.fault.SetHook(faultstore.FailNth(steps+1, phase, errBroken, create))
		require.NoError(t, b.Create(t.Context(), 4), "there are no more steps")
	}
}

// addHostResources adds what a host of either kind would make.
func (b *bundle) addHostResources(t *testing.T) {
	t.Helper()
	b.writePartitions(t, controlQueues(b.Hub, 4)...)
	b.createContainers(t, b.AppLease(), b.Leases(), b.LargeMessages())
}

func TestDelete(t *testing.T) {
	t.Parallel()
	b := created(t, 4, taskhub.Options{})
	b.addHostResources(t)
	require.NoError(t, b.Delete(t.Context(), false))
	require.Equal(t, map[string][]string{"tables": nil, "queues": nil, "containers": nil}, b.resources(t))
	require.ErrorIs(t, b.Delete(t.Context(), false), taskhub.ErrHubNotFound)

	require.NoError(t, b.Create(t.Context(), 2), "with another count: the old one is forgotten")
	n, err := b.PartitionCount(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, n)
}

func TestDeleteWhileAHostIsAtWork(t *testing.T) {
	t.Parallel()
	b := created(t, 4, taskhub.Options{})
	b.addHostResources(t)
	release, err := b.store.Lease(b.AppLease(), "")
	require.NoError(t, err)
	before := b.resources(t)

	require.ErrorIs(t, b.Delete(t.Context(), false), storage.ErrLeased)
	require.Equal(t, before, b.resources(t), "nothing was deleted")

	require.ErrorIs(t, b.Delete(t.Context(), true), storage.ErrLeased)
	require.Equal(t, map[string][]string{
		"tables": nil, "queues": nil, "containers": {b.AppLease()},
	}, b.resources(t), "all else was deleted")

	release()
	require.NoError(t, b.Delete(t.Context(), false))
	require.Empty(t, b.resources(t)["containers"])
}

// Whatever else goes wrong with the container that shows whether a host is at work, nothing is deleted.
func TestDeleteWhereTheLeaseCannotBeTried(t *testing.T) {
	t.Parallel()
	b := created(t, 4, taskhub.Options{})
	b.addHostResources(t)
	before := b.resources(t)
	b.fault.SetHook(faultstore.FailNth(1, faultstore.Before, errBroken, remove))
	require.ErrorIs(t, b.Delete(t.Context(), true), errBroken)
	require.Equal(t, before, b.resources(t))
}

func TestDeleteInterrupted(t *testing.T) {
	t.Parallel()
	const steps = 3 + 3 + 5
	for _, phase := range []faultstore.Phase{faultstore.Before, faultstore.After} {
		for step := 1; step <= steps; step++ {
			b := created(t, 4, taskhub.Options{})
			b.addHostResources(t)
			b.fault.SetHook(faultstore.FailNth(step, phase, errBroken, remove))
			require.ErrorIs(t, b.Delete(t.Context(), false), errBroken, step)
			b.fault.SetHook(nil)
			if err := b.Delete(t.Context(), false); err != nil {
				require.ErrorIs(t, err, taskhub.ErrHubNotFound)
				require.True(t, phase == faultstore.After && step == steps, "it was the last step, and took effect")
			}
			require.Equal(t, map[string][]string{"tables": nil, "queues": nil, "containers": nil}, b.resources(t))
		}
	}
}

// A delete makes the hub unknown to clients first of all.
func TestDeleteOrder(t *testing.T) {
	t.Parallel()
	b := created(t, 1, taskhub.Options{})
	b.addHostResources(t)
	b.fault.Reset()
	require.NoError(t, b.Delete(t.Context(), false))
	var order []string
	for _, c := range b.fault.Calls() {
		if remove(c) {
			order = append(order, c.Name)
		}
	}
	require.Equal(t, []string{"myhub-applease", "MyHubInstances"}, order[:2])
}

// Hubs whose names begin with this one's are neighbours, and so is what only looks like a part of it.
func TestDeleteSparesNeighbours(t *testing.T) {
	t.Parallel()
	b := setup(t, "MyH", taskhub.Options{})
	account := b.store.Account()
	var want map[string][]string
	for _, hub := range []string{"MyHub", "MyHInstances", "MyH2"} {
		h, err := taskhub.New(account, hub, taskhub.Options{})
		require.NoError(t, err)
		n := &bundle{h, b.store, b.fault}
		require.NoError(t, n.Create(t.Context(), 2))
		n.addHostResources(t)
	}
	b.createTables(t, "MyHHistory2", "MyHTest", "OtherMyHInstances")
	b.createQueues(t, "myh-control-16", "myh-control-1", "myh-control-abc", "myh-workitems2", "myh-other")
	b.createContainers(t, "myh-largemessages2", "myh-other", "myh-leases-x")
	want = b.resources(t)

	require.NoError(t, b.Create(t.Context(), 4))
	b.addHostResources(t)
	require.NoError(t, b.Delete(t.Context(), true))
	require.Equal(t, want, b.resources(t))
	require.ErrorIs(t, b.Delete(t.Context(), true), taskhub.ErrHubNotFound)
}

func TestResources(t *testing.T) {
	t.Parallel()
	b := created(t, 2, taskhub.Options{})
	found, err := b.Resources(t.Context())
	require.NoError(t, err)
	require.False(t, b.HostSeen(found))
	b.createContainers(t, b.LargeMessages())
	found, err = b.Resources(t.Context())
	require.NoError(t, err)
	require.False(t, b.HostSeen(found), "clients make the container of payloads too")
	b.addHostResources(t)
	b.createTables(t, "MyHubInstances2", "MyHub2Instances")
	b.createQueues(t, "myhub-control-5", "myhub2-control-05")

	found, err = b.Resources(t.Context())
	require.NoError(t, err)
	require.Equal(t, &taskhub.Resources{
		Tables:     []string{"MyHubInstances", "MyHubHistory", "MyHubPartitions"},
		Queues:     []string{"myhub-control-00", "myhub-control-01", "myhub-workitems"},
		Containers: []string{"myhub-applease", "myhub-leases", "myhub-largemessages"},
	}, found)
	require.True(t, b.HostSeen(found))
}

func TestResourcesOfRecordedHubs(t *testing.T) {
	t.Parallel()
	for recording, tables := range map[string][]string{
		"v1/hello-sequence": {"Instances", "History"},
		"v2/hello-sequence": {"Instances", "History"},
		"v3/hello-sequence": {"Instances", "History", "Partitions"},
	} {
		b := recorded(t, recording, "completed", taskhub.Options{})
		found, err := b.Resources(t.Context())
		require.NoError(t, err)
		require.Len(t, found.Tables, len(tables))
		for i, suffix := range tables {
			require.Equal(t, "GHelloSequence"+suffix, found.Tables[i])
		}
		require.Len(t, found.Queues, 5)
		require.True(t, b.HostSeen(found))
		require.NoError(t, b.Delete(t.Context(), false))
		require.Equal(t, map[string][]string{"tables": nil, "queues": nil, "containers": nil}, b.resources(t))
	}
}

func TestResourcesThatCannotBeListed(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"Query", "ListQueues", "ListContainers"} {
		b := created(t, 1, taskhub.Options{})
		b.fault.SetHook(faultstore.FailNth(1, faultstore.Before, errBroken, faultstore.Op(op)))
		_, err := b.Resources(t.Context())
		require.ErrorIs(t, err, errBroken)
		b.fault.SetHook(faultstore.FailNth(1, faultstore.Before, errBroken, faultstore.Op(op)))
		before := b.resources(t)
		require.ErrorIs(t, b.Delete(t.Context(), true), errBroken)
		require.Equal(t, before, b.resources(t))
	}
}

// The table manager (3.14.1): a claim holds until it expires.
func TestQueueOwnersByPartitionsTable(t *testing.T) {
	t.Parallel()
	// Each host renewed its claim at about 06:22:32.6 for 30 seconds.
	for now, alive := range map[string]bool{"2026-11-22T06:22:35Z": true, "2026-11-22T06:23:05Z": false} {
		at, err := time.Parse(time.RFC3339, now)
		require.NoError(t, err)
		b := recorded(t, "v3/hello-sequence", "completed", taskhub.Options{Now: func() time.Time { return at }})
		owners, err := b.QueueOwners(t.Context())
		require.NoError(t, err)
		var want taskhub.Owners
		for _, q := range controlQueues(b.Hub, 4) {
			want = append(want, taskhub.Owner{Queue: q, Name: "vm", Alive: alive})
		}
		require.Equal(t, want, owners)
	}
}

func TestQueueOwnersWithoutOwner(t *testing.T) {
	t.Parallel()
	b := setup(t, "MyHub", taskhub.Options{})
	owners, err := b.QueueOwners(t.Context())
	require.NoError(t, err)
	require.Empty(t, owners)

	b.writePartitions(t, "myhub-control-00")
	owners, err = b.QueueOwners(t.Context())
	require.NoError(t, err)
	require.Equal(t, taskhub.Owners{{Queue: "myhub-control-00"}}, owners)
}

// The safe manager (2.13.7): what counts is the lease on the blob, not what the blob says.
func TestQueueOwnersByLeases(t *testing.T) {
	t.Parallel()
	b := recorded(t, "v2/hello-sequence", "completed", taskhub.Options{})
	for _, blob := range []string{"intent/ghellosequence-control-01", "ownership/ghellosequence-control-03"} {
		_, err := b.store.Lease(b.Leases(), blob)
		require.NoError(t, err)
	}
	owners, err := b.QueueOwners(t.Context())
	require.NoError(t, err)
	require.Equal(t, taskhub.Owners{
		{Queue: "ghellosequence-control-00"},
		{Queue: "ghellosequence-control-01", Alive: true},
		{Queue: "ghellosequence-control-02"},
		{Queue: "ghellosequence-control-03", Alive: true},
	}, owners)
}

// The legacy manager (1.8.6) has its own folder. Other blobs in the container are none of our business.
func TestQueueOwnersByLegacyLeases(t *testing.T) {
	t.Parallel()
	b := recorded(t, "v1/hello-sequence", "completed", taskhub.Options{})
	require.NoError(t, b.Blobs.Write(t.Context(), b.Leases(), "default/other", storage.Blob{}))
	names := blobNames(t, b, b.Leases())
	i := slices.IndexFunc(names, func(n string) bool { return strings.HasSuffix(n, "/ghellosequence-control-02") })
	require.GreaterOrEqual(t, i, 0, names)
	_, err := b.store.Lease(b.Leases(), names[i])
	require.NoError(t, err)
	owners, err := b.QueueOwners(t.Context())
	require.NoError(t, err)
	require.Len(t, owners, 4)
	for _, o := range owners {
		require.Equal(t, o.Queue == "ghellosequence-control-02", o.Alive)
	}
}

func blobNames(t *testing.T, b *bundle, container string) []string {
	t.Helper()
	page, err := b.Blobs.List(t.Context(), container, "", "")
	require.NoError(t, err)
	var names []string
	for _, item := range page.Blobs {
		names = append(names, item.Name)
	}
	return names
}

func TestQueueOwnersThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"Query", "List"} {
		b := recorded(t, "v3/hello-sequence", "completed", taskhub.Options{})
		b.fault.SetHook(faultstore.FailNth(1, faultstore.Before, errBroken, faultstore.Op(op)))
		_, err := b.QueueOwners(t.Context())
		require.ErrorIs(t, err, errBroken)
	}
}

// Cleaning up is done although the caller has given up.
func TestDiscardAfterTheContextHasEnded(t *testing.T) {
	t.Parallel()
	b := created(t, 1, taskhub.Options{})
	out, err := b.PrepareInBlob(t.Context(), event("x", "1"))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.Discard(ctx, out)
	_, err = b.ReadPayload(t.Context(), out.Blob)
	require.ErrorIs(t, err, taskhub.ErrPayloadMissing)
	b.Discard(ctx, nil)
}
