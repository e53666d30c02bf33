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
)

// journey is what an instance goes through, while any request of the client may fail, before or after it had an effect.
type journey struct {
	*both
	ctx context.Context //nolint:containedctx // a journey is one call
	id  string
}

// take repeats an operation that fails by accident. It is over as well if it says that the instance is not in a state for
// it: then an attempt that seemed to fail has worked, and reached shows the same.
func (j *journey) take(op func() error, reached ...durable.RuntimeStatus) error {
	err := insist(op)
	if err != nil && !errors.Is(err, durable.ErrInvalidState) && !errors.Is(err, durable.ErrConflict) {
		return err
	}
	return j.until(reached...)
}

// until waits until the instance is in one of these states.
func (j *journey) until(states ...durable.RuntimeStatus) error {
	var last durable.RuntimeStatus
	err := j.poll(func() (bool, error) {
		s, err := j.client.GetStatus(j.ctx, j.id, nil)
		if err == nil {
			last = s.RuntimeStatus
		}
		return slices.Contains(states, last), err
	})
	if err != nil {
		return fmt.Errorf("it is %s: %w", last, err)
	}
	return nil
}

// poll looks again and again until what is looked for is there.
func (j *journey) poll(there func() (bool, error)) error {
	for {
		switch ok, err := there(); {
		case err != nil && !errors.Is(err, errInjected):
			return err
		case ok:
			return nil
		}
		select {
		case <-j.ctx.Done():
			return fmt.Errorf("%s: %w", j.id, j.ctx.Err())
		case <-time.After(4 * j.pause):
		}
	}
}

func (j *journey) start(orchestrator string) error {
	return insist(func() error {
		_, _, err := j.client.StartOrGet(j.ctx, orchestrator, j.id, j.id, nil)
		return err
	})
}

// startWaiting starts an order that waits for its event, its activities done: what has no answer yet would run again behind
// a reset.
func (j *journey) startWaiting() error {
	if err := j.start("Order"); err != nil {
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

func (j *journey) finish() error {
	return j.take(func() error { return j.client.RaiseEvent(j.ctx, j.id, "Go", j.id, nil) }, durable.RuntimeStatusCompleted)
}

// journeys are the ways of the instances, with how often each activity runs on it.
var journeys = []struct {
	name string
	runs int
	walk func(j *journey) error
}{
	{"suspended", 1, func(j *journey) error {
		err := j.startWaiting()
		if err == nil {
			err = j.take(func() error { return j.client.Suspend(j.ctx, j.id, "hold", nil) }, durable.RuntimeStatusSuspended)
		}
		if err == nil {
			err = insist(func() error { return j.client.RaiseEvent(j.ctx, j.id, "Go", j.id, nil) })
		}
		if err == nil {
			err = j.take(func() error { return j.client.Resume(j.ctx, j.id, "go on", nil) }, durable.RuntimeStatusCompleted)
		}
		return err
	}},
	{"terminated and reset", 1, func(j *journey) error {
		err := j.startWaiting()
		if err == nil {
			err = j.take(func() error { return j.client.Terminate(j.ctx, j.id, "enough", nil) }, durable.RuntimeStatusTerminated)
		}
		if err == nil { // to behind the activities
			err = j.take(func() error {
				_, err := j.client.Reset(j.ctx, j.id, 2, "not enough", nil)
				return err
			}, durable.RuntimeStatusPending) // and so it stays until it ends
		}
		if err == nil {
			err = j.finish()
		}
		return err
	}},
	{"failed and rewound", 2, func(j *journey) error {
		err := j.start("Fragile")
		if err == nil {
			err = j.until(durable.RuntimeStatusFailed)
		}
		if err == nil {
			err = j.take(func() error {
				_, err := j.client.Rewind(j.ctx, j.id, "mended", nil)
				return err
			}, durable.RuntimeStatusCompleted)
		}
		return err
	}},
	{"restarted", 2, func(j *journey) error {
		err := j.startWaiting()
		if err == nil {
			err = j.finish()
		}
		if err == nil {
			err = j.restart()
		}
		if err == nil {
			err = j.finish()
		}
		return err
	}},
	{"purged", 1, func(j *journey) error {
		err := j.startWaiting()
		if err == nil {
			err = j.finish()
		}
		if err == nil {
			err = insist(func() error {
				_, err := j.client.Purge(j.ctx, j.id, nil)
				return err
			})
		}
		return err
	}},
}

// restart starts the execution that has ended again, and no other one: that makes it safe to repeat. If there is another
// one by then, an attempt that seemed to fail has got at least as far as its row, and StartOrGet finishes it.
func (j *journey) restart() error {
	var first *durable.OrchestrationStatus
	if err := insist(func() (err error) {
		first, err = j.client.GetStatus(j.ctx, j.id, nil)
		return err
	}); err != nil {
		return err
	}
	return j.take(func() error {
		_, err := j.client.Restart(j.ctx, j.id, &durable.RestartOptions{ReuseInstanceID: true, ExecutionID: first.ExecutionID})
		if errors.Is(err, durable.ErrConflict) {
			_, _, err = j.client.StartOrGet(j.ctx, "Order", j.id, nil, nil)
		}
		return err
	}, durable.RuntimeStatusRunning)
}

// TestManyJourneys takes instances all at once through what can be done to them, while requests fail now and then: nothing
// is lost, and nothing runs more often than it was told to.
func TestManyJourneys(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, b *both) {
		var c counter
		b.run(t, dt.Scripts{"Order": c.script(), "Fragile": c.fragile()}, nil)
		b.clientFaults.every.Store(17)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var wg sync.WaitGroup
		for i := range many {
			way := journeys[i%len(journeys)]
			wg.Go(func() {
				if err := way.walk(&journey{b, ctx, fmt.Sprintf("order-%03d", i)}); err != nil {
					t.Errorf("%s: %v", way.name, err)
				}
			})
		}
		wg.Wait()
		b.clientFaults.every.Store(0)
		if t.Failed() {
			return
		}
		left := map[string]*durable.OrchestrationStatus{}
		for s, err := range b.client.QueryInstances(t.Context(), nil, nil) {
			require.NoError(t, err)
			left[s.InstanceID] = s
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for i := range many {
			way, id := journeys[i%len(journeys)], fmt.Sprintf("order-%03d", i)
			if way.name == "purged" {
				require.NotContains(t, left, id)
			} else {
				require.Equal(t, durable.RuntimeStatusCompleted, left[id].RuntimeStatus, id)
			}
			require.Equal(t, way.runs, c.runs[id+" Pay"], "%s: %s", way.name, id)
		}
	})
}

// fragile is a script whose activity fails when it runs for the first time.
func (c *counter) fragile() dt.Script {
	return dt.Script{dt.Activity{Name: "Pay", Do: func(_ context.Context, call dt.ActivityCall) (any, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.runs == nil {
			c.runs = map[string]int{}
		}
		c.runs[call.InstanceID+" Pay"]++
		if c.runs[call.InstanceID+" Pay"] == 1 {
			return nil, errors.New("the card was refused")
		}
		return call.InstanceID, nil
	}}, dt.Complete{}}
}
