package report

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	_ "embed" // the page's template and style
	"encoding/base64"
	"html/template"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/go-durable/durable"
)

// HTMLOptions are options for HTML.
type HTMLOptions struct {
	// TaskHub is the name of the task hub, for the page's head. Defaults to none.
	TaskHub string
	// OmitPayloads leaves inputs, results, details of failures and other texts of the app out. Reasons stay.
	OmitPayloads bool
	// MaxPayload is how many bytes of a payload are shown. Defaults to 16 KiB.
	MaxPayload int
	// MaxPayloads is how many bytes all payloads take on the page. Defaults to 4 MiB.
	MaxPayloads int
	// MaxEvents is how many events are listed on the page. Of a history that is too long for what is left the beginning
	// and the end are. Defaults to 2000.
	MaxEvents int
	// Now is until when open actions are drawn. Defaults to the present.
	Now time.Time
}

const (
	defaultMaxPayload  = 16 << 10
	defaultMaxPayloads = 4 << 20
	defaultMaxEvents   = 2000
)

func (o *HTMLOptions) setDefaults() {
	if o.MaxPayload <= 0 {
		o.MaxPayload = defaultMaxPayload
	}
	if o.MaxPayloads <= 0 {
		o.MaxPayloads = defaultMaxPayloads
	}
	if o.MaxEvents <= 0 {
		o.MaxEvents = defaultMaxEvents
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
}

//go:embed page.html.tmpl
var pageText string

//go:embed page.css
var styleText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// policy allows the page its own style and nothing else: no script, no image, no request.
func policy() string {
	sum := sha256.Sum256([]byte(styleText))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'"
}

// HTML writes a page about an instance and its children: the tree, a timeline of each, its events, and payloads to be
// opened. The page is one file that needs no network and runs no script; it can be mailed, kept and printed. It follows
// the reader's choice of a light or a dark screen. Opts may be nil.
func HTML(w io.Writer, instance *Instance, opts *HTMLOptions) error {
	m := &maker{anchors: make(map[string]string)}
	if opts != nil {
		m.HTMLOptions = *opts
	}
	m.setDefaults()
	p := m.page(instance)
	out := bufio.NewWriter(w)
	if err := pageTemplate.ExecuteTemplate(out, "page", p); err != nil {
		return err
	}
	return out.Flush()
}

// page is what the template shows.
type page struct {
	Title, Policy, TaskHub, Made string
	Style                        template.CSS
	Findings                     []finding
	Tree                         *branch
	Sections                     []*section
}

// section is about one instance.
type section struct {
	Anchor, Name, ID, State, Class, Summary, Note string
	Facts                                         []fact
	Notes                                         []finding
	Chart                                         *drawing
	Payloads                                      []*payload
	Events                                        []*eventRow
	Listed, Total                                 int

	run *run
}

// fact is a name and its value.
type fact struct{ Name, Value string }

// finding is what a reader wants to know first.
type finding struct {
	// Class says of what kind it is, Lead what stands before the link, if anything does.
	Class, Lead, Text string
	// Anchor and Link lead to the instance that it is about.
	Anchor, Link string
}

// branch is an instance in the tree.
type branch struct {
	Anchor, Name, ID, State, Class, Summary, Note string
	Children                                      []*branch
	// Left is how many children are not shown.
	Left int
}

// maker makes a page.
type maker struct {
	HTMLOptions
	anchors  map[string]string
	sections []*section
}

func (m *maker) page(root *Instance) *page {
	m.collect(root)
	tree := m.branch(root)
	findings := m.findings(root)
	for _, s := range m.byInterest(findings) {
		m.fill(s)
	}
	p := &page{
		Title: oneLine(root.name()+" "+root.ID, maxName), Policy: policy(), TaskHub: oneLine(m.TaskHub, maxName),
		Made: m.Now.UTC().Format(stamp), Style: template.CSS(styleText), Sections: m.sections, //nolint:gosec // our own
		Findings: findings,
	}
	if len(tree.Children) > 0 {
		p.Tree = tree
	}
	return p
}

// collect makes a section for each instance that is known, the parents first.
func (m *maker) collect(i *Instance) {
	if m.anchors[i.ID] == "" && (i.Status != nil || len(i.History) > 0 || len(m.sections) == 0) {
		s := &section{Anchor: "i" + strconv.Itoa(len(m.sections)+1), run: newRun(i, m.Now)}
		m.anchors[i.ID] = s.Anchor
		m.sections = append(m.sections, s)
	}
	for _, c := range i.Children {
		m.collect(c)
	}
}

// byInterest are the sections with those first that the findings are about: they get what room the page has.
func (m *maker) byInterest(findings []finding) []*section {
	order := slices.Clone(m.sections)
	slices.SortStableFunc(order, func(a, b *section) int {
		rank := func(s *section) int {
			if slices.ContainsFunc(findings, func(f finding) bool { return f.Anchor == s.Anchor }) {
				return 0
			}
			return 1
		}
		return cmp.Compare(rank(a), rank(b))
	})
	return order
}

func (m *maker) section(id string) *section {
	for _, s := range m.sections {
		if s.run.instance.ID == id {
			return s
		}
	}
	return nil
}

func (m *maker) branch(i *Instance) *branch {
	b := &branch{ID: oneLine(i.ID, maxName), Anchor: m.anchors[i.ID], Note: oneLine(i.Note, maxName)}
	if s := m.section(i.ID); s != nil {
		b.Name, b.State = oneLine(s.run.instance.name(), maxName), oneLine(string(s.run.state), maxName)
		b.Class, b.Summary = stateClass(s.run.state), s.run.summary()
		if b.Note == b.Summary {
			b.Note = ""
		}
	} else {
		b.Name = oneLine(i.Name, maxName)
	}
	var children []*Instance
	children, b.Left = i.pictured()
	for _, c := range children {
		b.Children = append(b.Children, m.branch(c))
	}
	return b
}

func (m *maker) fill(s *section) {
	r := s.run
	s.Name, s.ID = oneLine(r.instance.name(), maxName), oneLine(r.instance.ID, maxName)
	s.State, s.Class, s.Summary = oneLine(string(r.state), maxName), stateClass(r.state), r.summary()
	if s.Note = oneLine(r.instance.Note, maxName); s.Note == s.Summary {
		s.Note = ""
	}
	s.Facts, s.Notes = m.facts(r), m.notes(r)
	if len(r.spans) > 0 {
		s.Chart = m.draw(r)
	}
	if st := r.instance.Status; st != nil {
		s.Payloads = m.payloads(
			text{"input", string(cutBytes(st.Input, m.MaxPayload)), len(st.Input)},
			text{"output", string(cutBytes(st.Output, m.MaxPayload)), len(st.Output)},
			text{"custom status", string(cutBytes(st.CustomStatus, m.MaxPayload)), len(st.CustomStatus)},
		)
	}
	s.Total = len(r.instance.History)
	s.Events, s.Listed = m.events(r)
}

func stateClass(s durable.RuntimeStatus) string {
	switch s {
	case durable.RuntimeStatusFailed, durable.RuntimeStatusCanceled, durable.RuntimeStatusTerminated:
		return "bad"
	case durable.RuntimeStatusCompleted:
		return "good"
	case durable.RuntimeStatusSuspended, durable.RuntimeStatusPending:
		return "held"
	case durable.RuntimeStatusRunning, durable.RuntimeStatusContinuedAsNew:
		return "busy"
	}
	return "other"
}
