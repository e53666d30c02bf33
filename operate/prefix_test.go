package operate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

// withPrefix are quick options for a part of a hub.
func withPrefix(prefix string) *operate.DiagnoseOptions {
	opts := quick()
	opts.InstanceIDPrefix = prefix
	return opts
}

// A check-up of a part finds what one of the whole hub finds there, and what is wrong with the hub itself.
func TestDiagnosePrefix(t *testing.T) {
	t.Parallel()
	for _, d := range repairable() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			h, f := broken(t, &d)
			all := diagnose(t, h, nil)
			id := []rune(f.InstanceID)
			for _, prefix := range []string{string(id[:min(1, len(id))]), f.InstanceID, f.InstanceID + "-", "neighbour", "\U0010FFFF"} {
				want := slices.DeleteFunc(slices.Clone(all), func(f operate.Finding) bool {
					return f.InstanceID != "" && f.Queue == "" && !strings.HasPrefix(f.InstanceID, prefix)
				})
				require.Equal(t, brief(want), brief(diagnose(t, h, withPrefix(prefix))), "prefix %q", prefix)
			}
		})
	}
}

// IDs that differ in case are found only where both are looked at.
func TestDiagnosePrefixAndCase(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.running(t, "a-Upper")
	h.running(t, "a-upper")
	require.Equal(t, []string{"ids-differ-by-case a-upper"}, brief(diagnose(t, h, withPrefix("a-"))))
	require.Empty(t, diagnose(t, h, withPrefix("a-u")))
}

// Engines before 1.8.4 have left keys unescaped: such an instance is found by the ID that its key stands for, as a query
// finds it.
func TestDiagnosePrefixOfOldKeys(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	for _, key := range []string{"a^b", "a^^b", "^^b^x", "^^b"} {
		_, err := h.storage.Tables.Insert(t.Context(), h.Instances(), &storage.Entity{PartitionKey: key, Columns: []storage.Column{
			str(wire.ColName, "Orchestrator"), str(wire.ColRuntimeStatus, wire.StatusTerminated), str(wire.ColOutput, "ticket:1#2"),
			str(wire.ColExecutionID, executionOf(key)),
		}})
		require.NoError(t, err)
	}
	for _, prefix := range []string{"a", "a^", "^b", "^^b", "^"} {
		want := []string{}
		for s, err := range h.QueryInstances(t.Context(), &durable.InstanceFilter{InstanceIDPrefix: prefix}, nil) {
			require.NoError(t, err)
			want = append(want, "unreadable-for-dotnet "+s.InstanceID)
		}
		slices.Sort(want)
		require.Equal(t, want, brief(diagnose(t, h, withPrefix(prefix))), prefix)
	}
}

// A part of a large hub takes the requests of the part.
func TestDiagnosePrefixRequests(t *testing.T) {
	t.Parallel()
	h := openHub(t, "Hub", &memstore.Options{PageSize: 20})
	require.NoError(t, h.CreateTaskHub(t.Context(), &durable.CreateTaskHubOptions{PartitionCount: partitions}))
	for i := range 300 {
		id := fmt.Sprintf("order-%03d", i)
		h.ended(t, id, wire.StatusCompleted)
		h.payload(t, id+"/message-1-EventRaised.json.gz")
	}
	h.clock.add(48 * time.Hour)
	count := func(opts *operate.DiagnoseOptions) (pages, lists int) {
		h.fault.Reset()
		require.Empty(t, diagnose(t, h, opts))
		tables := func(c faultstore.Call) bool {
			return c.Op == "Query" && (c.Name == h.Instances() || c.Name == h.History())
		}
		payloads := func(c faultstore.Call) bool { return c.Op == "List" && c.Name == h.LargeMessages() }
		return h.fault.Count(tables), h.fault.Count(payloads)
	}
	pages, lists := count(withPrefix("order-10"))
	require.Equal(t, 1+3, pages, "ten rows, and fifty of history")
	require.Equal(t, 1, lists)
	pages, lists = count(withPrefix("other"))
	require.Equal(t, 2, pages)
	require.Equal(t, 1, lists)
	pages, lists = count(nil)
	require.Equal(t, 15+75, pages)
	require.Equal(t, 15, lists)
}

// What can be neither found nor ruled out is counted: a hub of which nobody can say that it is well does not look so.
func TestDiagnoseUndecided(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.row(t, "x", wire.StatusPending)
	h.running(t, "waits", action(wire.TaskScheduled, 0, str(wire.ColName, "A")))
	h.running(t, "timer", action(wire.TimerCreated, 0, at(wire.ColFireAt, noon)))
	h.ended(t, "well", wire.StatusCompleted)
	h.clock.add(48 * time.Hour)
	for _, tt := range []struct {
		queue     string
		found     []string
		undecided int
	}{
		{"", []string{"activity-lost waits 0", "start-not-sent x", "timer-lost timer 0"}, 0},
		{h.WorkItems(), []string{"start-not-sent x", "timer-lost timer 0"}, 1},
		{h.queueOf("x"), []string{"timer-lost timer 0"}, 2},
	} {
		if tt.queue != "" {
			h.hide(t, tt.queue, 40)
		}
		var last operate.DiagnoseProgress
		opts := quick()
		opts.OnProgress = func(p operate.DiagnoseProgress) { last = p }
		found := brief(diagnose(t, h, opts))
		require.Equal(t, tt.found, found)
		require.Equal(t, tt.undecided, last.Undecided)
	}
}

// Who watches sees each page go by, and all of them before what is suspected is waited for.
func TestDiagnoseProgress(t *testing.T) {
	t.Parallel()
	h := openHub(t, "Hub", &memstore.Options{PageSize: 10})
	require.NoError(t, h.CreateTaskHub(t.Context(), &durable.CreateTaskHubOptions{PartitionCount: partitions}))
	for i := range 25 {
		h.row(t, fmt.Sprintf("order-%02d", i), wire.StatusCompleted)
	}
	h.row(t, "order-00", wire.StatusPending)
	h.clock.add(48 * time.Hour)
	opts := quick()
	var seen []operate.DiagnoseProgress
	opts.OnProgress = func(p operate.DiagnoseProgress) { seen = append(seen, p) }
	require.Len(t, diagnose(t, h, opts), 1)
	require.Equal(t, []operate.DiagnoseProgress{
		{Instances: 10}, {Instances: 20}, {Instances: 25}, {Instances: 25, Findings: 1},
	}, seen)
	seen = nil
	opts.InstanceIDPrefix = "nobody"
	require.Empty(t, diagnose(t, h, opts))
	require.Equal(t, []operate.DiagnoseProgress{{}, {}}, seen)
}
