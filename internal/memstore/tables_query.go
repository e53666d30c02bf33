package memstore

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/go-durable/durable/internal/storage"
)

func (s *tables) Query(ctx context.Context, name string, q storage.Query) (*storage.Page, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if q.Top < 0 || q.Top > storage.MaxPage {
		return nil, invalid("page of %d entities", q.Top)
	}
	if n := storage.Comparisons(q.Filter); n > storage.MaxComparisons {
		return nil, invalid("filter with %d comparisons", n)
	}
	from, err := keyOf(q.From)
	if err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, err := s.find(name)
	if err != nil {
		return nil, err
	}
	if storage.Never(q.Filter) {
		return &storage.Page{}, nil
	}
	size := s.o.PageSize
	if q.Top > 0 {
		size = min(size, q.Top)
	}
	return t.page(q, from, size, s.o.ScanLimit), nil
}

// page reads a page from a key on, nil being the first.
func (t *table) page(q storage.Query, from *storage.Entity, size, scanLimit int) *storage.Page {
	span := spanOf(q.Filter)
	if start := span.start(); from == nil || compareEntities(from, start) < 0 {
		from = start
	}
	p, scanned := &storage.Page{}, 0
	for e := range t.rows.from(from) {
		if span.endsBefore(e) {
			break
		}
		if len(p.Entities) == size || scanned == scanLimit {
			p.Next = tokenOf(e)
			break
		}
		scanned++
		if storage.Match(q.Filter, e) {
			p.Entities = append(p.Entities, *project(e, q.Columns))
		}
	}
	return p
}

// tokenOf writes a token as the service does, so that nobody takes it for a plain key.
func tokenOf(e *storage.Entity) storage.Token {
	t := storage.Token{NextPartitionKey: encodeKey(e.PartitionKey)}
	if e.RowKey != "" {
		t.NextRowKey = encodeKey(e.RowKey)
	}
	return t
}

// keyOf reads a token; the zero token gives nil.
func keyOf(t storage.Token) (*storage.Entity, error) {
	if t == (storage.Token{}) {
		return nil, nil
	}
	partitionKey, ok := decodeKey(t.NextPartitionKey)
	rowKey, okRow := "", true
	if t.NextRowKey != "" {
		rowKey, okRow = decodeKey(t.NextRowKey)
	}
	if !ok || !okRow {
		return nil, invalid("continuation token")
	}
	return at(partitionKey, rowKey), nil
}

func encodeKey(key string) string {
	text := base64.URLEncoding.EncodeToString([]byte(key))
	return "1!" + strconv.Itoa(len(text)) + "!" + text
}

func decodeKey(s string) (string, bool) {
	version, rest, _ := strings.Cut(s, "!")
	length, text, ok := strings.Cut(rest, "!")
	key, err := base64.URLEncoding.DecodeString(text)
	return string(key), ok && err == nil && version == "1" && length == strconv.Itoa(len(text))
}
