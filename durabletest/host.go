package durabletest

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// HostOptions say how a host works. The zero value is a host that does everything in order.
type HostOptions struct {
	// Shuffle, if it is set, lets activities that wait at the same time run in random order, to find code that depends
	// on it. The same seed gives the same order. Defaults to the order in which they were scheduled.
	Shuffle *rand.Rand
	// Entities are the app's entities by name, in lower case.
	Entities map[string]Entity
	// OnError, if it is set, hears of what goes wrong in [Host.Run], which tries again. It must be safe for concurrent
	// use. Defaults to nobody.
	OnError func(error)
	// PollInterval is how long [Host.Run] waits before it looks into an empty queue again. Defaults to 100 ms. Of a hub in
	// memory it is told when there is something.
	PollInterval time.Duration
}

const defaultPollInterval = 100 * time.Millisecond

// Host stands in for a Functions app: it takes the messages of a task hub, lets the orchestrations go on as their
// scripts say, runs their activities, and writes history and status exactly as DurableTask.AzureStorage 1.17.5 does. It
// runs no orchestrator code.
//
// Use [Host.RunUntilIdle] and [Host.Advance] for tests in which nothing waits, and [Host.Run] for one that goes on by
// itself. It is safe for concurrent use, also beside other hosts and steps of the same Hub.
type Host struct {
	hub  *taskhub.Hub
	of   *Hub
	opts HostOptions
	// order changes the order of activities that wait at the same time; nil leaves it.
	order func(work []*letter)

	mu      sync.Mutex // guards what follows
	scripts Scripts
	// version counts the calls of SetScript.
	version int
	// sessions hold where scripts stand, so that it need not be found out from the history each time.
	sessions map[string]*session
	// sent are messages that this host has sent, by their texts, which saves it from reading them again.
	sent map[string]*wire.Message
	// jobs are the activities that were scheduled and have not run. They can be taken up before the history has them.
	jobs map[job]Activity
	// begun is when activities that take time began to run, by message.
	begun map[string]time.Time

	turn sync.Mutex // one round of RunUntilIdle at a time
}

// session is where an execution stands.
type session struct {
	*play
	shape uint64 // of its history
	// history is kept for hubs in memory, where a look at its version costs nothing; else it is nil.
	history *taskhub.History
}

// NewHost returns a host for a hub, which may be a real one: see [Open]. There may be several for one Hub, and the hub's
// own steps may be taken besides, on instances for which no host has work. It does no I/O. It returns
// durable.ErrInvalidArgument for a script that cannot be. Opts may be nil.
func NewHost(hub *Hub, scripts Scripts, opts *HostOptions) (*Host, error) {
	if err := scripts.check(); err != nil {
		return nil, fmt.Errorf("durabletest: NewHost: %w", err)
	}
	h := &Host{
		hub: hub.hub, of: hub, scripts: maps.Clone(scripts),
		sessions: make(map[string]*session), jobs: make(map[job]Activity), sent: make(map[string]*wire.Message),
		begun: make(map[string]time.Time),
	}
	if h.scripts == nil {
		h.scripts = Scripts{}
	}
	if opts != nil {
		h.opts = *opts
	}
	if h.opts.Shuffle != nil {
		h.order = h.shuffle
	}
	if h.opts.PollInterval <= 0 {
		h.opts.PollInterval = defaultPollInterval
	}
	return h, nil
}

func (h *Host) shuffle(work []*letter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.opts.Shuffle.Shuffle(len(work), func(i, j int) { work[i], work[j] = work[j], work[i] })
}

// SetScript gives an orchestrator another script, or a first one, as a new version of the app does. An instance that
// runs goes on with it from where it stands: what it has done so far must be the same by both scripts. It returns
// durable.ErrInvalidArgument for a script that cannot be.
func (h *Host) SetScript(orchestrator string, script Script) error {
	if err := (Scripts{orchestrator: script}).check(); err != nil {
		return fmt.Errorf("durabletest: SetScript: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.scripts[orchestrator] = script
	h.version++
	clear(h.sessions)
	clear(h.jobs)
	return nil
}

// script returns the script of an orchestrator, and of which version it is. What an app without the function does is a
// script, too.
func (h *Host) script(name string) (script Script, version int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s, ok := h.scripts[name]; ok {
		return s, h.version
	}
	known := ""
	for i, other := range slices.Sorted(maps.Keys(h.scripts)) {
		if i > 0 {
			known += ", "
		}
		known += "'" + other + "'"
	}
	return Script{Fail{Reason: orchestratorFailed(name) + "The function '" + name + "' doesn't exist, is disabled, " +
		"or is not an orchestrator function. Additional info: The following are the known orchestrator functions: " +
		known + "."}}, h.version
}

// session takes the session of an execution out, nil if there is none that stands where its history does.
func (h *Host) session(instanceID, executionID string, history *taskhub.History) *play {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.sessions[instanceID]
	delete(h.sessions, instanceID)
	if s == nil || s.executionID != executionID || s.history != history && s.shape != shapeOf(history.Events, nil) {
		return nil
	}
	return s.play
}

var shapeSeed = maphash.MakeSeed()

// shapeOf tells histories apart by the types of their events. Their number would not do: who takes a row back, as a rewind
// does, gives it another type.
func shapeOf(events []wire.Event, rows []*storage.Entity) uint64 {
	var shape uint64
	add := func(eventType string) { shape = 31*shape + maphash.String(shapeSeed, eventType) }
	for i := range events {
		add(events[i].Type)
	}
	for _, row := range rows {
		add(row.Text(wire.ColEventType))
	}
	return shape
}

// keepSession keeps where an execution stands after a turn that was written.
func (h *Host) keepSession(ctx context.Context, p *play, t *turn) {
	s := &session{play: p, shape: shapeOf(t.history.Events, t.rows)}
	if h.of.store != nil {
		s.history = h.after(ctx, t)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.version == h.version { // else its script was replaced meanwhile
		h.sessions[p.instanceID] = s
	}
}

// after returns the history after a turn, nil if it cannot be told. In memory the rows of a transaction have one version:
// that of the last row is what the sentinel had, whoever may have written that since. Hence the row stands in for it.
func (h *Host) after(ctx context.Context, t *turn) *taskhub.History {
	last := t.rows[len(t.rows)-1]
	written, err := h.hub.Tables.Get(ctx, h.hub.Names.History(), last.PartitionKey, last.RowKey, wire.ColExecutionID)
	if err != nil || written.Text(wire.ColExecutionID) != t.executionID {
		return nil
	}
	next := &taskhub.History{ExecutionID: t.executionID, Sentinel: written, Events: t.history.Events}
	for _, row := range t.rows {
		e, err := wire.DecodeEvent(row)
		if err != nil {
			return nil
		}
		next.Events = append(next.Events, e)
	}
	return next
}

// history reads the history of an execution, of the current one if it is not named.
func (h *Host) history(ctx context.Context, b *batch) (*taskhub.History, error) {
	h.mu.Lock()
	s := h.sessions[b.instanceID]
	h.mu.Unlock()
	if s != nil && s.history != nil && (b.executionID == "" || b.executionID == s.executionID) {
		sentinel, err := h.hub.Sentinel(ctx, wire.EscapeKey(b.instanceID), wire.ColExecutionID)
		if err == nil && sentinel != nil && sentinel.ETag == s.history.Sentinel.ETag {
			return s.history, nil
		}
	}
	return h.hub.ReadHistory(ctx, b.instanceID, b.executionID)
}

// RunUntilIdle handles all messages that are visible, and those that come of them, until none is left: an app that is
// left alone for a while. Partitions have their turns in order, and activities between them, so that the same calls
// always give the same outcome.
//
// A message that no worker could read is an error when all others are handled, and is hidden for a while, as at a
// worker. So is a failure of the storage, which leaves the messages concerned to be handled later.
func (h *Host) RunUntilIdle(ctx context.Context) error {
	h.turn.Lock()
	defer h.turn.Unlock()
	if err := h.of.checkAlone(ctx); err != nil {
		return h.fail("RunUntilIdle", err)
	}
	var errs []error
	for {
		n, err := h.round(ctx)
		if err != nil {
			errs = append(errs, err)
		}
		if n == 0 || ctx.Err() != nil {
			return h.fail("RunUntilIdle", errors.Join(append(errs, ctx.Err())...))
		}
	}
}

// round has a turn for each partition and one for the activities.
func (h *Host) round(ctx context.Context) (handled int, err error) {
	count, err := h.hub.PartitionCount(ctx)
	if err != nil {
		return 0, err
	}
	for p := range count {
		n, failed := h.controlTurn(ctx, p, 1)
		handled, err = handled+n, joined(err, failed)
	}
	n, failed := h.workTurn(ctx)
	return handled + n, joined(err, failed)
}

// joined is errors.Join for two errors of which both are nil nearly always.
func joined(a, b error) error {
	if b == nil {
		return a
	}
	return errors.Join(a, b)
}

// Advance moves the clock of a hub in memory on, and lets the host do on the way what becomes due, each at its time:
// timers, scheduled starts, activities that take time. It returns durable.ErrInvalidArgument for a negative duration,
// durable.ErrInvalidState for a real hub, whose clock nobody can move, and otherwise the errors of [Host.RunUntilIdle],
// at which it stops on the way.
func (h *Host) Advance(ctx context.Context, d time.Duration) error {
	switch {
	case h.of.clock == nil:
		return h.fail("Advance", invalidState("this hub does not lie in memory"))
	case d < 0:
		return h.fail("Advance", fmt.Errorf("%w: the clock cannot go back by %v", durable.ErrInvalidArgument, -d))
	}
	until := h.of.Now().Add(d)
	for {
		if err := h.RunUntilIdle(ctx); err != nil {
			return err
		}
		next, ok := h.of.nextVisible(ctx)
		if !ok || next.After(until) {
			break
		}
		h.of.Advance(max(0, next.Sub(h.of.Now()))) // a clock that runs may be there already
	}
	h.of.Advance(max(0, until.Sub(h.of.Now())))
	return h.RunUntilIdle(ctx)
}

func (h *Host) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("durabletest: %s (hub %s): %w", op, h.hub.Hub(), err)
}
