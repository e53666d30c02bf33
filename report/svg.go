package report

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// The measures of a drawing, in units of its own; it is as wide as the page.
const (
	svgWidth = 1040
	svgRow   = 26
	svgTop   = 30
	svgLeft  = 388
	svgRight = 1018
	svgBar   = 12
	svgLine  = 3
	svgLeast = 4
	svgTicks = 7
	svgRows  = 60
	// svgLabel is how many characters a label has at most; svgLabels is where labels begin, svgChar how wide a character
	// is at most, in bold. svgTook is the room for how long a row took.
	svgLabel  = 31
	svgLabels = 62
	svgChar   = 9
	svgTook   = 66
	// svgCross is how far behind a bar the middle of its cross is.
	svgCross = 9
)

// drawing is a timeline as the template draws it.
type drawing struct {
	Width, Height, TookX, LabelW, Top, Bottom string
	Label                                     string
	Grid                                      []gridLine
	Turns                                     []mark
	TurnsLabel, TurnsY, TurnsTop, TurnsEnd    string
	Rows                                      []drawnRow
	Left0                                     int
	Legend                                    []legend
}

type gridLine struct{ X, Label, Anchor string }

type mark struct{ X, Title string }

type drawnRow struct {
	Y, TextY, Number, Label, Took, Title, Link string
	Critical, Even                             bool
	Class                                      string
	Bars                                       []bar
}

// bar is a span: a rectangle, and what stands at its end.
type bar struct {
	Class, X, Y, W, H, EndX, EndY, End string
}

type legend struct{ Class, Text string }

func num(x float64) string {
	return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64)
}

func (m *maker) draw(r *run) *drawing {
	rows, left := r.rows(svgRows)
	c := newCanvas(r, rows)
	bottom := float64(svgTop + svgRow*(len(rows)+1))
	d := &drawing{
		Width: num(svgWidth), Height: num(bottom + 8), TookX: num(c.left - 16), LabelW: num(c.left - svgLabels - svgTook),
		Top: num(svgTop - 6), Bottom: num(bottom), Left0: left,
		Label:      "Timeline: " + oneLine(r.instance.name(), maxName) + ", " + r.summary() + ". " + r.whereTheTimeWent(),
		TurnsLabel: fmt.Sprintf("orchestrator ×%d", len(r.turns)), TurnsY: num(svgTop + 17),
		TurnsTop: num(svgTop + 7), TurnsEnd: num(svgTop + 19),
		Legend: legendOf(r),
	}
	for _, t := range c.ticks(svgTicks) {
		anchor := "middle"
		if t.at == 0 {
			anchor = "start"
		}
		d.Grid = append(d.Grid, gridLine{num(c.place(t.at)), t.label, anchor})
	}
	for _, t := range r.shownTurns() {
		d.Turns = append(d.Turns, mark{num(c.x(t.begin)), "turn at +" + duration(t.begin.Sub(r.begin))})
	}
	for n, row := range rows {
		d.Rows = append(d.Rows, m.drawRow(r, c, row, n))
	}
	return d
}

// shownTurns are at most as many turns as have room side by side.
func (r *run) shownTurns() []turn {
	const most = 400
	if len(r.turns) <= most {
		return r.turns
	}
	shown := make([]turn, 0, most)
	for i := range most {
		shown = append(shown, r.turns[i*len(r.turns)/most])
	}
	return shown
}

// canvas places times between the labels and the right edge.
type canvas struct {
	axis
	left float64
}

// newCanvas leaves as much room for labels as they need.
func newCanvas(r *run, rows []row) canvas {
	columns := len("orchestrator ×10")
	for _, w := range rows {
		columns = max(columns, min(width(w.label()), svgLabel))
	}
	return canvas{newAxis(r), svgLabels + math.Ceil(float64(columns)*svgChar) + svgTook}
}

func (c canvas) place(at float64) float64 { return c.left + at*(svgRight-c.left) }

func (c canvas) x(t time.Time) float64 { return c.place(c.at(t)) }

func (m *maker) drawRow(r *run, c canvas, w row, n int) drawnRow {
	y := float64(svgTop + svgRow*(n+1))
	d := drawnRow{
		Y: num(y), TextY: num(y + 17), Number: w.number(), Label: trimmed(w.label(), svgLabel), Critical: w.critical(),
		Took: w.duration(), Even: n%2 == 0, Class: "o-" + outcomeClasses[w.worst()], Title: w.title(r.begin),
	}
	if s := w.spans[0]; len(w.spans) == 1 && s.kind == kindChild {
		d.Link = m.anchors[s.target]
	}
	const most = 400 // bars of one row: more cannot be told apart
	for i, s := range w.spans {
		if len(w.spans) <= most || s.outcome != outcomeDone || i%(len(w.spans)/most+1) == 0 {
			d.Bars = append(d.Bars, newBar(c, s, y+svgRow/2))
		}
		if len(d.Bars) >= 2*most {
			break
		}
	}
	return d
}

// trimmed cuts a label to a width.
func trimmed(s string, columns int) string {
	if width(s) <= columns {
		return s
	}
	return fit(s, columns, "…")
}

// title says all about a row, where a pointer rests on it.
func (w row) title(begin time.Time) string {
	s := w.spans[0]
	if len(w.spans) > 1 {
		return fmt.Sprintf("%s: %s in all", w.label(), duration(w.took()))
	}
	text := s.number() + s.label()
	if s.target != "" && s.kind == kindChild {
		text += " (" + oneLine(s.target, maxName) + ")"
	}
	text += fmt.Sprintf(", %s, %s: +%s", s.kind, s.outcome, duration(s.begin.Sub(begin)))
	if !s.moment() {
		text += fmt.Sprintf(" to +%s, %s", duration(s.end.Sub(begin)), duration(s.took()))
	}
	if s.reason != "" {
		text += ": " + oneLine(s.reason, maxReason)
	}
	return text
}

var outcomeClasses = [...]string{
	outcomeDone: "done", outcomeFailed: "failed", outcomeOpen: "open", outcomeUnanswered: "left", outcomeUndone: "undone",
}

var kindClasses = [...]string{
	kindQueue: "queue", kindScheduled: "wait", kindActivity: "activity", kindChild: "child", kindEntity: "entity",
	kindTimer: "timer", kindEvent: "event", kindWait: "wait", kindSent: "sent", kindSuspended: "held", kindEnd: "end",
	kindRewind: "rewind", kindWoken: "rewind",
}

func newBar(c canvas, s *span, middle float64) bar {
	from, to := c.x(s.begin), c.x(s.end)
	high := float64(svgBar)
	switch s.kind {
	case kindTimer, kindScheduled, kindEvent, kindWait, kindRewind, kindWoken:
		high = svgLine
	case kindQueue, kindActivity, kindChild, kindEntity, kindSent, kindSuspended, kindEnd:
	}
	if s.outcome == outcomeUndone || s.outcome == outcomeUnanswered {
		high = svgBar // a thin line cannot be dashed
	}
	wide := max(to-from, svgLeast)
	from = min(from, svgRight-wide)
	b := bar{
		Class: "k-" + kindClasses[s.kind] + " o-" + outcomeClasses[s.outcome],
		X:     num(from), Y: num(middle - high/2), W: num(wide), H: num(high),
		EndX: num(from + wide), EndY: num(middle),
	}
	switch {
	case s.outcome == outcomeFailed:
		b.End = "cross"
	case s.outcome == outcomeOpen:
		b.End = "arrow"
	case s.outcome != outcomeDone:
	case s.kind == kindEvent || s.kind == kindRewind || s.kind == kindWoken || s.kind == kindSent || s.detached:
		b.End = "diamond"
	case s.kind == kindTimer:
		b.End = "circle"
	case s.kind == kindEnd:
		b.End = "cross"
	}
	if s.moment() && s.outcome == outcomeDone { // the mark says it all
		b.W, b.EndX = "", num(c.x(s.begin))
		if b.End == "cross" {
			b.EndX = num(c.x(s.begin) - svgCross)
		}
	}
	return b
}

// legendOf explains what a drawing has, and nothing else.
func legendOf(r *run) []legend {
	var all []legend
	seen := make(map[legend]bool)
	add := func(class, text string) {
		if l := (legend{class, text}); !seen[l] {
			seen[l] = true
			all = append(all, l)
		}
	}
	add("critical", "critical path")
	for _, s := range r.spans {
		add("k-"+kindClasses[s.kind]+" o-done", s.kind.String())
	}
	for _, s := range r.spans {
		if s.outcome != outcomeDone {
			add("k-activity o-"+outcomeClasses[s.outcome], s.outcome.String())
		}
	}
	return all
}
