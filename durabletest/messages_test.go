package durabletest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/wire"
)

func TestScheduled(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, nil)
	start := &durable.StartNewOptions{InstanceID: "1", ScheduledStartTime: hub.Now().Add(time.Hour)}
	_, err := hub.Client().StartNew(t.Context(), "Report", nil, start)
	require.NoError(t, err)

	err = hub.Hub.Run(t.Context(), "1")
	require.ErrorIs(t, err, durable.ErrInvalidState)
	require.ErrorContains(t, err, "Advance")
	require.ErrorIs(t, hub.Hub.Complete(t.Context(), "1", nil), durable.ErrInvalidState)
	raise(t, hub, "1", "early", `1`)
	require.Equal(t, 1, hub.Process("1")) // and lost
	hub.Advance(59*time.Minute + 58*time.Second)
	require.Error(t, hub.Hub.Run(t.Context(), "1"))
	hub.Advance(time.Second)
	hub.Run("1")
	require.Equal(t, []string{"OrchestratorStarted", "ExecutionStarted Report", "OrchestratorCompleted"}, texts(t, hub, "1"))
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, nil)
	start(t, hub, "Report", "1", `1`)
	require.NoError(t, hub.Client().Terminate(t.Context(), "1", "no need", nil))
	for range 2 {
		err := hub.Hub.Run(t.Context(), "1")
		require.ErrorIs(t, err, durable.ErrInvalidState)
		require.ErrorContains(t, err, "the instance is Terminated")
	}
	require.Equal(t, 1, hub.Process("1"))
	require.Equal(t, 0, hub.Process("1"))
	require.Equal(t, durable.RuntimeStatusTerminated, status(t, hub, "1").RuntimeStatus)
	require.Empty(t, texts(t, hub, "1"))
}

func TestRestarted(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, nil)
	start(t, hub, "Order", "1", `1`)
	hub.Run("1")
	raise(t, hub, "1", "old", `1`)
	hub.SetCustomStatus("1", "old")
	hub.Complete("1", "old")

	start(t, hub, "Order", "1", `2`)
	_, err := hub.Hub.ReceiveEvent(t.Context(), "1", "old")
	require.ErrorIs(t, err, durable.ErrInvalidState) // which has run it as well
	require.Equal(t, []string{"OrchestratorStarted", "ExecutionStarted Order", "OrchestratorCompleted"}, texts(t, hub, "1"))
	s := status(t, hub, "1")
	require.Equal(t, durable.RuntimeStatusRunning, s.RuntimeStatus)
	require.Equal(t, "2", string(s.Input))
	require.Equal(t, "null", string(s.CustomStatus))
	require.Nil(t, s.Output)
	require.Equal(t, 1, s.Generation)
}

func TestStartOver(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, nil)
	start(t, hub, "Order", "1", `1`)
	hub.Run("1")
	raise(t, hub, "1", "old", `1`)
	over := &durable.StartNewOptions{InstanceID: "1", OverridableStates: durable.OverridableAnyState}
	_, err := hub.Client().StartNew(t.Context(), "Order", 2, over)
	require.NoError(t, err)
	require.Equal(t, 2, hub.Process("1"))
	require.Len(t, texts(t, hub, "1"), 3)
	require.Equal(t, "2", string(status(t, hub, "1").Input))
}

func TestManyMessages(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, &durabletest.Options{PartitionCount: 1})
	const n = 250 // three batches of history rows
	start(t, hub, "Order", "1", `1`)
	start(t, hub, "Order", "2", `1`)
	for i := range n {
		raise(t, hub, "1", fmt.Sprintf("e%03d", i), `1`)
	}
	require.Equal(t, n+1, hub.Process("1"))
	events := texts(t, hub, "1")
	require.Len(t, events, n+3)
	for i := range n {
		require.Equal(t, fmt.Sprintf("EventRaised e%03d", i), events[i+2])
	}
	sentinel, err := hub.Account().Tables.Get(t.Context(), "TestHubHistory", "1", wire.SentinelKey)
	require.NoError(t, err)
	require.True(t, sentinel.Get("IsCheckpointComplete").Bool())
	require.Equal(t, 1, hub.Process("2"))
}

func TestOrder(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, nil)
	start(t, hub, "Order", "1", `1`)
	hub.Run("1")
	c := hub.Client()
	require.NoError(t, c.Suspend(t.Context(), "1", "wait", nil))
	require.NoError(t, c.Terminate(t.Context(), "1", "first", nil))
	require.NoError(t, c.Terminate(t.Context(), "1", "second", nil))
	require.NoError(t, c.RaiseEvent(t.Context(), "1", "late", nil, nil))
	require.ErrorIs(t, hub.Hub.Complete(t.Context(), "1", nil), durable.ErrInvalidState)
	require.Equal(t, durable.RuntimeStatusRunning, status(t, hub, "1").RuntimeStatus)
	require.Equal(t, 4, hub.Process("1"))
	require.Equal(t, []string{
		"OrchestratorStarted", "ExecutionSuspended", "ExecutionTerminated", "ExecutionTerminated", "EventRaised late",
		`ExecutionCompleted "first"`, "OrchestratorCompleted",
	}, texts(t, hub, "1")[3:])
	s := status(t, hub, "1")
	require.Equal(t, durable.RuntimeStatusTerminated, s.RuntimeStatus)
	require.Equal(t, `"first"`, string(s.Output))
}

func TestSequence(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, nil)
	start(t, hub, "Order", "1", `1`)
	queue := fmt.Sprintf("testhub-control-%02d", wire.Partition("1", 4))
	for _, n := range []int64{3, 1, 2} {
		m := wire.EventRaisedMessage("1", fmt.Sprint("e", n), nil, hub.Now())
		m.SequenceNumber = n
		require.NoError(t, hub.Account().Queues.Put(t.Context(), queue, wire.EncodeText(m.JSON()), 0))
	}
	require.Equal(t, 4, hub.Process("1"))
	require.Equal(t, []string{"EventRaised e1", "EventRaised e2", "EventRaised e3"}, texts(t, hub, "1")[2:5])
}

func TestRepeatedStart(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, nil)
	start(t, hub, "Order", "1", `1`)
	_, started, err := hub.Client().StartOrGet(t.Context(), "Order", "1", nil, nil)
	require.NoError(t, err)
	require.False(t, started)
	queue := fmt.Sprintf("testhub-control-%02d", wire.Partition("1", 4))
	messages, err := hub.Account().Queues.Peek(t.Context(), queue, 32)
	require.NoError(t, err)
	require.Len(t, messages, 2)
	hub.Run("1")
	require.NoError(t, hub.Account().Queues.Put(t.Context(), queue, messages[0].Text, 0))
	require.Equal(t, 1, hub.Process("1"))
	require.Equal(t, []string{"OrchestratorStarted", "ExecutionStarted Order", "OrchestratorCompleted"}, texts(t, hub, "1"))
}
