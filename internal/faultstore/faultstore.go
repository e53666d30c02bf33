// Package faultstore counts and records the calls to a storage account, and makes them fail, before they do anything
// or after they did it.
package faultstore

import (
	"context"
	"slices"
	"sync"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/tap"
)

type (
	// Call is a call of a method of package storage.
	Call = tap.Call
	// Phase is where in a call a hook runs.
	Phase = tap.Phase
	// Service is one of the services of an account.
	Service = tap.Service
)

// The services and phases of package tap.
const (
	Tables = tap.Tables
	Queues = tap.Queues
	Blobs  = tap.Blobs
	Before = tap.Before
	After  = tap.After
)

// Hook is called before and after each call, from the goroutine that makes it. It must be safe for concurrent use. An
// error that it returns replaces what the call returned; nil changes nothing.
type Hook func(ctx context.Context, c Call) error

// Store is an account with a hook around it.
type Store struct {
	account storage.Account

	mu    sync.Mutex
	hook  Hook
	calls []Call
}

// Wrap returns an account that does what acc does and calls the hook, which may be nil.
func Wrap(acc storage.Account, hook Hook) *Store {
	s := &Store{hook: hook}
	s.account = tap.Wrap(acc, s.call)
	return s
}

// Account returns the account with the hook.
func (s *Store) Account() storage.Account { return s.account }

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

// call records a call and runs the hook.
func (s *Store) call(ctx context.Context, c Call) error {
	s.mu.Lock()
	if c.Phase == Before {
		s.calls = append(s.calls, c)
	}
	hook := s.hook
	s.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, c); err != nil {
			return err
		}
	}
	return c.Err
}
