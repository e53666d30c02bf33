package replay_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/replay"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// world is an instance with the host, the activities and the clock around it.
type world struct {
	t       *testing.T
	rand    *rand.Rand
	program step
	mended  bool
	rows    []wire.Event
	now     time.Time
	// queue are the answers that may come.
	queue []wire.Event
	// ran counts how often each action ran to its result.
	ran       map[int]int
	suspended bool
	status    string
	result    string
}

func newWorld(t *testing.T, seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 1))
	a := &author{Rand: r, budget: 6 + r.IntN(20)}
	w := &world{t: t, rand: r, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), ran: map[int]int{}}
	w.program = a.program()
	for _, e := range a.events {
		w.queue = append(w.queue, wire.Event{Type: wire.EventRaised, Name: e})
	}
	w.episode([]wire.Event{{Type: wire.ExecutionStarted, EventID: -1}})
	return w
}

// write appends a row.
func (w *world) write(ev wire.Event) {
	e := &storage.Entity{PartitionKey: "sim", RowKey: fmt.Sprintf("%016X", len(w.rows)), ETag: "1"}
	text := func(name, s string) {
		if s != "" {
			e.Set(name, storage.StringValue(s))
		}
	}
	text(wire.ColName, ev.Name)
	text(wire.ColInstanceID, ev.InstanceID)
	switch ev.Type {
	case wire.TimerFired:
		e.Set(wire.ColTimerID, storage.Int32Value(int32(ev.ScheduledID)))
	case wire.TaskCompleted, wire.TaskFailed, wire.SubOrchestrationInstanceCompleted, wire.SubOrchestrationInstanceFailed:
		e.Set(wire.ColTaskScheduledID, storage.Int32Value(int32(ev.ScheduledID)))
	case wire.TimerCreated:
		e.Set(wire.ColFireAt, storage.TimeValue(ev.FireAt))
	}
	text(wire.ColReason, ev.Reason)
	text(wire.ColOrchestrationStatus, ev.Status)
	text(wire.ColResult, ev.Result)
	e.Set(wire.ColEventID, storage.Int32Value(int32(ev.EventID)))
	e.Set(wire.ColEventType, storage.StringValue(ev.Type))
	e.Set(wire.ColExecutionID, storage.StringValue("x"))
	e.Set(wire.ColTimestamp, storage.TimeValue(w.tick()))
	e.Timestamp = storage.TimeValue(w.tick())
	w.rows = append(w.rows, decode(w.t, e))
}

func decode(t *testing.T, e *storage.Entity) wire.Event {
	t.Helper()
	ev, err := wire.DecodeEvent(e)
	require.NoError(t, err)
	return ev
}

// tick returns a time later than all before.
func (w *world) tick() time.Time {
	w.now = w.now.Add(time.Microsecond)
	return w.now
}

// episode lets the orchestrator act on messages.
func (w *world) episode(messages []wire.Event) {
	w.now = w.now.Add(time.Duration(w.rand.IntN(5)) * time.Second)
	w.write(wire.Event{Type: wire.OrchestratorStarted, EventID: -1})
	for _, m := range messages {
		m.EventID = -1
		w.write(m)
	}
	o := newOrchestrator(w.mended)
	o.replay(w.program, w.rows)
	for _, ev := range o.decisions() {
		w.act(ev)
	}
	switch {
	case o.diverged != nil:
		w.end(wire.StatusFailed, o.diverged.Error(), o.next)
	case o.done && o.err != nil:
		w.end(wire.StatusFailed, "Orchestrator function 'P' failed: "+o.err.Error(), o.next)
	case o.done:
		w.end(wire.StatusCompleted, `"done"`, o.next)
	}
	w.write(wire.Event{Type: wire.OrchestratorCompleted, EventID: -1})
}

// act writes an action and puts its answer under way.
func (w *world) act(ev wire.Event) {
	answer := wire.Event{ScheduledID: ev.EventID, Name: ev.Name}
	switch ev.Type {
	case wire.TaskScheduled:
		answer.Type = wire.TaskCompleted
	case wire.SubOrchestrationInstanceCreated:
		ev.InstanceID = fmt.Sprintf("x:%d", ev.EventID)
		answer.Type = wire.SubOrchestrationInstanceCompleted
	case wire.TimerCreated:
		ev.FireAt = w.now.Add(time.Duration(w.rand.IntN(20)) * time.Second)
		answer.Type, answer.FireAt = wire.TimerFired, ev.FireAt
	case wire.EventSent:
		ev.InstanceID = "@entity@key"
	}
	w.write(ev)
	if answer.Type != "" {
		w.queue = append(w.queue, answer)
	}
}

// end ends the execution. Activities that still run answer in vain.
func (w *world) end(status, result string, id int) {
	w.status, w.result = status, result
	w.write(wire.Event{Type: wire.ExecutionCompleted, EventID: id, Status: status, Result: result})
	w.queue = slices.DeleteFunc(w.queue, func(m wire.Event) bool { return m.Type == wire.TaskCompleted })
}

// run delivers answers until the execution ends, and reports whether it does.
func (w *world) run() bool {
	for range 500 {
		if w.status != "" {
			return true
		}
		batch := w.deliver()
		if batch == nil {
			return false
		}
		w.episode(batch)
	}
	return false
}

func (w *world) deliver() []wire.Event {
	if w.suspended && (len(w.queue) == 0 || w.rand.IntN(3) == 0) {
		w.suspended = false
		return []wire.Event{{Type: wire.ExecutionResumed}}
	}
	if len(w.queue) == 0 {
		return nil
	}
	w.rand.Shuffle(len(w.queue), func(i, j int) { w.queue[i], w.queue[j] = w.queue[j], w.queue[i] })
	n := 1
	if w.rand.IntN(3) == 0 {
		n += w.rand.IntN(len(w.queue))
	}
	var batch []wire.Event
	for _, m := range w.queue[:n] {
		batch = append(batch, w.outcome(m))
	}
	w.queue = slices.Clone(w.queue[n:])
	if !w.suspended && w.rand.IntN(40) == 0 {
		w.suspended = true
		at := w.rand.IntN(len(batch) + 1)
		batch = slices.Insert(batch, at, wire.Event{Type: wire.ExecutionSuspended})
	}
	return batch
}

// outcome decides how an action turned out.
func (w *world) outcome(m wire.Event) wire.Event {
	if m.Type == wire.TimerFired {
		w.now = later(w.now, m.FireAt)
		return m
	}
	name := m.Name
	if m.Type != wire.EventRaised {
		w.ran[m.ScheduledID]++
		m.Name = ""
	}
	if mayFail(name, w.mended) && (name == "Bad" || w.rand.IntN(2) == 0) {
		m.Type = strings.Replace(m.Type, "Completed", "Failed", 1)
		m.Reason = fmt.Sprintf("The activity function '%s' failed", name)
	}
	return m
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (w *world) history() *replay.History {
	w.t.Helper()
	h, err := replay.New(w.rows)
	require.NoError(w.t, err)
	return h
}

// carryOut writes a plan and wakes the instance, as a client does.
func (w *world) carryOut(plan *replay.Plan) {
	w.rows = apply(w.t, w.rows, plan.Changes)
	planned := w.now
	w.now = w.now.Add(2 * time.Second)
	undone := map[int]bool{}
	for _, a := range plan.Undone {
		undone[a.EventID] = true
	}
	w.queue = slices.DeleteFunc(w.queue, func(m wire.Event) bool {
		due := m.Type == wire.TimerFired && !m.FireAt.After(planned)
		return m.Type != wire.EventRaised && (due || undone[m.ScheduledID])
	})
	for _, c := range plan.Children {
		w.queue = slices.DeleteFunc(w.queue, func(m wire.Event) bool {
			return m.Type != wire.EventRaised && m.ScheduledID == c.EventID
		})
		w.queue = append(w.queue, wire.Event{
			Type: wire.SubOrchestrationInstanceCompleted, ScheduledID: c.EventID, Name: c.Name,
		})
	}
	w.status, w.result = "", ""
	w.episode([]wire.Event{{Type: wire.GenericEvent}})
}

// apply writes changes over rows as the table service does.
func apply(t *testing.T, rows []wire.Event, changes []replay.Change) []wire.Event {
	t.Helper()
	now := rows[len(rows)-1].Row.Timestamp.Time().Add(time.Second)
	rows = slices.Clone(rows)
	for _, c := range changes {
		i := slices.IndexFunc(rows, func(ev wire.Event) bool { return ev.RowKey == c.Row.RowKey })
		require.GreaterOrEqual(t, i, 0)
		require.Equal(t, rows[i].ETag, c.Row.ETag)
		row := c.Row.Clone()
		row.ETag += "'"
		if row.Timestamp.Type != storage.None {
			row.Timestamp = storage.TimeValue(now)
		}
		rows[i] = decode(t, row)
	}
	return rows
}

// texts returns what matters of rows, to be compared.
func texts(rows []wire.Event) []string {
	var list []string
	for _, ev := range rows {
		var b strings.Builder
		b.WriteString(ev.RowKey)
		for _, c := range ev.Row.Columns {
			fmt.Fprintf(&b, " %s=%s", c.Name, c.Text)
		}
		list = append(list, b.String())
	}
	return list
}

func warned(plan *replay.Plan, code replay.Code) bool {
	return slices.ContainsFunc(plan.Warnings, func(w replay.Warning) bool { return w.Code == code })
}
