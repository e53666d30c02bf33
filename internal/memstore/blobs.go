package memstore

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-durable/durable/internal/storage"
)

// blobs is the blob service.
type blobs struct {
	o     Options
	mu    sync.RWMutex
	names names[*container]
}

type container struct {
	blobs  sorted[*blob]
	leased bool
}

// blob is a blob. Its content is never modified, only replaced.
type blob struct {
	name     string
	content  []byte
	modified time.Time
	leased   bool
}

func newContainer() *container {
	return &container{blobs: newSorted(func(a, b *blob) int { return strings.Compare(a.name, b.name) })}
}

// find is like that of names, but a container that is being deleted is simply not there.
func (s *blobs) find(name string) (*container, error) {
	c, ok := s.names.items[name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, storage.ErrContainerNotFound)
	}
	return c, nil
}

func (s *blobs) CreateContainer(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkPlainName(name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names.create(name, newContainer)
}

func (s *blobs) DeleteContainer(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.names.items[name]; c != nil && c.leased {
		return fmt.Errorf("%s: %w", name, storage.ErrLeased)
	}
	s.names.remove(name)
	return nil
}

func (s *blobs) ListContainers(ctx context.Context, prefix string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.names.list(prefix), nil
}

// lease sets the flag that says that somebody holds a lease.
func (s *blobs) lease(containerName, name string) (release func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.find(containerName)
	if err != nil {
		return nil, err
	}
	flag := &c.leased
	if name != "" {
		b, ok := c.blobs.get(&blob{name: name})
		if !ok {
			return nil, fmt.Errorf("%s: %w", name, storage.ErrNotFound)
		}
		flag = &b.leased
	}
	if *flag {
		return nil, fmt.Errorf("%s: %w", containerName, storage.ErrLeased)
	}
	*flag = true
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		*flag = false
	}), nil
}
