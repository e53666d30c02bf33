package durable

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-durable/durable/internal/tap"
	"github.com/go-durable/durable/internal/taskhub"
)

// meter counts the requests of an operation and keeps their rate below a limit.
type meter struct {
	requests atomic.Int64

	// interval is the time between two requests; 0 is no limit.
	interval time.Duration
	mu       sync.Mutex
	next     time.Time
}

// maxInterval keeps absurdly low rates from overflowing.
const maxInterval = 24 * time.Hour

// metered returns the hub behind a meter.
func metered(hub *taskhub.Hub, requestsPerSecond float64) (*taskhub.Hub, *meter) {
	m := &meter{}
	if requestsPerSecond > 0 {
		m.interval = time.Duration(min(float64(time.Second)/requestsPerSecond, float64(maxInterval)))
	}
	return hub.On(tap.Wrap(hub.Account, m.call)), m
}

func (m *meter) call(ctx context.Context, c tap.Call) error {
	if c.Phase == tap.After {
		return c.Err
	}
	if err := m.wait(ctx); err != nil {
		return err
	}
	m.requests.Add(1)
	return nil
}

// wait takes the next free moment and waits for it. What was not used is not saved up: there are no bursts.
func (m *meter) wait(ctx context.Context) error {
	if m.interval == 0 {
		return ctx.Err()
	}
	m.mu.Lock()
	now := time.Now()
	at := m.next
	if at.Before(now) {
		at = now
	}
	m.next = at.Add(m.interval)
	m.mu.Unlock()
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
