package cli

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/go-durable/durable"
)

// diagram is a sequence diagram under construction.
type diagram struct {
	*story
	lines []string
	// names are the participants in order, ids their names in the diagram.
	names []string
	ids   map[string]string
}

// mermaidText is how much of a text a diagram has.
const mermaidText = 60

// showMermaid prints a history as a sequence diagram: what the orchestrator asked for, and what came back.
func (a *app) showMermaid(events []*durable.HistoryEvent) error {
	d := &diagram{story: newStory(events), ids: make(map[string]string)}
	for _, e := range d.events {
		d.event(e)
	}
	out := []string{"sequenceDiagram"}
	for _, name := range d.names {
		out = append(out, fmt.Sprintf("    participant %s as %s", d.ids[name], d.label(name)))
	}
	if !d.start.IsZero() {
		out = append(out, fmt.Sprintf("    Note over O: started %s", stamp(d.start)))
	}
	return a.print("%s", strings.Join(append(out, d.lines...), "\n"))
}

// The participants that are no activity and no sub-orchestration.
const (
	orchestratorPart = "\x00orchestrator"
	callerPart       = "\x00caller"
)

// label is the name that a participant is shown with.
func (d *diagram) label(name string) string {
	switch name {
	case callerPart:
		return "caller"
	case orchestratorPart:
		for _, e := range d.events {
			if e.Type == durable.EventExecutionStarted && e.Name != "" {
				return mermaidEscape(e.Name)
			}
		}
		return "orchestrator"
	}
	kind, name, _ := strings.Cut(name, " ")
	if kind == "sub" {
		return mermaidEscape(name) + " (sub-orchestration)"
	}
	return mermaidEscape(name)
}

// part returns the name of a participant in the diagram, and makes it one.
func (d *diagram) part(name string) string {
	id, ok := d.ids[name]
	if !ok {
		switch name {
		case orchestratorPart:
			id = "O"
		case callerPart:
			id = "C"
		default:
			id = fmt.Sprintf("P%d", len(d.names))
		}
		d.ids[name] = id
		d.names = append(d.names, name)
	}
	return id
}

func (d *diagram) arrow(from, arrow, to, text string) {
	from, to = d.part(from), d.part(to)
	d.lines = append(d.lines, fmt.Sprintf("    %s%s%s: %s", from, arrow, to, mermaidEscape(text)))
}

func (d *diagram) note(text string) {
	d.lines = append(d.lines, fmt.Sprintf("    Note over %s: %s", d.part(orchestratorPart), mermaidEscape(text)))
}

const (
	asks    = "->>"
	answers = "-->>"
	fails   = "--x"
)

// event adds what an event shows.
func (d *diagram) event(e *durable.HistoryEvent) {
	at := " (" + d.after(e) + ")"
	text := func(what string) string {
		return strings.TrimSpace(what+" "+shorten(oneLine(d.outcome(e)), mermaidText)) + at
	}
	numbered := "[" + d.number(e) + "]"
	activity, sub := "act "+d.name(e), "sub "+d.name(e)
	switch e.Type {
	case durable.EventExecutionStarted:
		d.arrow(callerPart, asks, orchestratorPart, text("start"))
	case durable.EventTaskScheduled:
		d.arrow(orchestratorPart, asks, activity, text(numbered))
	case durable.EventTaskCompleted:
		d.arrow(activity, answers, orchestratorPart, text(numbered))
	case durable.EventTaskFailed:
		d.arrow(activity, fails, orchestratorPart, text(numbered+" failed:"))
	case durable.EventSubOrchestrationCreated:
		d.arrow(orchestratorPart, asks, sub, text(numbered+" "+e.InstanceID))
	case durable.EventSubOrchestrationCompleted:
		d.arrow(sub, answers, orchestratorPart, text(numbered))
	case durable.EventSubOrchestrationFailed:
		d.arrow(sub, fails, orchestratorPart, text(numbered+" failed:"))
	case durable.EventEventRaised:
		d.arrow(callerPart, asks, orchestratorPart, text("event "+e.Name))
	case durable.EventEventSent:
		d.note(text(numbered + " sent " + e.Name + " to " + e.InstanceID))
	case durable.EventTimerCreated:
		d.note(text(numbered + " timer"))
	case durable.EventTimerFired:
		d.note(numbered + " timer fired" + at)
	default:
		d.note(text(strings.TrimPrefix(string(e.Type), "Execution")))
	}
}

// mermaidEscape writes what has a meaning in Mermaid as an entity.
func mermaidEscape(s string) string {
	var b strings.Builder
	for _, r := range oneLine(s) {
		switch {
		case strings.ContainsRune("#;<>&%", r):
			fmt.Fprintf(&b, "#%d;", r)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}
