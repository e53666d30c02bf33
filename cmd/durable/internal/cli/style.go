package cli

import (
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/go-durable/durable"
)

// isTerminal reports whether a stream is a terminal.
func (a *app) isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// columns is how wide standard output is: 0 if it is no terminal, and lines may be as long as they like.
func (a *app) columns() int { return a.columnsOf(a.stdout) }

func (a *app) columnsOf(stream any) int {
	if !a.isTerminal(stream) {
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

// colours reports whether a stream takes colours (https://no-color.org).
func (a *app) colours(stream any) bool {
	return a.env["NO_COLOR"] == "" && a.env["TERM"] != "dumb" && a.isTerminal(stream)
}

// utf8 reports whether the locale can show more than ASCII. Where none is set, as in containers, terminals can.
func (a *app) utf8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := strings.ToLower(a.env[name]); locale != "" {
			return strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
		}
	}
	return true
}

const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	dim    = "\x1b[2m"
	bold   = "\x1b[1m"
	plain  = "\x1b[0m"
)

func (a *app) paint(stream any, colour, text string) string {
	if colour == "" || text == "" || !a.colours(stream) {
		return text
	}
	return colour + text + plain
}

func (a *app) errorStyle(text string) string { return a.paint(a.stderr, red, text) }
func (a *app) faint(text string) string      { return a.paint(a.stderr, dim, text) }

// statusStyle colours a state.
func (a *app) statusStyle(s durable.RuntimeStatus) string {
	return a.paint(a.stdout, statusColour(s), printable(string(s)))
}

func statusColour(s durable.RuntimeStatus) string {
	switch s {
	case durable.RuntimeStatusFailed, durable.RuntimeStatusCanceled, durable.RuntimeStatusTerminated:
		return red
	case durable.RuntimeStatusCompleted:
		return green
	case durable.RuntimeStatusSuspended, durable.RuntimeStatusPending:
		return yellow
	default:
		return ""
	}
}
