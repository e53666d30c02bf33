package memstore

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-durable/durable/internal/storage"
)

// queues is the queue service.
type queues struct {
	o     Options
	mu    sync.Mutex
	names names[*queue]
	last  int64 // number of the last message or receipt
}

// queue holds its messages in the order in which they become visible, so that the visible ones come first.
type queue struct {
	order sorted[*message]
	byID  map[string]*message
}

// message is a message in a queue. While it is in one, visible and seq change only outside of the queue's order.
type message struct {
	id, receipt, text string
	inserted, visible time.Time
	seq               int64
	count             int64
}

// compareMessages orders by the time of visibility and then by number: first in, first out, even on a clock that
// stands still.
func compareMessages(a, b *message) int {
	if c := a.visible.Compare(b.visible); c != 0 {
		return c
	}
	return cmp.Compare(a.seq, b.seq)
}

func newQueue() *queue {
	return &queue{order: newSorted(compareMessages), byID: map[string]*message{}}
}

func (s *queues) CreateQueue(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkPlainName(name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names.create(name, newQueue)
}

func (s *queues) DeleteQueue(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names.remove(name)
	return nil
}

func (s *queues) ListQueues(ctx context.Context, prefix string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names.list(prefix), nil
}

func (s *queues) Count(ctx context.Context, name string) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.names.find(name)
	if err != nil {
		return 0, err
	}
	return int64(q.order.len()), nil
}

// next returns a number that no message or receipt of the account had.
func (s *queues) next() int64 {
	s.last++
	return s.last
}

func (q *queue) add(m *message) {
	q.order.put(m)
	q.byID[m.id] = m
}

func (q *queue) remove(m *message) {
	q.order.remove(m)
	delete(q.byID, m.id)
}

// visible returns up to n messages that can be seen at a time.
func (q *queue) visible(n int, now time.Time) []*message {
	var out []*message
	for m := range q.order.all() {
		if len(out) == n || m.visible.After(now) {
			break
		}
		out = append(out, m)
	}
	return out
}

// taken returns the message for which m is a valid receipt.
func (q *queue) taken(m storage.Message) (*message, error) {
	found := q.byID[m.ID]
	if found == nil || found.receipt == "" || found.receipt != m.PopReceipt {
		return nil, fmt.Errorf("message: %w", storage.ErrNotFound)
	}
	return found, nil
}

// seen returns a message as the service shows it: times in whole seconds.
func (m *message) seen() storage.Message {
	return storage.Message{ID: m.id, Text: m.text, Inserted: m.inserted.Truncate(time.Second), DequeueCount: m.count}
}
