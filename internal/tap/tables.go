package tap

import (
	"context"

	"github.com/go-durable/durable/internal/storage"
)

type tables struct {
	hook Hook
	next storage.Tables
}

func tableCall(op, table string) Call { return Call{Service: Tables, Op: op, Name: table} }

func entityCall(op, table, partitionKey, rowKey string) Call {
	return Call{Service: Tables, Op: op, Name: table, Key: partitionKey + "|" + rowKey}
}

func (t tables) CreateTable(ctx context.Context, table string) error {
	return run(ctx, t.hook, tableCall("CreateTable", table), func() error { return t.next.CreateTable(ctx, table) })
}

func (t tables) DeleteTable(ctx context.Context, table string) error {
	return run(ctx, t.hook, tableCall("DeleteTable", table), func() error { return t.next.DeleteTable(ctx, table) })
}

func (t tables) ListTables(ctx context.Context, prefix string) ([]string, error) {
	return do(ctx, t.hook, tableCall("ListTables", prefix), func() ([]string, error) { return t.next.ListTables(ctx, prefix) })
}

func (t tables) Get(ctx context.Context, table, partitionKey, rowKey string, columns ...string) (*storage.Entity, error) {
	return do(ctx, t.hook, entityCall("Get", table, partitionKey, rowKey), func() (*storage.Entity, error) {
		return t.next.Get(ctx, table, partitionKey, rowKey, columns...)
	})
}

func (t tables) Query(ctx context.Context, table string, q storage.Query) (*storage.Page, error) {
	return do(ctx, t.hook, tableCall("Query", table), func() (*storage.Page, error) { return t.next.Query(ctx, table, q) })
}

func (t tables) Insert(ctx context.Context, table string, e *storage.Entity) (storage.ETag, error) {
	return do(ctx, t.hook, entityCall("Insert", table, e.PartitionKey, e.RowKey), func() (storage.ETag, error) {
		return t.next.Insert(ctx, table, e)
	})
}

func (t tables) Update(ctx context.Context, table string, e *storage.Entity, mode storage.Mode, match storage.ETag) (storage.ETag, error) {
	return do(ctx, t.hook, entityCall("Update", table, e.PartitionKey, e.RowKey), func() (storage.ETag, error) {
		return t.next.Update(ctx, table, e, mode, match)
	})
}

func (t tables) Delete(ctx context.Context, table, partitionKey, rowKey string, match storage.ETag) error {
	return run(ctx, t.hook, entityCall("Delete", table, partitionKey, rowKey), func() error {
		return t.next.Delete(ctx, table, partitionKey, rowKey, match)
	})
}

func (t tables) Batch(ctx context.Context, table string, ops []storage.Op) error {
	c := tableCall("Batch", table)
	if len(ops) > 0 && ops[0].Entity != nil {
		c = entityCall("Batch", table, ops[0].Entity.PartitionKey, ops[0].Entity.RowKey)
	}
	c.N = len(ops)
	return run(ctx, t.hook, c, func() error { return t.next.Batch(ctx, table, ops) })
}
