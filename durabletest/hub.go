package durabletest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/tap"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// Options say what a hub is like. The zero value is a hub as the engine makes it by default.
type Options struct {
	// TaskHub is the task hub's name. Defaults to "TestHub".
	TaskHub string
	// PartitionCount is the number of control queues, 1 to 16. Defaults to 4.
	PartitionCount int
	// Clock tells the time, to which [Hub.Advance] adds. Defaults to a clock that stands still at the time of the call.
	Clock func() time.Time
	// NotCreated leaves the storage account empty, for tests of what happens before CreateTaskHub.
	NotCreated bool
}

const (
	defaultTaskHub = "TestHub"
	// blobEndpoint is what references to payloads begin with. Nobody ever connects to it: a client reads payloads from
	// its own hub only.
	blobEndpoint = "https://durabletest.invalid"
)

// Hub is a task hub, in memory or, by [Open], in a real storage account. It is safe for concurrent use: steps of
// instances happen one after the other.
type Hub struct {
	client *durable.OrchestrationClient
	// look is a client for which no faults are injected.
	look *durable.OrchestrationClient
	// hub is the task hub as a worker sees it: without the faults that are injected for the client.
	hub    *taskhub.Hub
	faults faults
	// clock and store are nil where the hub lies in a real account.
	clock *clock
	store *memstore.Store
	// bell tells hosts of messages in memory. Nobody rings it for a real account.
	bell *bell

	// partitions are locked by whoever takes messages out of a control queue, until they are handled: what a lease is
	// among the hosts of an app.
	partitions [wire.MaxPartitions]sync.Mutex

	mu sync.Mutex // one step at a time
	// received counts the events of each name that ReceiveEvent has returned.
	received map[eventKey]int
}

// New returns a new task hub in a storage account of its own, in memory. It returns durable.ErrInvalidArgument for a
// name or a partition count that cannot be. Opts may be nil.
func New(opts *Options) (*Hub, error) {
	o := opts.orDefaults()
	h, err := newHub(o, o.TaskHub)
	if err != nil || opts != nil && opts.NotCreated {
		return h, err
	}
	create := &durable.CreateTaskHubOptions{}
	if opts != nil {
		create.PartitionCount = opts.PartitionCount
	}
	if err := h.client.CreateTaskHub(context.Background(), create); err != nil {
		return nil, fmt.Errorf("durabletest: %w", err)
	}
	return h, nil
}

// Open returns the task hub of a client, such as one in a storage emulator or in a real account, so that a [Host] can
// work on it and a test can look at it. Its clock is the system's; faults cannot be injected. It does no I/O.
//
// Hosts and steps on such a hub return durable.ErrInvalidState while an app is at work on it, which its leases show.
// They hold no leases themselves: use one Hub for all that works on it.
func Open(client *durable.OrchestrationClient) *Hub {
	return &Hub{client: client, look: client, hub: hook.Open(client).Hub, bell: new(bell), received: make(map[eventKey]int)}
}

func (o *Options) orDefaults() Options {
	var all Options
	if o != nil {
		all = *o
	}
	if all.TaskHub == "" {
		all.TaskHub = defaultTaskHub
	}
	return all
}

// newHub returns a hub in memory that is not created yet. The seed decides the IDs that are generated.
func newHub(o Options, seed string) (*Hub, error) {
	h := &Hub{clock: newClock(o.Clock), bell: new(bell), received: make(map[eventKey]int)}
	h.store = memstore.New(&memstore.Options{Clock: h.clock.now, OnMessage: h.bell.ring})
	account := h.store.Account()
	h.faults.account, h.faults.now = account, h.clock.now
	settings := taskhub.Options{Now: h.clock.now, NewID: newIDs(seed).next, BlobEndpoint: blobEndpoint}
	client, err := hook.NewClient(tap.Wrap(account, h.faults.hook), o.TaskHub, settings)
	if err != nil {
		return nil, fmt.Errorf("durabletest: %w", err)
	}
	look, err := hook.NewClient(account, o.TaskHub, settings)
	if err != nil {
		return nil, fmt.Errorf("durabletest: %w", err)
	}
	h.client, h.look = client.(*durable.OrchestrationClient), look.(*durable.OrchestrationClient)
	h.hub = hook.Open(client).Hub.On(account)
	return h, nil
}

// own locks a partition for what takes messages out of its control queue: of two that did so at the same moment, one
// would throw an event away because the other has the start.
func (h *Hub) own(partition int) (release func()) {
	p := &h.partitions[partition%wire.MaxPartitions]
	p.Lock()
	return p.Unlock
}

// checkAlone returns durable.ErrInvalidState if an app works on the hub, whose instances would be handled by scripts that
// are not its own. Nobody can do so in memory.
func (h *Hub) checkAlone(ctx context.Context) error {
	if h.store != nil {
		return nil
	}
	owners, err := h.hub.QueueOwners(ctx)
	if err != nil {
		return err
	}
	if o := owners.Alive(); o != nil {
		return invalidState("an app works on this task hub (queue %s is leased, host %q): use a hub of its own for tests, "+
			"or stop the app, whose leases end within a minute", o.Queue, o.Name)
	}
	return nil
}

// Client returns the client of the task hub. It is always the same one.
func (h *Hub) Client() *durable.OrchestrationClient { return h.client }

// Now returns the time on the hub's clock.
func (h *Hub) Now() time.Time { return h.hub.Now() }

// Advance moves the hub's clock on. Nothing happens by that alone: what is due then, a later step finds. ([Host.Advance]
// lets a host do it.) It panics for a real hub, whose clock nobody can move.
func (h *Hub) Advance(d time.Duration) {
	if h.clock == nil {
		panic("durabletest: Advance on a hub that does not lie in memory")
	}
	h.clock.advance(d)
	h.bell.ringAll()
}

// nextVisible returns when the next hidden message of a hub in memory becomes visible.
func (h *Hub) nextVisible(ctx context.Context) (time.Time, bool) {
	queues, err := h.queues(ctx)
	if err != nil {
		return time.Time{}, false
	}
	return h.store.NextVisible(h.Now(), queues...)
}
