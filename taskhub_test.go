package durable_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
)

func isAny(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// TestTaskHubLifeCycle creates, describes and deletes a hub.
func TestTaskHubLifeCycle(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		require.NoError(t, f.CreateTaskHub(t.Context(), nil), "again")
		f.start(t, "abc", nil)
		info, err := f.TaskHubInfo(t.Context(), nil)
		require.NoError(t, err)
		queues := make([]durable.ControlQueueInfo, 0, partitions)
		all := make([]string, 0, partitions+1)
		for p := range partitions {
			queues = append(queues, durable.ControlQueueInfo{Name: f.names.ControlQueue(p)})
			all = append(all, f.names.ControlQueue(p))
		}
		queues[3].Messages = 1
		require.Equal(t, &durable.TaskHubInfo{
			Name: f.names.Hub(), PartitionCount: partitions,
			PartitionSources: []durable.PartitionSource{{Name: "control queues", Count: partitions}},
			Tables:           []string{f.names.Instances(), f.names.History()}, Queues: append(all, f.names.WorkItems()),
			ControlQueues: queues,
		}, info)
		require.NoError(t, f.DeleteTaskHub(t.Context(), nil))
		require.ErrorIs(t, f.DeleteTaskHub(t.Context(), nil), durable.ErrTaskHubNotFound)
		_, err = f.TaskHubInfo(t.Context(), nil)
		require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
		_, err = f.GetStatus(t.Context(), "abc", nil)
		require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
	})
}

// TestCreateTaskHubCount: the count comes from the call, else from the client, and never changes.
func TestCreateTaskHubCount(t *testing.T) {
	t.Parallel()
	f := openMemory(t, newHubName(), taskhub.Options{}, nil)
	seven := f.again(durable.ClientOptions{PartitionCount: 7})
	require.NoError(t, seven.CreateTaskHub(t.Context(), nil))
	require.NoError(t, seven.CreateTaskHub(t.Context(), nil))
	require.NoError(t, f.CreateTaskHub(t.Context(), &durable.CreateTaskHubOptions{PartitionCount: 7}))
	before := f.resources(t)
	for _, n := range []int{0, 1, 16} {
		err := f.CreateTaskHub(t.Context(), &durable.CreateTaskHubOptions{PartitionCount: n})
		require.ErrorIs(t, err, durable.ErrPartitionCount)
	}
	require.Equal(t, before, f.resources(t))
	info, err := seven.TaskHubInfo(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, 7, info.PartitionCount)
	require.Equal(t, []durable.PartitionSource{{Name: "option", Count: 7}, {Name: "control queues", Count: 7}}, info.PartitionSources)
}

// TestTaskHubInfoDisagree: sources that contradict each other are shown, not hidden behind an error.
func TestTaskHubInfoDisagree(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		require.NoError(t, f.storage.Blobs.CreateContainer(t.Context(), f.names.Leases()))
		require.NoError(t, f.storage.Blobs.Write(t.Context(), f.names.Leases(), "taskhub.json", storage.Blob{
			Content: []byte(`{"TaskHubName":"` + f.names.Hub() + `","CreatedAt":"2024-01-02T03:04:05Z","PartitionCount":8}`),
		}))
		info, err := f.again(durable.ClientOptions{}).TaskHubInfo(t.Context(), nil)
		require.NoError(t, err)
		require.Zero(t, info.PartitionCount)
		require.Equal(t, []durable.PartitionSource{{Name: "taskhub.json", Count: 8}, {Name: "control queues", Count: 4}},
			info.PartitionSources)
		require.True(t, info.HostSeen)
		require.Equal(t, []string{f.names.Leases()}, info.Containers)
	})
}

// TestDeleteTaskHubLeased: a hub that a host works on is left whole, unless the caller insists.
func TestDeleteTaskHubLeased(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{})
	require.NoError(t, f.storage.Blobs.CreateContainer(t.Context(), f.names.AppLease()))
	release, err := f.mem.Lease(f.names.AppLease(), "")
	require.NoError(t, err)
	before := f.resources(t)
	require.ErrorIs(t, f.DeleteTaskHub(t.Context(), nil), durable.ErrInvalidState)
	require.Equal(t, before, f.resources(t))
	err = f.DeleteTaskHub(t.Context(), &durable.DeleteTaskHubOptions{Force: true})
	require.ErrorIs(t, err, durable.ErrInvalidState)
	require.ErrorContains(t, err, "all else is deleted")
	require.Equal(t, []string{f.names.AppLease()}, f.resources(t))
	release()
	require.NoError(t, f.DeleteTaskHub(t.Context(), nil))
	require.Empty(t, f.resources(t))
}

// TestBeingDeleted: a name is not free at once, which is said, and a start in such a hub fails.
func TestBeingDeleted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := openMemory(t, newHubName(), taskhub.Options{}, &memstore.Options{DeleteDelay: time.Minute})
		require.NoError(t, f.CreateTaskHub(t.Context(), nil))
		f.start(t, "id", nil)
		require.NoError(t, f.DeleteTaskHub(t.Context(), nil))
		err := f.CreateTaskHub(t.Context(), nil)
		require.ErrorIs(t, err, durable.ErrInvalidState)
		require.ErrorContains(t, err, "try again in a minute")
		_, err = f.StartNew(t.Context(), "Orchestrator", nil, nil)
		require.Error(t, err)
		time.Sleep(time.Minute)
		require.NoError(t, f.CreateTaskHub(t.Context(), nil))
		f.start(t, "id", nil)
	})
}

func TestTaskHubName(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{})
	require.Equal(t, f.names.Hub(), f.TaskHub())
}
