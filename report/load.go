package report

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/parallel"
)

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
	// MaxPayloads is how many bytes of payloads are read in all: as soon as there are more, sub-orchestrations are read
	// without. Defaults to 256 MiB.
	MaxPayloads int
}

const (
	defaultDepth     = 16
	defaultInstances = 200
	defaultPayloads  = 256 << 20
)

func (o *LoadOptions) withDefaults() LoadOptions {
	var opts LoadOptions
	if o != nil {
		opts = *o
	}
	if opts.MaxDepth <= 0 {
		opts.MaxDepth = defaultDepth
	}
	if opts.MaxInstances <= 0 {
		opts.MaxInstances = defaultInstances
	}
	if opts.MaxPayloads <= 0 {
		opts.MaxPayloads = defaultPayloads
	}
	return opts
}

// Load reads an instance, its history, and those of its sub-orchestrations. Opts may be nil.
//
// A sub-orchestration of which something is missing is there with a note: one that does not exist, one whose row or
// history cannot be read, one that is not followed because it would be too many or was met before. A tree that is broken
// somewhere is the one that is looked at.
//
// It returns what [durable.OrchestrationClient.GetStatus] and [durable.OrchestrationClient.GetHistory] return for the
// instance itself. It also fails where the storage does: with [durable.ErrTaskHubNotFound], with
// [durable.ErrAccessDenied], and when the instance itself, read before, can be read no more.
func Load(
	ctx context.Context, client *durable.OrchestrationClient, instanceID string, opts *LoadOptions,
) (*Instance, error) {
	root := &Instance{ID: instanceID}
	l := &loader{client: client, opts: opts.withDefaults(), root: root, seen: make(map[string]bool)}
	level := []*Instance{root}
	for depth := 0; len(level) > 0; depth++ {
		level = l.wanted(level, depth)
		errs := parallel.Do(ctx, len(level), parallelism, func(ctx context.Context, n int) error { return l.read(ctx, level[n]) })
		var next []*Instance
		for n, err := range errs {
			if err != nil {
				return nil, err
			}
			next = append(next, l.children(level[n])...)
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
	root   *Instance
	seen   map[string]bool
	// payloads is how many bytes of payloads were read.
	payloads atomic.Int64
	// lost is why nothing can be read any more.
	mu   sync.Mutex
	lost error
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
			i.Children = append(i.Children, &Instance{ID: e.InstanceID, Name: e.Name})
		}
	}
	return i.Children
}

// read reads an instance. Of the root everything must be read; of another one a note says what cannot be, and an error
// is one that ends all.
func (l *loader) read(ctx context.Context, i *Instance) error {
	if i == l.root {
		err := l.readStatus(ctx, i)
		if err == nil {
			err = l.readHistory(ctx, i)
		}
		return err
	}
	if err := l.isLost(); err != nil {
		return err
	}
	noStatus, err := l.spare(ctx, l.readStatus(ctx, i))
	if err != nil {
		return err
	}
	noHistory, err := l.spare(ctx, l.readHistory(ctx, i))
	if err != nil {
		return err
	}
	switch {
	case errors.Is(noStatus, durable.ErrInstanceNotFound) && len(i.History) == 0:
		i.Note = "not found"
	case noStatus != nil && len(i.History) == 0:
		i.Note = "not read: " + cause(noStatus)
	case noStatus != nil:
		i.Note = "shown without its status: " + cause(noStatus)
	case noHistory != nil:
		i.Note = "shown without its history: " + cause(noHistory)
	}
	return nil
}

// cause is why an operation failed, in a line, without its name and the instance's, which stand beside it.
func cause(err error) string {
	var failed *durable.Error
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return oneLine(err.Error(), maxReason)
}

// spare tells an error that is about one sub-orchestration, and is returned as that, from one that ends all: the root can
// be read no more either. It is asked for again at each error, because each could be the first of many.
func (l *loader) spare(ctx context.Context, err error) (spared, fatal error) {
	switch {
	case err == nil:
		return nil, nil
	case ctx.Err() != nil, errors.Is(err, durable.ErrTaskHubNotFound), errors.Is(err, durable.ErrAccessDenied):
		return nil, err
	case errors.Is(err, durable.ErrInstanceNotFound):
		return err, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost == nil {
		_, l.lost = l.client.GetStatus(ctx, l.root.ID, &durable.GetStatusOptions{OmitInput: true})
	}
	if errors.Is(l.lost, durable.ErrInstanceNotFound) {
		l.lost = nil // purged meanwhile, which the storage has answered
	}
	return err, l.lost
}

func (l *loader) isLost() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

func (l *loader) readStatus(ctx context.Context, i *Instance) error {
	omit := l.omit(i)
	status, err := l.client.GetStatus(ctx, i.ID, &durable.GetStatusOptions{OmitInput: omit})
	if err != nil {
		return err
	}
	if omit {
		status.Output, status.CustomStatus = nil, nil
	}
	i.Status = status
	l.payloads.Add(int64(len(status.Input) + len(status.Output) + len(status.CustomStatus)))
	return nil
}

func (l *loader) readHistory(ctx context.Context, i *Instance) error {
	omit := l.omit(i)
	if omit && !l.opts.OmitPayloads {
		i.Note = "shown without payloads: they are too large in all"
	}
	history, err := l.client.GetHistory(ctx, i.ID, &durable.GetHistoryOptions{OmitPayloads: omit})
	if errors.Is(err, durable.ErrPayloadTooLarge) && !omit && i != l.root {
		i.Note = "shown without payloads: " + cause(err)
		history, err = l.client.GetHistory(ctx, i.ID, &durable.GetHistoryOptions{OmitPayloads: true})
	}
	if err != nil {
		return err
	}
	i.History = history
	for _, e := range history {
		l.payloads.Add(int64(len(e.Input) + len(e.Result) + len(e.Details) + len(e.FailureDetails)))
	}
	return nil
}

// omit reports whether payloads of an instance are left out.
func (l *loader) omit(i *Instance) bool {
	return l.opts.OmitPayloads || i != l.root && l.payloads.Load() > int64(l.opts.MaxPayloads)
}
