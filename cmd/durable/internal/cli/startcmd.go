package cli

import (
	"context"
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/text"
)

// startFlags are the flags of start-new.
type startFlags struct {
	name, id, input, version string
	tags                     map[string]string
	at                       timeFlag
	in                       durationFlag
	replace                  bool

	count       int
	inputs      string
	concurrency int
}

func (a *app) startCommand() *cobra.Command {
	f := &startFlags{at: timeFlag{now: a.now}}
	cmd := command("start-new", "Start a new instance of an orchestrator, or many of them", `  durable start-new --function-name ProcessOrder --input '{"order":17}' --id order-17
  durable start-new --function-name HelloWorld --input @counter-data.json
  durable start-new --function-name Import --inputs lines.jsonl --id batch-7`,
		func(ctx context.Context) error { return a.start(ctx, f) })
	cmd.Aliases = []string{"start"}
	cmd.Long = `Start a new instance of an orchestrator. An ID that is in use by a running instance is refused (exit code 4).

The input is JSON; a text that is no JSON is a string. With --count or --inputs many instances are started, one for each
line of a JSONL file. If --id is given as well, their IDs are ID-1, ID-2 and so on: then the same command can be repeated
after an interruption, and starts only what was not started.`
	flags := cmd.Flags()
	flags.StringVar(&f.name, "function-name", "", "`name` of the orchestrator function to start (required)")
	flags.Var((*namedText)(&f.id), flagID, "`ID` of the instance (default a new GUID)")
	flags.StringVar(&f.input, "input", "", "input as `JSON` or text; @FILE reads it from a file, - from standard input")
	flags.StringVar(&f.version, "version", "", "`version` of the orchestration")
	flags.StringToStringVar(&f.tags, "tag", nil, "`name=value` to be kept with the instance; may be repeated")
	flags.Var(&f.at, "at", "`time` to start at, at most 6 days ahead (2018-03-10T10:01:00Z, tomorrow)")
	flags.Var(&f.in, "in", "`duration` after which to start (30m, 1d)")
	flags.BoolVar(&f.replace, "replace-running", false, "replace an instance of that ID even while it runs")
	flags.IntVar(&f.count, "count", 0, "start this `number` of instances")
	flags.StringVar(&f.inputs, "inputs", "", "start an instance for each line of a JSONL `file`, which is its input; - is standard input")
	flags.IntVar(&f.concurrency, "concurrency", defaultConcurrency, "how many `instances` are started at once")
	yesFlag(cmd)
	require(cmd, "function-name")
	cmd.MarkFlagsMutuallyExclusive("count", "inputs")
	cmd.MarkFlagsMutuallyExclusive("input", "inputs")
	cmd.MarkFlagsMutuallyExclusive("at", "in")
	return cmd
}

// options returns the options of the package.
func (f *startFlags) options(now time.Time) *durable.StartNewOptions {
	o := &durable.StartNewOptions{InstanceID: f.id, Version: f.version, Tags: f.tags, ScheduledStartTime: f.at.t}
	if f.in.d > 0 {
		o.ScheduledStartTime = now.Add(f.in.d)
	}
	if f.replace {
		o.OverridableStates = durable.OverridableAnyState
	}
	return o
}

func (a *app) start(ctx context.Context, f *startFlags) error {
	raw, err := a.readInput(ctx, "input", f.input)
	if err != nil {
		return err
	}
	if f.count != 0 || f.inputs != "" {
		return a.startMany(ctx, f, raw)
	}
	client, err := a.openToWrite()
	if err != nil {
		return err
	}
	opts := f.options(a.now())
	id, err := client.StartNew(ctx, f.name, inputOf(raw), opts)
	if err != nil {
		return err
	}
	doc := struct {
		ID string `json:"id"`
	}{id}
	if !opts.ScheduledStartTime.IsZero() {
		return a.out.Report(doc, "Scheduled '%s' for %s. Instance ID: '%s'.", f.name, text.Stamp(opts.ScheduledStartTime), id)
	}
	return a.out.Report(doc, "Started '%s' at %s. Instance ID: '%s'.", f.name, text.Stamp(a.now()), id)
}

// inputOf is a payload as the package takes it.
func inputOf(raw json.RawMessage) any {
	if raw == nil {
		return nil
	}
	return raw
}
