package replay_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/replay"
)

func TestPlanReset(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	tests := []struct {
		name, text string
		opts       replay.ResetOptions
		undone     []int
		rerun      []int
		warnings   []string
	}{
		{
			name:   "completed",
			text:   "start\nact 0 A\nstart\ndone 0\nact 1 B\nstart\ndone 1\nend 2 Completed",
			opts:   replay.ResetOptions{EventID: 1},
			undone: []int{1}, rerun: []int{1},
		},
		{
			name: "the end alone",
			text: "start\nact 0 A\nstart\ndone 0\nend 1 Completed",
			opts: replay.ResetOptions{EventID: 1},
		},
		{
			name:   "terminated, and the activity has answered since",
			text:   "start\nact 0 A\nstart\nkill\nend 1 Terminated",
			opts:   replay.ResetOptions{EventID: 1},
			undone: []int{0},
		},
		{
			name:     "completed without waiting for an activity",
			text:     "start\nact 0 A\nact 1 B\nstart\ndone 1\nend 2 Completed",
			opts:     replay.ResetOptions{EventID: 1},
			undone:   []int{1},
			rerun:    []int{1},
			warnings: []string{"AnswerLost 0"},
		},
		{
			name:     "a failure that stays",
			text:     "start\nact 0 A\nstart\nfail 0\nact 1 B\nstart\ndone 1\nend 2 Failed x",
			opts:     replay.ResetOptions{EventID: 1},
			undone:   []int{1},
			rerun:    []int{1},
			warnings: []string{"FailureKept 0"},
		},
		{
			name:     "all kinds of actions",
			text:     "start\nbegan {}\ntimer 0 2026-01-02T02:00:00Z\nsend 1 @e@k op {}\nchild 2 C c-1\ntimer 3 2026-01-02T09:00:00Z\nstart\nfired 0\nstart\nsuspend\nstart\nkill\nend 4 Terminated",
			opts:     replay.ResetOptions{EventID: 0, Now: now},
			undone:   []int{0, 1, 2, 3},
			warnings: []string{"TimerFiresAtOnce 0", "SentAgain 1", "StartsAgain 2", "AnswerPending 2", "TimerPending 3", "StaysSuspended -1", "ParentAnswered -1"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			plan, err := replay.PlanReset(historyOf(t, script(t, tt.text)), tt.opts)
			require.NoError(t, err)
			require.Equal(t, tt.opts.EventID, plan.Cut)
			require.Equal(t, tt.undone, ids(plan.Undone))
			require.Equal(t, tt.rerun, ids(plan.Rerun))
			require.Equal(t, tt.warnings, codes(plan))
			require.Equal(t, "ExecutionCompleted", plan.Changes[len(plan.Changes)-1].Before.Type)
		})
	}
}

func TestPlanResetRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		id         int
		want       error
	}{
		{"running", "start\nact 0 A", 0, replay.ErrNotEnded},
		{"goes on as new", "start\nend 0 ContinuedAsNew", 0, replay.ErrNotEnded},
		{"unknown event", "start\nact 0 A\nstart\ndone 0\nend 1 Completed", 2, replay.ErrUnknownEvent},
		{"negative", "start\nend 0 Completed", -1, replay.ErrUnknownEvent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := replay.PlanReset(historyOf(t, script(t, tt.text)), replay.ResetOptions{EventID: tt.id})
			require.ErrorIs(t, err, tt.want)
		})
	}
}
