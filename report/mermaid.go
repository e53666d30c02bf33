package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/go-durable/durable"
)

// Mermaid writes the history of an instance as a sequence diagram (https://mermaid.js.org), for documents and tickets:
// what the orchestrator asked for, and what came back. Children are not drawn.
func Mermaid(w io.Writer, instance *Instance) error {
	d := &diagram{
		instance: instance, ids: make(map[string]string), actions: make(map[int]*durable.HistoryEvent),
		asked: make(map[string]*durable.HistoryEvent),
	}
	for _, e := range instance.History {
		d.event(e)
	}
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, "sequenceDiagram") //nolint:errcheck // Flush tells
	for _, p := range d.parts {
		fmt.Fprintf(out, "    participant %s as %s\n", d.ids[p.key()], p.label) //nolint:errcheck // Flush tells
	}
	if !d.start.IsZero() {
		at := d.start.UTC().Format(time.RFC3339)
		fmt.Fprintf(out, "    Note over O: started %s\n", at) //nolint:errcheck // Flush tells
	}
	for _, line := range d.lines {
		fmt.Fprintln(out, "    "+line) //nolint:errcheck // Flush tells
	}
	return out.Flush()
}

// diagram is a sequence diagram under construction.
type diagram struct {
	instance *Instance
	start    time.Time
	actions  map[int]*durable.HistoryEvent
	// asked are the calls of entities by the name of the answer.
	asked map[string]*durable.HistoryEvent
	lines []string
	parts []part
	ids   map[string]string
}

// part is a participant.
type part struct{ kind, label string }

func (p part) key() string { return p.kind + " " + p.label }

const (
	asks    = "->>"
	answers = "-->>"
	fails   = "--x"
	tells   = "-)"
)

// The IDs of the participants that are there once.
const (
	orchestratorID = "O"
	callerID       = "C"
)

// mermaidText is how many characters of a text a diagram has.
const mermaidText = 60

func (d *diagram) orchestrator() part {
	name := d.instance.name()
	if name == "" {
		name = "orchestrator"
	}
	return part{orchestratorID, mermaidLabel(name)}
}

func (d *diagram) id(p part) string {
	id, ok := d.ids[p.key()]
	if !ok {
		id = p.kind
		if id != orchestratorID && id != callerID {
			id = fmt.Sprintf("P%d", len(d.parts))
		}
		d.ids[p.key()] = id
		d.parts = append(d.parts, p)
	}
	return id
}

func (d *diagram) arrow(from part, arrow string, to part, text string) {
	fromID, toID := d.id(from), d.id(to)
	d.lines = append(d.lines, fromID+arrow+toID+": "+mermaidEscape(text))
}

func (d *diagram) note(text string) {
	d.lines = append(d.lines, "Note over "+d.id(d.orchestrator())+": "+mermaidEscape(text))
}

// other is the participant that an action is about.
func (d *diagram) other(e *durable.HistoryEvent) part {
	action := e
	if e.ScheduledID != nil && d.actions[*e.ScheduledID] != nil {
		action = d.actions[*e.ScheduledID]
	}
	if action.Type == durable.EventSubOrchestrationCreated {
		return part{"S", mermaidLabel(action.Name) + " (sub-orchestration)"}
	}
	return part{"P", mermaidLabel(action.Name)}
}

// event adds what an event shows. The turns of the orchestrator are left out.
func (d *diagram) event(e *durable.HistoryEvent) {
	if e.Type == durable.EventOrchestratorStarted || e.Type == durable.EventOrchestratorCompleted {
		return
	}
	if d.start.IsZero() {
		d.start = e.Timestamp
	}
	if e.EventID >= 0 {
		d.actions[e.EventID] = e
	}
	d.draw(e)
}

func (d *diagram) draw(e *durable.HistoryEvent) {
	number := ""
	if id, ok := actionID(e); ok {
		number = fmt.Sprintf("[%d]", id) // a # would have to be written as a number itself
	}
	orchestrator := d.orchestrator()
	switch e.Type {
	case durable.EventExecutionStarted:
		d.arrow(caller, asks, orchestrator, d.text(e, "start"))
	case durable.EventTaskScheduled:
		d.arrow(orchestrator, asks, d.other(e), d.text(e, number))
	case durable.EventSubOrchestrationCreated:
		d.arrow(orchestrator, asks, d.other(e), d.text(e, number, e.InstanceID))
	case durable.EventTaskCompleted, durable.EventSubOrchestrationCompleted:
		d.arrow(d.other(e), answers, orchestrator, d.text(e, number))
	case durable.EventTaskFailed, durable.EventSubOrchestrationFailed:
		d.arrow(d.other(e), fails, orchestrator, d.text(e, number, "failed:"))
	case durable.EventEventRaised:
		d.raised(e)
	case durable.EventEventSent:
		d.sent(e, number)
	case durable.EventTimerCreated:
		d.note(d.text(e, number, "timer"))
	case durable.EventTimerFired:
		d.note(d.text(e, number, "timer fired"))
	default:
		d.note(d.text(e, string(e.Type)))
	}
}

var caller = part{callerID, "caller"}

// entity is the participant for an entity.
func entity(id string) part { return part{"E", mermaidLabel(id) + " (entity)"} }

// sent adds an event that was sent: a call of an entity, which will answer, a signal, which it will not, or any other.
func (d *diagram) sent(e *durable.HistoryEvent, number string) {
	request, ok := entityRequest(e)
	switch {
	case !ok:
		d.note(d.text(e, number, "sent", e.Name, "to", e.InstanceID))
	case request.Signal:
		d.arrow(d.orchestrator(), tells, entity(e.InstanceID), d.words(e, request.Input, number, "signal", request.Operation))
	default:
		d.asked[request.ID] = e
		d.arrow(d.orchestrator(), asks, entity(e.InstanceID), d.words(e, request.Input, number, request.Operation))
	}
}

// raised adds an event from outside, or the answer of an entity.
func (d *diagram) raised(e *durable.HistoryEvent) {
	call := d.asked[e.Name]
	if call == nil {
		d.arrow(caller, asks, d.orchestrator(), d.text(e, "event", e.Name))
		return
	}
	delete(d.asked, e.Name)
	number, answer := fmt.Sprintf("[%d]", call.EventID), entityAnswer(e)
	if answer.ExceptionType != "" {
		d.arrow(entity(call.InstanceID), fails, d.orchestrator(), d.words(e, answer.ExceptionType, number, "failed:"))
		return
	}
	if answer.Result == "null" {
		answer.Result = ""
	}
	d.arrow(entity(call.InstanceID), answers, d.orchestrator(), d.words(e, answer.Result, number))
}

// actionID is the event ID of the action that an event is or answers.
func actionID(e *durable.HistoryEvent) (id int, ok bool) {
	if e.ScheduledID != nil {
		return *e.ScheduledID, true
	}
	return e.EventID, e.EventID >= 0
}

// text joins words, what an event brought, and when it was.
func (d *diagram) text(e *durable.HistoryEvent, words ...string) string {
	return d.words(e, outcomeText(e), words...)
}

// words joins words, what came or went, and when an event was.
func (d *diagram) words(e *durable.HistoryEvent, what string, words ...string) string {
	for i := range words {
		words[i] = oneLine(words[i], mermaidText)
	}
	words = append(words, oneLine(what, mermaidText), "(+"+duration(e.Timestamp.Sub(d.start))+")")
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

// outcomeText is what came out of an event, or went in.
func outcomeText(e *durable.HistoryEvent) string {
	const enough = 4 * mermaidText
	var text string
	switch {
	case e.Type == durable.EventTimerCreated:
		text = "fires " + e.FireAt.UTC().Format(time.RFC3339)
	case e.Type == durable.EventTimerFired:
	case e.Reason != "":
		text = e.Reason[:min(len(e.Reason), enough)]
	case len(e.Result) > 0 && string(e.Result) != "null":
		text = string(e.Result[:min(len(e.Result), enough)])
	case len(e.Input) > 0 && string(e.Input) != "null":
		text = string(e.Input[:min(len(e.Input), enough)])
	}
	return strings.TrimSpace(string(e.Status) + " " + text)
}

// mermaidLabel is the label of a participant; what stands before a colon there can be an instruction.
func mermaidLabel(name string) string {
	return strings.ReplaceAll(mermaidEscape(name), ":", "#58;")
}

// mermaidEscape writes what has a meaning in the texts of Mermaid as an entity, and nothing else: diagrams are read as
// they are, too.
func mermaidEscape(s string) string {
	var b strings.Builder
	for _, r := range oneLine(s, maxName) {
		switch {
		case strings.ContainsRune("#;<>&%$", r):
			fmt.Fprintf(&b, "#%d;", r)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}
