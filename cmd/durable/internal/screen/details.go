package screen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/go-durable/durable/cmd/durable/internal/text"
)

// Details prints names and values, one a line.
type Details struct {
	screen *Screen
	err    error
}

// Details begins to print.
func (s *Screen) Details() *Details { return &Details{screen: s} }

// Err is the first error of printing. After it, nothing more is printed.
func (d *Details) Err() error { return d.err }

const nameWidth = 15

// Add adds a value. What does not fit on a line goes on below it, and an empty one is left out.
func (d *Details) Add(name, value string) {
	if value == "" || d.err != nil {
		return
	}
	value = strings.TrimRight(text.Printable(value), "\n")
	if limit := d.screen.Columns(); limit > 0 {
		value = text.Hang(value, max(limit-nameWidth, text.Narrowest))
	}
	for line := range strings.SplitSeq(value, "\n") {
		d.line(name, line)
		name = ""
	}
}

// Styled adds a value of one line that is printable and has its colours already.
func (d *Details) Styled(name, value string) {
	if value != "" {
		d.line(name, value)
	}
}

func (d *Details) line(name, value string) {
	if d.err == nil {
		d.err = d.screen.Print("%s%s", d.screen.Paint(Dim, fmt.Sprintf("%-*s", nameWidth, name)), value)
	}
}

// JSON adds a payload: in one line if it fits, else indented.
func (d *Details) JSON(name string, payload json.RawMessage) {
	if len(payload) == 0 || string(payload) == "null" {
		return
	}
	var s string
	if json.Unmarshal(payload, &s) == nil && strings.ContainsAny(s, "\n") {
		d.Add(name, s) // a text of several lines, such as a stack trace
		return
	}
	one := text.CompactJSON(payload)
	limit := d.screen.Columns()
	if limit == 0 || nameWidth+text.Width(one) <= limit {
		d.Add(name, one)
		return
	}
	d.Add(name, indented(payload))
}

// indented returns a JSON text in lines, and what is no JSON as it is.
func indented(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return string(raw)
	}
	return b.String()
}
