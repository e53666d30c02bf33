package report_test

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/report"
)

func TestTimelineOfRecordings(t *testing.T) {
	t.Parallel()
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			i := load(t, s.recording, s.dump, s.id)
			compare(t, "timeline/"+s.name+".txt", timeline(t, i, report.TimelineOptions{Now: later(i, s.after)}))
		})
	}
}

func TestTimelineOfForgedInstances(t *testing.T) {
	t.Parallel()
	for name, i := range forged() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := timeline(t, i, report.TimelineOptions{Now: epoch.Add(3 * time.Hour)})
			compare(t, "timeline/"+name+".txt", got)
		})
	}
}

func TestTimelineStyles(t *testing.T) {
	t.Parallel()
	saga := load(t, "v2/rewind-causal", "completed", "c-SagaFails")
	tests := map[string]report.TimelineOptions{
		"ascii":  {ASCII: true},
		"color":  {Color: true},
		"narrow": {Width: 40},
		"least":  {Width: 20},
		"wide":   {Width: 132},
		"folded": {MaxRows: 8},
		"few":    {MaxRows: 3},
	}
	for name, opts := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts.Now = later(saga, 0)
			compare(t, "style/"+name+".txt", timeline(t, saga, opts))
		})
	}
}

// No line is longer than the terminal is wide, whatever it is like, and with ASCII nothing else is drawn. Colours take no
// room, and bars begin in the same column.
func TestTimelineFits(t *testing.T) {
	t.Parallel()
	all, now := forged(), make(map[string]time.Time)
	for _, s := range shapes {
		all[s.name] = load(t, s.recording, s.dump, s.id)
		now[s.name] = later(all[s.name], s.after)
	}
	all["large-numbers"] = largeNumbers()
	for name, i := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			end, ok := now[name]
			if !ok {
				end = epoch.Add(3 * time.Hour)
			}
			for _, columns := range []int{30, 31, 40, 60, 80, 101, 200} {
				drawn := timeline(t, i, report.TimelineOptions{Width: columns, Now: end})
				for _, line := range lines(drawn) {
					require.LessOrEqual(t, report.Width(line), columns, line)
					require.Equal(t, strings.TrimRight(line, " "), line)
				}
				coloured := timeline(t, i, report.TimelineOptions{Width: columns, Now: end, Color: true})
				coloured = regexp.MustCompile(`\x1b\[\d+m`).ReplaceAll(coloured, nil)
				require.Equal(t, string(drawn), regexp.MustCompile(` +\n`).ReplaceAllString(string(coloured), "\n"))
				ascii := timeline(t, i, report.TimelineOptions{Width: columns, ASCII: true, Now: end})
				require.Len(t, lines(ascii), len(lines(drawn)))
				if name == "foreign" {
					continue // names stay as they are
				}
				for _, b := range ascii {
					require.Less(t, b, byte(0x80))
				}
			}
		})
	}
}

// largeNumbers is an instance with event IDs of five digits that ran for decades, and a failure of which much is told.
func largeNumbers() *report.Instance {
	f := newForge("Eternal", "eternal-1", durable.RuntimeStatusRunning)
	f.turn(time.Millisecond, started("Eternal"), scheduled(98765, "Once"), scheduled(98766, "Twice"))
	f.turn(30*365*24*time.Hour, failed(98765, strings.Repeat("and so on ", 80)))
	return f.Instance
}

func lines(text []byte) []string {
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestWriteErrors(t *testing.T) {
	t.Parallel()
	w := brokenWriter{errors.New("disk full")}
	require.ErrorIs(t, report.Timeline(w, thousand(), nil), w.err)
	require.ErrorIs(t, report.HTML(w, thousand(), nil), w.err)
	require.ErrorIs(t, report.Mermaid(w, thousand()), w.err)
}

func TestMermaid(t *testing.T) {
	t.Parallel()
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			require.NoError(t, report.Mermaid(&out, load(t, s.recording, s.dump, s.id)))
			compare(t, "mermaid/"+s.name+".mmd", out.Bytes())
		})
	}
	t.Run("critical-section", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		require.NoError(t, report.Mermaid(&out, critical()))
		compare(t, "mermaid/critical-section.mmd", out.Bytes())
	})
}

func TestMermaidOfNothing(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, report.Mermaid(&out, &report.Instance{ID: "x"}))
	require.Equal(t, "sequenceDiagram\n", out.String())
}
