package memstore

import (
	"context"
	"fmt"

	"github.com/go-durable/durable/internal/storage"
)

func (s *tables) Insert(ctx context.Context, name string, e *storage.Entity) (storage.ETag, error) {
	return s.one(ctx, name, storage.Op{Kind: storage.OpInsert, Entity: e})
}

func (s *tables) Update(ctx context.Context, name string, e *storage.Entity, mode storage.Mode, match storage.ETag) (storage.ETag, error) {
	kind := storage.OpMerge
	switch mode {
	case storage.Merge:
	case storage.Replace:
		kind = storage.OpReplace
	default:
		return "", invalid("mode %d", mode)
	}
	return s.one(ctx, name, storage.Op{Kind: kind, Entity: e, Match: match})
}

func (s *tables) Delete(ctx context.Context, name, partitionKey, rowKey string, match storage.ETag) error {
	_, err := s.one(ctx, name, storage.Op{Kind: storage.OpDelete, Entity: at(partitionKey, rowKey), Match: match})
	return err
}

// one carries out an operation that stands alone.
func (s *tables) one(ctx context.Context, name string, op storage.Op) (storage.ETag, error) {
	next, failed, err := s.apply(ctx, name, []storage.Op{op})
	if failed >= 0 || err != nil {
		return "", err
	}
	if next[0] == nil {
		return "", nil
	}
	return next[0].ETag, nil
}

func (s *tables) Batch(ctx context.Context, name string, ops []storage.Op) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkBatch(ops); err != nil {
		return err
	}
	_, failed, err := s.apply(ctx, name, ops)
	if failed >= 0 {
		return &storage.BatchError{Index: failed, Err: err}
	}
	return err
}

func checkBatch(ops []storage.Op) error {
	if len(ops) == 0 || len(ops) > storage.MaxBatch {
		return invalid("batch of %d operations", len(ops))
	}
	rows := make(map[string]bool, len(ops))
	for _, op := range ops {
		if op.Entity == nil {
			return invalid("operation without an entity")
		}
		if op.Entity.PartitionKey != ops[0].Entity.PartitionKey {
			return invalid("batch with two partition keys")
		}
		if rows[op.Entity.RowKey] {
			return invalid("batch with two operations on one entity")
		}
		rows[op.Entity.RowKey] = true
	}
	return nil
}

// apply carries out all operations or none. If it is an operation that fails, failed is its index, else -1. A nil
// among the results stands for a deletion. The operations are on different entities: none depends on another.
func (s *tables) apply(ctx context.Context, name string, ops []storage.Op) (next []*storage.Entity, failed int, err error) {
	if err := ctx.Err(); err != nil {
		return nil, -1, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.find(name)
	if err != nil {
		return nil, -1, err
	}
	next = make([]*storage.Entity, len(ops))
	for i, op := range ops {
		if next[i], err = t.plan(op); err != nil {
			return nil, i, fmt.Errorf("entity in %s: %w", name, err)
		}
	}
	timestamp := storage.TimeValue(s.tick())
	tag := tagOf(timestamp)
	for i, e := range next {
		if e == nil {
			t.rows.remove(ops[i].Entity)
			continue
		}
		e.Timestamp, e.ETag = timestamp, tag
		t.rows.put(e)
	}
	return next, -1, nil
}

// plan returns the entity that an operation leaves behind, nil if it leaves none, and changes nothing.
func (t *table) plan(op storage.Op) (*storage.Entity, error) {
	if op.Entity == nil {
		return nil, invalid("no entity")
	}
	if err := checkEntity(op); err != nil {
		return nil, err
	}
	old, found := t.row(op.Entity.PartitionKey, op.Entity.RowKey)
	if op.Kind == storage.OpInsert {
		if found {
			return nil, storage.ErrExists
		}
		return fresh(op.Entity), nil
	}
	upsert := op.Match == "" && op.Kind != storage.OpDelete
	switch {
	case !found && !upsert:
		return nil, storage.ErrNotFound
	case found && !upsert && op.Match != storage.Any && op.Match != old.ETag:
		return nil, storage.ErrPrecondition
	case op.Kind == storage.OpDelete:
		return nil, nil
	case op.Kind == storage.OpReplace || !found:
		return fresh(op.Entity), nil
	}
	merged := at(old.PartitionKey, old.RowKey)
	merged.Columns = append(make([]storage.Column, 0, len(old.Columns)+len(op.Entity.Columns)), old.Columns...)
	for _, c := range op.Entity.Columns {
		if c.Type != storage.None {
			merged.Set(c.Name, c.Value)
		}
	}
	return merged, checkSize(merged)
}

// fresh copies what of an entity is the caller's to set.
func fresh(e *storage.Entity) *storage.Entity {
	out := at(e.PartitionKey, e.RowKey)
	out.Columns = make([]storage.Column, 0, len(e.Columns))
	for _, c := range e.Columns {
		if c.Type != storage.None { // an absent column
			out.Columns = append(out.Columns, c)
		}
	}
	return out
}
