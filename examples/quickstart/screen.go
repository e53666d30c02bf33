package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/go-durable/durable"
)

// width is how wide a terminal is taken to be.
const width = 80

// screen prints what happens, step by step.
type screen struct {
	out  io.Writer
	step int
	err  error // the first failure to print
}

func (s *screen) printf(format string, args ...any) {
	if s.err == nil {
		_, s.err = fmt.Fprintf(s.out, format, args...)
	}
}

// title begins the output.
func (s *screen) title(title, text string) {
	s.printf("\n  %s\n%s\n", title, indent(wrap(text, width-4), 2))
}

// heading begins a step and shows the call that it is about.
func (s *screen) heading(heading, call string) {
	s.step++
	s.printf("\n  %d  %s\n", s.step, heading)
	if call != "" {
		s.printf("     %s\n", call)
	}
	s.printf("\n")
}

// line prints a name and a value, cut to the width.
func (s *screen) line(name, value string) {
	s.printf("     %-14s %s\n", name, shorten(value, width-20))
}

// text prints an explanation.
func (s *screen) text(text string) { s.printf("%s\n", indent(wrap(text, width-6), 5)) }

// status prints what is known of an instance, but for its input, which was just given.
func (s *screen) status(st *durable.OrchestrationStatus) {
	s.line("status", string(st.RuntimeStatus))
	s.json("custom status", st.CustomStatus)
	s.json("output", st.Output)
	if !st.CompletedTime.IsZero() {
		s.line("took", duration(st.CompletedTime.Sub(st.CreatedTime)))
	}
}

// json prints a payload, if there is one.
func (s *screen) json(name string, payload json.RawMessage) {
	if len(payload) > 0 && string(payload) != "null" {
		s.line(name, string(payload))
	}
}

// value prints what an input or an event's data are.
func (s *screen) value(name string, v any) {
	if b, err := json.Marshal(v); err == nil {
		s.json(name, b)
	}
}

// history prints the events of an instance: when they happened, counted from its start, and what they were. Two events
// frame each turn of the orchestrator; they only say that it had one.
func (s *screen) history(start time.Time, events []*durable.HistoryEvent) {
	turns := 0
	for _, e := range events {
		switch e.Type {
		case durable.EventOrchestratorStarted:
			turns++
			continue
		case durable.EventOrchestratorCompleted:
			continue
		default:
		}
		at := "+" + duration(max(e.Timestamp.Sub(start), 0))
		s.printf("     %-10s %-22s %s\n", at, e.Type, shorten(describe(e), width-40))
	}
	s.text("")
	s.text(fmt.Sprintf("The orchestrator was woken %s for this.", times(turns)))
}

// describe says in a few words what an event was about.
func describe(e *durable.HistoryEvent) string {
	words := []string{e.Name}
	switch {
	case e.Status != "":
		words = append(words, string(e.Status))
	case e.Reason != "":
		words = append(words, e.Reason)
	case !e.FireAt.IsZero():
		words = append(words, "fires "+e.FireAt.Format(time.DateTime))
	case e.Result != nil:
		words = append(words, string(e.Result))
	case e.Input != nil && string(e.Input) != "null":
		words = append(words, string(e.Input))
	}
	return strings.TrimSpace(strings.Join(words, " "))
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

// duration rounds to what a person cares about.
func duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	return text
}

// shorten makes a text that comes from elsewhere fit: one line of printable characters.
func shorten(text string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range strings.Join(strings.Fields(text), " ") {
		if n++; n == limit {
			return b.String() + "…"
		}
		if !unicode.IsPrint(r) {
			r = '?'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// wrap breaks a text into lines.
func wrap(text string, limit int) string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > limit {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}

func indent(text string, n int) string {
	if text == "" {
		return ""
	}
	blanks := strings.Repeat(" ", n)
	return blanks + strings.ReplaceAll(text, "\n", "\n"+blanks)
}
