package operate

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/scan"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// DiagnoseOptions are options for Diagnose.
type DiagnoseOptions struct {
	// Kinds are the kinds of findings to look for. Defaults to all. Without [KindIncomplete] nothing tells of what could not
	// be looked at.
	Kinds []FindingKind
	// InstanceIDPrefix is what the instance ID begins with. Only this part of the tables is read, and of the payloads what
	// lies in folders whose names begin so. What is about the hub is checked all the same: [KindPartitionCount],
	// [KindPartitionUnowned], [KindMessagesUnread], and [KindPoisonMessage] for the messages of all instances.
	// [KindIDsDifferByCase] compares the IDs with this prefix, which is in one case, among themselves. Defaults to all
	// instances.
	InstanceIDPrefix string
	// Grace is how old something must be before it is judged: younger things may be under way. Defaults to 10 minutes.
	Grace time.Duration
	// PayloadGrace is the same for payloads without instance. Defaults to one day.
	PayloadGrace time.Duration
	// Interval is the time between the two looks that a finding takes which rests on there being no message. Defaults to
	// 30 s.
	Interval time.Duration
	// MaxDequeueCount is how often a message may have been taken before it counts as poison. Defaults to 20.
	MaxDequeueCount int64
	// OnProgress is called whenever a page of a table has gone by, which is a thousand rows at most, when all have, and at
	// the end. Calls come one after the other, and the check-up waits for them.
	OnProgress func(DiagnoseProgress)
}

// DiagnoseProgress is how far a check-up has got.
type DiagnoseProgress struct {
	// Instances and Events count the rows that have gone by, Findings what was found.
	Instances, Events, Findings int
	// Undecided counts what may be lost, or may be under way: what would explain it can lie in a queue that holds more
	// messages than can be seen. There are some in every hub under load. Where no host works, they are as likely lost as not.
	Undecided int
}

const (
	defaultGrace        = 10 * time.Minute
	defaultPayloadGrace = 24 * time.Hour
	defaultInterval     = 30 * time.Second
	maxDequeue          = 20
)

func (o *DiagnoseOptions) check() (DiagnoseOptions, error) {
	var c DiagnoseOptions
	if o != nil {
		c = *o
	}
	for _, d := range []struct {
		name     string
		value    *time.Duration
		standard time.Duration
	}{
		{"Grace", &c.Grace, defaultGrace}, {"PayloadGrace", &c.PayloadGrace, defaultPayloadGrace}, {"Interval", &c.Interval, defaultInterval},
	} {
		if *d.value < 0 {
			return c, invalid("%s is negative", d.name)
		}
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	if c.MaxDequeueCount < 0 {
		return c, invalid("MaxDequeueCount is negative")
	}
	if c.MaxDequeueCount == 0 {
		c.MaxDequeueCount = maxDequeue
	}
	c.Kinds = slices.Clone(c.Kinds)
	for _, k := range c.Kinds {
		if !k.known() {
			return c, invalid("%q is no kind of finding", k)
		}
	}
	return c, nil
}

// Diagnose checks a task hub, or the part of it that opts.InstanceIDPrefix names, and yields what is wrong, as it is found.
// It changes nothing.
//
// It reads both tables side by side and lists the payloads, once, in as many requests as they have pages, and keeps no
// more than a few pages, the suspects, and one long history in memory. Whatever is suspected is looked at again by itself:
// after opts.Interval, with a second look at the queues, where the suspicion rests on there being no message. Peeking shows 32
// messages of a queue, and those that are hidden cannot be seen at all: so long as a queue may hold a message that would
// explain something, that is not a finding, and counts as undecided in [DiagnoseProgress]. In a hub under load therefore less
// is found, and nothing that is not so.
//
// What is damaged so that it cannot be looked at is a finding itself, and the check-up goes on. An error ends the sequence;
// it comes last, with an empty finding. Breaking off ends all work. Each range begins anew. Opts may be nil.
//
// It returns [durable.ErrTaskHubNotFound], [durable.ErrInvalidArgument] and the context's error.
func Diagnose(
	ctx context.Context, c *durable.OrchestrationClient, opts *DiagnoseOptions,
) iter.Seq2[Finding, error] {
	return diagnose(ctx, c, opts, bounds{maxNames, maxExamined})
}

const (
	// maxNames bounds the IDs that are kept in memory to find those which differ only in case.
	maxNames = 100_000
	// maxExamined bounds the rows of a history that is looked at again by itself: all of them are in memory then.
	maxExamined = 200_000
)

// bounds are those of a check-up's memory.
type bounds struct{ names, rows int }

func diagnose(
	ctx context.Context, c *durable.OrchestrationClient, opts *DiagnoseOptions, most bounds,
) iter.Seq2[Finding, error] {
	in := open(c)
	o, err := opts.check()
	if err == nil && o.InstanceIDPrefix != "" {
		err = in.CheckID(o.InstanceIDPrefix)
	}
	return func(yield func(Finding, error) bool) {
		if err != nil {
			yield(Finding{}, in.Fail("Diagnose", "", "", err))
			return
		}
		d := &doctor{in: in, opts: o, yield: yield, names: map[string]string{}, most: most}
		if err := d.run(ctx); err != nil && !errors.Is(err, errStopped) {
			yield(Finding{}, in.Fail("Diagnose", "", "", err))
		}
	}
}

// errStopped ends a check-up whose findings nobody wants any more.
var errStopped = errors.New("stopped")

// doctor is a check-up that runs.
type doctor struct {
	in       hook.Inside
	opts     DiagnoseOptions
	yield    func(Finding, error) bool
	progress DiagnoseProgress

	// queues is the latest look at the queues.
	queues   *queueLook
	suspects []suspect
	long     sync.Mutex // held by who reads a long history
	owners   *scan.Owners
	// names are IDs that have not ended and hold upper-case letters, by what they are in lower case.
	names map[string]string
	full  bool // names has come to its limit
	most  bounds
	// failed is what went wrong where no error could be returned.
	failed error

	ctx context.Context //nolint:containedctx // a doctor lives as long as the call, and is told of rows by a visitor's methods
	now *digest         // the instance whose rows go by
}

func (d *doctor) wants(kinds ...FindingKind) bool {
	return len(d.opts.Kinds) == 0 || slices.ContainsFunc(kinds, func(k FindingKind) bool { return slices.Contains(d.opts.Kinds, k) })
}

// report yields a finding, if its kind is wanted.
func (d *doctor) report(f Finding) error {
	if !d.wants(f.Kind) {
		return nil
	}
	d.progress.Findings++
	// What was cut out of an answer would keep all of it in memory for as long as the caller keeps the finding.
	f.InstanceID, f.ExecutionID, f.Key = strings.Clone(f.InstanceID), strings.Clone(f.ExecutionID), strings.Clone(f.Key)
	if f.Evidence == nil {
		f.Evidence = []string{}
	}
	if !d.yield(f, nil) {
		return errStopped
	}
	return nil
}

func (d *doctor) run(ctx context.Context) error {
	d.ctx = ctx
	var err error
	if d.queues, err = lookAtQueues(ctx, d.in.Hub); err != nil {
		return err
	}
	hub, err := d.checkHub(ctx)
	if err != nil {
		return err
	}
	d.owners = scan.NewOwners(scan.NewFolders(d.in.Hub, d.opts.InstanceIDPrefix), func(f scan.Folder) {
		if d.failed == nil {
			d.failed = d.suspectFolder(&f)
		}
	})
	part := scan.Part{
		Instances: instanceColumns, History: historyColumns, Prefix: d.opts.InstanceIDPrefix, OnPage: d.passed,
	}
	if err = scan.Walk(ctx, d.in.Hub, part, d); err == nil && d.wants(KindPayloadsWithoutInstance) {
		err = d.owners.End(ctx)
	}
	if err == nil {
		err = d.failed
	}
	if err != nil {
		return err
	}
	d.tell()
	if err := d.confirm(true); err != nil {
		return err
	}
	if err := hub.confirm(ctx, d); err != nil {
		return err
	}
	d.tell()
	return nil
}

// passed tells of the pages before the one that is asked for.
func (d *doctor) passed() {
	if d.progress.Instances > 0 {
		d.tell()
	}
}

func (d *doctor) tell() {
	if d.opts.OnProgress != nil {
		d.opts.OnProgress(d.progress)
	}
}

// Begin begins an instance; it is [scan.Visitor]'s.
func (d *doctor) Begin(key string, row *storage.Entity) {
	d.now = newDigest(key, row, d.most.rows)
	d.progress.Instances++
}

// Event is a row of its history.
func (d *doctor) Event(e *storage.Entity) {
	d.now.add(e)
	d.progress.Events++
}

// End judges the instance.
func (d *doctor) End() error {
	if err := d.ctx.Err(); err != nil {
		return err
	}
	if d.wants(KindPayloadsWithoutInstance) {
		if err := d.owners.Pass(d.ctx, d.now.key); err != nil || d.failed != nil {
			return errors.Join(err, d.failed)
		}
	}
	// Engines before 1.8.4 did not escape keys: one of theirs may lie among those with the prefix and be of another ID.
	if !strings.HasPrefix(wire.UnescapeKey(d.now.key), d.opts.InstanceIDPrefix) {
		return nil
	}
	if err := d.judge(d.now); err != nil {
		return err
	}
	return d.confirm(false)
}
