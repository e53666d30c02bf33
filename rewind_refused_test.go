package durable_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/wire"
)

// What the reference refuses, and what it lets pass.
func TestRewindRefusedAsRecorded(t *testing.T) {
	t.Parallel()
	r := golden.Load(t, "v2/rewind-refused")
	onDump(t, r.Dumps["before"], func(t *testing.T, f *fixture) {
		for id, want := range map[string]error{
			"rr-done": durable.ErrInvalidState, "rr-running": durable.ErrInvalidState, "rr-nobody": durable.ErrInstanceNotFound,
		} {
			plan, err := f.Rewind(t.Context(), id, "why not", nil)
			require.ErrorIs(t, err, want)
			require.Nil(t, plan)
			_, err = f.PlanRewind(t.Context(), id, nil)
			require.ErrorIs(t, err, want)
		}
		plan, err := f.Rewind(t.Context(), "rr-orchestrator-threw", "why not", nil)
		require.NoError(t, err)
		require.Empty(t, plan.Instances[0].Fatal, "it failed by itself")
		require.Empty(t, golden.Diff(edited(r.Dumps["after"], onceRewound), f.dump(t), sameHub))
	})
}

func TestRewindStates(t *testing.T) {
	t.Parallel()
	const failed = "start\nact 0 A\nstart\nfail 0\nend 1 "
	tests := []struct {
		status, script string
		rewind, reset  error
	}{
		{wire.StatusFailed, failed + "Failed broken", nil, nil},
		{wire.StatusCompleted, "start\nact 0 A\nstart\ndone 0\nend 1 Completed", durable.ErrInvalidState, nil},
		{wire.StatusTerminated, "start\nact 0 A\nstart\ndone 0\nstart\nkill\nend 1 Terminated", durable.ErrInvalidState, nil},
		{"Canceled", failed + "Canceled", durable.ErrInvalidState, nil},
		{wire.StatusRunning, "start\nact 0 A", durable.ErrInvalidState, durable.ErrInvalidState},
		{"Suspended", "start\nact 0 A", durable.ErrInvalidState, durable.ErrInvalidState},
		{"ContinuedAsNew", "start\nact 0 A", durable.ErrInvalidState, durable.ErrInvalidState},
		{wire.StatusPending, "start\nact 0 A", durable.ErrInvalidState, durable.ErrInvalidState},
		{"Unheard-of", failed + "Failed broken", durable.ErrInvalidState, durable.ErrInvalidState},
		// A row that says Failed a moment before the worker that has taken the instance up writes it again.
		{wire.StatusFailed, failed + "Failed broken\nstart\nwake", durable.ErrInvalidState, durable.ErrInvalidState},
		// Something other than a rewind has made it Pending.
		{wire.StatusPending, failed + "Failed broken", durable.ErrInvalidState, durable.ErrInvalidState},
	}
	for i, tt := range tests {
		t.Run(fmt.Sprint(i, " ", tt.status), func(t *testing.T) {
			t.Parallel()
			for name, do := range map[string]call{"rewind": rewindCall("a", nil), "reset": resetCall("a", 1)} {
				f := inMemoryAt(t, clocks["soon after"])
				f.forge(t, "a", tt.status, called{}, tt.script)
				before := f.dump(t)
				f.traffic.reset()
				want := map[string]error{"rewind": tt.rewind, "reset": tt.reset}[name]
				err := do(t.Context(), f.OrchestrationClient)
				if want == nil {
					require.NoError(t, err)
					continue
				}
				require.ErrorIs(t, err, want)
				var e *durable.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, durable.RuntimeStatus(tt.status), e.Status)
				require.Zero(t, f.writes())
				require.Empty(t, golden.Diff(before, f.dump(t), golden.Options{KeepTimes: true}))
			}
		})
	}
}

func TestRewindArguments(t *testing.T) {
	t.Parallel()
	f := inMemoryAt(t, clocks["soon after"])
	f.failedTree(t, loneTree)
	f.traffic.reset()
	from := func(id int) *durable.RewindOptions { return &durable.RewindOptions{FromEventID: &id} }
	sent := map[string]call{
		"unknown event":           rewindCall("a", from(7)),
		"event that did not fail": rewindCall("a", from(0)),
		"negative event":          rewindCall("a", from(-1)),
		"reset to an unknown one": resetCall("a", 7),
		"reset to a negative one": resetCall("a", -1),
	}
	elsewhere := openKnown(t, newHubName())
	for name, do := range sent {
		require.ErrorIs(t, do(t.Context(), f.OrchestrationClient), durable.ErrInvalidArgument, name)
	}
	require.ErrorIs(t, rewindCall("a", nil)(t.Context(), elsewhere.OrchestrationClient), durable.ErrTaskHubNotFound)
	require.ErrorIs(t, resetCall("a", 0)(t.Context(), elsewhere.OrchestrationClient), durable.ErrTaskHubNotFound)
	require.ErrorIs(t, resetCall("nobody", 0)(t.Context(), f.OrchestrationClient), durable.ErrInstanceNotFound)
	require.Zero(t, f.writes())

	f.traffic.reset()
	reason := func(reason string) call {
		return func(ctx context.Context, c *durable.OrchestrationClient) error {
			_, err := c.Rewind(ctx, "a", reason, nil)
			_, again := c.Reset(ctx, "a", 0, reason, &durable.ResetOptions{Force: true})
			require.ErrorIs(t, again, durable.ErrInvalidArgument)
			return err
		}
	}
	for name, do := range map[string]call{
		"empty":                           rewindCall("", nil),
		"entity":                          rewindCall("@counter@x", nil),
		"reset of an entity":              resetCall("@counter@x", 0),
		"reason that is not UTF-8":        reason("\xff"),
		"reason too long for the History": reason(strings.Repeat("x", 30_721)),
	} {
		require.ErrorIs(t, do(t.Context(), f.OrchestrationClient), durable.ErrInvalidArgument, name)
	}
	require.Zero(t, f.traffic.count(), "nothing was sent")
}

// A plan with a warning is returned and not carried out.
func TestRewindUnsafe(t *testing.T) {
	t.Parallel()
	const finally = "start\nact 0 A\nstart\nfail 0\nsend 1 @stock@7\nend 2 Failed broken"
	f := inMemoryAt(t, clocks["soon after"])
	f.forge(t, "a", wire.StatusFailed, called{}, finally)
	f.traffic.reset()
	for name, do := range map[string]func(force bool) (*durable.RewindPlan, error){
		"rewind": func(force bool) (*durable.RewindPlan, error) {
			return f.Rewind(t.Context(), "a", "repaired", &durable.RewindOptions{Force: force})
		},
		"reset": func(force bool) (*durable.RewindPlan, error) {
			return f.Reset(t.Context(), "a", 1, "repaired", &durable.ResetOptions{Force: force})
		},
	} {
		plan, err := do(false)
		require.ErrorIs(t, err, durable.ErrRewindUnsafe, name)
		require.ErrorContains(t, err, "SentAgain")
		require.Equal(t, "SentAgain", plan.Instances[0].Warnings[0].Code)
		require.Equal(t, 1, plan.Instances[0].Warnings[0].EventID)
		require.Len(t, plan.Warnings(), len(plan.Instances[0].Warnings))
		require.Zero(t, f.writes(), name)
	}
	plan, err := f.Rewind(t.Context(), "a", "repaired", &durable.RewindOptions{Force: true})
	require.NoError(t, err)
	require.NotEmpty(t, plan.Warnings())
	require.Equal(t, map[string]int{"a": 1}, f.wakes(t))
}

func TestRewindFromEventID(t *testing.T) {
	t.Parallel()
	const script = "start\nact 0 A\nstart\nfail 0\nact 1 Compensate\nstart\ndone 1\nact 2 B\nstart\nfail 2\nend 3 Failed broken"
	f := inMemoryAt(t, clocks["soon after"])
	f.forge(t, "a", wire.StatusFailed, called{}, script)
	plan, err := f.PlanRewind(t.Context(), "a", nil)
	require.NoError(t, err)
	require.Len(t, plan.Instances[0].Fatal, 1)
	require.Equal(t, 2, plan.Instances[0].Fatal[0].EventID)
	require.Empty(t, plan.Instances[0].Rerun)

	first := 0
	plan, err = f.Rewind(t.Context(), "a", "repaired", &durable.RewindOptions{FromEventID: &first})
	require.NoError(t, err)
	require.Equal(t, []durable.PlannedAction{{EventID: 1, Type: durable.EventTaskScheduled, Name: "Compensate"}}, plan.Instances[0].Rerun)
	require.Equal(t, strings.Fields("OrchestratorStarted ExecutionStarted GenericEvent(TaskScheduled) OrchestratorStarted "+
		"GenericEvent(TaskFailed) GenericEvent(TaskScheduled) OrchestratorStarted GenericEvent(TaskCompleted) "+
		"GenericEvent(TaskScheduled) OrchestratorStarted GenericEvent(TaskFailed) GenericEvent(ExecutionCompleted)"), f.events(t, "a"))

	// It is Pending now, and was not rewound so.
	f.traffic.reset()
	_, err = f.Rewind(t.Context(), "a", "repaired", nil)
	require.ErrorIs(t, err, durable.ErrInvalidState)
	require.Zero(t, f.writes())
}

// An interrupted attempt that is finished later is planned as of then: a timer that has fired since was not thrown away.
func TestRewindRepeatedLater(t *testing.T) {
	t.Parallel()
	for clock, start := range clocks {
		t.Run(clock, func(t *testing.T) {
			t.Parallel()
			f := inMemoryAt(t, start)
			due := int(start.Sub(forgedTime).Seconds()) + 60
			f.forge(t, "a", wire.StatusFailed, called{}, fmt.Sprintf("start\ntimer 0 %d\nact 1 A\nstart\nfail 1\nend 2 Failed broken", due))
			require.NoError(t, rewindCall("a", nil)(t.Context(), f.OrchestrationClient))
			want := f.events(t, "a")
			require.Equal(t, wire.TimerCreated, want[2])

			later := f.client(t, func() time.Time { return start.Add(time.Hour) })
			require.NoError(t, rewindCall("a", nil)(t.Context(), later))
			require.Equal(t, want, f.events(t, "a"))
			require.Equal(t, map[string]int{"a": 2}, f.wakes(t))
		})
	}
}

// Once a worker has taken an instance up, a repeat does nothing to it.
func TestRewindTakenUp(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]call{"rewind": rewindCall("a", nil), "reset": resetCall("a", 1)} {
		f := inMemoryAt(t, clocks["soon after"])
		f.failedTree(t, loneTree)
		require.NoError(t, do(t.Context(), f.OrchestrationClient), name)
		f.takeUp(t, "a")
		f.traffic.reset()
		require.ErrorIs(t, do(t.Context(), f.OrchestrationClient), durable.ErrInvalidState, name)
		f.setState(t, "a", durable.RuntimeStatusPending) // the worker's history is written before its row
		require.ErrorIs(t, do(t.Context(), f.OrchestrationClient), durable.ErrInvalidState, name)
		require.Zero(t, f.writes(), name)
	}
}

// A history that another client's rewind has broken is refused, with a hint, and healed if asked for.
func TestRewindHeals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, instance string
		broken, before *golden.Dump
	}{
		{"retries", "rw-retry", golden.Load(t, "v2/rewind-after-retries").Dumps["later"], golden.Load(t, "v2/rewind-after-retries").Dumps["failed"]},
		{"handled", "rw-handled", golden.Load(t, "v2/rewind-after-handled").Dumps["later"], golden.Load(t, "v2/rewind-after-handled").Dumps["failed"]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			onDump(t, tt.broken, func(t *testing.T, f *fixture) {
				_, err := f.Rewind(t.Context(), tt.instance, "repaired", &durable.RewindOptions{Force: true})
				require.ErrorIs(t, err, durable.ErrInvalidState)
				require.ErrorContains(t, err, "RewindOptions.Heal")
				_, err = f.Reset(t.Context(), tt.instance, 0, "repaired", &durable.ResetOptions{Force: true})
				require.ErrorIs(t, err, durable.ErrInvalidState)
				require.ErrorContains(t, err, "RewindOptions.Heal")

				heal := &durable.RewindOptions{Heal: true}
				plan, err := f.Rewind(t.Context(), tt.instance, "repaired", heal)
				require.ErrorIs(t, err, durable.ErrRewindUnsafe)
				require.Contains(t, plan.String(), "TextLost")
				heal.Force = true
				_, err = f.Rewind(t.Context(), tt.instance, "repaired", heal)
				require.NoError(t, err)
				require.Equal(t, map[string]int{tt.instance: 1}, f.wakes(t))

				// The rows are those of a rewind by cause that came first, but for the texts of the failures that are lost.
				first := loaded(t, tt.before)
				_, err = first.Rewind(t.Context(), tt.instance, "repaired", nil)
				require.NoError(t, err)
				want, have := first.events(t, tt.instance), f.events(t, tt.instance)
				require.Equal(t, want, have[:len(want)])
				for _, later := range have[len(want):] {
					require.NotContains(t, []string{wire.TaskScheduled, wire.ExecutionCompleted}, later)
				}

				_, err = f.Rewind(t.Context(), tt.instance, "repaired", heal)
				require.NoError(t, err, "a repeat")
				require.Equal(t, map[string]int{tt.instance: 2}, f.wakes(t))
			})
		})
	}
}
