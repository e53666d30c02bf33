package azstore

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azqueue/v2"

	"github.com/go-durable/durable/internal/storage"
)

// queues is [storage.Queues] on a queue service.
type queues struct {
	service *azqueue.ServiceClient
	retry   policy.RetryOptions // of Put
}

// maxMessages is how many messages one request can return.
const maxMessages = 32

func (q *queues) CreateQueue(ctx context.Context, queue string) error {
	if queue == "" {
		return invalid("no queue name")
	}
	_, err := q.service.CreateQueue(ctx, queue, nil)
	err = wrap(err, storage.ErrContainerNotFound)
	if errors.Is(err, storage.ErrExists) { // with metadata
		return nil
	}
	return err
}

func (q *queues) DeleteQueue(ctx context.Context, queue string) error {
	if queue == "" {
		return invalid("no queue name")
	}
	_, err := q.service.DeleteQueue(ctx, queue, nil)
	err = wrap(err, storage.ErrContainerNotFound)
	if gone(err) {
		return nil
	}
	return err
}

func (q *queues) ListQueues(ctx context.Context, prefix string) ([]string, error) {
	var names []string
	pager := q.service.NewListQueuesPager(&azqueue.ListQueuesOptions{Prefix: optional(prefix)})
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, wrap(err, storage.ErrContainerNotFound)
		}
		for _, item := range page.Queues {
			if item != nil && item.Name != nil {
				names = append(names, *item.Name)
			}
		}
	}
	return names, nil
}

func (q *queues) Count(ctx context.Context, queue string) (int64, error) {
	if queue == "" {
		return 0, invalid("no queue name")
	}
	resp, err := q.service.NewQueueClient(queue).GetProperties(ctx, nil)
	if err != nil {
		return 0, wrap(err, storage.ErrContainerNotFound)
	}
	return value(resp.ApproximateMessagesCount), nil
}

func (q *queues) Peek(ctx context.Context, queue string, n int) ([]storage.Message, error) {
	if err := checkFetch(queue, n); err != nil {
		return nil, err
	}
	resp, err := q.service.NewQueueClient(queue).PeekMessages(ctx,
		&azqueue.PeekMessagesOptions{NumberOfMessages: to.Ptr(int32(n))})
	if err != nil {
		return nil, wrap(err, storage.ErrContainerNotFound)
	}
	var list []storage.Message
	for _, m := range resp.Messages {
		if m == nil {
			continue
		}
		list = append(list, storage.Message{
			ID:           value(m.MessageID),
			Text:         value(m.MessageText),
			Inserted:     value(m.InsertionTime),
			DequeueCount: value(m.DequeueCount),
		})
	}
	return list, nil
}

func (q *queues) Dequeue(ctx context.Context, queue string, n int, invisible time.Duration) ([]storage.Message, error) {
	if err := checkFetch(queue, n); err != nil {
		return nil, err
	}
	resp, err := q.service.NewQueueClient(queue).DequeueMessages(ctx, &azqueue.DequeueMessagesOptions{
		NumberOfMessages:  to.Ptr(int32(n)),
		VisibilityTimeout: seconds(invisible),
	})
	if err != nil {
		return nil, wrap(err, storage.ErrContainerNotFound)
	}
	var list []storage.Message
	for _, m := range resp.Messages {
		if m == nil {
			continue
		}
		list = append(list, storage.Message{
			ID:           value(m.MessageID),
			PopReceipt:   value(m.PopReceipt),
			Text:         value(m.MessageText),
			Inserted:     value(m.InsertionTime),
			NextVisible:  value(m.TimeNextVisible),
			DequeueCount: value(m.DequeueCount),
		})
	}
	return list, nil
}

func (q *queues) Release(ctx context.Context, queue string, m storage.Message, delay time.Duration) error {
	if err := checkReceipt(queue, m); err != nil {
		return err
	}
	// The client writes the text as well, so it has to be given the old one.
	_, err := q.service.NewQueueClient(queue).UpdateMessage(ctx, m.ID, m.PopReceipt, m.Text,
		&azqueue.UpdateMessageOptions{VisibilityTimeout: seconds(delay)})
	return wrap(err, storage.ErrNotFound)
}

func (q *queues) Remove(ctx context.Context, queue string, m storage.Message) error {
	if err := checkReceipt(queue, m); err != nil {
		return err
	}
	_, err := q.service.NewQueueClient(queue).DeleteMessage(ctx, m.ID, m.PopReceipt, nil)
	return wrap(err, storage.ErrNotFound)
}

func checkFetch(queue string, n int) error {
	if queue == "" {
		return invalid("no queue name")
	}
	if n < 1 || n > maxMessages {
		return invalid("%d messages", n)
	}
	return nil
}

// checkReceipt refuses IDs that would lead the request somewhere else: to all messages instead of one.
func checkReceipt(queue string, m storage.Message) error {
	if queue == "" {
		return invalid("no queue name")
	}
	if m.ID == "" || m.PopReceipt == "" || strings.ContainsAny(m.ID, "/?#.%") {
		return invalid("not a message that was dequeued")
	}
	return nil
}

// maxSeconds keeps a duration from wrapping around; the service refuses more than seven days.
const maxSeconds = 1 << 30

// seconds rounds a duration up, never below zero.
func seconds(d time.Duration) *int32 {
	s := d / time.Second
	if d%time.Second > 0 {
		s++
	}
	return to.Ptr(int32(min(max(s, 0), maxSeconds)))
}

// value is what p points to, or zero: the SDK leaves out what an answer leaves out.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// validXML reports whether XML can carry a text unchanged. The SDK would put U+FFFD in the place of the rest.
func validXML(text string) bool {
	if !utf8.ValidString(text) {
		return false
	}
	for _, r := range text {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return false
		}
	}
	return true
}
