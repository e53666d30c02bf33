package durabletest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-durable/durable/internal/dump"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// lacking is a message that a dump lacks because it was hidden.
type lacking struct {
	out *taskhub.Outgoing
	due time.Time
}

// restore sends the hidden messages that follow from rows: of timers that run, and of starts that are scheduled. Where
// fewer were hidden in a queue, some are lost in truth, and nobody knows which: then it sends none of that queue.
func (h *Hub) restore(ctx context.Context, d *dump.Dump) error {
	count, err := h.hub.PartitionCount(ctx)
	if err != nil {
		return nil //nolint:nilerr // the hub is what it was, and nobody can work on it
	}
	seen := h.visible(ctx, count)
	missing := make([][]lacking, count)
	rows := d.Tables[h.hub.Instances()]
	for i := range rows {
		row := wire.DecodeInstance(&rows[i])
		found, err := h.lacks(ctx, &row, seen)
		if err != nil {
			return fmt.Errorf("instance %q: %w", row.ID, err)
		}
		p := wire.Partition(row.ID, count)
		missing[p] = append(missing[p], found...)
	}
	for p, messages := range missing {
		q := d.Queues[h.hub.ControlQueue(p)]
		if int64(len(messages)) > q.Count-int64(len(q.Visible)) {
			continue
		}
		slices.SortStableFunc(messages, func(a, b lacking) int { return a.due.Compare(b.due) })
		for _, m := range messages {
			delay := min(max(0, m.due.Sub(h.Now())), maxHidden).Truncate(time.Second)
			if err := h.hub.Send(ctx, m.out, delay); err != nil {
				return err
			}
		}
	}
	return nil
}

// messageKey names the start of an execution, or the end of one of its timers.
type messageKey struct {
	executionID string
	id          int
}

const startID = -1

// visible returns the starts and the ends of timers that lie in the control queues.
func (h *Hub) visible(ctx context.Context, count int) map[messageKey]bool {
	seen := make(map[messageKey]bool)
	for p := range count {
		for _, lying := range h.store.Messages(h.hub.ControlQueue(p)) {
			m, err := read(ctx, h.hub, lying.Text)
			if err != nil {
				continue // as it was
			}
			switch id, _ := answered(m); m.EventType {
			case wire.ExecutionStarted:
				seen[messageKey{m.ExecutionID, startID}] = true
			case wire.TimerFired:
				seen[messageKey{m.ExecutionID, id}] = true
			}
		}
	}
	return seen
}

// lacks returns the messages that must be there for an instance and are not seen.
func (h *Hub) lacks(ctx context.Context, row *wire.Instance, seen map[messageKey]bool) ([]lacking, error) {
	history, err := h.hub.ReadHistory(ctx, row.ID, row.ExecutionID)
	if errors.Is(err, taskhub.ErrHistoryDamaged) {
		return nil, nil // an incident like others
	}
	if err != nil {
		return nil, err
	}
	if row.RuntimeStatus == wire.StatusPending && len(history.Events) == 0 { // one with a history was rewound
		due := row.ScheduledStartTime.Time()
		if due.IsZero() || seen[messageKey{row.ExecutionID, startID}] {
			return nil, nil
		}
		out, err := h.hub.PrepareAgain(ctx, row)
		return []lacking{{out, due}}, err
	}
	var all []lacking
	for _, timer := range openTimers(history.Events) {
		// What comes for an instance that has ended is thrown away when it is due.
		over := wire.Terminal(row.RuntimeStatus) && !timer.FireAt.After(h.Now())
		if over || seen[messageKey{row.ExecutionID, timer.EventID}] {
			continue
		}
		of := wire.Execution{InstanceID: row.ID, ExecutionID: row.ExecutionID}
		m := wire.TimerFiredMessage(of, timer.EventID, timer.FireAt, timer.Timestamp)
		m.SetSender(of)
		out, err := h.hub.Prepare(ctx, m)
		if err != nil {
			return nil, err
		}
		all = append(all, lacking{out, timer.FireAt})
	}
	return all, nil
}

// openTimers returns the timers that have not fired.
func openTimers(events []wire.Event) []*wire.Event {
	var open []*wire.Event
	for i := range events {
		switch e := &events[i]; e.Type {
		case wire.TimerCreated:
			open = append(open, e)
		case wire.TimerFired:
			open = slices.DeleteFunc(open, func(t *wire.Event) bool { return t.EventID == e.ScheduledID })
		}
	}
	return open
}
