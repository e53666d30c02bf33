package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// row is a line of a picture: one span, or all of a kind and name where there are too many.
type row struct {
	spans []*span
}

// rows puts spans into at most limit rows, and says how many spans have no place.
func (r *run) rows(limit int) (rows []row, left int) {
	if len(r.spans) <= limit {
		for _, s := range r.spans {
			rows = append(rows, row{[]*span{s}})
		}
		return rows, 0
	}
	type key struct {
		kind kind
		name string
	}
	index := make(map[key]int)
	for _, s := range r.spans {
		k := key{s.kind, s.name}
		i, ok := index[k]
		if !ok {
			i = len(rows)
			index[k] = i
			rows = append(rows, row{})
		}
		rows[i].spans = append(rows[i].spans, s)
	}
	if len(rows) <= limit {
		return rows, 0
	}
	return mostTelling(rows, limit)
}

// mostTelling keeps the rows that matter most, in their order.
func mostTelling(rows []row, limit int) (kept []row, left int) {
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(rows[b].weight(), rows[a].weight()), cmp.Compare(rows[b].took(), rows[a].took()))
	})
	for _, i := range order[limit:] {
		left += len(rows[i].spans)
	}
	order = order[:limit]
	slices.Sort(order)
	for _, i := range order {
		kept = append(kept, rows[i])
	}
	return kept, left
}

func (w row) weight() int {
	n := 0
	for _, s := range w.spans {
		switch {
		case s.outcome == outcomeFailed:
			n = max(n, 3)
		case s.outcome == outcomeOpen:
			n = max(n, 2)
		case s.critical:
			n = max(n, 1)
		}
	}
	return n
}

// took is the time of all spans of the row, one after the other.
func (w row) took() time.Duration {
	var d time.Duration
	for _, s := range w.spans {
		d += s.took()
	}
	return d
}

// duration says how long the row took, of which a moment says nothing.
func (w row) duration() string {
	if len(w.spans) == 1 && w.spans[0].moment() {
		return ""
	}
	return duration(w.took())
}

func (w row) critical() bool {
	return slices.ContainsFunc(w.spans, func(s *span) bool { return s.critical })
}

// worst is the outcome that deserves most attention.
func (w row) worst() outcome {
	for _, o := range []outcome{outcomeFailed, outcomeOpen, outcomeDone, outcomeUnanswered} {
		if slices.ContainsFunc(w.spans, func(s *span) bool { return s.outcome == o }) {
			return o
		}
	}
	return outcomeUndone
}

// number is the event ID, where there is one.
func (w row) number() string {
	if len(w.spans) > 1 || w.spans[0].id < 0 {
		return ""
	}
	return fmt.Sprint(w.spans[0].id)
}

// label says what the row shows.
func (w row) label() string {
	first := *w.spans[0]
	if len(w.spans) == 1 {
		return first.label()
	}
	first.target = ""
	return fmt.Sprintf("%s ×%d", first.label(), len(w.spans))
}

// label says what a span is.
func (s *span) label() string {
	switch s.kind {
	case kindActivity, kindChild:
		if s.detached {
			return oneLine(s.name, maxName) + ", detached"
		}
		return oneLine(s.name, maxName)
	case kindEntity, kindSent:
		if s.target == "" {
			return oneLine(s.name, maxName)
		}
		preposition := " to "
		if s.kind == kindEntity && s.name == lock {
			preposition = " of "
		}
		return strings.TrimSpace(oneLine(s.name, maxName) + preposition + oneLine(s.target, maxName))
	case kindEvent:
		return "event " + oneLine(s.name, maxName)
	case kindWait:
		return "waits for an event"
	case kindQueue, kindScheduled, kindTimer, kindSuspended, kindEnd, kindRewind, kindWoken:
	}
	return s.kind.String()
}

// about is the label, and of a sub-orchestration the instance as well.
func (s *span) about() string {
	if s.kind != kindChild || s.target == "" {
		return s.label()
	}
	return strings.TrimSpace(s.label() + " " + oneLine(s.target, maxName))
}

// moments are spans that are drawn as a mark, not as a bar.
func (s *span) moment() bool {
	return s.kind == kindSent || s.kind == kindEnd || s.detached || (s.kind == kindEvent || s.kind == kindWoken) && s.took() == 0
}

// axis turns times into places.
type axis struct {
	begin time.Time
	took  time.Duration
}

func newAxis(r *run) axis {
	return axis{r.begin, max(r.took(), time.Millisecond)}
}

// at is where a time lies, from 0 to 1.
func (a axis) at(t time.Time) float64 {
	return min(max(float64(t.Sub(a.begin))/float64(a.took), 0), 1)
}

// tick is a labelled place on an axis.
type tick struct {
	at    float64
	label string
}

var steps = []time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, day, 2 * day, 5 * day, 10 * day, 20 * day, 50 * day, 100 * day, 200 * day, 500 * day, 1000 * day,
}

// ticks are at round times, at most n of them.
func (a axis) ticks(n int) []tick {
	n = max(n, 1)
	step := steps[len(steps)-1]
	for i := len(steps) - 1; i >= 0 && a.took/steps[i] < time.Duration(n); i-- {
		step = steps[i]
	}
	for a.took/step >= time.Duration(n) {
		step *= 2
	}
	var ticks []tick
	for k := range a.took/step + 1 {
		d := k * step
		label := duration(d)
		if d == 0 {
			label = "0"
		}
		ticks = append(ticks, tick{float64(d) / float64(a.took), label})
	}
	return ticks
}
