package faultstore

import (
	"context"
	"sync"
)

// FailNth returns a hook that fails the n-th call, counted from 1, among those for which match returns true; nil
// matches all. With [Before] the call does nothing, with [After] it takes effect and its answer is lost.
func FailNth(n int, phase Phase, err error, match func(Call) bool) Hook {
	return failing(phase, err, match, func(i int) bool { return i == n })
}

// FailFrom is like [FailNth] for the n-th call and all after it.
func FailFrom(n int, phase Phase, err error, match func(Call) bool) Hook {
	return failing(phase, err, match, func(i int) bool { return i >= n })
}

func failing(phase Phase, err error, match func(Call) bool, chosen func(i int) bool) Hook {
	var mu sync.Mutex
	seen := 0
	return func(_ context.Context, c Call) error {
		if c.Phase != phase || match != nil && !match(c) {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		seen++
		if chosen(seen) {
			return err
		}
		return nil
	}
}

// Op returns a function that matches the calls of a method, to be used with [FailNth] and [Store.Count].
func Op(names ...string) func(Call) bool {
	return func(c Call) bool {
		for _, name := range names {
			if c.Op == name {
				return true
			}
		}
		return false
	}
}
