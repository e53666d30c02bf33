package operate

import (
	"context"
	"errors"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/parallel"
)

// TerminateTree terminates an instance and all its sub-orchestrations, parents before children: a parent that has ended
// does not react to what becomes of its children. Each is [durable.OrchestrationClient.Terminate], so the messages are
// sent when TerminateTree returns and handled later; an instance may start another child until then. Repeat it until
// there is nothing left to do: what has ended is skipped. Opts may be nil.
//
// The tree is read before anything is done. The result has a step for each instance, and is returned beside an error,
// which joins those of all instances. It returns [durable.ErrInstanceNotFound], [durable.ErrInvalidState] for a tree that
// is larger than the limits, [durable.ErrInvalidArgument] and the errors of Terminate.
func TerminateTree(
	ctx context.Context, c *durable.OrchestrationClient, instanceID, reason string, opts *TreeActionOptions,
) (*TreeResult, error) {
	return actOnTree(ctx, c, "TerminateTree", ActionTerminate, instanceID, reason, opts)
}

// SuspendTree suspends an instance and all its sub-orchestrations, parents before children, so that no parent starts
// another one meanwhile. Otherwise it is [TerminateTree].
func SuspendTree(
	ctx context.Context, c *durable.OrchestrationClient, instanceID, reason string, opts *TreeActionOptions,
) (*TreeResult, error) {
	return actOnTree(ctx, c, "SuspendTree", ActionSuspend, instanceID, reason, opts)
}

// ResumeTree resumes an instance and all its sub-orchestrations, children before parents. Those that are not suspended
// are skipped. Otherwise it is [TerminateTree].
func ResumeTree(
	ctx context.Context, c *durable.OrchestrationClient, instanceID, reason string, opts *TreeActionOptions,
) (*TreeResult, error) {
	return actOnTree(ctx, c, "ResumeTree", ActionResume, instanceID, reason, opts)
}

// PurgeTree purges an instance and all its sub-orchestrations, children before parents: should it be interrupted, the
// parent still knows its children, and a repeat finds what is left. Where a child cannot be purged its parents stay. A
// tree in which anything has not ended is refused whole with [durable.ErrInvalidState], unless opts.Force. Each instance
// is purged in the execution that was found, by [durable.OrchestrationClient.Purge]: one that is started anew meanwhile is
// [durable.ErrConflict] and stays. Otherwise it is [TerminateTree]. An instance that does not exist is
// [durable.ErrInstanceNotFound] here, too, since its children cannot be found.
func PurgeTree(
	ctx context.Context, c *durable.OrchestrationClient, instanceID string, opts *TreeActionOptions,
) (*TreeResult, error) {
	return actOnTree(ctx, c, "PurgeTree", ActionPurge, instanceID, "", opts)
}

// actOnTree plans an action and carries it out, wave by wave.
func actOnTree(
	ctx context.Context, c *durable.OrchestrationClient, op string, action TreeAction, instanceID, reason string,
	opts *TreeActionOptions,
) (*TreeResult, error) {
	in := open(c)
	o, err := opts.check()
	if err == nil {
		err = in.CheckReason(reason)
	}
	if err != nil {
		return nil, in.Fail(op, instanceID, "", err)
	}
	r, err := planTree(ctx, in, instanceID, action, o)
	if err == nil && !o.DryRun {
		err = r.carryOut(ctx, c, reason, &o)
	}
	r.count()
	return r, in.Fail(op, instanceID, "", err)
}

// carryOut acts wave by wave. A purge ends at the first wave that fails, since it must not lose sight of what is left.
func (r *TreeResult) carryOut(ctx context.Context, c *durable.OrchestrationClient, reason string, o *TreeActionOptions) error {
	var all []error
	for begin := 0; begin < len(r.Steps); {
		end := begin
		for end < len(r.Steps) && r.Steps[end].Wave == r.Steps[begin].Wave {
			end++
		}
		wave := r.Steps[begin:end]
		errs := parallel.Do(ctx, len(wave), o.Concurrency, func(ctx context.Context, i int) error {
			s := wave[i]
			if s.Skipped != "" {
				return nil
			}
			return s.finish(s.act(ctx, c, r.Action, reason, o), r.Action)
		})
		for i, err := range errs {
			if err != nil {
				wave[i].Err, wave[i].Error = err, err.Error()
			}
		}
		err := errors.Join(errs...)
		all = append(all, err)
		if ctx.Err() != nil || err != nil && r.Action == ActionPurge {
			break
		}
		begin = end
	}
	return errors.Join(all...)
}

// act does to one instance what is done to all.
func (s *TreeStep) act(
	ctx context.Context, c *durable.OrchestrationClient, action TreeAction, reason string, o *TreeActionOptions,
) error {
	switch action {
	case ActionTerminate:
		return c.Terminate(ctx, s.InstanceID, reason, nil)
	case ActionSuspend:
		return c.Suspend(ctx, s.InstanceID, reason, nil)
	case ActionResume:
		return c.Resume(ctx, s.InstanceID, reason, nil)
	default:
		_, err := c.Purge(ctx, s.InstanceID, &durable.PurgeOptions{Force: o.Force, ExecutionID: s.ExecutionID})
		return err
	}
}

// finish notes what came of an instance. One that has ended, or gone, by itself meanwhile is no failure.
func (s *TreeStep) finish(err error, action TreeAction) error {
	var e *durable.Error
	switch {
	case err == nil:
		s.Done = true
		return nil
	case action == ActionPurge:
		return err
	case errors.Is(err, durable.ErrInstanceNotFound):
		s.Skipped = "does not exist any more"
		return nil
	case errors.Is(err, durable.ErrInvalidState) && errors.As(err, &e) && e.Status != "" && e.Status != s.RuntimeStatus:
		s.Skipped = "has become " + string(e.Status)
		return nil
	}
	return err
}

func (r *TreeResult) count() {
	if r == nil {
		return
	}
	for _, s := range r.Steps {
		switch {
		case s.Err != nil:
			r.Failed++
		case s.Done:
			r.Done++
		case s.Skipped != "":
			r.Skipped++
		}
	}
}
