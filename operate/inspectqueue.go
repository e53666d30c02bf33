package operate

import (
	"context"
	"errors"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// Payloads are the sizes of what an instance has stored, in bytes.
type Payloads struct {
	// Input, Output and CustomStatus are the sizes in the row: of a reference, where the text lies in a blob.
	Input        int `json:"input"`
	Output       int `json:"output"`
	CustomStatus int `json:"customStatus"`
	// History is the size of all texts in the rows of the history.
	History int `json:"history"`
	// Blobs counts the payloads in blobs, BlobBytes is their size as they lie there, which is zipped. Largest are the ten
	// largest of them.
	Blobs     int       `json:"blobs"`
	BlobBytes int64     `json:"blobBytes"`
	Largest   []Payload `json:"largest,omitempty"`
}

// Payload is a payload in a blob.
type Payload struct {
	Blob  string `json:"blob"`
	Bytes int64  `json:"bytes"`
}

const largestPayloads = 10

// list adds the payloads in blobs.
func (p *Payloads) list(ctx context.Context, hub *taskhub.Hub, row *wire.Instance) error {
	return listBlobs(ctx, hub, row.ID, row.Key, func(b storage.BlobItem) {
		p.Blobs++
		p.BlobBytes += b.Size
		at := len(p.Largest)
		for at > 0 && p.Largest[at-1].Bytes < b.Size {
			at--
		}
		if at < largestPayloads {
			p.Largest = append(p.Largest, Payload{})
			copy(p.Largest[at+1:], p.Largest[at:])
			p.Largest[at] = Payload{b.Name, b.Size}
			p.Largest = p.Largest[:min(len(p.Largest), largestPayloads)]
		}
	})
}

// listBlobs calls visit for each payload of an instance.
func listBlobs(ctx context.Context, hub *taskhub.Hub, instanceID, key string, visit func(storage.BlobItem)) error {
	for _, prefix := range wire.Prefixes(instanceID) {
		for from := ""; ; {
			page, err := hub.Blobs.List(ctx, hub.LargeMessages(), prefix, from)
			if errors.Is(err, storage.ErrContainerNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			for _, b := range page.Blobs {
				if wire.OwnsBlob(b.Name, instanceID, key) {
					visit(b)
				}
			}
			if from = page.Next; from == "" {
				break
			}
		}
	}
	return nil
}

// QueueLook is what a control queue shows.
type QueueLook struct {
	Queue string `json:"queue,omitempty"`
	// Backlog is about how many messages lie there, invisible ones included.
	Backlog int64 `json:"backlog"`
	// Messages are those for the instance, among the 32 that can be seen.
	Messages []QueuedMessage `json:"messages"`
	// OwnerKnown says that hosts have noted who reads the queue, Owner is who, OwnerAlive whether that holds at this
	// moment.
	OwnerKnown bool   `json:"ownerKnown,omitempty"`
	Owner      string `json:"owner,omitempty"`
	OwnerAlive bool   `json:"ownerAlive,omitempty"`
	// Uncertain says why the queue cannot be told; all else is empty then.
	Uncertain string `json:"uncertain,omitempty"`
}

// QueuedMessage is a message that waits for an instance.
type QueuedMessage struct {
	EventType    durable.HistoryEventType `json:"eventType"`
	Inserted     time.Time                `json:"inserted"`
	DequeueCount int64                    `json:"dequeueCount"`
}

// lookAtQueue looks at the control queue of an instance.
func lookAtQueue(ctx context.Context, hub *taskhub.Hub, instanceID string) (*QueueLook, error) {
	q := &QueueLook{Messages: []QueuedMessage{}}
	count, err := hub.PartitionCount(ctx)
	if errors.Is(err, taskhub.ErrPartitionCount) {
		q.Uncertain = err.Error()
		return q, nil
	}
	if err != nil {
		return nil, err
	}
	q.Queue = hub.ControlQueue(wire.Partition(instanceID, count))
	owners, err := hub.QueueOwners(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range owners {
		if o.Queue == q.Queue {
			q.OwnerKnown, q.Owner, q.OwnerAlive = true, o.Name, o.Alive
		}
	}
	seen, err := peek(ctx, hub, q.Queue)
	if err != nil {
		return nil, err
	}
	q.Backlog = seen.count
	for _, m := range seen.messages {
		if m.instanceID == instanceID {
			q.Messages = append(q.Messages, QueuedMessage{durable.HistoryEventType(m.eventType), m.Inserted, m.DequeueCount})
		}
	}
	return q, nil
}
