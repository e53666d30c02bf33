package memstore

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-durable/durable/internal/storage"
)

// tables is the table service. Entities in it are never modified, only replaced: what was read under the lock stays
// valid without it.
type tables struct {
	o     Options
	mu    sync.RWMutex
	names names[*table]     // by name in lower case: the service does not heed case
	lower map[string]string // of the names that tables were created with
	stamp time.Time         // of the last write
}

type table struct {
	name string // as it was created
	rows sorted[*storage.Entity]
}

func newTable(name string) *table {
	return &table{name: name, rows: newSorted(compareEntities)}
}

func compareEntities(a, b *storage.Entity) int { return compareKeys(a, b.PartitionKey, b.RowKey) }

func compareKeys(e *storage.Entity, partitionKey, rowKey string) int {
	if c := storage.CompareKeys(e.PartitionKey, partitionKey); c != 0 {
		return c
	}
	return storage.CompareKeys(e.RowKey, rowKey)
}

// row returns a row by its keys.
func (t *table) row(partitionKey, rowKey string) (*storage.Entity, bool) {
	return t.rows.find(func(e *storage.Entity) int { return compareKeys(e, partitionKey, rowKey) })
}

func at(partitionKey, rowKey string) *storage.Entity {
	return &storage.Entity{PartitionKey: partitionKey, RowKey: rowKey}
}

func (s *tables) find(name string) (*table, error) {
	lower, ok := s.lower[name]
	if !ok {
		lower = strings.ToLower(name)
	}
	return s.names.find(lower)
}

func (s *tables) CreateTable(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !tableName.MatchString(name) || strings.EqualFold(name, "tables") {
		return invalid("table name %q", name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lower[name] = strings.ToLower(name)
	return s.names.create(s.lower[name], func() *table { return newTable(name) })
}

func (s *tables) DeleteTable(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names.remove(strings.ToLower(name))
	return nil
}

func (s *tables) ListTables(ctx context.Context, prefix string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []string
	for _, name := range s.names.list("") {
		if t := s.names.items[name]; strings.HasPrefix(t.name, prefix) {
			out = append(out, t.name)
		}
	}
	return out, nil
}

func (s *tables) Get(ctx context.Context, name, partitionKey, rowKey string, columns ...string) (*storage.Entity, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkKeys(partitionKey, rowKey); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, err := s.find(name)
	if err != nil {
		return nil, err
	}
	e, ok := t.row(partitionKey, rowKey)
	if !ok {
		return nil, fmt.Errorf("entity in %s: %w", name, storage.ErrNotFound)
	}
	return project(e, columns), nil
}

// project returns a copy of an entity with the columns that are wanted.
func project(e *storage.Entity, columns []string) *storage.Entity {
	if len(columns) == 0 {
		return e.Clone()
	}
	out := at(e.PartitionKey, e.RowKey)
	out.ETag, out.Timestamp = e.ETag, e.Timestamp
	out.Columns = make([]storage.Column, 0, len(columns))
	for _, c := range e.Columns {
		for _, name := range columns {
			if c.Name == name {
				out.Columns = append(out.Columns, c)
				break
			}
		}
	}
	return out
}

// tick returns the time of the next write: the clock's, but always later than the last one, so that no two versions
// of an entity are the same. The rows of a transaction share it.
func (s *tables) tick() time.Time {
	const resolution = 100 * time.Nanosecond
	next := s.o.Clock().UTC().Truncate(resolution)
	if !next.After(s.stamp) {
		next = s.stamp.Add(resolution)
	}
	s.stamp = next
	return next
}

// tagOf writes a version as the service does.
func tagOf(timestamp storage.Value) storage.ETag {
	tag := append(make([]byte, 0, 64), `W/"datetime'`...)
	for _, c := range []byte(timestamp.Text) {
		if c == ':' {
			tag = append(tag, "%3A"...)
		} else {
			tag = append(tag, c)
		}
	}
	return storage.ETag(append(tag, `'"`...))
}
