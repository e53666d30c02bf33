package durabletest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

const (
	// takeAtOnce is how many messages can be taken in one request.
	takeAtOnce = 32
	// takenFor is how long taken messages stay invisible: as long as at a worker. They are put back long before.
	takenFor = 5 * time.Minute
)

// letter is a message that was taken out of a queue and not removed yet.
type letter struct {
	queue   string
	taken   storage.Message
	at      time.Time // when it was taken
	message *wire.Message
	err     error // why it cannot be read
	gone    bool  // it was removed or put back
}

// take takes the visible messages for an instance out of its control queue, in the order in which a worker handles
// them. It looks at all messages of the queue, as a worker does, so that a bad one does not go unnoticed.
func (h *Hub) take(ctx context.Context, instanceID string, partition, count int) ([]*letter, error) {
	all, err := h.takeAll(ctx, h.hub.ControlQueue(partition))
	if err != nil {
		return nil, err
	}
	var mine, others []*letter
	for _, l := range all {
		if l.message, err = read(ctx, h.hub, l.taken.Text); err == nil {
			err = checkPartition(l.message, partition, count)
		}
		if err != nil {
			err = fmt.Errorf("message %s in queue %s: %w", l.taken.ID, l.queue, err)
			return nil, errors.Join(err, h.putBack(ctx, all))
		}
		if l.message.InstanceID == instanceID {
			mine = append(mine, l)
		} else {
			others = append(others, l)
		}
	}
	if err := h.putBack(ctx, others); err != nil {
		return nil, err
	}
	sortLetters(mine)
	return mine, nil
}

// takeAll takes all visible messages of a queue.
func (h *Hub) takeAll(ctx context.Context, queue string) ([]*letter, error) {
	var all []*letter
	for {
		taken, err := h.hub.Queues.Dequeue(ctx, queue, takeAtOnce, takenFor)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("read queue %s: %w", queue, err), h.putBack(ctx, all))
		}
		for _, m := range taken {
			all = append(all, &letter{queue: queue, taken: m})
		}
		if len(taken) < takeAtOnce {
			return all, nil
		}
	}
}

// read decodes a message, refuses one at which workers fail again and again, and fetches it from its blob if it is a large one.
func read(ctx context.Context, hub *taskhub.Hub, text string) (*wire.Message, error) {
	data, err := wire.DecodeText(text)
	if err != nil {
		return nil, err
	}
	m, err := wire.DecodeMessage(data)
	if err != nil {
		return nil, err
	}
	if m.BlobName != "" {
		if data, err = hub.ReadPayload(ctx, m.BlobName); err != nil {
			return nil, err
		}
		if m, err = wire.DecodeMessage(data); err != nil {
			return nil, fmt.Errorf("blob %s: %w", m.BlobName, err)
		}
	}
	return m, m.Dispatchable()
}

// putBack makes taken messages visible again, in the order in which they were taken.
func (h *Hub) putBack(ctx context.Context, letters []*letter) error {
	var errs []error
	for _, l := range letters {
		if err := h.hub.Queues.Release(ctx, l.queue, l.taken, 0); err != nil {
			errs = append(errs, fmt.Errorf("put a message back into queue %s: %w", l.queue, err))
		}
	}
	return errors.Join(errs...)
}

// remove deletes messages that were handled.
func (h *Hub) remove(ctx context.Context, letters []*letter) error {
	for _, l := range letters {
		if err := h.hub.Queues.Remove(ctx, l.queue, l.taken); err != nil {
			return fmt.Errorf("delete a message from queue %s: %w", l.queue, err)
		}
	}
	return nil
}
