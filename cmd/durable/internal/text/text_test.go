package text_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/cmd/durable/internal/text"
)

func TestNumbers(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -999: "-999", 1234567: "1,234,567"} {
		require.Equal(t, want, text.Number(n))
	}
	require.Equal(t, "0 instances", text.Count(0, "instance"))
	require.Equal(t, "1 instance", text.Count(1, "instance"))
	require.Equal(t, "2,000 instances", text.Count(2000, "instance"))
	require.Equal(t, "once", text.Times(1))
	require.Equal(t, "0 times", text.Times(0))
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 5 << 20: "5.0 MiB", 1 << 30: "1.0 GiB", 3 << 40: "3.0 TiB", 1 << 50: "1024.0 TiB",
	} {
		require.Equal(t, want, text.Size(n))
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	require.Empty(t, text.Stamp(time.Time{}))
	require.Equal(t, "2026-03-10T08:01:00Z", text.Stamp(time.Date(2026, 3, 10, 10, 1, 0, 999, time.FixedZone("", 2*60*60))))
	for d, want := range map[time.Duration]string{
		0: "0s", 1234567 * time.Nanosecond: "1ms", 1234 * time.Millisecond: "1.2s", time.Minute: "1m", 90 * time.Second: "1m30s",
		time.Hour: "1h", time.Hour + 1400*time.Millisecond: "1h0m1s", 25*time.Hour + 5*time.Minute: "25h5m", 10 * time.Minute: "10m",
		20 * time.Hour: "20h",
	} {
		require.Equal(t, want, text.Duration(d))
	}
}

// TestPrintable: nothing that comes from elsewhere can write elsewhere on a terminal, or turn its text around.
func TestPrintable(t *testing.T) {
	t.Parallel()
	require.Equal(t, "?[31mred", text.Printable("\x1b[31mred"))
	require.Equal(t, "a?b?c?d", text.Printable("a\rb\u009bc\u202ed"))
	require.Equal(t, "two\n\tlines, Grüße, 日本", text.Printable("two\n\tlines, Grüße, 日本"))
	require.Equal(t, "one line?", text.OneLine(" one\n\tline\x07 "))
}

// TestShorten counts columns and not letters: those of East Asia take two.
func TestShorten(t *testing.T) {
	t.Parallel()
	require.Equal(t, "order-17", text.Shorten("order-17", 8))
	require.Equal(t, "order-…", text.Shorten("order-17", 7))
	require.Equal(t, "日本…", text.Shorten("日本語", 5))
	require.Equal(t, 6, text.Width("日本語"))
	require.Equal(t, 3, text.Width("\x1b[31mred\x1b[0m"))
}

// TestHang: lines end at the terminal's edge, and their rest is indented.
func TestHang(t *testing.T) {
	t.Parallel()
	require.Equal(t, "short\n  a line that\n  is longer\nand one more\nhere\naveryveryverylongword", text.Hang("short\n  a line that is longer\nand one more here\naveryveryverylongword", 13))
	require.Equal(t, "  name  a text\n        that\n        goes on", text.Hang("  name  a text that goes on", 15))
	require.Equal(t, "as it is", text.Hang("as it is", 0))
}

// TestReflow: paragraphs are filled anew, tables and empty lines stay.
func TestReflow(t *testing.T) {
	t.Parallel()
	given := strings.Join([]string{"A paragraph", "of two lines.", "", "Codes:", "  0   done, and not to be broken", "  more of", "  it"}, "\n")
	want := strings.Join([]string{"A paragraph of", "two lines.", "", "Codes:", "  0   done, and not to be broken", "  more of it"}, "\n")
	require.Equal(t, want, text.Reflow(given, 14))
}

func TestBlock(t *testing.T) {
	t.Parallel()
	b := text.NewBlock("timer-lost", "", "order\x1b-17").Add("what", "overdue").Add("message", "").Add("evidence", "one", "", "two\nlines")
	require.Equal(t, strings.Join([]string{
		"timer-lost  order?-17", "  what      overdue", "  evidence  one", "            two lines",
	}, "\n"), b.String())
}

func TestJSON(t *testing.T) {
	t.Parallel()
	got, err := text.JSON(map[string]string{"a": "<b> & c"})
	require.NoError(t, err)
	require.Equal(t, `{"a":"<b> & c"}`, string(got))
	require.Equal(t, `{"a":[1,2]}`, text.CompactJSON([]byte("{\n \"a\": [1, 2]\n}")))
	require.Equal(t, "not {json", text.CompactJSON([]byte("not\n{json")))
	require.Empty(t, text.CompactJSON(nil))
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	require.Equal(t, `durable doctor --repair timer-lost,activity-lost --id '@counter@a b' --grace 1m0s`,
		text.CommandLine("durable", "doctor", "--repair", "timer-lost,activity-lost", "--id", "@counter@a b", "--grace", "1m0s"))
	require.Equal(t, `'$(rm *)' 'it'\''s' ''`, text.CommandLine("$(rm *)", "it's", ""))
}
