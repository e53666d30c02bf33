package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/replay"
	"github.com/go-durable/durable/internal/scan"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// examine looks at a suspect by itself and returns what is wrong. Of long histories one is in memory at a time.
func (d *doctor) examine(ctx context.Context, s *suspect) ([]Finding, error) {
	if s.rows > longHistory {
		d.long.Lock()
		defer d.long.Unlock()
	}
	e := &examiner{in: d.in, grace: d.opts.Grace, payloadGrace: d.opts.PayloadGrace}
	switch s.kind {
	case KindHistoryWithoutRow:
		return one(e.historyWithoutRow(ctx, s.key))
	case KindPayloadsWithoutInstance:
		return one(e.payloadsWithoutInstance(ctx, s.folder))
	default:
		return d.examineInstance(ctx, e, s)
	}
}

func (d *doctor) examineInstance(ctx context.Context, e *examiner, s *suspect) ([]Finding, error) {
	l, err := e.read(ctx, s.id)
	if err != nil || l == nil {
		return nil, err
	}
	if f := e.damaged(l); f != nil {
		return one(f, nil)
	}
	switch s.kind {
	case KindRowBehindHistory:
		return one(e.rowBehindHistory(l), nil)
	case KindStartNotSent:
		return one(e.startNotSent(ctx, l))
	case KindEntityLockOrphaned:
		return one(e.lockOrphaned(ctx, l))
	case KindWakeNotSent:
		return one(e.wakeNotSent(l), nil)
	case KindBrokenByRewind:
		return one(e.brokenByRewind(l), nil)
	default:
		found, undecided, err := e.lost(ctx, l, s.queues.idle(s.id) && d.queues.idle(s.id))
		s.undecided = undecided
		return found, err
	}
}

func one(f *Finding, err error) ([]Finding, error) {
	if f == nil || err != nil {
		return nil, err
	}
	return []Finding{*f}, nil
}

// examiner judges one instance by a look of its own. Diagnose and Repair judge alike.
type examiner struct {
	in                  hook.Inside
	grace, payloadGrace time.Duration
}

// damaged finds a history that cannot be judged.
func (e *examiner) damaged(l *look) *Finding {
	if l.damaged == nil || wire.Terminal(l.row.RuntimeStatus) || !l.current() || !e.old(l.lastWritten()) {
		return nil
	}
	return l.finding(KindIncomplete, "its history is damaged, and nothing else was looked for", l.damaged.Error(),
		"the last row was written at "+clock(l.lastWritten()))
}

// read reads an instance; it is nil if it is gone.
func (e *examiner) read(ctx context.Context, instanceID string) (*look, error) {
	l, err := readLook(ctx, e.in, instanceID)
	if isGone(err) {
		return nil, nil //nolint:nilnil // gone is an answer
	}
	return l, err
}

func (e *examiner) old(t time.Time) bool { return e.in.Hub.Now().Sub(t) >= e.grace }

// settled reports whether the history is that of the row, whole, and has not been written to for long.
func (e *examiner) settled(l *look) bool {
	if l.actions == nil || !l.current() || l.history.Sentinel == nil || !checkpointComplete(l.history.Sentinel) {
		return false
	}
	return e.old(lastCheckpoint(l))
}

// finding returns a finding about an instance.
func (l *look) finding(kind FindingKind, summary string, evidence ...string) *Finding {
	f := newFinding(kind, l.row.ID, summary, evidence...)
	f.Key, f.ExecutionID = l.row.Key, l.row.ExecutionID
	return &f
}

func (e *examiner) rowBehindHistory(l *look) *Finding {
	if wire.Terminal(l.row.RuntimeStatus) || !e.settled(l) {
		return nil
	}
	end := l.actions.End()
	if end == nil || !wire.Terminal(end.Status) {
		return nil
	}
	return l.finding(KindRowBehindHistory, fmt.Sprintf("it is %s by its history, but its row says %s", end.Status, l.row.RuntimeStatus),
		fmt.Sprintf("ExecutionCompleted in row %s at %s", end.RowKey, clock(end.Timestamp)),
		fmt.Sprintf("the row was written last at %s", clock(l.row.Timestamp)))
}

func (e *examiner) startNotSent(ctx context.Context, l *look) (*Finding, error) {
	due := later(l.row.CreatedTime.Time(), l.row.ScheduledStartTime.Time())
	if l.row.RuntimeStatus != wire.StatusPending || !e.old(due) || !e.old(l.row.Timestamp) || l.row.ExecutionID == "" {
		return nil, nil //nolint:nilnil // nothing found is an answer
	}
	taken, err := e.in.Hub.TakenUp(ctx, l.row)
	if err != nil || taken {
		return nil, err
	}
	return l.finding(KindStartNotSent, "it is Pending, and no message will start it",
		fmt.Sprintf("due since %s, no history of its execution", clock(due)), noMessage), nil
}

// noMessage is evidence.
const noMessage = "no message for it in two looks at the queues"

// brokenByRewind finds what replay.IsBroken finds.
func (e *examiner) brokenByRewind(l *look) *Finding {
	if l.row.RuntimeStatus != wire.StatusFailed || l.actions == nil || !l.current() || !replay.IsBroken(l.actions) {
		return nil
	}
	return l.finding(KindBrokenByRewind, "a rewind has made it non-deterministic, and the engine has given it up",
		`rows with the Reason "Rewound: ..." and an end that says non-deterministic`)
}

func (e *examiner) lockOrphaned(ctx context.Context, l *look) (*Finding, error) {
	s, ok := wire.DecodeEntityStatus([]byte(l.row.CustomStatus.Text))
	if !ok || s.LockedBy == "" || !isEntity(l.row.ID, l.row.Name) || !e.old(l.row.Timestamp) {
		return nil, nil //nolint:nilnil // nothing found is an answer
	}
	owner, err := e.in.Hub.ReadInstance(ctx, s.LockedBy, wire.ColRuntimeStatus)
	state := "does not exist"
	switch {
	case isGone(err):
	case err != nil:
		return nil, err
	case !wire.Terminal(owner.RuntimeStatus):
		return nil, nil //nolint:nilnil // nothing found is an answer
	default:
		state = "is " + owner.RuntimeStatus
	}
	return l.finding(KindEntityLockOrphaned, fmt.Sprintf("it is locked by %q, which %s", s.LockedBy, state),
		waiting(s.Queued), noMessage), nil
}

// historyWithoutRow judges what lies under a key of the History table.
func (e *examiner) historyWithoutRow(ctx context.Context, key string) (*Finding, error) {
	_, err := e.in.Hub.Tables.Get(ctx, e.in.Hub.Instances(), key, "", wire.ColRuntimeStatus)
	if err == nil || !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	rows, last := 0, time.Time{}
	for r, err := range scan.Each(ctx, e.in.Hub, key) {
		if err != nil {
			return nil, err
		}
		rows, last = rows+1, later(last, r.Written)
	}
	if rows == 0 || !e.old(last) {
		return nil, nil //nolint:nilnil // nothing found is an answer
	}
	f := newFinding(KindHistoryWithoutRow, wire.UnescapeKey(key), "it has a history, but no row",
		fmt.Sprintf("%s, the last written at %s", count(rows, "row"), clock(last)), noMessage)
	f.Key = key
	return &f, nil
}

// payloadsWithoutInstance judges a folder of payloads. Its name is an ID, or a partition key.
func (e *examiner) payloadsWithoutInstance(ctx context.Context, folder *scan.Folder) (*Finding, error) {
	if e.in.Hub.Now().Sub(folder.Newest) < e.payloadGrace {
		return nil, nil //nolint:nilnil // nothing found is an answer
	}
	owned, err := e.owned(ctx, folder.Name)
	if err != nil || owned {
		return nil, err
	}
	f := newFinding(KindPayloadsWithoutInstance, folder.Name, "there are payloads, but neither instance nor history",
		fmt.Sprintf("%s, %s, the last written at %s", count(folder.Blobs, "blob"), count(folder.Bytes, "byte"), clock(folder.Newest)), noMessage)
	f.Key = folder.Name
	return &f, nil
}

// owned reports whether anything in the tables may own payloads in a folder.
func (e *examiner) owned(ctx context.Context, folder string) (bool, error) {
	keys := []string{wire.EscapeKey(folder)}
	if wire.UnescapeKey(folder) != folder {
		keys = append(keys, folder)
	}
	for _, key := range keys {
		if wire.UTF16Len(key) > maxKeyLength {
			continue
		}
		_, err := e.in.Hub.Tables.Get(ctx, e.in.Hub.Instances(), key, "", wire.ColRuntimeStatus)
		if errors.Is(err, storage.ErrInvalid) { // nothing can have such a key
			continue
		}
		if err == nil || !errors.Is(err, storage.ErrNotFound) {
			return err == nil, err
		}
		if any, err := scan.Any(ctx, e.in.Hub, key); err != nil || any {
			return any, err
		}
	}
	return false, nil
}

// maxKeyLength is the longest key that a table can have, in UTF-16 units.
const maxKeyLength = 512
