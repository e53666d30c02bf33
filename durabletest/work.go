package durabletest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-durable/durable/internal/wire"
)

// workTurn runs the activities that wait. It returns how many messages there were.
func (h *Host) workTurn(ctx context.Context) (int, error) {
	letters, err := h.receive(ctx, h.hub.WorkItems(), takeAtOnce)
	if err != nil {
		return 0, err
	}
	if h.order != nil {
		h.order(letters)
	}
	var errs []error
	for _, l := range letters {
		if l.err == nil {
			l.err = h.work(ctx, l)
		}
		if l.err != nil {
			errs = append(errs, l.problem(), h.later(ctx, l))
		}
	}
	return len(letters), errors.Join(errs...)
}

// workItem is what the message for an activity says.
type workItem struct {
	EventID int
	Name    string
	Input   *string
}

func readWorkItem(m *wire.Message) (*workItem, error) {
	e, err := objectMembers(m.Event, make(members, 0, usual))
	if err != nil {
		return nil, err
	}
	id, ok := e.number(wire.ColEventID)
	name := e.text(wire.ColName)
	if m.EventType != wire.TaskScheduled || !ok || name == nil {
		return nil, badEvent("a work item")
	}
	return &workItem{id, *name, e.text(wire.ColInput)}, nil
}

// work runs an activity and sends its result.
func (h *Host) work(ctx context.Context, l *letter) error {
	m := l.message
	item, err := readWorkItem(m)
	if err != nil {
		return err
	}
	activity, err := h.activity(ctx, m, item)
	if err != nil {
		return err
	}
	if activity == nil && l.taken.DequeueCount < maxEarly {
		return h.later(ctx, l) // another host has scheduled it, and may not have written the history yet
	}
	if left := h.left(l, activity); left > 0 {
		return h.release(ctx, l, left)
	}
	answer, err := h.answer(ctx, m, item, activity)
	if err != nil {
		return err
	}
	answer.Episode, answer.SenderInstanceID, answer.SenderExecutionID = m.Episode, m.InstanceID, m.ExecutionID
	if err := h.post(ctx, outgoing{message: answer}); err != nil {
		return err
	}
	h.dropJob(m.ExecutionID, item.EventID)
	return h.remove(ctx, l)
}

// left returns how long an activity still has to run.
func (h *Host) left(l *letter, a *Activity) time.Duration {
	if a == nil || a.Takes == 0 {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	begun, ok := h.begun[l.taken.ID]
	if !ok {
		begun = l.at
		h.begun[l.taken.ID] = begun
	}
	left := a.Takes - l.at.Sub(begun)
	if left <= 0 {
		delete(h.begun, l.taken.ID)
	}
	return left
}

// job names an activity that was scheduled.
type job struct {
	executionID string
	eventID     int
}

func (h *Host) keepJob(p *play, eventID int, a Activity) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.version == h.version {
		h.jobs[job{p.executionID, eventID}] = a
	}
}

func (h *Host) dropJob(executionID string, eventID int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.jobs, job{executionID, eventID})
}

// activity finds the step of a script that a work item is for, nil if the script has none.
func (h *Host) activity(ctx context.Context, m *wire.Message, item *workItem) (*Activity, error) {
	h.mu.Lock()
	a, ok := h.jobs[job{m.ExecutionID, item.EventID}]
	h.mu.Unlock()
	if ok {
		return &a, nil
	}
	history, err := h.hub.ReadHistory(ctx, m.InstanceID, m.ExecutionID)
	if err != nil {
		return nil, err
	}
	p, err := h.replay(ctx, m.InstanceID, history)
	if err != nil {
		return nil, err
	}
	return p.activity(item), nil
}

func (p *play) activity(item *workItem) *Activity {
	if item.EventID < 0 || item.EventID >= len(p.actions) {
		return nil
	}
	if a, ok := p.actions[item.EventID].step.(Activity); ok && a.Name == item.Name {
		return &a
	}
	return nil
}

// answer runs an activity and returns the message with its result.
func (h *Host) answer(ctx context.Context, m *wire.Message, item *workItem, a *Activity) (*wire.Message, error) {
	to := wire.Execution{InstanceID: m.InstanceID, ExecutionID: m.ExecutionID}
	if a == nil {
		reason := fmt.Sprintf("The function '%s' doesn't exist, is disabled, or is not an activity function.", item.Name)
		return wire.TaskFailedMessage(to, item.EventID, wire.Failure{Reason: &reason}, h.hub.Now()), nil
	}
	result, failure := a.Result, a.Failure
	if a.Do != nil {
		var err error
		if result, err = a.Do(ctx, call(m, item)); err != nil {
			failure = cmp.Or(err.Error(), "unknown error")
		}
	}
	if failure != "" {
		reason := activityFailed(a.Name) + failure
		var details *string
		if a.Details != "" {
			details = &a.Details
		}
		return wire.TaskFailedMessage(to, item.EventID, wire.Failure{Reason: &reason, Details: details}, h.hub.Now()), nil
	}
	text, err := encode("the result of "+a.Name, result)
	return wire.TaskCompletedMessage(to, item.EventID, text, h.hub.Now()), err
}

// call tells an activity what it is to do. Its input lies in an array of one.
func call(m *wire.Message, item *workItem) ActivityCall {
	c := ActivityCall{InstanceID: m.InstanceID, Name: item.Name}
	if item.Input == nil {
		return c
	}
	var inputs []json.RawMessage
	if err := json.Unmarshal([]byte(*item.Input), &inputs); err == nil && len(inputs) == 1 {
		c.Input = inputs[0]
	}
	return c
}
