package replay_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/replay"
)

func TestPlanRewindRefuses(t *testing.T) {
	t.Parallel()
	from := func(id int) replay.RewindOptions { return replay.RewindOptions{FromEventID: &id} }
	tests := []struct {
		name, text string
		opts       replay.RewindOptions
		want       error
	}{
		{"running", "start\nact 0 A", replay.RewindOptions{}, replay.ErrNotEnded},
		{"went on", "start\nend 0 Failed x\nstart\ngeneric -1", replay.RewindOptions{}, replay.ErrNotEnded},
		{"completed", "start\nend 0 Completed", replay.RewindOptions{}, replay.ErrNotFailed},
		{"terminated", "start\nkill\nend 0 Terminated", replay.RewindOptions{}, replay.ErrNotFailed},
		{"unknown event", "start\nact 0 A\nstart\nfail 0\nend 1 Failed x", from(7), replay.ErrUnknownEvent},
		{"event that did not fail", "start\nact 0 A\nstart\ndone 0\nend 1 Failed x", from(0), replay.ErrUnknownEvent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := historyOf(t, script(t, tt.text))
			_, err := replay.PlanRewind(h, tt.opts)
			require.ErrorIs(t, err, tt.want)
			_, err = replay.PlanHeal(h, tt.opts)
			require.Error(t, err)
			require.False(t, replay.IsBroken(h))
		})
	}
	_, err := replay.PlanHeal(historyOf(t, script(t, "start\nend 0 Failed x")), replay.RewindOptions{})
	require.ErrorIs(t, err, replay.ErrNotBroken)
}

func TestPlanRewind(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	one := 1
	tests := []struct {
		name, text string
		opts       replay.RewindOptions
		fatal      []int
		cut        int
		undone     []int
		warnings   []string
	}{
		{
			name:  "threw by itself",
			text:  "start\nact 0 A\nstart\ndone 0\nsend 1 other op\nend 2 Failed oops",
			fatal: nil, cut: replay.NoCut, undone: nil,
		},
		{
			name:  "an answer that came after the end",
			text:  "start\nact 0 A\nact 1 Slow\nstart\nfail 0\nend 2 Failed A",
			fatal: []int{0}, cut: replay.NoCut, undone: []int{0, 1},
		},
		{
			name:  "a finally block sends an event",
			text:  "start\nact 0 A\nstart\nfail 0\nsend 1 other op\nend 2 Failed A",
			fatal: []int{0}, cut: 1, undone: []int{0, 1}, warnings: []string{"SentAgain 1"},
		},
		{
			name:  "caught, logged, tried again: all of it is the reaction",
			text:  "start\nact 0 A\nstart\nfail 0\nsend 1 other op\ntimer 2 2026-01-02T02:00:00Z\nstart\nfired 2\nend 3 Failed A",
			opts:  replay.RewindOptions{Now: now},
			fatal: []int{0}, cut: 1, undone: []int{0, 1, 2}, warnings: []string{"SentAgain 1"},
		},
		{
			name:  "retried once with success, then thrown",
			text:  "start\nact 0 A\nstart\nfail 0\ntimer 1 2026-01-02T02:00:00Z\nstart\nfired 1\nact 2 A\nstart\ndone 2\nact 3 B\nstart\nfail 3\nend 4 Failed B",
			fatal: []int{3}, cut: replay.NoCut, undone: []int{3},
		},
		{
			name:  "the retry has not come yet",
			text:  "start\nact 0 A\nact 1 B\nstart\nfail 0\ntimer 2 2026-01-02T04:00:00Z\nstart\nfail 1\nend 3 Failed B",
			opts:  replay.RewindOptions{Now: now},
			fatal: []int{0, 1}, cut: 2, undone: []int{0, 1, 2}, warnings: []string{"TimerPending 2"},
		},
		{
			name:  "a timer whose message came after the end",
			text:  "start\ntimer 0 2026-01-02T02:00:00Z\nact 1 A\nstart\nfail 1\nend 2 Failed A",
			opts:  replay.RewindOptions{Now: now},
			fatal: []int{1}, cut: replay.NoCut, undone: []int{0, 1},
		},
		{
			name:  "a timer whose message is to come",
			text:  "start\ntimer 0 2026-01-02T04:00:00Z\nact 1 A\nstart\nfail 1\nend 2 Failed A",
			opts:  replay.RewindOptions{Now: now},
			fatal: []int{1}, cut: replay.NoCut, undone: []int{1},
		},
		{
			name:  "handled in silence, or still waited for",
			text:  "start\nact 0 A\nstart\nfail 0\nstart\nevent go\nact 1 B\nstart\nfail 1\nend 2 Failed B",
			fatal: []int{0, 1}, cut: replay.NoCut, undone: []int{0, 1},
		},
		{
			name:     "handled in silence, and more done since",
			text:     "start\nact 0 A\nstart\nfail 0\nstart\nevent go\nact 1 B\nstart\ndone 1\nact 2 C\nstart\nfail 2\nend 3 Failed C",
			fatal:    []int{0, 2},
			cut:      replay.NoCut,
			undone:   []int{0, 2},
			warnings: []string{"Ambiguous 0"},
		},
		{
			name:  "failed while suspended",
			text:  "start\nact 0 A\nstart\nsuspend\nstart\nfail 0\nstart\nresume\nact 1 B\nstart\nfail 1\nend 2 Failed B",
			fatal: []int{1}, cut: replay.NoCut, undone: []int{1},
		},
		{
			name:     "thrown although the failure was handled",
			text:     "start\nact 0 A\nstart\nfail 0\nact 1 B\nstart\ndone 1\nend 2 Failed oops",
			fatal:    []int{0},
			cut:      1,
			undone:   []int{0, 1},
			warnings: []string{"Ambiguous 0"},
		},
		{
			name:     "caught, cleared up in vain and thrown again",
			text:     "start\nact 0 Pay\nstart\nfail 0\nact 1 Refund\nstart\nfail 1\nend 2 Failed Pay_failed",
			fatal:    []int{1},
			cut:      replay.NoCut,
			undone:   []int{1},
			warnings: []string{"Ambiguous 0"},
		},
		{
			name:     "the code does not fit",
			text:     "start\nact 0 A\nstart\nfail 0\nact 1 B\nstart\ndone 1\nact 2 New\nend 3 Failed Non-Deterministic_workflow_detected",
			fatal:    nil,
			cut:      replay.NoCut,
			undone:   []int{2},
			warnings: []string{"CodeChanged -1"},
		},
		{
			name:   "a chosen failure",
			text:   "start\nact 0 A\nact 1 B\nstart\nfail 1\nact 2 C\nstart\nfail 0\nact 3 D\nstart\nfail 3\nend 4 Failed D",
			opts:   replay.RewindOptions{FromEventID: &one},
			fatal:  []int{1, 0, 3},
			cut:    2,
			undone: []int{0, 1, 2, 3}, warnings: []string{"AnswerPending 2"},
		},
		{
			name:   "a call of an entity without an answer",
			text:   `` + "start\nsend 0 @e@k op {\"id\":\"1\"}\nsend 1 @e@k op {\"id\":\"2\",\"signal\":true}\nsend 2 @e@k op {\"id\":\"3\"}\nact 3 A\nstart\nevent 3\nstart\nfail 3\nend 4 Failed A",
			fatal:  []int{3},
			cut:    replay.NoCut,
			undone: []int{3}, warnings: []string{"AnswerLost 0"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rows := script(t, tt.text)
			for i := range rows {
				if rows[i].Result == "Non-Deterministic_workflow_detected" {
					rows[i].Result = "Non-Deterministic workflow detected: ..."
				}
			}
			plan, err := replay.PlanRewind(historyOf(t, rows), tt.opts)
			require.NoError(t, err)
			var fatal []int
			for _, f := range plan.Fatal {
				fatal = append(fatal, f.Action.EventID)
				require.NotEmpty(t, f.Why)
			}
			require.Equal(t, tt.fatal, fatal)
			require.Equal(t, tt.cut, plan.Cut)
			require.Equal(t, tt.undone, ids(plan.Undone))
			require.Equal(t, tt.warnings, codes(plan))
		})
	}
}

// A child that failed above the cut may come back under another event ID, so it cannot keep its place.
func TestPlanRewindChildAboveCut(t *testing.T) {
	t.Parallel()
	rows := script(t, `
		start
		act 0 A
		act 1 B
		child 2 D d-1
		start
		fail 0
		timer 3 2026-01-02T02:00:00Z
		start
		done 1
		child 4 C c-1
		start
		childfail 2
		start
		fired 3
		start
		childfail 4
		end 5 Failed C`)
	plan, err := replay.PlanRewind(historyOf(t, rows), replay.RewindOptions{})
	require.NoError(t, err)
	require.Equal(t, 3, plan.Cut)
	require.Equal(t, []int{0, 3, 4}, ids(plan.Undone))
	require.Equal(t, []replay.Child{{EventID: 2, Name: "D", InstanceID: "d-1"}}, plan.Children)
	require.Equal(t, []string{"StartsAgain 4"}, codes(plan))
	changed := apply(t, rows, plan.Changes)
	require.Equal(t, "SubOrchestrationInstanceCreated", changed[3].Type)
	require.Equal(t, "Rewound: SubOrchestrationInstanceCreated", changed[3].Reason)
	require.Equal(t, "GenericEvent", changed[9].Type)
}
