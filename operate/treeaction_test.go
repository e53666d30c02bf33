package operate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

// grove writes a tree: top with a, b and a detached one, and a1 below a.
func grove(t *testing.T, status string) *hub {
	t.Helper()
	h := newHub(t)
	h.family(t, "top", status, storage.Column{}, "a", "b", "gone", "det")
	h.family(t, "a", status, parent("top", 0), "a1")
	h.family(t, "a1", status, parent("a", 0))
	h.family(t, "b", status, parent("top", 1))
	h.family(t, "det", status, parent("top", 3), "det1")
	h.history(t, "det", episode(started(parent("top", 3), str(wire.ColTags, `{"FireAndForget":""}`)), child(0, "det1"))...)
	h.family(t, "det1", status, parent("det", 0))
	h.clock.add(time.Hour)
	h.fault.Reset()
	return h
}

func steps(r *operate.TreeResult) string {
	var b strings.Builder
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "%d %s", s.Wave, s.InstanceID)
		if s.Skipped != "" {
			b.WriteString(" (" + s.Skipped + ")")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestTreeActionOrder(t *testing.T) {
	t.Parallel()
	h := grove(t, wire.StatusRunning)
	dry := &operate.TreeActionOptions{DryRun: true}
	before := h.dump(t)
	r, err := operate.TerminateTree(t.Context(), h.OrchestrationClient, "top", "why", dry)
	require.NoError(t, err)
	require.Equal(t, "0 top\n1 a\n1 b\n1 gone (does not exist)\n2 a1\n", steps(r))
	r, err = operate.SuspendTree(t.Context(), h.OrchestrationClient, "top", "why", &operate.TreeActionOptions{DryRun: true, IncludeDetached: true})
	require.NoError(t, err)
	require.Equal(t, "0 top\n1 a\n1 b\n1 gone (does not exist)\n1 det\n2 a1\n2 det1\n", steps(r))
	r, err = operate.ResumeTree(t.Context(), h.OrchestrationClient, "a", "why", dry)
	require.NoError(t, err)
	require.Equal(t, "0 a1 (is not suspended)\n1 a (is not suspended)\n", steps(r))
	r, err = operate.PurgeTree(t.Context(), h.OrchestrationClient, "top", dry)
	require.ErrorIs(t, err, durable.ErrInvalidState)
	require.Equal(t, "0 a1\n1 a\n1 b\n1 gone (does not exist)\n2 top\n", steps(r), "the plan comes with the refusal")
	_, err = json.Marshal(r)
	require.NoError(t, err)
	h.noWrites(t)
	h.unchanged(t, before)
}

func TestTerminateTree(t *testing.T) {
	t.Parallel()
	h := grove(t, wire.StatusRunning)
	r, err := operate.TerminateTree(t.Context(), h.OrchestrationClient, "top", "why", nil)
	require.NoError(t, err)
	require.Equal(t, []int{4, 1, 0}, []int{r.Done, r.Skipped, r.Failed})
	for _, id := range []string{"top", "a", "a1", "b"} {
		require.Len(t, h.sent(t, id), 1, id)
		require.Equal(t, wire.ExecutionTerminated, h.sent(t, id)[0].EventType)
	}
	require.Empty(t, h.sent(t, "det"))
	h.ended(t, "b", wire.StatusTerminated)
	h.history(t, "b", episode(started(parent("top", 1)), end(0, wire.StatusTerminated))...)
	r, err = operate.TerminateTree(t.Context(), h.OrchestrationClient, "top", "why", nil)
	require.NoError(t, err)
	require.Equal(t, []int{3, 2, 0}, []int{r.Done, r.Skipped, r.Failed})
}

// An instance that ends between plan and act is no failure; one that fails does not stop the others.
func TestTreeActionFailures(t *testing.T) {
	t.Parallel()
	h := grove(t, wire.StatusRunning)
	h.fault.SetHook(func(ctx context.Context, c faultstore.Call) error {
		if c.Phase == faultstore.Before && c.Op == "Put" && c.Name == h.queueOf("a1") {
			return storage.ErrDenied
		}
		if c.Phase == faultstore.After && c.Op == "Put" {
			h.row(t, "b", wire.StatusCompleted)
		}
		return nil
	})
	r, err := operate.TerminateTree(t.Context(), h.OrchestrationClient, "top", "why", &operate.TreeActionOptions{Concurrency: 1})
	require.ErrorIs(t, err, durable.ErrAccessDenied)
	require.NotZero(t, r.Failed)
	for _, s := range r.Steps {
		if s.InstanceID == "b" {
			require.NoError(t, s.Err)
			require.Equal(t, "has become Completed", s.Skipped)
		}
		require.Equal(t, s.Err != nil, s.Error != "")
	}
}

func TestPurgeTree(t *testing.T) {
	t.Parallel()
	h := grove(t, wire.StatusCompleted)
	h.fault.SetHook(faultstore.FailNth(1, faultstore.Before, storage.ErrDenied, func(c faultstore.Call) bool {
		return c.Op == "Delete" && c.Key == "b|"
	}))
	r, err := operate.PurgeTree(t.Context(), h.OrchestrationClient, "top", nil)
	require.ErrorIs(t, err, durable.ErrAccessDenied)
	require.Equal(t, []int{2, 1, 1}, []int{r.Done, r.Skipped, r.Failed})
	require.NotNil(t, h.instance(t, "top"), "its parents stay")
	r, err = operate.PurgeTree(t.Context(), h.OrchestrationClient, "top", nil)
	require.NoError(t, err)
	require.Equal(t, 2, r.Done)
	for _, id := range []string{"top", "a", "a1", "b"} {
		require.Nil(t, h.instance(t, id), id)
	}
	require.NotNil(t, h.instance(t, "det"))
	require.NotNil(t, h.instance(t, "det1"))
	_, err = operate.PurgeTree(t.Context(), h.OrchestrationClient, "top", nil)
	require.ErrorIs(t, err, durable.ErrInstanceNotFound)
}

// What a plan has not listed is not purged: neither a new child nor another execution of a known one, and then nothing is.
func TestPurgeTreeAsPlanned(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(h *hub){
		`"late" was not in the tree`: func(h *hub) {
			h.family(t, "b", wire.StatusCompleted, parent("top", 1), "late")
			h.family(t, "late", wire.StatusCompleted, parent("b", 0))
		},
		`"a1" was started anew`: func(h *hub) {
			h.row(t, "a1", wire.StatusCompleted, str(wire.ColExecutionID, "another"), storage.Column{Name: wire.ColTaskHubName})
		},
	} {
		h := grove(t, wire.StatusCompleted)
		plan, err := operate.PurgeTree(t.Context(), h.OrchestrationClient, "top", &operate.TreeActionOptions{DryRun: true})
		require.NoError(t, err)
		change(h)
		h.fault.Reset()
		r, err := operate.PurgeTree(t.Context(), h.OrchestrationClient, "top", &operate.TreeActionOptions{Plan: plan})
		require.ErrorIs(t, err, durable.ErrConflict)
		require.ErrorContains(t, err, name)
		require.Zero(t, r.Done)
		h.noWrites(t)

		plan, err = operate.PurgeTree(t.Context(), h.OrchestrationClient, "top", &operate.TreeActionOptions{DryRun: true})
		require.NoError(t, err)
		_, err = operate.PurgeTree(t.Context(), h.OrchestrationClient, "top", &operate.TreeActionOptions{Plan: plan})
		require.NoError(t, err)
		require.Nil(t, h.instance(t, "top"))
	}
}

// What a client has started under the ID of a child since the plan is none of the tree's, and stays.
func TestPurgeTreeAsPlannedSpares(t *testing.T) {
	t.Parallel()
	h := grove(t, wire.StatusCompleted)
	plan, err := operate.PurgeTree(t.Context(), h.OrchestrationClient, "top", &operate.TreeActionOptions{DryRun: true})
	require.NoError(t, err)
	h.row(t, "a1", wire.StatusTerminated, str(wire.ColExecutionID, "another"))
	_, err = operate.PurgeTree(t.Context(), h.OrchestrationClient, "top", &operate.TreeActionOptions{Plan: plan})
	require.NoError(t, err)
	require.NotNil(t, h.instance(t, "a1"))
	require.Nil(t, h.instance(t, "a"))
}

func TestTreeActionRefused(t *testing.T) {
	t.Parallel()
	h := grove(t, wire.StatusRunning)
	_, err := operate.TerminateTree(t.Context(), h.OrchestrationClient, "top", "https://x", nil)
	require.ErrorIs(t, err, durable.ErrInvalidArgument)
	_, err = operate.TerminateTree(t.Context(), h.OrchestrationClient, "top", "x", &operate.TreeActionOptions{Concurrency: 1000})
	require.ErrorIs(t, err, durable.ErrInvalidArgument)
	_, err = operate.TerminateTree(t.Context(), h.OrchestrationClient, "top", "x", &operate.TreeActionOptions{Tree: operate.TreeOptions{MaxNodes: 2}})
	require.ErrorIs(t, err, durable.ErrInvalidState)
	h.noWrites(t)
	r, err := operate.PurgeTree(t.Context(), h.OrchestrationClient, "top", &operate.TreeActionOptions{Force: true})
	require.NoError(t, err)
	require.Equal(t, 4, r.Done)
}

// What was started anew under the ID of a child since the tree was read is somebody else's, ended or not.
func TestPurgeTreeSpares(t *testing.T) {
	t.Parallel()
	for _, force := range []bool{false, true} {
		h := newHub(t)
		h.running(t, "p", child(0, "c"))
		h.history(t, "c", episode(started(parent("p", 0)), end(0, wire.StatusCompleted))...)
		h.row(t, "c", wire.StatusCompleted)
		h.row(t, "p", wire.StatusCompleted)
		reads := 0
		h.fault.SetHook(func(_ context.Context, c faultstore.Call) error {
			if c.Op == "Get" && c.Name == h.Instances() && c.Phase == faultstore.Before {
				if reads++; reads == 3 { // two were for the plan
					h.ended(t, "c", wire.StatusCompleted, str(wire.ColExecutionID, "another"))
				}
			}
			return nil
		})
		r, err := operate.PurgeTree(t.Context(), h.OrchestrationClient, "p", &operate.TreeActionOptions{Force: force})
		require.ErrorIs(t, err, durable.ErrConflict)
		require.ErrorContains(t, err, "its execution is another by now, not execution-of-c")
		require.Equal(t, 1, r.Failed)
		require.Equal(t, "another", h.instance(t, "c").Text(wire.ColExecutionID))
		require.NotNil(t, h.entity(t, h.History(), "c", hexKey(0)))
		require.NotNil(t, h.instance(t, "p"), "it still knows its child")
		h.fault.SetHook(nil)

		// The next plan sees whose it is.
		r, err = operate.PurgeTree(t.Context(), h.OrchestrationClient, "p", &operate.TreeActionOptions{Force: force})
		require.NoError(t, err)
		require.Equal(t, 1, r.Done)
	}
}
