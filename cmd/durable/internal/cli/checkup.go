package cli

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/screen"
	"github.com/go-durable/durable/cmd/durable/internal/text"
	"github.com/go-durable/durable/operate"
)

// checkup is a check-up that runs, or has run.
type checkup struct {
	a   *app
	f   *doctorFlags
	bar *screen.Progress

	progress operate.DiagnoseProgress
	took     time.Duration
	found    map[operate.FindingKind]int
	severity map[operate.FindingKind]operate.Severity
}

// run calls a function for each finding, and says at the end how much was looked at.
func (c *checkup) run(ctx context.Context, client *durable.OrchestrationClient, each func(*operate.Finding) error) error {
	c.found, c.severity = map[operate.FindingKind]int{}, map[operate.FindingKind]operate.Severity{}
	begun := c.a.now()
	c.a.out.SayFaint("what seems lost is looked at twice, %s apart (--interval)", text.Duration(c.f.interval.d))
	c.bar = c.a.out.Progress("checking", 0)
	var instances atomic.Int64
	c.bar.Follow(func() int { return int(instances.Load()) })
	opts := c.f.options()
	opts.OnProgress = func(p operate.DiagnoseProgress) {
		c.progress = p
		instances.Store(int64(p.Instances))
	}
	err := c.walk(ctx, client, opts, each)
	c.bar.End()
	c.took = c.a.now().Sub(begun)
	return err
}

func (c *checkup) walk(
	ctx context.Context, client *durable.OrchestrationClient, opts *operate.DiagnoseOptions, each func(*operate.Finding) error,
) error {
	for found, err := range operate.Diagnose(ctx, client, opts) {
		if err != nil {
			return err
		}
		if !c.f.about(&found) {
			continue
		}
		c.found[found.Kind]++
		c.severity[found.Kind] = found.Severity
		if err := each(&found); err != nil {
			return err
		}
	}
	return nil
}

// total is how many findings there are.
func (c *checkup) total() int {
	n := 0
	for _, k := range c.found {
		n += k
	}
	return n
}

// summary shows how many findings of which kind there are, the worst first, and what can be done about them.
func (c *checkup) summary() error {
	kinds := sortedKeys(c.found)
	rank := []operate.Severity{operate.SeverityError, operate.SeverityWarning, operate.SeverityInfo}
	slices.SortStableFunc(kinds, func(x, y operate.FindingKind) int {
		return cmp.Compare(slices.Index(rank, c.severity[x]), slices.Index(rank, c.severity[y]))
	})
	table := &screen.Table{
		Headers: []string{"KIND", "SEVERITY", "FOUND"}, Right: map[int]bool{2: true}, Cut: []int{0},
		Colour: func(column int, cell string) screen.Colour {
			if column != 1 {
				return ""
			}
			return severityColour(operate.Severity(cell))
		},
	}
	for _, k := range kinds {
		table.Add(string(k), string(c.severity[k]), text.Number(c.found[k]))
	}
	if len(kinds) == 0 {
		return nil
	}
	if err := c.a.out.Print(""); err != nil {
		return err
	}
	return c.a.out.Table(table, "")
}

func (c *checkup) sayChecked() {
	c.a.out.Say("Checked %s and %s in %s.", text.Count(c.progress.Instances, "instance"), text.Count(c.progress.Events, "event"), text.Duration(c.took))
}

// verdict says what came of the check-up, and returns its error, if any, or that there are findings.
func (c *checkup) verdict(ctx context.Context, client *durable.OrchestrationClient, err error) error {
	if err == nil || c.progress.Instances > 0 {
		c.sayChecked()
	}
	switch {
	case err != nil && ctx.Err() != nil:
		unchanged := ""
		if len(c.f.repair) > 0 {
			unchanged = ", and nothing was changed"
		}
		return coded(codePartial, "interrupted after %s; not all of the hub was checked%s", text.Count(c.total(), "finding"), unchanged)
	case err != nil:
		return err
	case c.total() == 0:
		if err := c.exists(ctx, client); err != nil {
			return err
		}
		seen := ""
		if c.progress.Undecided > 0 {
			seen = ", as far as can be seen"
		}
		c.a.out.Say("Nothing is wrong%s%s.", c.scope(), seen)
	}
	c.sayUndecided()
	c.sayIdle(ctx, client)
	if c.total() == 0 {
		return nil
	}
	if repair := c.repairFlags(); repair != nil {
		line := c.a.commandLine(slices.Concat([]string{"doctor"}, repair, c.f.looks())...)
		c.a.out.SayCommand("To see what would be done, and be asked", line)
	}
	return coded(codePartial, "%s", text.Count(c.total(), "finding"))
}

// sayUndecided says what nobody can judge: of a hub that nobody can say to be well it must not look so.
func (c *checkup) sayUndecided() {
	if n := c.progress.Undecided; n > 0 {
		c.a.out.Say("Of %s nobody can tell: what belongs to them may lie in queues that hold more messages than can be seen.\n"+
			"Repeat it when there is less in them.", text.Count(n, "suspect"))
	}
}

// sayIdle says that nobody takes the messages of the hub: that is no damage, but may be what the operator looks for.
func (c *checkup) sayIdle(ctx context.Context, client *durable.OrchestrationClient) {
	if c.f.id != "" || c.f.prefix != "" {
		return
	}
	info, err := client.TaskHubInfo(ctx, nil)
	if err != nil || backlog(info) == 0 || slices.ContainsFunc(info.ControlQueues, func(q durable.ControlQueueInfo) bool { return q.Owned }) {
		return
	}
	ever := "at work"
	if !info.HostSeen {
		ever = "at work, and none has ever been at this task hub"
	}
	c.a.out.Say("No host is %s; about %s in its queues.", ever, text.Count(backlog(info), "message"))
}

// exists is an error if the check-up was about an instance that there is not: a typing error must not make it look healthy.
func (c *checkup) exists(ctx context.Context, client *durable.OrchestrationClient) error {
	if c.f.id == "" {
		return nil
	}
	_, err := client.GetStatus(ctx, c.f.id, &durable.GetStatusOptions{OmitInput: true})
	if errors.Is(err, durable.ErrInstanceNotFound) {
		return err
	}
	return nil // it is there, whatever is wrong with its output
}

// repairFlags are the flags that repair what was found, if something can.
func (c *checkup) repairFlags() []string {
	var kinds []string
	for _, k := range repairable() {
		if c.found[k] > 0 {
			kinds = append(kinds, string(k))
		}
	}
	if len(kinds) == 0 {
		return nil
	}
	flags := []string{"--repair", strings.Join(kinds, ",")}
	switch {
	case c.f.id != "":
		flags = append(flags, "--"+flagID, c.f.id)
	case c.f.prefix != "":
		flags = append(flags, "--id-prefix", c.f.prefix)
	}
	if c.found[operate.KindPartitionCount] > 0 {
		flags = append(flags, "--partition-count", "N")
	}
	return flags
}

// scope says what was looked for, where that is not everything.
func (c *checkup) scope() string {
	scope := ""
	if c.f.id != "" {
		scope = " with instance '" + c.f.id + "'"
	}
	if len(c.f.kinds)+len(c.f.repair) > 0 || c.f.prefix != "" {
		scope += " of what was looked for"
	}
	return scope
}

func severityColour(s operate.Severity) screen.Colour {
	switch s {
	case operate.SeverityError:
		return screen.Red
	case operate.SeverityWarning:
		return screen.Yellow
	default:
		return screen.Dim
	}
}
