package operate

import (
	"context"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// RepairOptions are options for Repair.
type RepairOptions struct {
	// Apply carries the repair out. Without it Repair only says what it would do.
	Apply bool
	// Reason goes into messages and histories. Defaults to "repaired by an operator".
	Reason string
	// Grace and PayloadGrace are as in [DiagnoseOptions].
	Grace, PayloadGrace time.Duration
	// MaxDequeueCount is as in [DiagnoseOptions], and should be the same: a poison message is judged again by it.
	MaxDequeueCount int64
	// IdleTime is as in [RescheduleOptions].
	IdleTime time.Duration
	// PurgeHistory purges a history without a row, instead of rebuilding the row.
	PurgeHistory bool
	// PartitionCount is the true number of partitions, as host.json has it: the word that a repair of
	// [KindPartitionCount] needs.
	PartitionCount int
	// Force carries out a rewind in spite of its warnings.
	Force bool
}

const defaultReason = "repaired by an operator"

func (o *RepairOptions) check(in hook.Inside) (RepairOptions, error) {
	var c RepairOptions
	if o != nil {
		c = *o
	}
	if c.Reason == "" {
		c.Reason = defaultReason
	}
	d, err := (&DiagnoseOptions{Grace: c.Grace, PayloadGrace: c.PayloadGrace, MaxDequeueCount: c.MaxDequeueCount}).check()
	if err != nil {
		return c, err
	}
	c.Grace, c.PayloadGrace, c.MaxDequeueCount = d.Grace, d.PayloadGrace, d.MaxDequeueCount
	return c, in.CheckWakeReason(c.Reason)
}

// Repair mends what [Diagnose] has found. It looks again first: a finding that does not hold any more, since it was
// repaired or mended itself, is [OutcomeNotNeeded]. Unless opts.Apply is set it changes nothing and says what it would do.
//
// Rows are written only in the version that was looked at, messages are for one execution only. So a repair can be
// repeated, and one that meets a worker at work either takes effect or is [durable.ErrConflict]. Opts may be nil.
//
// It returns [durable.ErrInvalidArgument] for a finding that only people or hosts can do something about, or that needs a
// word which opts does not say, [durable.ErrConflict], [durable.ErrUncertain], and the errors of what it does (see
// [Finding.Repair]). The record is returned beside an error.
func Repair(
	ctx context.Context, c *durable.OrchestrationClient, f Finding, opts *RepairOptions,
) (*RepairRecord, error) {
	const op = "Repair"
	in := open(c)
	o, err := opts.check(in)
	if err == nil && (!f.Kind.known() || f.Kind.repair() == "") {
		err = invalid("nothing can be done here about %q", f.Kind)
	}
	if err != nil {
		return nil, in.Fail(op, f.InstanceID, "", err)
	}
	r := &repairer{
		client: c, in: in, opts: o, finding: f,
		examiner: examiner{in: in, grace: o.Grace, payloadGrace: o.PayloadGrace},
		record: &RepairRecord{
			Time: in.Hub.Now().UTC(), TaskHub: in.Hub.Hub(), Finding: f, Outcome: OutcomeNotNeeded,
			Actions: []string{}, Before: []Stored{}, After: []Stored{},
		},
	}
	if err := r.run(ctx); err != nil {
		status, err := cause(err)
		r.record.Error = err.Error()
		return r.record, in.Fail(op, f.InstanceID, status, err)
	}
	if o.Apply && r.record.Outcome == OutcomePlanned {
		r.record.Outcome = OutcomeBlocked
	}
	return r.record, nil
}

// repairer carries out one repair.
type repairer struct {
	client   *durable.OrchestrationClient
	in       hook.Inside
	opts     RepairOptions
	finding  Finding
	examiner examiner
	record   *RepairRecord
}

func (r *repairer) run(ctx context.Context) error {
	return map[FindingKind]func(context.Context) error{
		KindRowBehindHistory: r.rowBehindHistory, KindStartNotSent: r.startNotSent,
		KindActivityLost: r.lost, KindTimerLost: r.lost, KindAnswerLost: r.lost,
		KindWakeNotSent:       r.wakeNotSent,
		KindHistoryWithoutRow: r.historyWithoutRow, KindPayloadsWithoutInstance: r.payloadsWithoutInstance,
		KindPoisonMessage: r.poisonMessage, KindMessagesUnread: r.messagesUnread, KindPartitionCount: r.partitionCount,
		KindEntityLockOrphaned: r.lockOrphaned, KindBrokenByRewind: r.brokenByRewind,
		KindUnreadableForDotNet: r.unreadable,
	}[r.finding.Kind](ctx)
}

// plans notes what is to be done, and reports whether to do it.
func (r *repairer) plans(actions ...string) bool {
	r.record.Actions = append(r.record.Actions, actions...)
	if r.record.Outcome == OutcomeNotNeeded {
		r.record.Outcome = OutcomePlanned
	}
	return r.opts.Apply
}

func (r *repairer) done() { r.record.Outcome = OutcomeDone }

// quiet reports whether there is still no message that explains the finding. One that has come since means that the
// instance goes on, or will.
func (r *repairer) quiet(ctx context.Context, instanceID string) (bool, error) {
	look, err := lookAtQueues(ctx, r.in.Hub)
	if err != nil {
		return false, err
	}
	s := &suspect{kind: r.finding.Kind, id: instanceID}
	if s.explained(look) || s.kind == KindActivityLost && !look.idle(instanceID) {
		r.record.Actions = append(r.record.Actions, "none: the queues hold, or may hold, a message for it")
		return false, nil
	}
	return true, nil
}

// look reads the instance of the finding, if it is still the same execution; it is nil if not.
func (r *repairer) look(ctx context.Context) (*look, error) {
	l, err := r.examiner.read(ctx, r.finding.InstanceID)
	if err != nil || l == nil || !r.isFor(l.row) {
		return nil, err
	}
	return l, nil
}

// isFor reports whether the finding is about the execution that a row names.
func (r *repairer) isFor(row *wire.Instance) bool {
	return r.finding.ExecutionID == "" || row.ExecutionID == r.finding.ExecutionID
}

// writeRow writes the row of an instance in the version that was read, and records both versions.
func (r *repairer) writeRow(ctx context.Context, change *storage.Entity) error {
	hub := r.in.Hub
	before, err := hub.Tables.Get(ctx, hub.Instances(), change.PartitionKey, "")
	if err != nil {
		return gone(err)
	}
	if before.ETag != change.ETag {
		return conflict("its row was written meanwhile")
	}
	after := before.Clone()
	for _, c := range change.Columns {
		after.Set(c.Name, c.Value)
	}
	r.record.Before = append(r.record.Before, storedRow(hub.Instances(), before))
	defer func() { r.record.After = append(r.record.After, storedRow(hub.Instances(), after)) }()
	if !r.opts.Apply {
		return nil
	}
	after.ETag, err = hub.UpdateInstance(ctx, change, storage.Merge, change.ETag)
	if err != nil {
		return gone(err)
	}
	r.record.Undoable = true
	r.done()
	return nil
}
