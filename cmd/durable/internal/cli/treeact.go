package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/text"
	"github.com/go-durable/durable/operate"
)

// treeFlags are the flags of a command that acts on an instance and, by --tree, on all below it.
type treeFlags struct {
	treeLimits
	on, detached bool
}

const (
	flagTree = "tree"
	withTree = "with --" + flagTree + ": "
)

// treeHelp is what the help of such a command says of it.
const treeHelp = `With --tree it is about the instance and all its sub-orchestrations, and theirs: it shows which, in their order, and asks.
What there is nothing to do to is left alone. If only a part could be done that is exit code 6, and a repeat does the rest.`

// add adds the flags. Only are other flags of the command that mean something with --tree alone.
func (f *treeFlags) add(cmd *cobra.Command, only ...string) {
	flags := cmd.Flags()
	flags.BoolVar(&f.on, flagTree, false, "the instance with all its sub-orchestrations, and theirs; it shows them and asks first")
	flags.BoolVar(&f.detached, "include-detached", false, withTree+"also sub-orchestrations for which nobody waits")
	f.treeLimits.add(cmd, withTree)
	for _, name := range only {
		flags.Lookup(name).Usage = withTree + flags.Lookup(name).Usage
	}
	only = append(append(only, "include-detached"), limitFlags...)
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if f.on {
			return f.check()
		}
		for _, name := range only {
			if cmd.Flags().Changed(name) {
				return fmt.Errorf("--%s goes with --%s", name, flagTree)
			}
		}
		return nil
	}
}

func (f *treeFlags) options() *operate.TreeActionOptions {
	return &operate.TreeActionOptions{Tree: f.treeLimits.options(), IncludeDetached: f.detached}
}

// treeAct is something that package operate does to a tree.
type treeAct func(context.Context, *durable.OrchestrationClient, *operate.TreeActionOptions) (*operate.TreeResult, error)

// actOnTree plans what to do to a tree, asks, and does it.
func (a *app) actOnTree(ctx context.Context, f *changeFlags, opts *operate.TreeActionOptions, act treeAct) error {
	if err := a.askable(f); err != nil {
		return err
	}
	client, err := a.openToWrite()
	if err != nil {
		return err
	}
	if !f.yes {
		opts.DryRun = true
		plan, err := act(ctx, client, opts)
		switch {
		case stopped(err):
			return coded(codeFailed, "interrupted; nothing was changed")
		case err != nil:
			return tooLarge(plan, err)
		}
		if toDo(plan) == 0 && !f.dryRun {
			return a.treeDone(ctx, plan, nil)
		}
		if err := a.plan(f, plan, planOfTree(plan)); err != nil || f.dryRun {
			return err
		}
		verb := string(plan.Action)
		question := strings.ToUpper(verb[:1]) + verb[1:] + " " + text.Count(toDo(plan), "instance") + "?"
		if err := a.confirm(ctx, f, question); err != nil {
			return err
		}
		opts.DryRun, opts.Plan = false, plan // what was said yes to
	}
	result, err := act(ctx, client, opts)
	if result == nil || result.Done+result.Failed == 0 && err != nil {
		return tooLarge(result, err)
	}
	return a.treeDone(ctx, result, err)
}

// tooLarge says what to do about a tree that does not fit the limits: of nothing else there is neither plan nor state.
func tooLarge(plan *operate.TreeResult, err error) error {
	if plan == nil && errors.Is(err, durable.ErrInvalidState) {
		return fmt.Errorf("%w; --%s raise them", err, strings.Join(limitFlags, ", --"))
	}
	return err
}

func toDo(r *operate.TreeResult) int { return len(r.Steps) - r.Skipped }

// participles are what has become of an instance by an action.
var participles = map[operate.TreeAction]string{
	operate.ActionTerminate: "terminated", operate.ActionSuspend: "suspended", operate.ActionResume: "resumed",
	operate.ActionPurge: "purged",
}

// planOfTree lists what would be done, in its order.
func planOfTree(r *operate.TreeResult) string {
	if toDo(r) == 0 {
		return nothingToDo(r)
	}
	order := "parents before children"
	if r.Action == operate.ActionPurge || r.Action == operate.ActionResume {
		order = "children before parents"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "To be %s, %s:\n", participles[r.Action], order)
	turn, wave := 0, -1
	for _, s := range r.Steps {
		mark, tail := "-", ""
		if s.Skipped == "" {
			if s.Wave != wave {
				turn, wave = turn+1, s.Wave
			}
			mark = strconv.Itoa(turn)
		}
		if s.ParentID != "" {
			tail = ", called by " + s.ParentID
		}
		if s.Skipped != "" {
			tail += ": left alone, it " + s.Skipped
		}
		fmt.Fprintf(&b, "  %2s  %s%s%s\n", mark, titleOf(s.InstanceID, s.Name), stateOf(s), tail)
	}
	fmt.Fprintf(&b, "%s of %s", text.Number(toDo(r)), text.Count(len(r.Steps), "instance"))
	return b.String()
}

func nothingToDo(r *operate.TreeResult) string {
	return fmt.Sprintf("None of %s is to be %s.\n%s", text.Count(len(r.Steps), "instance"), participles[r.Action], stepLines(r))
}

func stateOf(s *operate.TreeStep) string {
	if s.RuntimeStatus == "" {
		return ""
	}
	return ", " + string(s.RuntimeStatus)
}

// stepLines say what was done to each instance.
func stepLines(r *operate.TreeResult) string {
	done := "asked"
	if r.Action == operate.ActionPurge {
		done = "purged"
	}
	var b strings.Builder
	for _, s := range r.Steps {
		mark, why := "not tried", ""
		switch {
		case s.Done:
			mark = done
		case s.Err != nil:
			mark, why = "failed", ": "+strings.TrimPrefix(s.Error, "durable: ")
		case s.Skipped != "":
			mark, why = "left alone", ": it "+s.Skipped
		}
		fmt.Fprintf(&b, "  %-10s  %s%s\n", mark, titleOf(s.InstanceID, s.Name), why)
	}
	return b.String()
}

// treeDone says what was done to a tree, also if not all was.
func (a *app) treeDone(ctx context.Context, r *operate.TreeResult, err error) error {
	said := a.out.Report(r, "%s", strings.TrimRight(resultOfTree(r), "\n"))
	what := text.Count(r.Failed, "instance") + " could not be " + participles[r.Action]
	switch {
	case err == nil:
		return said
	case ctx.Err() != nil:
		return coded(codePartial, "interrupted; the same command does the rest")
	case r.Done > 0:
		return coded(codePartial, "%s, the same command tries again: %w", what, firstError(r))
	}
	return fmt.Errorf("%s: %w", what, firstError(r))
}

func resultOfTree(r *operate.TreeResult) string {
	if r.Done+r.Failed == 0 {
		return nothingToDo(r)
	}
	of := text.Number(r.Done) + " of " + text.Count(len(r.Steps), "instance")
	if r.Action == operate.ActionPurge {
		return "Purged " + of + ":\n" + stepLines(r)
	}
	return "Asked " + of + " to " + string(r.Action) + ":\n" + stepLines(r)
}

func firstError(r *operate.TreeResult) error {
	for _, s := range r.Steps {
		if s.Err != nil {
			return s.Err
		}
	}
	return nil
}
