package report_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/report"
)

func TestDuration(t *testing.T) {
	t.Parallel()
	tests := map[time.Duration]string{
		0: "0ms", 1499 * time.Microsecond: "1ms", 999 * time.Millisecond: "999ms",
		999600 * time.Microsecond: "1s", time.Second: "1s", 1250 * time.Millisecond: "1.3s",
		59960 * time.Millisecond: "1m", 61 * time.Second: "1m1s", time.Hour - time.Millisecond: "1h",
		90 * time.Minute: "1h30m", 24*time.Hour - time.Second: "1d", 49 * time.Hour: "2d1h", -time.Second: "-1s",
	}
	for d, want := range tests {
		require.Equal(t, want, report.Duration(d), d)
	}
}

func TestWidth(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 0, "abc": 3, "注文": 4, "e\u0301": 1, "🚀": 2, "－": 2, "한": 2, "\u1112\u1161\u11ab": 2, "✅⏰⭐": 6, "☎": 1} {
		require.Equal(t, want, report.Width(text), text)
	}
}

// Also of a text of which only the beginning is read the quotes and escapes are taken off, wherever it is cut.
func TestPlainText(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a\nb", report.PlainText(json.RawMessage(`"a\nb"`)))
	require.Equal(t, `{"a":1}`, report.PlainText(json.RawMessage(`{"a":1}`)))
	for shift := range 13 {
		raw := json.RawMessage(`"` + strings.Repeat("x", shift) + strings.Repeat(`\ud83d\ude00`, 10_000) + `"`)
		have := report.PlainText(raw)
		require.Equal(t, strings.Repeat("x", shift), have[:shift])
		require.Empty(t, strings.Trim(have[shift:], "😀\uFFFD"))
		require.Greater(t, len(have), 20_000)
	}
	object := `{"a":"` + strings.Repeat("b", 1<<17)
	require.Equal(t, object[:1<<16], report.PlainText(json.RawMessage(object)))
}
