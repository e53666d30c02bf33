package durabletest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// scripted is an episode of a script.
type scripted struct {
	*turn
	host *Host
	play *play
	// out is what is sent, in order, before the history is written (AzureStorageOrchestrationService.cs).
	out []outgoing
}

// outgoing is a message that an episode sends.
type outgoing struct {
	message *wire.Message
	work    bool // into the work-item queue
	delay   time.Duration
}

// run applies messages and writes what comes of them.
func (e *scripted) run(ctx context.Context, letters []*letter) error {
	if e.executionID != "" && !wire.Terminal(e.status) {
		if err := e.catchUp(ctx); err != nil {
			return err
		}
	}
	for _, l := range letters {
		row, err := e.receive(l.message)
		if err != nil {
			return err
		}
		if row == nil {
			continue
		}
		if e.play == nil {
			e.play = e.newPlay(row.Text(wire.ColName))
		}
		e.play.take(row)
	}
	if len(e.rows) == 0 {
		return e.repair(ctx, e.host.hub)
	}
	if err := e.decide(); err != nil {
		return err
	}
	if err := e.send(ctx); err != nil {
		return err
	}
	if err := e.write(ctx, e.host.hub); err != nil {
		return err
	}
	if !e.ended {
		e.host.keepSession(ctx, e.play, e.turn)
	}
	return nil
}

func (e *scripted) newPlay(name string) *play {
	p := &play{instanceID: e.id, executionID: e.executionID, now: e.now, custom: noStatus}
	p.script, p.version = e.host.script(name)
	return p
}

// catchUp finds out where the script stands.
func (e *scripted) catchUp(ctx context.Context) error {
	if e.play = e.host.session(e.id, e.executionID, e.history); e.play != nil {
		e.play.now = e.now
		return nil
	}
	p, err := e.host.replay(ctx, e.id, e.history)
	if err != nil {
		return err
	}
	p.now, e.play = e.now, p
	return nil
}

// maxGenerations bounds how often a script can continue as new without waiting for anything.
const maxGenerations = 1000

// decide adds what the script decides, and starts it over as long as it continues as new.
func (e *scripted) decide() error {
	for range maxGenerations {
		p := e.play
		if p.err != nil {
			return p.err
		}
		e.addActions()
		switch {
		case p.end == nil:
			e.finish()
			return nil
		case p.end.status != wire.StatusContinuedAsNew:
			e.end(p.end.id, p.end.status, textValue(p.end.result))
			e.answerParent()
			e.finish()
			return nil
		}
		if err := e.startOver(); err != nil {
			return err
		}
	}
	return fmt.Errorf("the script %q continues as new again and again without waiting for anything", e.play.name)
}

// finish completes the rows, and shows the custom status.
func (e *scripted) finish() {
	e.custom = e.play.custom
	if len(e.rows) > 0 && e.rows[0].Text(wire.ColEventType) == wire.OrchestratorStarted { // continued as new
		if e.rows[len(e.rows)-1].Text(wire.ColEventType) != wire.OrchestratorCompleted {
			e.append(wire.OrchestratorCompleted, e.newRow(-1))
		}
		return
	}
	e.frame()
}

// addActions adds rows and messages for what the script has decided, in the order of the IDs. That includes what a
// rewind has taken out of the history.
func (e *scripted) addActions() {
	for _, a := range e.play.actions {
		if a.recorded {
			continue
		}
		a.recorded = true
		row := e.newRow(a.id)
		switch a.eventType {
		case wire.TaskScheduled:
			e.schedule(a, row)
		case wire.TimerCreated:
			row.Set(wire.ColFireAt, storage.TimeValue(a.fireAt))
			delay := max(0, a.fireAt.Sub(e.now)).Truncate(time.Second) // as the engine counts it
			e.post(outgoing{message: wire.TimerFiredMessage(e.execution(), a.id, a.fireAt, e.now), delay: delay})
		case wire.EventSent:
			row.Set(wire.ColInstanceID, storage.StringValue(a.instanceID))
			row.Set(wire.ColName, storage.StringValue(a.name))
			setText(row, wire.ColInput, a.input)
			e.post(outgoing{message: wire.EventRaisedMessage(a.instanceID, a.name, a.input, e.now)})
		case wire.SubOrchestrationInstanceCreated:
			e.startChild(a, row)
		}
		e.append(a.eventType, row)
	}
}

func (e *scripted) execution() wire.Execution {
	return wire.Execution{InstanceID: e.id, ExecutionID: e.executionID}
}

func setText(row *storage.Entity, column string, text *string) {
	if text != nil {
		row.Set(column, storage.StringValue(*text))
	}
}

func (e *scripted) schedule(a *action, row *storage.Entity) {
	row.Set(wire.ColName, storage.StringValue(a.name))
	row.Set(wire.ColVersion, storage.StringValue(""))
	if activity, ok := a.step.(Activity); ok {
		e.host.keepJob(e.play, a.id, activity)
	}
	e.post(outgoing{message: wire.TaskScheduledMessage(e.execution(), a.id, a.name, a.input, e.now), work: true})
}

func (e *scripted) startChild(a *action, row *storage.Entity) {
	row.Set(wire.ColName, storage.StringValue(a.name))
	row.Set(wire.ColVersion, storage.StringValue(""))
	row.Set(wire.ColInstanceID, storage.StringValue(a.instanceID))
	row.Set(wire.ColClientSpanID, storage.StringValue(e.host.hub.NewID().N()[:16]))
	c := &wire.Child{
		Execution: wire.Execution{InstanceID: a.instanceID, ExecutionID: e.host.hub.NewID().N()},
		Name:      a.name, Input: a.input,
	}
	if a.detached {
		c.Tags = map[string]string{wire.TagFireAndForget: ""}
	}
	parent := &wire.Parent{Execution: e.execution(), Name: e.play.name, ScheduledID: a.id}
	e.post(outgoing{message: wire.ChildStartMessage(c, parent, e.now)})
}

// answerParent sends the outcome to the instance that waits for it.
func (e *scripted) answerParent() {
	p := e.play
	if _, alone := p.tags[wire.TagFireAndForget]; p.parent == nil || alone {
		return
	}
	m := wire.ChildCompletedMessage(p.parent.Execution, p.parent.ScheduledID, p.end.result, e.now)
	if p.end.status != wire.StatusCompleted {
		var details *string
		if p.end.details != "" {
			details = &p.end.details
		}
		m = wire.ChildFailedMessage(p.parent.Execution, p.parent.ScheduledID, wire.Failure{Reason: p.end.result, Details: details}, e.now)
	}
	e.post(outgoing{message: m})
}

// startOver begins the next generation: the rows so far are dropped, and the script begins again in the same breath
// (TaskOrchestrationDispatcher.cs).
func (e *scripted) startOver() error {
	old := e.play
	child := &wire.Child{
		Execution: wire.Execution{InstanceID: e.id, ExecutionID: e.host.hub.NewID().N()},
		Name:      old.name, Input: old.end.result, Tags: old.tags,
	}
	if err := e.startGeneration(wire.ChildStartMessage(child, old.parent, e.now), old.unused); err != nil {
		return err
	}
	e.play = e.newPlay(old.name)
	e.play.custom = old.custom
	for _, row := range e.rows {
		e.play.take(row)
	}
	return nil
}

func (e *scripted) post(o outgoing) { e.out = append(e.out, o) }

// send sends the messages of the episode.
func (e *scripted) send(ctx context.Context) error {
	number := 1
	for i := range e.history.Events {
		if e.history.Events[i].Type == wire.OrchestratorStarted {
			number++
		}
	}
	for _, o := range e.out {
		o.message.Episode = &number
		o.message.SenderInstanceID, o.message.SenderExecutionID = e.id, e.executionID
		if err := e.host.post(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// post sends a message.
func (h *Host) post(ctx context.Context, o outgoing) error {
	out, err := h.hub.Prepare(ctx, o.message)
	if err != nil {
		return err
	}
	h.keepSent(out, o.message)
	if o.work {
		err = h.hub.SendWork(ctx, out)
	} else {
		err = h.hub.Send(ctx, out, o.delay)
	}
	if err != nil && !errors.Is(err, storage.ErrUncertain) {
		h.hub.Discard(ctx, out)
	}
	if err != nil {
		return fmt.Errorf("send %s: %w", o.message.EventType, err)
	}
	return nil
}

// maxSent bounds how many messages a host remembers: others may have taken them.
const maxSent = 10_000

func (h *Host) keepSent(out *taskhub.Outgoing, m *wire.Message) {
	if out.Blob != "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.sent) >= maxSent {
		clear(h.sent)
	}
	h.sent[out.Text()] = m
}

// read reads a message, or remembers it.
func (h *Host) read(ctx context.Context, text string) (*wire.Message, error) {
	h.mu.Lock()
	m, ok := h.sent[text]
	delete(h.sent, text)
	h.mu.Unlock()
	if ok {
		return m, nil
	}
	return read(ctx, h.hub, text)
}
