package operate_test

import (
	"context"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
)

// serve adds the crowd to a hub in memory without storing it: its rows are made up while they are read. What else the hub
// holds must be there before.
func (c *crowd) serve(tb testing.TB, h *hub) {
	tb.Helper()
	d := h.dump(tb)
	s := &served{Tables: h.storage.Tables, crowd: c, others: map[string][]storage.Entity{}}
	for _, table := range []string{h.Instances(), h.History()} {
		s.others[table] = d.Tables[table]
	}
	b := &servedBlobs{Blobs: h.storage.Blobs, container: h.LargeMessages()}
	for _, blob := range d.Blobs[b.container] {
		b.items = append(b.items, storage.BlobItem{Name: blob.Name, Size: int64(len(blob.Content)), LastModified: noon})
	}
	for n := range c.size {
		for _, p := range c.of(n).payloads {
			name := strings.Replace(p.Name, c.of(n).id, crowdID(n), 1)
			b.items = append(b.items, storage.BlobItem{Name: name, Size: int64(len(p.Content)), LastModified: noon})
		}
	}
	slices.SortFunc(b.items, func(x, y storage.BlobItem) int { return strings.Compare(x.Name, y.Name) })

	h.fault = faultstore.Wrap(storage.Account{Tables: s, Queues: h.storage.Queues, Blobs: b}, nil)
	client, err := hook.NewClient(h.fault.Account(), h.Hub(), taskhub.Options{Now: h.clock.time})
	require.NoError(tb, err)
	h.OrchestrationClient = client.(*durable.OrchestrationClient)
}

// served are the tables of a hub with a crowd.
type served struct {
	storage.Tables
	crowd *crowd
	// others are the rows that are stored, in order.
	others map[string][]storage.Entity
}

// find returns the number of an instance of the crowd.
func (s *served) find(key string) (n int, ok bool) {
	n, err := strconv.Atoi(strings.TrimPrefix(key, idPrefix))
	return n, err == nil && n < s.crowd.size
}

func (s *served) rows(table string, n int) []storage.Entity {
	return s.crowd.rows(n, strings.HasSuffix(table, "History"))
}

func (s *served) Get(ctx context.Context, table, partitionKey, rowKey string, columns ...string) (*storage.Entity, error) {
	n, ok := s.find(partitionKey)
	if !ok {
		return s.Tables.Get(ctx, table, partitionKey, rowKey, columns...)
	}
	for _, e := range s.rows(table, n) {
		if e.RowKey == rowKey {
			return &e, nil
		}
	}
	return nil, storage.ErrNotFound
}

func (s *served) Query(ctx context.Context, table string, q storage.Query) (*storage.Page, error) {
	others, ok := s.others[table]
	if !ok {
		return s.Tables.Query(ctx, table, q)
	}
	if q.Filter == nil {
		return s.page(table, others, q.From), nil
	}
	n, ok := s.find(keyOf(q.Filter))
	if !ok {
		return s.Tables.Query(ctx, table, q)
	}
	rows := slices.DeleteFunc(s.rows(table, n), func(e storage.Entity) bool { return !storage.Match(q.Filter, &e) })
	return &storage.Page{Entities: rows}, nil
}

// keyOf returns the partition key that a filter names, or "".
func keyOf(f storage.Filter) string {
	switch f := f.(type) {
	case storage.Cmp:
		if f.Column == "PartitionKey" && f.Op == storage.EQ {
			return f.Value.Text
		}
	case storage.And:
		for _, part := range f {
			if key := keyOf(part); key != "" {
				return key
			}
		}
	}
	return ""
}

// page merges the rows of the crowd with the others.
func (s *served) page(table string, others []storage.Entity, from storage.Token) *storage.Page {
	first := &storage.Entity{PartitionKey: from.NextPartitionKey, RowKey: from.NextRowKey}
	others = others[sort.Search(len(others), func(i int) bool { return compareRows(&others[i], first) >= 0 }):]
	n := sort.Search(s.crowd.size, func(n int) bool { return crowdID(n) >= first.PartitionKey })
	var ours []storage.Entity
	page := &storage.Page{}
	for len(page.Entities) <= storage.MaxPage {
		if len(ours) == 0 && n < s.crowd.size {
			ours = s.rows(table, n)
			ours = ours[sort.Search(len(ours), func(i int) bool { return compareRows(&ours[i], first) >= 0 }):]
			n++
			continue
		}
		next := &others
		switch {
		case len(ours) == 0 && len(others) == 0:
			cut(page.Entities)
			return page
		case len(others) == 0, len(ours) > 0 && compareRows(&ours[0], &others[0]) < 0:
			next = &ours
		}
		page.Entities = append(page.Entities, *(*next)[0].Clone())
		*next = (*next)[1:]
	}
	last := &page.Entities[storage.MaxPage]
	page.Next = storage.Token{NextPartitionKey: last.PartitionKey, NextRowKey: last.RowKey}
	page.Entities = page.Entities[:storage.MaxPage]
	cut(page.Entities)
	return page
}

// cut makes the texts of a page parts of one, as they are when they come out of an answer: who keeps one of them keeps all.
func cut(page []storage.Entity) {
	each := func(do func(text *string)) {
		for i := range page {
			do(&page[i].PartitionKey)
			do(&page[i].RowKey)
			for j := range page[i].Columns {
				do(&page[i].Columns[j].Text)
			}
		}
	}
	var all strings.Builder
	each(func(text *string) { all.WriteString(*text) })
	rest := all.String()
	each(func(text *string) { *text, rest = rest[:len(*text)], rest[len(*text):] })
}

func compareRows(a, b *storage.Entity) int {
	if c := storage.CompareKeys(a.PartitionKey, b.PartitionKey); c != 0 {
		return c
	}
	return storage.CompareKeys(a.RowKey, b.RowKey)
}

// servedBlobs are the blobs of a hub with the payloads of a crowd.
type servedBlobs struct {
	storage.Blobs
	container string
	// items are the payloads, in order.
	items []storage.BlobItem
}

func (b *servedBlobs) List(ctx context.Context, container, prefix, from string) (*storage.BlobPage, error) {
	if container != b.container || prefix != "" {
		return b.Blobs.List(ctx, container, prefix, from)
	}
	first := sort.Search(len(b.items), func(i int) bool { return b.items[i].Name >= from })
	rest := b.items[first:]
	if len(rest) <= blobPage {
		return &storage.BlobPage{Blobs: rest}, nil
	}
	return &storage.BlobPage{Blobs: rest[:blobPage], Next: rest[blobPage].Name}, nil
}
