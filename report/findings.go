package report

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-durable/durable"
)

// findings say where in the tree a failure began, and which of its instances waits. Of an instance alone, its notes do.
func (m *maker) findings(root *Instance) []finding {
	top := m.section(root.ID)
	if top == nil {
		return nil
	}
	var found []finding
	if leaf := m.down(top, m.failedBy); leaf != top {
		text := leaf.run.ending()
		if blamed := leaf.run.blamed(); len(blamed) > 0 {
			text = blamed[0].number() + blamed[0].about() + ": " + oneLine(blamed[0].reason, maxReason)
		}
		found = append(found, newFinding("failed", "The failure began in", leaf, text))
	}
	several := false
	leaf := m.down(top, func(s *section) *section {
		next := m.waitsFor(s)
		several = several || next != nil && len(s.run.open()) > 1
		return next
	})
	if leaf != top {
		lead := "All waits for"
		if several {
			lead = "The longest wait is for"
		}
		open := leaf.run.open()
		longest := longestOf(open)
		text := longest.number() + longest.about() + longest.sinceWhen(m.Now)
		if n := len(open) - 1; n > 0 {
			text += ", and " + strconv.Itoa(n) + " more"
		}
		found = append(found, newFinding("open", lead, leaf, text))
	}
	return found
}

// failedBy is the sub-orchestration by whose failure an instance has failed, nil for none.
func (m *maker) failedBy(s *section) *section {
	if s.run.state != durable.RuntimeStatusFailed {
		return nil
	}
	if blamed := s.run.blamed(); len(blamed) > 0 && blamed[0].kind == kindChild {
		if below := m.section(blamed[0].target); below != nil && below.run.state == durable.RuntimeStatusFailed {
			return below
		}
	}
	return nil
}

// waitsFor is the sub-orchestration for which an instance has waited longest, if that waits as well, else nil.
func (m *maker) waitsFor(s *section) *section {
	open := s.run.open()
	if s.run.state.IsTerminal() || len(open) == 0 {
		return nil
	}
	longest := longestOf(open)
	if longest.kind != kindChild {
		return nil
	}
	if below := m.section(longest.target); below != nil && !below.run.state.IsTerminal() && len(below.run.open()) > 0 {
		return below
	}
	return nil
}

func longestOf(open []*span) *span {
	return slices.MaxFunc(open, func(a, b *span) int { return cmp.Compare(a.took(), b.took()) })
}

func newFinding(class, lead string, about *section, text string) finding {
	return finding{
		Class: class, Lead: lead, Text: text, Anchor: about.Anchor, Link: oneLine(about.run.instance.ID, maxName),
	}
}

// down goes from one section to the next until there is none, or one was met before, and returns the last.
func (m *maker) down(s *section, next func(*section) *section) *section {
	seen := make(map[*section]bool)
	for below := next(s); below != nil && !seen[below]; below = next(s) {
		seen[s] = true
		s = below
	}
	return s
}

func (m *maker) facts(r *run) []fact {
	var facts []fact
	add := func(name, value string) {
		if value = oneLine(value, maxName); value != "" {
			facts = append(facts, fact{name, value})
		}
	}
	when := func(name string, t time.Time) {
		if !t.IsZero() {
			add(name, t.UTC().Format(stamp)+" UTC")
		}
	}
	st := r.instance.Status
	if st == nil {
		return nil
	}
	when("created", st.CreatedTime)
	when("scheduled for", st.ScheduledStartTime)
	when("last updated", st.LastUpdatedTime)
	when("ended", st.CompletedTime)
	add("execution", st.ExecutionID)
	add("version", st.Version)
	if st.Generation > 0 {
		add("started", strconv.Itoa(st.Generation+1)+" times")
	}
	if !m.OmitPayloads {
		add("tags", tags(st.Tags))
	}
	if st.PayloadError != nil {
		add("missing", "the blob of a payload is gone")
	}
	return facts
}

func tags(all map[string]string) string {
	const most = 20
	var pairs []string
	for name, value := range all {
		pairs = append(pairs, name+"="+value)
	}
	slices.Sort(pairs)
	return strings.Join(pairs[:min(len(pairs), most)], ", ")
}

// notes are the lines below a timeline.
func (m *maker) notes(r *run) []finding {
	const most = 10
	var found []finding
	if text := r.ending(); text != "" {
		found = append(found, finding{Class: "failed", Text: text})
	}
	list := func(class string, spans []*span, text func(*span) string) {
		for _, s := range spans[:min(most, len(spans))] {
			f := finding{Class: class, Text: s.number() + s.about() + text(s)}
			if s.kind == kindChild && m.anchors[s.target] != "" {
				f.Text = s.number() + s.label() + text(s)
				f.Anchor, f.Link = m.anchors[s.target], oneLine(s.target, maxName)
			}
			found = append(found, f)
		}
		if n := len(spans) - most; n > 0 {
			found = append(found, finding{Class: class, Text: strconv.Itoa(n) + " more"})
		}
	}
	list("failed", r.failures(), func(s *span) string { return ": " + oneLine(s.reason, maxReason) })
	list("open", r.open(), func(s *span) string { return s.sinceWhen(m.Now) })
	if text := r.whereTheTimeWent(); text != "" {
		found = append(found, finding{Class: "critical", Text: strings.ToUpper(text[:1]) + text[1:]})
	}
	return found
}
