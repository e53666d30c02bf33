package screen

import (
	"os"
	"strings"

	"golang.org/x/term"
)

// IsTerminal reports whether a stream is a terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Columns is how wide standard output is: 0 if it is no terminal, and lines may be as long as they like.
func (s *Screen) Columns() int { return columns(s.Stdout) }

func columns(stream any) int {
	if !IsTerminal(stream) {
		return 0
	}
	if f, ok := stream.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w
		}
	}
	return defaultWidth
}

const defaultWidth = 80

// Colours reports whether standard output takes colours.
func (s *Screen) Colours() bool { return s.colours(s.Stdout) }

// colours reports whether a stream takes colours (https://no-color.org).
func (s *Screen) colours(stream any) bool {
	return s.Env["NO_COLOR"] == "" && s.Env["TERM"] != "dumb" && IsTerminal(stream)
}

// UTF8 reports whether the locale can show more than ASCII. Where none is set, as in containers, terminals can.
func (s *Screen) UTF8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := strings.ToLower(s.Env[name]); locale != "" {
			return strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
		}
	}
	return true
}

// Colour is how a terminal is told a colour; "" is none.
type Colour string

// The colours that there are.
const (
	Red    Colour = "\x1b[31m"
	Green  Colour = "\x1b[32m"
	Yellow Colour = "\x1b[33m"
	Dim    Colour = "\x1b[2m"
	Bold   Colour = "\x1b[1m"

	plain = "\x1b[0m"
)

// Paint colours a text for standard output, if that takes colours.
func (s *Screen) Paint(c Colour, body string) string { return s.paint(s.Stdout, c, body) }

func (s *Screen) paint(stream any, c Colour, body string) string {
	if c == "" || body == "" || !s.colours(stream) {
		return body
	}
	return string(c) + body + plain
}
