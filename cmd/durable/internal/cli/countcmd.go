package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
)

// countDocument is a line of a count for programs.
type countDocument struct {
	Name   string                `json:"name"`
	Status durable.RuntimeStatus `json:"runtimeStatus"`
	Count  int                   `json:"count"`
}

func (a *app) countCommand() *cobra.Command {
	f := &filterFlags{}
	var parallelism int
	cmd := command("count", "Count instances by orchestrator and state", `  durable count --created-after 24h
  durable count --runtime-status failed --output json`,
		func(ctx context.Context) error { return a.count(ctx, f, parallelism) })
	a.filterFlags(cmd, f)
	cmd.Flags().IntVar(&parallelism, "parallelism", 1, "how many `parts` of the hub are read at once, 1 to 64")
	return cmd
}

func (a *app) count(ctx context.Context, f *filterFlags, parallelism int) error {
	filter, err := f.filter()
	if err != nil {
		return err
	}
	if parallelism < 1 {
		return usageError("--parallelism is 1 or more")
	}
	client, err := a.reader(ctx)
	if err != nil {
		return err
	}
	plan := &durable.QueryPlan{}
	bar := a.progress("counting", 0)
	follow(bar, func() int { return plan.Stats().Scanned })
	counts, err := client.CountInstances(ctx, filter, &durable.QueryOptions{Parallelism: parallelism, Plan: plan})
	bar.end()
	if err != nil {
		return err
	}
	return a.showCounts(counts)
}

// follow keeps looking how far something is until the progress has ended.
func follow(p *progress, done func() int) {
	p.stop = make(chan struct{})
	p.followed.Go(func() {
		tick := time.NewTicker(followEvery)
		defer tick.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-tick.C:
				p.set(done())
			}
		}
	})
}

const followEvery = 200 * time.Millisecond

func (a *app) showCounts(counts []durable.InstanceCount) error {
	docs := make([]countDocument, len(counts))
	g := &grid{headers: []string{"NAME", "STATUS", "COUNT"}, right: map[int]bool{2: true}, cut: []int{0}, colour: stateColumn(1)}
	total := 0
	for i, c := range counts {
		docs[i] = countDocument{c.Name, c.Status, c.Count}
		g.add(c.Name, string(c.Status), number(c.Count))
		total += c.Count
	}
	return a.emit(docs, func() error {
		if len(counts) > 1 {
			g.add("total", "", number(total))
		}
		return a.show(g, "No instances.")
	})
}

// stateColumn colours a column of states.
func stateColumn(n int) func(int, string) string {
	return func(column int, cell string) string {
		if column == n {
			return statusColour(durable.RuntimeStatus(cell))
		}
		return ""
	}
}
