package scan

import (
	"context"
	"errors"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
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

// Columns are the columns that a walk reads, besides the keys.
type Columns struct{ Instances, History []string }

// Walk goes through both tables of a hub side by side, once, in key order. It takes one request for each of their pages
// and keeps two pages in memory.
func Walk(ctx context.Context, hub *taskhub.Hub, columns Columns, v Visitor) error {
	rows := &cursor{hub: hub, table: hub.Instances(), query: storage.Query{Columns: withKeys(columns.Instances)}}
	events := &cursor{hub: hub, table: hub.Names.History(), query: storage.Query{Columns: withKeys(columns.History)}}
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

func withKeys(columns []string) []string {
	return append([]string{"PartitionKey", "RowKey", "Timestamp"}, columns...)
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

// cursor reads a table from its beginning to its end.
type cursor struct {
	hub   *taskhub.Hub
	table string
	query storage.Query
	page  []storage.Entity
	at    int
	// begun says that a page was read, so that a zero token is the end.
	begun bool
}

// head returns the entity at which the cursor stands, or nil at the end.
func (c *cursor) head(ctx context.Context) (*storage.Entity, error) {
	for c.at == len(c.page) {
		if c.begun && c.query.From == (storage.Token{}) {
			return nil, nil //nolint:nilnil // the end is an answer
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
