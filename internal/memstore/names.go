package memstore

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-durable/durable/internal/storage"
)

var (
	tableName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{2,62}$`)
	plainName = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9])*$`) // queues and containers
)

// names holds what an account has under names: tables, queues or containers. Callers lock.
type names[T any] struct {
	clock func() time.Time
	delay time.Duration
	items map[string]T
	// busy says until when the name of something deleted is taken.
	busy map[string]time.Time
}

func newNames[T any](o *Options) names[T] {
	return names[T]{clock: o.Clock, delay: o.DeleteDelay, items: map[string]T{}, busy: map[string]time.Time{}}
}

// find returns what has that name, or an error that says why there is nothing.
func (n *names[T]) find(name string) (item T, err error) {
	item, ok := n.items[name]
	switch {
	case ok:
		return item, nil
	case n.deleting(name):
		return item, fmt.Errorf("%s: %w", name, storage.ErrBeingDeleted)
	}
	return item, fmt.Errorf("%s: %w", name, storage.ErrContainerNotFound)
}

func (n *names[T]) deleting(name string) bool {
	until, ok := n.busy[name]
	return ok && n.clock().Before(until)
}

// create adds what item returns, unless there is something with that name.
func (n *names[T]) create(name string, item func() T) error {
	if _, ok := n.items[name]; ok {
		return nil
	}
	if n.deleting(name) {
		return fmt.Errorf("%s: %w", name, storage.ErrBeingDeleted)
	}
	delete(n.busy, name)
	n.items[name] = item()
	return nil
}

func (n *names[T]) remove(name string) {
	if _, ok := n.items[name]; !ok {
		return
	}
	delete(n.items, name)
	if n.delay > 0 {
		n.busy[name] = n.clock().Add(n.delay)
	}
}

// list returns the names that begin with prefix, in order.
func (n *names[T]) list(prefix string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(n.items)) {
		if strings.HasPrefix(name, prefix) {
			out = append(out, name)
		}
	}
	return out
}

// checkPlainName checks the name of a queue or a container.
func checkPlainName(name string) error {
	if len(name) < 3 || len(name) > 63 || !plainName.MatchString(name) {
		return invalid("name %q", name)
	}
	return nil
}
