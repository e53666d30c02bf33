package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/screen"
	"github.com/go-durable/durable/cmd/durable/internal/text"
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
	client, err := a.open()
	if err != nil {
		return err
	}
	plan := &durable.QueryPlan{}
	bar := a.out.Progress("counting", 0)
	bar.Follow(func() int { return plan.Stats().Scanned })
	counts, err := client.CountInstances(ctx, filter, &durable.QueryOptions{Parallelism: parallelism, Plan: plan})
	bar.End()
	if err != nil {
		return err
	}
	return a.showCounts(counts)
}

func (a *app) showCounts(counts []durable.InstanceCount) error {
	docs := make([]countDocument, len(counts))
	table := &screen.Table{Headers: []string{"NAME", "STATUS", "COUNT"}, Right: map[int]bool{2: true}, Cut: []int{0}, Colour: stateColumn(1)}
	total := 0
	for i, c := range counts {
		docs[i] = countDocument{c.Name, c.Status, c.Count}
		table.Add(c.Name, string(c.Status), text.Number(c.Count))
		total += c.Count
	}
	return a.out.Emit(docs, func() error {
		if len(counts) > 1 {
			table.Add("total", "", text.Number(total))
		}
		return a.out.Table(table, "No instances.")
	})
}

// stateColumn colours a column of states.
func stateColumn(n int) func(int, string) screen.Colour {
	return func(column int, cell string) screen.Colour {
		if column == n {
			return statusColour(durable.RuntimeStatus(cell))
		}
		return ""
	}
}
