package operate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

// race is a damage to the instance "x" of an app, whose hosts are at work while it is repaired.
type race struct {
	name string
	kind operate.FindingKind
	// besides is what else is found.
	besides []operate.FindingKind
	// app is what x does, damage the harm that comes to it.
	app    func(w *world) durabletest.Script
	damage func(t *testing.T, w *world)
	opts   operate.RepairOptions
	// stirs are what gives a host work in the midst of the repair.
	stirs map[string]func(t *testing.T, w *world)
	// twice are the activities that may run twice, by what stirs: "in a turn " before it where the host reads before the
	// repair and writes behind it, ", late" behind it where the repair had written already.
	twice map[string][]string
	// want are the activities that have run in the end, each as often as it stands there, and end is what else must be so.
	want []string
	end  func(t *testing.T, w *world)
}

// raceWorld returns a hub whose instance "x" is damaged, and the findings.
func raceWorld(t *testing.T, r *race) (*world, []operate.Finding) {
	t.Helper()
	w := &world{
		hosted:  durabletest.NewHub(t, &durabletest.Options{TaskHub: "Hub", PartitionCount: partitions}),
		scripts: durabletest.Scripts{}, ran: map[string]int{},
	}
	w.raw = hook.Open(w.hosted.Client()).Hub
	fault := faultstore.Wrap(w.raw.Account, nil)
	c, err := hook.NewClient(fault.Account(), "Hub", taskhub.Options{Now: w.hosted.Now})
	require.NoError(t, err)
	w.hub = &hub{OrchestrationClient: c.(*durable.OrchestrationClient), Names: w.raw.Names, storage: w.raw.Account, fault: fault}
	w.harm(t, r)
	w.hosted.Advance(48 * time.Hour)
	findings := diagnose(t, w.hub, nil)
	require.ElementsMatch(t, append([]operate.FindingKind{r.kind}, r.besides...), kindsOf(findings))
	return w, findings
}

// harm makes x, and damages it.
func (w *world) harm(t *testing.T, r *race) {
	t.Helper()
	w.scripts["x"], w.scripts["child"] = r.app(w), durabletest.Script{durabletest.WaitForEvent{Name: "go"}}
	w.restart()
	r.damage(t, w)
}

// mend repairs all findings, as far as nobody is in the way.
func (w *world) mend(t *testing.T, r *race, findings []operate.Finding) {
	t.Helper()
	opts := r.opts
	opts.PartitionCount = partitions
	for _, f := range findings {
		if _, err := repair(t, w.hub, f, opts, true); err != nil {
			require.ErrorIs(t, err, durable.ErrConflict)
		}
	}
}

// work lets the host do all that there is to do. What it cannot read it passes over.
func (w *world) work(t *testing.T) {
	t.Helper()
	_ = w.host.Host.RunUntilIdle(t.Context())
}

// wait lets a host that has just started work for some days, and then be down until what it has put back can be seen.
func (w *world) wait(t *testing.T) {
	t.Helper()
	w.restart()
	w.work(t)
	for range 2 {
		w.hosted.Advance(48 * time.Hour)
		_ = w.host.Host.RunUntilIdle(t.Context())
	}
	w.hosted.Advance(15 * time.Minute)
}

// settle lets hosts and operators do their work by turns until there is nothing left, and checks the end.
func (w *world) settle(t *testing.T, r *race, mode string) {
	t.Helper()
	w.wait(t)
	for range 3 {
		w.mend(t, r, diagnose(t, w.hub, nil))
		w.wait(t)
	}
	if w.told == 0 {
		w.event(t, "E")
	}
	w.put(t, w.queueOf("x-child"), wire.EventRaisedMessage("x-child", "go", nil, w.hosted.Now()), 0)
	w.wait(t)
	w.host.RunUntilIdle()
	require.Empty(t, brief(diagnose(t, w.hub, nil)))
	if w.purged {
		require.Nil(t, w.instance(t, "x"))
		h, err := w.raw.ReadHistory(t.Context(), "x", "")
		require.NoError(t, err)
		require.Empty(t, h.Events)
		return
	}
	r.end(t, w)
	want := map[string]int{}
	for _, name := range r.want {
		want[name]++
	}
	for name, n := range want {
		most := n
		if slices.Contains(r.twice[mode], name) || slices.Contains(r.twice[strings.TrimSuffix(mode, ", late")], name) {
			most++
		}
		require.GreaterOrEqual(t, w.ran[name], n, name)
		require.LessOrEqual(t, w.ran[name], most, name)
	}
	require.Len(t, w.ran, len(want))
}

// A host that works on the hub at any moment of a repair loses nothing and does nothing twice, and neither do we: be it
// that we are beaten, or that it is, or that both get what they want.
func TestRepairsRacedByHost(t *testing.T) {
	t.Parallel()
	for _, r := range races() {
		if r.kind != operate.KindPayloadsWithoutInstance {
			r.stirs["purged"] = purge
		}
		for name, stir := range r.stirs {
			t.Run(r.name+", "+name, func(t *testing.T) {
				t.Parallel()
				for n := 1; raceAtCall(t, &r, name, n, func(w *world) func() { stir(t, w); w.work(t); return func() {} }); n++ {
					require.Less(t, n, 1000)
				}
			})
			t.Run(r.name+", in a turn "+name, func(t *testing.T) {
				t.Parallel()
				for n := 1; raceAtCall(t, &r, "in a turn "+name, n, func(w *world) func() { stir(t, w); return w.beginTurn(t) }); n++ {
					require.Less(t, n, 1000)
				}
			})
			t.Run(r.name+", "+name+" behind it", func(t *testing.T) {
				t.Parallel()
				w, findings := raceWorld(t, &r)
				w.mend(t, &r, findings)
				stir(t, w)
				w.work(t)
				w.settle(t, &r, name+", late")
			})
		}
	}
}

// raceAtCall lets a host begin to work before the n-th request of a repair, and finish when the repair is through. It
// reports false if there are not so many requests.
func raceAtCall(t *testing.T, r *race, mode string, n int, begin func(w *world) (finish func())) bool {
	t.Helper()
	w, findings := raceWorld(t, r)
	var mu sync.Mutex
	calls, wrote := 0, false
	var finish func()
	w.fault.SetHook(func(_ context.Context, c faultstore.Call) error {
		mu.Lock()
		defer mu.Unlock()
		if c.Phase != faultstore.Before || finish != nil {
			return nil
		}
		if calls++; calls == n {
			finish = begin(w)
			return nil
		}
		wrote = wrote || c.Op == "Batch"
		return nil
	})
	w.mend(t, r, findings)
	w.fault.SetHook(nil)
	if finish == nil {
		return false
	}
	finish()
	if wrote {
		mode += ", late"
	}
	w.agrees(t, r)
	w.settle(t, r, mode)
	return true
}

// purge purges x, if it can be.
func purge(t *testing.T, w *world) {
	t.Helper()
	if w.instance(t, "x") == nil {
		return
	}
	_, err := w.hosted.Client().Purge(t.Context(), "x", &durable.PurgeOptions{Force: true})
	require.NoError(t, err)
	w.purged = true
}

// beginTurn lets the host work until it is in a turn of x, where it stays until it is told to finish.
func (w *world) beginTurn(t *testing.T) (finish func()) {
	t.Helper()
	inTurn, goOn, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	w.during = func() {
		close(inTurn)
		<-goOn
	}
	go func() {
		defer close(ended)
		_ = w.host.Host.RunUntilIdle(context.WithoutCancel(t.Context())) // may say that it was beaten
	}()
	select {
	case <-inTurn:
	case <-ended:
	}
	return func() {
		close(goOn)
		<-ended
		w.during = nil
	}
}

// agrees requires that the row of x says of its end what the history says.
func (w *world) agrees(t *testing.T, r *race) {
	t.Helper()
	row := w.instance(t, "x")
	if row == nil {
		return
	}
	h, err := w.raw.ReadHistory(t.Context(), "x", row.Text(wire.ColExecutionID))
	require.NoError(t, err)
	ended := len(h.Events) > 0 && h.Events[len(h.Events)-2].Type == wire.ExecutionCompleted
	status := row.Text(wire.ColRuntimeStatus)
	if !ended {
		require.False(t, wire.Terminal(status), "its row says %s, and it has not ended", status)
	} else if r.kind != operate.KindRowBehindHistory {
		require.True(t, wire.Terminal(status), "it has ended, and its row says %s", status)
	}
}

// errFirst is how an activity fails that succeeds when it is tried again.
var errFirst = errors.New("not the first time")

// activity returns an activity that counts how often it runs, and fails so many times.
func (w *world) activity(name string, failures int) durabletest.Activity {
	return durabletest.Activity{Name: name, Do: func(context.Context, durabletest.ActivityCall) (any, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ran[name]++
		if w.ran[name] <= failures {
			return nil, fmt.Errorf("%w: %d", errFirst, w.ran[name])
		}
		return name, nil
	}}
}

// turn is a step in which something happens once, while the host is between reading and writing.
func (w *world) turn() durabletest.Step {
	return durabletest.Decide(func(*durabletest.Progress) durabletest.Step {
		w.meanwhile()
		return nil
	})
}

func (w *world) meanwhile() {
	if do := w.during; do != nil {
		w.during = nil
		do()
	}
}

// event sends x an event.
func (w *world) event(t *testing.T, name string) {
	t.Helper()
	w.told++
	w.put(t, w.queueOf("x"), wire.EventRaisedMessage("x", name, nil, w.hosted.Now()), 0)
}

// back puts texts into a queue again: they were not lost, only late.
func (w *world) back(t *testing.T, queue string, texts []string) {
	t.Helper()
	for _, text := range texts {
		require.NoError(t, w.storage.Queues.Put(t.Context(), queue, text, 0))
	}
}
