// Package scan reads what belongs to many instances in few requests: the keys of their history rows in one walk along
// the History table, and which of them have payloads from one listing of the container.
package scan

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// Row is the key and version of a row of the History table, and when it was written by the clock of the storage service.
type Row struct {
	Key     string
	ETag    storage.ETag
	Written time.Time
}

var columns = []string{"PartitionKey", "RowKey", "Timestamp"}

// Rows returns the rows of one instance, of all its executions, the sentinel included.
func Rows(ctx context.Context, hub *taskhub.Hub, partitionKey string) ([]Row, error) {
	var rows []Row
	for r, err := range Each(ctx, hub, partitionKey) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// Each yields what Rows returns, and keeps one page of it in memory. An error comes last.
func Each(ctx context.Context, hub *taskhub.Hub, partitionKey string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for q := rowsOf(partitionKey); ; {
			page, err := query(ctx, hub, q)
			if err != nil {
				yield(Row{}, err)
				return
			}
			for i := range page.Entities {
				if !yield(rowOf(&page.Entities[i]), nil) {
					return
				}
			}
			if q.From = page.Next; q.From == (storage.Token{}) {
				return
			}
		}
	}
}

// Any reports whether an instance has a row.
func Any(ctx context.Context, hub *taskhub.Hub, partitionKey string) (bool, error) {
	for _, err := range Each(ctx, hub, partitionKey) {
		return err == nil, err
	}
	return false, nil
}

func rowsOf(partitionKey string) storage.Query {
	return storage.Query{
		Filter:  storage.Cmp{Column: "PartitionKey", Op: storage.EQ, Value: storage.StringValue(partitionKey)},
		Columns: columns,
	}
}

func rowOf(e *storage.Entity) Row { return Row{e.RowKey, e.ETag, e.Timestamp.Time()} }

func query(ctx context.Context, hub *taskhub.Hub, q storage.Query) (*storage.Page, error) {
	page, err := hub.Tables.Query(ctx, hub.Names.History(), q)
	if errors.Is(err, storage.ErrContainerNotFound) {
		return nil, errors.Join(taskhub.ErrHubNotFound, err)
	}
	return page, err
}

// The smallest and largest page that a History asks for.
const (
	minTop = 125
	maxTop = storage.MaxPage
)

// History finds the rows of instances that are asked for in key order. Of one page it serves all instances that it
// reaches; where the next one lies behind it, a new page begins there. So an instance costs one request at most, and a
// stretch of instances side by side costs one for a thousand rows.
type History struct {
	hub *taskhub.Hub
	// page are the rows at hand, from at on; more is where the table goes on behind them.
	page []storage.Entity
	at   int
	more storage.Token
	// filter is the query that page is a part of.
	filter storage.Filter
	// top adapts to how much of a page is used: large for instances side by side, small for scattered ones.
	top, served int
	// ended says that there is nothing behind the page.
	ended bool
}

// NewHistory returns a History of a hub.
func NewHistory(hub *taskhub.Hub) *History { return &History{hub: hub, top: maxTop} }

// Forget drops the page at hand. What is read after it is no older than this moment: to be called before instances whose
// own rows were read later than the page.
func (h *History) Forget() { h.page, h.at, h.more, h.ended = nil, 0, storage.Token{}, false }

// Rows returns the rows of an instance as the function Rows does. Partition keys must ascend from call to call.
func (h *History) Rows(ctx context.Context, partitionKey string) ([]Row, error) {
	for h.at < len(h.page) && storage.CompareKeys(h.page[h.at].PartitionKey, partitionKey) < 0 {
		h.at++
	}
	if h.at == len(h.page) && !h.ended {
		if err := h.jump(ctx, partitionKey); err != nil {
			return nil, err
		}
	}
	h.served++
	var rows []Row
	for {
		for ; h.at < len(h.page) && h.page[h.at].PartitionKey == partitionKey; h.at++ {
			rows = append(rows, rowOf(&h.page[h.at]))
		}
		if h.at < len(h.page) || h.ended {
			return rows, nil
		}
		if err := h.next(ctx); err != nil {
			return nil, err
		}
	}
}

// enough instances served from one page make the next one larger, too few make it smaller.
const enough = 4

// jump reads the page that begins at a key.
func (h *History) jump(ctx context.Context, partitionKey string) error {
	if h.filter != nil {
		if h.served >= enough {
			h.top = min(h.top*2, maxTop)
		} else {
			h.top = max(h.top/2, minTop)
		}
	}
	h.filter = storage.Cmp{Column: "PartitionKey", Op: storage.GE, Value: storage.StringValue(partitionKey)}
	h.more, h.served = storage.Token{}, 0
	return h.next(ctx)
}

// next reads the page that follows; it is empty only where there is no more.
func (h *History) next(ctx context.Context) error {
	for {
		page, err := query(ctx, h.hub, storage.Query{Filter: h.filter, Columns: columns, Top: h.top, From: h.more})
		if err != nil {
			return err
		}
		h.page, h.at, h.more, h.ended = page.Entities, 0, page.Next, page.Next == (storage.Token{})
		if len(h.page) > 0 || h.more == (storage.Token{}) {
			return nil
		}
	}
}

// Payloads says how many payloads instances have.
type Payloads struct {
	counts map[string]int
	asOf   time.Time
}

// clockSkew is by how much the clocks here and of the storage service may differ.
const clockSkew = 2 * time.Minute

// ListPayloads lists the container of payloads, if it takes no more than that many pages: otherwise it returns nil.
func ListPayloads(ctx context.Context, hub *taskhub.Hub, maxPages int) (*Payloads, error) {
	p := &Payloads{counts: make(map[string]int), asOf: hub.Now().Add(-clockSkew)}
	from := ""
	for range maxPages {
		page, err := hub.Blobs.List(ctx, hub.LargeMessages(), "", from)
		if errors.Is(err, storage.ErrContainerNotFound) {
			return p, nil
		}
		if err != nil {
			return nil, err
		}
		for _, b := range page.Blobs {
			if i := strings.LastIndexByte(b.Name, '/'); i >= 0 {
				p.counts[b.Name[:i+1]]++
			}
		}
		if from = page.Next; from == "" {
			return p, nil
		}
	}
	return nil, nil //nolint:nilnil // too large to be listed is an answer
}

// Knows reports whether the listing can be relied upon for an instance: if its row has not changed since before the
// listing began. What has ended by then gets no more payloads.
func (p *Payloads) Knows(i *wire.Instance) bool {
	return p != nil && !i.Timestamp.IsZero() && i.Timestamp.Before(p.asOf)
}

// Count returns how many payloads an instance has.
func (p *Payloads) Count(instanceID string) int {
	n := 0
	for _, prefix := range wire.Prefixes(instanceID) {
		n += p.counts[prefix]
	}
	return n
}
