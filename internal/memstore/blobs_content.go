package memstore

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-durable/durable/internal/storage"
)

const maxBlobName = 1024

func (s *blobs) Open(ctx context.Context, containerName, name string) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, err := s.find(containerName)
	if err != nil {
		return nil, err
	}
	b, ok := c.blobs.get(&blob{name: name})
	if !ok {
		return nil, fmt.Errorf("blob: %w", storage.ErrNotFound)
	}
	return io.NopCloser(bytes.NewReader(b.content)), nil
}

func (s *blobs) Write(ctx context.Context, containerName, name string, in storage.Blob) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if name == "" || units(name) > maxBlobName || !utf8.ValidString(name) {
		return invalid("blob name of %d bytes", len(name))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.find(containerName)
	if err != nil {
		return err
	}
	old, ok := c.blobs.get(&blob{name: name})
	switch {
	case ok && in.IfAbsent:
		return fmt.Errorf("blob: %w", storage.ErrExists)
	case ok && old.leased:
		return fmt.Errorf("blob: %w", storage.ErrLeased)
	}
	c.blobs.put(&blob{name: name, content: bytes.Clone(in.Content), modified: s.o.Clock().UTC().Truncate(time.Second)})
	return nil
}

func (s *blobs) Delete(ctx context.Context, containerName, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.names.items[containerName]
	if c == nil {
		return nil
	}
	b, ok := c.blobs.get(&blob{name: name})
	switch {
	case !ok:
		return nil
	case b.leased:
		return fmt.Errorf("blob: %w", storage.ErrLeased)
	}
	c.blobs.remove(b)
	return nil
}

func (s *blobs) List(ctx context.Context, containerName, prefix, from string) (*storage.BlobPage, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	marker, err := base64.URLEncoding.DecodeString(from)
	if err != nil {
		return nil, invalid("marker of a listing")
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, err := s.find(containerName)
	if err != nil {
		return nil, err
	}
	return s.page(c, prefix, string(marker)), nil
}

// page reads a page of a listing. It skips what lies before the prefix at once, unless there is a limit on what may be
// looked at: then it walks, to give the empty pages that the limit is there for.
func (s *blobs) page(c *container, prefix, marker string) *storage.BlobPage {
	if marker < prefix && s.o.ScanLimit > c.blobs.len() {
		marker = prefix
	}
	p, scanned := &storage.BlobPage{}, 0
	for b := range c.blobs.from(&blob{name: marker}) {
		if b.name > prefix && !strings.HasPrefix(b.name, prefix) {
			break
		}
		if len(p.Blobs) == s.o.PageSize || scanned == s.o.ScanLimit {
			p.Next = base64.URLEncoding.EncodeToString([]byte(b.name))
			break
		}
		scanned++
		if strings.HasPrefix(b.name, prefix) {
			p.Blobs = append(p.Blobs, storage.BlobItem{
				Name: b.name, Size: int64(len(b.content)), LastModified: b.modified, Leased: b.leased,
			})
		}
	}
	return p
}
