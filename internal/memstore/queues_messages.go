package memstore

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-durable/durable/internal/storage"
)

const (
	maxMessage = 64 << 10
	maxTaken   = 32
	maxDelay   = 7 * 24 * time.Hour
)

func (s *queues) Put(ctx context.Context, name, text string, delay time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	wait, err := seconds(delay)
	if err != nil {
		return err
	}
	if err := checkText(text); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.names.find(name)
	if err != nil {
		return err
	}
	now, seq := s.o.Clock().UTC(), s.next()
	q.add(&message{
		id: messageID(seq), text: text, inserted: now, visible: now.Add(wait), seq: seq,
	})
	s.o.OnMessage(name)
	return nil
}

func (s *queues) Peek(ctx context.Context, name string, n int) ([]storage.Message, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if n < 1 || n > maxTaken {
		return nil, invalid("%d messages", n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.names.find(name)
	if err != nil {
		return nil, err
	}
	var out []storage.Message
	for _, m := range q.visible(n, s.o.Clock()) {
		out = append(out, m.seen())
	}
	return out, nil
}

func (s *queues) Dequeue(ctx context.Context, name string, n int, invisible time.Duration) ([]storage.Message, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if n < 1 || n > maxTaken {
		return nil, invalid("%d messages", n)
	}
	wait, err := seconds(invisible)
	if err != nil {
		return nil, err
	}
	if wait == 0 {
		return nil, invalid("messages taken for no time")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.names.find(name)
	if err != nil {
		return nil, err
	}
	now := s.o.Clock().UTC()
	var out []storage.Message
	for _, m := range q.visible(n, now) {
		m.count++
		s.hide(q, m, now.Add(wait))
		taken := m.seen()
		taken.PopReceipt, taken.NextVisible = m.receipt, m.visible.Truncate(time.Second)
		out = append(out, taken)
	}
	return out, nil
}

func (s *queues) Release(ctx context.Context, name string, m storage.Message, delay time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	wait, err := seconds(delay)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.names.find(name)
	if err != nil {
		return err
	}
	found, err := q.taken(m)
	if err != nil {
		return err
	}
	s.hide(q, found, s.o.Clock().UTC().Add(wait))
	s.o.OnMessage(name)
	return nil
}

func (s *queues) Remove(ctx context.Context, name string, m storage.Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.names.find(name)
	if err != nil {
		return err
	}
	found, err := q.taken(m)
	if err != nil {
		return err
	}
	q.remove(found)
	return nil
}

// messageID returns a GUID for the n-th message.
func messageID(n int64) string {
	const more = 1 << 48 // gives all numbers the same length
	return "00000000-0000-4000-8000-" + strconv.FormatInt(more+n, 16)[1:]
}

// hide makes a message invisible until a time and its receipts stale.
func (s *queues) hide(q *queue, m *message, until time.Time) {
	q.remove(m)
	m.visible = until
	m.receipt = base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(s.next())))
	q.add(m)
}

// seconds rounds a duration up to whole seconds.
func seconds(d time.Duration) (time.Duration, error) {
	whole := d.Truncate(time.Second)
	if whole < d {
		whole += time.Second
	}
	if d < 0 || whole > maxDelay {
		return 0, invalid("delay of %v", d)
	}
	return whole, nil
}

// checkText refuses what the service would, and what its XML cannot carry.
func checkText(text string) error {
	if len(text) > maxMessage {
		return invalid("message of %d bytes", len(text))
	}
	if !utf8.ValidString(text) {
		return invalid("message that is not UTF-8")
	}
	for i := 0; i < len(text); i++ {
		if c := text[i]; c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return invalid("message with the character %U", c)
		}
	}
	if strings.Contains(text, "\uFFFE") || strings.Contains(text, "\uFFFF") {
		return invalid("message with U+FFFE or U+FFFF")
	}
	return nil
}
