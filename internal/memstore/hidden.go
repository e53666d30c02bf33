package memstore

import (
	"time"

	"github.com/go-durable/durable/internal/storage"
)

// Messages returns all messages in a queue, also those that are not visible yet, in the order in which they become
// visible; none if there is no such queue. NextVisible is exact. No real queue can be looked into like that.
func (s *Store) Messages(queue string) []storage.Message {
	q := s.queues
	q.mu.Lock()
	defer q.mu.Unlock()
	found, err := q.names.find(queue)
	if err != nil {
		return nil
	}
	out := make([]storage.Message, 0, found.order.len())
	for m := range found.order.all() {
		seen := m.seen()
		seen.NextVisible = m.visible
		out = append(out, seen)
	}
	return out
}

// NextVisible returns when the next message becomes visible in one of the queues, after a time. It reports false if
// there is none.
func (s *Store) NextVisible(after time.Time, queues ...string) (next time.Time, ok bool) {
	s.queues.mu.Lock()
	defer s.queues.mu.Unlock()
	for _, name := range queues {
		q, err := s.queues.names.find(name)
		if err != nil {
			continue
		}
		for m := range q.order.all() {
			if m.visible.After(after) {
				if !ok || m.visible.Before(next) {
					next, ok = m.visible, true
				}
				break
			}
		}
	}
	return next, ok
}
