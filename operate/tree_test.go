package operate_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

func tree(t *testing.T, h *hub, id string, opts *operate.TreeOptions) *operate.InstanceTree {
	t.Helper()
	tr, err := operate.Tree(t.Context(), h.OrchestrationClient, id, opts)
	require.NoError(t, err)
	_, err = json.Marshal(tr)
	require.NoError(t, err)
	return tr
}

// show draws a tree, a line a node.
func show(tr *operate.InstanceTree) string {
	var b strings.Builder
	tr.Root.Walk(func(n *operate.TreeNode, depth int) {
		fmt.Fprintf(&b, "%s%s %s", strings.Repeat(" ", depth), n.InstanceID, n.RuntimeStatus)
		for mark, is := range map[string]bool{"detached": n.Detached, "missing": n.Missing, "foreign": n.Foreign, "seen": n.Seen} {
			if is {
				b.WriteString(" " + mark)
			}
		}
		if n.Omitted > 0 {
			fmt.Fprintf(&b, " +%d", n.Omitted)
		}
		b.WriteString("\n")
	})
	return b.String()
}

// child is the row with which an orchestrator starts a sub-orchestration.
func child(eventID int, id string) *storage.Entity {
	return action(wire.SubOrchestrationInstanceCreated, eventID, str(wire.ColName, "Child"), str(wire.ColInstanceID, id))
}

// family writes an instance with its parent and its children.
func (h *hub) family(t *testing.T, id, status string, up storage.Column, children ...string) {
	t.Helper()
	first, by := started(), str(wire.ColTaskHubName, h.Hub())
	if up.Name != "" {
		first, by = started(up), storage.Column{Name: wire.ColTaskHubName} // which only clients write
	}
	rows := []*storage.Entity{first}
	for i, c := range children {
		rows = append(rows, child(i, c))
	}
	if wire.Terminal(status) {
		rows = append(rows, end(len(children), status))
	}
	h.history(t, id, episode(rows...)...)
	h.row(t, id, status, by)
}

func TestTreeRecorded(t *testing.T) {
	t.Parallel()
	h := load(t, "v2/rewind-grandparent", "failed")
	want := "rw-g Failed\n rw-g-p Failed\n  rw-g-p-child Failed\n"
	for _, id := range []string{"rw-g", "rw-g-p", "rw-g-p-child"} {
		tr := tree(t, h, id, nil)
		require.Equal(t, want, show(tr))
		require.Equal(t, "rw-g-p-child", tr.FirstFailure.InstanceID)
		require.Contains(t, tr.FirstFailure.Failure, "FailsUntilFixed")
		require.Equal(t, id, tr.InstanceID)
		require.Equal(t, 3, tr.Nodes)
		require.Empty(t, tr.Notes)
	}
	require.Equal(t, "rw-g-p Failed\n rw-g-p-child Failed\n", show(tree(t, h, "rw-g-p", &operate.TreeOptions{Subtree: true})))

	h = load(t, "v2/detached", "completed")
	tr := tree(t, h, "det-detached", nil)
	require.Equal(t, "det Completed\n det-detached Completed detached\n", show(tr))
	require.Nil(t, tr.FirstFailure)
}

func TestTreeForged(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	none := storage.Column{}
	h.family(t, "top", wire.StatusFailed, none, "a", "gone", "b", "foreign", "a")
	h.clock.add(time.Minute)
	h.family(t, "a", wire.StatusFailed, parent("top", 0), "a1")
	h.family(t, "b", wire.StatusFailed, parent("top", 2))
	h.family(t, "foreign", wire.StatusFailed, none)
	h.family(t, "a1", wire.StatusCompleted, parent("a", 0))
	require.NoError(t, h.storage.Tables.Delete(t.Context(), h.Instances(), "top", "", storage.Any))
	h.row(t, "top", wire.StatusFailed, at(wire.ColCompletedTime, noon.Add(time.Hour)))
	h.row(t, "a", wire.StatusFailed, at(wire.ColCompletedTime, noon.Add(2*time.Minute)))

	want := "top Failed\n a Failed\n  a1 Completed\n gone  missing\n b Failed\n foreign Failed foreign\n a  seen\n"
	tr := tree(t, h, "a1", nil)
	require.Equal(t, want, show(tr))
	require.Equal(t, "b", tr.FirstFailure.InstanceID, "the first to end")

	// The parent is purged, or another one has its ID.
	h.row(t, "top", wire.StatusRunning, str(wire.ColExecutionID, "another"))
	tr = tree(t, h, "a1", nil)
	require.Equal(t, "a Failed\n a1 Completed\n", show(tr))
	require.Equal(t, []string{`"top", which started "a", was started anew since`}, tr.Notes)
	require.NoError(t, h.storage.Tables.Delete(t.Context(), h.Instances(), "top", "", storage.Any))
	require.Equal(t, []string{`"top", which started "a", does not exist any more`}, tree(t, h, "a", nil).Notes)
}

func TestTreeCycle(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.family(t, "x", wire.StatusRunning, parent("y", 0), "y")
	h.family(t, "y", wire.StatusRunning, parent("x", 0), "x", "y")
	tr := tree(t, h, "x", nil)
	require.Equal(t, "y Running\n x Running\n  y  seen\n y  seen\n", show(tr))
	require.Len(t, tr.Notes, 1)
}

func TestTreeLimits(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	var children []string
	for i := range 20 {
		id := fmt.Sprintf("c%02d", i)
		children = append(children, id)
		h.family(t, id, wire.StatusRunning, parent("wide", i), id+"x")
		h.family(t, id+"x", wire.StatusRunning, parent(id, 0))
	}
	h.family(t, "wide", wire.StatusRunning, storage.Column{}, children...)

	require.Equal(t, 41, tree(t, h, "wide", nil).Nodes)
	tr := tree(t, h, "c19x", &operate.TreeOptions{MaxChildren: 2})
	require.True(t, tr.Truncated)
	require.Equal(t, "wide Running +17\n c00 Running\n  c00x Running\n c01 Running\n  c01x Running\n c19 Running\n  c19x Running\n", show(tr))
	tr = tree(t, h, "c19", &operate.TreeOptions{MaxNodes: 2})
	require.Equal(t, "wide Running +18\n c00 Running +1\n c19 Running +1\n", show(tr))
	tr = tree(t, h, "c19x", &operate.TreeOptions{MaxDepth: 1, MaxChildren: 1})
	require.Equal(t, "c19 Running\n c19x Running\n", show(tr))
	require.True(t, tr.Truncated)
	_, err := operate.Tree(t.Context(), h.OrchestrationClient, "wide", &operate.TreeOptions{MaxNodes: -1})
	require.ErrorIs(t, err, durable.ErrInvalidArgument)
	_, err = operate.Tree(t.Context(), h.OrchestrationClient, "nobody", nil)
	require.ErrorIs(t, err, durable.ErrInstanceNotFound)
}
