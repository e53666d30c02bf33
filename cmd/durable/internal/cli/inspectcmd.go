package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/operate"
)

func (a *app) inspectCommand() *cobra.Command {
	var id string
	opts := &operate.InspectOptions{}
	cmd := command("inspect", "Show what an instance does and what it waits for", `  durable inspect --id order-17
  durable inspect --id order-17 --output json | jq .open`,
		func(ctx context.Context) error { return a.inspect(ctx, id, opts) })
	cmd.Long = `Show what an instance does: what has to happen before it goes on, its open actions with the event IDs that the commands under
"Unblock" need, its parent and sub-orchestrations, the sizes of what it has stored, its control queue, and what does not
look right. It changes nothing.

Of a queue only the first 32 messages can be seen, and none that a host has in hand: that no message is shown does not
mean that there is none.`
	idFlag(cmd, &id)
	cmd.Flags().BoolVar(&opts.OmitQueue, "omit-queue", false, "do not look at the control queue")
	cmd.Flags().BoolVar(&opts.OmitPayloads, "omit-payloads", false, "do not list the payloads in blobs")
	return cmd
}

func (a *app) inspect(ctx context.Context, id string, opts *operate.InspectOptions) error {
	client, err := a.reader(ctx)
	if err != nil {
		return err
	}
	i, err := operate.Inspect(ctx, client, id, opts)
	if err != nil {
		return err
	}
	return a.emit(i, func() error { return a.showInspection(i, opts) })
}

// maxShownRows bounds the tables of an instance: a fan-out may have thousands of actions. Documents have all of them.
const maxShownRows = 50

func (a *app) showInspection(i *operate.Inspection, opts *operate.InspectOptions) error {
	d := &details{a: a}
	d.instance(i)
	d.add("waits for", strings.Join(otherWaits(i), "\n"))
	d.parent(i.Parent)
	d.payloads(&i.Payloads, opts.OmitPayloads)
	d.queue(i.Queue)
	for _, w := range i.Warnings {
		about := ""
		if w.EventID != nil {
			about = fmt.Sprintf(" (event ID %d)", *w.EventID)
		}
		d.add("warning", w.Code+about+": "+w.Text)
	}
	if d.err != nil {
		return d.err
	}
	if err := a.showOpen(i.Open); err != nil {
		return err
	}
	if err := a.showChildren(i.Children); err != nil {
		return err
	}
	if moves := possibleMoves(i.Open); len(moves) > 0 {
		a.say("%s", a.faint("By hand: durable "+strings.Join(moves, ", ")+"."))
	}
	return nil
}

func (d *details) instance(i *operate.Inspection) {
	d.add("instance", i.InstanceID)
	d.add("name", i.Name)
	status := d.a.statusStyle(i.Status)
	if i.Suspended && i.Status != durable.RuntimeStatusSuspended {
		status += ", suspended"
	}
	d.styled("status", status)
	d.add("created", stamp(i.Created))
	d.add("scheduled for", stamp(i.ScheduledStart))
	d.add("updated", stamp(i.LastUpdated))
	if !i.Completed.IsZero() {
		d.add("completed", stamp(i.Completed)+", took "+duration(i.Completed.Sub(i.Created)))
	}
	d.add("execution", i.ExecutionID)
	if i.Generation > 0 {
		d.add("generation", strconv.Itoa(i.Generation))
	}
	if i.Events > 0 {
		d.add("history", count(i.Events, "event")+", taken up "+times(i.Episodes))
	}
}

// otherWaits is what an instance waits for besides its open actions, which have a table of their own.
func otherWaits(i *operate.Inspection) []string {
	waits := slices.Clone(i.WaitsFor)
	for _, o := range i.Open {
		if n := slices.Index(waits, o.String()); n >= 0 {
			waits = slices.Delete(waits, n, n+1)
		}
	}
	if len(i.Open) > 0 {
		waits = append(waits, count(len(i.Open), "open action"))
	}
	return waits
}

func (d *details) parent(p *operate.ParentRef) {
	if p == nil {
		return
	}
	waits := ""
	if p.Detached {
		waits = ", which does not wait for it"
	}
	d.add("started by", fmt.Sprintf("%s (%s), event ID %d%s", p.InstanceID, p.Name, p.EventID, waits))
}

func (d *details) payloads(p *operate.Payloads, omitted bool) {
	var parts []string
	for _, part := range []struct {
		name string
		size int
	}{{"input", p.Input}, {"output", p.Output}, {"custom status", p.CustomStatus}, {"history", p.History}} {
		if part.size > 0 {
			parts = append(parts, part.name+" "+size(int64(part.size)))
		}
	}
	d.add("stored", strings.Join(parts, ", "))
	if omitted || p.Blobs == 0 {
		return
	}
	d.add("payloads", fmt.Sprintf("%s, %s zipped; the largest:", count(p.Blobs, "blob"), size(p.BlobBytes)))
	for _, b := range p.Largest {
		d.add(" ", size(b.Bytes)+"  "+b.Blob)
	}
}

func (d *details) queue(q *operate.QueueLook) {
	if q == nil {
		return
	}
	if q.Queue == "" {
		d.add("queue", "not certain") // a warning says why
		return
	}
	owner := ""
	switch {
	case q.OwnerKnown && q.OwnerAlive:
		owner = ", read by " + q.Owner
	case q.OwnerKnown:
		owner = ", read by nobody"
	}
	d.add("queue", fmt.Sprintf("%s, about %s%s", q.Queue, count(int(q.Backlog), "message"), owner))
	for _, m := range q.Messages {
		taken := ""
		if m.DequeueCount > 0 {
			taken = ", taken " + times(int(m.DequeueCount))
		}
		d.add("message for it", fmt.Sprintf("%s, there since %s%s", m.EventType, stamp(m.Inserted), taken))
	}
}

// actionWords are what people call the kinds of actions.
var actionWords = map[durable.HistoryEventType]string{
	durable.EventTaskScheduled:           "activity",
	durable.EventTimerCreated:            "timer",
	durable.EventSubOrchestrationCreated: "sub-orchestration",
	durable.EventEventSent:               "entity",
}

func (a *app) showOpen(open []operate.OpenAction) error {
	const since = 2
	g := &grid{headers: []string{"ID", "OPEN", "SINCE", "WHAT"}, right: map[int]bool{0: true}, optional: []int{since}}
	for _, o := range open {
		kind, ok := actionWords[o.Type]
		if !ok {
			kind = string(o.Type)
		}
		g.add(strconv.Itoa(o.EventID), kind, stamp(o.Since), describeOpen(&o))
	}
	return a.showRows(g)
}

// describeOpen says what an open action is about, besides its kind.
func describeOpen(o *operate.OpenAction) string {
	switch o.Type {
	case durable.EventTimerCreated:
		return "fires " + stamp(o.Due)
	case durable.EventEventSent:
		if o.Name == "" {
			return "lock of " + o.InstanceID
		}
	default:
	}
	return strings.TrimSpace(o.Name + " " + o.InstanceID)
}

func (a *app) showChildren(children []operate.ChildRef) error {
	const answer = 1
	g := &grid{
		headers: []string{"ID", "ANSWER", "SUB-ORCHESTRATION", "NAME"}, right: map[int]bool{0: true}, cut: []int{3},
		colour: func(column int, cell string) string {
			if column == answer && cell == "failed" {
				return red
			}
			return ""
		},
	}
	for _, c := range children {
		got := c.Answer
		if got == "" {
			got = "none"
		}
		g.add(strconv.Itoa(c.EventID), got, c.InstanceID, c.Name)
	}
	return a.showRows(g)
}

// showRows shows the beginning of a table, if there is anything in it, and says how much more there is.
func (a *app) showRows(g *grid) error {
	if len(g.rows) == 0 {
		return nil
	}
	if err := a.print(""); err != nil {
		return err
	}
	more := len(g.rows) - maxShownRows
	g.rows = g.rows[:min(len(g.rows), maxShownRows)]
	if err := a.show(g, ""); err != nil || more <= 0 {
		return err
	}
	return a.print("and %s more; --output json has all", number(more))
}

// possibleMoves are the commands that let an instance with these open actions go on.
func possibleMoves(open []operate.OpenAction) []string {
	var moves []string
	for _, m := range moveKinds {
		if slices.ContainsFunc(open, func(o operate.OpenAction) bool { return o.Type == m.kind }) {
			moves = append(moves, m.commands...)
		}
	}
	return moves
}

// size writes a number of bytes.
func size(n int64) string {
	const unit = 1024
	if n < unit {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, name := float64(n), ""
	for _, name = range []string{"KiB", "MiB", "GiB", "TiB"} {
		if value /= unit; value < unit {
			break
		}
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + " " + name
}
