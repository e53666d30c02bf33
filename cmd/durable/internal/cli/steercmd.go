package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/text"
	"github.com/go-durable/durable/operate"
)

// done is the document of a command that has done something to an instance.
type done struct {
	ID     string                `json:"id"`
	Action string                `json:"action"`
	Status durable.RuntimeStatus `json:"runtimeStatus,omitempty"`
	Event  string                `json:"eventName,omitempty"`
}

func (a *app) raiseCommand() *cobra.Command {
	var id, name, data string
	var wait bool
	cmd := command("raise-event", "Raise an external event on an instance",
		`  durable raise-event --id order-17 --event-name Approval --event-data '{"approved":true}'
  durable raise-event --id order-17 --event-name Approval --event-data @eventdata.json`,
		func(ctx context.Context) error { return a.raise(ctx, id, name, data, wait) })
	cmd.Aliases = []string{"raise"}
	cmd.Long = `Raise an external event on an instance. An instance that does not exist is exit code 3, one that has ended is exit code 4.
Repeating the command delivers the event twice.`
	idFlag(cmd, &id)
	flags := cmd.Flags()
	flags.StringVar(&name, "event-name", "", "`name` of the event (default Event_ and a new GUID)")
	flags.StringVar(&data, "event-data", "", "data of the event as `JSON` or text; @FILE reads it from a file, - from standard input")
	flags.BoolVar(&wait, "wait-for-start", false, "wait until the instance runs: an event that comes earlier is lost")
	yesFlag(cmd)
	return cmd
}

func (a *app) raise(ctx context.Context, id, name, data string, wait bool) error {
	if name == "" {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails
		name = "Event_" + hex.EncodeToString(b[:])
	}
	payload, err := a.readInput(ctx, "event-data", data)
	if err != nil {
		return err
	}
	client, err := a.openToWrite()
	if err != nil {
		return err
	}
	err = client.RaiseEvent(ctx, id, name, inputOf(payload), &durable.RaiseEventOptions{WaitForStart: wait})
	if err != nil {
		return err
	}
	return a.out.Report(done{ID: id, Action: "raise-event", Event: name}, "Raised event '%s' to instance '%s'.", name, id)
}

func (a *app) suspendCommand() *cobra.Command {
	return a.pauseCommand("suspend", "Suspend an instance until it is resumed", "Asked instance '%s' to suspend.", operate.SuspendTree,
		func(ctx context.Context, c *durable.OrchestrationClient, id, reason string) error {
			return c.Suspend(ctx, id, reason, nil)
		})
}

func (a *app) resumeCommand() *cobra.Command {
	return a.pauseCommand("resume", "Resume a suspended instance", "Asked instance '%s' to resume.", operate.ResumeTree,
		func(ctx context.Context, c *durable.OrchestrationClient, id, reason string) error {
			return c.Resume(ctx, id, reason, nil)
		})
}

// treeReason is something that package operate does to a tree for a reason.
type treeReason func(context.Context, *durable.OrchestrationClient, string, string, *operate.TreeActionOptions) (*operate.TreeResult, error)

// steerFlags are the flags of a command that asks an instance for something, or by --tree all below it as well.
type steerFlags struct {
	changeFlags
	treeFlags
	id, reason string
}

func (f *steerFlags) add(cmd *cobra.Command, reason string) {
	idFlag(cmd, &f.id)
	cmd.Flags().StringVar(&f.reason, "reason", "", reason)
	f.changeFlags.add(cmd)
	f.treeFlags.add(cmd, "dry-run")
}

func (a *app) steerTree(ctx context.Context, f *steerFlags, act treeReason) error {
	return a.actOnTree(ctx, &f.changeFlags, f.options(),
		func(ctx context.Context, c *durable.OrchestrationClient, opts *operate.TreeActionOptions) (*operate.TreeResult, error) {
			return act(ctx, c, f.id, f.reason, opts)
		})
}

func (a *app) pauseCommand(
	use, short, said string, tree treeReason, do func(context.Context, *durable.OrchestrationClient, string, string) error,
) *cobra.Command {
	f := &steerFlags{}
	cmd := command(use, short, "  durable "+use+` --id order-17 --reason "the bank is closed"
  durable `+use+" --id order-17 --tree --dry-run",
		func(ctx context.Context) error {
			if f.on {
				return a.steerTree(ctx, f, tree)
			}
			client, err := a.openToWrite()
			if err != nil {
				return err
			}
			if err := do(ctx, client, f.id, f.reason); err != nil {
				return err
			}
			return a.out.Report(done{ID: f.id, Action: use}, said, f.id)
		})
	cmd.Long = short + ". " + treeHelp
	f.add(cmd, "`reason`, which is shown as the instance's output meanwhile")
	return cmd
}

func (a *app) terminateCommand() *cobra.Command {
	f := &steerFlags{}
	timeout := durationFlag{defaultTerminateWait}
	cmd := command("terminate", "Terminate an instance",
		`  durable terminate --id order-17 --reason "It was time to be done."
  durable terminate --id order-17 --timeout 0s
  durable terminate --id order-17 --tree --dry-run`,
		func(ctx context.Context) error {
			if f.on {
				return a.steerTree(ctx, f, operate.TerminateTree)
			}
			return a.terminate(ctx, f.id, f.reason, timeout.d)
		})
	cmd.Long = `Terminate an instance and wait until it has ended. One that has not started is cancelled at once; any other ends when its
app handles the request. Activities that run go on, and so do sub-orchestrations. An instance that does not exist is exit
code 3, one that has ended otherwise is exit code 4, one that has not ended in time is exit code 5.

` + treeHelp + ` It does not wait for their end: repeat it until there is nothing left to do.`
	f.add(cmd, "`reason`, which becomes the instance's output")
	cmd.Flags().Var(&timeout, "timeout", "how long to wait for the end (`duration`); 0s does not wait")
	cmd.MarkFlagsMutuallyExclusive(flagTree, "timeout")
	return cmd
}

const defaultTerminateWait = 30 * time.Second

func (a *app) terminate(ctx context.Context, id, reason string, timeout time.Duration) error {
	client, err := a.openToWrite()
	if err != nil {
		return err
	}
	finished := func(s durable.RuntimeStatus) error {
		return a.out.Report(done{ID: id, Action: "terminate", Status: s}, "Successfully terminated '%s'", id)
	}
	if err := client.Terminate(ctx, id, reason, nil); err != nil {
		var e *durable.Error
		if errors.As(err, &e) && e.Status == durable.RuntimeStatusTerminated {
			return finished(e.Status)
		}
		return err
	}
	if timeout == 0 {
		return a.out.Report(done{ID: id, Action: "terminate"}, "Sent a termination message to instance '%s'.", id)
	}
	a.out.Say("Sent a termination message to instance '%s'. Waiting up to %s for it to end...", text.Printable(id), text.Duration(timeout))
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	s, err := client.WaitForCompletion(waiting, id, nil)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return coded(codeTimeout, "instance '%s' did not terminate within %s; the message stays in its queue: is the app running?", id, text.Duration(timeout))
	case err != nil:
		return err
	case s.RuntimeStatus != durable.RuntimeStatusTerminated:
		return coded(codeState, "instance '%s' ended as %s before it could be terminated", id, s.RuntimeStatus)
	}
	return finished(s.RuntimeStatus)
}
