package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// rowBehindHistory merges into the row what the worker's last checkpoint would have.
func (r *repairer) rowBehindHistory(ctx context.Context) error {
	l, err := r.look(ctx)
	if err != nil || l == nil || r.examiner.rowBehindHistory(l) == nil {
		return err
	}
	end := l.actions.End()
	r.plans(fmt.Sprintf("make the row say %s, as the history does", end.Status))
	change := &storage.Entity{PartitionKey: l.row.Key, ETag: l.row.ETag}
	setEnd(change, r.historyText(end, wire.ColResult), end, l.history.Sentinel)
	last := l.history.Events[len(l.history.Events)-1]
	change.Set(wire.ColLastUpdatedTime, last.Row.Get(wire.ColTimestamp))
	return r.writeRow(ctx, change)
}

// setEnd sets the columns with which a row has ended.
func setEnd(row *storage.Entity, output storage.Value, end *wire.Event, sentinel *storage.Entity) {
	row.Set(wire.ColRuntimeStatus, text(end.Status))
	if output.Type != storage.None {
		row.Set(wire.ColOutput, output)
	}
	completed := end.Row.Get(wire.ColTimestamp)
	if sentinel != nil && sentinel.Has(colCheckpointTime) {
		completed = sentinel.Get(colCheckpointTime)
	}
	row.Set(wire.ColCompletedTime, completed)
}

// historyText returns what the row of an instance holds for a text of its history: the text, or the URL of its blob
// (AzureTableTrackingStore.cs).
func (r *repairer) historyText(ev *wire.Event, column string) storage.Value {
	if blob := ev.Row.Text(column + wire.BlobNameSuffix); blob != "" {
		return text(r.in.Hub.PayloadURL(blob))
	}
	return ev.Row.Get(column)
}

// startNotSent sends the start again. Doing it twice is harmless: the worker runs an execution once.
func (r *repairer) startNotSent(ctx context.Context) error {
	l, err := r.look(ctx)
	if err != nil || l == nil {
		return err
	}
	f, err := r.examiner.startNotSent(ctx, l)
	if err != nil || f == nil {
		return err
	}
	if quiet, err := r.quiet(ctx, l.row.ID); err != nil || !quiet {
		return err
	}
	if !r.plans("send the start of execution " + l.row.ExecutionID + " again") {
		return nil
	}
	out, err := r.in.Hub.PrepareAgain(ctx, l.row)
	if err != nil {
		return err
	}
	if err := r.in.Hub.SendOrDiscard(ctx, out, 0); err != nil {
		return err
	}
	r.done()
	return nil
}

// lost lets an instance go on that waits for something which will not come.
func (r *repairer) lost(ctx context.Context) error {
	if r.finding.EventID == nil {
		return invalid("the finding has no event ID")
	}
	if quiet, err := r.quiet(ctx, r.finding.InstanceID); err != nil || !quiet {
		return err
	}
	l, err := r.look(ctx)
	if err != nil || l == nil {
		return err
	}
	found, _, err := r.examiner.lost(ctx, l, true)
	if err != nil {
		return err
	}
	for _, f := range found {
		if f.Kind == r.finding.Kind && *f.EventID == *r.finding.EventID {
			return r.move(ctx, l)
		}
	}
	if r.finding.Kind == KindActivityLost {
		return r.wake(ctx, l) // a repair that was interrupted has got as far as that
	}
	return nil
}

// wakeNotSent sends the message that wakes an instance.
func (r *repairer) wakeNotSent(ctx context.Context) error {
	if quiet, err := r.quiet(ctx, r.finding.InstanceID); err != nil || !quiet {
		return err
	}
	l, err := r.look(ctx)
	if err != nil || l == nil {
		return err
	}
	return r.wake(ctx, l)
}

func (r *repairer) wake(ctx context.Context, l *look) error {
	e := r.examiner
	if r.finding.Kind == KindActivityLost {
		e.grace = 0 // the rewriting is our own
	}
	if e.wakeNotSent(l) == nil || !r.plans(KindWakeNotSent.repair()) {
		return nil
	}
	if err := send(ctx, r.in.Hub, wire.WakeMessage(l.row.ID, r.opts.Reason, r.in.Hub.Now())); err != nil {
		return err
	}
	r.done()
	return nil
}

func (r *repairer) move(ctx context.Context, l *look) error {
	r.plans(r.finding.Kind.repair())
	id, eventID, opts := l.row.ID, *r.finding.EventID, MoveOptions{DryRun: !r.opts.Apply, ExecutionID: l.row.ExecutionID}
	var m *Move
	var err error
	switch r.finding.Kind {
	case KindActivityLost:
		m, err = Reschedule(ctx, r.client, id, eventID, r.opts.Reason, &RescheduleOptions{MoveOptions: opts, IdleTime: r.opts.IdleTime})
	case KindTimerLost:
		m, err = FireTimer(ctx, r.client, id, eventID, &opts)
	default:
		m, err = r.answer(ctx, l, eventID, opts)
	}
	if m != nil {
		r.record.Actions = append(r.record.Actions, m.Notes...)
		if m.Done {
			r.done()
		}
	}
	return r.overtaken(ctx, l, err)
}

// overtaken is the error of an operation on an instance. One that was refused is a conflict if somebody has written to the
// instance since the repair looked at it.
func (r *repairer) overtaken(ctx context.Context, l *look, err error) error {
	refused := errors.Is(err, durable.ErrInvalidState) || errors.Is(err, durable.ErrInvalidArgument) || errors.Is(err, durable.ErrInstanceNotFound)
	if !refused {
		return err
	}
	now, readErr := r.examiner.read(ctx, l.row.ID)
	if readErr != nil || now != nil && now.version() == l.version() {
		return err
	}
	_, err = cause(err)
	return conflict("it went on meanwhile: %w", err)
}

// version tells two states of an instance apart: a checkpoint writes the sentinel first, and then the row.
func (l *look) version() [2]storage.ETag {
	v := [2]storage.ETag{l.row.ETag}
	if l.history.Sentinel != nil {
		v[1] = l.history.Sentinel.ETag
	}
	return v
}

// answer sends what a sub-orchestration that has ended would have answered.
func (r *repairer) answer(ctx context.Context, l *look, eventID int, opts MoveOptions) (*Move, error) {
	child, err := r.examiner.endedChild(ctx, l, l.actions.Action(eventID))
	if err != nil {
		return nil, err
	}
	if child == nil {
		return nil, conflict("the sub-orchestration was started anew or purged meanwhile")
	}
	output := child.row.Output
	if blob := r.in.Hub.Reference(child.row.ID, output, storage.Value{}); blob != "" {
		if output, err = r.in.Hub.ReadText(ctx, blob); err != nil {
			return nil, err
		}
	}
	if child.row.RuntimeStatus != wire.StatusCompleted {
		return FailSubOrchestration(ctx, r.client, l.row.ID, eventID, output.Text, &FailureOptions{MoveOptions: opts})
	}
	var result any
	if output.Type != storage.None {
		result = json.RawMessage(output.Text)
	}
	return CompleteSubOrchestration(ctx, r.client, l.row.ID, eventID, result, &opts)
}

// lockOrphaned sends the release that the owner of the lock will not send any more.
func (r *repairer) lockOrphaned(ctx context.Context) error {
	l, err := r.look(ctx)
	if err != nil || l == nil {
		return err
	}
	f, err := r.examiner.lockOrphaned(ctx, l)
	if err != nil || f == nil {
		return err
	}
	if quiet, err := r.quiet(ctx, l.row.ID); err != nil || !quiet {
		return err
	}
	s, _ := wire.DecodeEntityStatus([]byte(l.row.CustomStatus.Text))
	if !r.plans(fmt.Sprintf("release the lock of %q", s.LockedBy)) {
		return nil
	}
	if err := send(ctx, r.in.Hub, wire.ReleaseMessage(l.row.ID, s.LockedBy, r.in.Hub.Now())); err != nil {
		return err
	}
	r.done()
	return nil
}

// brokenByRewind heals an instance.
func (r *repairer) brokenByRewind(ctx context.Context) error {
	l, err := r.look(ctx)
	if err != nil || l == nil || r.examiner.brokenByRewind(l) == nil {
		return err
	}
	opts := &durable.RewindOptions{Heal: true, Force: r.opts.Force}
	var plan *durable.RewindPlan
	if r.plans("heal it and rewind it by cause") {
		plan, err = r.client.Rewind(ctx, l.row.ID, r.opts.Reason, opts)
		if err == nil {
			r.done()
		}
	} else {
		plan, err = r.client.PlanRewind(ctx, l.row.ID, opts)
	}
	if err = r.overtaken(ctx, l, err); plan == nil {
		return err
	}
	for _, i := range plan.Instances {
		r.record.Actions = append(r.record.Actions, fmt.Sprintf("%s: %s of the history", i.InstanceID, count(len(i.Changes), "row")))
		for _, a := range i.Rerun {
			r.record.Actions = append(r.record.Actions, fmt.Sprintf("%s: runs again: %s (event ID %d)", i.InstanceID, a.Name, a.EventID))
		}
	}
	for _, w := range plan.Warnings() {
		r.record.Actions = append(r.record.Actions, "warning: "+w)
	}
	return err
}

// unreadable writes texts that read as URIs as JSON strings, which .NET does not take for URLs.
func (r *repairer) unreadable(ctx context.Context) error {
	row, err := r.in.Hub.ReadInstance(ctx, r.finding.InstanceID)
	if errors.Is(err, durable.ErrInstanceNotFound) {
		return nil
	}
	if err != nil || !r.isFor(row) {
		return err
	}
	columns := unreadableColumns(&look{inside: r.in, row: row})
	if len(columns) == 0 {
		return nil
	}
	change := &storage.Entity{PartitionKey: row.Key, ETag: row.ETag}
	for _, c := range columns {
		quoted, err := r.in.Encode("the text", c.Text)
		if err != nil {
			return err
		}
		r.plans("write " + c.Name + " as a JSON string")
		change.Set(c.Name, text(*quoted))
	}
	return r.writeRow(ctx, change)
}
