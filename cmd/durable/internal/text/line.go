package text

import (
	"regexp"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// Narrowest is the width that nothing is cut below, however narrow the terminal is.
const Narrowest = 8

// Width is how many columns a line takes on a terminal. Colours take none.
func Width(s string) int { return text.StringWidthWithoutEscSequences(s) }

// Shorten cuts a text to a width.
func Shorten(s string, width int) string {
	if Width(s) <= width {
		return s
	}
	return text.Trim(s, width-1) + "…"
}

// OneLine makes one line of printable characters.
func OneLine(s string) string { return Printable(strings.Join(strings.Fields(s), " ")) }

// Printable makes a text that may come from elsewhere harmless for a terminal; line breaks stay.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < ' ' || r == 0x7f || r >= 0x80 && r <= 0x9f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			return '?'
		}
		return r
	}, s)
}

// plainWord needs no quotes in any shell.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:,=+-]+$`)

// CommandLine is a command line that a shell takes apart into these words again.
func CommandLine(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		if quoted[i] = w; !plainWord.MatchString(w) {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
