package cli

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/screen"
	"github.com/go-durable/durable/cmd/durable/internal/text"
)

type listFlags struct {
	filterFlags
	top           int
	token         string
	all           bool
	input, output bool
}

func (a *app) listCommand() *cobra.Command {
	f := &listFlags{}
	cmd := command("get-instances", "List instances", `  durable get-instances --created-after 2018-03-10T13:57:31Z --created-before 2018-03-10T23:59Z --top 15
  durable list --runtime-status failed --created-after 7d --all --output jsonl | jq -r .instanceId`,
		func(ctx context.Context) error { return a.list(ctx, f) })
	cmd.Aliases = []string{"list"}
	cmd.Long = `List instances, in the order of their IDs. JSON is the document of GET /instances of the HTTP API. If there are more than
--top, the token for the next ones is written to standard error.`
	a.filterFlags(cmd, &f.filterFlags)
	flags := cmd.Flags()
	flags.IntVar(&f.top, "top", defaultTop, "list at most this `number` of instances")
	flags.StringVar(&f.token, "continuation-token", "", "`token` of the instances before, to go on behind them")
	flags.BoolVar(&f.all, "all", false, "list all, however many they are")
	flags.BoolVar(&f.input, "show-input", true, "inputs in the document; tables have none")
	flags.BoolVar(&f.output, "show-output", true, "outputs in the document; tables have none")
	cmd.MarkFlagsMutuallyExclusive("all", "top")
	return cmd
}

const (
	defaultTop = 10
	maxPage    = 1000
	// endToken is what Core Tools print at the end of a list: null in Base64.
	endToken = "bnVsbA=="
)

func (a *app) list(ctx context.Context, f *listFlags) error {
	filter, err := f.filter()
	if err != nil {
		return err
	}
	if f.top < 1 {
		return usageError("--top is 1 or more; --all lists all")
	}
	if f.token == endToken {
		f.token = ""
	}
	format := a.out.DataFormat()
	table := format == screen.FormatTable
	filter.OmitInput, filter.OmitOutput = table || !f.input, table || !f.output
	client, err := a.open()
	if err != nil {
		return err
	}
	if f.all && format == screen.FormatJSONL {
		return a.stream(ctx, client, filter)
	}
	list, token, err := collect(ctx, client, filter, f)
	if err != nil {
		return err
	}
	if err := a.out.Emit(list, func() error { return a.showList(list) }); err != nil {
		return err
	}
	if token != "" {
		a.out.Say("Continuation token for next set of results: '%s'", text.Printable(token))
	}
	return nil
}

// stream lists all instances one by one, so that memory does not grow with their number.
func (a *app) stream(ctx context.Context, client *durable.OrchestrationClient, filter *durable.InstanceFilter) error {
	for s, err := range client.QueryInstances(ctx, filter, nil) {
		if err != nil {
			return err
		}
		if err := a.out.WriteAs(screen.FormatJSONL, s); err != nil {
			return err
		}
	}
	return nil
}

// collect reads pages until there are enough instances.
func collect(
	ctx context.Context, client *durable.OrchestrationClient, filter *durable.InstanceFilter, f *listFlags,
) (list []*durable.OrchestrationStatus, token string, err error) {
	list, token = []*durable.OrchestrationStatus{}, f.token
	for {
		size := maxPage
		if !f.all {
			size = min(size, f.top-len(list))
		}
		page, err := client.QueryInstancesPage(ctx, filter, &durable.PageOptions{Size: size, ContinuationToken: token})
		if err != nil {
			return nil, "", err
		}
		list, token = append(list, page.Instances...), page.ContinuationToken
		if token == "" || !f.all && len(list) >= f.top {
			return list, token, nil
		}
	}
}

func (a *app) showList(list []*durable.OrchestrationStatus) error {
	table := &screen.Table{
		Headers: []string{"INSTANCE", "STATUS", "CREATED", "UPDATED", "NAME"}, Optional: []int{3}, Cut: []int{4, 0},
		Colour: stateColumn(1),
	}
	for _, s := range list {
		table.Add(s.InstanceID, string(s.RuntimeStatus), text.Stamp(s.CreatedTime), text.Stamp(s.LastUpdatedTime), s.Name)
	}
	return a.out.Table(table, "No instances.")
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
