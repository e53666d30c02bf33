package replay_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/replay"
	"github.com/go-durable/durable/internal/wire"
)

func TestCurrent(t *testing.T) {
	t.Parallel()
	row := func(key, execution string) wire.Event { return wire.Event{RowKey: key, ExecutionID: execution} }
	now := []wire.Event{row("00", "new"), row("01", "new")}
	tests := []struct {
		name, execution string
		rows, want      []wire.Event
	}{
		{"only the sentinel", "new", []wire.Event{row(wire.SentinelKey, "new")}, []wire.Event{}},
		{"one execution", "new", append(now, row(wire.SentinelKey, "new")), now},
		{"stale rows before the sentinel", "new", append(now, row("02", "old"), row(wire.SentinelKey, "new")), now},
		{"the current execution comes again", "new", append(now, row("02", "old"), row("03", "new")), now},
		{"no sentinel", "", append(now, row("02", "old")), now},
		{"not begun yet", "newest", append(now, row(wire.SentinelKey, "newest")), []wire.Event{}},
		{"nothing", "", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, replay.Current(tt.rows, tt.execution))
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	_, err := replay.New(nil)
	require.ErrorIs(t, err, replay.ErrEmpty)
	tests := map[string]string{
		"two actions with one ID":     "start\nact 0 A\nact 0 B",
		"a completion of nothing":     "start\nact 0 A\nstart\ndone 1",
		"a completion before its act": "start\ndone 0\nact 0 A",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := replay.New(script(t, text))
			require.ErrorIs(t, err, replay.ErrCorrupt)
		})
	}
	t.Run("two executions", func(t *testing.T) {
		t.Parallel()
		rows := script(t, "start\nact 0 A")
		rows[1].ExecutionID = "y"
		_, err := replay.New(rows)
		require.ErrorIs(t, err, replay.ErrCorrupt)
	})
	t.Run("not in order", func(t *testing.T) {
		t.Parallel()
		rows := script(t, "start\nact 0 A")
		rows[0], rows[1] = rows[1], rows[0]
		_, err := replay.New(rows)
		require.ErrorIs(t, err, replay.ErrCorrupt)
	})
}

func TestHistoryActions(t *testing.T) {
	t.Parallel()
	h := historyOf(t, script(t, `
		start
		began
		act 0 A
		act 1 B
		timer 2 2026-01-02T03:04:05Z
		send 3 @e@k op {}
		child 4 C c-1
		start
		done 0
		done 0
		fail 1 boom`))
	require.Equal(t, []int{0, 1, 2, 3, 4}, ids(h.Actions()))
	require.Equal(t, []int{2, 4}, ids(h.Open()))
	require.Nil(t, h.Action(5))
	a := h.Action(0)
	require.True(t, a.Succeeded())
	require.Len(t, a.Completions, 2)
	require.True(t, h.Action(1).Failed())
	require.Equal(t, 0, a.Episode)
	require.Nil(t, h.End())
	require.Equal(t, wire.ExecutionStarted, h.Start().Type)
	require.Len(t, h.Rows(), 11)
}

func TestHistoryRecordedOpen(t *testing.T) {
	t.Parallel()
	dead := rowsOf(t, golden.Load(t, "v2/killed-host").Dumps["dead"])
	open := historyOf(t, dead["kill-1"]).Open()
	require.Len(t, open, 1)
	require.Equal(t, "Slow", open[0].Name)
	require.Empty(t, historyOf(t, dead["kill-2"]).Open())

	detached := historyOf(t, rowsOf(t, golden.Load(t, "v2/detached").Dumps["completed"])["det"])
	require.Equal(t, []int{0}, ids(detached.Open()))
	require.Equal(t, "det-detached", detached.Open()[0].InstanceID)
	plan, err := replay.PlanReset(detached, replay.ResetOptions{EventID: 1})
	require.NoError(t, err)
	require.Equal(t, []replay.Child{{EventID: 0, Name: "HelloSequence", InstanceID: "det-detached"}}, plan.OpenChildren)
}
