package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/text"
	"github.com/go-durable/durable/operate"
)

type purgeFlags struct {
	filterFlags
	changeFlags
	id          string
	force       bool
	concurrency int
	rate        float64
	checkpoint  string
	tree        treeFlags
}

func (a *app) purgeCommand() *cobra.Command {
	f := &purgeFlags{}
	cmd := command("purge-history", "Remove instances that have ended, with all they have",
		`  durable purge-history --created-before 2018-11-14T19:35:00.0000000Z --runtime-status failed
  durable purge --created-before 30d --dry-run
  durable purge --id order-17 --yes
  durable purge --id order-17 --tree --dry-run`,
		func(ctx context.Context) error { return a.purge(ctx, f) })
	cmd.Aliases = []string{"purge"}
	cmd.Long = `Remove one instance (--id), or all that match and have ended. Without --runtime-status these are the states Completed, Failed,
Canceled and Terminated; a state that is no end is refused without --force. (Core Tools remove running instances as well.)

It shows first how many instances, rows and requests it is about, and asks. Ctrl-C stops it between two instances and
shows how to go on.

` + treeHelp + ` A tree in which anything has not ended is refused whole without --force.`
	a.filterFlags(cmd, &f.filterFlags)
	f.changeFlags.add(cmd)
	flags := cmd.Flags()
	flags.Var((*namedText)(&f.id), flagID, "only the instance with this `ID`, which can also be the argument")
	idArgument(cmd)
	flags.BoolVar(&f.force, "force", false, "also instances that have not ended; what they have scheduled goes on in vain")
	flags.IntVar(&f.concurrency, "concurrency", defaultConcurrency, "how many `instances` are purged at once")
	flags.Float64Var(&f.rate, "requests-per-second", 0, "at most this many `requests` a second (default no limit)")
	flags.StringVar(&f.checkpoint, "checkpoint", "", "go on where an interrupted purge has stopped: its `checkpoint`")
	for _, name := range []string{"created-after", "created-before", flagStatus, "function-name", "id-prefix", "failed-with", "tag", "checkpoint"} {
		cmd.MarkFlagsMutuallyExclusive(flagID, name)
	}
	f.tree.add(cmd)
	cmd.MarkFlagsMutuallyExclusive(flagTree, "requests-per-second")
	return cmd
}

func (f *purgeFlags) options() *durable.PurgeOptions {
	return &durable.PurgeOptions{
		Force: f.force, Concurrency: f.concurrency, RequestsPerSecond: f.rate, Checkpoint: f.checkpoint,
	}
}

func (a *app) purge(ctx context.Context, f *purgeFlags) error {
	filter, err := f.filter()
	switch {
	case err != nil:
	case f.tree.on && f.id == "":
		err = usageError("--tree goes with --id")
	case f.tree.on:
		return a.purgeTree(ctx, f)
	default:
		err = a.askable(&f.changeFlags)
	}
	if err != nil {
		return err
	}
	client, err := a.openToWrite()
	if err != nil {
		return err
	}
	if f.id != "" {
		return a.purgeOne(ctx, client, f)
	}
	total := 0
	if !f.yes {
		plan, err := a.planPurge(ctx, client, filter, f)
		if err != nil {
			return err
		}
		if plan.Instances == 0 || f.dryRun {
			return nil
		}
		question := fmt.Sprintf("Purge %s?", text.Count(plan.Instances, "instance"))
		if err := a.confirm(ctx, &f.changeFlags, question); err != nil {
			return err
		}
		total = plan.Instances
	}
	opts := f.options()
	bar := a.out.Progress("purging", total)
	opts.OnProgress = func(p durable.PurgeProgress) { bar.Set(p.InstancesDeleted + p.Failed) }
	result, err := client.PurgeInstances(ctx, filter, opts)
	bar.End()
	return a.purged(ctx, f, result, err)
}

func (a *app) purgeTree(ctx context.Context, f *purgeFlags) error {
	opts := f.tree.options()
	opts.Force, opts.Concurrency = f.force, f.concurrency
	return a.actOnTree(ctx, &f.changeFlags, opts,
		func(ctx context.Context, c *durable.OrchestrationClient, opts *operate.TreeActionOptions) (*operate.TreeResult, error) {
			return operate.PurgeTree(ctx, c, f.id, opts)
		})
}

// planDocument is a purge plan for programs.
type planDocument struct {
	Instances int                           `json:"instances"`
	Rows      int                           `json:"rows"`
	Blobs     int                           `json:"blobs"`
	Conflicts int                           `json:"conflicts"`
	Requests  int                           `json:"requests"`
	Strategy  durable.PurgeStrategy         `json:"strategy"`
	Statuses  map[durable.RuntimeStatus]int `json:"statuses"`
}

func (a *app) planPurge(
	ctx context.Context, client *durable.OrchestrationClient, filter *durable.InstanceFilter, f *purgeFlags,
) (*durable.PurgePlan, error) {
	p, err := client.PlanPurge(ctx, filter, f.options())
	if err != nil {
		return nil, err
	}
	doc := planDocument{p.Instances, p.Rows, p.Blobs, p.Conflicts, p.Requests, p.Strategy, p.Statuses}
	shown := "No instance matches: there is nothing to purge."
	if p.Instances > 0 {
		shown = fmt.Sprintf("To be purged for good:\n  instances      %s (%s)\n  history rows   %s\n  payload blobs  %s\n  requests       about %s",
			text.Number(p.Instances), stateCounts(p.Statuses), text.Number(p.Rows), text.Number(p.Blobs), text.Number(p.Requests))
	}
	if p.Conflicts > 0 {
		shown += fmt.Sprintf("\nLeft alone, as they changed at this moment: %s.", text.Count(p.Conflicts, "instance"))
	}
	return p, a.plan(&f.changeFlags, doc, shown)
}

func stateCounts(counts map[durable.RuntimeStatus]int) string {
	var parts []string
	for _, s := range sortedKeys(counts) {
		parts = append(parts, text.Number(counts[s])+" "+string(s))
	}
	return strings.Join(parts, ", ")
}

func (a *app) purgeOne(ctx context.Context, client *durable.OrchestrationClient, f *purgeFlags) error {
	s, err := client.GetStatus(ctx, f.id, &durable.GetStatusOptions{OmitInput: true})
	if err != nil {
		return err
	}
	doc := planDocument{Instances: 1, Statuses: map[durable.RuntimeStatus]int{s.RuntimeStatus: 1}, Strategy: durable.PurgeOneByOne}
	shown := fmt.Sprintf("To be purged for good:\n  %s (%s), %s since %s", s.InstanceID, s.Name, s.RuntimeStatus, text.Stamp(s.LastUpdatedTime))
	if !f.yes {
		if err := a.plan(&f.changeFlags, doc, shown); err != nil || f.dryRun {
			return err
		}
		if err := a.confirm(ctx, &f.changeFlags, "Purge it?"); err != nil {
			return err
		}
	}
	opts := f.options()
	opts.Concurrency, opts.ExecutionID = 0, s.ExecutionID // what was looked at
	result, err := client.Purge(ctx, f.id, opts)
	if err != nil {
		return err
	}
	return a.out.Report(newPurgeDocument(result), "Purged orchestration history for instance '%s'\nInstances deleted: %d\nRows deleted: %d",
		f.id, result.InstancesDeleted, result.RowsDeleted)
}

// purgeDocument is a purge's result for programs.
type purgeDocument struct {
	InstancesDeleted int    `json:"instancesDeleted"`
	RowsDeleted      int    `json:"rowsDeleted"`
	BlobsDeleted     int    `json:"blobsDeleted"`
	Failed           int    `json:"failed"`
	Requests         int    `json:"requests"`
	Checkpoint       string `json:"checkpoint,omitempty"`
}

func newPurgeDocument(r *durable.PurgeResult) purgeDocument {
	return purgeDocument{r.InstancesDeleted, r.RowsDeleted, r.BlobsDeleted, r.Failed, r.Requests, r.Checkpoint}
}

// purged says what a purge has done, also if it failed or was stopped.
func (a *app) purged(ctx context.Context, f *purgeFlags, r *durable.PurgeResult, err error) error {
	if err != nil && r.InstancesDeleted+r.Failed == 0 {
		return err
	}
	printErr := a.out.Report(newPurgeDocument(r), "Purged orchestration history for all instances %s\nInstances deleted: %d\nRows deleted: %d",
		f.describe(), r.InstancesDeleted, r.RowsDeleted)
	switch {
	case err == nil:
		return printErr
	case ctx.Err() != nil:
		return coded(codePartial, "interrupted; the same command goes on, and faster with --checkpoint %s", r.Checkpoint)
	case r.InstancesDeleted > 0:
		return coded(codePartial, "%s could not be purged: %w", text.Count(r.Failed, "instance"), err)
	}
	return err
}

// describe says which instances were purged, in the words of Core Tools.
func (f *purgeFlags) describe() string {
	from, to := "the beginning", "now"
	if !f.after.t.IsZero() {
		from = text.Stamp(f.after.t)
	}
	if !f.before.t.IsZero() {
		to = text.Stamp(f.before.t)
	}
	which := fmt.Sprintf("created between '%s' and '%s'", from, to)
	if states, err := parseStates(f.status); err == nil && len(states) > 0 {
		names := make([]string, len(states))
		for i, s := range states {
			names[i] = string(s)
		}
		which += fmt.Sprintf(" and whose runtime status matched one of the following: [%s]", strings.Join(names, ", "))
	}
	return which
}

// stopped reports whether an operation ended because its context did.
func stopped(err error) bool { return errors.Is(err, context.Canceled) }
