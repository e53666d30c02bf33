package durabletest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	dt "github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

const (
	many = 200
	// patience is how long tests wait for what must happen, on a machine that is busy.
	patience = 3 * time.Minute
)

// counter counts how often activities run.
type counter struct {
	mu   sync.Mutex
	runs map[string]int
}

// count counts a run of an activity, and returns how many there were.
func (c *counter) count(call dt.ActivityCall) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.runs == nil {
		c.runs = map[string]int{}
	}
	c.runs[call.InstanceID+" "+call.Name]++
	return c.runs[call.InstanceID+" "+call.Name]
}

func (c *counter) script() dt.Script {
	count := func(_ context.Context, call dt.ActivityCall) (any, error) {
		c.count(call)
		return call.InstanceID, nil
	}
	return dt.Script{
		dt.Parallel{dt.Activity{Name: "Pack", Do: count}, dt.Activity{Name: "Pay", Do: count}},
		dt.WaitForEvent{Name: "Go"},
		dt.Decide(func(p *dt.Progress) dt.Step { return dt.Complete{Output: p.Last().Value} }),
	}
}

// insist repeats an operation until it succeeds. Beside the faults that are injected there are those of the emulator,
// which resets connections when it is busy; a message is not sent again by itself then.
func insist(op func() error) error {
	for range 100 {
		if err := op(); !errors.Is(err, errInjected) && !errors.Is(err, durable.ErrUncertain) {
			return err
		}
	}
	return errors.New("it fails too often")
}

// drive starts an instance, lets it wait, and raises its event. Every operation may fail at any time. An event that was
// perhaps raised is raised again: the script takes one of them.
func (b *both) drive(ctx context.Context, id string) error {
	j := &journey{b, ctx, id}
	for _, step := range []func() error{
		j.start("Order"),
		j.await(durable.RuntimeStatusRunning, durable.RuntimeStatusCompleted), // an event that comes before is lost
	} {
		if err := step(); err != nil {
			return err
		}
	}
	err := insist(j.raise)
	if errors.Is(err, durable.ErrInvalidState) { // it was raised before, although that failed
		return nil
	}
	return err
}

// TestManyInstances drives instances all at once while the client's requests fail now and then: nothing is lost, and
// nothing runs twice.
func TestManyInstances(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, b *both) {
		var c counter
		b.run(t, dt.Scripts{"Order": c.script()}, nil)
		b.clientFaults.every.Store(17)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() {
				if err := b.drive(ctx, fmt.Sprintf("order-%03d", i)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		b.clientFaults.every.Store(0)
		if t.Failed() {
			return // what was not raised does not come
		}
		b.settled(t)
		c.mu.Lock()
		defer c.mu.Unlock()
		require.Len(t, c.runs, 2*many)
		for activity, n := range c.runs {
			require.Equal(t, 1, n, activity)
		}
	})
}

// settled waits until all instances have completed, and checks their outputs and histories.
func (b *both) settled(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := b.client.WaitForInstances(ctx, &durable.InstanceFilter{},
		&durable.WaitInstancesOptions{PollInterval: b.pause})
	require.NoError(t, err)
	n := 0
	for s, err := range b.client.QueryInstances(t.Context(), nil, nil) {
		require.NoError(t, err)
		n++
		require.Equal(t, durable.RuntimeStatusCompleted, s.RuntimeStatus, s.InstanceID)
		require.Equal(t, fmt.Sprintf("%q", s.InstanceID), string(s.Output))
		b.checkHistory(t, s.InstanceID)
	}
	require.Equal(t, many, n)
}

// checkHistory checks that every decision is there once.
func (b *both) checkHistory(t *testing.T, id string) {
	t.Helper()
	page, err := b.Account().Tables.Query(t.Context(), b.client.TaskHub()+"History", storage.Query{
		Filter: storage.Cmp{Column: "PartitionKey", Op: storage.EQ, Value: storage.StringValue(id)},
	})
	require.NoError(t, err)
	decided := map[string]int{}
	for i := range page.Entities {
		e, err := wire.DecodeEvent(&page.Entities[i])
		if err == nil && e.EventID >= 0 {
			decided[fmt.Sprint(e.Type, e.EventID)]++
		}
	}
	require.Equal(t, map[string]int{"TaskScheduled0": 1, "TaskScheduled1": 1, "ExecutionCompleted2": 1}, decided, id)
}

// TestFaultyHost lets the requests of the host fail as well, on a clock that is moved on by hand. Then activities run at
// least once, as at a real app; everything else happens exactly once.
func TestFaultyHost(t *testing.T) {
	t.Parallel()
	hub := dt.NewHub(t, nil)
	b := &both{client: hub.Client(), pause: time.Millisecond}
	b.host.every.Store(41)
	b.TestHub = hub.Tapped(t, b.host.hook)
	var c counter
	host := b.NewHost(dt.Scripts{"Order": c.script()}, nil)
	for i := range many {
		start(t, hub, "Order", fmt.Sprintf("order-%03d", i), `1`)
	}
	raised := map[string]bool{}
	advance := func() {
		for range 20 {
			if err := host.Host.Advance(t.Context(), time.Minute); err != nil {
				require.ErrorIs(t, err, errInjected)
			}
		}
	}
	advance()
	for s, err := range b.client.QueryInstances(t.Context(), nil, nil) {
		require.NoError(t, err)
		raised[s.InstanceID] = true
		require.NoError(t, b.client.RaiseEvent(t.Context(), s.InstanceID, "Go", s.InstanceID, nil))
	}
	require.Len(t, raised, many)
	advance()
	b.host.every.Store(0)
	require.NoError(t, host.Host.Advance(t.Context(), time.Hour))
	b.settled(t)
	for activity, n := range c.runs {
		require.Positive(t, n, activity)
	}
	require.Len(t, c.runs, 2*many)
	hub.RequireNoMessages()
}
