package cli_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

// runApp lets an app do what it can on a hub:
//
//   - ProcessOrder waits for an activity (event ID 0), a timer (1) and a sub-orchestration (2),
//   - Batch for Order, beside an Audit for which nobody waits and a Ship that is over at once,
//   - Order for Approval, which waits for an event, as Audit does,
//   - Twice for a Ship, and then for another one under the same ID.
func runApp(ctx context.Context, hub *durabletest.Hub) error {
	host, err := durabletest.NewHost(hub, durabletest.Scripts{
		"ProcessOrder": {durabletest.Parallel{
			durabletest.Activity{Name: "Charge", Takes: 24 * time.Hour},
			durabletest.Timer{Duration: 36 * time.Hour},
			durabletest.SubOrchestration{Name: "Approval", InstanceID: "order-17:2"},
		}},
		"Batch": {durabletest.Parallel{
			durabletest.SubOrchestration{Name: "Order", InstanceID: "batch:0"},
			durabletest.SubOrchestration{Name: "Audit", InstanceID: "audit", Detached: true},
			durabletest.SubOrchestration{Name: "Ship", InstanceID: "batch:2"},
		}},
		"Order":    {durabletest.SubOrchestration{Name: "Approval", InstanceID: "batch:0:0"}},
		"Approval": {durabletest.WaitForEvent{Name: "Approval"}},
		"Audit":    {durabletest.WaitForEvent{Name: "Approval"}},
		"Twice": {
			durabletest.SubOrchestration{Name: "Ship", InstanceID: "twice:0"},
			durabletest.SubOrchestration{Name: "Ship", InstanceID: "twice:0"},
		},
		"Ship": {durabletest.Complete{Output: "shipped"}},
	}, nil)
	if err != nil {
		return err
	}
	return host.RunUntilIdle(ctx)
}

// played returns a hub on which the app has done what it can for one instance.
func played(t *testing.T, orchestrator, id string) *durabletest.TestHub {
	t.Helper()
	hub := durabletest.NewHub(t, &durabletest.Options{Clock: time.Now})
	_, err := hub.Client().StartNew(t.Context(), orchestrator, nil, &durable.StartNewOptions{InstanceID: id})
	require.NoError(t, err)
	require.NoError(t, runApp(t.Context(), hub.Hub))
	return hub
}

// contents is all that a hub has in storage.
func contents(t *testing.T, hub *durabletest.TestHub) string {
	t.Helper()
	var b bytes.Buffer
	hub.Dump(&b)
	return b.String()
}

// TestRefusedSendsNothing: what is refused, declined or only planned leaves the hub as it was.
func TestRefusedSendsNothing(t *testing.T) {
	t.Parallel()
	tests := map[string]int{
		"fire-timer --id order-17 --event-id 0":                                      2,
		"fire-timer --id order-17 --event-id 7":                                      2,
		"fire-timer --id order-17:2 --event-id 0":                                    2,
		"fire-timer --id order-17 --event-id 1 --dry-run":                            0,
		"complete-activity --id order-17 --event-id 0 --result {":                    2,
		"complete-activity --id order-17 --event-id 0 --result x --dry-run":          0,
		"complete-sub-orchestration --id order-17 --event-id 0 --result x":           2,
		"complete-sub-orchestration --id order-17 --event-id 2 --dry-run":            0,
		"fail-activity --id order-17 --event-id 0 --reason x --failure-details 1":    2,
		"fail-activity --id order-17 --event-id 0 --reason x --dry-run":              0,
		"fail-sub-orchestration --id order-17 --event-id 2 --reason x --details @no": 2,
		"fail-sub-orchestration --id order-17 --event-id 2 --reason x --dry-run":     0,
		"reschedule --id order-17 --event-id 0":                                      2,
		"reschedule --id order-17 --event-id 0 --yes":                                4,
		"reschedule --id order-17 --event-id 0 --dry-run --idle-time 1ns":            0,
		"terminate --id order-17 --tree":                                             2,
		"terminate --id order-17 --tree --dry-run":                                   0,
		"terminate --id order-17 --tree --yes --max-depth 0":                         2,
		"terminate --id order-17 --tree --yes --max-children 1 --max-instances 1":    4,
		"suspend --id order-17 --tree --dry-run":                                     0,
		"resume --id order-17 --tree --yes":                                          0,
		"purge --id order-17 --tree --yes":                                           4,
		"purge --id order-17 --tree --dry-run --force":                               0,
		"inspect --id order-17":                                                      0,
		"tree --id order-17":                                                         0,
		"__complete complete-activity --id order-17 --event-id 0":                    0,
	}
	hub := played(t, "ProcessOrder", "order-17")
	before := contents(t, hub)
	for args, code := range tests {
		r := runOn(t.Context(), t, hub.Client(), strings.Fields(args)...)
		require.Equal(t, code, r.code, "%s: %s", args, r.stderr)
		require.Equal(t, before, contents(t, hub), args)
	}
}

// TestTreeInPart: where only a part of a tree could be done, the exit code says so, and a repeat does the rest.
func TestTreeInPart(t *testing.T) {
	t.Parallel()
	t.Run("some", func(t *testing.T) {
		t.Parallel()
		hub := played(t, "Batch", "batch")
		hub.Inject(durabletest.Fault{Request: durabletest.SendMessage, After: 1})
		r := runOn(t.Context(), t, hub.Client(), "suspend", "--id", "batch", "--tree", "--yes")
		require.Equal(t, 6, r.code, r.stderr)
		require.Contains(t, r.stdout, "Asked 2 of 4 instances to suspend:\n  asked       batch (Batch)\n  failed      batch:0 (Order): Suspend \"batch:0\"")
		require.Contains(t, r.stderr, "1 instance could not be suspended, the same command tries again: ")
		require.NoError(t, runApp(t.Context(), hub.Hub))
		r = runOn(t.Context(), t, hub.Client(), "suspend", "--id", "batch", "--tree", "--yes")
		require.Zero(t, r.code, r.stderr)
		require.Contains(t, r.stdout, "Asked 1 of 4 instances to suspend:")
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		hub := played(t, "Batch", "batch")
		hub.Inject(durabletest.Fault{Request: durabletest.SendMessage, Times: -1})
		r := runOn(t.Context(), t, hub.Client(), "terminate", "--id", "batch", "--tree", "--yes", "--output", "jsonl")
		require.Equal(t, 1, r.code, r.stderr)
		require.Contains(t, r.stdout, `"done":0,"skipped":1,"failed":3}`)
		require.Contains(t, r.stderr, "3 instances could not be terminated: ")
	})
	t.Run("purge", func(t *testing.T) {
		t.Parallel()
		hub := played(t, "Batch", "batch")
		hub.Inject(durabletest.Fault{Request: durabletest.WriteHistory, After: 1, Times: -1})
		r := runOn(t.Context(), t, hub.Client(), "purge", "--id", "batch", "--tree", "--yes", "--force", "--concurrency", "1")
		require.Equal(t, 6, r.code, r.stderr)
		require.Contains(t, r.stdout, "Purged 1 of 4 instances:\n  purged      batch:0:0 (Approval)\n  failed      batch:0 (Order): ")
		require.Contains(t, r.stdout, "  not tried   batch (Batch)\n", "it still knows its children")
	})
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			hub := played(t, "Batch", "batch")
			hub.Inject(durabletest.Fault{Request: durabletest.SendMessage, Trouble: durabletest.Slow, After: 1})
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			r := runOn(ctx, t, hub.Client(), "terminate", "--id", "batch", "--tree", "--yes")
			require.Equal(t, 6, r.code, r.stderr)
			require.Contains(t, r.stdout, "  asked       batch (Batch)\n")
			require.Contains(t, r.stderr, "interrupted; the same command does the rest")
		})
	})
}

// TestInspectManyActions: a screen shows the first of them, and a document all.
func TestInspectManyActions(t *testing.T) {
	t.Parallel()
	const many = 60
	hub := durabletest.NewHub(t, nil)
	var all durabletest.Parallel
	for range many {
		all = append(all, durabletest.Activity{Name: "Charge", Takes: time.Hour})
	}
	app := hub.NewHost(durabletest.Scripts{"Fan": {all}}, nil)
	_, err := hub.Client().StartNew(t.Context(), "Fan", nil, &durable.StartNewOptions{InstanceID: "fan"})
	require.NoError(t, err)
	app.RunUntilIdle()
	r := runOn(t.Context(), t, hub.Client(), "inspect", "--id", "fan", "--output", "table")
	require.Zero(t, r.code, r.stderr)
	require.Contains(t, r.stdout, "waits for      60 open actions\n")
	require.Equal(t, 50, strings.Count(r.stdout, "Charge\n"))
	require.True(t, strings.HasSuffix(r.stdout, "and 10 more; --output json has all\n"))
	r = runOn(t.Context(), t, hub.Client(), "inspect", "--id", "fan", "--output", "jsonl")
	require.Equal(t, many, strings.Count(r.stdout, `"type":"TaskScheduled"`))
}

// TestInterruptedBeforeTheQuestion: whoever ends a command before it has asked gets to know that nothing was changed, and
// whoever ends a look is not shown an error of the storage alone.
func TestInterruptedBeforeTheQuestion(t *testing.T) {
	t.Parallel()
	hub := played(t, "Batch", "batch")
	before := contents(t, hub)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := runOn(ctx, t, hub.Client(), "terminate", "--id", "batch", "--tree", "--dry-run")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "durable: interrupted; nothing was changed\n")
	r = runOn(ctx, t, hub.Client(), "inspect", "--id", "batch")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, `durable: interrupted: Inspect "batch"`)
	require.Equal(t, before, contents(t, hub))
}
