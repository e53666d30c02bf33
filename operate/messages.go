package operate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
)

// HubMessage is a message of a task hub: in a queue, or in quarantine.
type HubMessage struct {
	Queue string `json:"queue"`
	ID    string `json:"id"`
	// InstanceID and EventType are "" where the message cannot be read.
	InstanceID string                   `json:"instanceId,omitempty"`
	EventType  durable.HistoryEventType `json:"eventType,omitempty"`
	// Blob is where the message lies if it is a large one.
	Blob         string    `json:"blob,omitempty"`
	Bytes        int       `json:"bytes"`
	Inserted     time.Time `json:"inserted"`
	DequeueCount int64     `json:"dequeueCount"`
	// Poison says why no worker can handle it, "" if one can.
	Poison string `json:"poison,omitempty"`
	// Quarantined is when it was put into quarantine, zero for a message in a queue. Reason is why.
	Quarantined time.Time `json:"quarantined,omitzero"`
	Reason      string    `json:"reason,omitempty"`
}

// ListMessagesOptions are options for ListMessages.
type ListMessagesOptions struct {
	// PoisonOnly leaves out messages that workers can handle.
	PoisonOnly bool
	// MaxDequeueCount is as in [DiagnoseOptions].
	MaxDequeueCount int64
	// Quarantined lists the messages in quarantine instead of those in the queues.
	Quarantined bool
}

// ListMessages yields the messages that can be seen in the queues of a hub: the first 32 of each that are not hidden. It
// touches none of them. Opts may be nil.
//
// It returns [durable.ErrTaskHubNotFound] and [durable.ErrInvalidArgument], and behind all others [durable.ErrInvalidState]
// for a message in quarantine whose copy is damaged.
func ListMessages(
	ctx context.Context, c *durable.OrchestrationClient, opts *ListMessagesOptions,
) iter.Seq2[HubMessage, error] {
	var o ListMessagesOptions
	if opts != nil {
		o = *opts
	}
	in := open(c)
	return func(yield func(HubMessage, error) bool) {
		list := listQueued
		if o.Quarantined {
			list = listQuarantined
		}
		err := list(ctx, in.Hub, &o, func(m HubMessage) error {
			if !yield(m, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(HubMessage{}, in.Fail("ListMessages", "", "", err))
		}
	}
}

func listQueued(ctx context.Context, hub *taskhub.Hub, o *ListMessagesOptions, visit func(HubMessage) error) error {
	limit := o.MaxDequeueCount
	if limit < 0 {
		return invalid("MaxDequeueCount is negative")
	}
	if limit == 0 {
		limit = maxDequeue
	}
	look, err := lookAtQueues(ctx, hub)
	if err != nil {
		return err
	}
	if len(look.control) == 0 {
		return fmt.Errorf("%w: it has no control queues", taskhub.ErrHubNotFound)
	}
	for _, q := range append(look.control, look.work) {
		for i := range q.messages {
			m := &q.messages[i]
			why, err := poison(ctx, hub, m, limit)
			if err != nil {
				return err
			}
			if o.PoisonOnly && why == "" {
				continue
			}
			shown := showMessage(q.name, m)
			shown.Poison = why
			if err := visit(shown); err != nil {
				return err
			}
		}
	}
	return nil
}

func showMessage(queue string, m *seenMessage) HubMessage {
	return HubMessage{
		Queue: queue, ID: m.ID, InstanceID: m.instanceID, EventType: durable.HistoryEventType(m.eventType), Blob: m.blob,
		Bytes: len(m.Text), Inserted: m.Inserted, DequeueCount: m.DequeueCount,
	}
}

// quarantined is what lies in a blob of the quarantine.
type quarantined struct {
	HubMessage
	// Text is the message as it lay in the queue.
	Text string `json:"text"`
	// State is how far its journey has got.
	State quarantineState `json:"state"`
}

type quarantineState string

const (
	// stateCopied: it may still be in its queue.
	stateCopied quarantineState = "copied"
	// stateRemoved: it is nowhere else.
	stateRemoved quarantineState = "removed"
	// stateRestoring: it may be back in its queue.
	stateRestoring quarantineState = "restoring"
)

func blobOf(queue, id string) string { return queue + "/" + id + ".json" }

// store writes the message into quarantine, over what is there.
func (q *quarantined) store(ctx context.Context, hub *taskhub.Hub, state quarantineState) error {
	q.State = state
	text, err := json.Marshal(q)
	if err != nil {
		return err
	}
	b := storage.Blob{Content: text, ContentType: "application/json"}
	err = hub.Blobs.Write(ctx, hub.Quarantine(), blobOf(q.Queue, q.ID), b)
	if errors.Is(err, storage.ErrContainerNotFound) {
		if err = hub.Blobs.CreateContainer(ctx, hub.Quarantine()); err == nil {
			err = hub.Blobs.Write(ctx, hub.Quarantine(), blobOf(q.Queue, q.ID), b)
		}
	}
	if err != nil {
		return fmt.Errorf("write the copy: %w", err)
	}
	return nil
}

// maxQuarantined is more than any copy of a message is long.
const maxQuarantined = 1 << 20

// readQuarantined reads a message in quarantine; it is nil if there is none.
func readQuarantined(ctx context.Context, hub *taskhub.Hub, blob string) (*quarantined, error) {
	r, err := hub.Blobs.Open(ctx, hub.Quarantine(), blob)
	if isMissing(err) {
		return nil, nil //nolint:nilnil // none is an answer
	}
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r, maxQuarantined))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	q := &quarantined{}
	if err := json.Unmarshal(text, q); err != nil {
		return nil, wrongState("the copy %s in quarantine is damaged", blob)
	}
	return q, nil
}

// listQuarantined lists all copies that can be read, and returns the error of the first that cannot at the end: one of many
// must not hide the others.
func listQuarantined(ctx context.Context, hub *taskhub.Hub, _ *ListMessagesOptions, visit func(HubMessage) error) error {
	var damaged error
	for from := ""; ; {
		page, err := hub.Blobs.List(ctx, hub.Quarantine(), "", from)
		if isMissing(err) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, b := range page.Blobs {
			if strings.HasSuffix(b.Name, claimSuffix) {
				continue
			}
			q, err := readQuarantined(ctx, hub, b.Name)
			if errors.Is(err, durable.ErrInvalidState) {
				damaged = cmp.Or(damaged, err)
				continue
			}
			if err != nil {
				return err
			}
			if q == nil {
				continue
			}
			if err := visit(q.HubMessage); err != nil {
				return err
			}
		}
		if from = page.Next; from == "" {
			return damaged
		}
	}
}

// checkQueue refuses a queue that is not one of the hub's.
func checkQueue(in hook.Inside, queue string) error {
	if _, ok := in.Hub.PartitionOf(queue); !ok && queue != in.Hub.WorkItems() {
		return invalid("%q is no queue of the task hub", queue)
	}
	return nil
}
