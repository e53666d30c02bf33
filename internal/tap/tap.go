// Package tap puts a hook around any storage account. The hook sees every call before and after it, and can refuse it,
// delay it or replace its answer.
package tap

import (
	"context"

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

// Hook is called before and after each call, from the goroutine that makes it. It must be safe for concurrent use. The
// error that it returns after a call is what the caller gets; nil is none, so a hook that changes nothing returns c.Err.
type Hook func(ctx context.Context, c Call) error

// Wrap returns an account that does what acc does and calls the hook.
func Wrap(acc storage.Account, hook Hook) storage.Account {
	return storage.Account{
		Tables: tables{hook, acc.Tables},
		Queues: queues{hook, acc.Queues},
		Blobs:  blobs{hook, acc.Blobs},
	}
}

// do makes a call that returns a result.
func do[T any](ctx context.Context, hook Hook, c Call, call func() (T, error)) (T, error) {
	var none T
	if err := hook(ctx, c); err != nil {
		return none, err
	}
	result, err := call()
	c.Phase, c.Err = After, err
	if err = hook(ctx, c); err != nil {
		return none, err
	}
	return result, nil
}

// run makes a call that returns nothing but an error.
func run(ctx context.Context, hook Hook, c Call, call func() error) error {
	_, err := do(ctx, hook, c, func() (struct{}, error) { return struct{}{}, call() })
	return err
}
