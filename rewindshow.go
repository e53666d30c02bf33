package durable

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-durable/durable/internal/replay"
	"github.com/go-durable/durable/internal/wire"
)

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
		InstanceID: n.instance.ID, ParentID: n.parentID, Name: n.instance.Name, Status: n.status(), Woken: n.woken(),
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
