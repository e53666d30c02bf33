package operate

import (
	"context"
	"fmt"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// RescheduleOptions are options for Reschedule.
type RescheduleOptions struct {
	MoveOptions
	// IdleTime is how long nothing may have been written to the instance. Defaults to one minute, which is twice what a host
	// with extended sessions keeps a history in memory for unless it is told otherwise
	// (extendedSessionIdleTimeoutInSeconds of host.json).
	IdleTime time.Duration
}

const defaultIdleTime = time.Minute

// Reschedule lets a running instance schedule an activity again whose work item is gone: a host died with it. Without that
// the instance waits for ever. If the activity is not lost after all, it runs twice, and the first result counts.
//
// The activity's row in the history becomes one that replay passes over, and a message wakes the orchestrator, which then
// schedules the activity anew with the same event ID and input. The row is rewritten only if neither it nor the
// checkpoint of the instance has changed, in one transaction: a worker that is at work on the instance at the same moment
// loses or wins, and who loses looks again. A worker that loses takes its turn again, as after a crash: what it had just
// scheduled or sent may be done twice. The reason is what the message says, and goes into the history.
//
// A Reschedule that was interrupted between row and message is finished by repeating it. Opts may be nil.
//
// It returns [durable.ErrConflict] if the instance changed meanwhile, [durable.ErrInvalidState] also if it has not been idle
// for long enough, and the errors of [FireTimer].
func Reschedule(
	ctx context.Context, c *durable.OrchestrationClient, instanceID string, eventID int, reason string,
	opts *RescheduleOptions,
) (*Move, error) {
	const op = "Reschedule"
	in := open(c)
	if opts == nil {
		opts = &RescheduleOptions{}
	}
	idle := opts.IdleTime
	if idle == 0 {
		idle = defaultIdleTime
	}
	err := in.CheckWakeReason(reason)
	if err == nil && idle < 0 {
		err = invalid("IdleTime is negative")
	}
	if err != nil {
		return nil, in.Fail(op, instanceID, "", err)
	}
	m, err := newRescheduler(ctx, c, op, instanceID, eventID, &opts.MoveOptions)
	if err != nil {
		return nil, err
	}
	if err := m.checkIdle(idle); err != nil {
		return nil, m.fail(err)
	}
	m.note("if the activity still runs, it runs twice")
	if !opts.DryRun && m.move.Row != "" {
		if err := m.rewrite(ctx); err != nil {
			return m.move, m.fail(err)
		}
	}
	message := wire.WakeMessage(instanceID, reason, in.Hub.Now())
	message.SetSender(wire.Execution{InstanceID: instanceID})
	return m.send(ctx, message)
}

// rescheduled is what the Reason of a row says that was rewritten.
const rescheduled = wire.RewoundPrefix + wire.TaskScheduled

// newRescheduler is newMover for an activity that is open, or whose row an interrupted Reschedule has rewritten already.
func newRescheduler(
	ctx context.Context, c *durable.OrchestrationClient, op, instanceID string, eventID int, opts *MoveOptions,
) (*mover, error) {
	m, err := newMover(ctx, c, op, instanceID, eventID, wire.TaskScheduled, opts)
	if err == nil {
		m.move.Row = m.action.RowKey
		return m, nil
	}
	l, lookErr := readLook(ctx, open(c), instanceID)
	if lookErr != nil || !l.current() || l.actions == nil || l.actions.End() != nil || wire.Terminal(l.row.RuntimeStatus) {
		return nil, err
	}
	if l.actions.Action(eventID) != nil || !opts.fit(l) {
		return nil, err
	}
	last := lastCheckpoint(l)
	for i := range l.history.Events {
		ev := &l.history.Events[i]
		if ev.Type != wire.GenericEvent || ev.EventID != eventID || ev.Reason != rescheduled || ev.Row.Timestamp.Time().Before(last) {
			continue
		}
		m := &mover{op: op, opts: *opts, look: l, move: &Move{
			InstanceID: l.row.ID, ExecutionID: l.history.ExecutionID, RuntimeStatus: durable.RuntimeStatus(l.row.RuntimeStatus),
			Action: OpenAction{EventID: eventID, Type: durable.EventTaskScheduled, Name: ev.Name, Since: ev.Timestamp},
			Notes:  []string{"its row was rewritten by an earlier attempt; only the message is missing"},
		}}
		return m, nil
	}
	return nil, err
}

// lastCheckpoint is when a worker last wrote events.
func lastCheckpoint(l *look) time.Time {
	var last time.Time
	for i := range l.history.Events {
		if ev := &l.history.Events[i]; framesTurn(ev) {
			last = later(last, ev.Row.Timestamp.Time())
		}
	}
	return last
}

// framesTurn reports whether an event is one that every checkpoint has and that nobody but a worker ever writes: others
// may have been rewritten since, by a rewind or back again when that was healed.
func framesTurn(ev *wire.Event) bool {
	return ev.Type == wire.OrchestratorStarted || ev.Type == wire.OrchestratorCompleted
}

// checkIdle refuses an instance that a host may hold in memory: it would go on with the history that it knows.
func (m *mover) checkIdle(idle time.Duration) error {
	last := later(lastCheckpoint(m.look), m.look.row.Timestamp)
	if since := m.look.inside.Hub.Now().Sub(last); since < idle {
		return wrongState("it was written to %s ago, and a host may still hold its history in memory: try again in %s",
			since.Truncate(time.Second), (idle - since + time.Second).Truncate(time.Second))
	}
	return nil
}

// rewrite makes the activity's row a GenericEvent. The sentinel is written as it is, in the same transaction and with its
// version, so that no worker can write a checkpoint from the old history any more. A worker may have it in memory: from a
// turn that has begun, from an extended session, or read ahead for messages that wait, to which it then adds the one that
// wakes (OrchestrationSessionManager.cs). By the old history the activity is on its way: such a worker would use the
// message up and schedule nothing, and the instance would wait for ever, with nothing left to show why.
//
// Its checkpoint is conditional on the sentinel (UploadHistoryBatch in AzureTableTrackingStore.cs), and fails as it does
// when another worker was faster: it drops the session with its history and puts the messages back, and whoever takes them
// reads again (CompleteTaskOrchestrationWorkItemAsync in AzureStorageOrchestrationService.cs, WorkItemDispatcher.cs; 1.17.5
// and 2.9.1). A rewind needs none of that: for an instance that has ended no worker writes a checkpoint.
func (m *mover) rewrite(ctx context.Context) error {
	hub, l := m.look.inside.Hub, m.look
	sentinel := l.history.Sentinel
	if sentinel == nil {
		return wrongState("its history has no sentinel")
	}
	row := &storage.Entity{PartitionKey: l.row.Key, RowKey: m.action.RowKey}
	row.Set(wire.ColEventType, text(wire.GenericEvent))
	row.Set(wire.ColReason, text(rescheduled))
	same := &storage.Entity{PartitionKey: l.row.Key, RowKey: wire.SentinelKey}
	same.Set(wire.ColExecutionID, sentinel.Get(wire.ColExecutionID))
	err := hub.Tables.Batch(ctx, hub.Names.History(), []storage.Op{
		{Kind: storage.OpMerge, Entity: row, Match: m.action.ETag},
		{Kind: storage.OpMerge, Entity: same, Match: sentinel.ETag},
	})
	if err != nil {
		return fmt.Errorf("rewrite row %s of the history: %w", m.action.RowKey, gone(err))
	}
	return nil
}
