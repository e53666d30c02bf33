package durable

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-durable/durable/internal/parallel"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// QueryOptions are options for QueryInstances and CountInstances.
type QueryOptions struct {
	// Parallelism is how many parts of the hub are read at once. More than 1 costs a few requests to find out where to
	// cut. Defaults to 1.
	Parallelism int
	// Unordered lets instances come as they are read. Without it they come in key order.
	Unordered bool
	// Plan, if set, is filled in: at once with what the table service evaluates and what is evaluated here, and while
	// the query runs with what it has cost so far.
	Plan *QueryPlan
}

// PageOptions are options for QueryInstancesPage.
type PageOptions struct {
	// Size is how many instances a page may hold, 1 to 1000.
	Size int
	// ContinuationToken is where the page begins: that of the page before, or "" for the first. Tokens of the HTTP API
	// of engine 2.x are understood as well.
	ContinuationToken string
}

const defaultPageSize = 100

// StatusPage is a page of instances.
type StatusPage struct {
	Instances []*OrchestrationStatus
	// ContinuationToken is where the next page begins, or "" if there is none.
	ContinuationToken string
}

// QueryInstances iterates over the instances that match, in key order: the order of UTF-16 code units of their IDs, not
// that of time. A nil filter matches all orchestrations. Pages are fetched as they are needed; leaving the loop ends the
// query. Each range over the result runs the query anew, with the filter as it was given.
//
// An error is the last pair, with a nil status: see that the loop looks at it. Instances that are created or purged
// meanwhile may or may not be seen. It returns [ErrInvalidArgument] and [ErrTaskHubNotFound].
func (c *OrchestrationClient) QueryInstances(
	ctx context.Context, filter *InstanceFilter, opts *QueryOptions,
) iter.Seq2[*OrchestrationStatus, error] {
	o, err := opts.check()
	var q *query
	if err == nil {
		q, err = filter.compile()
	}
	if err == nil {
		q.columns = q.statusColumns()
	}
	return found(ctx, c, "QueryInstances", q, o, err, c.statusPage)
}

// pageOf reads one page of the table service, of up to size rows, and makes of it what the query is about.
type pageOf[T any] func(
	ctx context.Context, q *query, size int, from storage.Token, plan *QueryPlan,
) ([]T, storage.Token, error)

// found iterates over what a query finds, in key order unless o.Unordered. If the query could not be made, it yields the
// error.
func found[T any](
	ctx context.Context, c *OrchestrationClient, op string, q *query, o QueryOptions, err error, read pageOf[*T],
) iter.Seq2[*T, error] {
	if err != nil {
		err = c.fail(op, "", err)
		return func(yield func(*T, error) bool) { yield(nil, err) }
	}
	q.describe(o.Plan)
	readPart := func(ctx context.Context, part *query, from storage.Token) ([]*T, storage.Token, error) {
		return read(ctx, part, storage.MaxPage, from, o.Plan)
	}
	return func(yield func(*T, error) bool) {
		for page, err := range inRanges(ctx, c, q, o, readPart) {
			if err != nil {
				yield(nil, c.fail(op, "", err))
				return
			}
			for _, v := range page {
				if !yield(v, nil) {
					return
				}
			}
		}
	}
}

func (o *QueryOptions) check() (QueryOptions, error) {
	if o == nil {
		return QueryOptions{Parallelism: 1}, nil
	}
	if o.Parallelism < 0 || o.Parallelism > maxParallelism {
		return QueryOptions{}, invalid("Parallelism is 1 to %d", maxParallelism)
	}
	checked := *o
	checked.Parallelism = max(o.Parallelism, 1)
	return checked, nil
}

const maxParallelism = 64

// QueryInstancesPage returns one page of what [OrchestrationClient.QueryInstances] finds, and where the next one begins.
// Opts may be nil: the first page of up to 100 instances. A page holds fewer than asked for where conditions are
// evaluated here, or where the table service gives fewer; only the last one can be empty.
//
// It returns [ErrInvalidArgument], also for a token that no page has given, and [ErrTaskHubNotFound].
func (c *OrchestrationClient) QueryInstancesPage(
	ctx context.Context, filter *InstanceFilter, opts *PageOptions,
) (*StatusPage, error) {
	const op = "QueryInstancesPage"
	q, err := filter.compile()
	if err != nil {
		return nil, c.fail(op, "", err)
	}
	q.columns = q.statusColumns()
	page, token, err := nextPage(ctx, q, opts, c.statusPage)
	if err != nil {
		return nil, c.fail(op, "", err)
	}
	return &StatusPage{Instances: page, ContinuationToken: token}, nil
}

// nextPage returns one page of what a query finds, and where the next one begins.
func nextPage[T any](ctx context.Context, q *query, opts *PageOptions, read pageOf[T]) ([]T, string, error) {
	if opts == nil {
		opts = &PageOptions{Size: defaultPageSize}
	}
	if opts.Size < 1 || opts.Size > storage.MaxPage {
		return nil, "", invalid("the size of a page is 1 to %d, not %d", storage.MaxPage, opts.Size)
	}
	from, err := parseToken(opts.ContinuationToken)
	if err != nil {
		return nil, "", err
	}
	for {
		page, next, err := read(ctx, q, opts.Size, from, nil)
		if errors.Is(err, storage.ErrInvalid) && from != (storage.Token{}) {
			err = invalid("the continuation token is refused: %w", err)
		}
		if err != nil {
			return nil, "", err
		}
		if len(page) > 0 || next == (storage.Token{}) {
			return page, formatToken(next), nil
		}
		from = next
	}
}

// statusColumns returns the columns that a query for statuses fetches.
func (q *query) statusColumns() []string {
	drop := func(c string) bool {
		switch c {
		case wire.ColInput, wire.ColInputBlobName:
			return q.filter.OmitInput
		case wire.ColOutput:
			return q.filter.OmitOutput && q.filter.FailedWith == ""
		}
		return false
	}
	return slices.DeleteFunc(slices.Clone(withInput), drop)
}

// statusPage reads one page of the table service and turns what matches into statuses.
func (c *OrchestrationClient) statusPage(
	ctx context.Context, q *query, size int, from storage.Token, plan *QueryPlan,
) ([]*OrchestrationStatus, storage.Token, error) {
	rows, next, err := c.rowPage(ctx, q, size, from, plan)
	if err != nil {
		return nil, next, err
	}
	statuses := make([]*OrchestrationStatus, len(rows))
	errs := c.resolveAll(ctx, q, rows, statuses, plan)
	if err := errors.Join(errs...); err != nil {
		return nil, next, err
	}
	statuses = slices.DeleteFunc(statuses, func(s *OrchestrationStatus) bool { return !q.matchPayload(s) })
	for _, s := range statuses {
		if q.filter.OmitOutput {
			s.Output = nil
		}
	}
	plan.addReturned(len(statuses))
	return statuses, next, nil
}

// rowPage reads one page of rows and drops those that do not match.
func (c *OrchestrationClient) rowPage(
	ctx context.Context, q *query, size int, from storage.Token, plan *QueryPlan,
) ([]wire.Instance, storage.Token, error) {
	sq := storage.Query{Filter: q.pushed, Columns: q.columns, Top: size, From: from}
	page, err := c.hub.Tables.Query(ctx, c.hub.Instances(), sq)
	if err != nil {
		return nil, storage.Token{}, err
	}
	plan.addPage(len(page.Entities))
	rows := make([]wire.Instance, 0, len(page.Entities))
	for i := range page.Entities {
		if row := wire.DecodeInstance(&page.Entities[i]); q.matchRow(&row) {
			rows = append(rows, row)
		}
	}
	return rows, page.Next, nil
}

// resolveAll makes the statuses of a page; only rows whose payloads lie in blobs cost requests, and these run in
// parallel.
func (c *OrchestrationClient) resolveAll(
	ctx context.Context, q *query, rows []wire.Instance, statuses []*OrchestrationStatus, plan *QueryPlan,
) []error {
	var inBlobs []int
	for i := range rows {
		if q.filter.OmitOutput && q.filter.FailedWith == "" {
			rows[i].Output = storage.Value{}
		}
		statuses[i] = newStatus(&rows[i])
		if blobs := c.references(&rows[i]); blobs > 0 {
			inBlobs = append(inBlobs, i)
			plan.addRequests(blobs)
			continue
		}
		statuses[i].setTexts(&rows[i])
	}
	return parallel.Do(ctx, len(inBlobs), payloadParallelism, func(ctx context.Context, n int) error {
		i := inBlobs[n]
		return c.resolve(ctx, statuses[i], &rows[i])
	})
}

// A continuation token is what engine 2.x makes of the service's two parts: both, with a blank between them. The second
// is mostly empty, and the blank may have been trimmed on its way through a header.
func formatToken(t storage.Token) string {
	if t == (storage.Token{}) {
		return ""
	}
	return t.NextPartitionKey + " " + t.NextRowKey
}

// parseToken reads a token: our own, one of engine 2.x, or the Base64 of a JSON document that engine 1.x makes. What
// cannot be one is refused here: some services take any text for a key and answer with a page from somewhere.
func parseToken(text string) (storage.Token, error) {
	if text == "" {
		return storage.Token{}, nil
	}
	t, ok := parseJSONToken(text)
	if !ok {
		t.NextPartitionKey, t.NextRowKey, _ = strings.Cut(text, " ")
	}
	if !validTokenPart(t.NextPartitionKey) || t.NextRowKey != "" && !validTokenPart(t.NextRowKey) {
		return storage.Token{}, invalid("the continuation token is not one of a page of instances")
	}
	return t, nil
}

// parseJSONToken reads a token of engine 1.x (AzureTableTrackingStore.cs).
func parseJSONToken(text string) (t storage.Token, ok bool) {
	b, err := base64.StdEncoding.DecodeString(text)
	return t, err == nil && json.Unmarshal(b, &t) == nil
}

// tokenPart is how the table service writes a key in a token: its version, the length, and a form of Base64.
var tokenPart = regexp.MustCompile(`^1!([0-9]+)!([A-Za-z0-9+/_=-]*)$`)

// validTokenPart reports whether a text is half a token: one of the service, or a key in plain Base64, which is how the
// emulator writes it.
func validTokenPart(part string) bool {
	if m := tokenPart.FindStringSubmatch(part); m != nil {
		return m[1] == strconv.Itoa(len(m[2]))
	}
	key, err := base64.StdEncoding.DecodeString(part) // which passes over line breaks
	return err == nil && len(key) > 0 && utf8.Valid(key) && !strings.ContainsAny(part, "\r\n")
}
