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
	var found []finding
	top := m.section(root.ID)
	failed := func(r *run) bool { return r.state == durable.RuntimeStatusFailed }
	if leaf := m.leaf(top, failed); leaf != nil && leaf != top {
		text := leaf.run.ending()
		if f := leaf.run.failures(); len(f) > 0 {
			last := f[len(f)-1]
			text = last.number() + last.label() + ": " + oneLine(last.reason, maxReason)
		}
		found = append(found, newFinding("failed", "The failure began in", leaf, text))
	}
	waits := func(r *run) bool { return !r.state.IsTerminal() && len(r.open()) > 0 }
	if leaf := m.leaf(top, waits); leaf != nil && leaf != top {
		open := leaf.run.open()
		longest := slices.MaxFunc(open, func(a, b *span) int { return cmp.Compare(a.took(), b.took()) })
		text := longest.number() + longest.about() + longest.sinceWhen(m.Now)
		if n := len(open) - 1; n > 0 {
			text += ", and " + strconv.Itoa(n) + " more"
		}
		found = append(found, newFinding("open", "All waits for", leaf, text))
	}
	return found
}

func newFinding(class, lead string, about *section, text string) finding {
	return finding{
		Class: class, Lead: lead, Text: text, Anchor: about.Anchor, Link: oneLine(about.run.instance.ID, maxName),
	}
}

// leaf goes down from a section through children for which something holds, and returns the last.
func (m *maker) leaf(s *section, holds func(*run) bool) *section {
	if s == nil || !holds(s.run) {
		return nil
	}
	seen := map[*section]bool{s: true}
	for {
		next := s
		for _, c := range s.run.instance.Children {
			if below := m.section(c.ID); below != nil && !seen[below] && holds(below.run) {
				next = below
				break
			}
		}
		if next == s {
			return s
		}
		s = next
		seen[s] = true
	}
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
