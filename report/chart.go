package report

import (
	"fmt"
	"strings"
	"time"
)

// The columns before the chart: the mark of the critical path, the event ID, the label, how long it took, and blanks
// between them. A row that holds more than one action has no ID. On a narrow terminal labels give way to the chart.
const (
	markColumns  = 1
	idColumns    = 4
	tookColumns  = 7
	blanks       = 3
	labelLeast   = 8
	labelUsual   = 18
	labelMost    = 40
	betweenMarks = 9
)

// chart draws the axis, the orchestrator's turns, and the rows.
func (t *timeline) chart(r *run) {
	rows, left := r.rows(t.MaxRows)
	c := &chart{timeline: t, axis: newAxis(r), label: min(labelUsual, t.labelColumns()), id: idColumns, took: tookColumns}
	for _, row := range rows {
		c.label = min(max(c.label, width(row.label())), t.labelColumns())
		c.id, c.took = max(c.id, len(row.number())), max(c.took, len(row.duration()))
	}
	c.columns = max(t.Width-markColumns-c.id-c.label-c.took-blanks, 1)
	c.scale()
	c.turns(r)
	for _, row := range rows {
		c.row(row)
	}
	if left > 0 {
		t.note("", strings.Repeat(" ", markColumns+idColumns-1), fmt.Sprintf("%d more actions are not shown", left))
	}
}

// labelColumns is how wide labels may be: the wider the terminal, the more.
func (t *timeline) labelColumns() int {
	return min(max(labelLeast, t.Width/3-2), labelMost)
}

// chart places rows along an axis.
type chart struct {
	*timeline
	axis axis
	// id, label, took and columns are how wide the parts of a row are.
	id, label, took, columns int
}

func (c *chart) column(at time.Time) int {
	return min(int(c.axis.at(at)*float64(c.columns)), c.columns-1)
}

// lead is what stands before the chart in each row.
func (c *chart) lead(mark, id, label, took string) string {
	return fit(mark, markColumns, "") + fmt.Sprintf("%*s", c.id, id) + " " + fit(label, c.label, c.style.more) +
		fmt.Sprintf("%*s", c.took, took) + "  "
}

func (c *chart) scale() {
	line := []rune(strings.Repeat(" ", c.columns))
	free := 0
	for _, tick := range c.axis.ticks(max(c.columns/betweenMarks, 2)) {
		at := min(int(tick.at*float64(c.columns)), c.columns-1)
		label := []rune(tick.label)
		if at < free || at+len(label) > c.columns {
			continue
		}
		copy(line[at:], label)
		free = at + len(label) + 1
	}
	c.line(c.lead("", "id", "", "took") + string(line))
}

func (c *chart) turns(r *run) {
	if len(r.turns) == 0 {
		return
	}
	line := []rune(strings.Repeat(" ", c.columns))
	for _, t := range r.turns {
		line[c.column(t.begin)] = c.style.turn
	}
	var label string
	for _, what := range []string{"orchestrator ", "turns ", ""} {
		label = fmt.Sprintf("%s%s%d", what, c.style.times, len(r.turns))
		if width(label) <= c.label {
			break
		}
	}
	c.line(c.lead("", "", label, "") + c.paint(dim, strings.TrimRight(string(line), " ")))
}

func (c *chart) row(w row) {
	line := []rune(strings.Repeat(" ", c.columns))
	// What failed or is open must not hide below what is done.
	for _, o := range []outcome{outcomeUndone, outcomeUnanswered, outcomeDone, outcomeOpen, outcomeFailed} {
		for _, s := range w.spans {
			if s.outcome == o {
				c.draw(line, s)
			}
		}
	}
	mark := ""
	if w.critical() {
		mark = c.style.critical
	}
	label := strings.ReplaceAll(w.label(), "×", c.style.times)
	lead := c.lead(mark, w.number(), label, w.duration())
	if w.critical() {
		lead = c.paint(bold, lead)
	}
	c.line(lead + c.paint(outcomeColours[w.worst()], strings.TrimRight(string(line), " ")))
}

var outcomeColours = [...]string{
	outcomeDone: "", outcomeFailed: red, outcomeOpen: yellow, outcomeUnanswered: dim, outcomeUndone: dim,
}

// draw draws a span: a bar, and at its end how it ended.
func (c *chart) draw(line []rune, s *span) {
	from, to := c.column(s.begin), c.column(s.end)
	bar := c.style.bars[s.kind]
	if s.outcome == outcomeUndone || s.outcome == outcomeUnanswered {
		bar = c.style.undone
	}
	for i := from; i <= to; i++ {
		line[i] = bar
	}
	switch {
	case s.outcome == outcomeFailed:
		line[to] = c.style.failed
	case s.outcome == outcomeOpen:
		line[to] = c.style.open
	case s.kind == kindEvent || s.kind == kindRewind || s.kind == kindWoken:
		line[to] = c.style.event
	case s.detached:
		line[to] = c.style.sent
	}
}
