package durable

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-durable/durable/internal/scan"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// PurgeInstances removes every instance that matches and has ended. A nil filter is refused; an empty one means all
// instances that have ended. No filter ever widens: without states it means the four in which an instance has ended,
// also with opts.Force, and a state in which it has not is refused unless opts.Force. Opts may be nil.
//
// Each instance is removed as Purge does it. Failures do not stop the others: they are joined, the first hundred of
// them, and counted; a second run finds what is left. It can be cancelled at any time and goes on from its checkpoint,
// which stays before the first failure, or simply from the beginning.
//
// A few instances are purged one by one. For more, the History table is read in key order and the container of payloads
// is listed once, so that a small instance costs two requests: one transaction for its history and one for its row.
//
// It returns [ErrInvalidArgument], [ErrTaskHubNotFound], [ErrConflict] where instances changed meanwhile, and the
// context's error. The result is valid beside an error.
func (c *OrchestrationClient) PurgeInstances(
	ctx context.Context, filter *InstanceFilter, opts *PurgeOptions,
) (*PurgeResult, error) {
	const op = "PurgeInstances"
	o, err := opts.check()
	if err != nil {
		return &PurgeResult{}, c.fail(op, "", err)
	}
	q, err := purgeQuery(filter, &o)
	if err != nil {
		return &PurgeResult{}, c.fail(op, "", err)
	}
	hub, meter := metered(c.hub, o.RequestsPerSecond)
	p := &purger{client: c.on(hub), opts: o, query: q, meter: meter}
	p.result.Checkpoint = o.Checkpoint
	err = p.failed.join(p.run(ctx, p.purge))
	p.result.Requests = int(meter.requests.Load())
	return &p.result, c.fail(op, "", err)
}

// on returns the client on another view of its hub.
func (c *OrchestrationClient) on(hub *taskhub.Hub) *OrchestrationClient {
	return &OrchestrationClient{hub: hub, log: c.log}
}

// purgeQuery checks the filter of a purge and makes its query.
func purgeQuery(filter *InstanceFilter, o *PurgeOptions) (*query, error) {
	if filter == nil {
		return nil, invalid("a nil filter is refused; an empty one purges all instances that have ended")
	}
	q, err := filter.compile()
	if err != nil {
		return nil, err
	}
	if o.ExecutionID != "" {
		return nil, invalid("ExecutionID is for one instance")
	}
	f := q.filter
	if len(f.Statuses) == 0 {
		f.Statuses = terminalStatuses
	}
	for _, s := range f.Statuses {
		if !s.IsTerminal() && !o.Force {
			return nil, invalid("instances that are %s have not ended; they are purged only with Force", s)
		}
	}
	after, err := parseCheckpoint(o.Checkpoint)
	if err != nil {
		return nil, err
	}
	f.OmitInput = true
	q = newQueryAfter(f, after)
	q.columns = q.needs(purgeColumns...)
	return q, nil
}

var terminalStatuses = []RuntimeStatus{
	RuntimeStatusCompleted, RuntimeStatusFailed, RuntimeStatusCanceled, RuntimeStatusTerminated,
}

// checkpointMark begins a checkpoint, so that no other text is taken for one.
const checkpointMark = "purged-to:"

func formatCheckpoint(key string) string {
	return checkpointMark + base64.RawURLEncoding.EncodeToString([]byte(key))
}

func parseCheckpoint(text string) (key string, err error) {
	if text == "" {
		return "", nil
	}
	encoded, ok := strings.CutPrefix(text, checkpointMark)
	b, err := base64.RawURLEncoding.DecodeString(encoded)
	if !ok || err != nil || len(b) == 0 || !utf8.Valid(b) {
		return "", invalid("the checkpoint is not one of a purge")
	}
	return string(b), nil
}

// purger is a purge that runs: one goroutine finds the instances, others remove them.
type purger struct {
	client *OrchestrationClient
	opts   PurgeOptions
	query  *query
	meter  *meter

	failed failures
	mu     sync.Mutex
	result PurgeResult
	done   checkpoint
	// found counts the instances; scanned says that the payloads of the hub were listed.
	found   int
	scanned bool
}

// run finds the instances and calls do for each, several at a time. An error of do stops everything.
func (p *purger) run(ctx context.Context, do func(context.Context, *purgeJob) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	jobs := make(chan *purgeJob)
	var wg sync.WaitGroup
	for range p.opts.Concurrency {
		wg.Go(func() {
			for j := range jobs {
				if err := do(ctx, j); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := p.find(ctx, func(j *purgeJob) error {
		select {
		case jobs <- j:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	close(jobs)
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// purge removes one instance. It returns an error only if all other instances would meet it as well.
func (p *purger) purge(ctx context.Context, j *purgeJob) error {
	if ctx.Err() != nil {
		return nil // the purge has ended
	}
	r, err := j.purge(ctx, p.client.hub, p.opts.Force)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.result.InstancesDeleted += r.InstancesDeleted
	p.result.RowsDeleted += r.RowsDeleted
	p.result.BlobsDeleted += r.BlobsDeleted
	if err != nil && ctx.Err() != nil {
		return nil // it was interrupted: no failure, and no progress
	}
	if err != nil {
		p.result.Failed++
		err = p.client.fail("Purge", j.row.ID, err)
		if errors.Is(err, ErrAccessDenied) || errors.Is(err, ErrTaskHubNotFound) {
			return err
		}
		p.failed.add(err)
	} else if key, ok := p.done.add(j); ok {
		p.result.Checkpoint = formatCheckpoint(key)
	}
	if p.opts.OnProgress != nil {
		p.result.Requests = int(p.meter.requests.Load())
		p.opts.OnProgress(PurgeProgress{p.result, j.row.ID})
	}
	return nil
}

// maxJoinedErrors bounds the errors that a bulk operation reports; the others are counted.
const maxJoinedErrors = 100

// checkpoint finds out up to where all instances are done. It stays before the first that is not.
type checkpoint struct {
	// pending are the keys of instances that are done while an earlier one is not, by their order; next is the first
	// that is not done.
	pending map[int]string
	next    int
}

// maxPending bounds the memory of a checkpoint that is held up by an instance that could not be purged.
const maxPending = 1 << 16

// add notes that an instance is done and returns the key up to which all are, if that has changed.
func (c *checkpoint) add(j *purgeJob) (key string, ok bool) {
	if c.pending == nil {
		c.pending = make(map[int]string)
	}
	if len(c.pending) < maxPending {
		c.pending[j.order] = j.row.Key
	}
	for {
		next, done := c.pending[c.next]
		if !done {
			return key, ok
		}
		delete(c.pending, c.next)
		c.next++
		key, ok = next, true
	}
}

const (
	// fewInstances are purged one by one; more are worth looking at what all of them have in common.
	fewInstances = 20
	// maxPayloadPages bounds the listing of payloads, and so its memory: two hundred thousand names.
	maxPayloadPages = 40
)

// find gives each instance to be purged to do, in key order, with what belongs to it.
func (p *purger) find(ctx context.Context, do func(*purgeJob) error) error {
	var from storage.Token
	history := scan.NewHistory(p.client.hub)
	var payloads *scan.Payloads
	for {
		rows, next, err := p.client.matchingRows(ctx, p.query, from)
		if err != nil {
			return err
		}
		if !p.scanned && p.found+len(rows) > fewInstances {
			p.scanned = true
			if payloads, err = p.listPayloads(ctx, len(rows), next); err != nil {
				return fmt.Errorf("list the payloads: %w", err)
			}
		}
		history.Forget()
		for i := range rows {
			j := &purgeJob{row: rows[i], order: p.found}
			p.found++
			if j.rows, err = history.Rows(ctx, rows[i].Key); err != nil {
				return fmt.Errorf("read the keys of the history: %w", err)
			}
			j.mayHavePayloads = !payloads.Knows(&rows[i]) || payloads.Count(rows[i].ID) > 0
			if err := do(j); err != nil {
				return err
			}
		}
		if next == (storage.Token{}) {
			return nil
		}
		from = next
	}
}

// listPayloads lists the payloads of the hub, unless asking each instance for its own is cheaper.
func (p *purger) listPayloads(ctx context.Context, instances int, next storage.Token) (*scan.Payloads, error) {
	pages := maxPayloadPages
	if next == (storage.Token{}) {
		pages = min(pages, instances)
	}
	return scan.ListPayloads(ctx, p.client.hub, pages)
}

// matchingRows returns the rows of one page that meet all conditions, those on payloads included.
func (c *OrchestrationClient) matchingRows(
	ctx context.Context, q *query, from storage.Token,
) ([]wire.Instance, storage.Token, error) {
	rows, next, err := c.rowPage(ctx, q, storage.MaxPage, from, nil)
	if err != nil || !q.looksIntoPayloads() {
		return rows, next, err
	}
	statuses := make([]*OrchestrationStatus, len(rows))
	if err := errors.Join(c.resolveAll(ctx, q, rows, statuses, nil)...); err != nil {
		return nil, next, err
	}
	matching := rows[:0]
	for i, s := range statuses {
		if q.matchPayload(s) {
			matching = append(matching, rows[i])
		}
	}
	return matching, next, nil
}

func (q *query) looksIntoPayloads() bool { return len(q.filter.Tags) > 0 || q.filter.FailedWith != "" }
