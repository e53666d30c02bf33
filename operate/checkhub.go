package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-durable/durable/internal/parallel"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
)

// hubCheck is what was suspected of the hub itself at first.
type hubCheck struct {
	noted   time.Time
	queues  *queueLook
	readers int // the number of control queues that hosts read, 0 if that is not known
	unowned map[string]taskhub.Owner
}

// checkHub looks at what the hub's instances have in common.
func (d *doctor) checkHub(ctx context.Context) (*hubCheck, error) {
	counts, err := d.in.Hub.Counts(ctx)
	if err != nil && !errors.Is(err, taskhub.ErrPartitionCount) {
		return nil, err
	}
	c := &hubCheck{noted: time.Now(), queues: d.queues}
	c.readers, _ = readers(counts, d.in.Hub.GivenPartitionCount())
	if err := d.checkCounts(counts, err); err != nil {
		return nil, err
	}
	owners, err := d.in.Hub.QueueOwners(ctx)
	if err != nil {
		return nil, err
	}
	c.unowned = d.unowned(owners, c.readers, d.queues)
	return c, d.checkMessages(ctx)
}

// readers is how many control queues hosts read, as far as they have noted it themselves or the client was told: what queues
// there are says nothing of that. Where these contradict each other it is the largest, for hosts may read all of them, and
// not agreed.
func readers(counts []taskhub.Count, given int) (n int, agreed bool) {
	n, agreed = given, true
	for _, c := range counts {
		if c.Source == taskhub.FromPartitions || c.Source == taskhub.FromInfoBlob {
			agreed = agreed && (n == 0 || n == c.N)
			n = max(n, c.N)
		}
	}
	return n, agreed
}

// checkCounts reports sources of the partition count that contradict each other.
func (d *doctor) checkCounts(counts []taskhub.Count, unreadable error) error {
	agree := unreadable == nil
	var evidence []string
	if unreadable != nil {
		evidence = append(evidence, unreadable.Error())
	}
	for _, c := range counts {
		line := fmt.Sprintf("%s: %d", c.Source, c.N)
		if len(c.Missing) > 0 {
			line += fmt.Sprintf(", %d of them missing, %s first", len(c.Missing), c.Missing[0])
		}
		evidence = append(evidence, line)
		agree = agree && c.N == counts[0].N && len(c.Missing) == 0
	}
	if agree {
		return nil
	}
	return d.report(newFinding(KindPartitionCount, "", "it is not certain how many partitions the hub has: clients refuse to send, or send into the wrong queues",
		evidence...))
}

// unowned returns the partitions that no host reads although hosts are there, or although messages have waited for long.
func (d *doctor) unowned(owners taskhub.Owners, readers int, queues *queueLook) map[string]taskhub.Owner {
	hosts := owners.Alive() != nil
	unowned := map[string]taskhub.Owner{}
	for _, o := range owners {
		p, ok := d.in.Hub.PartitionOf(o.Queue)
		if !ok || o.Alive || readers > 0 && p >= readers {
			continue
		}
		if hosts || d.waitsLong(queues.control, o.Queue) {
			unowned[o.Queue] = o
		}
	}
	return unowned
}

// waitsLong reports whether a queue shows a message that has waited for long.
func (d *doctor) waitsLong(queues []*seenQueue, name string) bool {
	for _, q := range queues {
		if q.name != name {
			continue
		}
		for i := range q.messages {
			if d.old(q.messages[i].Inserted) {
				return true
			}
		}
	}
	return false
}

// confirm takes the second look and reports what is still so.
func (c *hubCheck) confirm(ctx context.Context, d *doctor) error {
	stray := c.stray(c.queues)
	if len(c.unowned) == 0 && len(stray) == 0 || !d.wants(KindPartitionUnowned, KindMessagesUnread) {
		return nil
	}
	if err := parallel.SleepUntil(ctx, c.noted.Add(d.opts.Interval)); err != nil {
		return err
	}
	now, err := lookAtQueues(ctx, d.in.Hub)
	if err != nil {
		return err
	}
	owners, err := d.in.Hub.QueueOwners(ctx)
	if err != nil {
		return err
	}
	unowned := d.unowned(owners, c.readers, now)
	for _, q := range now.control {
		if _, before := c.unowned[q.name]; before {
			if o, still := unowned[q.name]; still {
				if err := d.report(unownedFinding(q, o)); err != nil {
					return err
				}
			}
		}
	}
	for _, q := range c.stray(now) {
		if !containsQueue(stray, q.name) || owners.Reads(q.name) {
			continue
		}
		f := newFinding(KindMessagesUnread, "", fmt.Sprintf("%s holds messages, and no host reads it", q.name),
			fmt.Sprintf("about %s, %d visible; hosts read %s", count(q.count, "message"), len(q.messages), count(c.readers, "queue")))
		f.Queue = q.name
		if err := d.report(f); err != nil {
			return err
		}
	}
	return nil
}

func unownedFinding(q *seenQueue, o taskhub.Owner) Finding {
	evidence := []string{"about " + count(q.count, "message")}
	if o.Name != "" {
		evidence = append(evidence, fmt.Sprintf("last owned by %s", o.Name))
	}
	if len(q.messages) > 0 {
		evidence = append(evidence, "the oldest visible one was put there at "+clock(q.messages[0].Inserted))
	}
	f := newFinding(KindPartitionUnowned, "", fmt.Sprintf("no host reads %s: its instances stand still", q.name), evidence...)
	f.Queue = q.name
	return f
}

// stray returns the queues beyond those that hosts read which hold something.
func (c *hubCheck) stray(look *queueLook) []*seenQueue {
	var stray []*seenQueue
	if c.readers == 0 {
		return nil
	}
	for _, q := range look.control {
		if p, ok := look.hub.PartitionOf(q.name); ok && p >= c.readers && q.count > 0 {
			stray = append(stray, q)
		}
	}
	return stray
}

func containsQueue(queues []*seenQueue, name string) bool {
	for _, q := range queues {
		if q.name == name {
			return true
		}
	}
	return false
}

// checkMessages reports the messages that can be seen and that no worker can handle.
func (d *doctor) checkMessages(ctx context.Context) error {
	if !d.wants(KindPoisonMessage) {
		return nil
	}
	for _, q := range append([]*seenQueue{d.queues.work}, d.queues.control...) {
		for i := range q.messages {
			m := &q.messages[i]
			why, err := poison(ctx, d.in.Hub, m, d.opts.MaxDequeueCount)
			if err != nil {
				return err
			}
			if why == "" {
				continue
			}
			f := newFinding(KindPoisonMessage, m.instanceID, "a message that no worker can handle: "+why,
				fmt.Sprintf("put into %s at %s, taken %s since", q.name, clock(m.Inserted), count(m.DequeueCount, "time")))
			f.Queue, f.MessageID = q.name, m.ID
			if err := d.report(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// poison says why no worker can handle a message, or "".
func poison(ctx context.Context, hub *taskhub.Hub, m *seenMessage, maxDequeue int64) (string, error) {
	switch {
	case m.unreadable != "":
		return m.unreadable, nil
	case m.DequeueCount > maxDequeue:
		return fmt.Sprintf("it was taken %s and always put back", count(m.DequeueCount, "time")), nil
	case m.blob == "" || m.DequeueCount == 0:
		return "", nil
	}
	r, err := hub.Blobs.Open(ctx, hub.LargeMessages(), m.blob)
	if isMissing(err) || errors.Is(err, storage.ErrInvalid) { // no blob can have such a name
		return "its payload is gone", nil
	}
	if err != nil {
		return "", err
	}
	return "", r.Close()
}
