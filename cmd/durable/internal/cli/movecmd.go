package cli

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/text"
	"github.com/go-durable/durable/operate"
)

// moveKinds are the commands that let a waiting instance go on, by what it waits for.
var moveKinds = []struct {
	kind     durable.HistoryEventType
	commands []string
}{
	{durable.EventTimerCreated, []string{"fire-timer"}},
	{durable.EventTaskScheduled, []string{"complete-activity", "fail-activity", "reschedule"}},
	{durable.EventSubOrchestrationCreated, []string{"complete-sub-orchestration", "fail-sub-orchestration"}},
}

// actionFlags name an open action.
type actionFlags struct {
	id, executionID string
	eventID         int
}

const flagEventID = "event-id"

// add adds the flags. The kind is that of the action.
func (f *actionFlags) add(a *app, cmd *cobra.Command, kind durable.HistoryEventType) {
	idFlag(cmd, &f.id)
	cmd.Flags().IntVar(&f.eventID, flagEventID, 0, "the open action: its event `ID`, as inspect shows it (required)")
	require(cmd, flagEventID)
	cmd.Flags().Var((*namedText)(&f.executionID), "execution-id", "only if this is the current execution: its `ID`, as inspect shows it")
	_ = cmd.RegisterFlagCompletionFunc(flagEventID, func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return a.openIDs(cmd.Context(), f.id, kind), cobra.ShellCompDirectiveNoFileComp
	})
}

// longestCompletion is how long a shell waits for what could be typed next.
const longestCompletion = 3 * time.Second

// openIDs are the event IDs of the open actions of a kind, with what they are.
func (a *app) openIDs(ctx context.Context, id string, kind durable.HistoryEventType) []string {
	ctx, cancel := context.WithTimeout(ctx, longestCompletion)
	defer cancel()
	client, err := a.open()
	if err != nil {
		return nil
	}
	i, err := operate.Inspect(ctx, client, id, &operate.InspectOptions{OmitQueue: true, OmitPayloads: true})
	if err != nil {
		return nil
	}
	var ids []string
	for _, o := range i.Open {
		if o.Type == kind {
			ids = append(ids, strconv.Itoa(o.EventID)+"\t"+text.OneLine(describeOpen(&o)))
		}
	}
	return ids
}

// moveFlags are the flags of a move that does not ask.
type moveFlags struct {
	actionFlags
	dryRun bool
}

func (f *moveFlags) add(a *app, cmd *cobra.Command, kind durable.HistoryEventType) {
	f.actionFlags.add(a, cmd, kind)
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "only check, and show what would be done")
	yesFlag(cmd)
}

// onceSent is what the help of every move says.
const onceSent = ` What is sent is what a worker would send, for the present execution only; the app goes on with it when it runs. An
instance that has ended, or that has its answer already, is exit code 4, and so is another execution than --execution-id; an
action of another kind is exit code 2.`

func (a *app) fireTimerCommand() *cobra.Command {
	f := &moveFlags{}
	cmd := command("fire-timer", "Fire a timer at once", "  durable fire-timer --id order-17 --event-id 3",
		func(ctx context.Context) error {
			return a.move(f, "fired", func(c *durable.OrchestrationClient, opts operate.MoveOptions) (*operate.Move, error) {
				return operate.FireTimer(ctx, c, f.id, f.eventID, &opts)
			})
		})
	cmd.Long = `Fire a timer that an instance waits for, at once. When the timer's own message comes, it is ignored.` + onceSent
	f.add(a, cmd, durable.EventTimerCreated)
	return cmd
}

func (a *app) completeActivityCommand() *cobra.Command {
	cmd := a.completeCommand("complete-activity", "Give the result of an activity by hand", durable.EventTaskScheduled,
		operate.CompleteActivity)
	cmd.Long = `Give an instance the result of an activity that it waits for. Should the activity still run, its own result is ignored.` + onceSent
	return cmd
}

func (a *app) completeChildCommand() *cobra.Command {
	cmd := a.completeCommand("complete-sub-orchestration", "Answer for a sub-orchestration by hand",
		durable.EventSubOrchestrationCreated, operate.CompleteSubOrchestration)
	cmd.Long = `Give an instance the output of a sub-orchestration that it waits for. The sub-orchestration is not touched; should it still run,
its own answer is ignored.` + onceSent
	return cmd
}

func (a *app) completeCommand(
	use, short string, kind durable.HistoryEventType,
	complete func(context.Context, *durable.OrchestrationClient, string, int, any, *operate.MoveOptions) (*operate.Move, error),
) *cobra.Command {
	f := &moveFlags{}
	var result string
	cmd := command(use, short, "  durable "+use+` --id order-17 --event-id 3 --result '{"paid":true}'
  durable `+use+" --id order-17 --event-id 3 --result @result.json --dry-run",
		func(ctx context.Context) error {
			payload, err := a.readInput(ctx, "result", result)
			if err != nil {
				return err
			}
			return a.move(f, "completed", func(c *durable.OrchestrationClient, opts operate.MoveOptions) (*operate.Move, error) {
				return complete(ctx, c, f.id, f.eventID, inputOf(payload), &opts)
			})
		})
	f.add(a, cmd, kind)
	cmd.Flags().Var((*namedText)(&result), "result", "result as `JSON` or text; @FILE reads it from a file, - from standard input (default none)")
	return cmd
}

func (a *app) failActivityCommand() *cobra.Command {
	cmd := a.failCommand("fail-activity", "Fail an activity by hand", durable.EventTaskScheduled, operate.FailActivity)
	cmd.Long = `Fail an activity that an instance waits for, as if it had thrown: the orchestrator may handle that or try again. Should the
activity still run, its own result is ignored.` + onceSent + failureHelp
	return cmd
}

func (a *app) failChildCommand() *cobra.Command {
	cmd := a.failCommand("fail-sub-orchestration", "Fail a sub-orchestration by hand", durable.EventSubOrchestrationCreated,
		operate.FailSubOrchestration)
	cmd.Long = `Fail a sub-orchestration that an instance waits for, as far as that instance can see. The sub-orchestration is not touched;
should it still run, its own answer is ignored.` + onceSent + failureHelp
	return cmd
}

const failureHelp = `

An in-process .NET app takes --details for a serialised exception; of other texts it says "Failed to deserialize
exception", with the reason behind it. Apps out of process read --failure-details: an object with ErrorType and
ErrorMessage.`

func (a *app) failCommand(
	use, short string, kind durable.HistoryEventType,
	fail func(context.Context, *durable.OrchestrationClient, string, int, string, *operate.FailureOptions) (*operate.Move, error),
) *cobra.Command {
	f := &moveFlags{}
	var reason, details, failure string
	cmd := command(use, short, "  durable "+use+` --id order-17 --event-id 3 --reason "the bank is closed"`,
		func(ctx context.Context) error {
			given, err := a.readText(ctx, "details", details)
			if err != nil {
				return err
			}
			object, err := a.readInput(ctx, "failure-details", failure)
			if err != nil {
				return err
			}
			return a.move(f, "failed", func(c *durable.OrchestrationClient, opts operate.MoveOptions) (*operate.Move, error) {
				return fail(ctx, c, f.id, f.eventID, reason,
					&operate.FailureOptions{MoveOptions: opts, Details: given, FailureDetails: object})
			})
		})
	f.add(a, cmd, kind)
	flags := cmd.Flags()
	flags.Var((*namedText)(&reason), "reason", "`reason`: what the failure says (required)")
	flags.StringVar(&details, "details", "", "details of the failure as `text`; @FILE reads it from a file, - from standard input (default the reason)")
	flags.StringVar(&failure, "failure-details", "", "the failure as a `JSON` object; @FILE reads it from a file, - from standard input")
	require(cmd, "reason")
	return cmd
}

// readText reads a text: what stands there, or from a file (@path), or from standard input (-).
func (a *app) readText(ctx context.Context, flag, given string) (string, error) {
	path, ok := strings.CutPrefix(given, "@")
	if !ok && given != "-" {
		return given, nil
	}
	b, err := a.readFile(ctx, path, path == "-")
	switch {
	case ctx.Err() != nil:
		return "", coded(codeFailed, "interrupted")
	case err != nil:
		return "", usageError("--%s: %w", flag, err)
	case len(b) == 0:
		return "", usageError("--%s: %s: it is empty", flag, path)
	}
	return string(b), nil
}

// move makes a move and says what it was. Done is the word for it.
func (a *app) move(
	f *moveFlags, done string, do func(*durable.OrchestrationClient, operate.MoveOptions) (*operate.Move, error),
) error {
	client, err := a.openToWrite()
	if err != nil {
		return err
	}
	m, err := do(client, operate.MoveOptions{DryRun: f.dryRun, ExecutionID: f.executionID})
	if err != nil {
		return a.lookFirst(f.id, err)
	}
	return a.moved(m, done)
}

// moved says what a move has done, or would do.
func (a *app) moved(m *operate.Move, done string) error {
	what := "To be " + done
	if m.Done {
		what = strings.ToUpper(done[:1]) + done[1:]
	}
	if err := a.out.Report(m, "%s for instance '%s': %s.", what, m.InstanceID, m.Action); err != nil {
		return err
	}
	for _, n := range m.Notes {
		a.out.Say("Note: %s.", text.Printable(n))
	}
	return nil
}

// lookFirst says how to find out what an instance waits for, where it is not what was thought.
func (a *app) lookFirst(id string, err error) error {
	var e *durable.Error
	if !errors.As(err, &e) || e.Status == "" || !errors.Is(err, durable.ErrInvalidState) && !errors.Is(err, durable.ErrInvalidArgument) {
		return err
	}
	return &advisedError{err, "To see what it waits for", a.commandLine("inspect", "--"+flagID, id)}
}
