package operate_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
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
	scripts  durabletest.Scripts
	entities map[string]durabletest.Entity
	random   *rand.Rand

	// What follows is for the instance "x", which is damaged. Ran counts its activities, told the events that it was sent.
	mu   sync.Mutex
	ran  map[string]int
	told int
	// late are messages that were taken away, during is what happens in its next turn, and purged says that it is gone.
	late   []string
	during func()
	purged bool
}

// restart puts another host in place of the one that was there, which keeps no history in memory.
func (w *world) restart() {
	w.host = w.hosted.NewHost(w.scripts, &durabletest.HostOptions{Entities: w.entities})
}

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
	w := &world{hosted: tests, scripts: apps(), ran: map[string]int{}, random: rand.New(rand.NewPCG(seed, seed))}
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

// take removes the visible messages of a queue that are for x, and returns their texts.
func (w *world) take(t *testing.T, queue string) (texts []string) {
	t.Helper()
	taken, err := w.storage.Queues.Dequeue(t.Context(), queue, 32, time.Minute)
	require.NoError(t, err)
	for _, m := range taken {
		data, err := wire.DecodeText(m.Text)
		require.NoError(t, err)
		decoded, err := wire.DecodeMessage(data)
		require.NoError(t, err)
		if decoded.InstanceID == "x" {
			texts = append(texts, m.Text)
			require.NoError(t, w.storage.Queues.Remove(t.Context(), queue, m))
			continue
		}
		require.NoError(t, w.storage.Queues.Release(t.Context(), queue, m, 0))
	}
	require.NotEmpty(t, texts, "no message for x in %s", queue)
	return texts
}

// merge changes the row of an instance.
func (w *world) merge(t *testing.T, id string, columns ...storage.Column) {
	t.Helper()
	e := &storage.Entity{PartitionKey: wire.EscapeKey(id), Columns: columns}
	_, err := w.storage.Tables.Update(t.Context(), w.Instances(), e, storage.Merge, storage.Any)
	require.NoError(t, err)
}

var seeds = flag.Int("seeds", 4, "random hubs for each damage in TestRandomHubs, whose subtests end with their seeds")

// A healthy hub gives no finding, however busy. One damage is found, nothing else is, and its repair brings back a hub
// without findings in which everything goes on.
func TestRandomHubs(t *testing.T) {
	t.Parallel()
	n := *seeds
	if testing.Short() {
		n = 1
	}
	for _, r := range races() {
		for seed := range n {
			t.Run(fmt.Sprintf("%s %d", r.name, seed), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, uint64(seed))
				require.Empty(t, brief(diagnose(t, w.hub, nil)), "busy")
				w.hosted.Advance(20 * time.Minute)
				require.Empty(t, brief(diagnose(t, w.hub, nil)), "busy, and its host is down")
				w.host.RunUntilIdle()
				w.harm(t, &r)
				if w.host.Host.Advance(t.Context(), 48*time.Hour) != nil { // what it cannot read
					w.hosted.Advance(48 * time.Hour)
				}
				findings := diagnose(t, w.hub, nil)
				require.ElementsMatch(t, append([]operate.FindingKind{r.kind}, r.besides...), kindsOf(findings))
				for _, f := range findings {
					require.Contains(t, []string{"", "x", entityX.String()}, f.InstanceID)
				}
				w.mend(t, &r, findings)
				stirs := slices.Sorted(maps.Keys(r.stirs))
				stir := stirs[seed%len(stirs)]
				r.stirs[stir](t, w)
				w.settle(t, &r, stir+", late")
			})
		}
	}
}

func kindsOf(findings []operate.Finding) []operate.FindingKind {
	kinds := []operate.FindingKind{}
	for _, f := range findings {
		kinds = append(kinds, f.Kind)
	}
	return kinds
}
