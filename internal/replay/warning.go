package replay

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-durable/durable/internal/wire"
)

// Code says what a warning is about.
type Code string

// The warnings of a plan.
const (
	// Ambiguous: the history can be read in several ways, and with another reading the plan may be wrong.
	Ambiguous Code = "Ambiguous"
	// TimerPending: a timer is taken back whose message is still under way and may meet another action with its ID.
	TimerPending Code = "TimerPending"
	// TimerFiresAtOnce: a timer is taken back whose time is over. Its time is fixed by the history: set again, it fires
	// at once.
	TimerFiresAtOnce Code = "TimerFiresAtOnce"
	// AnswerPending: an activity or a child is taken back that has no answer. It may still run, and its answer may meet
	// another action with its ID.
	AnswerPending Code = "AnswerPending"
	// SentAgain: an event or a call of an entity is taken back and will be sent again.
	SentAgain Code = "SentAgain"
	// StartsAgain: a sub-orchestration is taken back and will be started again.
	StartsAgain Code = "StartsAgain"
	// AnswerLost: an action stays without an answer that may have come after the end and have been thrown away. An
	// orchestrator that waits for it waits for ever.
	AnswerLost Code = "AnswerLost"
	// FailureKept: a failure lies before the chosen event and stays.
	FailureKept Code = "FailureKept"
	// StaysSuspended: the instance was suspended when it ended and must be resumed.
	StaysSuspended Code = "StaysSuspended"
	// ParentAnswered: another instance waited for this one and has long had its answer.
	ParentAnswered Code = "ParentAnswered"
	// TextLost: a failure is restored whose text was overwritten.
	TextLost Code = "TextLost"
	// CodeChanged: the engine found that the history does not fit the code, and no rewind explains it.
	CodeChanged Code = "CodeChanged"
	// ChildMissing: a child that would have to be rewound does not exist any more. Only a caller can know.
	ChildMissing Code = "ChildMissing"
	// ChildResultLost: a child has ended, and its answer was thrown away. Only a caller can know.
	ChildResultLost Code = "ChildResultLost"
)

// Warning is a reason not to carry out a plan unseen.
type Warning struct {
	Code Code
	// Text says it in words.
	Text string
	// EventID is the event ID of the action that it is about, or -1.
	EventID int
}

func (p *planner) warn(code Code, eventID int, format string, args ...any) {
	p.plan.Warnings = append(p.plan.Warnings, Warning{code, fmt.Sprintf(format, args...), eventID})
}

// warnUndone warns of what it means that actions are taken back. Now decides about timers; the zero time leaves it
// open whether they are due.
func (p *planner) warnUndone(now time.Time) {
	for _, a := range p.actions {
		if !p.undone[a.row] {
			continue
		}
		switch a.Type {
		case wire.TimerCreated:
			p.warnTimer(a, now)
		case wire.EventSent:
			what := "the event"
			if strings.HasPrefix(a.InstanceID, "@") {
				what = "the call of an entity"
			}
			p.warn(SentAgain, a.EventID, "%s to %s will be sent again", what, a.InstanceID)
		case wire.SubOrchestrationInstanceCreated:
			p.warn(StartsAgain, a.EventID, "the sub-orchestration %s (%s) will be started again", a.Name, a.InstanceID)
		}
		if a.Open() && a.Type != wire.TimerCreated && p.beyondCut(a) {
			p.warn(AnswerPending, a.EventID, "%s has no answer yet; if it still runs, its answer may be taken for that of another action", a.Name)
		}
	}
}

func (p *planner) beyondCut(a *Action) bool { return p.plan.Cut != NoCut && a.EventID >= p.plan.Cut }

func (p *planner) warnTimer(a *Action, now time.Time) {
	due := !now.IsZero() && !a.FireAt.After(now)
	switch {
	case a.Open() && !due && p.beyondCut(a):
		p.warn(TimerPending, a.EventID, "the timer for %s has not fired; when it does, it may be taken for the answer to another action", a.FireAt.Format(time.RFC3339))
	case due && p.beyondCut(a) && !p.answersFatal(a):
		p.warn(TimerFiresAtOnce, a.EventID, "the timer for %s, if it is set again, will fire at once", a.FireAt.Format(time.RFC3339))
	}
}

// answersFatal reports whether an action was taken when a fatal failure arrived. The failure has to come again for it to
// be taken again, so a timer is then set for another time.
func (p *planner) answersFatal(a *Action) bool {
	return slices.ContainsFunc(p.plan.Fatal, func(f Failure) bool { return p.episode[f.Action.done[0]] == a.Episode })
}

// warnRestored warns of failures that stand again without their own text.
func (p *planner) warnRestored() {
	for i := range p.events {
		ev := p.events[i]
		if isFailure(ev.Type) && takenBack(p.rows[i]) && !p.undone[i] {
			p.warn(TextLost, ev.ScheduledID, "the text of the failure of event %d is lost", ev.ScheduledID)
		}
	}
}
