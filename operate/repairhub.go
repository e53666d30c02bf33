package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// messagesUnread moves the messages of a queue that nobody reads to the queues of their instances: put there first, then
// deleted here. Should it be interrupted in between, a message is there twice, unless it can still be seen in its new
// queue when the move is repeated. Those that cannot be read stay: they are for the quarantine.
func (r *repairer) messagesUnread(ctx context.Context) error {
	counts, err := r.in.Hub.Counts(ctx)
	if err != nil {
		return err
	}
	n, agreed := readers(counts, r.in.Hub.GivenPartitionCount())
	p, ok := r.in.Hub.PartitionOf(r.finding.Queue)
	if !ok {
		return invalid("%q is no control queue of the task hub", r.finding.Queue)
	}
	if n == 0 || p < n {
		return nil // it is read
	}
	if !agreed {
		return wrongState("where its messages belong is not certain: repair %s first", KindPartitionCount)
	}
	if owners, err := r.in.Hub.QueueOwners(ctx); err != nil || owners.Reads(r.finding.Queue) {
		return err
	}
	seen, err := peek(ctx, r.in.Hub, r.finding.Queue)
	if err != nil || seen.count == 0 {
		return err
	}
	for i := range seen.messages {
		m := &seen.messages[i]
		if m.instanceID == "" || m.unreadable != "" {
			r.plans(fmt.Sprintf("leave message %s, which cannot be read", m.ID))
			continue
		}
		r.plans(fmt.Sprintf("move message %s for %q to %s", m.ID, m.instanceID, r.in.Hub.ControlQueue(wire.Partition(m.instanceID, n))))
	}
	if hidden := seen.count - int64(len(seen.messages)); hidden > 0 {
		r.plans("leave about " + count(hidden, "message") + " that cannot be seen at this moment: repeat it later")
	}
	if !r.opts.Apply {
		return nil
	}
	return r.moveMessages(ctx, n)
}

// maxStay bounds the messages that are held while others are moved.
const maxStay = 1024

func (r *repairer) moveMessages(ctx context.Context, readers int) error {
	hub, queue := r.in.Hub, r.finding.Queue
	stay := map[string]storage.Message{}
	var err error
	for more := true; more && err == nil && len(stay) < maxStay; {
		var taken []storage.Message
		if taken, err = hub.Queues.Dequeue(ctx, queue, takeAtOnce, held); err != nil {
			break
		}
		// What stays can be seen again after a while: it must not be taken for ever.
		more = slices.ContainsFunc(taken, func(m storage.Message) bool { _, stays := stay[m.ID]; return !stays })
		moved := 0
		for begun := time.Now(); moved < len(taken) && err == nil && time.Since(begun) < held/2; moved++ {
			m := taken[moved]
			seen := read(m)
			if seen.instanceID == "" || seen.unreadable != "" {
				stay[m.ID] = m
				continue
			}
			if err = moveMessage(ctx, hub, queue, hub.ControlQueue(wire.Partition(seen.instanceID, readers)), m); err != nil {
				break
			}
			r.done()
		}
		// Those whose time was short are for the next round: once they can be seen again, others may take them.
		err = errors.Join(err, putBack(context.WithoutCancel(ctx), hub, queue, taken[moved:]))
	}
	if len(stay) >= maxStay {
		r.plans(fmt.Sprintf("leave what lies behind %d messages that cannot be read: quarantine them, then repeat it", len(stay)))
	}
	return errors.Join(err, putBack(context.WithoutCancel(ctx), hub, queue, slices.Collect(maps.Values(stay))))
}

func moveMessage(ctx context.Context, hub *taskhub.Hub, from, to string, m storage.Message) error {
	there, err := peek(ctx, hub, to)
	if err != nil {
		return err
	}
	moved := false
	for i := range there.messages {
		moved = moved || there.messages[i].Text == m.Text
	}
	if !moved {
		if err := hub.Queues.Put(ctx, to, m.Text, 0); err != nil {
			return fmt.Errorf("put a message into %s: %w", to, err)
		}
	}
	if err := hub.Queues.Remove(ctx, from, m); err != nil {
		return fmt.Errorf("a message was put into %s, but not deleted from %s: %w", to, from, gone(err))
	}
	return nil
}

// partitionCount makes taskhub.json and the queues agree with the operator's word.
func (r *repairer) partitionCount(ctx context.Context) error {
	n := r.opts.PartitionCount
	if n == 0 {
		return invalid("PartitionCount is not set: only host.json knows it")
	}
	if err := taskhub.CheckPartitionCount(n); err != nil {
		return invalid("%w", err)
	}
	counts, err := r.in.Hub.Counts(ctx)
	if err != nil && !errors.Is(err, durable.ErrPartitionCount) {
		return err
	}
	noted := false
	for _, c := range counts {
		if c.Source != taskhub.FromPartitions {
			continue
		}
		if noted = c.N == n; !noted {
			return wrongState("the Partitions table says %d, and only hosts write that", c.N)
		}
	}
	if err := r.writeInfo(ctx, n); err != nil {
		return err
	}
	return r.fitQueues(ctx, n, noted)
}

// taskHubInfo is the content of taskhub.json (TaskHubInfo.cs).
type taskHubInfo struct {
	TaskHubName    string
	CreatedAt      string
	PartitionCount int
}

const maxInfo = 64 << 10

// writeInfo rewrites taskhub.json, if it is there and says something else: hosts with the table manager have none.
func (r *repairer) writeInfo(ctx context.Context, n int) error {
	hub := r.in.Hub
	old, err := readBlob(ctx, hub, hub.Leases(), taskhub.InfoBlob)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	info := taskHubInfo{TaskHubName: hub.Hub(), CreatedAt: wire.FormatTime(hub.Now())}
	ok := json.Unmarshal([]byte(strings.TrimPrefix(old, "\ufeff")), &info) == nil
	if ok && info.PartitionCount == n && strings.EqualFold(info.TaskHubName, hub.Hub()) {
		return nil
	}
	info.PartitionCount = n
	if _, err := time.Parse(time.RFC3339Nano, info.CreatedAt); err != nil || !strings.EqualFold(info.TaskHubName, hub.Hub()) {
		info.TaskHubName, info.CreatedAt = hub.Hub(), wire.FormatTime(hub.Now())
	}
	content, err := json.Marshal(info)
	if err != nil {
		return err
	}
	r.record.Before = append(r.record.Before, Stored{Container: hub.Leases(), Blob: taskhub.InfoBlob, Text: old})
	r.record.After = append(r.record.After, Stored{Container: hub.Leases(), Blob: taskhub.InfoBlob, Text: string(content)})
	if !r.plans(fmt.Sprintf("write PartitionCount %d to %s", n, taskhub.InfoBlob)) {
		return nil
	}
	b := storage.Blob{Content: content, ContentType: "application/octet-stream"}
	if err := hub.Blobs.Write(ctx, hub.Leases(), taskhub.InfoBlob, b); err != nil {
		return err
	}
	r.record.Undoable = true
	r.done()
	return nil
}

// fitQueues creates the control queues that are missing and deletes those beyond the count that hold nothing. Noted says
// that hosts have noted the same count themselves, so that none sends to any other queue.
func (r *repairer) fitQueues(ctx context.Context, n int, noted bool) error {
	hub := r.in.Hub
	names, err := hub.ControlQueues(ctx)
	if err != nil {
		return err
	}
	var host *taskhub.Owner
	if !noted {
		owners, err := hub.QueueOwners(ctx)
		if err != nil {
			return err
		}
		host = owners.Alive()
	}
	have := map[string]bool{}
	for _, queue := range names {
		have[queue] = true
		if p, ok := hub.PartitionOf(queue); ok && p >= n {
			if err := r.deleteQueue(ctx, queue, host); err != nil {
				return err
			}
		}
	}
	for p := range n {
		queue := hub.ControlQueue(p)
		if have[queue] || !r.plans("create "+queue) {
			continue
		}
		if err := hub.Queues.CreateQueue(ctx, queue); err != nil {
			return err
		}
		r.done()
	}
	return nil
}

// deleteQueue deletes a queue, if it holds nothing. The service deletes it with what it holds by then, so nobody may send to
// it meanwhile: no host that may believe in another count, and no client that was told another one. A host that comes up in
// between is not seen; what is sent after the deletion is an error for who sends it, and not lost.
func (r *repairer) deleteQueue(ctx context.Context, queue string, host *taskhub.Owner) error {
	n, err := r.in.Hub.Queues.Count(ctx, queue)
	switch {
	case err != nil:
		return err
	case n > 0:
		r.plans(fmt.Sprintf("keep %s: it holds about %s, to be moved first", queue, count(n, "message")))
		return nil
	case host != nil:
		r.plans(fmt.Sprintf("keep %s: a host is alive (it owns %s) and may send to it: stop all hosts first", queue, host.Queue))
		return nil
	}
	r.record.Deleted = append(r.record.Deleted, queue)
	if !r.plans("delete " + queue + ", which is empty; no client may send to it at this moment") {
		return nil
	}
	if err := r.in.Hub.Queues.DeleteQueue(ctx, queue); err != nil {
		return err
	}
	r.done()
	return nil
}

func readBlob(ctx context.Context, hub *taskhub.Hub, container, name string) (string, error) {
	b, err := hub.Blobs.Open(ctx, container, name)
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(io.LimitReader(b, maxInfo))
	return string(content), errors.Join(err, b.Close())
}

// undoPartitionCount creates the queues again that the repair has deleted, and then writes taskhub.json as it was. In this
// order a repeat finishes what was interrupted. Nothing is done where somebody has written that blob since.
func undoPartitionCount(ctx context.Context, hub *taskhub.Hub, record *RepairRecord) error {
	for i := range record.After {
		if err := checkBlob(ctx, hub, &record.Before[i], &record.After[i]); err != nil {
			return err
		}
	}
	for _, queue := range record.Deleted {
		if _, ok := hub.PartitionOf(queue); !ok {
			return invalid("the record is damaged")
		}
		if err := hub.Queues.CreateQueue(ctx, queue); err != nil {
			return err
		}
	}
	for i := range record.After {
		b := storage.Blob{Content: []byte(record.Before[i].Text), ContentType: "application/octet-stream"}
		if err := hub.Blobs.Write(ctx, hub.Leases(), taskhub.InfoBlob, b); err != nil {
			return err
		}
	}
	return nil
}

// checkBlob refuses taskhub.json if it is not any more as the repair has left it.
func checkBlob(ctx context.Context, hub *taskhub.Hub, before, after *Stored) error {
	if after.Container != hub.Leases() || after.Blob != taskhub.InfoBlob || before.Container != after.Container || before.Blob != after.Blob {
		return invalid("the record is damaged")
	}
	now, err := readBlob(ctx, hub, after.Container, after.Blob)
	if err == nil && now != after.Text {
		err = conflict("%s was written since", after.Blob)
	}
	return err
}
