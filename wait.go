package durable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-durable/durable/internal/wire"
)

// WaitOptions are options for WaitForCompletion.
type WaitOptions struct {
	// PollInterval is the longest pause between two looks. The first pauses are shorter: they begin at 50 ms and grow.
	// Defaults to 1 s.
	PollInterval time.Duration
	// AllowMissing waits for an instance that does not exist yet, instead of returning [ErrInstanceNotFound].
	AllowMissing bool
}

const (
	defaultPollInterval = time.Second
	firstPollInterval   = 50 * time.Millisecond
)

// WaitForCompletion waits until an instance has ended and returns its status. How long it waits is up to the context:
// when that ends, the error is its error and [Error] has the last state seen. ContinuedAsNew is no end, and an instance
// that is started anew under the same ID meanwhile is waited for in turn. Opts may be nil.
//
// A look fetches a few bytes; only the last one fetches the whole status. It returns the errors of GetStatus.
func (c *OrchestrationClient) WaitForCompletion(
	ctx context.Context, instanceID string, opts *WaitOptions,
) (*OrchestrationStatus, error) {
	const op = "WaitForCompletion"
	if opts == nil {
		opts = &WaitOptions{}
	}
	if err := errors.Join(checkKnownID(instanceID), checkPollInterval(opts.PollInterval)); err != nil {
		return nil, c.fail(op, instanceID, err)
	}
	for {
		last, err := c.waitFor(ctx, instanceID, opts.PollInterval, opts.AllowMissing, RuntimeStatus.IsTerminal)
		if err != nil {
			return nil, c.failIn(op, instanceID, last, err)
		}
		s, err := c.readStatus(ctx, instanceID, &GetStatusOptions{})
		switch {
		case errors.Is(err, ErrInstanceNotFound) && opts.AllowMissing: // purged since
		case err != nil:
			return nil, c.failIn(op, instanceID, last, err)
		case s.RuntimeStatus.IsTerminal():
			return s, nil
		}
	}
}

func checkPollInterval(d time.Duration) error {
	if d < 0 {
		return invalid("PollInterval is negative")
	}
	return nil
}

// waitFor looks at the state of an instance until it is done, and returns the last state seen.
func (c *OrchestrationClient) waitFor(
	ctx context.Context, instanceID string, longest time.Duration, allowMissing bool, done func(RuntimeStatus) bool,
) (RuntimeStatus, error) {
	if longest == 0 {
		longest = defaultPollInterval
	}
	var last RuntimeStatus
	for pause := min(firstPollInterval, longest); ; pause = min(pause*3/2, longest) {
		row, err := c.hub.ReadInstance(ctx, instanceID, wire.ColRuntimeStatus)
		switch {
		case ctx.Err() != nil:
			return last, stoppedWaiting(ctx)
		case errors.Is(err, ErrInstanceNotFound) && allowMissing:
		case err != nil:
			return last, err
		default:
			if last = RuntimeStatus(row.RuntimeStatus); done(last) {
				return last, nil
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return last, stoppedWaiting(ctx)
		case <-timer.C:
		}
	}
}

func stoppedWaiting(ctx context.Context) error { return fmt.Errorf("stopped waiting: %w", ctx.Err()) }

// waitForStart waits until a worker has taken an instance up: its state then is no longer Pending.
func (c *OrchestrationClient) waitForStart(
	ctx context.Context, instanceID string, longest time.Duration,
) (last RuntimeStatus, err error) {
	return c.waitFor(ctx, instanceID, longest, false, func(s RuntimeStatus) bool { return s != RuntimeStatusPending })
}
