package replay

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/go-durable/durable/internal/wire"
)

// History is the history of one execution. It is read-only.
type History struct {
	// rows are the rows as they lie in the table, events what they stand for. They differ only in a history that was
	// taken back to an end.
	rows, events []wire.Event
	// episode is the episode that acted on each row.
	episode []int
	// messages counts what each episode acted on.
	messages map[int]int
	actions  []*Action
	byID     map[int]*Action
	// taken are the actions of each episode.
	taken map[int][]*Action
}

// New reads the rows of one execution, as [Current] returns them, whole and with the service's Timestamp. It returns
// [ErrEmpty] or [ErrCorrupt].
func New(rows []wire.Event) (*History, error) {
	if len(rows) == 0 {
		return nil, ErrEmpty
	}
	for i := range rows {
		if i > 0 && rows[i].RowKey <= rows[i-1].RowKey {
			return nil, fmt.Errorf("%w: row %s follows row %s", ErrCorrupt, rows[i].RowKey, rows[i-1].RowKey)
		}
		if rows[i].Row == nil || rows[i].ExecutionID != rows[0].ExecutionID {
			return nil, fmt.Errorf("%w: row %s is of another execution", ErrCorrupt, rows[i].RowKey)
		}
	}
	return build(rows, rows)
}

func build(rows, events []wire.Event) (*History, error) {
	h := &History{rows: rows, events: events, messages: map[int]int{}, byID: map[int]*Action{}}
	h.episode = episodes(events)
	for i := range events {
		if err := h.add(i); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(h.actions, func(a, b *Action) int { return cmp.Compare(a.EventID, b.EventID) })
	for _, run := range runs(rows) {
		// What a rewind let happen again happens in the episode that it woke the orchestrator for.
		if run.from > 0 {
			h.messages[h.episode[run.from]]++
		}
	}
	h.taken = map[int][]*Action{}
	for _, a := range h.actions {
		h.taken[a.Episode] = append(h.taken[a.Episode], a)
	}
	return h, nil
}

func (h *History) add(i int) error {
	ev := h.events[i]
	switch {
	case isAction(ev.Type):
		if other := h.byID[ev.EventID]; other != nil && !h.diverged(i) {
			return fmt.Errorf("%w: rows %s and %s both have event ID %d", ErrCorrupt, other.RowKey, ev.RowKey, ev.EventID)
		} else if other != nil {
			return nil
		}
		a := &Action{Event: ev, Episode: h.episode[i], row: i}
		h.actions, h.byID[ev.EventID] = append(h.actions, a), a
	case isCompletion(ev.Type):
		return h.complete(i)
	case isMessage(ev.Type):
		h.messages[h.episode[i]]++
	}
	return nil
}

func (h *History) complete(i int) error {
	ev := h.events[i]
	a := h.byID[ev.ScheduledID]
	if a == nil {
		if h.wasTakenBack(ev.ScheduledID, i) {
			return nil
		}
		return fmt.Errorf("%w: row %s completes event ID %d, which nothing has", ErrCorrupt, ev.RowKey, ev.ScheduledID)
	}
	if len(a.done) == 0 {
		h.messages[h.episode[i]]++
	}
	a.done, a.Completions = append(a.done, i), append(a.Completions, ev)
	return nil
}

// wasTakenBack reports whether an action with that ID lay before row i: its late answer is no sign of corruption.
func (h *History) wasTakenBack(id, i int) bool {
	return slices.ContainsFunc(h.rows[:i], func(ev wire.Event) bool {
		return ev.EventID == id && isAction(original(ev))
	})
}

// diverged reports whether row i was written by the replay that the engine then gave up as non-deterministic. What
// such a replay wanted to do is stored beside what it should have done, with the same event IDs.
func (h *History) diverged(i int) bool {
	for j := i; j < len(h.events) && h.events[j].Type != wire.OrchestratorStarted; j++ {
		if isEnd(h.rows[j]) {
			return isDivergence(h.rows[j])
		}
	}
	return false
}

// episodes returns for each row the episode in which the orchestrator acted on it: the one it arrived in, or the one
// that ended a suspension, since the engine holds back what arrives meanwhile (TaskOrchestrationExecutor.cs).
func episodes(events []wire.Event) []int {
	of, n, suspended := make([]int, len(events)), -1, false
	var held []int
	for i := range events {
		if events[i].Type == wire.OrchestratorStarted {
			n++
		}
		of[i] = max(n, 0)
		switch t := events[i].Type; {
		case t == wire.ExecutionSuspended:
			suspended = true
		case t == wire.ExecutionResumed:
			for _, j := range held {
				of[j] = of[i]
			}
			held, suspended = nil, false
		case suspended && isMessage(t):
			held = append(held, i)
		}
	}
	return of
}

// Rows returns the rows that the history was made from.
func (h *History) Rows() []wire.Event { return h.rows }

// Actions returns all actions in order of their event IDs.
func (h *History) Actions() []*Action { return h.actions }

// Action returns the action with an event ID, or nil.
func (h *History) Action(eventID int) *Action { return h.byID[eventID] }

// Open returns the actions that still wait for their completion, in order of their event IDs.
func (h *History) Open() []*Action {
	var open []*Action
	for _, a := range h.actions {
		if a.Open() {
			open = append(open, a)
		}
	}
	return open
}

// Start returns the ExecutionStarted row, or nil.
func (h *History) Start() *wire.Event {
	for i := range h.events {
		if h.events[i].Type == wire.ExecutionStarted {
			return &h.events[i]
		}
	}
	return nil
}

// End returns the row that ended the execution, or nil if it has none or has gone on since.
func (h *History) End() *wire.Event {
	for i := len(h.events) - 1; i >= 0 && h.events[i].Type != wire.OrchestratorStarted; i-- {
		if h.events[i].Type == wire.ExecutionCompleted {
			return &h.events[i]
		}
	}
	return nil
}

// Suspended reports whether the execution was suspended and not resumed.
func (h *History) Suspended() bool {
	suspended := false
	for i := range h.events {
		switch h.events[i].Type {
		case wire.ExecutionSuspended:
			suspended = true
		case wire.ExecutionResumed:
			suspended = false
		}
	}
	return suspended
}
