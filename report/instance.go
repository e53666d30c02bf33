package report

import (
	"context"
	"errors"

	"github.com/go-durable/durable"
)

// Instance is an instance, what is known of it, and the sub-orchestrations that it started.
type Instance struct {
	// ID is the instance's ID.
	ID string
	// Status is its status, nil if there is none.
	Status *durable.OrchestrationStatus
	// History are the events of its current execution, oldest first.
	History []*durable.HistoryEvent
	// Children are the instances that it started, as far as they are known. Their order does not matter.
	Children []*Instance
	// Note says why something is missing, such as "not found".
	Note string
}

// LoadOptions are options for Load.
type LoadOptions struct {
	// OmitChildren leaves sub-orchestrations out.
	OmitChildren bool
	// OmitPayloads leaves inputs, results and details of failures out, those of the instances and those of the histories.
	OmitPayloads bool
	// MaxDepth is how many generations of sub-orchestrations are followed. Defaults to 16.
	MaxDepth int
	// MaxInstances is how many instances are read in all. Defaults to 200.
	MaxInstances int
}

const (
	defaultDepth     = 16
	defaultInstances = 200
)

// Load reads an instance, its history, and those of its sub-orchestrations. What is not followed, because it would be
// too many or was met before, is there with a note. Opts may be nil.
//
// It returns what [durable.OrchestrationClient.GetStatus] returns for the instance itself. A sub-orchestration that does
// not exist is no error.
func Load(
	ctx context.Context, client *durable.OrchestrationClient, instanceID string, opts *LoadOptions,
) (*Instance, error) {
	l := &loader{client: client, seen: make(map[string]bool)}
	if opts != nil {
		l.opts = *opts
	}
	if l.opts.MaxDepth <= 0 {
		l.opts.MaxDepth = defaultDepth
	}
	if l.opts.MaxInstances <= 0 {
		l.opts.MaxInstances = defaultInstances
	}
	root := &Instance{ID: instanceID}
	level := []*Instance{root}
	for depth := 0; len(level) > 0; depth++ {
		var next []*Instance
		for _, i := range level {
			if err := l.load(ctx, i, depth); err != nil {
				return nil, err
			}
			next = append(next, i.Children...)
		}
		level = next
	}
	return root, nil
}

type loader struct {
	client *durable.OrchestrationClient
	opts   LoadOptions
	seen   map[string]bool
}

func (l *loader) load(ctx context.Context, i *Instance, depth int) error {
	switch {
	case l.seen[i.ID]:
		i.Note = "shown elsewhere"
		return nil
	case depth > l.opts.MaxDepth:
		i.Note = "not read: too deep"
		return nil
	case len(l.seen) >= l.opts.MaxInstances:
		i.Note = "not read: too many instances"
		return nil
	}
	l.seen[i.ID] = true
	if err := l.read(ctx, i); err != nil {
		if depth == 0 || !errors.Is(err, durable.ErrInstanceNotFound) {
			return err
		}
		i.Note = "not found"
		return nil
	}
	if l.opts.OmitChildren {
		return nil
	}
	for _, e := range i.History {
		if e.Type == durable.EventSubOrchestrationCreated && e.InstanceID != "" {
			i.Children = append(i.Children, &Instance{ID: e.InstanceID})
		}
	}
	return nil
}

func (l *loader) read(ctx context.Context, i *Instance) error {
	status, err := l.client.GetStatus(ctx, i.ID, &durable.GetStatusOptions{OmitInput: l.opts.OmitPayloads})
	if err != nil {
		return err
	}
	if l.opts.OmitPayloads {
		status.Output, status.CustomStatus = nil, nil
	}
	i.Status = status
	i.History, err = l.client.GetHistory(ctx, i.ID, &durable.GetHistoryOptions{OmitPayloads: l.opts.OmitPayloads})
	return err
}

// name is the orchestrator's name.
func (i *Instance) name() string {
	if i.Status != nil && i.Status.Name != "" {
		return i.Status.Name
	}
	for _, e := range i.History {
		if e.Type == durable.EventExecutionStarted && e.Name != "" {
			return e.Name
		}
	}
	return ""
}

// state is the instance's state; where there is no row, that in which its history ends.
func (i *Instance) state() durable.RuntimeStatus {
	if i.Status != nil {
		return i.Status.RuntimeStatus
	}
	var state durable.RuntimeStatus
	for _, e := range i.History {
		if e.Type == durable.EventExecutionCompleted && e.Status != "" {
			state = e.Status
		}
	}
	return state
}
