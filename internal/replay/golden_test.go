package replay_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/replay"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// rowsOf returns the current execution of every instance of a dump.
func rowsOf(t *testing.T, dump *golden.Dump) map[string][]wire.Event {
	t.Helper()
	byKey := map[string][]wire.Event{}
	execution := map[string]string{}
	for name, table := range dump.Tables {
		if !strings.HasSuffix(name, "History") {
			continue
		}
		for i := range table {
			row := &table[i]
			if row.RowKey == wire.SentinelKey {
				execution[row.PartitionKey] = row.Text(wire.ColExecutionID)
				continue
			}
			byKey[row.PartitionKey] = append(byKey[row.PartitionKey], decode(t, row))
		}
	}
	for key, rows := range byKey {
		byKey[key] = replay.Current(rows, execution[key])
	}
	return byKey
}

func historyOf(t *testing.T, rows []wire.Event) *replay.History {
	t.Helper()
	h, err := replay.New(rows)
	require.NoError(t, err)
	return h
}

// rewindTree plans for an instance and for the children that must be rewound with it.
func rewindTree(t *testing.T, rows map[string][]wire.Event, id string, opts replay.RewindOptions, plans map[string]*replay.Plan) {
	t.Helper()
	plan, err := replay.PlanRewind(historyOf(t, rows[id]), opts)
	require.NoError(t, err, id)
	plans[id] = plan
	for _, c := range plan.Children {
		rewindTree(t, rows, c.InstanceID, opts, plans)
	}
}

func requireRows(t *testing.T, want, got []wire.Event) {
	t.Helper()
	require.Len(t, got, len(want))
	require.Empty(t, difference(texts(want), texts(got)))
}

// Where every failure was fatal, a rewind by cause changes what the .NET client changes.
func TestPlanRewindAsDotNet(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, instance string }{
		{"v2/rewind-activity", "rw-1"},
		{"v2/rewind-twice", "rw-2"},
		{"v2/rewind-parent", "rw-p"},
		{"v2/rewind-two-children", "rw-2c"},
		{"v2/rewind-grandparent", "rw-g"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := golden.Load(t, tt.name)
			rows := rowsOf(t, r.Dumps["failed"])
			plans := map[string]*replay.Plan{}
			rewindTree(t, rows, tt.instance, replay.RewindOptions{}, plans)
			for id, want := range rowsOf(t, r.Dumps["rewind-asked"]) {
				got := rows[id]
				if plan := plans[id]; plan != nil {
					require.Empty(t, plan.Warnings)
					require.Equal(t, replay.NoCut, plan.Cut)
					got = apply(t, got, plan.Changes)
				}
				// The second rewind of the .NET client wrote over the Reason of the first end.
				for i := range want {
					if want[i].Reason == "Rewound: GenericEvent" {
						want[i] = got[i]
					}
				}
				requireRows(t, want, got)
			}
		})
	}
}

type causal struct {
	Root      string `json:"causal-rewind"`
	Instances []struct {
		Instance string `json:"instance"`
		Rewound  []struct {
			Row string `json:"row"`
		} `json:"rewound"`
	} `json:"instances"`
}

func TestPlanRewindByCause(t *testing.T) {
	t.Parallel()
	r := golden.Load(t, "v2/rewind-causal")
	failed, asked := rowsOf(t, r.Dumps["failed"]), rowsOf(t, r.Dumps["rewind-asked"])
	opts := replay.RewindOptions{Now: time.Date(2026, 11, 22, 6, 59, 18, 0, time.UTC)}
	n := 0
	for _, s := range r.Steps {
		var step causal
		require.NoError(t, json.Unmarshal(s.Raw, &step))
		if step.Root == "" {
			continue
		}
		n++
		plans := map[string]*replay.Plan{}
		rewindTree(t, failed, step.Root, opts, plans)
		require.Len(t, plans, len(step.Instances), step.Root)
		for _, i := range step.Instances {
			plan := plans[i.Instance]
			require.NotNil(t, plan, i.Instance)
			var want, got []string
			for _, row := range i.Rewound {
				want = append(want, row.Row)
			}
			for _, c := range plan.Changes {
				got = append(got, c.Row.RowKey)
			}
			require.ElementsMatch(t, want, got, i.Instance)
			requireRows(t, asked[i.Instance], apply(t, failed[i.Instance], plan.Changes))
			// Only where branches fail side by side does what happened allow of another reading.
			require.Equal(t, i.Instance == "c-BranchesThenFails", warned(plan, replay.Ambiguous), i.Instance)
		}
	}
	require.Equal(t, 13, n)
	plan, err := replay.PlanRewind(historyOf(t, failed["c-SagaFails"]), opts)
	require.NoError(t, err)
	require.Equal(t, 15, plan.Cut)
	require.Len(t, plan.Fatal, 1)
	require.Equal(t, 14, plan.Fatal[0].Action.EventID)
	require.Empty(t, plan.Rerun)
	plan, err = replay.PlanRewind(historyOf(t, failed["c-CatchesAndRethrows"]), opts)
	require.NoError(t, err)
	require.Len(t, plan.Rerun, 1)
	require.Equal(t, "SayHello", plan.Rerun[0].Name)
}

// A rewind of the .NET client that has not been acted upon is put right; one that has is healed.
func TestPlanHealRecorded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, instance string }{
		{"v2/rewind-after-retries", "rw-retry"},
		{"v2/rewind-after-handled", "rw-handled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := golden.Load(t, tt.name)
			failed := rowsOf(t, r.Dumps["failed"])[tt.instance]
			plan, err := replay.PlanRewind(historyOf(t, failed), replay.RewindOptions{})
			require.NoError(t, err)
			want := withoutReasons(apply(t, failed, plan.Changes))

			asked := rowsOf(t, r.Dumps["rewind-asked"])[tt.instance]
			plan, err = replay.PlanRewind(historyOf(t, asked), replay.RewindOptions{})
			require.NoError(t, err)
			require.True(t, warned(plan, replay.TextLost))
			require.Empty(t, difference(want, withoutReasons(apply(t, asked, plan.Changes))))

			broken := rowsOf(t, r.Dumps["later"])[tt.instance]
			require.True(t, replay.IsBroken(historyOf(t, broken)))
			_, err = replay.PlanRewind(historyOf(t, broken), replay.RewindOptions{})
			require.ErrorIs(t, err, replay.ErrBroken)
			_, err = replay.PlanReset(historyOf(t, broken), replay.ResetOptions{})
			require.ErrorIs(t, err, replay.ErrBroken)
			for _, rows := range [][]wire.Event{broken, copied(broken)} {
				requireHealed(t, rows, want)
			}
		})
	}
}

func requireHealed(t *testing.T, broken []wire.Event, want []string) {
	t.Helper()
	plan, err := replay.PlanHeal(historyOf(t, broken), replay.RewindOptions{})
	require.NoError(t, err)
	require.True(t, warned(plan, replay.TextLost))
	healed := apply(t, broken, plan.Changes)
	require.Empty(t, difference(want, withoutReasons(healed[:len(want)])))
	for _, ev := range healed[len(want):] {
		require.NotContains(t, []string{wire.TaskScheduled, wire.ExecutionCompleted}, ev.Type)
	}
	for k := range plan.Changes {
		part := apply(t, broken, plan.Changes[:k])
		again, err := replay.PlanHeal(historyOf(t, part), replay.RewindOptions{})
		require.NoError(t, err)
		require.Empty(t, difference(texts(healed), texts(apply(t, part, again.Changes))))
	}
	// The end of the failed replay is still there to be seen, but there is nothing left to write.
	again, err := replay.PlanHeal(historyOf(t, healed), replay.RewindOptions{})
	require.NoError(t, err)
	require.Empty(t, again.Changes)
}

// withoutReasons leaves out what a heal cannot restore.
func withoutReasons(rows []wire.Event) []string {
	rows = slices.Clone(rows)
	for i := range rows {
		rows[i].Row = rows[i].Row.Clone()
		if rows[i].Type == wire.TaskFailed {
			rows[i].Row.Set(wire.ColReason, storage.StringValue(""))
		}
	}
	return texts(rows)
}

func TestPlanResetRecorded(t *testing.T) {
	t.Parallel()
	r := golden.Load(t, "v2/reset")
	finished, asked := rowsOf(t, r.Dumps["finished"]), rowsOf(t, r.Dumps["reset-asked"])
	n := 0
	for _, s := range r.Steps {
		var step struct {
			Reset   string `json:"reset"`
			EventID int    `json:"fromEventId"`
		}
		require.NoError(t, json.Unmarshal(s.Raw, &step))
		if step.Reset == "" {
			continue
		}
		n++
		rows := finished[step.Reset]
		plan, err := replay.PlanReset(historyOf(t, rows), replay.ResetOptions{EventID: step.EventID})
		require.NoError(t, err)
		requireRows(t, asked[step.Reset], apply(t, rows, plan.Changes))
		for k := range len(plan.Changes) + 1 {
			part := apply(t, rows, plan.Changes[:k])
			again, err := replay.PlanReset(historyOf(t, part), replay.ResetOptions{EventID: step.EventID})
			require.NoError(t, err)
			requireRows(t, asked[step.Reset], apply(t, part, again.Changes))
			require.Len(t, again.Changes, len(plan.Changes)-k)
		}
	}
	require.Equal(t, 5, n)
	plan, err := replay.PlanReset(historyOf(t, finished["rs-parent"]), replay.ResetOptions{})
	require.NoError(t, err)
	require.True(t, warned(plan, replay.StartsAgain))
	require.Len(t, plan.Rerun, 3)
	plan, err = replay.PlanReset(historyOf(t, finished["rs-parent-child"]), replay.ResetOptions{})
	require.NoError(t, err)
	require.True(t, warned(plan, replay.ParentAnswered))
}

// A child that is gone cannot be seen in the parent; that its parent was half rewound does no harm.
func TestPlanRewindPurgedChild(t *testing.T) {
	t.Parallel()
	r := golden.Load(t, "v2/rewind-purged-child")
	before, after := rowsOf(t, r.Dumps["child-purged"])["rw-o"], rowsOf(t, r.Dumps["rewind-asked"])["rw-o"]
	plan, err := replay.PlanRewind(historyOf(t, before), replay.RewindOptions{})
	require.NoError(t, err)
	require.Equal(t, []replay.Child{{EventID: 1, Name: "FailsUntilFixed", InstanceID: "rw-o-child"}}, plan.Children)
	again, err := replay.PlanRewind(historyOf(t, after), replay.RewindOptions{})
	require.NoError(t, err)
	require.Equal(t, plan.Children, again.Children)
	require.Len(t, again.Changes, len(plan.Changes)-1)
	requireRows(t, apply(t, before, plan.Changes), apply(t, after, again.Changes))
}

// Every history that was recorded can be read, and planned for if it has ended.
func TestRecordedHistories(t *testing.T) {
	t.Parallel()
	met := map[string]int{}
	for _, engine := range golden.Engines() {
		for _, name := range golden.Names(engine) {
			for label, dump := range golden.Load(t, engine+"/"+name).Dumps {
				for id, rows := range rowsOf(t, dump) {
					met[tryAll(t, rows, engine+"/"+name+"/"+label+"/"+id)]++
				}
			}
		}
	}
	for _, status := range []string{"", wire.StatusCompleted, wire.StatusFailed, wire.StatusTerminated} {
		require.NotZero(t, met[status], status)
	}
}

func tryAll(t *testing.T, rows []wire.Event, name string) string {
	t.Helper()
	h, err := replay.New(rows)
	require.NoError(t, err, name)
	plan, err := replay.PlanReset(h, replay.ResetOptions{})
	if h.End() == nil {
		if err != nil {
			require.ErrorIs(t, err, replay.ErrNotEnded, name)
		}
		return ""
	}
	if replay.IsBroken(h) {
		_, err = replay.PlanHeal(h, replay.RewindOptions{})
		require.NoError(t, err, name)
		return "broken"
	}
	require.NoError(t, err, name)
	_, err = replay.PlanRewind(h, replay.RewindOptions{})
	if h.End().Status == wire.StatusFailed {
		require.NoError(t, err, name)
	} else {
		require.ErrorIs(t, err, replay.ErrNotFailed, name)
	}
	return plan.End.Status
}
