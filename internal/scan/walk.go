package scan

import (
	"context"
	"errors"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// Visitor is told what lies in the tables of a hub, key by key. It keeps what it wants to keep.
type Visitor interface {
	// Begin begins a key. The row of the instance is nil where only a history lies under the key.
	Begin(key string, row *storage.Entity)
	// Event is a row of the history, in order; the sentinel comes last.
	Event(e *storage.Entity)
	// End ends the key. An error ends the walk.
	End() error
}

// Part is what of a hub a walk reads.
type Part struct {
	// Instances and History are the columns, besides the keys.
	Instances, History []string
	// Prefix is what the IDs of the instances begin with.
	Prefix string
	// OnPage, if it is set, is called before each page is asked for.
	OnPage func()
}

func (p *Part) cursor(hub *taskhub.Hub, table string, columns []string) *cursor {
	q := storage.Query{Columns: append([]string{"PartitionKey", "RowKey", "Timestamp"}, columns...)}
	if p.Prefix != "" {
		q.Filter = keysWith(wire.EscapeKey(p.Prefix))
	}
	return &cursor{hub: hub, table: table, query: q, onPage: p.OnPage}
}

// keysWith selects the partition keys that begin with a text.
func keysWith(prefix string) storage.Filter {
	from := storage.Cmp{Column: "PartitionKey", Op: storage.GE, Value: storage.StringValue(prefix)}
	end := wire.PrefixEnd(prefix)
	if end == "" {
		return from
	}
	return storage.And{from, storage.Cmp{Column: "PartitionKey", Op: storage.LT, Value: storage.StringValue(end)}}
}

// Walk goes through both tables of a hub side by side, once, in key order. It takes one request for each of their pages
// and keeps two pages in memory.
func Walk(ctx context.Context, hub *taskhub.Hub, part Part, v Visitor) error {
	rows := part.cursor(hub, hub.Instances(), part.Instances)
	events := part.cursor(hub, hub.Names.History(), part.History)
	for {
		row, err := rows.head(ctx)
		if err != nil {
			return err
		}
		event, err := events.head(ctx)
		if err != nil {
			return err
		}
		key, row, ok := first(row, event)
		if !ok {
			return nil
		}
		v.Begin(key, row)
		if row != nil {
			rows.at++
		}
		for ; event != nil && event.PartitionKey == key; event, err = events.head(ctx) {
			v.Event(event)
			events.at++
		}
		if err != nil {
			return err
		}
		if err := v.End(); err != nil {
			return err
		}
	}
}

// first returns the smaller key of the two, and the row of the instance if it is its key.
func first(row, event *storage.Entity) (key string, of *storage.Entity, ok bool) {
	switch {
	case row == nil && event == nil:
		return "", nil, false
	case row == nil || event != nil && storage.CompareKeys(event.PartitionKey, row.PartitionKey) < 0:
		return event.PartitionKey, nil, true
	}
	return row.PartitionKey, row, true
}

// cursor reads a part of a table from its beginning to its end.
type cursor struct {
	hub    *taskhub.Hub
	table  string
	query  storage.Query
	onPage func()
	page   []storage.Entity
	at     int
	// begun says that a page was read, so that a zero token is the end.
	begun bool
}

// head returns the entity at which the cursor stands, or nil at the end.
func (c *cursor) head(ctx context.Context) (*storage.Entity, error) {
	for c.at == len(c.page) {
		if c.begun && c.query.From == (storage.Token{}) {
			return nil, nil //nolint:nilnil // the end is an answer
		}
		if c.onPage != nil {
			c.onPage()
		}
		page, err := c.hub.Tables.Query(ctx, c.table, c.query)
		if errors.Is(err, storage.ErrContainerNotFound) {
			return nil, errors.Join(taskhub.ErrHubNotFound, err)
		}
		if err != nil {
			return nil, err
		}
		c.page, c.at, c.query.From, c.begun = page.Entities, 0, page.Next, true
	}
	return &c.page[c.at], nil
}
