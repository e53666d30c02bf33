package cli

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable/operate"
)

type doctorFlags struct {
	changeFlags
	kinds, repair                 []string
	id, prefix                    string
	grace, payloadGrace, interval durationFlag
	maxDequeue                    int64

	record, reason string
	idle           durationFlag
	purgeHistory   bool
	partitions     int
	force          bool
	concurrency    int
	limit          int
	// misplaced is a flag that was given and means nothing without --repair.
	misplaced string
}

// The defaults of package operate.
const (
	defaultGrace        = 10 * time.Minute
	defaultPayloadGrace = 24 * time.Hour
	defaultInterval     = 30 * time.Second
	defaultIdle         = time.Minute
	defaultMaxDequeue   = 20
)

// defaultLimit bounds the findings of one run, which are all kept in memory.
const defaultLimit = 100_000

func (a *app) doctorCommand() *cobra.Command {
	f := &doctorFlags{
		grace: durationFlag{defaultGrace}, payloadGrace: durationFlag{defaultPayloadGrace}, interval: durationFlag{defaultInterval},
		idle: durationFlag{defaultIdle},
	}
	cmd := command("doctor", "Check the task hub, and repair what is broken", `  durable doctor
  durable doctor --kind activity-lost,timer-lost --output jsonl > findings.jsonl
  durable doctor --repair activity-lost,timer-lost --dry-run
  durable doctor --repair row-behind-history --record repairs.jsonl --yes`,
		func(ctx context.Context) error { return a.doctor(ctx, f) })
	cmd.Long = doctorHelp()
	flags := cmd.Flags()
	flags.Var((*namedTexts)(&f.kinds), "kind", "look only for these `kinds` of findings")
	flags.Var((*namedText)(&f.id), flagID, "only findings about the instance with this `ID`")
	flags.Var((*namedText)(&f.prefix), "id-prefix", "only findings about instances whose ID begins with this `text`")
	flags.Var(&f.interval, "interval", "`duration` between the two looks")
	flags.Var(&f.grace, "grace", "what is younger than this `duration` may be under way and is not judged")
	flags.Var(&f.payloadGrace, "payload-grace", "the same `duration` for payloads without an instance")
	maxDequeueFlag(cmd, &f.maxDequeue)
	f.repairFlags(cmd)
	completeListWith(cmd, "kind", kindNames(operate.Kinds())...)
	completeListWith(cmd, "repair", kindNames(repairable())...)
	cmd.MarkFlagsMutuallyExclusive("kind", "repair")
	cmd.MarkFlagsMutuallyExclusive(flagID, "id-prefix")
	return cmd
}

func maxDequeueFlag(cmd *cobra.Command, n *int64) {
	cmd.Flags().Int64Var(n, "max-dequeue-count", defaultMaxDequeue, "a message is poison if it was taken more than this `number` of times")
}

// onlyRepair are the flags that mean nothing without --repair.
var onlyRepair = []string{
	"yes", "dry-run", "record", "reason", "idle-time", "purge-history", "partition-count", "force", "concurrency", "limit",
}

// repairFlags adds the flags that are about repairing.
func (f *doctorFlags) repairFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.Var((*namedTexts)(&f.repair), "repair", "look only for these `kinds` of findings, and repair them")
	f.changeFlags.add(cmd)
	flags.Var((*namedText)(&f.record), "record", "`file` that gets a line for each repair (default durable-repair-HUB-TIME.jsonl)")
	flags.StringVar(&f.reason, "reason", "", "`reason` that goes into messages and histories")
	flags.Var(&f.idle, "idle-time", "activity-lost: `duration` in which nothing may have been written to the instance")
	flags.BoolVar(&f.purgeHistory, "purge-history", false, "history-without-row: purge the history instead of rebuilding the row")
	flags.IntVar(&f.partitions, "partition-count", 0, "partition-count: the true `number`, which the app has in its host.json")
	flags.BoolVar(&f.force, "force", false, "broken-by-rewind: rewind in spite of warnings")
	flags.IntVar(&f.concurrency, "concurrency", defaultConcurrency, "how many `instances` are repaired at once")
	flags.IntVar(&f.limit, "limit", defaultLimit, "repair at most this `number` of findings; the check-up ends when it has as many")
	cmd.PreRun = func(cmd *cobra.Command, _ []string) {
		for _, name := range onlyRepair {
			if cmd.Flags().Changed(name) && len(f.repair) == 0 {
				f.misplaced = name
			}
		}
	}
}

// checkDoctor refuses what cannot be meant, before anything is read.
func (a *app) checkDoctor(f *doctorFlags) error {
	for _, d := range []struct {
		name  string
		value durationFlag
	}{{"interval", f.interval}, {"grace", f.grace}, {"payload-grace", f.payloadGrace}, {"idle-time", f.idle}} {
		if d.value.d <= 0 {
			return usageError("--%s is more than nothing", d.name)
		}
	}
	if err := checkKinds("kind", f.kinds, operate.Kinds()); err != nil {
		return err
	}
	if err := checkKinds("repair", f.repair, repairable()); err != nil {
		return err
	}
	if err := f.checkPart(); err != nil {
		return err
	}
	counts := slices.Contains(f.repair, string(operate.KindPartitionCount))
	switch {
	case f.misplaced != "":
		return usageError("--%s is for --repair", f.misplaced)
	case f.maxDequeue < 1:
		return usageError("--max-dequeue-count is 1 or more")
	case f.limit < 1:
		return usageError("--limit is 1 or more")
	case f.concurrency < 1 || f.concurrency > maxConcurrency:
		return usageError("--concurrency is 1 to %d", maxConcurrency)
	case counts != (f.partitions != 0):
		return usageError("--repair %s and --partition-count go together: only you know which number is true", operate.KindPartitionCount)
	case len(f.repair) > 0:
		return a.askable(&f.changeFlags)
	}
	return nil
}

func (a *app) doctor(ctx context.Context, f *doctorFlags) error {
	if err := a.checkDoctor(f); err != nil {
		return err
	}
	if len(f.repair) > 0 {
		return a.repair(ctx, f)
	}
	client, err := a.open()
	if err != nil {
		return err
	}
	list := a.out.ListFound()
	c := &checkup{a: a, f: f}
	err = c.run(ctx, client, func(found *operate.Finding) error {
		return list.Add(c.bar, found, func() error { return a.showFinding(found) })
	})
	if listErr := list.End(); listErr != nil {
		return listErr
	}
	if list.IsText() {
		if sumErr := c.summary(); sumErr != nil {
			return sumErr
		}
	}
	return c.verdict(ctx, client, err)
}

// options say what to look for, and how.
func (f *doctorFlags) options() *operate.DiagnoseOptions {
	opts := &operate.DiagnoseOptions{
		InstanceIDPrefix: cmp.Or(f.id, f.prefix),
		Grace:            f.grace.d, PayloadGrace: f.payloadGrace.d, Interval: f.interval.d, MaxDequeueCount: f.maxDequeue,
	}
	for _, k := range slices.Concat(f.kinds, f.repair) {
		opts.Kinds = append(opts.Kinds, operate.FindingKind(k))
	}
	if len(f.kinds) > 0 { // or what could not be looked at would seem to be well
		opts.Kinds = append(opts.Kinds, operate.KindIncomplete)
	}
	return opts
}

// looks are the flags that decide what is found, as far as they are not the defaults.
func (f *doctorFlags) looks() []string {
	var flags []string
	for _, d := range []struct {
		name          string
		value         durationFlag
		standardValue time.Duration
	}{
		{"--interval", f.interval, defaultInterval}, {"--grace", f.grace, defaultGrace}, {"--payload-grace", f.payloadGrace, defaultPayloadGrace},
	} {
		if d.value.d != d.standardValue {
			flags = append(flags, d.name, d.value.d.String())
		}
	}
	if f.maxDequeue != defaultMaxDequeue {
		flags = append(flags, "--max-dequeue-count", strconv.FormatInt(f.maxDequeue, 10))
	}
	return flags
}

// about reports whether a finding is about what was asked for. That something could not be checked always is.
func (f *doctorFlags) about(found *operate.Finding) bool {
	if found.Kind == operate.KindIncomplete {
		return true
	}
	if f.id != "" {
		return found.InstanceID == f.id
	}
	return f.prefix == "" || found.InstanceID != "" && strings.HasPrefix(found.InstanceID, f.prefix)
}
