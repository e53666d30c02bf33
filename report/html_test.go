package report_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/report"
)

func html(t testing.TB, i *report.Instance, opts report.HTMLOptions) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, report.HTML(&out, i, &opts))
	return out.Bytes()
}

// requireText is require.Contains without the page in the message.
func requireText(t testing.TB, page, text string) {
	t.Helper()
	require.True(t, strings.Contains(page, text), "the page has no %s", text)
}

// Whole pages of some shapes; of the others, only the drawings.
func TestHTMLPages(t *testing.T) {
	t.Parallel()
	for _, s := range shapes {
		switch s.name {
		case "hello-sequence", "tree-rewound", "saga-rewound", "lost-activity", "suspended":
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				i := load(t, s.recording, s.dump, s.id)
				page := html(t, i, report.HTMLOptions{TaskHub: "MyHub", Now: later(i, s.after)})
				requireHarmless(t, page)
				compare(t, "html/"+s.name+".html", page)
			})
		}
	}
}

var drawings = regexp.MustCompile(`(?s)<svg class="chart".*?</svg></div>`)

func TestDrawings(t *testing.T) {
	t.Parallel()
	all := forged()
	now := make(map[string]time.Time)
	for name := range all {
		now[name] = epoch.Add(3 * time.Hour)
	}
	for _, s := range shapes {
		all[s.name] = load(t, s.recording, s.dump, s.id)
		now[s.name] = later(all[s.name], s.after)
	}
	for name, i := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page := html(t, i, report.HTMLOptions{Now: now[name]})
			requireHarmless(t, page)
			found := drawings.FindAll(page, -1)
			compare(t, "svg/"+name+".svg.txt", append(bytes.Join(found, []byte("\n")), '\n'))
		})
	}
}

func TestHTMLOmitPayloads(t *testing.T) {
	t.Parallel()
	i := load(t, "v2/hello-sequence", "completed", "hello-1")
	with := string(html(t, i, report.HTMLOptions{}))
	requireText(t, with, "Hello Tokyo")
	without := string(html(t, i, report.HTMLOptions{OmitPayloads: true}))
	require.NotContains(t, without, "Tokyo")
	require.NotContains(t, without, "<pre")
}

func TestHTMLEventLimit(t *testing.T) {
	t.Parallel()
	page := string(html(t, thousand(), report.HTMLOptions{MaxEvents: 100}))
	requireText(t, page, "1004 events, 100 of them listed")
	requireText(t, page, "904 events are not listed")
	require.Equal(t, 100+2, strings.Count(page, "<tr")) // the head and the note
	tree := load(t, "v2/rewind-grandparent", "failed", "rw-g")
	page = string(html(t, tree, report.HTMLOptions{MaxEvents: 14}))
	root, leaf, found := strings.Cut(page, `<section id="i3">`)
	require.True(t, found)
	requireText(t, leaf, "12 events") // where the failure began comes first
	require.NotContains(t, leaf, "no more room")
	requireText(t, root, "8 events, 2 of them listed")
	requireText(t, root, "12 events; the page has no more room for them.")
}

func TestHTMLPayloadLimits(t *testing.T) {
	t.Parallel()
	i := load(t, "v2/hello-sequence", "completed", "hello-1")
	page := string(html(t, i, report.HTMLOptions{MaxPayload: 8}))
	requireText(t, page, "Cut: the first 8 B of ")
	page = string(html(t, i, report.HTMLOptions{MaxPayloads: 1}))
	requireText(t, page, "Not shown: the page has no more room for payloads.")
	require.Equal(t, 1, strings.Count(page, "<pre"))
}

// Events for entities and their answers have the names of the operations, not those of the messages.
func TestHTMLEntityEvents(t *testing.T) {
	t.Parallel()
	page := string(html(t, critical(), report.HTMLOptions{Now: epoch.Add(time.Hour)}))
	requireText(t, page, `<td class="num">#2</td><td>EventSent</td><td><bdi>withdraw @account@a</bdi>`)
	requireText(t, page, `<td class="num">#2</td><td>EventRaised</td><td><bdi>withdraw</bdi>`)
	requireText(t, page, `<td class="num"></td><td>EventRaised</td><td><bdi>Retry</bdi>`)
}

// What lies deepest is what the page begins with.
func TestHTMLFindings(t *testing.T) {
	t.Parallel()
	page := string(html(t, load(t, "v2/rewind-grandparent", "failed", "rw-g"), report.HTMLOptions{}))
	requireText(t, page, `The failure began in <a href="#i3"><bdi>rw-g-p-child</bdi></a>: <bdi>#1 WorksOnceFixed: `)

	parent := newForge("Parent", "p", "Running")
	parent.turn(time.Millisecond, started("Parent"), child(0, "Child", "c"))
	below := newForge("Child", "c", "Running")
	below.turn(time.Millisecond, started("Child"), scheduled(0, "Slow"), scheduled(1, "Slower"))
	parent.Children = []*report.Instance{below.Instance}
	page = string(html(t, parent.Instance, report.HTMLOptions{Now: epoch.Add(time.Hour)}))
	requireText(t, page, `All waits for <a href="#i2"><bdi>c</bdi></a>: <bdi>#0 Slow for 1h, and 1 more</bdi>`)
}

// Of a crowd of children that were not read a picture shows some, and how many more there are.
func TestCrowd(t *testing.T) {
	t.Parallel()
	f := newForge("Parent", "p", "Running")
	f.turn(time.Millisecond, started("Parent"))
	for i := range 10_000 {
		f.Children = append(f.Children, &report.Instance{ID: fmt.Sprintf("c%d", i), Note: "not read: too many instances"})
	}
	read := newForge("Child", "last", "Completed")
	read.turn(time.Millisecond, started("Child"), completed(0))
	f.Children = append(f.Children, read.Instance)
	page := string(html(t, f.Instance, report.HTMLOptions{Now: epoch.Add(time.Minute)}))
	requireHarmless(t, []byte(page))
	requireText(t, page, "9980 more")
	requireText(t, page, `<bdi class="id">last</bdi>`)
	require.Equal(t, 20, strings.Count(page, "too many instances"))
	text := string(timeline(t, f.Instance, report.TimelineOptions{Now: epoch.Add(time.Minute)}))
	require.Contains(t, text, "\n9980 more sub-orchestrations of p\n")
	require.Contains(t, text, "\nChild last ")
	require.Equal(t, 20, strings.Count(text, "too many instances"))
}

// An instance that is its own descendant is shown once.
func TestHTMLCycle(t *testing.T) {
	t.Parallel()
	f := newForge("Loop", "loop", "Running")
	f.turn(time.Millisecond, started("Loop"), child(0, "Loop", "loop"))
	f.Children = []*report.Instance{{ID: "loop", Note: "shown elsewhere"}}
	page := html(t, f.Instance, report.HTMLOptions{Now: epoch.Add(time.Minute)})
	requireHarmless(t, page)
	require.Equal(t, 1, bytes.Count(page, []byte("<section")))
	requireText(t, string(page), "shown elsewhere")
}
