package replay_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/replay"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

var orchestrators = flag.Int("orchestrators", 80, "how many random orchestrators each simulation runs")

func diverged(w *world) bool { return strings.Contains(w.result, "Non-Deterministic") }

// stats count what a simulation met, so that it cannot pass by meeting nothing.
type stats struct{ failed, clear, again, diverged, children, cut int }

// rewound runs an orchestrator until it fails, rewinds it until it completes, and says what it met. A plan that does
// not warn of several readings must neither diverge nor need to be repeated for long.
func rewound(t *testing.T, seed uint64, s *stats) {
	w := newWorld(t, seed)
	if !w.run() || w.status != wire.StatusFailed {
		return
	}
	s.failed++
	ambiguous := false
	w.mended = seed%4 != 0
	for round := range 12 {
		kept := succeeded(w.history())
		plan, err := replay.PlanRewind(w.history(), replay.RewindOptions{Now: w.now})
		require.NoError(t, err)
		converges(t, w, plan)
		convergesCopied(t, w, plan, round)
		ambiguous = ambiguous || warned(plan, replay.Ambiguous)
		count(s, plan, round)
		for _, a := range plan.Undone {
			delete(kept, a.EventID)
		}
		clear(w.ran)
		w.carryOut(plan)
		ended := w.run()
		if diverged(w) {
			require.True(t, ambiguous, "diverged without a warning: %s", w.result)
			s.diverged++
			healed(t, w)
			return
		}
		require.True(t, ended, "stuck")
		for id := range kept {
			require.Zero(t, w.ran[id], "event %d ran again", id)
		}
		if w.status == wire.StatusCompleted {
			return
		}
		w.mended = true
	}
	require.True(t, ambiguous, "fails again and again without a warning: %s", w.result)
	s.again++
}

func count(s *stats, plan *replay.Plan, round int) {
	if round == 0 && len(plan.Fatal) > 0 && !warned(plan, replay.Ambiguous) {
		s.clear++
	}
	if len(plan.Children) > 0 {
		s.children++
	}
	if plan.Cut != replay.NoCut {
		s.cut++
	}
}

// succeeded returns the event IDs of the work that has its result.
func succeeded(h *replay.History) map[int]bool {
	ids := map[int]bool{}
	for _, a := range h.Actions() {
		if a.Succeeded() && a.Type == wire.TaskScheduled {
			ids[a.EventID] = true
		}
	}
	return ids
}

// copied returns the rows as they are in a copy of the hub, which has forgotten when they were written.
func copied(rows []wire.Event) []wire.Event {
	rows = slices.Clone(rows)
	for i := range rows {
		rows[i].Row = rows[i].Row.Clone()
		rows[i].Row.Timestamp = storage.Value{}
	}
	return rows
}

// convergesCopied checks the same where it is not known when rows were written. An instance that was rewound before
// is only planned for: then it can be impossible to tell which rewind took back what.
func convergesCopied(t *testing.T, w *world, plan *replay.Plan, round int) {
	t.Helper()
	rows := copied(w.rows)
	want := texts(apply(t, rows, plan.Changes))
	for range 4 {
		k := 0
		if round == 0 {
			k = w.rand.IntN(len(plan.Changes) + 1)
		}
		part := apply(t, rows, plan.Changes[:k])
		h, err := replay.New(part)
		require.NoError(t, err)
		again, err := replay.PlanRewind(h, replay.RewindOptions{Now: w.now})
		require.NoError(t, err)
		require.Empty(t, difference(want, texts(apply(t, part, again.Changes))))
	}
}

// converges checks that a plan carried out in part is completed by planning again.
func converges(t *testing.T, w *world, plan *replay.Plan) {
	t.Helper()
	want := texts(apply(t, w.rows, plan.Changes))
	require.Equal(t, plan.End.RowKey, plan.Changes[len(plan.Changes)-1].Row.RowKey)
	for range 4 {
		changes := plan.Changes[:w.rand.IntN(len(plan.Changes)+1)]
		if w.rand.IntN(2) == 0 {
			changes = nil
			for _, c := range plan.Changes {
				if w.rand.IntN(2) == 0 {
					changes = append(changes, c)
				}
			}
		}
		rows := apply(t, w.rows, changes)
		h, err := replay.New(rows)
		require.NoError(t, err)
		again, err := replay.PlanRewind(h, replay.RewindOptions{Now: w.now})
		require.NoError(t, err)
		require.Empty(t, difference(want, texts(apply(t, rows, again.Changes))))
		require.Equal(t, plan.Children, again.Children)
		require.Equal(t, plan.Cut, again.Cut)
	}
}

func difference(want, got []string) string {
	for i := range want {
		if want[i] != got[i] {
			return "want " + want[i] + "\ngot  " + got[i]
		}
	}
	return ""
}

// healed heals what a wrong reading has broken: back to the first failure is always safe.
func healed(t *testing.T, w *world) {
	t.Helper()
	w.mended = true
	h := w.history()
	require.True(t, replay.IsBroken(h), w.result)
	plan, err := replay.PlanHeal(h, replay.RewindOptions{Now: w.now})
	require.NoError(t, err)
	require.NotEmpty(t, plan.Fatal)
	from := plan.Fatal[0].Action.EventID
	plan, err = replay.PlanHeal(h, replay.RewindOptions{Now: w.now, FromEventID: &from})
	require.NoError(t, err)
	w.carryOut(plan)
	require.True(t, w.run(), "stuck")
	require.False(t, diverged(w), w.result)
}

func TestPlanRewindSimulated(t *testing.T) {
	t.Parallel()
	var s stats
	for seed := range *orchestrators {
		if !t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { rewound(t, uint64(seed), &s) }) {
			return
		}
	}
	t.Logf("%+v", s)
	require.Greater(t, s.failed, *orchestrators/2)
	require.Greater(t, s.clear, s.failed/3)
	require.Greater(t, s.children, s.failed/4)
	require.Greater(t, s.cut, s.failed/2)
}

// What the .NET client breaks is healed, and ends as if it had been rewound by cause at once.
func TestPlanHealSimulated(t *testing.T) {
	t.Parallel()
	broke := 0
	for seed := range *orchestrators {
		w := newWorld(t, uint64(seed))
		if !w.run() || w.status != wire.StatusFailed {
			continue
		}
		failed, now := w.rows, w.now
		by, err := replay.PlanRewind(w.history(), replay.RewindOptions{Now: now})
		require.NoError(t, err)
		w.mended = true
		w.rows = touched(failed, dotNet(t, failed), w.tick())
		w.status, w.result = "", ""
		w.episode([]wire.Event{{Type: wire.GenericEvent}})
		if !replay.IsBroken(w.history()) {
			continue
		}
		broke++
		want := texts(apply(t, failed, by.Changes))
		var kept []int
		for _, c := range by.Children {
			kept = append(kept, c.EventID)
		}
		for _, rows := range [][]wire.Event{w.rows, copied(w.rows)} {
			plan, err := replay.PlanHeal(historyOf(t, rows), replay.RewindOptions{Now: now})
			require.NoError(t, err)
			require.Equal(t, by.Cut, plan.Cut)
			got := apply(t, rows, plan.Changes)[:len(failed)]
			for i, ev := range got {
				// Nothing reads the Reason of a child's row: the mark that a rewind left there stays.
				child := ev.Type == wire.SubOrchestrationInstanceCreated && failed[i].Type == ev.Type
				if ev.Reason == replay.LostReason || child && !slices.Contains(kept, ev.EventID) {
					got[i] = failed[i]
				}
			}
			require.Empty(t, difference(want, texts(got)), "seed %d", seed)
		}
	}
	require.Greater(t, broke, *orchestrators/4)
}

// touched gives the rows that were written over their new time.
func touched(before, after []wire.Event, now time.Time) []wire.Event {
	for i := range after {
		if after[i].Row != before[i].Row {
			after[i].Row.Timestamp = storage.TimeValue(now)
		}
	}
	return after
}

func TestPlanRewindFromSimulated(t *testing.T) {
	t.Parallel()
	met := 0
	for seed := range *orchestrators {
		w := newWorld(t, uint64(seed))
		if !w.run() || w.status != wire.StatusFailed {
			continue
		}
		var failures []*replay.Action
		for _, a := range w.history().Actions() {
			if a.Failed() {
				failures = append(failures, a)
			}
		}
		if len(failures) == 0 {
			continue
		}
		from := failures[w.rand.IntN(len(failures))].EventID
		plan, err := replay.PlanRewind(w.history(), replay.RewindOptions{FromEventID: &from, Now: w.now})
		require.NoError(t, err)
		w.mended = true
		w.carryOut(plan)
		require.True(t, w.run(), "seed %d: stuck", seed)
		require.False(t, diverged(w), "seed %d: %s", seed, w.result)
		met++
	}
	require.Greater(t, met, *orchestrators/20)
}

func TestPlanResetSimulated(t *testing.T) {
	t.Parallel()
	met := 0
	for seed := range *orchestrators {
		w := newWorld(t, uint64(seed))
		if !w.run() {
			continue
		}
		r := rand.New(rand.NewPCG(uint64(seed), 2))
		cut := r.IntN(len(w.history().Actions()) + 1)
		plan, err := replay.PlanReset(w.history(), replay.ResetOptions{EventID: cut, Now: w.now})
		require.NoError(t, err)
		require.Equal(t, cut, plan.Cut)
		completed := w.status == wire.StatusCompleted
		w.mended = w.mended || cut == 0
		w.carryOut(plan)
		ended := w.run()
		require.False(t, diverged(w), "seed %d: %s", seed, w.result)
		require.True(t, ended || completed, "seed %d: stuck", seed)
		if cut == 0 {
			require.Equal(t, wire.StatusCompleted, w.status, "seed %d: %s", seed, w.result)
		}
		met++
	}
	require.Greater(t, met, *orchestrators/2)
}
