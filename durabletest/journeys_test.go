package durabletest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	dt "github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/operate"
)

// journey is what an instance goes through, while any request of the client may fail, before or after it had an effect.
type journey struct {
	*both
	ctx context.Context //nolint:containedctx // a journey is one call
	id  string
}

// child is the ID of the instance's sub-orchestration, if it has one.
func (j *journey) child() *journey { return &journey{j.both, j.ctx, childOf(j.id)} }

func childOf(id string) string { return id + "-child" }

// journeys are the ways of the instances, with how often they pay on it. Each step can be repeated until it succeeds.
var journeys = []struct {
	name string
	pays int
	walk func(j *journey) []func() error
}{
	{"suspended", 1, func(j *journey) []func() error {
		return []func() error{
			j.order,
			j.take(j.suspend, durable.RuntimeStatusSuspended),
			j.insist(j.raise),
			j.take(j.resume, durable.RuntimeStatusCompleted),
		}
	}},
	{"terminated and reset", 1, func(j *journey) []func() error {
		return []func() error{
			j.order,
			j.take(j.terminate, durable.RuntimeStatusTerminated),
			j.resetAndFinish,
		}
	}},
	{"failed and rewound", 2, func(j *journey) []func() error {
		return []func() error{
			j.start("Fragile"), j.await(durable.RuntimeStatusFailed),
			j.take(j.rewind, durable.RuntimeStatusCompleted),
		}
	}},
	{"rewound with its child", 2, func(j *journey) []func() error {
		return []func() error{
			j.start("FragileFamily"), j.await(durable.RuntimeStatusFailed),
			j.take(j.rewind, durable.RuntimeStatusCompleted),
		}
	}},
	{"restarted", 2, func(j *journey) []func() error {
		return []func() error{
			j.order, j.take(j.raise, durable.RuntimeStatusCompleted),
			j.restart,
			j.take(j.raise, durable.RuntimeStatusCompleted),
		}
	}},
	{"purged", 1, func(j *journey) []func() error {
		return []func() error{j.order, j.take(j.raise, durable.RuntimeStatusCompleted), j.insist(j.purge)}
	}},
	{"suspended with its child", 1, func(j *journey) []func() error {
		return []func() error{
			j.start("Family"), j.child().await(durable.RuntimeStatusRunning),
			j.suspendTree, j.await(durable.RuntimeStatusSuspended),
			j.child().insist(j.child().raise),
			j.insist(j.resumeTree), j.await(durable.RuntimeStatusCompleted),
		}
	}},
	{"purged with its child", 1, func(j *journey) []func() error {
		return []func() error{
			j.start("Family"), j.child().await(durable.RuntimeStatusRunning),
			j.child().take(j.child().raise, durable.RuntimeStatusCompleted), j.await(durable.RuntimeStatusCompleted),
			j.purgeTree,
		}
	}},
	{"answered by hand", 0, func(j *journey) []func() error {
		return []func() error{
			j.start("Slow"), j.await(durable.RuntimeStatusRunning),
			j.take(j.fireTimer, durable.RuntimeStatusRunning),
			j.take(j.completeActivity, durable.RuntimeStatusCompleted),
		}
	}},
}

func (j *journey) suspend() error { return j.client.Suspend(j.ctx, j.id, "hold", nil) }

func (j *journey) resume() error { return j.client.Resume(j.ctx, j.id, "go on", nil) }

func (j *journey) raise() error { return j.client.RaiseEvent(j.ctx, j.id, "Go", j.id, nil) }

func (j *journey) terminate() error { return j.client.Terminate(j.ctx, j.id, "enough", nil) }

// resetAndFinish goes back to behind the activities, and from there to the end. A termination that was sent twice may come
// behind the reset.
func (j *journey) resetAndFinish() error {
	for {
		err := j.take(func() error {
			_, err := j.client.Reset(j.ctx, j.id, 2, "not enough", nil)
			return err
		}, durable.RuntimeStatusPending, durable.RuntimeStatusTerminated)() // it stays Pending until it ends
		if err == nil {
			err = j.take(j.raise, durable.RuntimeStatusCompleted, durable.RuntimeStatusTerminated)()
		}
		if s, statusErr := j.status(); err != nil || statusErr != nil || s.RuntimeStatus == durable.RuntimeStatusCompleted {
			return errors.Join(err, statusErr)
		}
	}
}

func (j *journey) status() (s *durable.OrchestrationStatus, err error) {
	err = insist(func() (err error) {
		s, err = j.client.GetStatus(j.ctx, j.id, nil)
		return err
	})
	return s, err
}

// rewind is tried again where the child's failure is just being written.
func (j *journey) rewind() error {
	return j.poll(func() (bool, error) {
		_, err := j.client.Rewind(j.ctx, j.id, "mended", nil)
		if errors.Is(err, durable.ErrConflict) {
			return false, nil
		}
		return err == nil, err
	})
}

func (j *journey) purge() error {
	_, err := j.client.Purge(j.ctx, j.id, nil)
	return err
}

// suspendTree is repeated until the child is suspended: the history in which it is named may still have to be written.
func (j *journey) suspendTree() error {
	return j.poll(func() (bool, error) {
		if _, err := operate.SuspendTree(j.ctx, j.client, j.id, "hold", nil); err != nil {
			return false, err
		}
		s, err := j.child().status()
		return err == nil && s.RuntimeStatus == durable.RuntimeStatusSuspended, err
	})
}

func (j *journey) resumeTree() error {
	_, err := operate.ResumeTree(j.ctx, j.client, j.id, "go on", nil)
	return err
}

// purgeTree is over when an attempt that seemed to fail has taken the root, which goes last.
func (j *journey) purgeTree() error {
	err := insist(func() error {
		_, err := operate.PurgeTree(j.ctx, j.client, j.id, nil)
		return err
	})
	if errors.Is(err, durable.ErrInstanceNotFound) {
		return nil
	}
	return err
}

func (j *journey) fireTimer() error {
	_, err := operate.FireTimer(j.ctx, j.client, j.id, 0, nil)
	return err
}

// completeActivity answers in the place of an activity, which the orchestrator may still have to schedule.
func (j *journey) completeActivity() error {
	return j.poll(func() (bool, error) {
		_, err := operate.CompleteActivity(j.ctx, j.client, j.id, 1, "by hand", nil)
		if errors.Is(err, durable.ErrInvalidArgument) {
			return false, nil
		}
		return err == nil, err
	})
}

// order starts an order that waits for its event, its activities done: what has no answer yet would run again behind a
// reset.
func (j *journey) order() error {
	if err := j.start("Order")(); err != nil {
		return err
	}
	return j.poll(func() (bool, error) {
		events, err := j.client.GetHistory(j.ctx, j.id, nil)
		done := 0
		for _, e := range events {
			if e.Type == durable.EventTaskCompleted {
				done++
			}
		}
		return done == 2, err
	})
}

func (j *journey) start(orchestrator string) func() error {
	return j.insist(func() error {
		_, _, err := j.client.StartOrGet(j.ctx, orchestrator, j.id, j.id, nil)
		return err
	})
}

// restart starts the execution that has ended again, and no other one: that makes it safe to repeat. If there is another
// one by then, an attempt that seemed to fail has got at least as far as its row, and StartOrGet finishes it.
func (j *journey) restart() error {
	first, err := j.status()
	if err != nil {
		return err
	}
	return j.take(func() error {
		_, err := j.client.Restart(j.ctx, j.id, &durable.RestartOptions{ReuseInstanceID: true, ExecutionID: first.ExecutionID})
		if errors.Is(err, durable.ErrConflict) {
			_, _, err = j.client.StartOrGet(j.ctx, "Order", j.id, nil, nil)
		}
		return err
	}, durable.RuntimeStatusRunning)()
}

func (j *journey) insist(op func() error) func() error { return func() error { return insist(op) } }

// take repeats an operation that fails by accident, and waits for what it leads to. That the instance is not in a state for
// it means that an attempt which seemed to fail has worked.
func (j *journey) take(op func() error, reached ...durable.RuntimeStatus) func() error {
	return func() error {
		err := insist(op)
		if err != nil && !errors.Is(err, durable.ErrInvalidState) && !errors.Is(err, durable.ErrConflict) {
			return err
		}
		return j.await(reached...)()
	}
}

// await waits until the instance is in one of these states.
func (j *journey) await(states ...durable.RuntimeStatus) func() error {
	return func() error {
		var last durable.RuntimeStatus
		err := j.poll(func() (bool, error) {
			s, err := j.client.GetStatus(j.ctx, j.id, nil)
			switch {
			case errors.Is(err, durable.ErrInstanceNotFound): // a child that its parent has not started yet
				err = nil
			case err == nil:
				last = s.RuntimeStatus
			}
			return slices.Contains(states, last), err
		})
		if err != nil {
			return fmt.Errorf("%s is %s: %w", j.id, last, err)
		}
		return nil
	}
}

// poll looks again and again until what is looked for is there.
func (j *journey) poll(there func() (bool, error)) error {
	for {
		switch ok, err := there(); {
		case err != nil && !errors.Is(err, errInjected) && !errors.Is(err, durable.ErrUncertain):
			return err
		case ok:
			return nil
		}
		select {
		case <-j.ctx.Done():
			return j.ctx.Err()
		case <-time.After(4 * j.pause):
		}
	}
}

// journeyScripts are what the instances run.
func journeyScripts(c *counter) dt.Scripts {
	family := func(orchestrator string) dt.Script {
		return dt.Script{dt.Decide(func(p *dt.Progress) dt.Step {
			return dt.SubOrchestration{Name: orchestrator, InstanceID: childOf(p.InstanceID())}
		}), dt.Complete{}}
	}
	return dt.Scripts{
		"Order": c.script(), "Fragile": c.fragile(), "Family": family("Order"), "FragileFamily": family("Fragile"),
		"Slow": {dt.Timer{Duration: time.Hour}, dt.Activity{Name: "Wait", Takes: time.Hour}, dt.Complete{}},
	}
}

// TestManyJourneys takes instances all at once through what can be done to them, while requests fail now and then: nothing
// is lost, and nothing runs more often than it was told to.
func TestManyJourneys(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, b *both) {
		var c counter
		b.run(t, journeyScripts(&c), nil)
		b.clientFaults.every.Store(17)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var wg sync.WaitGroup
		for i := range many {
			way, j := journeys[i%len(journeys)], &journey{b, ctx, fmt.Sprintf("order-%03d", i)}
			wg.Go(func() {
				for n, step := range way.walk(j) {
					if err := step(); err != nil {
						t.Errorf("%s, step %d: %s: %v", way.name, n, j.id, err)
						return
					}
				}
			})
		}
		wg.Wait()
		b.clientFaults.every.Store(0)
		if t.Failed() {
			return
		}
		left := map[string]durable.RuntimeStatus{}
		for s, err := range b.client.QueryInstances(t.Context(), nil, nil) {
			require.NoError(t, err)
			left[s.InstanceID] = s.RuntimeStatus
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for i := range many {
			way, id := journeys[i%len(journeys)], fmt.Sprintf("order-%03d", i)
			want := durable.RuntimeStatusCompleted
			if way.name == "purged" || way.name == "purged with its child" {
				want = ""
			}
			require.Equal(t, want, left[id], "%s: %s", way.name, id)
			require.Equal(t, way.pays, c.runs[id+" Pay"]+c.runs[childOf(id)+" Pay"], "%s: %s", way.name, id)
		}
	})
}

// fragile is a script whose activity fails when it runs for the first time.
func (c *counter) fragile() dt.Script {
	return dt.Script{dt.Activity{Name: "Pay", Do: func(_ context.Context, call dt.ActivityCall) (any, error) {
		if c.count(call) == 1 {
			return nil, errors.New("the card was refused")
		}
		return call.InstanceID, nil
	}}, dt.Complete{}}
}
