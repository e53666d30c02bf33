package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable/cmd/durable/internal/screen"
	"github.com/go-durable/durable/cmd/durable/internal/text"
)

// changeFlags are the flags of a command that destroys something.
type changeFlags struct{ yes, dryRun bool }

func (f *changeFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "only show what would be done")
	cmd.MarkFlagsMutuallyExclusive("yes", "dry-run")
}

// askable reports whether there is somebody to ask; if nobody can say yes, the command ends before it costs anything.
func (a *app) askable(f *changeFlags) error {
	if f.yes || f.dryRun || screen.IsTerminal(a.stdin) {
		return nil
	}
	return usageError("this is not done without a yes, and there is no terminal to ask at: give --yes to do it, or --dry-run to see what would be done")
}

// plan shows what would be done: as the command's data for a dry run, else beside it.
func (a *app) plan(f *changeFlags, doc any, shown string) error {
	if !f.dryRun {
		a.out.Say("%s", text.Printable(strings.TrimRight(shown, "\n")))
		return nil
	}
	return a.out.Report(doc, "%s", text.Hang(strings.TrimRight(shown, "\n"), a.out.Columns()))
}

// errDeclined is the answer no.
var errDeclined = errors.New("nothing was changed")

// confirm asks whether to go on. It returns errDeclined if not.
func (a *app) confirm(ctx context.Context, f *changeFlags, question string) error {
	if f.yes {
		return nil
	}
	_, _ = fmt.Fprintf(a.out.Stderr, "%s [y/N] ", text.Printable(question))
	line, err := interruptible(ctx, func() (string, error) {
		line, err := bufio.NewReader(a.stdin).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return line, err
	})
	switch answer := strings.ToLower(strings.TrimSpace(line)); {
	case err == nil && (answer == "y" || answer == "yes"):
		return nil
	case err != nil:
		a.out.Say("") // behind the question
	}
	return errDeclined
}

// interruptible reads from standard input until the context ends. Nothing can interrupt the read itself, which then
// outlives the call.
func interruptible[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1)
	go func() {
		v, err := read()
		done <- result{v, err}
	}()
	select {
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	case r := <-done:
		return r.v, r.err
	}
}
