package durable

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/go-durable/durable/internal/storage"
)

// pageReader reads one page of a part of a query.
type pageReader[T any] func(ctx context.Context, part *query, from storage.Token) (T, storage.Token, error)

// pages iterates over all pages of a query, one after the other.
func pages[T any](ctx context.Context, q *query, read pageReader[T]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var from storage.Token
		for {
			page, next, err := read(ctx, q, from)
			if err == nil {
				err = ctx.Err()
			}
			if !yield(page, err) || err != nil || next == (storage.Token{}) {
				return
			}
			from = next
		}
	}
}

// aheadPages is how many pages of a part may wait until it is their turn. It bounds the memory of an ordered query.
const aheadPages = 2

// inRanges iterates over all pages of a query. With parallelism it cuts the hub into parts and reads as many at once;
// their pages come in key order unless opts.Unordered.
func inRanges[T any](
	ctx context.Context, c *OrchestrationClient, q *query, opts QueryOptions, read pageReader[T],
) iter.Seq2[T, error] {
	if opts.Parallelism == 1 {
		return pages(ctx, q, read)
	}
	return func(yield func(T, error) bool) {
		var none T
		ranges, requests, err := c.splitRange(ctx, q.keys(), opts.Parallelism, max(minSample, opts.Parallelism*querySample))
		opts.Plan.addRequests(requests)
		if err != nil {
			yield(none, err)
			return
		}
		partsCtx, cancel := context.WithCancel(ctx)
		var wg sync.WaitGroup
		defer wg.Wait()
		defer cancel() // before the Wait
		for _, part := range startParts(partsCtx, &wg, q, ranges, opts.Unordered, read) {
			for r := range part {
				if !yield(r.page, r.err) || r.err != nil {
					return
				}
			}
		}
		if err := ctx.Err(); err != nil { // parts that it interrupted end without a word
			yield(none, err)
		}
	}
}

type pageResult[T any] struct {
	page T
	err  error
}

// startParts reads each range in a goroutine of its own. It returns a channel a range, or one for all if the order does
// not matter.
func startParts[T any](
	ctx context.Context, wg *sync.WaitGroup, q *query, ranges []KeyRange, unordered bool, read pageReader[T],
) []chan pageResult[T] {
	var shared chan pageResult[T]
	var open sync.WaitGroup
	parts := make([]chan pageResult[T], len(ranges))
	if unordered {
		shared = make(chan pageResult[T], aheadPages)
		parts = []chan pageResult[T]{shared}
		open.Add(len(ranges))
		wg.Go(func() { open.Wait(); close(shared) })
	}
	for i, r := range ranges {
		out, done := shared, open.Done
		if !unordered {
			own := make(chan pageResult[T], aheadPages)
			out, done = own, func() { close(own) }
			parts[i] = own
		}
		wg.Go(func() {
			defer done()
			readPart(ctx, q.within(r), read, out)
		})
	}
	return parts
}

func readPart[T any](ctx context.Context, q *query, read pageReader[T], out chan<- pageResult[T]) {
	for page, err := range pages(ctx, q, read) {
		select {
		case out <- pageResult[T]{page, err}:
		case <-ctx.Done():
			return
		}
	}
}

// keys returns the range of keys that a query covers.
func (q *query) keys() KeyRange { return q.filter.keys() }

// within returns the query for a part of its range.
func (q *query) within(r KeyRange) *query {
	f := q.filter
	f.Keys = r
	part := newQuery(f)
	part.columns = q.columns
	return part
}

// SplitKeyRanges cuts the hub into up to n ranges of about the same number of keys, which together hold every instance
// exactly once, so that several processes can query, count or purge it at once. It looks at a few keys, not at all, so
// the parts are not equal; a small hub gives fewer of them. It costs about twelve requests a range at most.
//
// It returns [ErrInvalidArgument] and [ErrTaskHubNotFound].
func (c *OrchestrationClient) SplitKeyRanges(ctx context.Context, n int) ([]KeyRange, error) {
	const op = "SplitKeyRanges"
	if n < 1 || n > maxRanges {
		return nil, c.fail(op, "", invalid("the number of ranges is 1 to %d", maxRanges))
	}
	ranges, _, err := c.splitRange(ctx, KeyRange{}, n, n*splitSample)
	if err != nil {
		return nil, c.fail(op, "", err)
	}
	return ranges, nil
}

const maxRanges = 1000

// How many requests may be spent to find out where to cut: for each part of a query, which has to wait for them, for a
// query of few parts, and for each range of SplitKeyRanges, which are to be used for something that takes long.
const (
	querySample = 4
	minSample   = 24
	splitSample = 12
)

// splitRange cuts a range and says how many requests that took.
func (c *OrchestrationClient) splitRange(
	ctx context.Context, r KeyRange, n, budget int,
) ([]KeyRange, int, error) {
	cuts, requests, err := c.hub.SampleKeys(ctx, r.From, r.To, n, budget)
	if err != nil {
		return nil, requests, err
	}
	cuts = slices.DeleteFunc(cuts, func(k string) bool { return k == r.From })
	ranges := make([]KeyRange, 0, len(cuts)+1)
	from := r.From
	for _, cut := range cuts {
		ranges = append(ranges, KeyRange{from, cut})
		from = cut
	}
	return append(ranges, KeyRange{from, r.To}), requests, nil
}
