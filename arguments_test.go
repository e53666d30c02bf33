package durable_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/taskhub"
)

// noon is the time of clocks that stand still. It has more digits than a table keeps.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.UTC)

func atNoon() time.Time { return noon }

const farthest = 6*24*time.Hour + 23*time.Hour

// call is one call of any operation.
type call func(ctx context.Context, c *durable.OrchestrationClient) error

func startWith(opts durable.StartNewOptions) call {
	return func(ctx context.Context, c *durable.OrchestrationClient) error {
		_, err := c.StartNew(ctx, "Orchestrator", nil, &opts)
		return err
	}
}

func startInput(input any) call {
	return func(ctx context.Context, c *durable.OrchestrationClient) error {
		_, err := c.StartNew(ctx, "Orchestrator", input, nil)
		return err
	}
}

// badStartIDs are the IDs under which nothing may be started (protocol.md 3.1 and more), besides the empty one.
var badStartIDs = []string{
	"@entity@key", "@", "a/b", `a\b`, "a#b", "a?b", "a\tb", "a\x00", "\x1f", "a\x7f", "a\u0080b", "a\u009f", " ", " \u00a0\u2003",
	strings.Repeat("a", 257), strings.Repeat("é", 257), strings.Repeat("😀", 129), "a\xff",
}

// badKnownIDs are IDs that cannot be the key of any instance.
var badKnownIDs = []string{
	"", "a\xffb", strings.Repeat("a", 513), strings.Repeat("😀", 257), strings.Repeat("/", 257), strings.Repeat("\t", 257),
}

// uris are reasons that .NET takes for a URL.
var uris = []string{
	"https://x/1", "abc:", "urn:uuid:1", "order.v1:done", "ticket:1#2", "a+b:c", "error:timeout", "time:10:30", "mailto:x",
	" https://x/1 ", "https://ticket/1",
}

func badCalls() map[string]call {
	calls := map[string]call{}
	for i, id := range badStartIDs {
		calls[fmt.Sprintf("StartNew ID %d", i)] = startWith(durable.StartNewOptions{InstanceID: id})
		calls[fmt.Sprintf("StartOrGet ID %d", i)] = startOrGet(id, nil)
	}
	calls["StartOrGet no ID"] = startOrGet("", nil)
	calls["StartOrGet two IDs"] = startOrGet("a", &durable.StartNewOptions{InstanceID: "b"})
	for i, id := range badKnownIDs {
		for name, op := range readsAndControls(id) {
			calls[fmt.Sprintf("%s ID %d", name, i)] = op
		}
	}
	for name, op := range controls("@entity@key", "") {
		calls[name+" of an entity"] = op
	}
	for i, reason := range append([]string{"\xff"}, uris...) {
		for name, op := range controls("id", reason) {
			if name != "RaiseEvent" {
				calls[fmt.Sprintf("%s reason %d", name, i)] = op
			}
		}
	}
	addBadInputs(calls)
	addBadNames(calls)
	addBadOptions(calls)
	return calls
}

func startOrGet(id string, opts *durable.StartNewOptions) call {
	return func(ctx context.Context, c *durable.OrchestrationClient) error {
		_, _, err := c.StartOrGet(ctx, "Orchestrator", id, nil, opts)
		return err
	}
}

// controls are the operations that send a message to an instance.
func controls(id, reason string) map[string]call {
	return map[string]call{
		"RaiseEvent": func(ctx context.Context, c *durable.OrchestrationClient) error {
			return c.RaiseEvent(ctx, id, "event", nil, nil)
		},
		"Terminate": func(ctx context.Context, c *durable.OrchestrationClient) error {
			return c.Terminate(ctx, id, reason, nil)
		},
		"Suspend": func(ctx context.Context, c *durable.OrchestrationClient) error {
			return c.Suspend(ctx, id, reason, nil)
		},
		"Resume": func(ctx context.Context, c *durable.OrchestrationClient) error { return c.Resume(ctx, id, reason, nil) },
	}
}

func readsAndControls(id string) map[string]call {
	calls := controls(id, "")
	calls["GetStatus"] = func(ctx context.Context, c *durable.OrchestrationClient) error {
		_, err := c.GetStatus(ctx, id, nil)
		return err
	}
	calls["GetHistory"] = func(ctx context.Context, c *durable.OrchestrationClient) error {
		_, err := c.GetHistory(ctx, id, nil)
		return err
	}
	calls["WaitForCompletion"] = func(ctx context.Context, c *durable.OrchestrationClient) error {
		_, err := c.WaitForCompletion(ctx, id, nil)
		return err
	}
	return calls
}

type failsToMarshal struct{}

func (failsToMarshal) MarshalJSON() ([]byte, error) { return nil, errors.New("no") }

func addBadInputs(calls map[string]call) {
	for name, input := range map[string]any{
		"broken JSON": json.RawMessage(`{"a":`), "two values": json.RawMessage(`1 2`), "empty": json.RawMessage(``),
		"invalid UTF-8": json.RawMessage("\"\xff\""), "a channel": make(chan int), "a function": func() {},
		"a marshaler that fails": failsToMarshal{}, "a byte order mark": json.RawMessage("\ufeff1"),
	} {
		calls["StartNew input "+name] = startInput(input)
		calls["RaiseEvent data "+name] = func(ctx context.Context, c *durable.OrchestrationClient) error {
			return c.RaiseEvent(ctx, "id", "event", input, nil)
		}
	}
}

func addBadNames(calls map[string]call) {
	for i, name := range []string{"", " \t", "\xff", strings.Repeat("n", 30721)} {
		calls[fmt.Sprintf("StartNew name %d", i)] = func(ctx context.Context, c *durable.OrchestrationClient) error {
			_, err := c.StartNew(ctx, name, nil, nil)
			return err
		}
		calls[fmt.Sprintf("RaiseEvent name %d", i)] = func(ctx context.Context, c *durable.OrchestrationClient) error {
			return c.RaiseEvent(ctx, "id", name, nil, nil)
		}
	}
}

func addBadOptions(calls map[string]call) {
	many := map[string]string{}
	for i := range 10_000 {
		many[fmt.Sprintf("tag%d", i)] = "value"
	}
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for name, opts := range map[string]durable.StartNewOptions{
		"tag $type":         {Tags: map[string]string{"$type": "x"}},
		"tag of the engine": {Tags: map[string]string{"MS_CreateTrace": "1"}},
		"tag FireAndForget": {Tags: map[string]string{"FireAndForget": ""}},
		"tag not UTF-8":     {Tags: map[string]string{"a": "\xff"}},
		"10,000 tags":       {Tags: many},
		"a second too late": {ScheduledStartTime: noon.Add(farthest + time.Second)},
		"a tick too late":   {ScheduledStartTime: noon.Add(farthest + 100*time.Nanosecond)},
		"before the tables": {ScheduledStartTime: time.Date(1600, 12, 31, 0, 0, 0, 0, time.UTC)},
		"unknown states":    {OverridableStates: 7},
		"negative states":   {OverridableStates: -1},
		"version not UTF-8": {Version: "\xff"},
		"long version":      {Version: strings.Repeat("1", 30721)},
		"short traceparent": {TraceParent: parent[:54]},
		"upper traceparent": {TraceParent: strings.ToUpper(parent)},
		"zero trace":        {TraceParent: "00-00000000000000000000000000000000-00f067aa0ba902b7-01"},
		"zero span":         {TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"},
		"version ff trace":  {TraceParent: "ff" + parent[2:]},
		"state alone":       {TraceState: "a=b"},
		"state not UTF-8":   {TraceParent: parent, TraceState: "\xff"},
	} {
		calls["StartNew "+name] = startWith(opts)
		if opts.OverridableStates == 0 { // StartOrGet does not heed them
			calls["StartOrGet "+name] = startOrGet("id", &opts)
		}
	}
	calls["WaitForCompletion interval"] = func(ctx context.Context, c *durable.OrchestrationClient) error {
		_, err := c.WaitForCompletion(ctx, "id", &durable.WaitOptions{PollInterval: -1})
		return err
	}
	for _, wait := range []bool{false, true} {
		calls[fmt.Sprint("RaiseEvent interval ", wait)] = func(ctx context.Context, c *durable.OrchestrationClient) error {
			return c.RaiseEvent(ctx, "id", "e", nil, &durable.RaiseEventOptions{WaitForStart: wait, PollInterval: -1})
		}
	}
	for _, n := range []int{-1, 17} {
		calls[fmt.Sprint("CreateTaskHub partitions ", n)] = func(ctx context.Context, c *durable.OrchestrationClient) error {
			return c.CreateTaskHub(ctx, &durable.CreateTaskHubOptions{PartitionCount: n})
		}
	}
}

// TestInvalidArguments: every bad argument is refused as such, and nothing is sent for it.
func TestInvalidArguments(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{Now: atNoon})
	for name, bad := range badCalls() {
		err := bad(t.Context(), f.OrchestrationClient)
		require.ErrorIs(t, err, durable.ErrInvalidArgument, name)
		var e *durable.Error
		require.ErrorAs(t, err, &e, name)
		require.True(t, strings.HasPrefix(name, e.Op), "%s: %s", name, e.Op)
		require.Equal(t, f.names.Hub(), e.TaskHub)
		require.Less(t, len(err.Error()), 2000, "%s: an error for people", name)
	}
	require.Zero(t, f.traffic.count())
}

// goodIDs are IDs that look odd and are right.
var goodIDs = []string{
	"a", strings.Repeat("a", 256), strings.Repeat("é", 256), strings.Repeat("😀", 128), "a b", " a ", "a'b", `a"b`, "a%20b", "a+b",
	"a&b|c", "[x]{y}", ".", "..", "ção 日本", "a^b", "^0", "x@y", "a:b;c,d", "émojis-🌍", "x\u2028", "UPPER", "upper",
}

// TestGoodIDs starts, reads, steers and ends an instance under each ID.
func TestGoodIDs(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		for _, id := range goodIDs {
			got, err := f.StartNew(t.Context(), "Orchestrator", id, &durable.StartNewOptions{InstanceID: id})
			require.NoError(t, err, "%q", id)
			require.Equal(t, id, got)
			f.run(t, id)
			require.NoError(t, f.RaiseEvent(t.Context(), id, "event", nil, nil), "%q", id)
			s, err := f.GetStatus(t.Context(), id, &durable.GetStatusOptions{ShowHistory: true})
			require.NoError(t, err, "%q", id)
			require.Equal(t, id, s.InstanceID)
			var input string
			require.NoError(t, s.DecodeInput(&input))
			require.Equal(t, id, input)
			require.Len(t, s.HistoryEvents, 1)
		}
		messages := map[string]int{}
		for _, m := range f.received(t) {
			messages[m.InstanceID]++
		}
		require.Len(t, messages, len(goodIDs))
		for id, n := range messages {
			require.Equal(t, 2, n, "%q", id)
		}
	})
}

// TestReasons: a text with a blank behind the colon, with a scheme of one letter or quoted is no URI.
func TestReasons(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{})
	f.startRunning(t, "id", nil)
	for _, reason := range []string{"", "error: timeout", "a:b", `C:\x`, `"https://x/1"`, "{\"a\":1}", "12:30", "é:x", "<&>\n", "no colon"} {
		require.NoError(t, f.Suspend(t.Context(), "id", reason, nil), "%q", reason)
		require.NoError(t, f.Terminate(t.Context(), "id", reason, nil), "%q", reason)
		f.setState(t, "id", durable.RuntimeStatusSuspended)
		require.NoError(t, f.Resume(t.Context(), "id", reason, nil), "%q", reason)
		f.setState(t, "id", durable.RuntimeStatusRunning)
	}
}

// TestNilOptions: every options argument may be nil.
func TestNilOptions(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		id, err := f.StartNew(t.Context(), "Orchestrator", nil, nil)
		require.NoError(t, err)
		require.Regexp(t, "^[0-9a-f]{32}$", id)
		_, _, err = f.StartOrGet(t.Context(), "Orchestrator", id, nil, nil)
		require.NoError(t, err)
		f.run(t, id)
		require.NoError(t, f.RaiseEvent(t.Context(), id, "event", nil, nil))
		require.NoError(t, f.Suspend(t.Context(), id, "", nil))
		f.setState(t, id, durable.RuntimeStatusSuspended)
		require.NoError(t, f.Resume(t.Context(), id, "", nil))
		require.NoError(t, f.Terminate(t.Context(), id, "", nil))
		f.complete(t, id, "1")
		_, err = f.GetStatus(t.Context(), id, nil)
		require.NoError(t, err)
		_, err = f.GetHistory(t.Context(), id, nil)
		require.NoError(t, err)
		_, err = f.WaitForCompletion(t.Context(), id, nil)
		require.NoError(t, err)
		_, err = f.TaskHubInfo(t.Context(), nil)
		require.NoError(t, err)
		require.NoError(t, f.CreateTaskHub(t.Context(), nil))
		require.NoError(t, f.DeleteTaskHub(t.Context(), nil))
	})
}
