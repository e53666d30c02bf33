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
		last, err := c.waitFor(ctx, instanceID, opts.PollInterval, opts.AllowMissing, hasEnded)
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

func hasEnded(_ context.Context, i *wire.Instance) (bool, error) {
	return RuntimeStatus(i.RuntimeStatus).IsTerminal(), nil
}

func checkPollInterval(d time.Duration) error {
	if d < 0 {
		return invalid("PollInterval is negative")
	}
	return nil
}

// waitFor looks at an instance until it is done, of which its state and execution are read, and returns the last state seen.
func (c *OrchestrationClient) waitFor(
	ctx context.Context, instanceID string, longest time.Duration, allowMissing bool,
	done func(context.Context, *wire.Instance) (bool, error),
) (RuntimeStatus, error) {
	if longest == 0 {
		longest = defaultPollInterval
	}
	var last RuntimeStatus
	for pause := min(firstPollInterval, longest); ; pause = min(pause*3/2, longest) {
		row, err := c.hub.ReadInstance(ctx, instanceID, wire.ColRuntimeStatus, wire.ColExecutionID)
		is := false
		if err == nil {
			last = RuntimeStatus(row.RuntimeStatus)
			is, err = done(ctx, row)
		}
		switch {
		case ctx.Err() != nil:
			return last, stoppedWaiting(ctx)
		case errors.Is(err, ErrInstanceNotFound) && allowMissing:
		case err != nil, is:
			return last, err
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

// waitForStart waits until a worker has taken an instance up. Its state tells, but for one that was rewound or reset:
// workers leave that Pending until it ends or is suspended, and it has a history.
func (c *OrchestrationClient) waitForStart(
	ctx context.Context, instanceID string, longest time.Duration,
) (last RuntimeStatus, err error) {
	return c.waitFor(ctx, instanceID, longest, false, func(ctx context.Context, i *wire.Instance) (bool, error) {
		if i.RuntimeStatus != wire.StatusPending {
			return true, nil
		}
		return c.hub.TakenUp(ctx, i)
	})
}

// WaitInstancesOptions are options for WaitForInstances.
type WaitInstancesOptions struct {
	// PollInterval is the pause between two looks. Defaults to 5 s.
	PollInterval time.Duration
	// Drained also waits until no message lies in the hub's queues: until nothing is scheduled, on its way or being
	// worked on. It takes no filter.
	Drained bool
	// OnProgress is called after each look with how many instances have not ended, and how many messages lie in the
	// queues, which is only looked at for Drained.
	OnProgress func(open, messages int)
}

// WaitForInstances waits until all instances that match have ended, and returns how many of them there are, by state and
// orchestrator. An instance that is started meanwhile is waited for as well; no instance at all is an end, too. How long it
// waits is up to the context. A nil filter matches all orchestrations; one by states, or by what is only known of an
// instance that has ended, is refused. Opts may be nil.
//
// A look counts the instances that have not ended, which reads the whole table where the filter does not bound the keys.
// It returns [ErrInvalidArgument] and [ErrTaskHubNotFound]; when the context ends, its error, beside the last numbers.
func (c *OrchestrationClient) WaitForInstances(
	ctx context.Context, filter *InstanceFilter, opts *WaitInstancesOptions,
) ([]InstanceCount, error) {
	const op = "WaitForInstances"
	if opts == nil {
		opts = &WaitInstancesOptions{}
	}
	open, err := openFilter(filter)
	switch {
	case err == nil && opts.Drained && filter != nil:
		err = invalid("Drained is about the whole hub and takes no filter")
	case err == nil:
		err = checkPollInterval(opts.PollInterval)
	}
	if err != nil {
		return nil, c.fail(op, "", err)
	}
	if err := c.waitForNone(ctx, open, opts); err != nil {
		return nil, c.fail(op, "", err)
	}
	return c.CountInstances(ctx, filter, nil)
}

const defaultHubPollInterval = 5 * time.Second

// openFilter returns the filter for those instances that have not ended.
func openFilter(filter *InstanceFilter) (*InstanceFilter, error) {
	var open InstanceFilter
	if filter != nil {
		open = *filter
	}
	if len(open.Statuses) > 0 || open.FailedWith != "" || !open.CompletedFrom.IsZero() || !open.CompletedTo.IsZero() {
		return nil, invalid("instances cannot be waited for by their state, or by what is only known at their end")
	}
	open.Statuses = []RuntimeStatus{
		RuntimeStatusPending, RuntimeStatusRunning, RuntimeStatusSuspended, RuntimeStatusContinuedAsNew,
	}
	open.OmitInput, open.OmitOutput = true, true
	return &open, nil
}

// waitForNone looks until there is nothing left.
func (c *OrchestrationClient) waitForNone(ctx context.Context, open *InstanceFilter, opts *WaitInstancesOptions) error {
	pause := opts.PollInterval
	if pause == 0 {
		pause = defaultHubPollInterval
	}
	for {
		left, messages, err := c.lookForOpen(ctx, open, opts.Drained)
		switch {
		case ctx.Err() != nil:
			return stoppedWaiting(ctx)
		case err != nil:
			return err
		}
		if opts.OnProgress != nil {
			opts.OnProgress(left, messages)
		}
		if left+messages == 0 {
			return nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return stoppedWaiting(ctx)
		case <-timer.C:
		}
	}
}

func (c *OrchestrationClient) lookForOpen(
	ctx context.Context, open *InstanceFilter, drained bool,
) (left, messages int, err error) {
	counts, err := c.CountInstances(ctx, open, nil)
	if err != nil {
		return 0, 0, err
	}
	for _, n := range counts {
		left += n.Count
	}
	if !drained {
		return left, 0, nil
	}
	info, err := c.taskHubInfo(ctx)
	if err != nil {
		return 0, 0, err
	}
	total := info.WorkItems
	for _, q := range info.ControlQueues {
		total += q.Messages
	}
	return left, int(total), nil
}
