package durable

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// StartOrGet starts an instance under a given ID, or returns the one that exists: the idempotent start. Started tells
// which. opts.OverridableStates is not heeded: what exists is never replaced.
//
// If the existing instance is Pending and no worker has taken it up, its start message is sent again, made from its
// row. That changes nothing if the first one arrived, and completes a start that a crash cut short. So a StartOrGet
// that failed, for whatever reason, can simply be repeated. Engines before 1.8.6 do not know repeated start messages:
// there it may run twice.
//
// It returns [ErrInstanceExists] if the existing instance is one of another orchestrator; otherwise it fails as StartNew
// does.
func (c *OrchestrationClient) StartOrGet(
	ctx context.Context, orchestrator, instanceID string, input any, opts *StartNewOptions,
) (status *OrchestrationStatus, started bool, err error) {
	const op = "StartOrGet"
	var o StartNewOptions
	if opts != nil {
		o = *opts
	}
	if instanceID == "" || o.InstanceID != "" && o.InstanceID != instanceID {
		return nil, false, c.fail(op, instanceID, invalid("StartOrGet takes the instance ID as an argument"))
	}
	o.InstanceID, o.OverridableStates = instanceID, OverridableNonRunningStates
	s, err := c.newStarter(orchestrator, input, &o)
	if err != nil {
		return nil, false, c.fail(op, instanceID, err)
	}
	if started, err = s.insert(ctx); err == nil && started {
		err = s.sendFirst(ctx)
	} else if err == nil {
		err = s.complete(ctx)
	}
	if err != nil {
		return nil, false, c.failIn(op, instanceID, s.found, err)
	}
	status, err = c.readStatus(ctx, instanceID, &GetStatusOptions{})
	return status, started, c.fail(op, instanceID, err)
}

// insert is claim without replacing: it reports false if the ID is in use.
func (s *starter) insert(ctx context.Context) (bool, error) {
	row, err := s.prepare(ctx)
	if err != nil {
		return false, err
	}
	s.etag, err = s.hub.InsertInstance(ctx, row)
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, storage.ErrExists) {
		return false, s.abandon(ctx, err)
	}
	existing, err := s.readRow(ctx)
	if err != nil {
		return false, s.abandon(ctx, err)
	}
	if s.own(existing) {
		return true, nil
	}
	s.discard(ctx)
	if name := existing.Text(wire.ColName); name != s.start.Name {
		s.found = RuntimeStatus(existing.Text(wire.ColRuntimeStatus))
		return false, fmt.Errorf("%w: it is one of orchestrator %q", ErrInstanceExists, name)
	}
	s.replaced = existing
	return false, nil
}

// sendFirst is send for a start that is going to be repeated. If the message may have arrived, the row stays: the repeat
// then sends a message of the same execution, of which the engine runs one. A new row would mean a second execution.
func (s *starter) sendFirst(ctx context.Context) error {
	err := s.put(ctx)
	switch {
	case errors.Is(err, storage.ErrUncertain):
		return fmt.Errorf("%w; the instance's row was left Pending: StartOrGet again makes sure that it starts", err)
	case err != nil:
		return s.abandon(ctx, err)
	}
	return nil
}

// complete sends the start message of an existing instance again if no worker has taken it up.
func (s *starter) complete(ctx context.Context) error {
	i := wire.DecodeInstance(s.replaced)
	if i.RuntimeStatus != wire.StatusPending {
		return nil
	}
	taken, err := s.hub.TakenUp(ctx, &i)
	if err != nil || taken {
		return err
	}
	out, err := s.hub.PrepareAgain(ctx, &i)
	if err != nil {
		return err
	}
	delay, err := delayUntil(i.ScheduledStartTime.Time(), s.hub.Now())
	if err != nil {
		return err
	}
	if err := s.hub.SendOrDiscard(ctx, out, delay); err != nil {
		return fmt.Errorf("send the start message again: %w", err)
	}
	return nil
}
