package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/screen"
	"github.com/go-durable/durable/cmd/durable/internal/text"
	"github.com/go-durable/durable/operate"
)

type undoFlags struct {
	changeFlags
	record, id string
	lines      []int
}

func (a *app) undoCommand() *cobra.Command {
	f := &undoFlags{}
	cmd := command("undo", "Take back repairs of doctor, from their records", `  durable undo --record durable-repair-MyHub-20261201T120000Z.jsonl --dry-run
  durable undo --record repairs.jsonl --id order-17
  durable undo --record repairs.jsonl --line 3 --line 4 --yes`,
		func(ctx context.Context) error { return a.undo(ctx, f) })
	cmd.Long = `Take back what 'durable doctor --repair' has done, from the file in which it has kept its records: rows get their columns again,
a row that was made is deleted, a message goes back into its queue. That is done only to what has not changed since. A
message that was sent, or a payload that was deleted, cannot be taken back. It shows what it is about, and asks.

All repairs in the file are taken back, the last one first, or those on some of its lines, or about one instance. That is
noted in the same file, so that the command can be repeated. The exit code is 6 if some could not be taken back, and 4 if
none could.`
	flags := cmd.Flags()
	flags.Var((*namedText)(&f.record), "record", "`file` with the records of the repairs (required)")
	flags.Var((*namedText)(&f.id), flagID, "only repairs about the instance with this `ID`")
	flags.IntSliceVar(&f.lines, "line", nil, "only the repairs on these `lines` of the file, from 1")
	f.changeFlags.add(cmd)
	require(cmd, "record")
	_ = cmd.MarkFlagFilename("record")
	cmd.MarkFlagsMutuallyExclusive(flagID, "line")
	return cmd
}

func (a *app) undo(ctx context.Context, f *undoFlags) error {
	if err := a.askable(&f.changeFlags); err != nil {
		return err
	}
	lines, err := a.readRecords(f.record)
	if err == nil {
		lines, err = f.choose(lines)
	}
	if err != nil {
		return err
	}
	client, err := a.openToWrite()
	if err != nil {
		return err
	}
	todo, stay, err := f.sort(lines, client.TaskHub())
	if err != nil {
		return err
	}
	for _, l := range stay {
		if l.err != nil && len(todo) > 0 {
			a.out.Say("Line %d of %s %s; it is left out.", l.number, f.record, l.stays())
		}
	}
	if !f.yes {
		if err := a.planUndo(f, todo, stay); err != nil || f.dryRun {
			return err
		}
	}
	switch {
	case len(todo) == 0 && len(stay) == 0:
		return coded(codeState, "no repair in %s can be taken back", f.record)
	case len(todo) == 0:
		return coded(codeState, "no repair in %s can be taken back: line %d %s", f.record, stay[0].number, stay[0].stays())
	}
	if err := a.confirm(ctx, &f.changeFlags, fmt.Sprintf("Take back %s?", text.Count(len(todo), "repair"))); err != nil {
		return err
	}
	return a.undoAll(ctx, client, f, todo)
}

// choose returns the lines that are asked for.
func (f *undoFlags) choose(lines []recordLine) ([]recordLine, error) {
	if len(lines) > 0 && !slices.ContainsFunc(lines, func(l recordLine) bool { return l.err == nil }) {
		return nil, usageError("%s holds no records of repairs", f.record)
	}
	if len(f.lines) == 0 && f.id == "" {
		return lines, nil
	}
	chosen := slices.DeleteFunc(slices.Clone(lines), func(l recordLine) bool {
		if f.id != "" {
			return l.finding.InstanceID != f.id
		}
		return !slices.Contains(f.lines, l.number)
	})
	if f.id != "" && len(chosen) == 0 {
		return nil, usageError("no repair of instance %q in %s", f.id, f.record)
	}
	for _, n := range f.lines {
		if !slices.ContainsFunc(chosen, func(l recordLine) bool { return l.number == n }) {
			return nil, usageError("%s has nothing on line %d", f.record, n)
		}
	}
	return chosen, nil
}

// sort returns what can be taken back, the last one first, and what stays.
func (f *undoFlags) sort(lines []recordLine, hub string) (todo, stay []recordLine, err error) {
	for _, l := range slices.Backward(lines) {
		switch {
		case l.err == nil && l.hub != hub:
			return nil, nil, usageError("line %d of %s is about the task hub %s, not %s: --task-hub-name chooses it", l.number, f.record, l.hub, hub)
		case l.outcome == operate.OutcomeUndone:
		case l.stays() != "":
			stay = append(stay, l)
		default:
			todo = append(todo, l)
		}
	}
	return todo, stay, nil
}

// undoPlan is a plan for programs.
type undoPlan struct {
	Repairs []undoResult `json:"repairs"`
	Stay    []undoResult `json:"stay"`
}

// undoResult is what came of taking a repair back, or will.
type undoResult struct {
	Line    int             `json:"line"`
	Finding operate.Finding `json:"finding"`
	Outcome string          `json:"outcome"`
	Error   string          `json:"error,omitempty"`
}

func (a *app) planUndo(f *undoFlags, todo, stay []recordLine) error {
	doc := undoPlan{[]undoResult{}, []undoResult{}}
	for _, l := range todo {
		doc.Repairs = append(doc.Repairs, undoResult{Line: l.number, Finding: l.finding, Outcome: repairPlanned})
	}
	for _, l := range stay {
		doc.Stay = append(doc.Stay, undoResult{Line: l.number, Finding: l.finding, Outcome: string(l.outcome), Error: l.stays()})
	}
	shown := append(f.planText("To be taken back, the last one first:", todo), f.planText("To be left as they are:", stay)...)
	if len(shown) == 0 {
		shown = []string{"There are no repairs in " + f.record + "."}
	}
	return a.plan(&f.changeFlags, doc, strings.Join(shown, "\n"))
}

// planText shows lines of a plan: all of them in a dry run.
func (f *undoFlags) planText(title string, lines []recordLine) []string {
	if len(lines) == 0 {
		return nil
	}
	shown := []string{title}
	for i, l := range lines {
		if i == maxShown && !f.dryRun {
			return append(shown, fmt.Sprintf("and %s more; --dry-run shows all.", text.Number(len(lines)-i)))
		}
		b := text.NewBlock(fmt.Sprintf("line %d", l.number))
		if l.err == nil {
			b = text.NewBlock(fmt.Sprintf("line %d", l.number), string(l.finding.Kind), subject(&l.finding), l.finding.MessageID)
		}
		shown = append(shown, b.Add("was done", l.actions...).Add("stays", l.stays()).String())
	}
	return shown
}

// undoAll takes repairs back and notes that in the file.
func (a *app) undoAll(ctx context.Context, client *durable.OrchestrationClient, f *undoFlags, todo []recordLine) (err error) {
	list := a.out.ListDone()
	file, err := a.openRecord(f.record, client.TaskHub())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.close()) }()
	bar := a.out.Progress("taking back", len(todo))
	done, first, gone := 0, error(nil), error(nil)
	for i := 0; i < len(todo) && ctx.Err() == nil && err == nil && gone == nil; i++ {
		var undoErr error
		undoErr, err = a.undoOne(ctx, client, file, list, bar, &todo[i])
		if undoErr == nil {
			done++
		} else if first == nil {
			first = undoErr
		}
		gone = outage(ctx, client, undoErr)
		bar.Set(i + 1)
	}
	bar.End()
	a.out.Say("Taken back: %s of %s.", text.Number(done), text.Count(len(todo), "repair"))
	err = errors.Join(err, list.End())
	switch left := len(todo) - done; {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return coded(codePartial, "interrupted; the same command goes on")
	case gone != nil:
		return leftBehind(left, "repair", done, gone)
	case left > 0 && done > 0:
		return coded(codePartial, "%s could not be taken back: %w", text.Count(left, "repair"), first)
	}
	return first
}

// undoOne takes a repair back. What has begun is not interrupted.
func (a *app) undoOne(
	ctx context.Context, client *durable.OrchestrationClient, file *recordFile, list *screen.List, bar *screen.Progress, l *recordLine,
) (undoErr, err error) {
	res := undoResult{Line: l.number, Finding: l.finding, Outcome: string(operate.OutcomeUndone)}
	record, undoErr := l.read(file.file)
	if undoErr == nil {
		record, undoErr = operate.Undo(context.WithoutCancel(ctx), client, record)
	}
	if undoErr != nil {
		res.Outcome, res.Error = repairFailed, strings.TrimPrefix(undoErr.Error(), "durable: ")
	} else {
		err = file.add(record)
	}
	return undoErr, errors.Join(err, list.Add(bar, &res, func() error {
		line := resultLine(res.Error, res.Outcome, fmt.Sprintf("line %d", res.Line), string(res.Finding.Kind), subject(&res.Finding),
			res.Finding.MessageID)
		return a.out.PrintText(line)
	}))
}
