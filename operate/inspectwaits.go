package operate

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/replay"
	"github.com/go-durable/durable/internal/wire"
)

func isEntityID(id string) bool { return strings.HasPrefix(id, "@") }

// isEntity tells entities from orchestrations that hosts of 3.x start under any ID: only the row of an entity has its ID
// for a name (Entities.cs).
func isEntity(id, name string) bool { return isEntityID(id) && name == id }

// waitsFor says in words what has to happen before the instance goes on.
func (l *look) waitsFor(i *Inspection) []string {
	switch {
	case i.RuntimeStatus.IsTerminal():
		return nil
	case i.Entity:
		return l.entityWaitsFor()
	case !l.current():
		return []string{l.startsWhen(i)}
	case l.actions == nil:
		return []string{"nobody can tell: its history is damaged"}
	case l.actions.End() != nil:
		return []string{"a worker to write its end into its row; the history has it already"}
	}
	var waits []string
	if i.Suspended {
		waits = append(waits, "somebody to resume it")
	} else if i.RuntimeStatus == durable.RuntimeStatusPending && l.rewritten().After(lastCheckpoint(l)) {
		waits = append(waits, "a worker to take it up again")
	}
	for _, a := range i.Open {
		waits = append(waits, a.String())
	}
	if len(waits) == 0 {
		waits = append(waits, "an external event; which one, the history does not say")
	}
	return waits
}

func (l *look) startsWhen(i *Inspection) string {
	if i.ScheduledStartTime.After(l.inside.Hub.Now()) {
		return fmt.Sprintf("its start at %s", clock(i.ScheduledStartTime))
	}
	return "a worker to take up its start"
}

func (l *look) entityWaitsFor() []string {
	if s, ok := wire.DecodeEntityStatus([]byte(l.row.CustomStatus.Text)); ok && s.LockedBy != "" {
		return []string{fmt.Sprintf("%q to release its lock; %s for that", s.LockedBy, waiting(s.Queued))}
	}
	return []string{"its next operation"}
}

// waiting says how many operations of an entity wait.
func waiting(operations int) string {
	verb := " wait"
	if operations == 1 {
		verb = " waits"
	}
	return count(operations, "operation") + verb
}

const (
	// overdue is how late a timer may be before it is worth a word: hosts are down for that long in a deployment.
	overdue = 5 * time.Minute
	// startOverdue is the same for a start.
	startOverdue = overdue
)

// warnings are what does not look right about an instance. None of them is proof: [Diagnose] looks for that.
func (l *look) warnings(i *Inspection) []Warning {
	w := &warner{now: l.inside.Hub.Now()}
	if l.damaged != nil {
		w.add("HistoryDamaged", nil, "nothing can be said of what it does: %s", l.damaged)
	}
	if len(l.history.Events) > 0 && !l.current() {
		w.add("HistoryOfEarlierExecution", nil, "the history is that of execution %s; no worker has taken up the present one",
			l.history.ExecutionID)
	}
	if l.actions != nil && l.current() {
		l.warnOfHistory(w, i)
	}
	if !l.current() && i.RuntimeStatus == durable.RuntimeStatusPending {
		due := later(i.CreatedTime, i.ScheduledStartTime)
		if w.now.Sub(due) > startOverdue {
			w.add("StartOverdue", nil, "it should have started at %s; is a host running, and does its queue hold the start?", clock(due))
		}
	}
	for _, c := range unreadableColumns(l) {
		w.add("UnreadableForDotNet", nil, "its %s reads as a URI: .NET clients and the HTTP API cannot read its status", c.Name)
	}
	if !i.RuntimeStatus.IsTerminal() {
		w.queue(i.Queue)
	}
	return w.list
}

func (l *look) warnOfHistory(w *warner, i *Inspection) {
	end := l.actions.End()
	if end != nil && !i.RuntimeStatus.IsTerminal() {
		w.add("RowBehindHistory", nil, "the history has ended as %s, the row says %s", end.Status, i.RuntimeStatus)
	}
	if end == nil && i.RuntimeStatus.IsTerminal() {
		w.add("EndNotInHistory", nil, "the row says %s, the history has no end", i.RuntimeStatus)
	}
	if replay.IsBroken(l.actions) {
		w.add("BrokenByRewind", nil, "a rewind has made it non-deterministic: Rewind with RewindOptions.Heal mends that")
	}
	for _, a := range i.Open {
		if late := w.now.Sub(a.Due); a.Type == durable.EventTimerCreated && late > overdue && !i.Suspended {
			w.add("TimerOverdue", &a.EventID, "the timer should have fired at %s", clock(a.Due))
		}
	}
}

// unreadable reports whether a text of the row makes .NET fail to read it: it takes what reads as a URI for a payload.
func (l *look) unreadable(v string) bool {
	_, ours := wire.BlobReference(v, l.inside.Hub.LargeMessages(), l.row.ID)
	return v != "" && !ours && l.inside.ReadsAsURI(v)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// warner collects warnings.
type warner struct {
	now  time.Time
	list []Warning
}

func (w *warner) add(code string, eventID *int, format string, args ...any) {
	w.list = append(w.list, Warning{Code: code, EventID: eventID, Text: fmt.Sprintf(format, args...)})
}

func (w *warner) queue(q *QueueLook) {
	if q == nil {
		return
	}
	if q.Uncertain != "" {
		w.add("PartitionCount", nil, "which control queue is its own is not certain: %s", q.Uncertain)
		return
	}
	if q.OwnerKnown && !q.OwnerAlive {
		w.add("PartitionUnowned", nil, "no host owns %s at this moment", q.Queue)
	}
	for _, m := range q.Messages {
		if m.DequeueCount > maxDequeue {
			w.add("MessageRetried", nil, "a message for it, %s, was taken %s and always put back", m.EventType, count(m.DequeueCount, "time"))
		}
	}
}
