package azstore

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"

	"github.com/go-durable/durable/internal/storage"
)

// tables is [storage.Tables] on a table service.
type tables struct {
	service  *aztables.ServiceClient
	endpoint string // without a query
}

const (
	jsonType = "application/json"
	// noContent keeps the service from sending back what it was sent.
	noContent = "return-no-content"
	// noVersion is an ETag as the service writes them, of a time before all others. It stands for the empty one of a
	// deletion, which is no version of anything: without a condition the service would answer that one is missing.
	noVersion = `W/"datetime'1601-01-01T00%3A00%3A00.0000000Z'"`
)

func (t *tables) CreateTable(ctx context.Context, table string) error {
	if table == "" {
		return invalid("no table name")
	}
	_, err := t.service.CreateTable(ctx, table, nil)
	err = wrap(err, storage.ErrContainerNotFound)
	if errors.Is(err, storage.ErrExists) {
		return nil
	}
	return err
}

func (t *tables) DeleteTable(ctx context.Context, table string) error {
	if table == "" {
		return invalid("no table name")
	}
	_, err := t.service.DeleteTable(ctx, table, nil)
	err = wrap(err, storage.ErrContainerNotFound)
	if gone(err) {
		return nil
	}
	return err
}

func (t *tables) ListTables(ctx context.Context, prefix string) ([]string, error) {
	opts := &aztables.ListTablesOptions{}
	if prefix != "" {
		// Names of tables are letters and digits; the brace is behind all of them.
		opts.Filter = to.Ptr(storage.Render(storage.And{
			storage.Cmp{Column: "TableName", Op: storage.GE, Value: storage.StringValue(prefix)},
			storage.Cmp{Column: "TableName", Op: storage.LT, Value: storage.StringValue(prefix + "{")},
		}))
	}
	var names []string
	for pager := t.service.NewListTablesPager(opts); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, wrap(err, storage.ErrContainerNotFound)
		}
		for _, p := range page.Tables {
			if p != nil && p.Name != nil && strings.HasPrefix(*p.Name, prefix) {
				names = append(names, *p.Name)
			}
		}
	}
	return names, nil
}

func (t *tables) Insert(ctx context.Context, table string, e *storage.Entity) (storage.ETag, error) {
	if err := checkKeys(table, e.PartitionKey, e.RowKey); err != nil {
		return "", err
	}
	body, err := appendEntity(nil, e)
	if err != nil {
		return "", err
	}
	ctx = withExchange(ctx, &exchange{body: body, contentType: jsonType, prefer: noContent})
	resp, err := t.service.NewClient(table).AddEntity(ctx, keysOnly(e), nil)
	return storage.ETag(resp.ETag), wrap(err, storage.ErrContainerNotFound)
}

func (t *tables) Update(ctx context.Context, table string, e *storage.Entity, mode storage.Mode,
	match storage.ETag,
) (storage.ETag, error) {
	if err := checkTarget(table, e.PartitionKey, e.RowKey); err != nil {
		return "", err
	}
	body, err := appendEntity(nil, e)
	if err != nil {
		return "", err
	}
	m := aztables.UpdateModeMerge
	if mode == storage.Replace {
		m = aztables.UpdateModeReplace
	}
	x := &exchange{body: body, contentType: jsonType}
	ctx = withExchange(ctx, x)
	client := t.service.NewClient(table)
	if match == "" {
		_, err = client.UpsertEntity(ctx, keysOnly(e), &aztables.UpsertEntityOptions{UpdateMode: m})
	} else {
		_, err = client.UpdateEntity(ctx, keysOnly(e), &aztables.UpdateEntityOptions{
			UpdateMode: m,
			IfMatch:    to.Ptr(azcore.ETag(match)),
		})
	}
	if err != nil {
		return "", wrap(err, storage.ErrNotFound)
	}
	return x.etag(), nil
}

// etag is that of the answer's header. UpsertEntity does not hand it out in all of its modes.
func (x *exchange) etag() storage.ETag {
	if x.resp == nil {
		return ""
	}
	return storage.ETag(x.resp.Header.Get("ETag"))
}

func (t *tables) Delete(ctx context.Context, table, partitionKey, rowKey string, match storage.ETag) error {
	if err := checkTarget(table, partitionKey, rowKey); err != nil {
		return err
	}
	if match == "" {
		match = noVersion
	}
	_, err := t.service.NewClient(table).DeleteEntity(ctx, partitionKey, rowKey,
		&aztables.DeleteEntityOptions{IfMatch: to.Ptr(azcore.ETag(match))})
	return wrap(err, storage.ErrNotFound)
}

// checkTarget refuses what the SDK refuses with errors of no kind: it names no row without a partition key, such as those
// of the Partitions table, in a URL.
func checkTarget(table, partitionKey, rowKey string) error {
	if partitionKey == "" {
		return invalid("no partition key")
	}
	return checkKeys(table, partitionKey, rowKey)
}

// checkKeys refuses keys that the service refuses in general but that would change the path of a URL or be cleaned by a
// proxy on the way.
func checkKeys(table, partitionKey, rowKey string) error {
	switch {
	case table == "":
		return invalid("no table name")
	case !validKey(partitionKey) || !validKey(rowKey):
		return invalid("a key holds a character that keys must not hold")
	}
	return nil
}

// validKey reports whether a key has none of the characters that the table service forbids: / \ # ? and controls.
func validKey(key string) bool {
	for _, r := range key {
		if r < 0x20 || r >= 0x7f && r <= 0x9f || r == '/' || r == '\\' || r == '#' || r == '?' {
			return false
		}
	}
	return utf8.ValidString(key)
}

// keysOnly is what aztables is given for an entity: it wants to find the keys in it.
func keysOnly(e *storage.Entity) []byte {
	b, _ := appendEntity(nil, &storage.Entity{PartitionKey: e.PartitionKey, RowKey: e.RowKey})
	return b
}
