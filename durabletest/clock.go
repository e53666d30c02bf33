package durabletest

import (
	"sync"
	"time"
)

// clock is another clock, moved on by hand.
type clock struct {
	base func() time.Time

	mu    sync.Mutex
	moved time.Duration
}

// newClock returns a clock that stands still unless it is given one that runs.
func newClock(base func() time.Time) *clock {
	if base == nil {
		now := time.Now()
		base = func() time.Time { return now }
	}
	return &clock{base: base}
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base().Add(c.moved)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moved += d
}
