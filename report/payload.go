package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-durable/durable"
)

// text is a text of the app as it was found: its beginning, and how long it is.
type text struct {
	name, begin string
	size        int
}

// null reports whether it is the JSON null, which says nothing, even if it was cut.
func (t text) null() bool {
	const null = "null"
	return t.size == len(null) && strings.HasPrefix(null, t.begin)
}

// payload is such a text as the page shows it.
type payload struct {
	Name, Size, Text, Note string
}

func cutBytes[T ~[]byte](b T, n int) T { return b[:min(len(b), n)] }

func cutString(s string, n int) string { return s[:min(len(s), n)] }

// payloads are texts to be opened. What the page has no room for has a note.
func (m *maker) payloads(texts ...text) []*payload {
	var all []*payload
	for _, t := range texts {
		if t.size == 0 || t.null() || m.OmitPayloads {
			continue
		}
		p := &payload{Name: t.name, Size: size(t.size)}
		all = append(all, p)
		if m.MaxPayloads <= 0 {
			p.Note = "Not shown: the page has no more room for payloads."
			continue
		}
		p.Text = readable(t)
		if len(t.begin) < t.size {
			p.Note = "Cut: the first " + size(len(t.begin)) + " of " + p.Size + " are shown."
		}
		m.MaxPayloads -= len(template.HTMLEscapeString(p.Text))
	}
	return all
}

// maxIndent is how deep a JSON text may be nested to be broken into lines: each level makes every line longer.
const maxIndent = 32

// readable is a text in harmless characters; whole JSON texts are broken into lines.
func readable(t text) string {
	begin := t.begin
	if len(begin) < t.size {
		for n := 0; n < utf8.UTFMax && len(begin) > 0 && !utf8.ValidString(begin[max(0, len(begin)-utf8.UTFMax):]); n++ {
			begin = begin[:len(begin)-1]
		}
	} else if depth(begin) <= maxIndent {
		var b bytes.Buffer
		if json.Indent(&b, []byte(begin), "", "  ") == nil {
			begin = b.String()
		}
	}
	return visible(begin)
}

// depth is how deep brackets are nested at most, those in strings included.
func depth(s string) int {
	deep, most := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '[', '{':
			deep++
			most = max(most, deep)
		case ']', '}':
			deep--
		}
	}
	return most
}

// actions are those of a history as far as it was read.
type actions struct {
	names map[int]string
	// asked are the calls of entities by the name of the answer.
	asked map[string]int
}

func newActions() *actions { return &actions{make(map[int]string), make(map[string]int)} }

// of is the action that the next event is or answers, -1 for none, and its name, or else the event's.
func (a *actions) of(e *durable.HistoryEvent) (id int, name string) {
	id, ok := actionID(e)
	switch call, answers := a.asked[e.Name]; {
	case e.Type == durable.EventEventRaised && answers:
		return call, a.names[call]
	case !ok:
		return -1, e.Name
	case e.ScheduledID != nil:
		return id, cmp.Or(e.Name, a.names[id])
	}
	a.names[id] = e.Name
	if request, ok := entityRequest(e); ok {
		a.names[id] = request.Operation
		a.asked[request.ID] = id
	}
	return id, a.names[id]
}

// eventRow is an event in the list. One without a type stands for those that are not listed.
type eventRow struct {
	After, Number, Type, Class, About, Reason string
	Payloads                                  []*payload
	Skipped                                   int
}

// events lists the events of a run, as many as the page has room for.
func (m *maker) events(r *run) (rows []*eventRow, listed int) {
	events := r.instance.History
	head, tail := len(events), 0
	if len(events) > m.MaxEvents {
		tail = m.MaxEvents / 2
		head = m.MaxEvents - tail
	}
	if m.MaxEvents -= head + tail; head == 0 {
		return nil, 0
	}
	actions := newActions()
	for n, e := range events {
		id, name := actions.of(e)
		switch {
		case n < head || n >= len(events)-tail:
			rows = append(rows, m.eventRow(r, e, id, name))
		case n == head:
			rows = append(rows, &eventRow{Skipped: len(events) - head - tail})
		}
	}
	return rows, head + tail
}

func (m *maker) eventRow(r *run, e *durable.HistoryEvent, id int, name string) *eventRow {
	row := &eventRow{
		After: "+" + exact(max(e.Timestamp.Sub(r.begin), 0)), Type: oneLine(string(e.Type), maxName),
		Reason: oneLine(e.Reason, maxReason),
	}
	if id >= 0 {
		row.Number = fmt.Sprintf("#%d", id)
	}
	switch e.Type {
	case durable.EventTaskFailed, durable.EventSubOrchestrationFailed, durable.EventExecutionTerminated:
		row.Class = "failed"
	case durable.EventOrchestratorStarted, durable.EventOrchestratorCompleted, durable.EventGeneric:
		row.Class = "quiet"
	default:
	}
	words := []string{oneLine(name, maxName), oneLine(e.InstanceID, maxName), oneLine(string(e.Status), maxName)}
	if !e.FireAt.IsZero() {
		words = append(words, "due "+e.FireAt.UTC().Format(stamp))
	}
	row.About = strings.Join(strings.Fields(strings.Join(words, " ")), " ")
	row.Payloads = m.payloads(
		text{"input", string(cutBytes(e.Input, m.MaxPayload)), len(e.Input)},
		text{"result", string(cutBytes(e.Result, m.MaxPayload)), len(e.Result)},
		text{"details", cutString(e.Details, m.MaxPayload), len(e.Details)},
		text{"failure", string(cutBytes(e.FailureDetails, m.MaxPayload)), len(e.FailureDetails)},
		m.properties(e),
	)
	if e.PayloadError != nil {
		row.Payloads = append(row.Payloads, &payload{Name: "payload", Note: "Its blob is gone."})
	}
	return row
}

// usual are columns that every row has and that say nothing new.
var usual = []string{"ExecutionId", "IsPlayed", "OrchestrationInstance"}

// properties are the columns of an event for which there is no other place.
func (m *maker) properties(e *durable.HistoryEvent) text {
	var names []string
	for name := range e.Properties {
		if !slices.Contains(usual, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var b strings.Builder
	whole := 0
	for _, name := range names {
		line := name + ": "
		whole += len(line) + len(e.Properties[name]) + 1
		if room := m.MaxPayload - b.Len(); room > 0 {
			b.WriteString(cutString(line+cutString(e.Properties[name], m.MaxPayload)+"\n", room))
		}
	}
	return text{"more", strings.TrimSuffix(b.String(), "\n"), max(whole-1, 0)}
}
