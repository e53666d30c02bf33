package durable

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-durable/durable/internal/parallel"
	"github.com/go-durable/durable/internal/tap"
	"github.com/go-durable/durable/internal/taskhub"
)

// failures collects the errors of an operation on many instances: the first of them as they are, the others as a number.
// It is safe for concurrent use.
type failures struct {
	mu    sync.Mutex
	errs  []error
	count int
}

func (f *failures) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	if len(f.errs) < maxJoinedErrors {
		f.errs = append(f.errs, err)
	}
}

// join returns all errors and, behind them, the one that ended the operation, or nil if there is none at all.
func (f *failures) join(last error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	errs := f.errs
	if more := f.count - len(errs); more > 0 {
		errs = append(errs[:len(errs):len(errs)], fmt.Errorf("and %d more", more))
	}
	return errors.Join(append(errs[:len(errs):len(errs)], last)...)
}

const (
	defaultConcurrency = 16
	maxConcurrency     = 256
)

// checkBulk checks the bounds of a bulk operation and sets the default of the concurrency.
func checkBulk(concurrency *int, requestsPerSecond float64) error {
	if *concurrency == 0 {
		*concurrency = defaultConcurrency
	}
	switch {
	case *concurrency < 1 || *concurrency > maxConcurrency:
		return invalid("Concurrency is 1 to %d", maxConcurrency)
	case !(requestsPerSecond >= 0): // NaN as well
		return invalid("RequestsPerSecond is negative or no number")
	}
	return nil
}

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
	return parallel.SleepUntil(ctx, at)
}
