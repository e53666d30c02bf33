package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-durable/durable"
)

// TimelineOptions are options for Timeline.
type TimelineOptions struct {
	// Width is how many columns there are. Defaults to 80; the least is 30.
	Width int
	// Color marks what failed and what is open by colours of the terminal as well.
	Color bool
	// ASCII draws with nothing but ASCII characters. Names and texts stay as they are.
	ASCII bool
	// MaxRows is how many rows an instance has at most. Where it has more actions, those of one name share a row.
	// Defaults to 40.
	MaxRows int
	// Now is until when open actions are drawn. Defaults to the present.
	Now time.Time
}

const (
	defaultWidth = 80
	minWidth     = 30
	defaultRows  = 40
)

// Timeline draws an instance for a terminal, and each of its children below it: a row for each activity,
// sub-orchestration, timer, event and other wait, in the order in which they began. Rows on the critical path are marked.
// No line is longer than the width. Opts may be nil.
func Timeline(w io.Writer, instance *Instance, opts *TimelineOptions) error {
	t := &timeline{out: bufio.NewWriter(w)}
	if opts != nil {
		t.TimelineOptions = *opts
	}
	if t.Width == 0 {
		t.Width = defaultWidth
	}
	t.Width = max(t.Width, minWidth)
	if t.MaxRows <= 0 {
		t.MaxRows = defaultRows
	}
	if t.Now.IsZero() {
		t.Now = time.Now()
	}
	t.style = unicodeStyle
	if t.ASCII {
		t.style = asciiStyle
	}
	t.tree(instance, true)
	return t.out.Flush()
}

// timeline draws instances one after the other. Write errors come to light at the end.
type timeline struct {
	TimelineOptions
	out   *bufio.Writer
	style *style
}

// style are the characters of a picture.
type style struct {
	bars                                          [kindWoken + 1]rune
	turn, grid, event, sent, failed, open, undone rune
	critical, more, times, dash                   string
}

var unicodeStyle = &style{
	bars: [...]rune{
		kindQueue: '░', kindScheduled: '·', kindActivity: '█', kindChild: '▓', kindEntity: '▒', kindTimer: '─',
		kindEvent: '·', kindWait: '·', kindSent: '◇', kindSuspended: '═', kindEnd: '■', kindRewind: '·',
		kindWoken: '·',
	},
	turn: '│', grid: ' ', event: '◆', sent: '◇', failed: '✗', open: '▶', undone: '╌',
	critical: "●", more: "…", times: "×", dash: "–",
}

var asciiStyle = &style{
	bars: [...]rune{
		kindQueue: ':', kindScheduled: '.', kindActivity: '#', kindChild: '=', kindEntity: '%', kindTimer: '-',
		kindEvent: '.', kindWait: '.', kindSent: 'o', kindSuspended: '~', kindEnd: 'T', kindRewind: '.',
		kindWoken: '.',
	},
	turn: '|', grid: ' ', event: 'E', sent: 'o', failed: 'x', open: '>', undone: '_',
	critical: "*", more: "~", times: "x", dash: "-",
}

func (t *timeline) tree(i *Instance, first bool) {
	if !first {
		t.line("")
	}
	t.instance(i)
	children, left := i.pictured()
	for _, c := range children {
		t.tree(c, false)
	}
	if left > 0 {
		t.line("")
		t.line(fit(fmt.Sprintf("%d more sub-orchestrations of %s", left, oneLine(i.ID, maxName)), t.Width, t.style.more))
	}
}

// line writes a line without blanks at its end.
func (t *timeline) line(text string) {
	if t.ASCII {
		text = strings.ReplaceAll(text, "…", t.style.more) // where a long text was cut
	}
	fmt.Fprintln(t.out, strings.TrimRight(text, " ")) //nolint:errcheck // Flush tells
}

func (t *timeline) instance(i *Instance) {
	r := newRun(i, t.Now)
	t.header(r)
	switch known := i.Status != nil || len(i.History) > 0; {
	case i.Note != "" && known:
		t.note("", " ", "("+oneLine(i.Note, maxName)+")")
	case width(oneLine(i.Note, maxName)) > t.summaryColumns():
		t.note("", " ", oneLine(i.Note, maxName)) // the header has no room for it
	case i.Note == "" && len(r.spans) == 0:
		t.note("", " ", "Nothing to draw: there is no history.")
	}
	if len(r.spans) > 0 {
		t.chart(r)
	}
	if len(r.spans) > 0 || r.ending() != "" {
		t.notes(r)
	}
}

// header says which instance it is, how it is, and when it ran.
func (t *timeline) header(r *run) {
	name := strings.TrimSpace(oneLine(r.instance.name(), maxName) + " " + oneLine(r.instance.ID, maxName))
	right := strings.TrimRight(fit(r.summary(), min(width(r.summary()), t.summaryColumns()), t.style.more), " ")
	t.line(t.paint(bold, fit(name, t.Width-width(right)-1, t.style.more)) + " " + t.paint(stateColour(r.state), right))
	if r.begin.IsZero() {
		return
	}
	end := r.end.UTC().Format(clock)
	if r.begin.UTC().Format(time.DateOnly) != r.end.UTC().Format(time.DateOnly) {
		end = r.end.UTC().Format(stamp)
	}
	begin := fmt.Sprintf("%s %s", r.begin.UTC().Format(stamp), t.style.dash)
	if width(begin+" "+end+" UTC") > t.Width {
		t.line(begin)
		t.line(end + " UTC")
		return
	}
	t.line(begin + " " + end + " UTC")
}

// summaryColumns is how much of a header the state may take.
func (t *timeline) summaryColumns() int {
	const usual = len("Completed in 59m59s")
	return max(t.Width/2, min(usual, t.Width-labelLeast))
}

// summary says in what state an execution is, and for how long it has been running or ran. One that is suspended says
// for how long it has been that.
func (r *run) summary() string {
	const long = 40 // engines have none that is half as long
	state := oneLine(string(r.state), long)
	switch {
	case state == "" && len(r.instance.History) > 0:
		return "no status"
	case state == "":
		return cmp.Or(oneLine(r.instance.Note, maxName), "not found")
	case r.begin.IsZero():
		return state
	case r.state.IsTerminal():
		return state + " in " + duration(r.took())
	}
	took := r.took()
	for _, s := range r.open() {
		if s.kind == kindSuspended {
			took = s.took()
		}
	}
	return state + " for " + duration(took)
}

// notes tell below the chart what it cannot: why something failed, what is waited for, where the time went.
func (t *timeline) notes(r *run) {
	t.line("")
	if text := r.ending(); text != "" {
		t.note(red, string(t.style.failed), text)
	}
	const most = 5
	failures := r.failures()
	for _, s := range failures[:min(most, len(failures))] {
		t.note(red, string(t.style.failed), s.number()+s.about()+": "+oneLine(s.reason, maxReason))
	}
	if n := len(failures) - most; n > 0 {
		t.note(red, string(t.style.failed), fmt.Sprintf("%d more failed", n))
	}
	open := r.open()
	for _, s := range open[:min(most, len(open))] {
		t.note(yellow, string(t.style.open), s.number()+s.about()+s.sinceWhen(t.Now))
	}
	if n := len(open) - most; n > 0 {
		t.note(yellow, string(t.style.open), fmt.Sprintf("%d more are open", n))
	}
	if text := r.whereTheTimeWent(); text != "" {
		t.note("", t.style.critical, text)
	}
}

// ending is why an execution did not complete, as its status has it.
func (r *run) ending() string {
	st := r.instance.Status
	if st == nil || st.Output == nil || r.state == durable.RuntimeStatusCompleted || !r.state.IsTerminal() {
		return ""
	}
	return oneLine(string(r.state), maxName) + ": " + oneLine(plainText(st.Output), maxReason)
}

// note writes a text on as many lines as it needs, up to a few.
func (t *timeline) note(colour, mark, text string) {
	most := max(4, 4*defaultWidth/t.Width) // about as much text on a narrow terminal as on one of the usual width
	room := t.Width - width(mark) - 1
	lead := t.paint(colour, mark)
	for n := 1; text != ""; n++ {
		line := text
		if width(text) > room && n < most {
			line = text[:breakAt(text, room)]
		}
		text = strings.TrimLeft(text[len(line):], " ")
		t.line(lead + " " + fit(line, room, t.style.more))
		lead = strings.Repeat(" ", width(mark))
	}
}

// breakAt is where a text is broken that is too wide: behind the last blank that fits, or in a word that does not.
func breakAt(text string, room int) int {
	used, blank := 0, 0
	for i, r := range text {
		if used += cells(r); used > room {
			if blank > 0 {
				return blank
			}
			return max(i, 1)
		}
		if r == ' ' {
			blank = i + 1
		}
	}
	return len(text)
}

// number writes the event ID before a label.
func (s *span) number() string {
	if s.id < 0 {
		return ""
	}
	return fmt.Sprintf("#%d ", s.id)
}

// sinceWhen says since when an action is open, and when it is due.
func (s *span) sinceWhen(now time.Time) string {
	text := " for " + duration(s.took())
	if s.kind == kindTimer || s.kind == kindScheduled {
		if s.due.After(now) {
			return text + ", due in " + duration(s.due.Sub(now))
		}
		if !s.due.IsZero() {
			return text + ", overdue by " + duration(now.Sub(s.due))
		}
	}
	return text
}

// whereTheTimeWent sums up the critical path.
func (r *run) whereTheTimeWent() string {
	shares := r.shares()
	if len(shares) == 0 {
		return ""
	}
	parts := make([]string, len(shares))
	for i, s := range shares {
		parts[i] = duration(s.took) + " " + s.name
	}
	return "critical path: " + strings.Join(parts, ", ")
}

const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	dim    = "\x1b[2m"
	bold   = "\x1b[1m"
	plain  = "\x1b[0m"
)

func (t *timeline) paint(colour, text string) string {
	if !t.Color || colour == "" || text == "" {
		return text
	}
	return colour + text + plain
}

func stateColour(s durable.RuntimeStatus) string {
	switch s {
	case durable.RuntimeStatusFailed, durable.RuntimeStatusCanceled, durable.RuntimeStatusTerminated:
		return red
	case durable.RuntimeStatusCompleted:
		return green
	case durable.RuntimeStatusSuspended, durable.RuntimeStatusPending:
		return yellow
	case durable.RuntimeStatusRunning, durable.RuntimeStatusContinuedAsNew:
	}
	return ""
}
