package report

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const day = 24 * time.Hour

// duration writes a duration, rounded to what a person cares about.
func duration(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + duration(-d)
	case d.Round(time.Millisecond) < time.Second:
		return strconv.FormatInt(d.Round(time.Millisecond).Milliseconds(), 10) + "ms"
	case d.Round(time.Second/10) < time.Minute:
		return strings.TrimSuffix(strconv.FormatFloat(d.Round(time.Second/10).Seconds(), 'f', 1, 64), ".0") + "s"
	case d.Round(time.Second) < time.Hour:
		return units(d.Round(time.Second), time.Minute, "m", time.Second, "s")
	case d.Round(time.Minute) < day:
		return units(d.Round(time.Minute), time.Hour, "h", time.Minute, "m")
	}
	return units(d.Round(time.Hour), day, "d", time.Hour, "h")
}

// exact writes a duration to the millisecond, as far as that tells events of one moment apart.
func exact(d time.Duration) string {
	if d < time.Second || d >= time.Hour {
		return duration(d)
	}
	return d.Truncate(time.Millisecond).String()
}

func units(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	text := fmt.Sprintf("%d%s", d/large, largeName)
	if rest := d % large / small; rest > 0 {
		text += fmt.Sprintf("%d%s", rest, smallName)
	}
	return text
}

const (
	clock = "15:04:05.000"
	stamp = time.DateOnly + " " + clock
)

// bounds of texts that are no payloads, in characters: enough for every name that an engine accepts.
const (
	maxName   = 300
	maxReason = 500
)

// oneLine makes a text one line of harmless characters, at most limit of them.
func oneLine(s string, limit int) string {
	const worst = utf8.UTFMax
	cut := len(s) > limit*worst
	if cut {
		s = s[:limit*worst]
	}
	s = visible(strings.Join(strings.Fields(s), " "))
	if n := utf8.RuneCountInString(s); n > limit {
		s, cut = string([]rune(s)[:limit]), true
	}
	if cut {
		s += "…"
	}
	return s
}

// visible writes the numbers of characters that cannot be seen and that a terminal or browser would obey: controls, and
// those that turn the direction of text. Line breaks and tabs stay.
func visible(s string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r),
			unicode.Is(unicode.Cf, r) && r != joiner:
			fmt.Fprintf(&b, "<U+%04X>", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// joiner makes one emoji of several.
const joiner = 0x200d

// plainText is the text of a JSON string, or the JSON as it is. Of one that is large it is the beginning.
func plainText(raw json.RawMessage) string {
	const reasonable, longestEscape = 1 << 16, len(`\ud83d\ude00`)
	var s string
	if len(raw) <= reasonable {
		if json.Unmarshal(raw, &s) == nil {
			return s
		}
		return string(raw)
	}
	raw = raw[:reasonable]
	for n := range longestEscape { // the cut may be in one
		if json.Unmarshal(append(slices.Clone(raw[:reasonable-n]), '"'), &s) == nil {
			return s
		}
	}
	return string(raw)
}

// size writes a number of bytes.
func size(n int) string {
	const k = 1 << 10
	switch {
	case n < k:
		return strconv.Itoa(n) + " B"
	case n < k*k:
		return fmt.Sprintf("%.1f KiB", float64(n)/k)
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(k*k))
}

// wideSymbols are those of the symbols of the basic plane that take two columns (EastAsianWidth.txt).
const wideSymbols = "⌚⌛〈〉⏩⏪⏫⏬⏰⏳◽◾☔☕♈♉♊♋♌♍♎♏♐♑♒♓♿⚓⚡⚪⚫⚽⚾⛄⛅⛎⛔⛪⛲⛳" +
	"⛵⛺⛽✅✊✋✨❌❎❓❔❕❗➕➖➗➰➿⬛⬜⭐⭕"

// cells is how many columns of a terminal a character takes.
func cells(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r < 0x1100:
		return 1
	case r >= 0x1160 && r <= 0x11ff: // the later letters of a Korean syllable stand in the place of the first
		return 0
	case r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff,
		r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6,
		r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd, strings.ContainsRune(wideSymbols, r):
		return 2
	}
	return 1
}

func width(s string) int {
	n := 0
	for _, r := range s {
		n += cells(r)
	}
	return n
}

// fit cuts or pads a text to a width.
func fit(s string, columns int, more string) string {
	if n := width(s); n <= columns {
		return s + strings.Repeat(" ", columns-n)
	}
	room := columns - width(more)
	var b strings.Builder
	used := 0
	for _, r := range s {
		if used+cells(r) > room {
			break
		}
		used += cells(r)
		b.WriteRune(r)
	}
	if room < 0 {
		return strings.Repeat(" ", max(columns, 0))
	}
	return b.String() + more + strings.Repeat(" ", room-used)
}
