package taskhub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// PayloadURL returns the reference to a payload as the Instances table holds it.
func (h *Hub) PayloadURL(blob string) string {
	return wire.BlobURL(joinURL(h.opts.BlobEndpoint, h.LargeMessages()), blob)
}

func joinURL(endpoint, container string) string {
	if endpoint != "" && endpoint[len(endpoint)-1] == '/' {
		return endpoint + container
	}
	return endpoint + "/" + container
}

// WritePayload stores a payload. The container is the one resource of a hub that is made when it is first needed; the
// engine does the same (MessageManager.cs). For a hub that does not exist it is not made: that is [ErrHubNotFound].
func (h *Hub) WritePayload(ctx context.Context, name string, payload []byte) error {
	b := storage.Blob{Content: wire.Zip(payload)} // no type, no encoding: MessageManager.cs sets none either
	err := h.Blobs.Write(ctx, h.LargeMessages(), name, b)
	if !errors.Is(err, storage.ErrContainerNotFound) {
		return err
	}
	if err := h.mustExist(ctx); err != nil {
		return err
	}
	if err := h.Blobs.CreateContainer(ctx, h.LargeMessages()); err != nil {
		return err
	}
	return h.Blobs.Write(ctx, h.LargeMessages(), name, b)
}

// discardTimeout bounds what is done against litter once the caller's context has ended.
const discardTimeout = 10 * time.Second

// DiscardPayload removes a payload to which nothing will refer. It is an aid against litter, so its failure is not
// reported, and it does not need a context that is still alive.
func (h *Hub) DiscardPayload(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTimeout)
	defer cancel()
	_ = h.Blobs.Delete(ctx, h.LargeMessages(), name)
}

// ReadPayload returns the payload in a blob of the hub. It returns [ErrPayloadMissing] if there is no such blob.
func (h *Hub) ReadPayload(ctx context.Context, blob string) ([]byte, error) {
	r, err := h.Blobs.Open(ctx, h.LargeMessages(), blob)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrContainerNotFound) {
		return nil, fmt.Errorf("%w: blob %q: %w", ErrPayloadMissing, blob, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read payload: %w", err)
	}
	payload, err := wire.Unzip(r, h.opts.MaxPayload)
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("read payload from blob %q: %w", blob, err)
	}
	return payload, nil
}

// Reference returns the name of the blob in which the text of a column of an instance's row really lies, or "" if it
// lies in the row. BlobName is the column that names the blob where the text was too long for the row.
func (h *Hub) Reference(instanceID string, text, blobName storage.Value) string {
	if text.Text == "" && blobName.Text != "" {
		return blobName.Text
	}
	if name, ok := wire.BlobReference(text.Text, h.LargeMessages(), instanceID); ok {
		return name
	}
	return ""
}

// ReadText returns the text that a column of an instance's row stands for, given the blob that [Hub.Reference] found.
func (h *Hub) ReadText(ctx context.Context, blob string) (storage.Value, error) {
	payload, err := h.ReadPayload(ctx, blob)
	if err != nil {
		return storage.Value{}, err
	}
	if !wire.HoldsStart(blob) {
		return storage.StringValue(string(payload)), nil
	}
	input, err := wire.StartInput(payload)
	if err != nil || input == nil {
		return storage.Value{}, err
	}
	return storage.StringValue(*input), nil
}
