package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/screen"
	"github.com/go-durable/durable/cmd/durable/internal/text"
)

type waitFlags struct {
	filterFlags
	ids             []string
	all, drained    bool
	timeout, poll   durationFlag
	missing, output bool
}

func (a *app) waitCommand() *cobra.Command {
	f := &waitFlags{}
	cmd := command("wait", "Wait until instances have ended, or the hub is idle", `  durable wait --id order-17 --timeout 10m && echo paid
  durable wait --id-prefix batch-7- --timeout 2h
  durable wait --drained`,
		func(ctx context.Context) error { return a.wait(ctx, f) })
	cmd.Long = `Wait for instances (--id, which may be repeated), for all that match, for all there are (--all), or until the hub is drained: no
instance open and no message in a queue.

Exit codes: 0 if all ended as Completed, 1 if all of them ended otherwise, 6 if some did, 3 if one does not exist, 5 if the
time is over. A hub that is drained is always 0.`
	a.lastingFlags(cmd, &f.filterFlags)
	flags := cmd.Flags()
	flags.StringArrayVar(&f.ids, flagID, nil, "`ID` of an instance, which can also be an argument; may be repeated")
	cmd.Use += " [ID]..."
	cmd.Args = func(_ *cobra.Command, args []string) error {
		for _, id := range args {
			if err := flags.Set(flagID, id); err != nil {
				return err
			}
		}
		return nil
	}
	flags.BoolVar(&f.all, "all", false, "wait for all instances of the hub")
	flags.BoolVar(&f.drained, "drained", false, "wait until the hub has nothing left to do")
	flags.Var(&f.timeout, "timeout", "how long to wait (`duration`: 90s, 10m, 1d; default for ever)")
	flags.Var(&f.poll, "poll-interval", "longest pause between two looks (`duration`; default 1s, for many instances 5s)")
	flags.BoolVar(&f.missing, "allow-missing", false, "with --id: wait also for an instance that does not exist yet")
	flags.BoolVar(&f.output, "show-output", false, "with --id: show the outputs")
	cmd.MarkFlagsMutuallyExclusive(flagID, "all", "drained")
	for _, name := range []string{"created-after", "created-before", "function-name", "id-prefix", "tag"} {
		for _, other := range []string{flagID, "all", "drained"} {
			cmd.MarkFlagsMutuallyExclusive(other, name)
		}
	}
	return cmd
}

func (a *app) wait(ctx context.Context, f *waitFlags) error {
	filter, err := f.filter()
	if err != nil {
		return err
	}
	filtered := !f.after.t.IsZero() || !f.before.t.IsZero() || f.prefix != "" || len(f.names)+len(f.tags) > 0
	if len(f.ids) == 0 && !f.all && !f.drained && !filtered {
		return usageError("say what to wait for: --id, a filter, --all or --drained")
	}
	client, err := a.open()
	if err != nil {
		return err
	}
	if f.timeout.d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.timeout.d)
		defer cancel()
	}
	if len(f.ids) > 0 {
		return a.waitForIDs(ctx, client, f)
	}
	if f.drained {
		filter = nil
	}
	return a.waitForMatching(ctx, client, filter, f)
}

// waitForIDs waits for instances by name, all at once.
func (a *app) waitForIDs(ctx context.Context, client *durable.OrchestrationClient, f *waitFlags) error {
	opts := &durable.WaitOptions{PollInterval: f.poll.d, AllowMissing: f.missing}
	list, errs := make([]*durable.OrchestrationStatus, len(f.ids)), make([]error, len(f.ids))
	bar := a.out.Progress("waiting", len(f.ids))
	bar.Set(0)
	var wg sync.WaitGroup
	var mu sync.Mutex
	ended := 0
	for i, id := range f.ids {
		wg.Go(func() {
			list[i], errs[i] = client.WaitForCompletion(ctx, id, opts)
			mu.Lock()
			defer mu.Unlock()
			ended++
			bar.Set(ended)
		})
	}
	wg.Wait()
	bar.End()
	for _, s := range list {
		if s != nil && !f.output {
			s.Input, s.Output = nil, nil
		}
	}
	if err := a.showWaited(f, list); err != nil {
		return err
	}
	if err := errors.Join(errs...); err != nil {
		return a.waitError(ctx, err)
	}
	counts := make(map[durable.RuntimeStatus]int)
	for _, s := range list {
		counts[s.RuntimeStatus]++
	}
	return verdict(counts)
}

func (a *app) showWaited(f *waitFlags, list []*durable.OrchestrationStatus) error {
	found := []*durable.OrchestrationStatus{}
	for _, s := range list {
		if s != nil {
			found = append(found, s)
		}
	}
	if len(f.ids) == 1 {
		if len(found) == 0 {
			return nil
		}
		return a.out.Emit(found[0], func() error { return a.showStatus(found[0]) })
	}
	return a.out.Emit(found, func() error { return a.showList(found) })
}

func (a *app) waitForMatching(
	ctx context.Context, client *durable.OrchestrationClient, filter *durable.InstanceFilter, f *waitFlags,
) error {
	var bar *screen.Progress
	first := 0
	counts, err := client.WaitForInstances(ctx, filter, &durable.WaitInstancesOptions{
		PollInterval: f.poll.d, Drained: f.drained,
		OnProgress: func(open, messages int) {
			left := open + messages
			if bar == nil && left > 0 {
				first = left
				bar = a.out.Progress("waiting", first)
			}
			if bar != nil {
				bar.Set(max(first-left, 0))
			}
		},
	})
	if bar != nil {
		bar.End()
	}
	if err != nil {
		return a.waitError(ctx, err)
	}
	if err := a.showCounts(counts); err != nil || f.drained {
		return err
	}
	states := make(map[durable.RuntimeStatus]int)
	for _, c := range counts {
		states[c.Status] += c.Count
	}
	return verdict(states)
}

// waitError says that the time is over, if that is what happened.
func (a *app) waitError(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, durable.ErrInstanceNotFound), errors.Is(err, durable.ErrTaskHubNotFound):
		return &exitError{codeNotFound, err}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &exitError{codeTimeout, fmt.Errorf("the time is over: %w", err)}
	case stopped(err):
		return coded(codeFailed, "interrupted; the instances go on, and the same command waits for them again")
	}
	return err
}

// verdict is the outcome of a wait: nil if all instances have completed.
func verdict(counts map[durable.RuntimeStatus]int) error {
	total := 0
	for _, n := range counts {
		total += n
	}
	completed := counts[durable.RuntimeStatusCompleted]
	switch {
	case completed == total:
		return nil
	case completed > 0:
		return coded(codePartial, "of %s only %s completed: %s", text.Count(total, "instance"), text.Number(completed), stateCounts(counts))
	}
	return coded(codeFailed, "ended, but not as Completed: %s", stateCounts(counts))
}

// pause waits, unless the context ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
