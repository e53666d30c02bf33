package durable_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// rewinding is a rewind or a reset whose every request is made to fail in turn.
type rewinding struct {
	name    string
	prepare func(t *testing.T, f *fixture)
	// tree are the instances that change, and woken those that are woken.
	tree  callers
	woken []string
	do    call
}

func rewindCall(id string, opts *durable.RewindOptions) call {
	return func(ctx context.Context, c *durable.OrchestrationClient) error {
		_, err := c.Rewind(ctx, id, "repaired", opts)
		return err
	}
}

func resetCall(id string, eventID int) call {
	return func(ctx context.Context, c *durable.OrchestrationClient) error {
		_, err := c.Reset(ctx, id, eventID, "repaired", &durable.ResetOptions{Force: true})
		return err
	}
}

var (
	loneTree  = callers{"a": {}}
	pairTree  = callers{"p": {}, "p-1": {parent: "p", eventID: 1}, "p-2": {parent: "p", eventID: 2}}
	threeTree = callers{"g": {}, "g-1": {parent: "g", eventID: 1}, "g-1-1": {parent: "g-1", eventID: 1}}
	largeLeaf = callers{"l": {}, "l-1": {parent: "l", eventID: 1}}
)

// manyFailures is a history of an instance of which many activities have failed at once.
func manyFailures(n int) string {
	var b strings.Builder
	b.WriteString("start\nact 0 Works\nstart\ndone 0\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "act %d Fails\n", i)
	}
	b.WriteString("start\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "fail %d\n", i)
	}
	fmt.Fprintf(&b, "end %d Failed broken", n+1)
	return b.String()
}

func rewindings() []rewinding {
	tree := func(c callers) func(*testing.T, *fixture) {
		return func(t *testing.T, f *fixture) { f.failedTree(t, c) }
	}
	one := func(status string, script string) func(*testing.T, *fixture) {
		return func(t *testing.T, f *fixture) { f.forge(t, "a", status, called{}, script) }
	}
	broken := func(t *testing.T, f *fixture) {
		d := golden.Load(t, "v2/rewind-after-handled").Dumps["later"].Rename(f.names.Hub())
		require.NoError(t, d.LoadInto(t.Context(), f.storage))
	}
	return []rewinding{
		{
			"heal", broken,
			callers{"rw-handled": {}},
			[]string{"rw-handled"},
			rewindCall("rw-handled", &durable.RewindOptions{Heal: true, Force: true}),
		},
		{"activity", tree(loneTree), loneTree, []string{"a"}, rewindCall("a", nil)},
		{"parent of two", tree(pairTree), pairTree, []string{"p-1", "p-2"}, rewindCall("p", nil)},
		{"three levels", tree(threeTree), threeTree, []string{"g-1-1"}, rewindCall("g", nil)},
		{"several transactions", func(t *testing.T, f *fixture) {
			f.forge(t, "l", wire.StatusFailed, called{}, "start\nsub 1 l-1\nstart\nsubfail 1\nend 2 Failed broken")
			f.forge(t, "l-1", wire.StatusFailed, largeLeaf["l-1"], manyFailures(120))
		}, largeLeaf, []string{"l-1"}, rewindCall("l", nil)},
		{"after retries", one(wire.StatusFailed, "start\nact 0 A\nstart\nfail 0\ntimer 1 1\nstart\nfired 1\nact 2 A\nstart\nfail 2\n"+
			"timer 3 2\nstart\nfired 3\nend 4 Failed broken"), loneTree, []string{"a"}, rewindCall("a", nil)},
		{
			"from an earlier failure", one(wire.StatusFailed, "start\nact 0 A\nstart\nfail 0\nact 1 B\nstart\ndone 1\nact 2 C\nstart\nfail 2\nend 3 Failed broken"),
			loneTree,
			[]string{"a"},
			rewindCall("a", &durable.RewindOptions{FromEventID: new(int), Force: true}),
		},
		{
			"reset, completed", one(wire.StatusCompleted, "start\nact 0 A\nstart\ndone 0\nact 1 B\nstart\ndone 1\nend 2 Completed"),
			loneTree,
			[]string{"a"},
			resetCall("a", 1),
		},
		{
			"reset, terminated", one(wire.StatusTerminated, "start\nact 0 A\nstart\ndone 0\nstart\nkill\nend 1 Terminated"),
			loneTree,
			[]string{"a"},
			resetCall("a", 1),
		},
		{
			"reset, failed", func(t *testing.T, f *fixture) { f.forge(t, "a", wire.StatusFailed, called{}, manyFailures(120)) },
			loneTree,
			[]string{"a"},
			resetCall("a", 1),
		},
	}
}

// rewound is the outcome of a run without a fault.
type rewound struct {
	hub      map[historyKey]string
	rows     map[historyKey]string
	requests int
}

// contents are all rows of the hub, but for when they were written.
func (f *fixture) contents(t *testing.T) map[historyKey]string {
	t.Helper()
	rows := map[historyKey]string{}
	for _, table := range []string{f.names.Instances(), f.names.History()} {
		var q storage.Query
		for {
			page, err := f.storage.Tables.Query(t.Context(), table, q)
			require.NoError(t, err)
			for _, e := range page.Entities {
				e.Columns = slices.DeleteFunc(e.Columns, func(c storage.Column) bool {
					return c.Name == wire.ColLastUpdatedTime || c.Name == wire.ColTaskHubName
				})
				rows[historyKey{table[len(f.names.Hub()):] + " " + e.PartitionKey, e.RowKey}] = fmt.Sprint(e.Columns)
			}
			if q.From = page.Next; q.From == (storage.Token{}) {
				break
			}
		}
	}
	return rows
}

func (r rewinding) setup(t *testing.T, clock string) *fixture {
	t.Helper()
	f := inMemoryAt(t, clocks[clock])
	f.failedTree(t, callers{"other": {}})
	r.prepare(t, f)
	f.traffic.reset()
	return f
}

// rowTypes are the types and reasons of the history rows of an instance.
func (f *fixture) rowTypes(t *testing.T, id string) map[historyKey]string {
	t.Helper()
	rows := map[historyKey]string{}
	for _, e := range f.historyOf(t, id) {
		rows[historyKey{id, e.RowKey}] = e.Text(wire.ColEventType) + ", " + e.Text(wire.ColReason)
	}
	return rows
}

// TestRewindCrash fails the k-th request for every k, in every way, looks at what is left, and makes the same call
// again until it succeeds.
func TestRewindCrash(t *testing.T) {
	t.Parallel()
	for _, r := range rewindings() {
		for clock := range clocks {
			t.Run(r.name+", "+clock, func(t *testing.T) {
				t.Parallel()
				want := r.undisturbed(t, clock)
				for k := 1; k <= want.requests; k++ {
					for _, fault := range faults {
						t.Run(fmt.Sprint(k, " ", fault.name), func(t *testing.T) {
							t.Parallel()
							r.crash(t, clock, fault, k, want)
						})
					}
				}
			})
		}
	}
}

// undisturbed runs it without a fault, and looks at the hub after each request.
func (r rewinding) undisturbed(t *testing.T, clock string) rewound {
	t.Helper()
	f := r.setup(t, clock)
	require.NoError(t, r.do(t.Context(), f.OrchestrationClient))
	want := rewound{f.contents(t), map[historyKey]string{}, f.traffic.count()}
	woken := map[string]int{}
	for _, id := range r.woken {
		woken[id] = 1
	}
	require.Equal(t, woken, f.wakes(t))
	for id := range r.tree {
		require.True(t, f.isOpen(t, id))
		require.Equal(t, wire.StatusPending, f.row(t, id).Text(wire.ColRuntimeStatus))
		maps.Copy(want.rows, f.rowTypes(t, id))
	}

	f = r.setup(t, clock)
	var mu sync.Mutex
	f.fault.SetHook(func(_ context.Context, c faultstore.Call) error {
		mu.Lock()
		defer mu.Unlock()
		if c.Phase == faultstore.After {
			r.requireHarmless(t, f, want)
		}
		return nil
	})
	require.NoError(t, r.do(t.Context(), f.OrchestrationClient))
	return want
}

// requireHarmless checks that a worker which looks at the hub in this state does no harm. The engine throws away
// messages for an instance whose history has an end. One without can run at any moment, on an old message: then its
// whole history must be rewritten, and whoever waits for its answer must be able to take it.
func (r rewinding) requireHarmless(t *testing.T, f *fixture, want rewound) {
	t.Helper()
	open, written := map[string]bool{}, true
	for id := range r.tree {
		// The order matters while writes are under way: an instance before its ancestors.
		open[id] = f.isOpen(t, id)
		if !open[id] {
			written = false
			continue
		}
		for key, row := range f.rowTypes(t, id) {
			require.Equal(t, want.rows[key], row, "%s runs, but its row %s is not rewritten", id, key.row)
		}
		if parent := r.tree[id].parent; parent != "" {
			require.True(t, f.isOpen(t, parent), "%s runs, but its answer would be thrown away", id)
		}
	}
	for id := range r.tree {
		pending := f.row(t, id).Text(wire.ColRuntimeStatus) == wire.StatusPending
		require.True(t, open[id] || !pending, "%s is Pending and has an end", id)
		written = written && pending
	}
	if len(f.wakes(t)) > 0 {
		require.True(t, written, "somebody was woken before all was written")
	}
}

func (r rewinding) crash(t *testing.T, clock string, fault fault, k int, want rewound) {
	f := r.setup(t, clock)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.fault.SetHook(safely(fault.hook(k, cancel)))
	err := r.do(ctx, f.OrchestrationClient)
	f.fault.SetHook(nil)
	r.requireHarmless(t, f, want)
	if err != nil {
		var e *durable.Error
		require.ErrorAs(t, err, &e)
		require.True(t, errors.Is(err, errNetwork) || errors.Is(err, context.Canceled) || errors.Is(err, durable.ErrConflict), err)
		require.NoError(t, r.do(t.Context(), f.OrchestrationClient), "after %v", err)
	}
	require.Equal(t, want.hub, f.contents(t), "after %v", err)
	require.ElementsMatch(t, r.woken, slices.Collect(maps.Keys(f.wakes(t))))
}

// safely makes a hook safe for requests side by side.
func safely(hook faultstore.Hook) faultstore.Hook {
	var mu sync.Mutex
	return func(ctx context.Context, c faultstore.Call) error {
		mu.Lock()
		defer mu.Unlock()
		return hook(ctx, c)
	}
}
