package replay_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/replay"
	"github.com/go-durable/durable/internal/wire"
)

// extend appends the rows of a script.
func extend(t *testing.T, rows []wire.Event, text string) []wire.Event {
	t.Helper()
	for _, ev := range script(t, text) {
		rows = appendRow(t, rows, ev)
	}
	return rows
}

// An instance that was rewound by cause, failed again, and was then broken: what the first rewind took back stays so,
// what it left standing stands again. Nothing tells when these rows were written.
func TestPlanHealRewoundBefore(t *testing.T) {
	t.Parallel()
	rows := script(t, `
		start
		child 0 C c-0
		start
		childfail 0
		act 1 A
		start
		fail 1
		end 2 Failed A`)
	plan, err := replay.PlanRewind(historyOf(t, rows), replay.RewindOptions{})
	require.NoError(t, err)
	require.Equal(t, []int{1}, ids(plan.Undone))
	rows = extend(t, apply(t, rows, plan.Changes), "start\ngeneric -1\nact 1 A\nstart\nfail 1\nend 2 Failed A")

	again, err := replay.PlanRewind(historyOf(t, rows), replay.RewindOptions{})
	require.NoError(t, err)
	require.Empty(t, again.Warnings)
	want := apply(t, rows, again.Changes)

	broken := extend(t, dotNet(t, rows), "start\ngeneric -1\nend 0 Failed x")
	broken[len(broken)-1].Result = "Non-Deterministic workflow detected: ..."
	plan, err = replay.PlanHeal(historyOf(t, broken), replay.RewindOptions{})
	require.NoError(t, err)
	require.Equal(t, []int{1}, ids(plan.Undone))
	require.Empty(t, plan.Children)
	healed := apply(t, broken, plan.Changes)
	for i := range want {
		require.Equal(t, want[i].Type, healed[i].Type, i)
	}
}

// A run that got on for a while and then did not fit its code was not broken by the rewind before it.
func TestIsBroken(t *testing.T) {
	t.Parallel()
	rewound := "start\nact 0 A\nstart\nfail 0\nend 1 Failed A\n"
	tests := []struct {
		name, text string
		want       bool
	}{
		{"at once", "start\ngeneric -1\nend 1 Failed x", true},
		{"later", "start\ngeneric -1\nact 0 A\nstart\ndone 0\nend 1 Failed x", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rows := extend(t, dotNet(t, script(t, rewound)), tt.text)
			require.False(t, replay.IsBroken(historyOf(t, rows)))
			rows[len(rows)-1].Result = "Non-Deterministic workflow detected: ..."
			require.Equal(t, tt.want, replay.IsBroken(historyOf(t, rows)))
		})
	}
	require.False(t, replay.IsBroken(historyOf(t, script(t, "start"))))
}

// A fatal child that answered into the failed replay of a rewind has given the answer that was wanted.
func TestPlanHealKeepsAnswer(t *testing.T) {
	t.Parallel()
	rows := script(t, `
		start
		child 0 C c-0
		start
		childfail 0
		timer 1 2026-01-02T02:00:00Z
		start
		fired 1
		child 2 C c-2
		start
		childfail 2
		timer 3 2026-01-02T02:00:00Z
		start
		fired 3
		end 4 Failed C`)
	failed, err := replay.PlanRewind(historyOf(t, rows), replay.RewindOptions{})
	require.NoError(t, err)
	require.Equal(t, []replay.Child{{EventID: 2, Name: "C", InstanceID: "c-2"}}, failed.Children)
	tests := []struct {
		name, text string
		children   []replay.Child
		kept       string
	}{
		{"another child", "start\nchilddone 0\nend 1 Failed x", failed.Children, wire.GenericEvent},
		{"the fatal child", "start\nchilddone 2\nend 1 Failed x", nil, wire.SubOrchestrationInstanceCompleted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			broken := extend(t, dotNet(t, rows), tt.text)
			broken[len(broken)-1].Result = "Non-Deterministic workflow detected: ..."
			plan, err := replay.PlanHeal(historyOf(t, broken), replay.RewindOptions{})
			require.NoError(t, err)
			require.Equal(t, tt.children, plan.Children)
			require.Equal(t, tt.kept, apply(t, broken, plan.Changes)[len(rows)+1].Type)
		})
	}
}
