package durabletest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/taskhub"
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

// Hub is a task hub in memory. It is safe for concurrent use: steps of instances happen one after the other.
type Hub struct {
	client *durable.OrchestrationClient
	hub    *taskhub.Hub
	clock  *clock

	mu sync.Mutex // one step at a time
	// received counts the events of each name that ReceiveEvent has returned.
	received map[eventKey]int
}

// New returns a new task hub in a storage account of its own. It returns durable.ErrInvalidArgument for a name or a
// partition count that cannot be. Opts may be nil.
func New(opts *Options) (*Hub, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.TaskHub == "" {
		o.TaskHub = defaultTaskHub
	}
	clock := newClock(o.Clock)
	account := memstore.New(&memstore.Options{Clock: clock.now}).Account()
	settings := taskhub.Options{Now: clock.now, BlobEndpoint: blobEndpoint}
	client, err := hook.NewClient(account, o.TaskHub, settings)
	if err != nil {
		return nil, fmt.Errorf("durabletest: %w", err)
	}
	worker, err := taskhub.New(account, o.TaskHub, settings)
	if err != nil {
		return nil, fmt.Errorf("durabletest: %w", err)
	}
	h := &Hub{
		client: client.(*durable.OrchestrationClient), hub: worker, clock: clock, received: make(map[eventKey]int),
	}
	if o.NotCreated {
		return h, nil
	}
	create := &durable.CreateTaskHubOptions{PartitionCount: o.PartitionCount}
	if err := h.client.CreateTaskHub(context.Background(), create); err != nil {
		return nil, fmt.Errorf("durabletest: %w", err)
	}
	return h, nil
}

// Client returns the client of the task hub. It is always the same one.
func (h *Hub) Client() *durable.OrchestrationClient { return h.client }

// Now returns the time on the hub's clock.
func (h *Hub) Now() time.Time { return h.clock.now() }

// Advance moves the hub's clock on. Nothing happens by that alone: what is due then, a later step finds.
func (h *Hub) Advance(d time.Duration) { h.clock.advance(d) }
