package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/parallel"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
)

// QuarantineOptions are options for QuarantineMessage.
type QuarantineOptions struct {
	// DryRun looks for the message and changes nothing.
	DryRun bool
	// Reason is kept beside the copy.
	Reason string
}

const (
	// held is how long messages are held while one is looked for. Should the process die, they are back after that.
	held = time.Minute
	// takeAtOnce is how many messages can be taken in one request, takeAtMost in how many requests one is looked for.
	takeAtOnce = 32
	takeAtMost = 32
)

// QuarantineMessage takes a message out of its queue and keeps it, with all that is known of it, as a blob in the
// container {hub}-quarantine. It is copied first and deleted from the queue then, so that nothing is lost whatever
// happens in between; a repeat finishes what was interrupted.
//
// To delete a message it must be taken, and so are those before it: they are put back at once, behind the others and with
// their dequeue count one higher. A message that is hidden, since a worker has it or it waits for its retry, cannot be taken:
// [durable.ErrConflict] says so. Try again later. Opts may be nil.
//
// It returns [durable.ErrConflict] if the message cannot be seen, [durable.ErrInvalidArgument] for a queue that is not
// the hub's, and [durable.ErrTaskHubNotFound].
func QuarantineMessage(
	ctx context.Context, c *durable.OrchestrationClient, queue, messageID string, opts *QuarantineOptions,
) (*HubMessage, error) {
	const op = "QuarantineMessage"
	in := open(c)
	if opts == nil {
		opts = &QuarantineOptions{}
	}
	err := checkQueue(in, queue)
	if err == nil && messageID == "" {
		err = invalid("the ID of the message is empty")
	}
	if err != nil {
		return nil, in.Fail(op, "", "", err)
	}
	m, err := quarantine(ctx, in.Hub, queue, messageID, opts)
	return m, in.Fail(op, "", "", err)
}

func quarantine(
	ctx context.Context, hub *taskhub.Hub, queue, messageID string, opts *QuarantineOptions,
) (*HubMessage, error) {
	if opts.DryRun {
		return findMessage(ctx, hub, queue, messageID)
	}
	taken, err := takeMessage(ctx, hub, queue, messageID)
	if err != nil {
		return nil, err
	}
	if taken == nil {
		return alreadyQuarantined(ctx, hub, queue, messageID, false)
	}
	seen := read(*taken)
	q := &quarantined{HubMessage: showMessage(queue, &seen), Text: taken.Text}
	q.DequeueCount-- // without the one that it took to get it
	q.Quarantined, q.Reason = hub.Now().UTC(), opts.Reason
	q.Poison = seen.unreadable
	if err := q.store(ctx, hub, stateCopied); err != nil {
		return nil, errors.Join(err, putBack(ctx, hub, queue, []storage.Message{*taken}))
	}
	if err := hub.Queues.Remove(ctx, queue, *taken); err != nil {
		return nil, fmt.Errorf("the message is copied, but not deleted from its queue; repeat the call: %w", gone(err))
	}
	return &q.HubMessage, q.store(ctx, hub, stateRemoved)
}

// findMessage looks for a message without touching it.
func findMessage(ctx context.Context, hub *taskhub.Hub, queue, messageID string) (*HubMessage, error) {
	seen, err := peek(ctx, hub, queue)
	if err != nil {
		return nil, err
	}
	for i := range seen.messages {
		if seen.messages[i].ID == messageID {
			m := showMessage(queue, &seen.messages[i])
			return &m, nil
		}
	}
	return alreadyQuarantined(ctx, hub, queue, messageID, true)
}

// alreadyQuarantined returns a message that an earlier attempt has taken out of its queue.
func alreadyQuarantined(
	ctx context.Context, hub *taskhub.Hub, queue, messageID string, dryRun bool,
) (*HubMessage, error) {
	q, err := readQuarantined(ctx, hub, blobOf(queue, messageID))
	switch {
	case err != nil:
		return nil, err
	case q != nil && q.State != stateRemoved && !dryRun:
		there, certain, err := q.inQueue(ctx, hub)
		if err != nil {
			return nil, err
		}
		if certain && !there { // only the note that it was deleted is missing
			return &q.HubMessage, q.store(ctx, hub, stateRemoved)
		}
	}
	if q == nil || q.State != stateRemoved {
		return nil, conflict("the message cannot be seen in %s: it is gone, or hidden; try again later", queue)
	}
	return &q.HubMessage, nil
}

// takeMessage takes a message out of its queue, and puts back what it had to take with it. It is nil if the message
// cannot be seen.
func takeMessage(ctx context.Context, hub *taskhub.Hub, queue, messageID string) (*storage.Message, error) {
	var others []storage.Message
	var found *storage.Message
	// No more than have to be: what is taken again and again looks like poison itself.
	take, err := placeOf(ctx, hub, queue, messageID)
	for n := 0; n < takeAtMost && found == nil && err == nil; n++ {
		var taken []storage.Message
		if taken, err = hub.Queues.Dequeue(ctx, queue, take, held); err != nil || len(taken) == 0 {
			break
		}
		take = takeAtOnce
		for i := range taken {
			if taken[i].ID == messageID {
				found = &taken[i]
			} else {
				others = append(others, taken[i])
			}
		}
	}
	back := putBack(context.WithoutCancel(ctx), hub, queue, others)
	if err = errors.Join(err, back); err != nil && found != nil {
		err = errors.Join(err, putBack(context.WithoutCancel(ctx), hub, queue, []storage.Message{*found}))
	}
	if err != nil {
		return nil, fmt.Errorf("take a message out of %s: %w", queue, err)
	}
	return found, nil
}

// placeOf returns how many messages must be taken to get one, the most that can be taken at once if it cannot be seen.
func placeOf(ctx context.Context, hub *taskhub.Hub, queue, messageID string) (int, error) {
	seen, err := hub.Queues.Peek(ctx, queue, maxPeek)
	for i := range seen {
		if seen[i].ID == messageID {
			return i + 1, err
		}
	}
	return takeAtOnce, err
}

// putBack makes taken messages visible again. One that is gone meanwhile was handled by somebody.
func putBack(ctx context.Context, hub *taskhub.Hub, queue string, messages []storage.Message) error {
	errs := parallel.Do(ctx, len(messages), parallelism, func(ctx context.Context, i int) error {
		err := hub.Queues.Release(ctx, queue, messages[i], 0)
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		return err
	})
	return errors.Join(errs...)
}

// RestoreOptions are options for RestoreMessage.
type RestoreOptions struct {
	// DryRun changes nothing.
	DryRun bool
	// Force puts the message back although it cannot be told whether it is in its queue already: workers may see it twice.
	Force bool
}

// RestoreMessage puts a message in quarantine back into its queue, as it was, and deletes the copy. It gets another ID
// there. A repeat finishes what was interrupted: what can be seen in the queue is not put there again. Of several at the
// same moment one puts it back. Opts may be nil.
//
// Where another attempt was cut off in between, or is at work, and the message cannot be seen in its queue, a worker may
// have taken it, or it never got there: that is [durable.ErrUncertain], unless opts.Force. It returns
// [durable.ErrInvalidState] if there is no such message in quarantine, [durable.ErrInvalidArgument] and
// [durable.ErrTaskHubNotFound].
func RestoreMessage(
	ctx context.Context, c *durable.OrchestrationClient, queue, messageID string, opts *RestoreOptions,
) (*HubMessage, error) {
	const op = "RestoreMessage"
	in := open(c)
	if opts == nil {
		opts = &RestoreOptions{}
	}
	if err := checkQueue(in, queue); err != nil {
		return nil, in.Fail(op, "", "", err)
	}
	q, err := readQuarantined(ctx, in.Hub, blobOf(queue, messageID))
	if err == nil && q == nil {
		err = wrongState("there is no such message in quarantine")
		if !opts.DryRun { // all but this was done by an earlier attempt
			err = errors.Join(err, in.Hub.Blobs.Delete(ctx, in.Hub.Quarantine(), claimOf(queue, messageID)))
		}
	}
	if err != nil {
		return nil, in.Fail(op, "", "", err)
	}
	if !opts.DryRun {
		err = q.restore(ctx, in.Hub, opts.Force)
	}
	return &q.HubMessage, in.Fail(op, q.InstanceID, "", err)
}

func (q *quarantined) restore(ctx context.Context, hub *taskhub.Hub, force bool) error {
	if err := q.readClaim(ctx, hub); err != nil {
		return err
	}
	there, certain, err := q.inQueue(ctx, hub)
	if err != nil {
		return err
	}
	uncertain := fmt.Errorf("%w: another attempt was cut off or is at work, and the message cannot be seen in its queue; "+
		"Force puts it there, perhaps a second time", durable.ErrUncertain)
	if !there && !certain && !force {
		return uncertain
	}
	if !there {
		if err := q.claim(ctx, hub); err != nil {
			if !errors.Is(err, storage.ErrExists) {
				return err
			}
			if !force {
				return uncertain
			}
		}
		if err := hub.Queues.Put(ctx, q.Queue, q.Text, 0); err != nil {
			return fmt.Errorf("put the message back: %w", err)
		}
	}
	for _, blob := range []string{blobOf(q.Queue, q.ID), claimOf(q.Queue, q.ID)} { // the claim last: without it all would begin anew
		if err := hub.Blobs.Delete(ctx, hub.Quarantine(), blob); err != nil {
			return fmt.Errorf("the message is back, but its copy is not deleted; repeat the call: %w", err)
		}
	}
	return nil
}

// claimOf returns the blob that says that somebody puts a message back.
func claimOf(queue, messageID string) string { return blobOf(queue, messageID) + claimSuffix }

const claimSuffix = ".restoring"

// readClaim notes whether somebody puts the message back, or has begun to.
func (q *quarantined) readClaim(ctx context.Context, hub *taskhub.Hub) error {
	r, err := hub.Blobs.Open(ctx, hub.Quarantine(), claimOf(q.Queue, q.ID))
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	q.State = stateRestoring
	return r.Close()
}

// claim says that we put the message back. It returns [storage.ErrExists] if somebody else has said so, and
// [durable.ErrInvalidState] if somebody has done it since the copy was read: the copy goes before the claim.
func (q *quarantined) claim(ctx context.Context, hub *taskhub.Hub) error {
	claim := claimOf(q.Queue, q.ID)
	if err := hub.Blobs.Write(ctx, hub.Quarantine(), claim, storage.Blob{IfAbsent: true}); err != nil {
		return fmt.Errorf("claim the message: %w", err)
	}
	copied, err := readQuarantined(ctx, hub, blobOf(q.Queue, q.ID))
	if err != nil || copied != nil {
		return err
	}
	return errors.Join(wrongState("somebody else has put the message back"), hub.Blobs.Delete(ctx, hub.Quarantine(), claim))
}

// inQueue reports whether the message can be seen in its queue, under its old ID or a new one, and whether it is certain
// that it is nowhere else. A message that was being put back may have been handled since: then only seeing it is certain.
func (q *quarantined) inQueue(ctx context.Context, hub *taskhub.Hub) (there, certain bool, err error) {
	if q.State == stateRemoved {
		return false, true, nil
	}
	seen, err := peek(ctx, hub, q.Queue)
	if err != nil {
		return false, false, err
	}
	for i := range seen.messages {
		m := &seen.messages[i]
		if m.ID == q.ID || q.State == stateRestoring && m.Text == q.Text {
			return true, true, nil
		}
	}
	return false, q.State == stateCopied && seen.complete, nil
}
