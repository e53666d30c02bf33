// Package memstore is a storage account in memory: the tables, queues and blobs of package storage with the rules and
// limits that Azure documents, on a clock of its own. It passes the tests of package storagetest.
//
// It is for tests, and it does on demand what a real account does now and then: short and empty pages, names that are
// not free again after a deletion, leases. Package faultstore adds failures to it.
package memstore

import (
	"fmt"
	"time"

	"github.com/go-durable/durable/internal/storage"
)

// Options say how a store behaves. The zero value behaves as an account does on a good day.
type Options struct {
	// Clock tells the time. Defaults to time.Now.
	Clock func() time.Time
	// PageSize is how many entities, or blobs, a page holds at most. Defaults to [storage.MaxPage].
	PageSize int
	// ScanLimit is how many entities, or blobs, are looked at for one page, whether they match or not. It makes pages
	// that are empty and yet not the last, as the service does. Defaults to no limit.
	ScanLimit int
	// DeleteDelay is how long the name of a deleted table, queue or container stays taken. Defaults to not at all; the
	// service takes 30 seconds and more. Meanwhile a table or a queue answers everything but its deletion with
	// [storage.ErrBeingDeleted], and so does the creation of a container.
	DeleteDelay time.Duration
	// OnMessage, if it is set, is called with the name of a queue that has got a message, or one of whose messages is to
	// become visible at another time. It must not use the store.
	OnMessage func(queue string)
}

// Store is a storage account in memory.
type Store struct {
	tables *tables
	queues *queues
	blobs  *blobs
}

// New returns an empty store; opts may be nil.
func New(opts *Options) *Store {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.OnMessage == nil {
		o.OnMessage = func(string) {}
	}
	if o.PageSize <= 0 || o.PageSize > storage.MaxPage {
		o.PageSize = storage.MaxPage
	}
	if o.ScanLimit <= 0 {
		o.ScanLimit = int(^uint(0) >> 1)
	}
	return &Store{
		tables: &tables{o: o, names: newNames[*table](&o), lower: make(map[string]string)},
		queues: &queues{o: o, names: newNames[*queue](&o)},
		blobs:  &blobs{o: o, names: newNames[*container](&o)},
	}
}

// Account returns the services of the store. It always returns the same ones.
func (s *Store) Account() storage.Account {
	return storage.Account{Tables: s.tables, Queues: s.queues, Blobs: s.blobs}
}

// Lease takes a lease without end on a blob, or on the container if blob is "". Release gives it back; it may be
// called more than once. It returns [storage.ErrNotFound], [storage.ErrContainerNotFound], or [storage.ErrLeased] if
// somebody holds the lease.
func (s *Store) Lease(container, blob string) (release func(), err error) {
	return s.blobs.lease(container, blob)
}

// invalid returns an error that is [storage.ErrInvalid].
func invalid(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, storage.ErrInvalid)...)
}
