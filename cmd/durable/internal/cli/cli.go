package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/screen"
	"github.com/go-durable/durable/cmd/durable/internal/target"
)

// app is one run of the program: what it was given by its process, and what flags for all commands say.
type app struct {
	stdin io.Reader
	out   *screen.Screen
	env   map[string]string
	// dir is the working directory.
	dir string
	now func() time.Time
	// connect makes the client for a task hub.
	connect func(*target.Hub) (*durable.OrchestrationClient, error)

	// flags say which task hub.
	flags target.Flags
	// hub is the task hub that the command works on, once it has found one.
	hub *target.Hub
}

// Run runs the program and returns its exit code. Env is in the form of [os.Environ].
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env []string) int {
	a := newApp(stdin, stdout, stderr, env)
	dir, err := os.Getwd()
	if err != nil {
		return a.fail(err)
	}
	a.dir = dir
	return a.run(ctx, args)
}

// Command returns the tree of commands, for what is made from it: manuals. It is not to be executed.
func Command() *cobra.Command { return newApp(nil, nil, nil, nil).root() }

func newApp(stdin io.Reader, stdout, stderr io.Writer, env []string) *app {
	a := &app{
		stdin: stdin, env: make(map[string]string, len(env)), now: time.Now, connect: (*target.Hub).Connect,
	}
	a.out = &screen.Screen{Stdout: stdout, Stderr: stderr, Env: a.env}
	for _, v := range env {
		if name, value, ok := strings.Cut(v, "="); ok {
			a.env[name] = value
		}
	}
	return a
}

func init() {
	cobra.AddTemplateFunc("wrappedFlags", func(f *pflag.FlagSet) string { return f.FlagUsagesWrapped(helpWidth) })
	// The longest names stick out, so that there is room for what stands behind the others.
	cobra.AddTemplateFunc("nameColumn", func(longest int) int { return min(longest, len("get-runtime-status")) })
}

func (a *app) run(ctx context.Context, args []string) int {
	root := a.root() //nolint:contextcheck // commands get the context when they run
	args = coreToolsArgs(root, args)
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.out.Stdout)
	root.SetErr(a.out.Stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return codeOK
	}
	var ran *ranError
	if !errors.As(err, &ran) { // cobra refused the command line
		err = usageError("%w\nrun '%s --help' to see how it is used", err, cmd.CommandPath())
	}
	return a.fail(err)
}

// about is what "durable --help" begins with.
const about = `durable works directly on the task hub of a Durable Functions app: its tables, queues and blobs in Azure Storage.
The app need not be running; what you ask for happens when it is. Every "func durable" command line works here, too.

Which task hub:
  Flags come first, then environment variables, then local.settings.json and host.json in the working directory or the
  nearest directory above it. The connection is the setting AzureWebJobsStorage, unless host.json or
  --connection-string-setting name another one. A setting is a connection string, or NAME__accountName or
  NAME__blobServiceUri, NAME__queueServiceUri and NAME__tableServiceUri: then Entra ID is used, as it is with --account.

Which instance:
  --id ID, or just its ID: 'durable inspect order-17'.

Output:
  Data goes to standard output, everything else to standard error. Lists and statuses are tables on a terminal and JSON
  otherwise; --output chooses. NO_COLOR turns colours off.

Times:
  Flags take RFC 3339 (2018-03-10T10:01:00Z; without a zone it is UTC), dates, today, yesterday, now, and ages such as
  90s, 30m, 2h, 7d, 2w, which are that long ago.

Exit codes:
  0   done
  1   failed, or an instance waited for did not complete
  2   bad usage or settings
  3   no such instance, entity or task hub
  4   the instance or task hub is in a state that does not allow it
  5   the time is over
  6   only a part was done, or doctor has findings that are not repaired`

// root returns the tree of commands.
func (a *app) root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "durable",
		Short:         "Start, watch, steer and clean up Durable Functions orchestrations",
		Long:          about,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if err := a.out.CheckFormat(); err != nil {
				return ran(usageError("%w", err))
			}
			return nil
		},
	}
	f := cmd.PersistentFlags()
	f.Var((*namedText)(&a.flags.Connection), "connection-string-setting",
		"`name` of the setting that has the connection string (default AzureWebJobsStorage, or what host.json says)")
	f.Var((*namedText)(&a.flags.TaskHub), "task-hub-name", "`name` of the task hub (default what host.json says, or DurableFunctionsHub)")
	f.Var((*namedText)(&a.flags.Account), "account", "`name` of a storage account to use with Entra ID, instead of a connection string")
	f.StringVarP(&a.out.Format, "output", "o", "", "`format`: table, json, jsonl or yaml (default table on a terminal, else json)")
	completeWith(cmd, "output", screen.Formats()...)
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return err })
	cmd.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	cmd.AddGroup(
		&cobra.Group{ID: groupStart, Title: "Start:"}, &cobra.Group{ID: groupLook, Title: "Look:"},
		&cobra.Group{ID: groupSteer, Title: "Steer:"}, &cobra.Group{ID: groupUnblock, Title: "Unblock:"},
		&cobra.Group{ID: groupMend, Title: "Mend and run again:"}, &cobra.Group{ID: groupRepair, Title: "Repair:"},
		&cobra.Group{ID: groupClean, Title: "Clean up:"}, &cobra.Group{ID: groupHub, Title: "Task hubs, entities, server:"},
		&cobra.Group{ID: groupMore, Title: "More:"},
	)
	cmd.SetHelpCommandGroupID(groupMore)
	cmd.SetCompletionCommandGroupID(groupMore)
	a.add(cmd)
	polish(cmd)
	return cmd
}

const (
	groupStart   = "start"
	groupLook    = "look"
	groupSteer   = "steer"
	groupUnblock = "unblock"
	groupMend    = "mend"
	groupRepair  = "repair"
	groupClean   = "clean"
	groupHub     = "hub"
	groupMore    = "more"
)

// add adds all commands.
func (a *app) add(root *cobra.Command) {
	groups := []struct {
		id       string
		commands []*cobra.Command
	}{
		{groupStart, []*cobra.Command{a.startCommand()}},
		{groupLook, []*cobra.Command{
			a.statusCommand(), a.inspectCommand(), a.treeCommand(), a.historyCommand(), a.reportCommand(), a.listCommand(),
			a.countCommand(), a.waitCommand(), a.watchCommand(),
		}},
		{groupMend, []*cobra.Command{a.rewindCommand(), a.resetCommand(), a.restartCommand()}},
		{groupRepair, []*cobra.Command{a.doctorCommand(), a.undoCommand(), a.messagesCommand()}},
		{groupClean, []*cobra.Command{a.purgeCommand()}},
		{groupHub, []*cobra.Command{a.hubCommand(), a.listHubsCommand(), a.createHubCommand(), a.deleteHubCommand(), a.entityCommand(), a.serveCommand()}},
		{groupSteer, []*cobra.Command{a.raiseCommand(), a.terminateCommand(), a.suspendCommand(), a.resumeCommand()}},
		{groupUnblock, []*cobra.Command{
			a.fireTimerCommand(), a.completeActivityCommand(), a.failActivityCommand(), a.completeChildCommand(),
			a.failChildCommand(), a.rescheduleCommand(),
		}},
		{groupMore, []*cobra.Command{a.versionCommand()}},
	}
	for _, g := range groups {
		for _, c := range g.commands {
			c.GroupID = g.id
			root.AddCommand(c)
		}
	}
}

// command is a cobra command with what all of ours have.
func command(use, short, example string, run func(ctx context.Context) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return ran(run(cmd.Context())) },
	}
}

// ranError marks the error of a command that did run; all others are about the command line.
type ranError struct{ err error }

func (e *ranError) Error() string { return e.err.Error() }
func (e *ranError) Unwrap() error { return e.err }

func ran(err error) error {
	if err == nil {
		return nil
	}
	return &ranError{err}
}

// completeWith makes a flag complete to given values.
func completeWith(cmd *cobra.Command, flag string, values ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// completeListWith is completeWith for a flag that takes several values, separated by commas.
func completeListWith(cmd *cobra.Command, flag string, values ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		before := typed[:strings.LastIndex(typed, ",")+1]
		lists := make([]string, len(values))
		for i, v := range values {
			lists[i] = before + v
		}
		return lists, cobra.ShellCompDirectiveNoFileComp
	})
}
