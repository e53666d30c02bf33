package operate_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/operate"
)

// quick are options with which nothing waits.
func quick() *operate.DiagnoseOptions { return &operate.DiagnoseOptions{Interval: time.Nanosecond} }

// diagnose returns the findings of a check-up.
func diagnose(tb testing.TB, h *hub, opts *operate.DiagnoseOptions) []operate.Finding {
	tb.Helper()
	if opts == nil {
		opts = quick()
	}
	list := []operate.Finding{}
	findings := operate.Diagnose(tb.Context(), h.OrchestrationClient, opts)
	if h.names+h.rows > 0 {
		findings = operate.DiagnoseWithin(tb.Context(), h.OrchestrationClient, opts, h.names, h.rows)
	}
	for f, err := range findings {
		require.NoError(tb, err)
		text, err := json.Marshal(f)
		require.NoError(tb, err)
		var back operate.Finding
		require.NoError(tb, json.Unmarshal(text, &back))
		require.Equal(tb, f, back)
		require.NotEmpty(tb, f.Severity)
		require.NotEmpty(tb, f.Summary)
		list = append(list, f)
	}
	return list
}

// brief shows findings in a line each, sorted.
func brief(findings []operate.Finding) []string {
	lines := []string{}
	for _, f := range findings {
		line := string(f.Kind) + " " + f.InstanceID + f.Queue
		if f.EventID != nil {
			line += fmt.Sprintf(" %d", *f.EventID)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// hide puts messages that cannot be seen into a queue.
func (h *hub) hide(tb testing.TB, queue string, n int) {
	tb.Helper()
	for range n {
		require.NoError(tb, h.storage.Queues.Put(tb.Context(), queue, "hidden", 6*24*time.Hour))
	}
}

// loadWhole is load with the messages that could not be seen when it was recorded.
func loadWhole(tb testing.TB, recording, dump string) *hub {
	tb.Helper()
	h := load(tb, recording, dump)
	for queue, q := range golden.Load(tb, recording).Dumps[dump].Queues {
		h.hide(tb, queue, int(q.Count)-len(q.Visible))
	}
	return h
}

// lease makes a host own all partitions, as far as leases show.
func (h *hub) lease(tb testing.TB) {
	tb.Helper()
	page, err := h.storage.Blobs.List(tb.Context(), h.Leases(), "", "")
	if err != nil {
		require.ErrorIs(tb, err, storage.ErrContainerNotFound)
		return
	}
	for _, b := range page.Blobs {
		_, err := h.mem.Lease(h.Leases(), b.Name)
		require.NoError(tb, err)
	}
}

// What every recorded hub shows two days later, when all that is there has long been settled.
func TestDiagnoseRecorded(t *testing.T) {
	t.Parallel()
	broken := []string{"entity-lock-orphaned @counter@locked", "payloads-without-instance has^^caret", "start-not-sent never-sent"}
	// Nothing is wrong with those that are not named here.
	want := map[string][]string{
		"v2/broken-hub broken":          broken,
		"v2/broken-hub stopped":         broken,
		"v2/unblock lost":               {"activity-lost ub-lost 0"},
		"v2/partition-change two":       {"partition-count "},
		"v2/rewind-after-retries later": {"broken-by-rewind rw-retry"},
		"v2/rewind-after-handled later": {"broken-by-rewind rw-handled"},
	}
	for _, engine := range golden.Engines() {
		for _, name := range golden.Names(engine) {
			recording := engine + "/" + name
			for label := range golden.Load(t, recording).Dumps {
				if recording == "v2/unblock" && label == "lost" {
					continue // the recorder took the work item away, but not its number: see TestActivityLost
				}
				t.Run(recording+" "+label, func(t *testing.T) {
					t.Parallel()
					h := loadWhole(t, recording, label)
					h.lease(t)
					h.clock.add(48 * time.Hour)
					have := brief(diagnose(t, h, nil))
					expected := want[recording+" "+label]
					if expected == nil {
						expected = []string{}
					}
					require.Equal(t, expected, have)
					h.noWrites(t)
				})
			}
		}
	}
}
