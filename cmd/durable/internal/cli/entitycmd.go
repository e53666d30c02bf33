package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/screen"
	"github.com/go-durable/durable/cmd/durable/internal/text"
)

func (a *app) entityCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "entity", Short: "List, read, signal and clean entities", Example: "  durable entity list --name Counter", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.entityListCommand(), a.entityGetCommand(), a.entitySignalCommand(), a.entityCleanCommand())
	return cmd
}

type entityFlags struct {
	name, key       string
	deleted         bool
	after, before   timeFlag
	top             int
	token           string
	operation, data string
	in              durationFlag
}

// identify adds the flags that name one entity.
func (f *entityFlags) identify(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.name, "name", "", "`name` of the entity (required)")
	cmd.Flags().StringVar(&f.key, "key", "", "`key` of the entity (required)")
	require(cmd, "name")
	require(cmd, "key")
}

func (f *entityFlags) id() durable.EntityID { return durable.EntityID{Name: f.name, Key: f.key} }

func (a *app) entityListCommand() *cobra.Command {
	f := &entityFlags{after: timeFlag{now: a.now}, before: timeFlag{now: a.now}}
	var all, state bool
	cmd := command("list", "List entities", `  durable entity list --name Counter --show-state`,
		func(ctx context.Context) error { return a.entityList(ctx, f, all, state) })
	cmd.Long = `List entities, in the order of their names and keys. JSON is the document of GET /entities of the HTTP API.`
	flags := cmd.Flags()
	flags.Var((*namedText)(&f.name), "name", "only entities of this `name`")
	flags.BoolVar(&f.deleted, "include-deleted", false, "also entities without a state")
	flags.Var(&f.after, "used-after", "only entities used at or after this `time`")
	flags.Var(&f.before, "used-before", "only entities used at or before this `time`")
	flags.IntVar(&f.top, "top", defaultTop, "list at most this `number` of entities")
	flags.StringVar(&f.token, "continuation-token", "", "`token` of the entities before, to go on behind them")
	flags.BoolVar(&all, "all", false, "list all, however many they are")
	flags.BoolVar(&state, "show-state", false, "show the states")
	cmd.MarkFlagsMutuallyExclusive("all", "top")
	return cmd
}

func (a *app) entityList(ctx context.Context, f *entityFlags, all, state bool) error {
	if f.top < 1 {
		return usageError("--top is 1 or more; --all lists all")
	}
	client, err := a.open()
	if err != nil {
		return err
	}
	filter := &durable.EntityFilter{
		Name: f.name, IncludeDeleted: f.deleted, OmitState: !state, LastOperationFrom: f.after.t, LastOperationTo: f.before.t,
	}
	list, token := []*durable.EntityStatus{}, f.token
	for {
		size := maxPage
		if !all {
			size = min(size, f.top-len(list))
		}
		page, err := client.QueryEntitiesPage(ctx, filter, &durable.PageOptions{Size: size, ContinuationToken: token})
		if err != nil {
			return err
		}
		list, token = append(list, page.Entities...), page.ContinuationToken
		if token == "" || !all && len(list) >= f.top {
			break
		}
	}
	if err := a.out.Emit(list, func() error { return a.showEntities(list, state) }); err != nil {
		return err
	}
	if token != "" {
		a.out.Say("Continuation token for next set of results: '%s'", text.Printable(token))
	}
	return nil
}

func (a *app) showEntities(list []*durable.EntityStatus, state bool) error {
	table := &screen.Table{Headers: []string{"NAME", "KEY", "LAST USED", "QUEUED", "LOCKED BY"}, Right: map[int]bool{3: true}, Cut: []int{4, 1, 0}}
	if state {
		table.Headers, table.Cut = append(table.Headers, "STATE"), append([]int{5}, table.Cut...)
	}
	for _, e := range list {
		cells := []string{e.ID.Name, e.ID.Key, text.Stamp(e.LastOperationTime), strconv.Itoa(e.QueueSize), e.LockedBy}
		if state {
			cells = append(cells, text.CompactJSON(e.State))
		}
		table.Add(cells...)
	}
	return a.out.Table(table, "No entities.")
}

func (a *app) entityGetCommand() *cobra.Command {
	f := &entityFlags{}
	cmd := command("get", "Show the state of an entity", `  durable entity get --name Counter --key main`,
		func(ctx context.Context) error { return a.entityGet(ctx, f) })
	cmd.Long = `Show the state of an entity. JSON is the state itself, as GET /entities/NAME/KEY of the HTTP API has it. An entity that does not
exist is exit code 3.`
	f.identify(cmd)
	return cmd
}

func (a *app) entityGet(ctx context.Context, f *entityFlags) error {
	client, err := a.open()
	if err != nil {
		return err
	}
	e, err := client.ReadEntityState(ctx, f.id(), nil)
	if err != nil {
		return err
	}
	if !e.Exists {
		return coded(codeNotFound, "there is no entity %s", f.id())
	}
	state := e.State
	if state == nil {
		state = json.RawMessage("null")
	}
	return a.out.Emit(state, func() error {
		d := a.out.Details()
		d.Add("entity", f.id().String())
		d.Add("last used", text.Stamp(e.LastOperationTime))
		d.Add("queued", strconv.Itoa(e.QueueSize))
		d.Add("locked by", e.LockedBy)
		d.JSON("state", e.State)
		return d.Err()
	})
}

func (a *app) entitySignalCommand() *cobra.Command {
	f := &entityFlags{}
	cmd := command("signal", "Ask an entity to carry out an operation", `  durable entity signal --name Counter --key main --operation add --input 5`,
		func(ctx context.Context) error { return a.entitySignal(ctx, f) })
	f.identify(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.operation, "operation", "", "`name` of the operation (required)")
	flags.StringVar(&f.data, "input", "", "input as `JSON` or text; @FILE reads it from a file, - from standard input")
	flags.Var(&f.in, "in", "`duration` after which it is carried out (30m, 7d)")
	yesFlag(cmd)
	require(cmd, "operation")
	return cmd
}

func (a *app) entitySignal(ctx context.Context, f *entityFlags) error {
	input, err := a.readInput(ctx, "input", f.data)
	if err != nil {
		return err
	}
	client, err := a.openToWrite()
	if err != nil {
		return err
	}
	opts := &durable.SignalEntityOptions{}
	if f.in.d > 0 {
		opts.ScheduledTime = a.now().Add(f.in.d)
	}
	if err := client.SignalEntity(ctx, f.id(), f.operation, inputOf(input), opts); err != nil {
		return err
	}
	return a.out.Report(done{ID: f.id().String(), Action: "signal"}, "Sent operation '%s' to entity '%s'.", f.operation, f.id())
}

type cleanFlags struct {
	changeFlags
	empty, locks bool
	age          durationFlag
	concurrency  int
	rate         float64
}

func (a *app) entityCleanCommand() *cobra.Command {
	f := &cleanFlags{age: durationFlag{defaultCleanAge}}
	cmd := command("clean", "Remove empty entities and release orphaned locks", `  durable entity clean --dry-run
  durable entity clean --yes --older-than 7d`,
		func(ctx context.Context) error { return a.entityClean(ctx, f) })
	cmd.Long = `Remove what is left of deleted entities, and release locks whose owner has ended. It shows first what it is about, and asks.`
	flags := cmd.Flags()
	flags.BoolVar(&f.empty, "empty-entities", true, "remove entities without a state, a lock and anything left to do")
	flags.BoolVar(&f.locks, "orphaned-locks", true, "release locks whose owner has ended")
	flags.Var(&f.age, "older-than", "only entities that have not changed for this `duration`")
	flags.IntVar(&f.concurrency, "concurrency", defaultConcurrency, "how many `entities` are cleaned at once")
	flags.Float64Var(&f.rate, "requests-per-second", 0, "at most this many `requests` a second (default no limit)")
	f.changeFlags.add(cmd)
	return cmd
}

const defaultCleanAge = 30 * time.Minute

// cleanDocument is what was cleaned, or would be.
type cleanDocument struct {
	Entities int `json:"entities"`
	Removed  int `json:"emptyEntitiesRemoved"`
	Released int `json:"orphanedLocksReleased"`
	Changed  int `json:"changed"`
	Failed   int `json:"failed"`
	Requests int `json:"requests"`
}

func newCleanDocument(r *durable.CleanEntityStorageResult) cleanDocument {
	return cleanDocument{r.Entities, r.EmptyEntitiesRemoved, r.OrphanedLocksReleased, r.Changed, r.Failed, r.Requests}
}

func (a *app) entityClean(ctx context.Context, f *cleanFlags) error {
	if err := a.askable(&f.changeFlags); err != nil {
		return err
	}
	client, err := a.openToWrite()
	if err != nil {
		return err
	}
	opts := &durable.CleanEntityStorageOptions{
		RemoveEmptyEntities: f.empty, ReleaseOrphanedLocks: f.locks, MinimumAge: f.age.d, Concurrency: f.concurrency,
		RequestsPerSecond: f.rate, DryRun: true,
	}
	if !f.yes {
		plan, err := client.CleanEntityStorage(ctx, opts)
		if err != nil {
			return err
		}
		shown := fmt.Sprintf("Of %s:\n  to be removed   %s\n  locks released  %s\nLooking took %s.", text.Count(plan.Entities, "entity row"),
			text.Number(plan.EmptyEntitiesRemoved), text.Number(plan.OrphanedLocksReleased), text.Count(plan.Requests, "request"))
		if err := a.plan(&f.changeFlags, newCleanDocument(plan), shown); err != nil || f.dryRun {
			return err
		}
		if plan.EmptyEntitiesRemoved+plan.OrphanedLocksReleased == 0 {
			return nil
		}
		if err := a.confirm(ctx, &f.changeFlags, "Clean them?"); err != nil {
			return err
		}
	}
	opts.DryRun = false
	return a.cleanEntities(ctx, client, opts)
}

func (a *app) cleanEntities(
	ctx context.Context, client *durable.OrchestrationClient, opts *durable.CleanEntityStorageOptions,
) error {
	bar := a.out.Progress("cleaning", 0)
	n := 0
	opts.OnCleanup = func(durable.EntityCleanup) {
		n++
		bar.Set(n)
	}
	r, err := client.CleanEntityStorage(ctx, opts)
	bar.End()
	if err != nil && r.EmptyEntitiesRemoved+r.OrphanedLocksReleased == 0 {
		return err
	}
	if printErr := a.out.Report(newCleanDocument(r), "Removed %s, released %s.", text.Count(r.EmptyEntitiesRemoved, "empty entity row"),
		text.Count(r.OrphanedLocksReleased, "orphaned lock")); err == nil {
		return printErr
	}
	return &exitError{codePartial, fmt.Errorf("not all was done, a repeat does the rest: %w", err)}
}
