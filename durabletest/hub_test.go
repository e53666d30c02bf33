package durabletest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

func status(t *testing.T, hub *durabletest.TestHub, id string) *durable.OrchestrationStatus {
	t.Helper()
	s, err := hub.Client().GetStatus(t.Context(), id, nil)
	require.NoError(t, err)
	return s
}

// texts returns the types of an instance's events, with what distinguishes them.
func texts(t *testing.T, hub *durabletest.TestHub, id string) []string {
	t.Helper()
	events, err := hub.Client().GetHistory(t.Context(), id, nil)
	require.NoError(t, err)
	var all []string
	for _, e := range events {
		all = append(all, strings.TrimSpace(string(e.Type)+" "+e.Name+string(e.Result)))
	}
	return all
}

func TestOptions(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, nil)
	info, err := hub.Client().TaskHubInfo(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, "TestHub", info.Name)
	require.Equal(t, 4, info.PartitionCount)
	require.Same(t, hub.Client(), hub.Client())

	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	hub = durabletest.NewHub(t, &durabletest.Options{
		TaskHub: "Other", PartitionCount: 1, Clock: func() time.Time { return at },
	})
	info, err = hub.Client().TaskHubInfo(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, "Other", info.Name)
	require.Equal(t, 1, info.PartitionCount)
	require.Equal(t, at, hub.Now())
	hub.Advance(time.Hour)
	require.Equal(t, at.Add(time.Hour), hub.Now())

	hub = durabletest.NewHub(t, &durabletest.Options{NotCreated: true})
	_, err = hub.Client().StartNew(t.Context(), "Any", nil, nil)
	require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
	require.NoError(t, hub.Client().CreateTaskHub(t.Context(), nil))
	start(t, hub, "Any", "1", `1`)
	hub.Run("1")

	for _, bad := range []*durabletest.Options{{TaskHub: "1"}, {PartitionCount: 17}, {PartitionCount: -1}} {
		_, err = durabletest.New(bad)
		require.ErrorIs(t, err, durable.ErrInvalidArgument)
	}
}

func TestByHand(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, nil)
	start(t, hub, "Order", "1", `{"item":"tea"}`)
	require.Equal(t, durable.RuntimeStatusPending, status(t, hub, "1").RuntimeStatus)

	hub.Run("1")
	hub.SetCustomStatus("1", map[string]int{"done": 50})
	s := status(t, hub, "1")
	require.Equal(t, durable.RuntimeStatusRunning, s.RuntimeStatus)
	require.JSONEq(t, `{"done":50}`, string(s.CustomStatus))

	raise(t, hub, "1", "go", `true`)
	hub.Process("1")
	require.JSONEq(t, `{"done":50}`, string(status(t, hub, "1").CustomStatus))
	hub.SetCustomStatus("1", nil)
	require.Equal(t, "null", string(status(t, hub, "1").CustomStatus))

	hub.Complete("1", nil)
	s = status(t, hub, "1")
	require.Equal(t, durable.RuntimeStatusCompleted, s.RuntimeStatus)
	require.Nil(t, s.Output)
	require.Equal(t, hub.Now().UTC().Truncate(wire.Tick), s.CompletedTime)
	require.Equal(t, []string{
		"OrchestratorStarted", "ExecutionStarted Order", "OrchestratorCompleted",
		"OrchestratorStarted", "OrchestratorCompleted",
		"OrchestratorStarted", "EventRaised go", "OrchestratorCompleted",
		"OrchestratorStarted", "OrchestratorCompleted",
		"OrchestratorStarted", "ExecutionCompleted", "OrchestratorCompleted",
	}, texts(t, hub, "1"))
}

func TestLargeOutput(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, nil)
	large := strings.Repeat("é", 40_000)
	for _, input := range []string{large, large[:60_000]} {
		id := fmt.Sprint(len(input))
		start(t, hub, "Order", id, fmt.Sprintf("%q", input))
		hub.Run(id)
		hub.Complete(id, input)
		s := status(t, hub, id)
		require.NoError(t, s.PayloadError)
		var in, out string
		require.NoError(t, s.DecodeInput(&in))
		require.NoError(t, s.DecodeOutput(&out))
		require.Equal(t, input, in)
		require.Equal(t, input, out)
	}
}

// TestStartOver puts a start over an instance that runs: what came for the old execution is lost.
func TestReceiveEvent(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, nil)
	large := fmt.Sprintf("%q", strings.Repeat("x", 50_000))
	start(t, hub, "Order", "1", `1`)
	for _, data := range []string{`1`, `2`, large} {
		raise(t, hub, "1", "Go", data)
	}
	raise(t, hub, "1", "Other", `3`)
	require.NoError(t, hub.Client().RaiseEvent(t.Context(), "1", "Empty", nil, nil))
	require.Equal(t, `1`, string(hub.ReceiveEvent("1", "go")))
	require.Equal(t, `3`, string(hub.ReceiveEvent("1", "other")))
	require.Equal(t, `2`, string(hub.ReceiveEvent("1", "GO")))
	require.Equal(t, large, string(hub.ReceiveEvent("1", "go")))
	require.Nil(t, hub.ReceiveEvent("1", "Empty"))
	_, err := hub.Hub.ReceiveEvent(t.Context(), "1", "go")
	require.ErrorIs(t, err, durable.ErrInvalidState)
}

// TestOrder sends a terminate message behind which others lie: they are in the history and change nothing.
// TestSequence puts messages of one second into a queue in the wrong order: their numbers decide.
// TestRepeatedStart sends the start message three times: before the instance runs, and while it does.
// TestEndOfContext ends the context in the middle of a step, which is whole all the same.
func TestEndOfContext(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, nil)
	start(t, hub, "Order", "1", `1`)
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, hub.Hub.Step(ctx, "1", func(e *durabletest.Episode) {
		cancel()
		e.Complete("done")
	}))
	require.Equal(t, durable.RuntimeStatusCompleted, status(t, hub, "1").RuntimeStatus)
	_, err := hub.Hub.Process(ctx, "1")
	require.ErrorIs(t, err, context.Canceled)
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, nil)
	start(t, hub, "Order", "running", `1`)
	hub.Run("running")
	start(t, hub, "Order", "done", `1`)
	hub.Fail("done", "out of tea")
	require.Equal(t, `"out of tea"`, string(status(t, hub, "done").Output))
	start(t, hub, "Order", "pending", `1`)
	tests := []struct {
		name string
		do   func() error
		want error
		text string
	}{
		{"unknown", func() error { return hub.Hub.Run(t.Context(), "none") }, durable.ErrInstanceNotFound, `Run "none" (hub TestHub)`},
		{"run twice", func() error { return hub.Hub.Run(t.Context(), "running") }, durable.ErrInvalidState, "the instance is Running"},
		{"complete twice", func() error { return hub.Hub.Complete(t.Context(), "done", 1) }, durable.ErrInvalidState, "the instance is Failed"},
		{"no JSON", func() error { return hub.Hub.Complete(t.Context(), "running", make(chan int)) }, durable.ErrInvalidArgument, "the output"},
		{"bad JSON", func() error { return hub.Hub.Complete(t.Context(), "pending", json.RawMessage(`{`)) }, durable.ErrInvalidArgument, "the output"},
		{"large status", func() error {
			return hub.Hub.SetCustomStatus(t.Context(), "running", strings.Repeat("x", 8<<10))
		}, durable.ErrInvalidArgument, "16 KiB"},
		{"two ends", func() error {
			return hub.Hub.Step(t.Context(), "running", func(e *durabletest.Episode) { e.Complete(1); e.Fail("x") })
		}, durable.ErrInvalidState, "twice"},
	}
	for _, test := range tests {
		err := test.do()
		require.ErrorIs(t, err, test.want, test.name)
		require.ErrorContains(t, err, test.text, test.name)
	}
	require.Len(t, texts(t, hub, "running"), 3)
	hub.Run("pending") // the refused completion has not used up the start
}

// TestRowOfTags compares the row that a start with everything gives.
func TestRowOfTags(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, nil)
	trace := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	_, err := hub.Client().StartNew(t.Context(), "Order", nil, &durable.StartNewOptions{
		InstanceID: "1", Version: "1.2.3", Tags: map[string]string{"team": "blue", "<&>": "\u2028"}, TraceParent: trace,
	})
	require.NoError(t, err)
	hub.Run("1")
	row, err := hub.Account().Tables.Get(t.Context(), "TestHubHistory", "1", "0000000000000001")
	require.NoError(t, err)
	require.Equal(t, storage.StringValue("1.2.3"), row.Get("Version"))
	require.JSONEq(t, `{"team":"blue","<&>":"\u2028"}`, row.Text("Tags"))
	require.JSONEq(t, `{"TraceParent":"`+trace+`","TraceState":null,"Id":null,"SpanId":null,"ActivityStartTime":null}`,
		row.Text("ParentTraceContext"))
	require.False(t, row.Has("Input"))
	require.Equal(t, map[string]string{"team": "blue", "<&>": "\u2028"}, status(t, hub, "1").Tags)
}

func TestConcurrentSteps(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, nil)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			id := fmt.Sprint(i)
			_, err := hub.Client().StartNew(t.Context(), "Order", i, &durable.StartNewOptions{InstanceID: id})
			if err == nil {
				err = hub.Hub.Run(t.Context(), id)
			}
			if err == nil {
				err = hub.Hub.Complete(t.Context(), id, i)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range 50 {
		require.Equal(t, fmt.Sprint(i), string(status(t, hub, fmt.Sprint(i)).Output))
	}
}

func TestSynctest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := durabletest.NewHub(t, &durabletest.Options{Clock: time.Now})
		begin := time.Now()
		_, err := hub.Client().StartNew(t.Context(), "Report", nil, &durable.StartNewOptions{
			InstanceID: "1", ScheduledStartTime: begin.Add(time.Hour),
		})
		require.NoError(t, err)
		go func() {
			time.Sleep(2 * time.Hour)
			if err := hub.Hub.Complete(t.Context(), "1", "sent"); err != nil {
				t.Error(err)
			}
		}()
		s, err := hub.Client().WaitForCompletion(t.Context(), "1", nil)
		require.NoError(t, err)
		require.Equal(t, `"sent"`, string(s.Output))
		require.Equal(t, begin.Add(2*time.Hour).UTC(), s.CompletedTime)
	})
}

// recorder is a test that notes how it failed.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failure = fmt.Sprintf(format, args...)
	panic(r)
}

func TestFailure(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	hub := durabletest.NewHub(r, nil)
	require.PanicsWithValue(t, r, func() { hub.Run("none") })
	require.Equal(t, `durabletest: Run "none" (hub TestHub): instance not found`, r.failure)
	require.PanicsWithValue(t, r, func() { durabletest.NewHub(r, &durabletest.Options{TaskHub: "?"}) })
	require.Contains(t, r.failure, "durabletest: durable: ")

	// A test that ends within a decision leaves everything as it was.
	start(t, hub, "Order", "1", `1`)
	require.Panics(t, func() { hub.Step("1", func(*durabletest.Episode) { panic("test ends") }) })
	hub.Run("1")
}

func BenchmarkStartToCompleted(b *testing.B) {
	hub := durabletest.NewHub(b, nil)
	for i := range b.N {
		id := fmt.Sprint(i)
		if _, err := hub.Client().StartNew(b.Context(), "Order", i, &durable.StartNewOptions{InstanceID: id}); err != nil {
			b.Fatal(err)
		}
		hub.Run(id)
		hub.Complete(id, i)
	}
}
