package taskhub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// CountSource is where a partition count was found.
type CountSource string

// The sources of a partition count.
const (
	FromOption        CountSource = "option"
	FromPartitions    CountSource = "Partitions table"
	FromInfoBlob      CountSource = "taskhub.json"
	FromControlQueues CountSource = "control queues"
)

// Count is a partition count and where it was found. Missing are the control queues below the highest one that the
// source does not have: then the hub is only half there.
type Count struct {
	Source  CountSource
	N       int
	Missing []string
}

// PartitionCount returns how many partitions the hub has: what the option says, else what the storage says, which is
// asked once. It never guesses, since a message in a queue that no host reads is lost without a trace: sources that
// disagree are [ErrPartitionCount], and a hub without any is [ErrHubNotFound].
func (h *Hub) PartitionCount(ctx context.Context) (int, error) {
	h.mu.Lock()
	count := h.count
	h.mu.Unlock()
	if count > 0 {
		return count, nil
	}
	count, _, err := h.discover(ctx)
	if err != nil {
		return 0, err
	}
	h.setCount(count)
	return count, nil
}

// discover returns the partition count on which all sources agree, and how many there are.
func (h *Hub) discover(ctx context.Context) (count, sources int, err error) {
	counts, err := h.Counts(ctx)
	if err != nil {
		return 0, 0, err
	}
	count, err = agree(counts)
	return count, len(counts), err
}

// countAgain reads the partition count after a queue turned out to be missing. Fewer queues than before prove nothing
// by themselves: a hub that lost its highest queue looks just like one that was made anew with fewer.
func (h *Hub) countAgain(ctx context.Context, before int) (int, error) {
	count, sources, err := h.discover(ctx)
	switch {
	case err != nil:
		h.setCount(0)
		return 0, err
	case count < before && sources == 1:
		return 0, fmt.Errorf("%w: the hub had %d control queues and now has %d; if it was made anew, make a new client",
			ErrPartitionCount, before, count)
	}
	h.setCount(count)
	return count, nil
}

func (h *Hub) setCount(count int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count = count
}

// GivenPartitionCount returns the partition count of the options, or 0 if the storage decides.
func (h *Hub) GivenPartitionCount() int { return h.opts.PartitionCount }

func agree(counts []Count) (int, error) {
	if len(counts) == 0 {
		return 0, fmt.Errorf("%w: it has no control queues", ErrHubNotFound)
	}
	for _, c := range counts {
		if len(c.Missing) > 0 {
			return 0, fmt.Errorf("%w: %s has %s, but %s is missing; if creating the hub was interrupted, create it again",
				ErrPartitionCount, c.Source, fmt.Sprintf("%d of %d", c.N-len(c.Missing), c.N), c.Missing[0])
		}
		if c.N != counts[0].N {
			return 0, fmt.Errorf("%w: %s says %d, %s says %d; set PartitionCount to what the app's host.json says",
				ErrPartitionCount, counts[0].Source, counts[0].N, c.Source, c.N)
		}
	}
	return counts[0].N, nil
}

// Counts returns the partition count from each source that has one: the table of the table partition manager, the blob
// of the other ones, and the control queues themselves.
func (h *Hub) Counts(ctx context.Context) ([]Count, error) {
	var counts []Count
	for _, read := range []func(context.Context) (Count, error){h.countRows, h.countInfo, h.countQueues} {
		c, err := read(ctx)
		if err != nil {
			return nil, err
		}
		if c.N > 0 {
			counts = append(counts, c)
		}
	}
	return counts, nil
}

// countRows counts the control queues in the Partitions table. Rows are only ever added to it, never removed
// (TablePartitionManager.cs).
func (h *Hub) countRows(ctx context.Context) (Count, error) {
	rows, err := h.Owners(ctx)
	if err != nil {
		return Count{}, fmt.Errorf("read partition count from the Partitions table: %w", err)
	}
	queues := make([]string, len(rows))
	for i := range rows {
		queues[i] = rows[i].RowKey
	}
	return h.countNames(FromPartitions, queues), nil
}

// countQueues counts the control queues.
func (h *Hub) countQueues(ctx context.Context) (Count, error) {
	queues, err := h.Queues.ListQueues(ctx, h.controlQueues())
	if err != nil {
		return Count{}, fmt.Errorf("read partition count from the list of queues: %w", err)
	}
	return h.countNames(FromControlQueues, queues), nil
}

// countNames returns one more than the highest partition among control queues.
func (h *Hub) countNames(source CountSource, queues []string) Count {
	seen := make(map[int]bool)
	c := Count{Source: source}
	for _, q := range queues {
		if p, ok := h.partitionOf(q); ok {
			seen[p] = true
			c.N = max(c.N, p+1)
		}
	}
	for p := range c.N {
		if !seen[p] {
			c.Missing = append(c.Missing, h.ControlQueue(p))
		}
	}
	return c
}

// Owners returns the rows of the Partitions table, of which there is one a control queue; none if the hub has no such
// table.
func (h *Hub) Owners(ctx context.Context) ([]storage.Entity, error) {
	var rows []storage.Entity
	var q storage.Query
	for {
		page, err := h.Tables.Query(ctx, h.Partitions(), q)
		if errors.Is(err, storage.ErrContainerNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, page.Entities...)
		if page.Next == (storage.Token{}) {
			return rows, nil
		}
		q.From = page.Next
	}
}

// maxInfo is more than any taskhub.json is long.
const maxInfo = 64 << 10

// countInfo reads taskhub.json (BlobPartitionLeaseManager.cs, TaskHubInfo.cs).
func (h *Hub) countInfo(ctx context.Context) (Count, error) {
	r, err := h.Blobs.Open(ctx, h.Leases(), InfoBlob)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrContainerNotFound) {
		return Count{}, nil
	}
	if err != nil {
		return Count{}, fmt.Errorf("read partition count from taskhub.json: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(r, maxInfo))
	if err = errors.Join(err, r.Close()); err != nil {
		return Count{}, fmt.Errorf("read partition count from taskhub.json: %w", err)
	}
	n, err := h.parseInfo(text)
	return Count{Source: FromInfoBlob, N: n}, err
}

func (h *Hub) parseInfo(text []byte) (int, error) {
	var info struct {
		TaskHubName    string
		PartitionCount int
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	switch err := json.Unmarshal(text, &info); {
	case err != nil:
		return 0, fmt.Errorf("%w: taskhub.json is no JSON document", ErrPartitionCount)
	case info.PartitionCount < 1 || info.PartitionCount > wire.MaxPartitions:
		return 0, fmt.Errorf("%w: taskhub.json says %d", ErrPartitionCount, info.PartitionCount)
	case !strings.EqualFold(info.TaskHubName, h.Hub()):
		return 0, fmt.Errorf("%w: taskhub.json belongs to another hub", ErrPartitionCount)
	}
	return info.PartitionCount, nil
}

// ControlQueues returns the names of the control queues that exist, in order.
func (h *Hub) ControlQueues(ctx context.Context) ([]string, error) {
	queues, err := h.Queues.ListQueues(ctx, h.controlQueues())
	if err != nil {
		return nil, fmt.Errorf("list queues: %w", err)
	}
	return slices.DeleteFunc(queues, func(q string) bool {
		_, ok := h.partitionOf(q)
		return !ok
	}), nil
}

// PartitionOf returns the partition of a control queue.
func (h *Hub) PartitionOf(queue string) (int, bool) { return h.partitionOf(queue) }
