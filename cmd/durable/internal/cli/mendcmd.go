package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/text"
)

type rewindFlags struct {
	changeFlags
	id, reason        string
	plan, force, heal bool
	fromEvent         int
	fromEventGiven    bool
}

func (a *app) rewindCommand() *cobra.Command {
	f := &rewindFlags{}
	cmd := command("rewind", "Let a failed instance go on from before its failure",
		`  durable rewind --id order-17 --reason "Orchestrator failed and needs to be revived."
  durable rewind --id order-17 --plan`,
		func(ctx context.Context) error { return a.rewind(ctx, f) })
	cmd.Long = `Let a failed instance go on from before its failure, with its failed sub-orchestrations. Only the failures that ended it are
taken back. --plan shows what would be changed, and changes nothing. A plan with warnings is refused without --force. An
instance that has not failed is exit code 4.`
	idFlag(cmd, &f.id)
	flags := cmd.Flags()
	flags.StringVar(&f.reason, "reason", "", "`reason` for the rewind")
	flags.BoolVar(&f.plan, "plan", false, "only show what would be done")
	flags.BoolVar(&f.force, "force", false, "carry it out in spite of warnings")
	flags.BoolVar(&f.heal, "heal", false, "also mend what a rewind by another client has broken")
	flags.IntVar(&f.fromEvent, "from-event", 0, "go back to this failed action: its event `ID` in the history")
	flags.BoolVar(&f.dryRun, "dry-run", false, "the same as --plan")
	yesFlag(cmd)
	cmd.PreRun = func(cmd *cobra.Command, _ []string) { f.fromEventGiven = cmd.Flags().Changed("from-event") }
	return cmd
}

func (a *app) rewind(ctx context.Context, f *rewindFlags) error {
	opts := &durable.RewindOptions{Force: f.force, Heal: f.heal}
	if f.fromEventGiven {
		opts.FromEventID = &f.fromEvent
	}
	if f.plan || f.dryRun {
		client, err := a.open()
		if err != nil {
			return err
		}
		plan, err := client.PlanRewind(ctx, f.id, opts)
		if err != nil {
			return err
		}
		return a.plan(&changeFlags{dryRun: true}, newRewindDocument(plan), plan.String())
	}
	client, err := a.openToWrite()
	if err != nil {
		return err
	}
	plan, err := client.Rewind(ctx, f.id, f.reason, opts)
	if err != nil {
		return err
	}
	before := plan.Instances[0].Status
	s, err := client.GetStatus(ctx, f.id, &durable.GetStatusOptions{OmitInput: true})
	if err != nil {
		return err
	}
	return a.out.Report(newRewindDocument(plan),
		"Rewind message sent to instance '%s'.\nStatus before rewind: %s\nStatus after rewind: %s", f.id, before, s.RuntimeStatus)
}

func (a *app) resetCommand() *cobra.Command {
	f := &rewindFlags{}
	cmd := command("reset", "Let an instance that has ended go on from an earlier point",
		`  durable reset --id order-17 --from-event 3 --dry-run
  durable reset --id order-17 --from-event 3 --reason "the price list was wrong" --yes`,
		func(ctx context.Context) error { return a.reset(ctx, f) })
	cmd.Long = `Let an instance that has ended, in whatever way, go on from an earlier point: the action with that event ID (see get-history)
and all after it are taken back. The number behind the last one takes back the end alone, 0 all but the input and the
events received. It shows what would be changed and what would be done again, and asks. A plan with warnings is refused
without --force.`
	idFlag(cmd, &f.id)
	flags := cmd.Flags()
	flags.IntVar(&f.fromEvent, "from-event", 0, "first action to be taken back: its event `ID` in the history (required)")
	flags.StringVar(&f.reason, "reason", "", "`reason` for the reset")
	flags.BoolVar(&f.force, "force", false, "carry it out in spite of warnings")
	f.changeFlags.add(cmd)
	require(cmd, "from-event")
	return cmd
}

func (a *app) reset(ctx context.Context, f *rewindFlags) error {
	if err := a.askable(&f.changeFlags); err != nil {
		return err
	}
	client, err := a.openToWrite()
	if err != nil {
		return err
	}
	opts := &durable.ResetOptions{Force: f.force}
	if !f.yes {
		plan, err := client.PlanReset(ctx, f.id, f.fromEvent, opts)
		if err != nil {
			return err
		}
		if err := a.plan(&f.changeFlags, newRewindDocument(plan), plan.String()); err != nil || f.dryRun {
			return err
		}
		if err := a.confirm(ctx, &f.changeFlags, fmt.Sprintf("Reset instance '%s' to before event %d?", f.id, f.fromEvent)); err != nil {
			return err
		}
		opts.ExecutionID = plan.Instances[0].ExecutionID // what was said yes to
	}
	plan, err := client.Reset(ctx, f.id, f.fromEvent, f.reason, opts)
	if err != nil {
		return err
	}
	return a.out.Report(newRewindDocument(plan), "Reset instance '%s' to before event %d.", f.id, f.fromEvent)
}

func (a *app) restartCommand() *cobra.Command {
	var id string
	var reuse bool
	f := &changeFlags{}
	cmd := command("restart", "Start an instance again with the same input", `  durable restart --id order-17
  durable restart --id order-17 --reuse-id --yes`,
		func(ctx context.Context) error { return a.restart(ctx, f, id, reuse) })
	cmd.Long = `Start a new instance with the orchestrator and the input of another one. With --reuse-id it takes that one's place, which must
have ended: its history and output are gone then, so that it asks first.`
	idFlag(cmd, &id)
	cmd.Flags().BoolVar(&reuse, "reuse-id", false, "in place of the old instance, under its ID")
	f.add(cmd)
	return cmd
}

func (a *app) restart(ctx context.Context, f *changeFlags, id string, reuse bool) error {
	if reuse {
		if err := a.askable(f); err != nil {
			return err
		}
	}
	client, err := a.openToWrite()
	if err != nil {
		return err
	}
	opts := &durable.RestartOptions{ReuseInstanceID: reuse}
	if reuse && !f.yes || f.dryRun {
		s, err := client.GetStatus(ctx, id, nil)
		if err != nil {
			return err
		}
		if err := a.plan(f, done{ID: id, Action: "restart", Status: s.RuntimeStatus}, restartPlan(s, reuse)); err != nil || f.dryRun {
			return err
		}
		if err := a.confirm(ctx, f, "Replace it?"); err != nil {
			return err
		}
		opts.ExecutionID = s.ExecutionID // what was said yes to
	}
	newID, err := client.Restart(ctx, id, opts)
	if err != nil {
		return err
	}
	return a.out.Report(done{ID: newID, Action: "restart"}, "Restarted '%s'. Instance ID: '%s'.", id, newID)
}

func restartPlan(s *durable.OrchestrationStatus, reuse bool) string {
	what := "To be started once more, under a new ID:"
	if reuse {
		what = "To be started anew; history and output of this execution are lost:"
	}
	return fmt.Sprintf("%s\n  %s (%s), %s since %s", what, s.InstanceID, s.Name, s.RuntimeStatus, text.Stamp(s.LastUpdatedTime))
}
