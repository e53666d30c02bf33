package durabletest

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Run handles messages as they come until the context ends, and returns its error. What fails is tried again, as at a
// worker; [HostOptions.OnError] hears of it. It returns durable.ErrInvalidState at once for a real hub on which an app
// works.
func (h *Host) Run(ctx context.Context) error {
	if err := h.of.checkAlone(ctx); err != nil {
		return h.fail("Run", err)
	}
	count, err := h.hub.PartitionCount(ctx)
	if err != nil {
		return h.fail("Run", err)
	}
	var wg sync.WaitGroup
	for p := range count {
		wg.Go(func() {
			h.poll(ctx, h.hub.ControlQueue(p), func() (int, error) { return h.controlTurn(ctx, p, workers) })
		})
	}
	for range workers {
		wg.Go(func() { h.poll(ctx, h.hub.WorkItems(), func() (int, error) { return h.workTurn(ctx) }) })
	}
	wg.Wait()
	return h.fail("Run", ctx.Err())
}

// workers is how many activities, and how many instances of a partition, [Host.Run] handles at the same time.
const workers = 4

// poll takes turns at a queue until the context ends.
func (h *Host) poll(ctx context.Context, queue string, turn func() (int, error)) {
	rung, stop := h.of.bell.listen(queue)
	defer stop()
	idle := h.opts.PollInterval
	for ctx.Err() == nil {
		n, err := turn()
		if err != nil && ctx.Err() == nil && h.opts.OnError != nil {
			h.opts.OnError(h.fail("Run", err))
		}
		if n > 0 {
			idle = h.opts.PollInterval
			continue
		}
		pause := time.NewTimer(h.of.quiet(queue, idle))
		select {
		case <-ctx.Done():
		case <-rung:
			idle = h.opts.PollInterval
		case <-pause.C:
			if h.of.store != nil {
				idle = min(2*idle, maxIdle)
			}
		}
		pause.Stop()
	}
}

// maxIdle is how long a queue in memory is not looked into if nothing is known to come. The bell tells of what comes, but
// not of a clock that is moved elsewhere.
const maxIdle = time.Minute

// quiet returns how long nothing will come by itself in a queue, at most so long.
func (h *Hub) quiet(queue string, most time.Duration) time.Duration {
	if h.store == nil {
		return most
	}
	now := h.Now()
	if next, ok := h.store.NextVisible(now, queue); ok {
		most = min(most, next.Sub(now))
	}
	return most
}

// bell rings when a queue in memory has got a message. Those who wait need not look again and again, which would take
// long in a bubble of testing/synctest where days pass.
type bell struct {
	mu        sync.Mutex
	listeners map[string][]chan struct{} // by queue
}

// listen returns what tells that the bell has rung for a queue since it was last heard.
func (b *bell) listen(queue string) (rung <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.listeners == nil {
		b.listeners = make(map[string][]chan struct{})
	}
	b.listeners[queue] = append(b.listeners[queue], c)
	return c, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.listeners[queue] = slices.DeleteFunc(b.listeners[queue], func(other chan struct{}) bool { return other == c })
	}
}

// ring tells those who listen for a queue.
func (b *bell) ring(queue string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ring(b.listeners[queue])
}

// ringAll tells all who listen.
func (b *bell) ringAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, listeners := range b.listeners {
		ring(listeners)
	}
}

func ring(listeners []chan struct{}) {
	for _, c := range listeners {
		select {
		case c <- struct{}{}:
		default: // it has not been heard yet
		}
	}
}
