package durable

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-durable/durable/internal/replay"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// ErrRewindUnsafe means that a plan to rewind or reset has warnings. The plan that comes with the error says which;
// nothing was written. [RewindOptions] and [ResetOptions] have a Force.
var ErrRewindUnsafe = errors.New("the plan has warnings")

// RewindOptions are options for Rewind and PlanRewind.
type RewindOptions struct {
	// Force carries the plan out in spite of its warnings.
	Force bool
	// FromEventID names another failed action of the instance to go back to, and all that came after it is taken back.
	// Defaults to the failures that ended the orchestration.
	FromEventID *int
	// Heal also mends what a rewind by another client has broken: an instance that ended with "Non-Deterministic workflow
	// detected" because that rewind took back failures which had been handled.
	Heal bool
	// ExecutionID is the execution that is rewound, such as that of a plan: [ErrConflict] if another one is current.
	// Defaults to whichever is.
	ExecutionID string
}

// RewindPlan is what a rewind or a reset does.
type RewindPlan struct {
	// Instances are the instances that change, the one asked for first, its failed sub-orchestrations behind it.
	Instances []*InstancePlan
	// Requests is how many requests it takes in all: to read the instances, to write them and to wake them. A client
	// that does not know the hub's partition count yet needs some more, and so does a reason of tens of thousands of
	// characters.
	Requests int
}

// InstancePlan is what a rewind or a reset does to one instance.
type InstancePlan struct {
	// InstanceID and ExecutionID are what changes.
	InstanceID, ExecutionID string
	// ParentID is the instance that waits for this one, "" for the one asked for.
	ParentID string
	// Name is the orchestrator's name.
	Name string
	// Status is the state in which the instance was found.
	Status RuntimeStatus
	// Fatal are the failures that ended it.
	Fatal []PlannedFailure
	// Changes are the history rows that are rewritten.
	Changes []PlannedChange
	// Rerun is completed work that is done again.
	Rerun []PlannedAction
	// Warnings are reasons to stop and think. One of them is enough to refuse the plan without Force.
	Warnings []PlanWarning
	// Woken says whether the instance gets the message that makes a worker look at it. One that has nothing to do but
	// wait for its sub-orchestrations is woken by their answers.
	Woken bool
}

// PlannedAction is an action of an orchestration: an activity, a sub-orchestration, a timer or a sent event.
type PlannedAction struct {
	EventID int
	// Type is the kind of the event that scheduled it.
	Type HistoryEventType
	Name string
}

// PlannedFailure is a failure that is taken back.
type PlannedFailure struct {
	PlannedAction
	// Message is what the failure said, Why what shows that it was fatal.
	Message, Why string
}

// PlannedChange is a history row that is rewritten.
type PlannedChange struct {
	// RowKey is the row's key, EventID its event ID or -1.
	RowKey  string
	EventID int
	// From and To are its type before and after.
	From, To HistoryEventType
	// Reason is what its Reason column says afterwards, "" for nothing.
	Reason string
}

// PlanWarning is a reason not to carry out a plan unseen.
type PlanWarning struct {
	// Code is a word for the kind of the warning, such as "Ambiguous" or "TimerPending".
	Code string
	// Text says it in a sentence.
	Text string
	// EventID is the event ID of the action that it is about, or -1.
	EventID int
}

// Warnings returns the warnings of all instances, each with its instance's ID before it.
func (p *RewindPlan) Warnings() []string {
	var list []string
	for _, i := range p.Instances {
		for _, w := range i.Warnings {
			list = append(list, fmt.Sprintf("%s: %s: %s", i.InstanceID, w.Code, w.Text))
		}
	}
	return list
}

// PlanRewind says what Rewind would do. It reads the whole tree of failed sub-orchestrations and writes nothing. It
// returns the errors of Rewind but ErrRewindUnsafe. Opts may be nil.
func (c *OrchestrationClient) PlanRewind(
	ctx context.Context, instanceID string, opts *RewindOptions,
) (*RewindPlan, error) {
	t, err := c.readRewind(ctx, instanceID, opts)
	if err != nil {
		return nil, c.failIn("PlanRewind", instanceID, t.status(), err)
	}
	return t.show(), nil
}

// Rewind lets a failed orchestration go on from before its failure. It takes back only the failures that ended it and
// what the orchestrator did because of them: failures that were handled or retried stay, completed work stays, received
// events stay. Sub-orchestrations that failed fatally are rewound as well. An orchestrator that failed by its own fault
// runs again, and fails again unless its code was mended.
//
// The whole tree is read and judged before anything is written. A plan with warnings is refused with [ErrRewindUnsafe]
// unless opts.Force; the plan is returned beside the error. A warning is not a formality: where it says that an
// instance would wait for ever, it will, until it is terminated or reset.
//
// Then the history rows are rewritten from the top of the tree to its bottom, each only if it is still the same, and
// the instances become Pending: an instance that can run again has all its ancestors waiting for it. At last messages
// wake those that have something to do. Workers leave the state Pending until the instance ends or is suspended. A
// Rewind that was interrupted is finished by repeating it with the same options, so long as no worker has taken up the
// instance; from then on rewind the sub-orchestration that is still Failed or Pending. The reason goes into the messages
// and from there into the histories. Opts may be nil.
//
// It returns [ErrInstanceNotFound], [ErrInvalidState] if the instance has not failed, or was broken by another client's
// rewind and opts.Heal is not set, [ErrConflict] if an instance changed meanwhile, [ErrInvalidArgument],
// [ErrTaskHubNotFound] and [ErrUncertain].
func (c *OrchestrationClient) Rewind(
	ctx context.Context, instanceID, reason string, opts *RewindOptions,
) (*RewindPlan, error) {
	const op = "Rewind"
	if err := checkWakeReason(reason); err != nil {
		return nil, c.fail(op, instanceID, err)
	}
	t, err := c.readRewind(ctx, instanceID, opts)
	if err != nil {
		return nil, c.failIn(op, instanceID, t.status(), err)
	}
	return t.show(), c.failIn(op, instanceID, t.status(), t.carryOut(ctx, reason, opts != nil && opts.Force))
}

func (c *OrchestrationClient) readRewind(
	ctx context.Context, instanceID string, opts *RewindOptions,
) (*rewindTree, error) {
	if opts == nil {
		opts = &RewindOptions{}
	}
	planner := func(from *int) rewindPlanner {
		return func(h *replay.History, now time.Time) (*replay.Plan, error) {
			return replay.PlanRewind(h, replay.RewindOptions{FromEventID: from, Heal: opts.Heal, Now: now})
		}
	}
	t := c.newRewindTree(pendingAgain)
	t.execution = opts.ExecutionID
	return t, t.read(ctx, instanceID, hasFailed, planner(opts.FromEventID), planner(nil))
}

func hasFailed(s RuntimeStatus) bool { return s == RuntimeStatusFailed }

// pendingAgain is what a rewind merges into a row (UpdateStatusForRewindAsync of AzureTableTrackingStore.cs).
func pendingAgain(row *storage.Entity) (*storage.Entity, storage.Mode) {
	e := &storage.Entity{PartitionKey: row.PartitionKey}
	e.Set(wire.ColRuntimeStatus, storage.StringValue(wire.StatusPending))
	return e, storage.Merge
}

// checkWakeReason checks a reason that ends up in a column of the History table. The engine puts long texts of other
// columns into blobs, but not that one: with it, a worker would fail again and again to store what it did.
func checkWakeReason(reason string) error {
	switch {
	case !utf8.ValidString(reason):
		return invalid("the reason must be valid UTF-8")
	case wire.ColumnTooLarge(reason):
		return invalid("the reason is too long: more than 30720 UTF-16 code units")
	}
	return nil
}

// show returns the plan for the caller.
func (t *rewindTree) show() *RewindPlan {
	p := &RewindPlan{Requests: int(t.meter.requests.Load())}
	for _, n := range slices.Concat(t.levels...) {
		p.Instances = append(p.Instances, n.show())
		p.Requests += n.writes()
	}
	return p
}

// writes is how many requests it takes to carry out the plan for the instance.
func (n *rewindNode) writes() int {
	w := len(batches(n.plan.Changes))
	if n.status() != RuntimeStatusPending {
		w++
	}
	if n.woken() {
		w++
	}
	return w
}

func (n *rewindNode) show() *InstancePlan {
	p := &InstancePlan{
		InstanceID: n.instance.ID, ExecutionID: n.instance.ExecutionID, ParentID: n.parentID, Name: n.instance.Name,
		Status: n.status(), Woken: n.woken(),
	}
	for _, f := range n.plan.Fatal {
		p.Fatal = append(p.Fatal, PlannedFailure{showAction(f.Action), f.Message, f.Why})
	}
	for _, a := range n.plan.Rerun {
		p.Rerun = append(p.Rerun, showAction(a))
	}
	for _, c := range n.plan.Changes {
		p.Changes = append(p.Changes, PlannedChange{
			RowKey: c.Before.RowKey, EventID: c.Before.EventID, From: HistoryEventType(c.Before.Type),
			To: HistoryEventType(c.Type), Reason: c.Row.Text(wire.ColReason),
		})
	}
	for _, w := range slices.Concat(n.plan.Warnings, n.warnings) {
		p.Warnings = append(p.Warnings, PlanWarning{string(w.Code), w.Text, w.EventID})
	}
	return p
}

func showAction(a *replay.Action) PlannedAction {
	return PlannedAction{a.EventID, HistoryEventType(a.Type), a.Name}
}

// String returns the plan as text for a person. Its form is not stable.
func (p *RewindPlan) String() string {
	var b strings.Builder
	for _, i := range p.Instances {
		i.write(&b)
	}
	fmt.Fprintf(&b, "instances: %d, requests: %d, warnings: %d\n", len(p.Instances), p.Requests, len(p.Warnings()))
	return b.String()
}

func (i *InstancePlan) write(b *strings.Builder) {
	fmt.Fprintf(b, "%s (%s), %s", i.InstanceID, i.Name, i.Status)
	if i.ParentID != "" {
		fmt.Fprintf(b, ", called by %s", i.ParentID)
	}
	b.WriteString("\n")
	for _, f := range i.Fatal {
		fmt.Fprintf(b, "  failed   %s: %s\n           fatal because %s\n", f.PlannedAction, oneLine(f.Message), f.Why)
	}
	for _, c := range i.Changes {
		fmt.Fprintf(b, "  change   row %s: %s", c.RowKey, c.From)
		if c.EventID >= 0 {
			fmt.Fprintf(b, " %d", c.EventID)
		}
		if c.To != c.From {
			fmt.Fprintf(b, " becomes %s", c.To)
		}
		if c.Reason != "" {
			fmt.Fprintf(b, ", %q", c.Reason)
		}
		b.WriteString("\n")
	}
	if len(i.Changes) == 0 {
		b.WriteString("  change   nothing more: an earlier attempt has rewritten the history\n")
	}
	for _, a := range i.Rerun {
		fmt.Fprintf(b, "  rerun    %s\n", a)
	}
	for _, w := range i.Warnings {
		fmt.Fprintf(b, "  WARNING  %s: %s\n", w.Code, w.Text)
	}
	if i.Woken {
		b.WriteString("  wake\n")
	}
}

// String returns the action as text for a person.
func (a PlannedAction) String() string {
	text := fmt.Sprintf("%s %d", a.Type, a.EventID)
	if a.Name != "" {
		text += " " + a.Name
	}
	return text
}

// oneLine cuts a text to what fits a line.
func oneLine(text string) string {
	const most = 200
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}
