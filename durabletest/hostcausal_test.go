package durabletest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	dt "github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/golden"
)

// TestCausalRewind goes on from the recorded histories of orchestrations that a real engine has run until they failed,
// and that were rewound from outside. Scripts find out from them where they stand, and end as the engine did.
func TestCausalRewind(t *testing.T) {
	t.Parallel()
	rec := golden.Load(t, "v2/rewind-causal")
	a := &app{t: t, rec: rec, mended: true, takes: rewoundTakes}
	a.loadAt(rec.Dumps["rewind-asked"], time.Date(2026, 11, 22, 6, 59, 20, 0, time.UTC)) // a timer runs for some minutes more
	a.advance(3 * time.Second)
	got, err := golden.DumpOf(t.Context(), a.Account(), rec.Hub)
	require.NoError(t, err)
	require.Empty(t, golden.Diff(rec.Dumps["completed"], got, golden.Options{Skip: []string{"leases", "applease"}, Hidden: true}))
}

// playRewindCausal plays what TestCausalRewind goes on from, and then that with the client's own rewind. Two failures are
// there already, since no order of turns brings about their batches: in c-BranchesThenFails, an answer that was sent
// before a timer was set came with the timer; in c-TwoChildrenFailUntilFixed, the end of a child that shares the parent's
// queue came with, and behind, that of one that does not.
func playRewindCausal(a *app) {
	const branches, children = "BranchesThenFails", "TwoChildrenFailUntilFixed"
	a.load(only(a.rec.Dumps["failed"], []string{
		"c-" + branches, "c-" + children, "c-" + children + "-a", "c-" + children + "-b", "c-" + children + "-c",
	}))
	names := []string{
		"FailsUntilFixed", "ParentFailsUntilFixed", "Grandparent", "FanOutSomeFail", "FailsUnderTimer",
		"FailsWhileOthersRun", "RetriesThenFails", "HandlesThenFails", "SagaFails", "CatchesAndRethrows", "RetriesChild",
	}
	a.fanOutAsItHappened()
	for _, name := range names {
		a.start(name, "c-"+name, `"in"`)
	}
	a.advance(20 * time.Second)
	a.raise("c-SagaFails", "go", `"go on"`)
	a.advance(20 * time.Second)
	a.same("failed")
	a.mended, a.takes = true, rewoundTakes
	for _, name := range append(names, branches, children) {
		opts := &durable.RewindOptions{Force: name == branches} // they fail so alike that it can only be guessed
		_, err := a.Client().Rewind(a.t.Context(), "c-"+name, "repaired", opts)
		require.NoError(a.t, err)
	}
	a.advance(20 * time.Second)
	a.same("completed")
}

// fanOutAsItHappened lets the first activity of c-FanOutSomeFail end alone, and then the others out of order.
func (a *app) fanOutAsItHappened() {
	a.takes = map[string]time.Duration{}
	for i := 1; i < 5; i++ {
		a.takes[fmt.Sprintf("c-FanOutSomeFail-%d", i)] = time.Second
	}
	a.host.SetOrder(inOrder(a.t, "c-FanOutSomeFail", []int{0, 1, 4, 3, 2}))
}

// rewoundTakes makes those end last that did so when they were rewound.
var rewoundTakes = map[string]time.Duration{
	"c-FanOutSomeFail-4": time.Second, "c-TwoChildrenFailUntilFixed-a": time.Second,
}

// failing are the orchestrators that fail at once where something fails.
func (a *app) failing() dt.Scripts {
	rethrow := dt.Decide(a.rethrow)
	works := dt.Decide(func(p *dt.Progress) dt.Step { return a.works(p.InstanceID()) })
	return dt.Scripts{
		"FailsUntilFixed": {hello("before"), works, rethrow, hello("after"), dt.Decide(completeWithAll)},
		"ParentFailsUntilFixed": {hello("parent"), dt.Decide(func(p *dt.Progress) dt.Step {
			return dt.SubOrchestration{Name: "FailsUntilFixed", InstanceID: p.InstanceID() + "-child", Catch: true}
		}), rethrow, dt.Decide(completeWithAll)},
		"Grandparent": {dt.Decide(func(p *dt.Progress) dt.Step {
			return dt.SubOrchestration{Name: "ParentFailsUntilFixed", InstanceID: p.InstanceID() + "-p"}
		}), dt.Decide(completeWithLast)},
		"TwoChildrenFailUntilFixed": {dt.Decide(func(p *dt.Progress) dt.Step {
			return dt.Parallel{
				dt.SubOrchestration{Name: "FailsUntilFixed", InstanceID: p.InstanceID() + "-a"},
				dt.SubOrchestration{Name: "FailsUntilFixed", InstanceID: p.InstanceID() + "-b"},
				dt.SubOrchestration{Name: "HelloSequence", InstanceID: p.InstanceID() + "-c"},
			}
		}), dt.Decide(completeWithBranches)},
		"FanOutSomeFail": {dt.Decide(a.fanOutSomeFail), a.unlessFailed(completeWithBranches)},
		"FailsUnderTimer": {dt.Parallel{
			dt.Timer{Duration: 10 * time.Minute}, // nobody waits for it
			dt.Script{works, rethrow, dt.Decide(completeWithLast)},
		}},
		"FailsWhileOthersRun": {
			dt.Parallel{dt.Activity{Name: "Slow", Result: "slow", Takes: 4 * time.Second}, works},
			a.unlessFailed(func(p *dt.Progress) dt.Step {
				return dt.Complete{Output: "fixed " + p.InstanceID() + " and slow"}
			}),
		},
	}
}

// reacting are the orchestrators that do something about a failure first, which a rewind has to tell apart.
func (a *app) reacting() dt.Scripts {
	rethrow, throw := dt.Decide(a.rethrow), dt.Decide(a.throw)
	works := dt.Decide(func(p *dt.Progress) dt.Step { return a.works(p.InstanceID()) })
	return dt.Scripts{
		"RetriesThenFails": {hello("retry"), retried(3, works), rethrow, dt.Decide(completeWithLast)},
		"RetriesChild": {
			hello("before"), retried(2, dt.SubOrchestration{Name: "FailsUntilFixed", Catch: true}), rethrow,
			dt.Decide(completeWithAll),
		},
		"HandlesThenFails": {a.alwaysFails("first"), hello("handled"), works, rethrow, dt.Decide(completeWithAll)},
		"CatchesAndRethrows": {works, dt.Decide(func(p *dt.Progress) dt.Step {
			if p.Last().Failure != "" {
				return dt.Script{hello("alert the operator"), throw}
			}
			return dt.Complete{Output: p.Last().Value}
		})},
		"SagaFails": {
			retried(2, a.alwaysFails("hotel")), hello("compensate hotel"),
			retried(2, a.alwaysFails("flight")), hello("compensate flight"),
			dt.WaitForEvent{Name: "go"},
			retried(3, works), rethrow,
			hello("end"), dt.Decide(completeWithAll),
		},
		"BranchesThenFails": {dt.Decide(a.branches), a.unlessFailed(func(p *dt.Progress) dt.Step {
			id := p.InstanceID()
			return dt.Complete{Output: []string{
				"Hello branch 1!fixed " + id + "Hello end 1!",
				"Hello branch 2!Hello " + id + "!Hello end 2!",
				"Hello branch 3!fixed " + id + "Hello end 3!",
			}}
		})},
	}
}

// branches are three threads, two of which fail until they are mended. The last one is slower, as it happened.
func (a *app) branches(p *dt.Progress) dt.Step {
	works, slower := a.works(p.InstanceID()), a.works(p.InstanceID())
	slower.Takes = time.Second
	end := func(n string) dt.Step {
		return dt.Decide(func(p *dt.Progress) dt.Step {
			if p.Last().Value == nil {
				return nil
			}
			activity := hello("end " + n)
			activity.Takes = 2 * time.Second
			return activity
		})
	}
	return dt.Parallel{
		dt.Script{hello("branch 1"), retried(2, works), end("1")},
		dt.Script{hello("branch 2"), hello(p.InstanceID()), end("2")},
		dt.Script{hello("branch 3"), retried(2, slower), end("3")},
	}
}

// fanOutSomeFail calls five activities, two of which fail until they are mended.
func (a *app) fanOutSomeFail(p *dt.Progress) dt.Step {
	what := func(i int) string { return fmt.Sprintf("%s-%d", p.InstanceID(), i) }
	greet := func(i int) dt.Step { return a.timed(what(i), hello(what(i))) }
	return dt.Parallel{greet(0), a.works(what(1)), greet(2), greet(3), a.works(what(4))}
}

// unlessFailed goes on behind a Parallel all of whose branches have a value.
func (a *app) unlessFailed(then dt.Decide) dt.Decide {
	return func(p *dt.Progress) dt.Step {
		for _, o := range p.Last().Branches {
			if o.Value == nil {
				return a.throw(p)
			}
		}
		return then(p)
	}
}

// works is an activity that fails until it is mended.
func (a *app) works(what string) dt.Activity {
	const name = "WorksOnceFixed"
	return a.timed(what, dt.Activity{
		Name: name, Input: what, Details: a.details(name, ""), Catch: true,
		Do: func(context.Context, dt.ActivityCall) (any, error) {
			if !a.mended {
				return nil, errors.New("the database connection string is wrong")
			}
			return "fixed " + what, nil
		},
	})
}

// timed lets an activity take as long as the test wants, by what it is about.
func (a *app) timed(what string, activity dt.Activity) dt.Activity {
	activity.Takes = a.takes[what]
	return activity
}

func (a *app) alwaysFails(what string) dt.Activity {
	const name = "AlwaysFails"
	failure := "always fails: " + what
	return dt.Activity{Name: name, Input: what, Failure: failure, Details: a.details(name, failure), Catch: true}
}

// retried tries a step that catches its failure again, a second later each time. Behind the last failure the engine has
// one more timer, which fires at once; there is no value then.
func retried(tries int, try dt.Step) dt.Step {
	return dt.Script{try, dt.Decide(func(p *dt.Progress) dt.Step {
		switch {
		case p.Last().Failure == "":
			return nil
		case tries == 1:
			return dt.Timer{}
		}
		return dt.Script{dt.Timer{Duration: time.Second}, retried(tries-1, try)}
	})}
}

func completeWithBranches(p *dt.Progress) dt.Step {
	return dt.Complete{Output: values(p.Last().Branches)}
}
