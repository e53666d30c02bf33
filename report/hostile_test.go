package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/report"
)

var hostile = map[string]string{
	"script":      `</script><script>alert(1)</script>`,
	"image":       `<img src=x onerror=alert(1)>`,
	"attribute":   `" onmouseover="alert(1)" x='`,
	"closing":     `</pre></details></section></title></svg></style><h1>`,
	"comment":     `<!-- --!> ]]> <![CDATA[ <?php`,
	"template":    `{{.}} {{define "x"}} ${x}`,
	"link":        `https://example.com/ javascript:alert(1) //example.com`,
	"controls":    "\x00\x07\x1b[31mred\x1b]0;title\x07\u009b2J\x7f\r\n\t",
	"bidi":        "\u202egnp.exe\u202c \u2066\u2069 \u200f\u200e\u061c",
	"invisible":   "a\u200bb\ufeffc\u00add\u2028e\u2029f",
	"not UTF-8":   "\xff\xfe\xc3\x28\xed\xa0\x80",
	"RTL":         "שלום עולם",
	"mermaid":     "A->>B: x; end\nNote over O: <b>%%{init: {}}%%",
	"instruction": "wrap: $$x^2$$",
	"entities":    "&lt;script&gt; &#x3c; &amp;",
	"long":        strings.Repeat("<", 70_000),
	"deep":        strings.Repeat("[", 8_000) + strings.Repeat("]", 8_000),
	"line":        strings.Repeat("line\n", 10_000),
	"quoted JSON": `{"a":"<script>\u202e"}`,
}

// evil is an instance in which a text stands wherever one can stand.
func evil(text string) *report.Instance {
	f := newForge(text, text, durable.RuntimeStatus(text))
	st := f.Status
	st.Input, st.Output, st.CustomStatus = []byte(text), []byte(text), []byte(text)
	st.Version, st.ExecutionID, st.Tags = text, text, map[string]string{text: text}
	id := 0
	whole := durable.HistoryEvent{
		Name: text, Version: text, InstanceID: text, Input: []byte(text), Result: []byte(text), Reason: text,
		Details: text, FailureDetails: []byte(text), Properties: map[string]string{text: text}, Status: durable.RuntimeStatus(text),
	}
	var events []durable.HistoryEvent
	for n, kind := range []durable.HistoryEventType{
		durable.EventExecutionStarted, durable.EventTaskScheduled, durable.EventTaskFailed, durable.EventSubOrchestrationCreated,
		durable.EventEventSent, durable.EventEventRaised, durable.EventTimerCreated, durable.EventExecutionSuspended,
		durable.EventExecutionTerminated, durable.EventGeneric, durable.HistoryEventType(text),
	} {
		e := whole
		e.Type, e.EventID = kind, n-1
		if kind == durable.EventTaskFailed {
			e.ScheduledID = &id
		}
		events = append(events, e)
	}
	events = append(events, asking(text)...)
	f.turn(time.Millisecond, events...)
	f.Children = []*report.Instance{{ID: text, Note: text}, {ID: "x" + text, Note: text}}
	return f.Instance
}

// asking are a call of an entity, its failure, and a signal, in which a text stands.
func asking(text string) []durable.HistoryEvent {
	quoted, _ := json.Marshal(text) //nolint:errchkjson // of a text
	call := fmt.Sprintf(`{"op":%s,"input":%[1]s,"id":"call"}`, quoted)
	signal := fmt.Sprintf(`{"op":%s,"input":%[1]s,"id":"signal","signal":true}`, quoted)
	answer := fmt.Sprintf(`{"result":%s,"exceptionType":%[1]s}`, quoted)
	return []durable.HistoryEvent{
		{Type: durable.EventEventSent, EventID: 90, Name: "op", InstanceID: "@a@" + text, Input: []byte(call)},
		{Type: durable.EventEventSent, EventID: 91, Name: "op", InstanceID: "@a@" + text, Input: []byte(signal)},
		{Type: durable.EventEventRaised, EventID: -1, Name: "call", Input: []byte(answer)},
	}
}

func TestHostileTexts(t *testing.T) {
	t.Parallel()
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := evil(text)
			requireHarmless(t, html(t, i, report.HTMLOptions{TaskHub: text, Now: epoch.Add(time.Hour)}))
			requireHarmlessLines(t, timeline(t, i, report.TimelineOptions{Now: epoch.Add(time.Hour)}))
			var out bytes.Buffer
			require.NoError(t, report.Mermaid(&out, i))
			requireHarmlessDiagram(t, out.String())
		})
	}
}

// FuzzTexts: whatever the app and its callers have written, what is shown of it is harmless and not too long. That pages
// have it escaped is left to html/template and to the tests above: a whole page for each text would be too slow.
func FuzzTexts(f *testing.F) {
	for _, text := range hostile {
		f.Add(text[:min(len(text), 200)], 20)
	}
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = 1 + int(uint(limit)%500)
		line := report.OneLine(text, limit)
		requireVisible(t, line)
		require.NotContains(t, line, "\n")
		require.LessOrEqual(t, utf8.RuneCountInString(line), limit+1)
		for columns := range 12 {
			require.Equal(t, columns, report.Width(report.Fit(line, columns, "…")))
		}
		requireVisible(t, report.Readable(text, limit))
		escaped := regexp.MustCompile(`#\d+;`).ReplaceAllString(report.MermaidEscape(text), "")
		require.NotRegexp(t, "[;<>&%$#\n]", escaped)
	})
}

// A payload of 50 MB in every place, of the characters that take most room, neither makes the page large nor is it
// copied. It counts all allocations of the process, so nothing runs beside it.
func TestLargePayloads(t *testing.T) {
	large := bytes.Repeat([]byte(`"`), 50<<20)
	text := string(large)
	i := evil("x")
	i.Status.Input, i.Status.Output, i.Status.CustomStatus = large, large, large
	for range 100 {
		i.History = append(i.History, &durable.HistoryEvent{
			Type: durable.EventTaskCompleted, Input: large, Result: large, Details: text, FailureDetails: large, Reason: text,
			Properties: map[string]string{"Data": text},
		}, &durable.HistoryEvent{Type: durable.EventEventSent, InstanceID: "@a@b", Input: large})
	}
	page := html(t, i, report.HTMLOptions{})
	requireHarmless(t, page)
	require.Less(t, len(page), 6<<20)
	requireText(t, string(page), "Cut: the first 16.0 KiB of 50.0 MiB are shown.")
	require.Less(t, len(timeline(t, i, report.TimelineOptions{})), 64<<10)
	allocated := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			html(b, i, report.HTMLOptions{})
		}
	}).AllocedBytesPerOp()
	require.Less(t, allocated, int64(100<<20))
}

// Elements, attributes and the values of those that could load something: all that a page may have.
var (
	tag      = regexp.MustCompile(`(?s)<(/?)([a-zA-Z!][a-zA-Z0-9]*)((?:\s+[a-zA-Z0-9:-]+(?:="[^"<>]*")?)*)\s*(/?)>`)
	attr     = regexp.MustCompile(`([a-zA-Z0-9:-]+)(?:="([^"<>]*)")?`)
	elements = strings.Fields(`!doctype html head meta title style body svg defs pattern rect main p ul li nav span a bdi
		section header h2 dl div dt dd figure g line text circle path figcaption details summary table thead tbody tr th td pre`)
	void       = []string{"!doctype", "meta"}
	attributes = strings.Fields(`html lang charset content name id class width height aria-hidden aria-label patternUnits
		patternTransform href role viewBox colspan dir rx r cx cy x y d x1 x2 y1 y2 text-anchor transform http-equiv`)
)

// requireHarmless checks that a page is well-formed, has only elements and attributes that the package writes, leads
// nowhere but within itself, and has no character that is obeyed instead of shown.
func requireHarmless(t testing.TB, page []byte) {
	t.Helper()
	s := string(page)
	begin, end := strings.Index(s, "<style>")+len("<style>"), strings.Index(s, "</style>")
	style := s[begin:end]
	require.NotContains(t, style, "@import")
	require.NotRegexp(t, `url\([^#]`, style)
	s = s[:begin] + s[end:]
	var open []string
	for at := strings.IndexByte(s, '<'); at >= 0; {
		m := tag.FindStringSubmatch(s[at:])
		if m == nil || !strings.HasPrefix(s[at:], m[0]) {
			t.Fatalf("no tag: %.80q", s[at:])
		}
		name := m[2]
		if !slices.Contains(elements, name) {
			t.Fatalf("element %q: %.80q", name, s[at:])
		}
		switch {
		case m[1] == "/":
			if len(open) == 0 || open[len(open)-1] != name {
				t.Fatalf("%q closes nothing: %.80q in %v", name, s[at:], open)
			}
			open = open[:len(open)-1]
		case m[4] != "/" && !slices.Contains(void, name):
			open = append(open, name)
		}
		for _, a := range attr.FindAllStringSubmatch(m[3], -1) {
			if !slices.Contains(attributes, a[1]) || a[1] == "href" && !strings.HasPrefix(a[2], "#i") {
				t.Fatalf("attribute %q: %.80q", a[0], s[at:])
			}
		}
		next := strings.IndexByte(s[at+len(m[0]):], '<')
		if next < 0 {
			break
		}
		at += len(m[0]) + next
	}
	require.Empty(t, open)
	requireVisible(t, s)
}

func requireVisible(t testing.TB, s string) {
	t.Helper()
	require.True(t, utf8.ValidString(s))
	for _, r := range s {
		if r != '\n' && r != '\t' && r != 0x200d && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			t.Fatalf("character %U", r)
		}
	}
}

func requireHarmlessLines(t testing.TB, text []byte) {
	t.Helper()
	requireVisible(t, string(text))
	require.NotContains(t, string(text), "\t")
	for _, line := range lines(text) {
		require.LessOrEqual(t, report.Width(line), 80, "%q", line)
	}
}

var diagramLine = regexp.MustCompile(`^    (participant (O|C|P\d+) as [^:]*|Note over O: .*|(O|C|P\d+)(->>|-->>|--x|-\))(O|C|P\d+): .*)$`)

// requireHarmlessDiagram checks that texts stay texts in a diagram: each line is one of those that the package writes,
// and what follows has no character with a meaning.
func requireHarmlessDiagram(t testing.TB, text string) {
	t.Helper()
	requireVisible(t, text)
	all := lines([]byte(text))
	require.Equal(t, "sequenceDiagram", all[0])
	for _, line := range all[1:] {
		require.Regexp(t, diagramLine, line)
		free := regexp.MustCompile(`#\d+;|->>`).ReplaceAllString(line, "")
		require.NotRegexp(t, "[;<>&%$#]", free)
	}
}

func TestPageForbidsAll(t *testing.T) {
	t.Parallel()
	page := string(html(t, evil("x"), report.HTMLOptions{}))
	requireText(t, page, `content="default-src &#39;none&#39;; style-src &#39;sha256-`)
	for _, text := range []string{"<script", "http://", "https://", "javascript:"} {
		require.False(t, strings.Contains(page, text), text)
	}
}

func TestReasonOfTermination(t *testing.T) {
	t.Parallel()
	f := newForge("A", "a", durable.RuntimeStatusTerminated)
	f.Status.Output = json.RawMessage(`"enough"`)
	f.turn(time.Millisecond, started("A"))
	require.Contains(t, string(timeline(t, f.Instance, report.TimelineOptions{})), "Terminated: enough")
}
