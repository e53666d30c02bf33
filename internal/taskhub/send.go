package taskhub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// Outgoing is a message that is ready to be put into its queue.
type Outgoing struct {
	instanceID string
	text       string
	// Blob is the name of the blob that holds the message, or "" if it lies in the queue itself.
	Blob string
}

// Text returns the message as it will lie in the queue.
func (o *Outgoing) Text() string { return o.text }

// Prepare numbers a message and, if it is large, stores it in a blob. What is left for [Hub.Send] is one request.
func (h *Hub) Prepare(ctx context.Context, m *wire.Message) (*Outgoing, error) {
	return h.prepare(ctx, m, false)
}

// PrepareInBlob is Prepare for a message that must lie in a blob whatever its size, because the row refers to it.
func (h *Hub) PrepareInBlob(ctx context.Context, m *wire.Message) (*Outgoing, error) {
	return h.prepare(ctx, m, true)
}

func (h *Hub) prepare(ctx context.Context, m *wire.Message, inBlob bool) (*Outgoing, error) {
	m.ActivityID, m.SequenceNumber = h.NewID().D(), h.nextSequence()
	data := m.JSON()
	out := &Outgoing{instanceID: m.InstanceID}
	if inBlob || wire.MessageTooLarge(data) {
		out.Blob = wire.MessageBlobName(m)
		if err := h.WritePayload(ctx, out.Blob, data); err != nil {
			if !errors.Is(err, ErrHubNotFound) {
				h.Discard(ctx, out) // it may lie there although no answer says so
			}
			return nil, fmt.Errorf("store the message's payload: %w", err)
		}
		data = (&wire.Message{BlobName: out.Blob}).JSON()
	}
	out.text = wire.EncodeText(data)
	return out, nil
}

// Send puts a message into the control queue of its instance. It is sent at most once; an error that is
// [storage.ErrUncertain] means that it may have arrived. A queue that does not exist makes the partition count be read
// again, once.
func (h *Hub) Send(ctx context.Context, out *Outgoing, delay time.Duration) error {
	count, err := h.PartitionCount(ctx)
	if err != nil {
		return err
	}
	queue := h.ControlQueue(wire.Partition(out.instanceID, count))
	err = h.Queues.Put(ctx, queue, out.text, delay)
	if !errors.Is(err, storage.ErrContainerNotFound) {
		return err
	}
	if h.GivenPartitionCount() > 0 {
		return fmt.Errorf("%w: queue %s does not exist; is PartitionCount what the app's host.json says? %w",
			ErrHubNotFound, queue, err)
	}
	again, countErr := h.countAgain(ctx, count)
	switch {
	case countErr != nil:
		return countErr
	case again == count:
		return fmt.Errorf("%w: queue %s does not exist: %w", ErrHubNotFound, queue, err)
	}
	return h.Queues.Put(ctx, h.ControlQueue(wire.Partition(out.instanceID, again)), out.text, delay)
}

// SendOrDiscard is [Hub.Send] that cleans up after a message that certainly was not sent.
func (h *Hub) SendOrDiscard(ctx context.Context, out *Outgoing, delay time.Duration) error {
	err := h.Send(ctx, out, delay)
	if err != nil && !errors.Is(err, storage.ErrUncertain) {
		h.Discard(ctx, out)
	}
	return err
}

// SendWork puts a message into the work-item queue. Otherwise it is [Hub.Send].
func (h *Hub) SendWork(ctx context.Context, out *Outgoing) error {
	return hubError(h.Queues.Put(ctx, h.WorkItems(), out.text, 0))
}

// Discard removes what [Hub.Prepare] stored for a message that will not be sent.
func (h *Hub) Discard(ctx context.Context, out *Outgoing) {
	if out != nil && out.Blob != "" {
		h.DiscardPayload(ctx, out.Blob)
	}
}

// PrepareAgain makes the start message of an instance anew from its row.
func (h *Hub) PrepareAgain(ctx context.Context, i *wire.Instance) (*Outgoing, error) {
	blob := h.Reference(i.ID, i.Input, i.InputBlobName)
	if wire.HoldsStart(blob) { // the whole message lies there already
		wrapper := &wire.Message{BlobName: blob}
		return &Outgoing{instanceID: i.ID, text: wire.EncodeText(wrapper.JSON())}, nil
	}
	row := *i
	var err error
	if row.Input, err = h.textOf(ctx, i.Input, blob); err != nil {
		return nil, err
	}
	if row.Tags, err = h.textOf(ctx, i.Tags, h.Reference(i.ID, i.Tags, i.TagsBlobName)); err != nil {
		return nil, err
	}
	start, err := row.Start()
	if err != nil {
		return nil, fmt.Errorf("read the row of the instance: %w", err)
	}
	return h.Prepare(ctx, start.StartMessage())
}

// textOf returns a text of a row, given the blob in which it really lies, or "".
func (h *Hub) textOf(ctx context.Context, inRow storage.Value, blob string) (storage.Value, error) {
	if blob == "" {
		return inRow, nil
	}
	return h.ReadText(ctx, blob)
}
