package durable

import (
	"context"
	"time"
)

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
