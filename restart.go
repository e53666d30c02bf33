package durable

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// RestartOptions are options for Restart.
type RestartOptions struct {
	// ReuseInstanceID starts the instance again under its own ID, in place of what is there. Without it a new instance
	// is started, and the old one stays as it is.
	ReuseInstanceID bool
	// ExecutionID is the execution that is started again: [ErrConflict] if another one is current. Defaults to whichever is.
	ExecutionID string
}

// Restart starts an instance again and returns the ID of what it has started: a new GUID, or with
// opts.ReuseInstanceID the same ID. Opts may be nil.
//
// The new execution has the orchestrator, the input, the version and the tags of the old one: the input byte for byte,
// and none where there was none. (The .NET client makes null of that, rewrites numbers and dates, and drops version and
// tags.) It starts at once, also where the old one was scheduled, and has no parent.
//
// Under a new ID an instance can be restarted in any state. Under its own ID it must have ended: otherwise, or if
// somebody else has just restarted it, Restart returns [ErrInstanceExists] as StartNew does for an ID in use. The row is
// replaced first, only if it is still the one whose input was read, and then the start message is sent; if that fails,
// the old row is put back. So Restart can be repeated. Should the process die between the two, the instance is left
// Pending: StartOrGet then sends its message.
//
// It returns [ErrInstanceNotFound], [ErrPayloadMissing] if the blob of the input is gone, [ErrInvalidArgument] for an
// entity, and otherwise fails as StartNew does.
func (c *OrchestrationClient) Restart(
	ctx context.Context, instanceID string, opts *RestartOptions,
) (newInstanceID string, err error) {
	const op = "Restart"
	if opts == nil {
		opts = &RestartOptions{}
	}
	if err := checkControlled(instanceID); err != nil {
		return "", c.fail(op, instanceID, err)
	}
	s, err := c.restart(ctx, instanceID, opts)
	if err != nil {
		return "", c.failIn(op, instanceID, s.found, err)
	}
	return s.start.InstanceID, nil
}

// restart returns the starter of the next execution, also beside an error.
func (c *OrchestrationClient) restart(ctx context.Context, instanceID string, opts *RestartOptions) (*starter, error) {
	s := &starter{hub: c.hub}
	reuse := opts.ReuseInstanceID
	row, err := c.hub.ReadRow(ctx, instanceID, restartColumns(reuse)...)
	if err != nil {
		return s, err
	}
	i := wire.DecodeInstance(row)
	if err := checkExecution(opts.ExecutionID, &i); err != nil {
		return s, err
	}
	if reuse {
		if err := s.mayReplace(i.RuntimeStatus); err != nil {
			return s, err
		}
	}
	if s.start, err = c.startAgain(ctx, &i); err != nil {
		return s, err
	}
	if reuse {
		if err := s.replaceRow(ctx, row); err != nil {
			return s, s.abandon(ctx, err)
		}
		return s, s.send(ctx)
	}
	s.start.InstanceID = c.hub.NewID().N()
	if err = s.claim(ctx); err == nil {
		err = s.send(ctx)
	}
	if err != nil {
		return s, fmt.Errorf("start it as %q: %w", s.start.InstanceID, err)
	}
	return s, nil
}

// restartColumns returns the columns that are read; nil is all of them, for a row that may have to be put back.
func restartColumns(reuse bool) []string {
	if reuse {
		return nil
	}
	return []string{
		wire.ColName, wire.ColVersion, wire.ColInput, wire.ColInputBlobName, wire.ColTags, wire.ColTagsBlobName,
		wire.ColExecutionID,
	}
}

// startAgain returns the start of a new execution that is like the one in a row.
func (c *OrchestrationClient) startAgain(ctx context.Context, i *wire.Instance) (*wire.Start, error) {
	i.Output = storage.Value{} // need not be fetched
	texts := c.texts(i)
	missing, err := c.fetch(ctx, texts[:])
	if err = errors.Join(err, missing); err != nil {
		return nil, err
	}
	if i.Name == "" {
		return nil, wrongState("the row of the instance names no orchestrator")
	}
	old, err := i.Start()
	if err != nil {
		return nil, fmt.Errorf("read the row of the instance: %w", err)
	}
	return &wire.Start{
		InstanceID: i.ID, ExecutionID: c.hub.NewID().N(), Name: old.Name, Version: old.Version, Input: old.Input,
		Tags: old.Tags, Created: wire.Cut(c.hub.Now()),
	}, nil
}
