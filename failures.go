package durable

import (
	"errors"
	"fmt"
	"sync"
)

// failures collects the errors of an operation on many instances: the first of them as they are, the others as a number.
// It is safe for concurrent use.
type failures struct {
	mu    sync.Mutex
	errs  []error
	count int
}

func (f *failures) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	if len(f.errs) < maxJoinedErrors {
		f.errs = append(f.errs, err)
	}
}

// join returns all errors and, behind them, the one that ended the operation, or nil if there is none at all.
func (f *failures) join(last error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	errs := f.errs
	if more := f.count - len(errs); more > 0 {
		errs = append(errs[:len(errs):len(errs)], fmt.Errorf("and %d more", more))
	}
	return errors.Join(append(errs[:len(errs):len(errs)], last)...)
}
