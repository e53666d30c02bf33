package operate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/operate"
)

// lostBeside returns a hub in which "x" waits for an activity that is lost, and for an event. During is called by the
// orchestrator when it has the event, while the host is at work on it.
func lostBeside(t *testing.T, during func(w *world)) *world {
	t.Helper()
	w := &world{hosted: durabletest.NewHub(t, &durabletest.Options{TaskHub: "Hub", PartitionCount: partitions})}
	w.scripts = durabletest.Scripts{"beside": {
		durabletest.Parallel{
			durabletest.Activity{Name: "S", Takes: time.Hour, Result: 1},
			durabletest.Script{
				durabletest.WaitForEvent{Name: "E"},
				durabletest.Decide(func(*durabletest.Progress) durabletest.Step {
					during(w)
					return durabletest.Activity{Name: "B", Result: 2}
				}),
			},
		},
		durabletest.Complete{Output: "both"},
	}}
	w.restart()
	w.raw = hook.Open(w.hosted.Client()).Hub
	fault := faultstore.Wrap(w.raw.Account, nil)
	c, err := hook.NewClient(fault.Account(), "Hub", taskhub.Options{Now: w.hosted.Now})
	require.NoError(t, err)
	w.hub = &hub{OrchestrationClient: c.(*durable.OrchestrationClient), Names: w.raw.Names, storage: w.raw.Account, fault: fault}
	_, err = w.StartNew(t.Context(), "beside", nil, &durable.StartNewOptions{InstanceID: "x"})
	require.NoError(t, err)
	w.host.RunUntilIdle()
	w.hosted.Advance(time.Hour)
	w.take(t, w.WorkItems(), "x")
	return w
}

// A host that writes a checkpoint between our look and our write makes us fail; we lose nothing, and neither does it.
func TestRepairBehindHost(t *testing.T) {
	t.Parallel()
	w := lostBeside(t, func(*world) {})
	f := diagnose(t, w.hub, nil)
	require.Equal(t, []string{"activity-lost x 0"}, brief(f))
	w.fault.SetHook(onCall("Batch", func() {
		require.NoError(t, w.hosted.Client().RaiseEvent(t.Context(), "x", "E", nil, nil))
		w.host.RunUntilIdle()
	}))
	_, err := repair(t, w.hub, f[0], operate.RepairOptions{}, true)
	require.ErrorIs(t, err, durable.ErrConflict)
	w.hosted.Advance(time.Hour)
	r, err := repair(t, w.hub, f[0], operate.RepairOptions{}, true)
	require.NoError(t, err)
	require.Equal(t, operate.OutcomeDone, r.Outcome)
	w.restart()
	w.host.Advance(2 * time.Hour)
	w.hosted.RequireStatus("x", durable.RuntimeStatusCompleted)
}

// A host that has read the history when we write, and writes its checkpoint after that, fails and reads again: otherwise
// it would put what it decided behind a history that it does not know.
func TestRepairBeforeHost(t *testing.T) {
	t.Parallel()
	done := 0
	w := lostBeside(t, func(w *world) {
		if done++; done > 1 {
			return
		}
		_, err := operate.Reschedule(t.Context(), w.OrchestrationClient, "x", 0, "again", nil)
		require.NoError(t, err)
	})
	require.NoError(t, w.RaiseEvent(t.Context(), "x", "E", nil, nil))
	_ = w.host.Host.RunUntilIdle(t.Context()) // says that it was beaten
	require.GreaterOrEqual(t, done, 1)
	w.host.Advance(2 * time.Hour)
	require.GreaterOrEqual(t, done, 2, "it has begun again")
	w.hosted.RequireStatus("x", durable.RuntimeStatusCompleted)
	i := inspect(t, w.hub, "x")
	require.Empty(t, i.Warnings)
}
