package durabletest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-durable/durable"
)

// RequireStarted ends the test unless the instance was started with that orchestrator and input, whether it has run
// since or not. Input is compared as JSON; nil is no input.
func (h *TestHub) RequireStarted(instanceID, orchestrator string, input any) {
	h.t.Helper()
	s := h.status(instanceID)
	if s == nil {
		h.t.Fatalf("durabletest: no instance %q was started (hub %s)%s", instanceID, h.hub.Hub(), h.others())
		return
	}
	h.requireSame(fmt.Sprintf("instance %q was started otherwise", instanceID),
		difference{"orchestrator", quoted(orchestrator), quoted(s.Name), s.Name == orchestrator},
		h.jsonDifference("input", input, s.Input))
}

// RequireEventRaised ends the test unless an event of that name, compared without case, and data was raised on the
// instance: its message waits for the app, or the instance's current execution has received it. Data is compared as
// JSON; nil is no data. An event that the app has thrown away, because the instance did not run when it came, counts as
// never raised.
func (h *TestHub) RequireEventRaised(instanceID, eventName string, data any) {
	h.t.Helper()
	want := h.jsonDifference("", data, nil)
	var found []string
	for _, e := range h.raisedOn(instanceID) {
		if strings.EqualFold(e.Name, eventName) && h.jsonDifference("", data, e.Data).same {
			return
		}
		found = append(found, e.Name+" "+shown(e.Data))
	}
	state, others := h.state(instanceID)
	h.t.Fatalf("durabletest: this event was not raised on instance %q (hub %s): %s\n  want %s %s%s%s",
		instanceID, h.hub.Hub(), state, eventName, want.want, listed("but these were", found), others)
}

// RequireTerminated ends the test unless somebody has terminated the instance for that reason, whether the app has
// carried it out since or not.
func (h *TestHub) RequireTerminated(instanceID, reason string) {
	h.t.Helper()
	var found []string
	for _, m := range h.Messages() {
		if m.InstanceID == instanceID && m.Type == durable.EventExecutionTerminated {
			found = append(found, m.Reason)
		}
	}
	if s := h.status(instanceID); s != nil && s.RuntimeStatus == durable.RuntimeStatusTerminated {
		found = append(found, text(s.Output))
	}
	for _, f := range found {
		if f == reason {
			return
		}
	}
	state, others := h.state(instanceID)
	h.t.Fatalf("durabletest: instance %q was not terminated for this reason (hub %s): %s\n  want %q%s%s",
		instanceID, h.hub.Hub(), state, reason, listed("but for these", found), others)
}

// state says what an instance is in; where there is none, also which others there are.
func (h *TestHub) state(instanceID string) (state, others string) {
	if s := h.status(instanceID); s != nil {
		return "it is " + string(s.RuntimeStatus), ""
	}
	return "there is no such instance", h.others()
}

// RequireStatus ends the test unless the instance is in that state.
func (h *TestHub) RequireStatus(instanceID string, want durable.RuntimeStatus) {
	h.t.Helper()
	s := h.status(instanceID)
	switch {
	case s == nil:
		h.noInstance(instanceID)
	case s.RuntimeStatus != want:
		h.t.Fatalf("durabletest: instance %q (hub %s):\n  want %s\n   got %s%s%s", instanceID, h.hub.Hub(), want,
			s.RuntimeStatus, about(s), h.waiting(instanceID))
	}
}

// RequireOutput ends the test unless the instance has ended with that output, which is compared as JSON; nil is no output.
// The output of an instance that has failed or was terminated is the text of the reason.
func (h *TestHub) RequireOutput(instanceID string, output any) {
	h.t.Helper()
	s := h.status(instanceID)
	switch {
	case s == nil:
		h.noInstance(instanceID)
		return
	case !s.RuntimeStatus.IsTerminal():
		h.t.Fatalf("durabletest: instance %q has not ended (hub %s): it is %s%s%s", instanceID, h.hub.Hub(), s.RuntimeStatus,
			about(s), h.waiting(instanceID))
		return
	}
	h.check(s.PayloadError)
	h.requireSame(fmt.Sprintf("instance %q is %s with another output", instanceID, s.RuntimeStatus),
		h.jsonDifference("output", output, s.Output))
}

func (h *TestHub) noInstance(instanceID string) {
	h.t.Helper()
	h.t.Fatalf("durabletest: there is no instance %q (hub %s)%s", instanceID, h.hub.Hub(), h.others())
}

// RequireNoMessages ends the test if a message waits in a queue of the hub, hidden ones such as timers included.
func (h *TestHub) RequireNoMessages() {
	h.t.Helper()
	messages, unseen, err := h.messages(context.Background())
	h.check(err)
	var found []string
	for _, m := range messages {
		found = append(found, m.String())
	}
	if unseen > 0 {
		found = append(found, fmt.Sprintf("%d more that cannot be seen", unseen))
	}
	if len(found) > 0 {
		h.t.Fatalf("durabletest: messages wait (hub %s)%s", h.hub.Hub(), listed("", found))
	}
}

// status returns the status of an instance, nil if there is none.
func (h *TestHub) status(instanceID string) *durable.OrchestrationStatus {
	h.t.Helper()
	s, err := h.look.GetStatus(context.Background(), instanceID, nil)
	if errors.Is(err, durable.ErrInstanceNotFound) {
		return nil
	}
	h.check(err)
	return s
}

// raisedOn returns the events that wait for an instance or that it has received.
func (h *TestHub) raisedOn(instanceID string) []Event {
	h.t.Helper()
	var all []Event
	for _, m := range h.Messages() {
		if m.InstanceID == instanceID && m.Type == durable.EventEventRaised {
			all = append(all, Event{m.Name, m.Data})
		}
	}
	e, err := h.newEpisode(context.Background(), instanceID)
	if errors.Is(err, durable.ErrInstanceNotFound) {
		return all
	}
	h.check(err)
	return append(all, e.events...)
}

// difference is what a test wants, and what there is.
type difference struct {
	what, want, got string
	same            bool
}

func (h *TestHub) requireSame(what string, all ...difference) {
	h.t.Helper()
	var b strings.Builder
	for _, d := range all {
		if !d.same {
			fmt.Fprintf(&b, "\n  %s\n    want %s\n     got %s", d.what, d.want, d.got)
		}
	}
	if b.Len() > 0 {
		h.t.Fatalf("durabletest: %s (hub %s):%s", what, h.hub.Hub(), b.String())
	}
}

// jsonDifference compares a value with JSON, by what they mean.
func (h *TestHub) jsonDifference(what string, want any, got json.RawMessage) difference {
	h.t.Helper()
	t, err := encode("the value to compare with", want)
	h.check(err)
	var wanted json.RawMessage
	if t != nil {
		wanted = json.RawMessage(*t)
	}
	return difference{what, shown(wanted), shown(got), sameJSON(wanted, got)}
}

func sameJSON(a, b json.RawMessage) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	var x, y any
	if decode(a, &x) != nil || decode(b, &y) != nil {
		return bytes.Equal(a, b)
	}
	return reflect.DeepEqual(x, y)
}

// decode keeps numbers as they are written.
func decode(text json.RawMessage, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(v)
}

func quoted(s string) string { return fmt.Sprintf("%q", s) }

// shown returns JSON for a test's output.
func shown(v json.RawMessage) string {
	if v == nil {
		return "(none)"
	}
	return short(string(v))
}

// text returns a text that may be written as JSON.
func text(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	return string(v)
}

// listed lists things in a test's output, if there are any.
func listed(what string, things []string) string {
	if len(things) == 0 {
		return ""
	}
	const limit = 10
	var b strings.Builder
	if what != "" {
		b.WriteString("\n" + what)
	}
	b.WriteString(":")
	for i, thing := range things {
		if i == limit {
			fmt.Fprintf(&b, "\n  and %d more", len(things)-limit)
			break
		}
		b.WriteString("\n  " + thing)
	}
	return b.String()
}

// about says more of an instance whose state is not the wanted one.
func about(s *durable.OrchestrationStatus) string {
	var b strings.Builder
	if s.Output != nil {
		fmt.Fprintf(&b, "\noutput %s", shown(s.Output))
	}
	if s.CustomStatus != nil && string(s.CustomStatus) != noStatus {
		fmt.Fprintf(&b, "\ncustom status %s", shown(s.CustomStatus))
	}
	return b.String()
}

// waiting lists the messages that an instance has not handled.
func (h *TestHub) waiting(instanceID string) string {
	var found []string
	for _, m := range h.Messages() {
		if m.InstanceID == instanceID {
			found = append(found, m.String())
		}
	}
	return listed("messages that wait", found)
}

// others lists the instances that there are.
func (h *TestHub) others() string {
	var found []string
	for s, err := range h.look.QueryInstances(context.Background(), nil, nil) {
		h.check(err)
		found = append(found, fmt.Sprintf("%q, %s, %s", s.InstanceID, s.Name, s.RuntimeStatus))
	}
	return listed("there are", found)
}
