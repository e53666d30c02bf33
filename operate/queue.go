package operate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-durable/durable/internal/parallel"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// maxPeek is how many messages of a queue can be seen.
const maxPeek = 32

// seenMessage is a message that was peeked at or dequeued.
type seenMessage struct {
	storage.Message
	// instanceID and eventType are "" where nobody can tell.
	instanceID, eventType string
	// blob is where a large message lies.
	blob string
	// unreadable says why no engine can read it, or is "".
	unreadable string
	// opaque says that nobody can tell here whom it is for: only workers with another serializer read it, or the name of its
	// blob is in lower case.
	opaque bool
}

// read reads a message as far as that goes without fetching anything.
func read(m storage.Message) seenMessage {
	s := seenMessage{Message: m}
	data, err := wire.DecodeText(m.Text)
	if err != nil {
		s.unreadable = err.Error()
		return s
	}
	msg, err := wire.DecodeMessage(data)
	switch {
	case err != nil && bytes.Contains(data, []byte(`"__type":"`)):
		s.opaque = true // DataContractJsonSerializer (MessageManager.cs), which an app may choose
	case err != nil:
		s.unreadable = err.Error()
	case msg.BlobName != "":
		s.blob, s.opaque = msg.BlobName, wire.LoweredBlob(msg.BlobName)
		if !s.opaque {
			s.instanceID, s.eventType = messageBlob(msg.BlobName)
		}
	default:
		s.instanceID, s.eventType = msg.InstanceID, msg.EventType
		if err := msg.Dispatchable(); err != nil {
			s.unreadable = err.Error()
		}
	}
	return s
}

// messageBlob reads instance and event type out of the name of a message's blob: {id}/message-{...}-{type}.json.gz
// (MessageManager.cs).
func messageBlob(name string) (instanceID, eventType string) {
	i := strings.LastIndex(name, "/message-")
	if i < 0 {
		return "", ""
	}
	file := strings.TrimSuffix(name[i+1:], ".json.gz")
	return name[:i], file[strings.LastIndexByte(file, '-')+1:]
}

// seenQueue is what could be seen of a queue.
type seenQueue struct {
	name string
	// count is about how many messages it holds, invisible ones included.
	count    int64
	messages []seenMessage
	// complete says that these were all the messages that it held at one moment.
	complete bool
}

// peek looks at a queue. A queue that does not exist holds nothing.
//
// The service counts and shows messages in two requests, between which others come and go: one that comes could make up
// for one that is hidden. So a queue that shows as many as it holds is looked at once more. Messages that were seen before
// a count and after it were counted; if they are as many as that, there was no other. The service's count may be too high,
// but never too low.
func peek(ctx context.Context, hub *taskhub.Hub, queue string) (*seenQueue, error) {
	q := &seenQueue{name: queue}
	if err := q.look(ctx, hub); err != nil {
		return nil, fmt.Errorf("look at queue %s: %w", queue, err)
	}
	if q.count == 0 || q.count > int64(len(q.messages)) {
		q.complete = q.count == 0
		return q, nil
	}
	before := make(map[string]bool, len(q.messages))
	for i := range q.messages {
		before[q.messages[i].ID] = true
	}
	if err := q.look(ctx, hub); err != nil {
		return nil, fmt.Errorf("look at queue %s: %w", queue, err)
	}
	stayed := int64(0)
	for i := range q.messages {
		if before[q.messages[i].ID] {
			stayed++
		}
	}
	q.complete = q.count <= stayed
	return q, nil
}

// look counts the messages of the queue and then looks at those that can be seen, so that one which arrives in between is
// seen.
func (q *seenQueue) look(ctx context.Context, hub *taskhub.Hub) error {
	q.messages = nil
	var err error
	if q.count, err = hub.Queues.Count(ctx, q.name); err == nil && q.count > 0 {
		var messages []storage.Message
		messages, err = hub.Queues.Peek(ctx, q.name, maxPeek)
		for _, m := range messages {
			q.messages = append(q.messages, read(m))
		}
	}
	if errors.Is(err, storage.ErrContainerNotFound) {
		q.count, err = 0, nil
	}
	return err
}

// whole reports whether all messages of the queue were seen, and it is known whom they are for.
func (q *seenQueue) whole() bool {
	for i := range q.messages {
		if q.messages[i].opaque {
			return false
		}
	}
	return q.complete
}

// holds reports whether a message for an instance was seen.
func (q *seenQueue) holds(instanceID string) bool {
	for i := range q.messages {
		if q.messages[i].instanceID == instanceID {
			return true
		}
	}
	return false
}

// queueLook is one look at all queues of a hub.
type queueLook struct {
	hub *taskhub.Hub
	// count is the partition count, or 0 if it is not certain.
	count   int
	control []*seenQueue
	work    *seenQueue
}

// lookAtQueues looks at the work-item queue first: an activity's result is sent before its work item is removed, so what
// has left that queue is in the other one or in the history.
func lookAtQueues(ctx context.Context, hub *taskhub.Hub) (*queueLook, error) {
	look := &queueLook{hub: hub}
	var err error
	if look.work, err = peek(ctx, hub, hub.WorkItems()); err != nil {
		return nil, err
	}
	names, err := hub.ControlQueues(ctx)
	if err != nil {
		return nil, err
	}
	look.control = make([]*seenQueue, len(names))
	errs := parallel.Do(ctx, len(names), parallelism, func(ctx context.Context, i int) (err error) {
		look.control[i], err = peek(ctx, hub, names[i])
		return err
	})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	switch look.count, err = hub.PartitionCount(ctx); {
	case errors.Is(err, taskhub.ErrPartitionCount), errors.Is(err, taskhub.ErrHubNotFound):
		look.count = 0
	case err != nil:
		return nil, err
	}
	return look, nil
}

// shows reports whether a message or work item for an instance can be seen.
func (l *queueLook) shows(instanceID string) bool {
	if l.work.holds(instanceID) {
		return true
	}
	for _, q := range l.control {
		if q.holds(instanceID) {
			return true
		}
	}
	return false
}

// idle reports whether nothing at all is under way for an instance, as far as one look can tell: no message, and no work
// item. So long as some work items are hidden, any of them may be its own.
func (l *queueLook) idle(instanceID string) bool { return l.none(instanceID) && l.work.whole() }

// none reports whether no message for an instance lies in any control queue, as far as one look can tell, and no work item
// of its can be seen.
func (l *queueLook) none(instanceID string) bool {
	if l.shows(instanceID) {
		return false
	}
	own := ""
	if l.count > 0 {
		own = l.hub.ControlQueue(wire.Partition(instanceID, l.count))
	}
	for _, q := range l.control {
		if !q.whole() && (own == "" || q.name == own) {
			return false
		}
	}
	return true
}

// parallelism is how many requests run at once.
const parallelism = 16
