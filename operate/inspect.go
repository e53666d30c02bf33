package operate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/parallel"
	"github.com/go-durable/durable/internal/replay"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// InspectOptions are options for Inspect.
type InspectOptions struct {
	// OmitQueue leaves out the look at the instance's control queue.
	OmitQueue bool
	// OmitPayloads leaves out the list of payloads.
	OmitPayloads bool
}

// Inspection is what an instance is doing.
type Inspection struct {
	InstanceID    string                `json:"instanceId"`
	Name          string                `json:"name"`
	RuntimeStatus durable.RuntimeStatus `json:"runtimeStatus"`
	ExecutionID   string                `json:"executionId"`
	Generation    int                   `json:"generation"`
	// Entity says that it is an entity.
	Entity          bool      `json:"entity,omitempty"`
	CreatedTime     time.Time `json:"createdTime,omitzero"`
	LastUpdatedTime time.Time `json:"lastUpdatedTime,omitzero"`
	CompletedTime   time.Time `json:"completedTime,omitzero"`
	// ScheduledStartTime is when it was to start, zero for at once.
	ScheduledStartTime time.Time `json:"scheduledStartTime,omitzero"`
	// Suspended says that it takes up nothing until it is resumed.
	Suspended bool `json:"suspended,omitempty"`
	// Events counts the events of the current execution, Episodes how often a worker has taken it up.
	Events   int `json:"events"`
	Episodes int `json:"episodes"`
	// Open are the actions that wait for their completion, in order of their event IDs.
	Open []OpenAction `json:"open"`
	// WaitsFor says in words what has to happen before it goes on. Empty for one that has ended.
	WaitsFor []string `json:"waitsFor"`
	// Parent is who started it, nil if that was a client.
	Parent *ParentRef `json:"parent,omitempty"`
	// Children are its sub-orchestrations, in order of their event IDs.
	Children []ChildRef `json:"children"`
	Payloads Payloads   `json:"payloads"`
	// Queue is its control queue, nil if that was not looked at.
	Queue *QueueLook `json:"queue,omitempty"`
	// Warnings are what does not look right.
	Warnings []Warning `json:"warnings"`
}

// OpenAction is an action that waits for its completion.
type OpenAction struct {
	EventID int                      `json:"eventId"`
	Type    durable.HistoryEventType `json:"type"`
	// Name is the activity's, sub-orchestration's or entity operation's name; timers have none.
	Name string `json:"name,omitempty"`
	// InstanceID is the sub-orchestration or the entity.
	InstanceID string `json:"instanceId,omitempty"`
	// Since is when it was scheduled, Due when a timer fires.
	Since time.Time `json:"since"`
	Due   time.Time `json:"due,omitzero"`
}

// ParentRef is the instance that started another one.
type ParentRef struct {
	InstanceID  string `json:"instanceId"`
	ExecutionID string `json:"executionId"`
	Name        string `json:"name"`
	// EventID is the event ID of the parent's action.
	EventID int `json:"eventId"`
	// Detached says that the parent does not wait.
	Detached bool `json:"detached,omitempty"`
}

// ChildRef is a sub-orchestration as its parent knows it.
type ChildRef struct {
	EventID    int    `json:"eventId"`
	InstanceID string `json:"instanceId"`
	Name       string `json:"name"`
	// Answer is "completed", "failed", or "" for none yet.
	Answer string `json:"answer,omitempty"`
	// Detached says that the parent does not wait for it, which only its own history tells: it never answers.
	Detached bool `json:"detached,omitempty"`
}

// Warning is something about an instance that does not look right.
type Warning struct {
	// Code is a word for its kind, such as "TimerOverdue".
	Code string `json:"code"`
	Text string `json:"text"`
	// EventID is the action that it is about, nil for the instance as a whole.
	EventID *int `json:"eventId,omitempty"`
}

// look is what was read of one instance.
type look struct {
	inside  hook.Inside
	row     *wire.Instance
	history *taskhub.History
	// actions is nil where there are no events, or none that fit together: damaged says why.
	actions *replay.History
	damaged error
}

// Inspect returns what an instance is doing: where it stands, what it waits for, and what belongs to it. It reads the
// row, the history, how those sub-orchestrations were started that have not answered, a hundred at most, and, unless told
// otherwise, lists the payloads and peeks at the control queue. Opts may be nil.
//
// Row and history are written one after the other: of an instance that a worker is busy with, one may be ahead.
//
// It returns the errors of [durable.OrchestrationClient.GetHistory].
func Inspect(
	ctx context.Context, c *durable.OrchestrationClient, instanceID string, opts *InspectOptions,
) (*Inspection, error) {
	const op = "Inspect"
	in := open(c)
	if opts == nil {
		opts = &InspectOptions{}
	}
	if err := in.CheckID(instanceID); err != nil {
		return nil, in.Fail(op, instanceID, "", err)
	}
	l, err := readLook(ctx, in, instanceID)
	if err != nil {
		return nil, in.Fail(op, instanceID, "", err)
	}
	i := l.inspection()
	errs := parallel.Do(ctx, 3, 3, func(ctx context.Context, n int) (err error) {
		switch {
		case n == 0 && !opts.OmitPayloads:
			err = i.Payloads.list(ctx, in.Hub, l.row)
		case n == 1 && !opts.OmitQueue:
			i.Queue, err = lookAtQueue(ctx, in.Hub, instanceID)
		case n == 2:
			err = l.findDetached(ctx, i)
		}
		return err
	})
	if err := errors.Join(errs...); err != nil {
		return nil, in.Fail(op, instanceID, l.row.RuntimeStatus, err)
	}
	i.WaitsFor = append(i.WaitsFor, l.waitsFor(i)...)
	i.Warnings = append(i.Warnings, l.warnings(i)...)
	return i, nil
}

// readLook reads the row of an instance and the history of the execution that it names.
func readLook(ctx context.Context, in hook.Inside, instanceID string) (*look, error) {
	row, err := in.Hub.ReadInstance(ctx, instanceID)
	if err != nil {
		return nil, err
	}
	h, err := in.Hub.ReadHistory(ctx, instanceID, "")
	if errors.Is(err, taskhub.ErrHistoryDamaged) {
		return &look{inside: in, row: row, history: h, damaged: err}, nil
	}
	if err != nil {
		return nil, err
	}
	l := &look{inside: in, row: row, history: h}
	if len(h.Events) > 0 {
		l.actions, l.damaged = replay.New(h.Events)
	}
	return l, nil
}

// current reports whether the history is that of the execution which the row names.
func (l *look) current() bool {
	return (len(l.history.Events) > 0 || l.damaged != nil) && (l.row.ExecutionID == "" || wire.SameExecution(l.row.ExecutionID, l.history.ExecutionID))
}

// lastWritten is when the row or the history was written last, as far as it could be read.
func (l *look) lastWritten() time.Time {
	last := l.row.Timestamp
	if s := l.history.Sentinel; s != nil {
		last = later(last, s.Timestamp.Time())
	}
	for i := range l.history.Events {
		last = later(last, l.history.Events[i].Row.Timestamp.Time())
	}
	return last
}

// execution is the current execution: that of the row, or of the history where old engines have written none into the row.
func (l *look) execution() string { return cmp.Or(l.row.ExecutionID, l.history.ExecutionID) }

func (l *look) inspection() *Inspection {
	r := l.row
	i := &Inspection{
		InstanceID: r.ID, Name: r.Name, RuntimeStatus: durable.RuntimeStatus(r.RuntimeStatus), ExecutionID: l.execution(),
		Generation: r.Generation, Entity: isEntity(r.ID, r.Name), CreatedTime: r.CreatedTime.Time(),
		LastUpdatedTime: r.LastUpdatedTime.Time(), CompletedTime: r.CompletedTime.Time(), ScheduledStartTime: r.ScheduledStartTime.Time(),
		Suspended: r.RuntimeStatus == wire.StatusSuspended,
		Open:      []OpenAction{}, WaitsFor: []string{}, Children: []ChildRef{}, Warnings: []Warning{},
	}
	i.Payloads.Input, i.Payloads.Output = len(r.Input.Text), len(r.Output.Text)
	if r.CustomStatus.Text != "null" { // which workers write for none
		i.Payloads.CustomStatus = len(r.CustomStatus.Text)
	}
	if l.current() {
		l.addHistory(i)
	}
	return i
}

// maxAsked bounds how many sub-orchestrations are asked how they were started.
const maxAsked = 100

// findDetached marks the sub-orchestrations for which nobody waits, and takes them out of what is open.
func (l *look) findDetached(ctx context.Context, i *Inspection) error {
	var asked []*ChildRef
	for n := range i.Children {
		if c := &i.Children[n]; c.Answer == "" && len(asked) < maxAsked {
			asked = append(asked, c)
		}
	}
	errs := parallel.Do(ctx, len(asked), parallelism, func(ctx context.Context, n int) error {
		start, err := l.inside.Hub.ReadStart(ctx, wire.EscapeKey(asked[n].InstanceID), "")
		if isGone(err) {
			return nil
		}
		if err != nil || start == nil {
			return err
		}
		p := parentOf(start)
		asked[n].Detached = p != nil && p.Detached && p.is(l, asked[n].EventID)
		return nil
	})
	i.Open = slices.DeleteFunc(i.Open, func(a OpenAction) bool {
		return slices.ContainsFunc(asked, func(c *ChildRef) bool { return c.Detached && c.EventID == a.EventID })
	})
	return errors.Join(errs...)
}

func (l *look) addHistory(i *Inspection) {
	i.Events = len(l.history.Events)
	for n := range l.history.Events {
		ev := &l.history.Events[n]
		if ev.Type == wire.OrchestratorStarted {
			i.Episodes++
		}
		for _, c := range ev.Row.Columns {
			i.Payloads.History += len(c.Text)
		}
		if ev.Type == wire.ExecutionStarted && i.Parent == nil {
			i.Parent = parentOf(ev.Row)
		}
	}
	if l.actions == nil {
		return
	}
	for _, a := range l.actions.Actions() {
		if a.Type == wire.SubOrchestrationInstanceCreated {
			i.Children = append(i.Children, childRef(a))
		}
	}
	if i.RuntimeStatus.IsTerminal() || l.actions.End() != nil {
		return
	}
	i.Suspended = i.Suspended || l.actions.Suspended()
	for _, a := range l.actions.Open() {
		i.Open = append(i.Open, openAction(a))
	}
	i.Open = append(i.Open, l.entityCalls()...)
}

func openAction(a *replay.Action) OpenAction {
	return OpenAction{
		EventID: a.EventID, Type: durable.HistoryEventType(a.Type), Name: a.Name, InstanceID: a.InstanceID,
		Since: a.Timestamp, Due: a.FireAt,
	}
}

func childRef(a *replay.Action) ChildRef {
	c := ChildRef{EventID: a.EventID, InstanceID: a.InstanceID, Name: a.Name}
	switch {
	case a.Succeeded():
		c.Answer = "completed"
	case a.Failed():
		c.Answer = "failed"
	}
	return c
}

// parentOf reads who started the execution whose ExecutionStarted row this is.
func parentOf(start *storage.Entity) *ParentRef {
	p, err := wire.DecodeParent(start.Text(wire.ColParentInstance))
	if err != nil || p == nil || p.InstanceID == "" {
		return nil
	}
	return &ParentRef{
		InstanceID: p.InstanceID, ExecutionID: p.ExecutionID, Name: p.Name, EventID: p.ScheduledID,
		Detached: wire.IsDetached(start.Text(wire.ColTags)),
	}
}

// is reports whether a parent is the action of that instance.
func (p *ParentRef) is(l *look, eventID int) bool {
	return p.InstanceID == l.row.ID && p.EventID == eventID && wire.SameExecution(p.ExecutionID, l.history.ExecutionID)
}

// entityCalls returns the calls of entities that have not been answered: the answer is an event with the ID of the call.
func (l *look) entityCalls() []OpenAction {
	answered := map[string]bool{}
	for n := range l.history.Events {
		if ev := &l.history.Events[n]; ev.Type == wire.EventRaised {
			answered[ev.Name] = true
		}
	}
	var open []OpenAction
	for _, a := range l.actions.Actions() {
		if a.Type != wire.EventSent || !isEntityID(a.InstanceID) {
			continue
		}
		r, ok := wire.DecodeEntityRequest(a.Name, a.Row.Text(wire.ColInput))
		if !ok || r.Signal || answered[r.ID] {
			continue
		}
		call := openAction(a)
		call.Name = r.Operation
		open = append(open, call)
	}
	return open
}

// String says what the action is.
func (a OpenAction) String() string {
	switch a.Type {
	case durable.EventTaskScheduled:
		return fmt.Sprintf("activity %s (event ID %d), scheduled at %s", a.Name, a.EventID, clock(a.Since))
	case durable.EventTimerCreated:
		return fmt.Sprintf("a timer (event ID %d) that fires at %s", a.EventID, clock(a.Due))
	case durable.EventSubOrchestrationCreated:
		return fmt.Sprintf("sub-orchestration %s %q (event ID %d), started at %s", a.Name, a.InstanceID, a.EventID, clock(a.Since))
	case durable.EventEventSent:
		if a.Name == "" {
			return fmt.Sprintf("the lock of entity %s (event ID %d), asked for at %s", a.InstanceID, a.EventID, clock(a.Since))
		}
		return fmt.Sprintf("the answer of entity %s to %q (event ID %d), asked at %s",
			a.InstanceID, a.Name, a.EventID, clock(a.Since))
	default:
		return fmt.Sprintf("%s (event ID %d)", a.Type, a.EventID)
	}
}

func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }
