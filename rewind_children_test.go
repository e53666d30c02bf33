package durable_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// The reference stops half-way over a child that was purged. We see it before anything is written.
func TestRewindPurgedChild(t *testing.T) {
	t.Parallel()
	r := golden.Load(t, "v2/rewind-purged-child")
	for _, label := range []string{"child-purged", "rewind-asked"} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			onDump(t, r.Dumps[label], func(t *testing.T, f *fixture) {
				before := f.dump(t)
				plan, err := f.Rewind(t.Context(), "rw-o", "repaired", nil)
				require.ErrorIs(t, err, durable.ErrRewindUnsafe)
				require.Len(t, plan.Instances, 1)
				require.Equal(t, "ChildMissing", plan.Instances[0].Warnings[0].Code)
				require.Equal(t, 1, plan.Instances[0].Warnings[0].EventID)
				require.Empty(t, golden.Diff(before, f.dump(t), golden.Options{KeepTimes: true}), "the parent is untouched")

				_, err = f.Rewind(t.Context(), "rw-o", "repaired", &durable.RewindOptions{Force: true})
				require.NoError(t, err)
				require.True(t, f.isOpen(t, "rw-o"))
				require.Equal(t, map[string]int{"rw-o": 1}, f.wakes(t), "it runs, and waits")
			})
		})
	}
}

// The warning names the way out.
func TestResetStartsPurgedChildAgain(t *testing.T) {
	t.Parallel()
	f := loaded(t, golden.Load(t, "v2/rewind-purged-child").Dumps["child-purged"])
	plan, err := f.Reset(t.Context(), "rw-o", 1, "repaired", &durable.ResetOptions{Force: true})
	require.NoError(t, err)
	require.Contains(t, plan.String(), "StartsAgain")
	require.Contains(t, f.events(t, "rw-o"), "GenericEvent(SubOrchestrationInstanceCreated)")
}

func TestRewindBadWeather(t *testing.T) {
	t.Parallel()
	killed := loaded(t, golden.Load(t, "v2/killed-host").Dumps["dead"])
	for _, id := range []string{"kill-1", "kill-2"} {
		require.ErrorIs(t, rewindCall(id, nil)(t.Context(), killed.OrchestrationClient), durable.ErrInvalidState)
		require.ErrorIs(t, resetCall(id, 0)(t.Context(), killed.OrchestrationClient), durable.ErrInvalidState)
	}
	require.Zero(t, killed.writes())

	detached := loaded(t, golden.Load(t, "v2/detached").Dumps["completed"])
	plan, err := detached.PlanReset(t.Context(), "det", 1, nil)
	require.NoError(t, err)
	require.Empty(t, plan.Warnings(), "nobody waits for what was detached")
}

// child is what has become of a sub-orchestration while its parent p lay there, Failed.
type child struct {
	name, status, script string
	by                   called
	// open says that the parent has it without an answer, instead of a failure.
	open bool
	// warning is what the plan says, instances how many are rewound, and woken which are woken.
	warning   string
	instances int
	woken     []string
}

func TestRewindChildren(t *testing.T) {
	t.Parallel()
	const broke, worked = "start\nact 0 A\nstart\nfail 0\nend 1 Failed broken", "start\nact 0 A\nstart\ndone 0\nend 1 Completed"
	by := called{parent: "p", eventID: 1}
	detached := called{parent: "p", eventID: 1, detached: true}
	p := []string{"p"}
	for _, tt := range []child{
		{"failed", wire.StatusFailed, broke, by, false, "", 2, []string{"c"}},
		{"rewound by hand", wire.StatusPending, "", by, false, "", 2, []string{"c"}},
		{"rewound by hand and running", wire.StatusRunning, "", by, false, "", 1, nil},
		{"rewound by hand and completed", wire.StatusCompleted, worked, by, false, "ChildResultLost", 1, p},
		{"terminated", wire.StatusTerminated, "start\nact 0 A\nstart\nkill\nend 1 Terminated", by, false, "ChildResultLost", 1, p},
		{"started anew", wire.StatusFailed, broke, called{}, false, "ChildMissing", 1, p},
		{"started anew and running", wire.StatusRunning, "start\nact 0 A", called{}, false, "ChildMissing", 1, p},
		{"started anew and waiting", wire.StatusPending, "anew", by, false, "ChildMissing", 1, p},
		{"called by another action", wire.StatusFailed, broke, called{parent: "p", eventID: 7}, false, "ChildMissing", 1, p},
		{"called by somebody else", wire.StatusFailed, broke, called{parent: "q", eventID: 1}, false, "ChildMissing", 1, p},
		{"purged", "", "", by, false, "ChildMissing", 1, p},
		{"open, running", wire.StatusRunning, "start\nact 0 A", by, true, "", 1, p},
		{"open, suspended", "Suspended", "start\nact 0 A", by, true, "", 1, p},
		{"open, completed", wire.StatusCompleted, worked, by, true, "ChildResultLost", 1, p},
		{"open, failed", wire.StatusFailed, broke, by, true, "ChildResultLost", 1, p},
		{"open, purged", "", "", by, true, "ChildMissing", 1, p},
		{"open, started anew", wire.StatusRunning, "start\nact 0 A", called{}, true, "ChildMissing", 1, p},
		{"detached, completed", wire.StatusCompleted, worked, detached, true, "", 1, p},
		{"detached, failed", wire.StatusFailed, broke, detached, true, "", 1, p},
		{"detached, running", wire.StatusRunning, "start\nact 0 A", detached, true, "", 1, p},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.test(t)
		})
	}
}

func (c child) test(t *testing.T) {
	f := inMemoryAt(t, clocks["soon after"])
	if c.open {
		f.forge(t, "p", wire.StatusFailed, called{}, "start\nact 0 A\nsub 1 c\nstart\nfail 0\nend 2 Failed broken")
	} else {
		f.forge(t, "p", wire.StatusFailed, called{}, "start\nsub 1 c\nstart\nsubfail 1\nend 2 Failed broken")
	}
	switch {
	case c.status == "":
	case c.script == "":
		f.forge(t, "c", wire.StatusFailed, c.by, "start\nact 0 A\nstart\nfail 0\nend 1 Failed broken")
		require.NoError(t, rewindCall("c", nil)(t.Context(), f.OrchestrationClient))
		f.drain(t)
		f.setState(t, "c", durable.RuntimeStatus(c.status)) // Running is one that was suspended and resumed since
	case c.script == "anew": // a start that no worker has taken up, over the history of the one that failed
		f.forge(t, "c", c.status, c.by, "start\nact 0 A\nstart\nfail 0\nend 1 Failed broken")
		f.set(t, "c", text(wire.ColExecutionID, "new"))
	default:
		f.forge(t, "c", c.status, c.by, c.script)
	}
	planned, err := f.PlanRewind(t.Context(), "p", nil)
	require.NoError(t, err)
	require.Len(t, planned.Instances, c.instances)
	f.traffic.reset()
	plan, err := f.Rewind(t.Context(), "p", "repaired", nil)
	require.Equal(t, planned, plan)
	if c.warning != "" {
		require.ErrorIs(t, err, durable.ErrRewindUnsafe)
		require.Len(t, plan.Warnings(), 1)
		require.Equal(t, c.warning, plan.Instances[0].Warnings[0].Code)
		require.Zero(t, f.writes())
		f.traffic.reset()
		plan, err = f.Rewind(t.Context(), "p", "repaired", &durable.RewindOptions{Force: true})
	}
	require.NoError(t, err)
	require.Equal(t, plan.Requests, f.traffic.count())
	require.True(t, f.isOpen(t, "p"))
	var woken []string
	for _, i := range plan.Instances {
		if i.Woken {
			woken = append(woken, i.InstanceID)
		}
	}
	require.Equal(t, c.woken, woken)
}

// A worker sends the answer of a sub-orchestration before it writes that it has failed. A rewind that comes in between must
// not take the child for one that runs, and will answer: the parent would wait for it for ever.
func TestRewindChildJustFailing(t *testing.T) {
	t.Parallel()
	for _, script := range []string{"start\nact 0 A", "start\nact 0 A\nstart\nfail 0\nend 1 Failed broken"} { // history, and row, to come
		f := inMemoryAt(t, clocks["soon after"])
		f.forge(t, "p", wire.StatusFailed, called{}, "start\nsub 1 c\nstart\nsubfail 1\nend 2 Failed broken")
		f.forge(t, "c", wire.StatusRunning, called{parent: "p", eventID: 1}, script)
		f.traffic.reset()
		_, err := f.Rewind(t.Context(), "p", "repaired", nil)
		require.ErrorIs(t, err, durable.ErrConflict)
		require.ErrorContains(t, err, `sub-orchestration "c"`)
		require.Zero(t, f.writes())
		_, err = f.PlanRewind(t.Context(), "p", nil)
		require.ErrorIs(t, err, durable.ErrConflict)

		f.writeScript(t, "c", 0, called{parent: "p", eventID: 1}, "start\nact 0 A\nstart\nfail 0\nend 1 Failed broken")
		f.setState(t, "c", durable.RuntimeStatusFailed)
		plan, err := f.Rewind(t.Context(), "p", "repaired", nil)
		require.NoError(t, err)
		require.Len(t, plan.Instances, 2)
	}
}

// What a reset leaves without an answer is looked at as well, unless the instance has completed without it.
func TestResetChildren(t *testing.T) {
	t.Parallel()
	for status, warnings := range map[string]int{wire.StatusTerminated: 1, wire.StatusCompleted: 0} {
		f := inMemoryAt(t, clocks["soon after"])
		f.forge(t, "p", status, called{}, "start\nsub 0 c\ntimer 1 1\nstart\nfired 1\nend 2 "+status)
		f.forge(t, "c", wire.StatusCompleted, called{parent: "p"}, "start\nend 0 Completed")
		plan, err := f.PlanReset(t.Context(), "p", 2, nil)
		require.NoError(t, err)
		require.Len(t, plan.Warnings(), warnings, status)
		if warnings > 0 {
			require.Equal(t, "ChildResultLost", plan.Instances[0].Warnings[0].Code)
		}
	}
}

// A child that answers while the attempt is interrupted answers a parent that can take it.
func TestRewindChildAnswersInBetween(t *testing.T) {
	t.Parallel()
	f := inMemoryAt(t, clocks["soon after"])
	f.failedTree(t, pairTree)
	require.NoError(t, rewindCall("p", nil)(t.Context(), f.OrchestrationClient))
	f.drain(t)
	f.takeUp(t, "p-1")
	f.complete(t, "p-1", `"done"`)
	plan, err := f.Rewind(t.Context(), "p", "repaired", nil)
	require.NoError(t, err, "the answer of p-1 lies in the queue")
	require.Empty(t, plan.Warnings())
	require.Equal(t, map[string]int{"p-2": 1}, f.wakes(t))

	f.drain(t)
	f.takeUp(t, "p-2")
	f.traffic.reset()
	require.NoError(t, rewindCall("p", nil)(t.Context(), f.OrchestrationClient))
	require.Zero(t, f.writes(), "nothing is left to do")
}

// A parent that has an activity to do again is woken beside its children; one that can only wait is not.
func TestRewindWakesWhoHasWork(t *testing.T) {
	t.Parallel()
	f := inMemoryAt(t, clocks["soon after"])
	f.forge(t, "p", wire.StatusFailed, called{}, "start\nact 0 A\nsub 1 c\nstart\nfail 0\nsubfail 1\nend 2 Failed broken")
	f.forge(t, "c", wire.StatusFailed, called{parent: "p", eventID: 1}, "start\nact 0 A\nstart\nfail 0\nend 1 Failed broken")
	require.NoError(t, rewindCall("p", nil)(t.Context(), f.OrchestrationClient))
	require.Equal(t, map[string]int{"p": 1, "c": 1}, f.wakes(t))
}

// Histories that name each other do not make us go in circles.
func TestRewindCircle(t *testing.T) {
	t.Parallel()
	f := inMemoryAt(t, clocks["soon after"])
	script := func(child string) string {
		return fmt.Sprintf("start\nsub 1 %s\nsub 2 %s\nstart\nsubfail 1\nsubfail 2\nend 3 Failed broken", child, child)
	}
	f.forge(t, "a", wire.StatusFailed, called{parent: "c", eventID: 1}, script("b"))
	f.forge(t, "b", wire.StatusFailed, called{parent: "a", eventID: 1}, script("c"))
	f.forge(t, "c", wire.StatusFailed, called{parent: "b", eventID: 1}, script("a"))
	plan, err := f.Rewind(t.Context(), "a", "repaired", &durable.RewindOptions{Force: true})
	require.NoError(t, err)
	require.Len(t, plan.Instances, 3)
	require.Equal(t, plan.Requests, f.traffic.count())
	for _, id := range []string{"a", "b", "c"} {
		require.True(t, f.isOpen(t, id))
	}
}

// More instances than anybody means to rewind at once are refused before they are read.
func TestRewindTooMany(t *testing.T) {
	t.Parallel()
	f := inMemoryAt(t, clocks["soon after"])
	var b strings.Builder
	b.WriteString("start\n")
	for i := range 10_000 {
		fmt.Fprintf(&b, "sub %d c-%d\n", i, i)
	}
	b.WriteString("start\n")
	for i := range 10_000 {
		fmt.Fprintf(&b, "subfail %d\n", i)
	}
	b.WriteString("end 10000 Failed broken")
	f.forge(t, "p", wire.StatusFailed, called{}, b.String())
	f.traffic.reset()
	_, err := f.PlanRewind(t.Context(), "p", nil)
	require.ErrorIs(t, err, durable.ErrInvalidState)
	require.ErrorContains(t, err, "10000")
	require.Less(t, f.traffic.count(), 30)
}

// A row that is purged, a child that is broken and a hub that cannot be read are told apart.
func TestRewindBrokenChild(t *testing.T) {
	t.Parallel()
	f := inMemoryAt(t, clocks["soon after"])
	f.failedTree(t, pairTree)
	require.NoError(t, f.storage.Tables.Delete(t.Context(), f.names.History(), "p-2", hexKey(2), storage.Any))
	f.traffic.reset()
	_, err := f.Rewind(t.Context(), "p", "repaired", &durable.RewindOptions{Force: true})
	require.ErrorIs(t, err, durable.ErrInvalidState)
	require.ErrorContains(t, err, `"p-2"`)
	require.Zero(t, f.writes())
}
