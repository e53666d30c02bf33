package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/screen"
	"github.com/go-durable/durable/cmd/durable/internal/text"
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
	client, err := a.open()
	if err != nil {
		return err
	}
	i, err := operate.Inspect(ctx, client, id, opts)
	if err != nil {
		return err
	}
	return a.out.Emit(i, func() error { return a.showInspection(i, opts) })
}

// maxShownRows bounds the tables of an instance: a fan-out may have thousands of actions. Documents have all of them.
const maxShownRows = 50

func (a *app) showInspection(i *operate.Inspection, opts *operate.InspectOptions) error {
	d := a.out.Details()
	a.addInstance(d, i)
	d.Add("waits for", strings.Join(otherWaits(i), "\n"))
	addParent(d, i.Parent)
	addPayloads(d, &i.Payloads, opts.OmitPayloads)
	addQueue(d, i.Queue)
	for _, w := range i.Warnings {
		about := ""
		if w.EventID != nil {
			about = fmt.Sprintf(" (event ID %d)", *w.EventID)
		}
		d.Add("warning", w.Code+about+": "+w.Text)
	}
	if d.Err() != nil {
		return d.Err()
	}
	if err := a.showOpen(i.Open); err != nil {
		return err
	}
	if err := a.showChildren(i.Children); err != nil {
		return err
	}
	if moves := possibleMoves(i.Open); len(moves) > 0 {
		a.out.SayFaint("By hand: durable %s.", strings.Join(moves, ", "))
	}
	return nil
}

func (a *app) addInstance(d *screen.Details, i *operate.Inspection) {
	d.Add("instance", i.InstanceID)
	d.Add("name", i.Name)
	status := a.statusStyle(i.RuntimeStatus)
	if i.Suspended && i.RuntimeStatus != durable.RuntimeStatusSuspended {
		status += ", suspended"
	}
	d.Styled("status", status)
	addTimes(d, i.CreatedTime, i.ScheduledStartTime, i.LastUpdatedTime, i.CompletedTime)
	addExecution(d, i.ExecutionID, i.Generation)
	if i.Events > 0 {
		d.Add("history", text.Count(i.Events, "event")+", taken up "+text.Times(i.Episodes))
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
		waits = append(waits, text.Count(len(i.Open), "open action"))
	}
	return waits
}

func addParent(d *screen.Details, p *operate.ParentRef) {
	if p == nil {
		return
	}
	waits := ""
	if p.Detached {
		waits = ", which does not wait for it"
	}
	d.Add("started by", fmt.Sprintf("%s (%s), event ID %d%s", p.InstanceID, p.Name, p.EventID, waits))
}

func addPayloads(d *screen.Details, p *operate.Payloads, omitted bool) {
	var parts []string
	for _, part := range []struct {
		name string
		size int
	}{{"input", p.Input}, {"output", p.Output}, {"custom status", p.CustomStatus}, {"history", p.History}} {
		if part.size > 0 {
			parts = append(parts, part.name+" "+text.Size(int64(part.size)))
		}
	}
	d.Add("stored", strings.Join(parts, ", "))
	if omitted || p.Blobs == 0 {
		return
	}
	d.Add("payloads", fmt.Sprintf("%s, %s zipped; the largest:", text.Count(p.Blobs, "blob"), text.Size(p.BlobBytes)))
	for _, b := range p.Largest {
		d.Add(" ", text.Size(b.Bytes)+"  "+b.Blob)
	}
}

func addQueue(d *screen.Details, q *operate.QueueLook) {
	if q == nil {
		return
	}
	if q.Queue == "" {
		d.Add("queue", "not certain") // a warning says why
		return
	}
	owner := ""
	switch {
	case q.OwnerKnown && q.OwnerAlive:
		owner = ", read by " + q.Owner
	case q.OwnerKnown:
		owner = ", read by nobody"
	}
	d.Add("queue", fmt.Sprintf("%s, about %s%s", q.Queue, text.Count(int(q.Backlog), "message"), owner))
	for _, m := range q.Messages {
		taken := ""
		if m.DequeueCount > 0 {
			taken = ", taken " + text.Times(int(m.DequeueCount))
		}
		d.Add("message for it", fmt.Sprintf("%s, there since %s%s", m.EventType, text.Stamp(m.Inserted), taken))
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
	table := &screen.Table{Headers: []string{"ID", "OPEN", "SINCE", "WHAT"}, Right: map[int]bool{0: true}, Optional: []int{since}}
	for _, o := range open {
		kind, ok := actionWords[o.Type]
		if !ok {
			kind = string(o.Type)
		}
		table.Add(strconv.Itoa(o.EventID), kind, text.Stamp(o.Since), describeOpen(&o))
	}
	return a.showRows(table)
}

// describeOpen says what an open action is about, besides its kind.
func describeOpen(o *operate.OpenAction) string {
	switch o.Type {
	case durable.EventTimerCreated:
		return "fires " + text.Stamp(o.Due)
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
	table := &screen.Table{
		Headers: []string{"ID", "ANSWER", "SUB-ORCHESTRATION", "NAME"}, Right: map[int]bool{0: true}, Cut: []int{3},
		Colour: func(column int, cell string) screen.Colour {
			if column == answer && cell == "failed" {
				return screen.Red
			}
			return ""
		},
	}
	for _, c := range children {
		got := cmp.Or(c.Answer, "none")
		if c.Detached {
			got = "detached"
		}
		table.Add(strconv.Itoa(c.EventID), got, c.InstanceID, c.Name)
	}
	return a.showRows(table)
}

// showRows shows the beginning of a table, if there is anything in it, and says how much more there is.
func (a *app) showRows(t *screen.Table) error {
	if t.Len() == 0 {
		return nil
	}
	if err := a.out.Print(""); err != nil {
		return err
	}
	more := t.Limit(maxShownRows)
	if err := a.out.Table(t, ""); err != nil || more == 0 {
		return err
	}
	return a.out.Print("and %s more; --output json has all", text.Number(more))
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
