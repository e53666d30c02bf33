package report

import (
	"context"
	"errors"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/parallel"
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
		level = l.wanted(level, depth)
		errs := parallel.Do(ctx, len(level), parallelism, func(ctx context.Context, n int) error { return l.read(ctx, level[n]) })
		var next []*Instance
		for n, err := range errs {
			switch {
			case err == nil:
				next = append(next, l.children(level[n])...)
			case depth > 0 && errors.Is(err, durable.ErrInstanceNotFound):
				level[n].Note = "not found"
			default:
				return nil, err
			}
		}
		level = next
	}
	return root, nil
}

// parallelism is how many instances are read at a time.
const parallelism = 8

type loader struct {
	client *durable.OrchestrationClient
	opts   LoadOptions
	seen   map[string]bool
}

// wanted are those of the instances of a generation that are to be read; the others get a note.
func (l *loader) wanted(level []*Instance, depth int) []*Instance {
	var wanted []*Instance
	for _, i := range level {
		switch {
		case l.seen[i.ID]:
			i.Note = "shown elsewhere"
		case depth > l.opts.MaxDepth:
			i.Note = "not read: too deep"
		case len(l.seen) >= l.opts.MaxInstances:
			i.Note = "not read: too many instances"
		default:
			l.seen[i.ID] = true
			wanted = append(wanted, i)
		}
	}
	return wanted
}

// children adds the sub-orchestrations of which the history of an instance tells.
func (l *loader) children(i *Instance) []*Instance {
	if l.opts.OmitChildren {
		return nil
	}
	for _, e := range i.History {
		if e.Type == durable.EventSubOrchestrationCreated && e.InstanceID != "" {
			i.Children = append(i.Children, &Instance{ID: e.InstanceID})
		}
	}
	return i.Children
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

// pictured are the children that a picture shows. Of those of which only the ID is known these are the first: Load stops
// reading where they are too many.
func (i *Instance) pictured() (children []*Instance, left int) {
	const most = 20
	bare := 0
	for _, c := range i.Children {
		if c.Status == nil && len(c.History) == 0 && len(c.Children) == 0 {
			if bare++; bare > most {
				left++
				continue
			}
		}
		children = append(children, c)
	}
	return children, left
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
