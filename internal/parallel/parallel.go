// Package parallel does several things at once, within bounds, and waits between them.
package parallel

import (
	"context"
	"sync"
	"time"
)

// Do calls do for 0 to n-1, at most limit at a time, and returns their errors by index once all have ended. Indices that
// were not begun when ctx ended get its error.
func Do(ctx context.Context, n, limit int, do func(ctx context.Context, i int) error) []error {
	errs := make([]error, n)
	slots := make(chan struct{}, max(limit, 1))
	var wg sync.WaitGroup
	for i := range n {
		select {
		case <-ctx.Done():
			errs[i] = ctx.Err()
			continue
		case slots <- struct{}{}:
		}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = do(ctx, i)
		})
	}
	wg.Wait()
	return errs
}

// SleepUntil waits for a moment. It returns the context's error if that ends first.
func SleepUntil(ctx context.Context, at time.Time) error {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
