// Package faultstore puts a hook around any storage account: it counts and records the calls, and it makes them fail,
// before they do anything or after they did it.
package faultstore

import (
	"context"
	"slices"
	"sync"

	"github.com/go-durable/durable/internal/storage"
)

// Service is one of the services of an account.
type Service string

// The services.
const (
	Tables Service = "tables"
	Queues Service = "queues"
	Blobs  Service = "blobs"
)

// Phase is where in a call a hook runs.
type Phase int

const (
	// Before means that nothing has happened. An error returned here means that nothing will.
	Before Phase = iota
	// After means that the call was carried out. An error returned here replaces the answer, as if that had been lost.
	After
)

// Call is a call of one of the methods of package storage.
type Call struct {
	Service Service
	// Op is the name of the method.
	Op string
	// Name is the table, queue or container; the prefix for methods that list these.
	Name string
	// Key is "PartitionKey|RowKey" of an entity (in a batch, of the first one), the ID of a message, or the name of a
	// blob (the prefix in a listing). It is "" where there is none.
	Key string
	// N is the number of operations of a batch, else 0.
	N int
	// Phase is where in the call the hook runs.
	Phase Phase
	// Err is what the call returned. It is nil in phase Before.
	Err error
}

// Hook is called before and after each call, from the goroutine that makes it. It must be safe for concurrent use.
type Hook func(ctx context.Context, c Call) error

// Store is an account with a hook around it.
type Store struct {
	account storage.Account

	mu    sync.Mutex
	hook  Hook
	calls []Call
}

// Wrap returns an account that does what acc does and calls the hook, which may be nil.
func Wrap(acc storage.Account, hook Hook) *Store { return &Store{account: acc, hook: hook} }

// Account returns the account with the hook.
func (s *Store) Account() storage.Account {
	return storage.Account{
		Tables: tables{s, s.account.Tables},
		Queues: queues{s, s.account.Queues},
		Blobs:  blobs{s, s.account.Blobs},
	}
}

// SetHook replaces the hook; nil means none. Calls under way may still meet the old one.
func (s *Store) SetHook(hook Hook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = hook
}

// Calls returns the calls since the last [Store.Reset] in the order in which they began, in phase Before. Calls that
// a hook refused are among them.
func (s *Store) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Count returns how many calls there were for which the function returns true; nil counts them all.
func (s *Store) Count(match func(Call) bool) int {
	n := 0
	for _, c := range s.Calls() {
		if match == nil || match(c) {
			n++
		}
	}
	return n
}

// Reset forgets the calls so far.
func (s *Store) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
}

// begin records a call and runs the hook before it.
func (s *Store) begin(ctx context.Context, c Call) error {
	s.mu.Lock()
	s.calls = append(s.calls, c)
	hook := s.hook
	s.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(ctx, c)
}

// end runs the hook after a call and returns what the caller gets to see.
func (s *Store) end(ctx context.Context, c Call, err error) error {
	s.mu.Lock()
	hook := s.hook
	s.mu.Unlock()
	if hook == nil {
		return err
	}
	c.Phase, c.Err = After, err
	if fault := hook(ctx, c); fault != nil {
		return fault
	}
	return err
}

// do makes a call that returns a result.
func do[T any](ctx context.Context, s *Store, c Call, call func() (T, error)) (T, error) {
	var none T
	if err := s.begin(ctx, c); err != nil {
		return none, err
	}
	result, err := call()
	if err = s.end(ctx, c, err); err != nil {
		return none, err
	}
	return result, nil
}

// run makes a call that returns nothing but an error.
func run(ctx context.Context, s *Store, c Call, call func() error) error {
	if err := s.begin(ctx, c); err != nil {
		return err
	}
	return s.end(ctx, c, call())
}
