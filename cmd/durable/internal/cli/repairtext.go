package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/go-durable/durable/cmd/durable/internal/text"
)

// planText says what would be done about a finding.
func (res *repairResult) planText() string {
	b := findingBlock(&res.Finding)
	switch {
	case res.err != nil:
		return b.Add("cannot", res.Error).String()
	case res.Outcome == repairNotNeeded:
		return b.Add("repair", "not needed any more").String()
	}
	return b.Add("repair", res.Actions...).String()
}

// show counts a result and shows it.
func (r *repairs) show(res *repairResult) error {
	r.counts[res.Outcome]++
	if res.err != nil && r.err == nil {
		r.err = res.err
	}
	n := 0
	for _, c := range r.counts {
		n += c
	}
	r.bar.Set(n)
	return r.list.Add(r.bar, res, func() error {
		why := res.Error
		if res.Outcome != repairDone && res.err == nil {
			why = strings.Join(res.Actions, "; ")
		}
		line := resultLine(why, res.Outcome, string(res.Finding.Kind), subject(&res.Finding), res.Finding.MessageID)
		return r.a.out.PrintText(line)
	})
}

// finish says what was done, and returns what was not.
func (r *repairs) finish(ctx context.Context, err error, findings int, more bool) error {
	var parts []string
	for _, outcome := range []string{repairDone, repairNotNeeded, repairPutOff, repairBlocked, repairFailed} {
		if n := r.counts[outcome]; n > 0 {
			parts = append(parts, text.Number(n)+" "+outcome)
		}
	}
	if len(parts) > 0 {
		r.a.out.Say("Repairs: %s.", strings.Join(parts, ", "))
	}
	if r.record.written > 0 {
		r.a.out.Say("The records are in %s.", r.record.name)
		r.a.out.SayCommand("To take back what can be taken back", r.a.commandLine("undo", "--record", r.record.name))
	}
	tried := 0
	for _, n := range r.counts {
		tried += n
	}
	left := findings - r.counts[repairDone] - r.counts[repairNotNeeded]
	switch {
	case err != nil && ctx.Err() != nil:
		return coded(codePartial, "interrupted; the same command goes on with %s", text.Count(left, "finding"))
	case errors.Is(err, errOutage):
		return coded(codePartial, "%s left, %s of them not tried; the same command goes on when this is mended: %w",
			isLeft(left), text.Number(findings-tried), err)
	case err != nil:
		return err
	case left > 0 && r.err != nil:
		return coded(codePartial, "%s left; the first failure: %w", isLeft(left), r.err)
	case left > 0:
		return coded(codePartial, "%s left; try again later", isLeft(left))
	case more:
		return coded(codePartial, "there are more findings; the same command goes on with them")
	}
	return nil
}

func isLeft(n int) string {
	if n == 1 {
		return "1 finding is"
	}
	return text.Number(n) + " findings are"
}
