package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/operate"
)

type rescheduleFlags struct {
	actionFlags
	changeFlags
	reason string
	idle   durationFlag
}

func (a *app) rescheduleCommand() *cobra.Command {
	f := &rescheduleFlags{idle: durationFlag{defaultIdleTime}}
	cmd := command("reschedule", "Schedule an activity again whose work item is lost",
		`  durable reschedule --id order-17 --event-id 3 --dry-run
  durable reschedule --id order-17 --event-id 3 --reason "the host died with it" --yes`,
		func(ctx context.Context) error { return a.reschedule(ctx, f) })
	cmd.Long = `Let an instance schedule an activity again whose work item is gone, because a host died with it: without that it waits for ever.
If the activity is not lost after all, it runs twice. It shows what would be done, and asks.

A row of the history is rewritten, on the condition that nothing has changed meanwhile, and the instance is woken. An
instance that was written to within the idle time is exit code 4, since a host may hold it in memory; so is one that has
ended, and another execution than the one that was shown or that --execution-id names. A repeat finishes what was
interrupted.`
	f.actionFlags.add(a, cmd, durable.EventTaskScheduled)
	cmd.Flags().StringVar(&f.reason, "reason", "", "`reason`, which goes into the history")
	cmd.Flags().Var(&f.idle, "idle-time", "how long nothing may have been written to the instance (`duration`); more than the app's extendedSessionIdleTimeoutInSeconds")
	f.changeFlags.add(cmd)
	return cmd
}

// defaultIdleTime is what package operate has by default.
const defaultIdleTime = time.Minute

const scheduledAgain = "scheduled again"

func (a *app) reschedule(ctx context.Context, f *rescheduleFlags) error {
	if f.idle.d == 0 {
		return usageError("--idle-time is more than 0s")
	}
	if err := a.askable(&f.changeFlags); err != nil {
		return err
	}
	client, err := a.openToWrite()
	if err != nil {
		return err
	}
	opts := &operate.RescheduleOptions{MoveOptions: operate.MoveOptions{ExecutionID: f.executionID}, IdleTime: f.idle.d}
	if !f.yes {
		opts.DryRun = true
		m, err := operate.Reschedule(ctx, client, f.id, f.eventID, f.reason, opts)
		if err != nil {
			return a.lookFirst(f.id, err)
		}
		if err := a.plan(&f.changeFlags, m, planOfMove(m)); err != nil || f.dryRun {
			return err
		}
		if err := a.confirm(ctx, &f.changeFlags, "Schedule it again?"); err != nil {
			return err
		}
		opts.DryRun, opts.ExecutionID = false, m.ExecutionID // what was said yes to
	}
	m, err := operate.Reschedule(ctx, client, f.id, f.eventID, f.reason, opts)
	if err != nil {
		return a.lookFirst(f.id, err)
	}
	return a.moved(m, scheduledAgain)
}

// planOfMove says what a move that rewrites a row would do.
func planOfMove(m *operate.Move) string {
	var b strings.Builder
	fmt.Fprintf(&b, "To be %s:\n  %s\n  instance  %s, %s\n", scheduledAgain, m.Action, m.InstanceID, m.RuntimeStatus)
	if m.Row != "" {
		fmt.Fprintf(&b, "  change    row %s of the history\n", m.Row)
	}
	b.WriteString("  wake\n")
	for _, n := range m.Notes {
		fmt.Fprintf(&b, "  note      %s\n", n)
	}
	return b.String()
}
