package replay

import (
	"strings"

	"github.com/go-durable/durable/internal/wire"
)

// LostReason stands in a failure that was restored: its own text was overwritten when it was taken back.
const LostReason = "The text of this failure was lost when the instance was rewound; its details are kept."

// divergence is how the engine's verdict on a replay that does not fit its history begins
// (NonDeterministicOrchestrationException.cs).
const divergence = "Non-Deterministic workflow detected"

// original returns the type that a row had before it was taken back, or its type if it was not. A second rewind by
// the .NET client makes "Rewound: GenericEvent" of an end; only an end has an OrchestrationStatus.
func original(ev wire.Event) string {
	was, ok := strings.CutPrefix(ev.Reason, wire.RewoundPrefix)
	switch {
	case ev.Type != wire.GenericEvent || !ok:
		return ev.Type
	case was == wire.GenericEvent && ev.Status != "":
		return wire.ExecutionCompleted
	case isUndoable(was):
		return was
	}
	return ev.Type
}

func takenBack(ev wire.Event) bool { return original(ev) != ev.Type }

func isEnd(ev wire.Event) bool { return original(ev) == wire.ExecutionCompleted }

func isDivergence(ev wire.Event) bool {
	return strings.Contains(ev.Result, divergence) || strings.Contains(ev.FailureDetails, divergence)
}

// run is the part of a history from where it began, or was rewound, to the episode of its end: rows from to to, with
// to left out.
type run struct{ from, end, to int }

// runs returns the parts of a history that have an end, taken back or not. Each but the last was rewound.
func runs(rows []wire.Event) []run {
	var all []run
	from, ended := 0, false
	for i := range rows {
		switch {
		case isEnd(rows[i]) && ended:
			all[len(all)-1].end = i
		case isEnd(rows[i]):
			all, ended = append(all, run{from: from, end: i, to: len(rows)}), true
		case rows[i].Type == wire.OrchestratorStarted && ended:
			all[len(all)-1].to = i
			from, ended = i, false
		}
	}
	return all
}

// broken reports whether the run is one that the engine gave up at once: a rewind took back what its replay needed.
// A run that got further was broken by something else.
func (r run) broken(rows []wire.Event) bool {
	if r.from == 0 || !isDivergence(rows[r.end]) {
		return false
	}
	started := 0
	for i := r.from; i < r.end; i++ {
		if rows[i].Type == wire.OrchestratorStarted {
			started++
		}
	}
	return started == 1
}

// fits returns the row up to which the run fits the history: its last, or the beginning of the episode in which the
// engine gave it up.
func (r run) fits(rows []wire.Event) int {
	if !isDivergence(rows[r.end]) {
		return r.to
	}
	i := r.end
	for i > r.from && rows[i].Type != wire.OrchestratorStarted {
		i--
	}
	return i
}

// ended returns the runs of an execution that has ended and not gone on since, or [ErrNotEnded].
func (h *History) ended() ([]run, error) {
	all := runs(h.rows)
	if len(all) == 0 {
		return nil, ErrNotEnded
	}
	if all[len(all)-1].to < len(h.rows) {
		return nil, ErrNotEnded
	}
	return all, nil
}
