package durabletest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// controlTurn handles what can be taken from a control queue at once, so many instances at the same time. It returns how
// many messages there were.
func (h *Host) controlTurn(ctx context.Context, partition, parallel int) (int, error) {
	defer h.of.own(partition)()
	queue := h.hub.ControlQueue(partition)
	letters, err := h.receive(ctx, queue, takeAtOnce)
	if len(letters) == 0 {
		return 0, err
	}
	errs := []error{err}
	count, err := h.hub.PartitionCount(ctx)
	if err != nil {
		return 0, errors.Join(err, h.putAllBack(ctx, letters))
	}
	readable := letters[:0:0]
	for _, l := range letters {
		if l.err == nil {
			l.err = checkPartition(l.message, partition, count)
		}
		if l.err == nil && l.message.EventType == wire.ExecutionStarted {
			l.err = h.checkStart(ctx, l)
		}
		switch {
		case l.err != nil:
			errs = append(errs, l.problem(), h.later(ctx, l))
		case !l.gone:
			readable = append(readable, l)
		}
	}
	sortLetters(readable)
	all := batches(readable)
	if parallel == 1 {
		return len(letters), errors.Join(append(errs, h.handleAll(ctx, all))...)
	}
	failed := make(chan error, len(all))
	slots := make(chan struct{}, parallel)
	var wg sync.WaitGroup
	for _, mine := range byInstance(all) {
		slots <- struct{}{}
		wg.Go(func() {
			failed <- h.handleAll(ctx, mine)
			<-slots
		})
	}
	wg.Wait()
	close(failed)
	for err := range failed {
		errs = append(errs, err)
	}
	return len(letters), errors.Join(errs...)
}

// byInstance groups batches that must be handled one after the other.
func byInstance(all []*batch) map[string][]*batch {
	groups := make(map[string][]*batch)
	for _, b := range all {
		groups[b.instanceID] = append(groups[b.instanceID], b)
	}
	return groups
}

// handleAll handles batches one after the other. What fails is put back.
func (h *Host) handleAll(ctx context.Context, all []*batch) error {
	var errs []error
	for _, b := range all {
		if err := h.handle(ctx, b); err != nil {
			errs = append(errs, fmt.Errorf("instance %q: %w", b.instanceID, err), h.laterAll(ctx, b.letters))
		}
	}
	return errors.Join(errs...)
}

// receive takes messages out of a queue and reads them.
func (h *Host) receive(ctx context.Context, queue string, n int) ([]*letter, error) {
	taken, err := h.hub.Queues.Dequeue(ctx, queue, n, takenFor)
	if err != nil {
		return nil, fmt.Errorf("read queue %s: %w", queue, err)
	}
	letters := make([]*letter, len(taken))
	for i, m := range taken {
		l := &letter{queue: queue, taken: m, at: h.hub.Now()}
		l.message, l.err = h.read(ctx, m.Text)
		letters[i] = l
	}
	return letters, nil
}

// problem is the error for a message that cannot be read or handled.
func (l *letter) problem() error {
	return fmt.Errorf("message %s in queue %s: %w", l.taken.ID, l.queue, l.err)
}

// maxBackoff is the longest time for which a message is put back (TaskHubQueue.cs).
const maxBackoff = 10 * time.Minute

// later puts a message back for a while, each time longer.
func (h *Host) later(ctx context.Context, l *letter) error {
	delay := maxBackoff
	if n := l.taken.DequeueCount; n < 10 {
		delay = min(delay, time.Second<<n)
	}
	return h.release(ctx, l, delay)
}

func (h *Host) laterAll(ctx context.Context, letters []*letter) error {
	var errs []error
	for _, l := range letters {
		errs = append(errs, h.later(ctx, l))
	}
	return errors.Join(errs...)
}

func (h *Host) putAllBack(ctx context.Context, letters []*letter) error {
	var errs []error
	for _, l := range letters {
		errs = append(errs, h.release(ctx, l, 0))
	}
	return errors.Join(errs...)
}

func (h *Host) release(ctx context.Context, l *letter, delay time.Duration) error {
	if l.gone {
		return nil
	}
	l.gone = true
	err := h.hub.Queues.Release(context.WithoutCancel(ctx), l.queue, l.taken, delay)
	if errors.Is(err, storage.ErrNotFound) {
		return nil // taken again by somebody else
	}
	return err
}

// remove deletes a message that was handled.
func (h *Host) remove(ctx context.Context, letters ...*letter) error {
	for _, l := range letters {
		if l.gone {
			continue
		}
		l.gone = true
		if err := h.hub.Queues.Remove(ctx, l.queue, l.taken); err != nil && !errors.Is(err, storage.ErrNotFound) {
			return fmt.Errorf("delete a message from queue %s: %w", l.queue, err)
		}
	}
	return nil
}

// sortLetters sorts messages as a worker does. The service tells insertion times in whole seconds; within one, the
// sequence number decides (ControlQueue.cs).
func sortLetters(letters []*letter) {
	slices.SortStableFunc(letters, func(a, b *letter) int {
		return cmp.Or(a.taken.Inserted.Compare(b.taken.Inserted),
			cmp.Compare(a.message.SequenceNumber, b.message.SequenceNumber))
	})
}

// batch is what is handled in one episode: messages for one execution, or for whichever is current.
type batch struct {
	instanceID, executionID string
	letters                 []*letter
}

// batches groups messages by instance and execution. A start opens a batch of its own, and messages for no execution in
// particular join any of the instance's (OrchestrationSessionManager.cs).
func batches(letters []*letter) []*batch {
	var all []*batch
	last := map[string]*batch{} // of each instance
	for _, l := range letters {
		m := l.message
		b := last[m.InstanceID]
		if b == nil || m.EventType == wire.ExecutionStarted || m.ExecutionID != "" && !strings.EqualFold(m.ExecutionID, b.executionID) {
			b = &batch{instanceID: m.InstanceID, executionID: m.ExecutionID}
			last[m.InstanceID] = b
			all = append(all, b)
		}
		b.letters = append(b.letters, l)
	}
	return all
}

// handle lets an instance go through an episode.
func (h *Host) handle(ctx context.Context, b *batch) error {
	if isEntity(b.instanceID) {
		return h.handleEntity(ctx, b)
	}
	history, err := h.history(ctx, b)
	if err != nil {
		return err
	}
	if err := h.putEarlyBack(ctx, b, history); err != nil {
		return err
	}
	if b.letters = b.here(); len(b.letters) == 0 {
		return nil
	}
	e := &scripted{host: h, turn: &turn{
		id: b.instanceID, history: history, now: wire.Cut(h.hub.Now()), status: statusOf(history), custom: noStatus,
	}}
	if len(history.Events) > 0 {
		e.turn.executionID = history.ExecutionID
	}
	if err := e.run(ctx, b.letters); err != nil {
		return err
	}
	return h.remove(ctx, b.letters...)
}

// here returns the messages of the batch that are still to be handled.
func (b *batch) here() []*letter {
	return slices.DeleteFunc(b.letters, func(l *letter) bool { return l.gone })
}

// maxStarts is how often a start is tried whose instance's row does not name it (OrchestrationSessionManager.cs).
const maxStarts = 10

// checkStart decides whether a start message is to run, by the row of its instance. One that is not is put back or
// deleted here (OrchestrationSessionManager.cs).
func (h *Host) checkStart(ctx context.Context, l *letter) error {
	start, err := readStart(l.message)
	if err != nil || start.Parent {
		return err
	}
	row, err := h.hub.ReadInstance(ctx, l.message.InstanceID)
	switch {
	case errors.Is(err, taskhub.ErrInstanceNotFound):
	case err != nil:
		return err
	case row.ExecutionID == "" || strings.EqualFold(row.ExecutionID, l.message.ExecutionID):
		return nil
	case start.redundant(row, l):
		return h.remove(ctx, l)
	}
	if l.taken.DequeueCount >= maxStarts {
		return h.remove(ctx, l)
	}
	return h.later(ctx, l)
}

// maxEarly is how often an answer is put back for an instance of which there is no history (OrchestrationSession.cs).
const maxEarly = 5

// putEarlyBack puts answers back whose question is not in the history yet: they came in before the checkpoint.
func (h *Host) putEarlyBack(ctx context.Context, b *batch, history *taskhub.History) error {
	for _, l := range b.letters {
		id, ok := answered(l.message)
		if !ok || asked(history, l.message.EventType, id) {
			continue
		}
		if len(history.Events) == 0 && l.taken.DequeueCount >= maxEarly {
			continue
		}
		if err := h.later(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// asked says whether a history holds the action that an event answers.
func asked(history *taskhub.History, answer string, id int) bool {
	for i := range history.Events {
		e := &history.Events[i]
		if e.EventID != id {
			continue
		}
		switch answer {
		case wire.TaskCompleted, wire.TaskFailed:
			if e.Type == wire.TaskScheduled {
				return true
			}
		case wire.TimerFired:
			if e.Type == wire.TimerCreated {
				return true
			}
		default:
			if e.Type == wire.SubOrchestrationInstanceCreated {
				return true
			}
		}
	}
	return false
}
