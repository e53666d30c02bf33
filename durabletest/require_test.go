package durabletest_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	dt "github.com/go-durable/durable/durabletest"
)

// refused runs an assertion that must end its test, and returns how it did.
func refused(t *testing.T, hub *dt.TestHub, assert func(h *dt.TestHub)) string {
	t.Helper()
	r := &recorder{TB: t}
	require.PanicsWithValue(t, r, func() { assert(hub.For(r)) })
	return r.failure
}

func TestRequireStarted(t *testing.T) {
	t.Parallel()
	hub := dt.NewHub(t, nil)
	started := func(id, name string, input any) func(*dt.TestHub) {
		return func(h *dt.TestHub) { h.RequireStarted(id, name, input) }
	}
	require.Equal(t, `durabletest: no instance "1" was started (hub TestHub)`, refused(t, hub, started("1", "Order", nil)))
	start(t, hub, "Order", "1", `{"item": "tea", "n": 1}`)
	hub.RequireStarted("1", "Order", map[string]any{"n": 1, "item": "tea"})
	hub.Run("1")
	hub.RequireStarted("1", "Order", map[string]any{"n": 1, "item": "tea"})
	_, err := hub.Client().StartNew(t.Context(), "Order", nil, &durable.StartNewOptions{InstanceID: "2"})
	require.NoError(t, err)
	hub.RequireStarted("2", "Order", nil)

	require.Equal(t, `durabletest: instance "1" was started otherwise (hub TestHub):
  orchestrator
    want "Ordr"
     got "Order"
  input
    want {"item":"coffee"}
     got {"item": "tea", "n": 1}`, refused(t, hub, started("1", "Ordr", map[string]string{"item": "coffee"})))
	require.Equal(t, `durabletest: instance "2" was started otherwise (hub TestHub):
  input
    want null
     got (none)`, refused(t, hub, started("2", "Order", (*int)(nil))))
	require.Equal(t, `durabletest: no instance "3" was started (hub TestHub)
there are:
  "1", Order, Running
  "2", Order, Pending`, refused(t, hub, started("3", "Order", nil)))
}

func TestRequireEventRaised(t *testing.T) {
	t.Parallel()
	hub := dt.NewHub(t, nil)
	raised := func(name string, data any) func(*dt.TestHub) {
		return func(h *dt.TestHub) { h.RequireEventRaised("1", name, data) }
	}
	start(t, hub, "Order", "other", `1`)
	require.Equal(t, `durabletest: this event was not raised on instance "1" (hub TestHub): there is no such instance
  want Approval true
there are:
  "other", Order, Pending`, refused(t, hub, raised("Approval", true)))
	start(t, hub, "Order", "1", `1`)
	raise(t, hub, "1", "Approval", `{"by":"Ana"}`)
	hub.RequireEventRaised("1", "approval", map[string]string{"by": "Ana"})
	hub.Process("1")
	require.NoError(t, hub.Client().RaiseEvent(t.Context(), "1", "Empty", nil, nil))
	hub.RequireEventRaised("1", "Approval", map[string]string{"by": "Ana"})
	hub.RequireEventRaised("1", "Empty", nil)
	require.Equal(t, `durabletest: this event was not raised on instance "1" (hub TestHub): it is Running
  want Approval {"by":"Bo"}
but these were:
  Empty (none)
  Approval {"by":"Ana"}`, refused(t, hub, raised("Approval", map[string]string{"by": "Bo"})))
}

func TestRequireOutput(t *testing.T) {
	t.Parallel()
	hub := dt.NewHub(t, nil)
	has := func(output any) func(*dt.TestHub) { return func(h *dt.TestHub) { h.RequireOutput("1", output) } }
	require.Contains(t, refused(t, hub, has(1)), `there is no instance "1"`)
	start(t, hub, "Order", "1", `1`)
	require.Equal(t, `durabletest: instance "1" has not ended (hub TestHub): it is Pending
messages that wait:
  ExecutionStarted for "1", Order with 1`, refused(t, hub, has(nil)))
	hub.Complete("1", map[string]any{"b": 1, "a": []string{"x"}})
	hub.RequireOutput("1", json.RawMessage(`{"b":1,"a":["x"]}`))
	require.Equal(t, `durabletest: instance "1" is Completed with another output (hub TestHub):
  output
    want (none)
     got {"a":["x"],"b":1}`, refused(t, hub, has(nil)))

	start(t, hub, "Order", "2", `1`)
	hub.Fail("2", "no money")
	hub.RequireOutput("2", "no money")
	start(t, hub, "Order", "3", `1`)
	hub.Complete("3", nil)
	hub.RequireOutput("3", nil)
}

func TestRequireTerminated(t *testing.T) {
	t.Parallel()
	hub := dt.NewHub(t, nil)
	terminated := func(h *dt.TestHub) { h.RequireTerminated("1", "too late") }
	start(t, hub, "Order", "other", `1`)
	require.Equal(t, `durabletest: instance "1" was not terminated for this reason (hub TestHub): there is no such instance
  want "too late"
there are:
  "other", Order, Pending`, refused(t, hub, terminated))
	start(t, hub, "Order", "1", `1`)
	hub.Run("1")
	require.Equal(t, `durabletest: instance "1" was not terminated for this reason (hub TestHub): it is Running
  want "too late"`, refused(t, hub, terminated))
	require.NoError(t, hub.Client().Terminate(t.Context(), "1", "too late", nil))
	hub.RequireTerminated("1", "too late")
	hub.Process("1")
	hub.RequireTerminated("1", "too late")
	require.Equal(t, `durabletest: instance "1" was not terminated for this reason (hub TestHub): it is Terminated
  want "other"
but for these:
  too late`, refused(t, hub, func(h *dt.TestHub) { h.RequireTerminated("1", "other") }))

	start(t, hub, "Order", "never ran", `1`)
	require.NoError(t, hub.Client().Terminate(t.Context(), "never ran", "no need", nil))
	hub.RequireTerminated("never ran", "no need")
}

func TestRequireStatus(t *testing.T) {
	t.Parallel()
	hub := dt.NewHub(t, nil)
	completed := func(h *dt.TestHub) { h.RequireStatus("1", durable.RuntimeStatusCompleted) }
	require.Equal(t, `durabletest: there is no instance "1" (hub TestHub)`, refused(t, hub, completed))
	start(t, hub, "Order", "1", `1`)
	hub.RequireStatus("1", durable.RuntimeStatusPending)
	hub.SetCustomStatus("1", "packing")
	raise(t, hub, "1", "Sent", `true`)
	require.Equal(t, `durabletest: instance "1" (hub TestHub):
  want Completed
   got Running
custom status "packing"
messages that wait:
  EventRaised for "1", Sent with true`, refused(t, hub, completed))
	hub.Fail("1", "out of tea")
	require.Contains(t, refused(t, hub, completed), "got Failed\noutput \"out of tea\"")
}

func TestMessages(t *testing.T) {
	t.Parallel()
	hub := dt.NewHub(t, &dt.Options{PartitionCount: 1})
	hub.RequireNoMessages()
	require.Empty(t, hub.Messages())
	start(t, hub, "Order", "1", `"in"`)
	c, ctx := hub.Client(), t.Context()
	hub.Run("1")
	at := hub.Now().Add(time.Hour)
	_, err := c.StartNew(ctx, "Report", 5, &durable.StartNewOptions{InstanceID: "2", ScheduledStartTime: at})
	require.NoError(t, err)
	require.NoError(t, c.RaiseEvent(ctx, "1", "Large", strings.Repeat("x", 60_000), nil))
	require.NoError(t, c.Suspend(ctx, "1", "hold", nil))
	require.NoError(t, c.Terminate(ctx, "1", "stop", nil))
	require.NoError(t, hub.Account().Queues.Put(ctx, "testhub-control-00", "poison", 0))

	var lines []string
	for _, m := range hub.Messages() {
		require.Equal(t, "testhub-control-00", m.Queue)
		lines = append(lines, m.String())
	}
	require.Equal(t, []string{
		`EventRaised for "1", Large with "` + strings.Repeat("x", 199) + `... (60002 bytes)`,
		`ExecutionSuspended for "1", reason "hold"`,
		`ExecutionTerminated for "1", reason "stop"`,
		`a message that cannot be read`,
		`ExecutionStarted for "2", Report with 5, hidden until ` + at.UTC().Format("2006-01-02T15:04:05.9999999Z"),
	}, lines)
	require.Equal(t, "durabletest: messages wait (hub TestHub):\n  "+strings.Join(lines, "\n  "),
		refused(t, hub, func(h *dt.TestHub) { h.RequireNoMessages() }))
}

// TestDump makes a hub of a dump, under its own name and under another one.
func TestDump(t *testing.T) {
	t.Parallel()
	hub := dt.NewHub(t, &dt.Options{TaskHub: "Incident", PartitionCount: 2})
	large := `"` + strings.Repeat("x", 60_000) + `"`
	start(t, hub, "Order", "1", large)
	hub.Run("1")
	raise(t, hub, "1", "Approval", `true`)
	start(t, hub, "Order", "2", `2`)
	var text bytes.Buffer
	hub.Dump(&text)

	for _, name := range []string{"", "Incident", "Other"} {
		again := dt.LoadHub(t, bytes.NewReader(text.Bytes()), &dt.Options{TaskHub: name})
		if name != "" {
			require.Equal(t, name, again.Client().TaskHub())
		}
		again.RequireStarted("1", "Order", strings.Repeat("x", 60_000))
		again.RequireEventRaised("1", "Approval", true)
		again.RequireStatus("2", durable.RuntimeStatusPending)
		host := again.NewHost(dt.Scripts{"Order": {dt.WaitForEvent{Name: "Approval"}, dt.Complete{Output: "sent"}}}, nil)
		host.RunUntilIdle()
		again.RequireStatus("1", durable.RuntimeStatusCompleted)
		again.RequireStatus("2", durable.RuntimeStatusRunning)
	}

	_, err := dt.Load(strings.NewReader(`{`), nil)
	require.ErrorContains(t, err, "Load")
	_, err = dt.Load(strings.NewReader(`{"hub":"?"}`), nil)
	require.ErrorIs(t, err, durable.ErrInvalidArgument)
}
