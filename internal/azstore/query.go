package azstore

import (
	"context"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"

	"github.com/go-durable/durable/internal/storage"
)

func (t *tables) Get(ctx context.Context, table, partitionKey, rowKey string, columns ...string) (*storage.Entity, error) {
	if err := checkTarget(table, partitionKey, rowKey); err != nil {
		return nil, err
	}
	x := &exchange{selected: selection(columns), standIn: "{}"}
	_, err := t.service.NewClient(table).GetEntity(withExchange(ctx, x), partitionKey, rowKey, nil)
	if err != nil {
		return nil, wrap(err, storage.ErrNotFound)
	}
	e, err := decodeEntity(x.got)
	if err != nil {
		return nil, err
	}
	if e.ETag == "" {
		e.ETag = x.etag()
	}
	return e, nil
}

func (t *tables) Query(ctx context.Context, table string, q storage.Query) (*storage.Page, error) {
	switch {
	case table == "":
		return nil, invalid("no table name")
	case q.Top < 0 || q.Top > storage.MaxPage:
		return nil, invalid("a page of %d entities", q.Top)
	case storage.Never(q.Filter):
		return &storage.Page{}, ctx.Err()
	}
	x := &exchange{standIn: `{"value":[]}`}
	resp, err := t.service.NewClient(table).NewListEntitiesPager(listOptions(q)).NextPage(withExchange(ctx, x))
	if err != nil {
		return nil, wrap(err, storage.ErrContainerNotFound)
	}
	entities, err := decodePage(x.got)
	if err != nil {
		return nil, err
	}
	p := &storage.Page{Entities: entities}
	// A token without a row key is a whole one: that of an entity whose row key is empty.
	if resp.NextPartitionKey != nil {
		p.Next.NextPartitionKey = *resp.NextPartitionKey
	}
	if resp.NextRowKey != nil {
		p.Next.NextRowKey = *resp.NextRowKey
	}
	return p, nil
}

func listOptions(q storage.Query) *aztables.ListEntitiesOptions {
	o := &aztables.ListEntitiesOptions{
		Filter:           optional(storage.Render(q.Filter)),
		Select:           optional(selection(q.Columns)),
		NextPartitionKey: optional(q.From.NextPartitionKey),
		NextRowKey:       optional(q.From.NextRowKey),
	}
	if q.Top > 0 {
		o.Top = to.Ptr(int32(q.Top))
	}
	return o
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// selection is the value of $select: the keys and the columns, or "" for everything.
func selection(columns []string) string {
	if len(columns) == 0 {
		return ""
	}
	names := []string{"PartitionKey", "RowKey"}
	for _, c := range columns {
		if !slices.Contains(names, c) {
			names = append(names, c)
		}
	}
	return strings.Join(names, ",")
}
