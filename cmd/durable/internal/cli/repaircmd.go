package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/screen"
	"github.com/go-durable/durable/cmd/durable/internal/text"
	"github.com/go-durable/durable/operate"
)

// maxShown bounds what is shown before a question.
const maxShown = 50

// errEnough ends a check-up that has found as much as one run takes on.
var errEnough = errors.New("enough")

// repairs are the repairs of one run.
type repairs struct {
	a      *app
	f      *doctorFlags
	client *durable.OrchestrationClient
	list   *screen.List
	record *recordFile
	bar    *screen.Progress
	// apply says that it is not about a plan.
	apply bool

	counts map[string]int
	// err is the first failure.
	err error

	mu sync.Mutex
	// gone is why nothing more is tried.
	gone error
}

// What can come of a repair. A failure is an outcome here, and so is that messages were in the way.
const (
	repairPlanned   = string(operate.OutcomePlanned)
	repairDone      = string(operate.OutcomeDone)
	repairBlocked   = string(operate.OutcomeBlocked)
	repairNotNeeded = string(operate.OutcomeNotNeeded)
	repairPutOff    = "put-off"
	repairFailed    = "failed"
)

// repairResult is what came of a repair.
type repairResult struct {
	Finding  operate.Finding `json:"finding"`
	Outcome  string          `json:"outcome"`
	Actions  []string        `json:"actions"`
	Undoable bool            `json:"undoable"`
	Error    string          `json:"error,omitempty"`

	err error
	// lost says that there is no record of what was done.
	lost error
}

func (a *app) repair(ctx context.Context, f *doctorFlags) (err error) {
	client, err := a.openToWrite()
	if err != nil {
		return err
	}
	r := &repairs{a: a, f: f, client: client, list: a.out.ListDone(), counts: map[string]int{}}
	if !f.dryRun {
		if r.record, err = a.openRecord(f.record, client.TaskHub()); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.record.close()) }()
	}
	c := &checkup{a: a, f: f}
	findings, more, err := c.collect(ctx, client)
	if err != nil || len(findings) == 0 {
		return errors.Join(r.list.End(), c.verdict(ctx, client, err))
	}
	if more {
		a.out.Say("There are more findings than the %s that one run takes on (--limit).", text.Number(f.limit))
	} else {
		c.sayChecked()
		c.sayUndecided()
	}
	if f.dryRun {
		err = r.dryRun(ctx, findings)
	} else {
		err = r.ask(ctx, findings)
	}
	switch {
	case stopped(err):
		return coded(codePartial, "interrupted; nothing was changed")
	case errors.Is(err, errOutage):
		return fmt.Errorf("nothing was changed: %w", err)
	}
	if err != nil || f.dryRun {
		return err
	}
	return r.all(ctx, findings, more)
}

// collect returns as many findings as one run takes on, and whether there are more.
func (c *checkup) collect(ctx context.Context, client *durable.OrchestrationClient) (findings []operate.Finding, more bool, err error) {
	err = c.run(ctx, client, func(found *operate.Finding) error {
		if len(findings) == c.f.limit {
			return errEnough
		}
		findings = append(findings, *found)
		return nil
	})
	if errors.Is(err, errEnough) {
		return findings, true, nil
	}
	return findings, false, err
}

// dryRun shows what would be done about each finding.
func (r *repairs) dryRun(ctx context.Context, findings []operate.Finding) error {
	bar, n := r.a.out.Progress("planning", len(findings)), 0
	err := r.round(ctx, findings, func(res *repairResult) error {
		n++
		bar.Set(n)
		return r.list.Add(bar, res, func() error { return r.a.out.PrintText(res.planText()) })
	})
	bar.End()
	if err = errors.Join(err, r.list.End()); err != nil {
		return err
	}
	return coded(codePartial, "%s", text.Count(len(findings), "finding"))
}

// ask shows what would be done about the first findings, and asks whether to do it to all.
func (r *repairs) ask(ctx context.Context, findings []operate.Finding) error {
	if r.f.yes {
		return nil
	}
	shown := findings[:min(len(findings), maxShown)]
	planned := len(findings) - len(shown)
	plan := []string{"To be repaired:"}
	err := r.round(ctx, shown, func(res *repairResult) error {
		if res.Outcome == repairPlanned {
			planned++
		}
		plan = append(plan, res.planText())
		return nil
	})
	if err != nil {
		return err
	}
	if more := len(findings) - len(shown); more > 0 {
		plan = append(plan, fmt.Sprintf("and %s more; --dry-run shows all.", text.Number(more)))
	}
	if err := r.a.plan(&r.f.changeFlags, nil, strings.Join(plan, "\n")); err != nil {
		return err
	}
	if planned == 0 {
		return coded(codePartial, "nothing can be done about %s", text.Count(len(findings), "finding"))
	}
	return r.a.confirm(ctx, &r.f.changeFlags, fmt.Sprintf("Repair %s?", text.Count(planned, "finding")))
}

// all repairs the findings. Those that are put off are tried again for as long as others are repaired meanwhile.
func (r *repairs) all(ctx context.Context, findings []operate.Finding, more bool) error {
	r.apply, r.bar = true, r.a.out.Progress("repairing", len(findings))
	var putOff []repairResult
	err := r.pass(ctx, findings, &putOff)
	for done := 0; err == nil && len(putOff) > 0 && r.counts[repairDone] > done; {
		done = r.counts[repairDone]
		_ = r.bar.Above(func() error {
			r.a.out.Say("%s put off, since other messages are in the queues; again in %s", text.Number(len(putOff)), text.Duration(r.f.interval.d))
			return nil
		})
		if err = pause(ctx, r.f.interval.d); err != nil {
			break
		}
		todo := make([]operate.Finding, len(putOff))
		for i := range putOff {
			todo[i] = putOff[i].Finding
		}
		putOff = nil
		err = r.pass(ctx, todo, &putOff)
	}
	for i := range putOff {
		err = errors.Join(err, r.show(&putOff[i]))
	}
	r.bar.End()
	return errors.Join(r.list.End(), r.finish(ctx, err, len(findings), more))
}

// pass repairs findings and shows what came of it, but for those that are put off.
func (r *repairs) pass(ctx context.Context, findings []operate.Finding, putOff *[]repairResult) error {
	return r.round(ctx, findings, func(res *repairResult) error {
		if res.Outcome == repairPutOff {
			*putOff = append(*putOff, *res)
			return nil
		}
		return r.show(res)
	})
}

// round looks at each finding, or repairs it, some instances at a time. It ends when a record is lost, and when the hub is
// out of reach.
func (r *repairs) round(ctx context.Context, findings []operate.Finding, each func(*repairResult) error) error {
	going, stop := context.WithCancel(ctx)
	defer stop()
	for _, batch := range batches(findings, r.f.concurrency) {
		results := make([][]repairResult, len(batch))
		var wg sync.WaitGroup
		for i, group := range batch {
			wg.Go(func() { results[i] = r.oneByOne(going, stop, group) })
		}
		wg.Wait()
		var lost []error
		for _, res := range slices.Concat(results...) {
			lost = append(lost, res.lost)
			if err := each(&res); err != nil {
				return err
			}
		}
		if err := errors.Join(append(lost, r.gone)...); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// batches are findings that can be dealt with at once, in groups of what is about the same instance. What is about the hub
// comes first, one after the other: it changes what holds for instances.
func batches(findings []operate.Finding, size int) [][][]operate.Finding {
	var hub []operate.Finding
	var groups [][]operate.Finding
	of := map[string]int{}
	for _, f := range findings {
		i, known := of[f.InstanceID]
		switch {
		case f.InstanceID == "" || f.Queue != "":
			hub = append(hub, f)
		case known:
			groups[i] = append(groups[i], f)
		default:
			of[f.InstanceID] = len(groups)
			groups = append(groups, []operate.Finding{f})
		}
	}
	all := slices.Collect(slices.Chunk(groups, size))
	if len(hub) > 0 {
		all = append([][][]operate.Finding{{hub}}, all...)
	}
	return all
}

func (r *repairs) oneByOne(ctx context.Context, stop func(), findings []operate.Finding) []repairResult {
	var results []repairResult
	for _, f := range findings {
		if ctx.Err() != nil {
			break
		}
		res := r.one(ctx, f)
		if res.lost != nil || r.isGone(ctx, res.err) {
			stop()
		}
		results = append(results, res)
	}
	return results
}

// isGone reports whether a failure shows that there is no point in going on.
func (r *repairs) isGone(ctx context.Context, err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone == nil {
		r.gone = outage(ctx, r.client, err)
	}
	return r.gone != nil
}

// one looks at a finding, or repairs it. What has begun is not interrupted, so that its record is whole.
func (r *repairs) one(ctx context.Context, f operate.Finding) repairResult {
	record, err := operate.Repair(context.WithoutCancel(ctx), r.client, f, &operate.RepairOptions{
		Apply: r.apply, Reason: r.f.reason, Grace: r.f.grace.d, PayloadGrace: r.f.payloadGrace.d, IdleTime: r.f.idle.d,
		MaxDequeueCount: r.f.maxDequeue, PurgeHistory: r.f.purgeHistory, PartitionCount: r.f.partitions, Force: r.f.force,
	})
	res := repairResult{Finding: f, Outcome: repairFailed, Actions: []string{}, err: err}
	if err != nil {
		res.Error = strings.TrimPrefix(err.Error(), "durable: ")
	}
	if record == nil {
		return res
	}
	res.Actions, res.Undoable = record.Actions, record.Undoable
	switch {
	case err != nil:
	case record.Outcome == operate.OutcomeNotNeeded && len(record.Actions) > 0:
		res.Outcome = repairPutOff
	default:
		res.Outcome = string(record.Outcome)
	}
	if r.apply && (err != nil || record.Outcome == operate.OutcomeDone) {
		res.lost = r.record.add(record)
	}
	return res
}
