package operate_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

// world is a task hub with an app.
type world struct {
	*hub
	raw    *taskhub.Hub
	hosted *durabletest.TestHub
	host   *durabletest.TestHost
	// scripts is what the host runs.
	scripts durabletest.Scripts
	random  *rand.Rand
}

// restart puts another host in place of the one that was there, which keeps no history in memory.
func (w *world) restart() { w.host = w.hosted.NewHost(w.scripts, nil) }

// apps are orchestrators of all kinds. Nothing in them takes longer than a day.
func apps() durabletest.Scripts {
	large := make([]byte, 40_000)
	for i := range large {
		large[i] = 'x'
	}
	return durabletest.Scripts{
		"quick":    {durabletest.Activity{Name: "A", Result: 1}, durabletest.Complete{Output: "done"}},
		"slow":     {durabletest.Activity{Name: "S", Takes: 3 * time.Hour}, durabletest.Complete{Output: 1}},
		"sleeps":   {durabletest.Timer{Duration: 5 * time.Hour}, durabletest.Complete{}},
		"waits":    {durabletest.WaitForEvent{Name: "E"}, durabletest.Complete{}},
		"patient":  {durabletest.WaitForEvent{Name: "E", Timeout: 20 * time.Hour}, durabletest.Complete{}},
		"fails":    {durabletest.Activity{Name: "F", Failure: "no"}},
		"throws":   {durabletest.Fail{Reason: "it: failed"}},
		"parent":   {durabletest.SubOrchestration{Name: "quick"}, durabletest.SubOrchestration{Name: "slow"}, durabletest.Complete{}},
		"detaches": {durabletest.SubOrchestration{Name: "slow", Detached: true}, durabletest.WaitForEvent{Name: "E"}},
		"fans out": {durabletest.Parallel{
			durabletest.Activity{Name: "A"},
			durabletest.Activity{Name: "S", Takes: time.Hour},
			durabletest.Timer{Duration: time.Hour},
			durabletest.SubOrchestration{Name: "fails", Catch: true},
		}},
		"large": {durabletest.Activity{Name: "L", Result: string(large)}, durabletest.Complete{Output: string(large)}},
		"again": {durabletest.Decide(func(p *durabletest.Progress) durabletest.Step {
			if string(p.Input()) == "1" {
				return durabletest.Complete{}
			}
			return durabletest.ContinueAsNew{Input: 1}
		})},
	}
}

// newWorld makes a healthy hub: instances of all kinds in all states, some of them busy.
func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	tests := durabletest.NewHub(t, &durabletest.Options{TaskHub: "Hub", PartitionCount: partitions})
	w := &world{hosted: tests, scripts: apps(), random: rand.New(rand.NewPCG(seed, seed))}
	w.restart()
	w.raw = hook.Open(tests.Client()).Hub
	w.hub = &hub{OrchestrationClient: tests.Client(), Names: w.raw.Names, storage: w.raw.Account}
	names := []string{"quick", "slow", "sleeps", "waits", "patient", "fails", "throws", "parent", "detaches", "fans out", "large", "again"}
	for i := range 12 + w.random.IntN(12) {
		id := fmt.Sprintf("%s-%d", names[w.random.IntN(len(names))], i)
		w.start(t, id, 0)
		switch w.random.IntN(8) {
		case 0:
			w.host.RunUntilIdle()
			w.try(t, w.Suspend(t.Context(), id, "for now", nil))
		case 1:
			w.host.RunUntilIdle()
			w.try(t, w.Terminate(t.Context(), id, "enough", nil))
		case 2:
			w.start(t, "quick-later-"+id, 36*time.Hour)
		case 3:
			w.host.Advance(time.Duration(w.random.IntN(180)) * time.Minute)
		}
	}
	return w
}

// try passes over what a state does not allow.
func (w *world) try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		require.ErrorIs(t, err, durable.ErrInvalidState)
	}
}

// start starts an instance whose ID begins with its orchestrator's name.
func (w *world) start(t *testing.T, id string, later time.Duration) {
	t.Helper()
	name := ""
	for script := range apps() {
		if len(id) > len(script) && id[:len(script)+1] == script+"-" && len(script) > len(name) {
			name = script
		}
	}
	require.NotEmpty(t, name, id)
	opts := &durable.StartNewOptions{InstanceID: id}
	if later > 0 {
		opts.ScheduledStartTime = w.hosted.Now().Add(later)
	}
	_, err := w.StartNew(t.Context(), name, 0, opts)
	require.NoError(t, err)
}

// take removes the visible messages of a queue that are for an instance.
func (w *world) take(t *testing.T, queue, id string) {
	t.Helper()
	taken, err := w.storage.Queues.Dequeue(t.Context(), queue, 32, time.Minute)
	require.NoError(t, err)
	found := false
	for _, m := range taken {
		data, err := wire.DecodeText(m.Text)
		require.NoError(t, err)
		decoded, err := wire.DecodeMessage(data)
		require.NoError(t, err)
		if decoded.InstanceID == id {
			found = true
			require.NoError(t, w.storage.Queues.Remove(t.Context(), queue, m))
			continue
		}
		require.NoError(t, w.storage.Queues.Release(t.Context(), queue, m, 0))
	}
	require.True(t, found, "no message for %s in %s", id, queue)
}

// merge changes the row of an instance.
func (w *world) merge(t *testing.T, id string, columns ...storage.Column) {
	t.Helper()
	e := &storage.Entity{PartitionKey: wire.EscapeKey(id), Columns: columns}
	_, err := w.storage.Tables.Update(t.Context(), w.Instances(), e, storage.Merge, storage.Any)
	require.NoError(t, err)
}

// harms are the ways in which one thing can be damaged, and what the check-up must say.
func (w *world) harms() map[string]func(t *testing.T) []string {
	const id = "quick-harmed"
	finished := func(t *testing.T) {
		w.start(t, id, 0)
		w.host.RunUntilIdle()
		w.hosted.RequireStatus(id, durable.RuntimeStatusCompleted)
	}
	return map[string]func(t *testing.T) []string{
		"row behind": func(t *testing.T) []string {
			finished(t)
			w.merge(t, id, str(wire.ColRuntimeStatus, wire.StatusRunning))
			return []string{"row-behind-history " + id}
		},
		"start lost": func(t *testing.T) []string {
			w.start(t, id, 0)
			w.take(t, w.queueOf(id), id)
			return []string{"start-not-sent " + id}
		},
		"activity lost": func(t *testing.T) []string {
			w.start(t, "slow-harmed", 0)
			w.host.RunUntilIdle()
			w.hosted.Advance(3 * time.Hour)
			w.take(t, w.WorkItems(), "slow-harmed")
			return []string{"activity-lost slow-harmed 0"}
		},
		"timer lost": func(t *testing.T) []string {
			w.start(t, "sleeps-harmed", 0)
			w.host.RunUntilIdle()
			w.hosted.Advance(5 * time.Hour)
			w.take(t, w.queueOf("sleeps-harmed"), "sleeps-harmed")
			return []string{"timer-lost sleeps-harmed 0"}
		},
		"wake lost": func(t *testing.T) []string {
			w.start(t, "fails-harmed", 0)
			w.host.RunUntilIdle()
			_, err := w.Rewind(t.Context(), "fails-harmed", "again", nil)
			require.NoError(t, err)
			w.take(t, w.queueOf("fails-harmed"), "fails-harmed")
			return []string{"wake-not-sent fails-harmed"}
		},
		"row gone": func(t *testing.T) []string {
			finished(t)
			require.NoError(t, w.storage.Tables.Delete(t.Context(), w.Instances(), id, "", storage.Any))
			return []string{"history-without-row " + id}
		},
		"payloads left": func(t *testing.T) []string {
			w.payload(t, "nobody/message-1-EventRaised.json.gz")
			return []string{"payloads-without-instance nobody"}
		},
		"unreadable": func(t *testing.T) []string {
			finished(t)
			w.merge(t, id, str(wire.ColOutput, "urn:x:y"))
			return []string{"unreadable-for-dotnet " + id}
		},
		"poison": func(t *testing.T) []string {
			w.hub.raw(t, w.ControlQueue(2), "not a message")
			return []string{"poison-message " + w.ControlQueue(2)}
		},
		"strays": func(t *testing.T) []string {
			w.info(t, partitions)
			w.start(t, "waits-harmed", 0)
			w.host.RunUntilIdle()
			require.NoError(t, w.storage.Queues.CreateQueue(t.Context(), w.ControlQueue(7)))
			w.put(t, w.ControlQueue(7), event0("waits-harmed"), 0)
			return []string{"messages-unread " + w.ControlQueue(7), "partition-count "}
		},
	}
}

// A healthy hub gives no finding, however busy. One damage is found, nothing else is, and its repair brings back a hub
// without findings in which everything goes on.
func TestRandomHubs(t *testing.T) {
	t.Parallel()
	seeds := 4
	if testing.Short() {
		seeds = 1
	}
	for name := range newWorld(t, 0).harms() {
		for seed := range seeds {
			t.Run(fmt.Sprintf("%s %d", name, seed), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, uint64(seed))
				require.Empty(t, brief(diagnose(t, w.hub, nil)), "busy")
				w.hosted.Advance(20 * time.Minute)
				require.Empty(t, brief(diagnose(t, w.hub, nil)), "busy, and its host is down")
				w.host.RunUntilIdle()
				want := w.harms()[name](t)
				if name != "poison" {
					w.host.Advance(48 * time.Hour)
				}
				findings := diagnose(t, w.hub, nil)
				require.Equal(t, want, brief(findings))
				for _, f := range findings {
					r, err := repair(t, w.hub, f, operate.RepairOptions{PartitionCount: partitions}, true)
					require.NoError(t, err)
					if f.Kind == operate.KindPartitionCount {
						require.Equal(t, operate.OutcomeBlocked, r.Outcome, "the queue holds messages")
						continue
					}
					require.Equal(t, operate.OutcomeDone, r.Outcome, f.Kind)
				}
				w.restart()
				w.host.Advance(48 * time.Hour)
				for _, id := range []string{"quick-harmed", "slow-harmed", "sleeps-harmed", "waits-harmed"} {
					if w.instance(t, id) != nil {
						w.hosted.RequireStatus(id, durable.RuntimeStatusCompleted)
					}
				}
				if w.instance(t, "fails-harmed") != nil {
					w.hosted.RequireStatus("fails-harmed", durable.RuntimeStatusFailed)
				}
				left := diagnose(t, w.hub, nil)
				for _, f := range left { // what could only be deleted once it was empty
					require.Equal(t, operate.KindPartitionCount, f.Kind)
					_, err := repair(t, w.hub, f, operate.RepairOptions{PartitionCount: partitions}, true)
					require.NoError(t, err)
				}
				require.Empty(t, brief(diagnose(t, w.hub, nil)))
			})
		}
	}
}
