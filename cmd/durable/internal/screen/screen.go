// Package screen shows things: data on standard output, and everything else on standard error. It knows how wide a terminal
// is, whether it takes colours, and which format the user has asked for.
package screen

import (
	"fmt"
	"io"

	"github.com/go-durable/durable/cmd/durable/internal/text"
)

// Screen is where a command writes.
type Screen struct {
	// Stdout is for data, Stderr for talk.
	Stdout, Stderr io.Writer
	// Env are the environment variables; NO_COLOR, TERM and the locale are looked at.
	Env map[string]string
	// Format is what the user has asked for by --output, "" if nothing; see CheckFormat.
	Format string
}

// Say writes a line of talk, or more of them where a terminal is not wide enough.
func (s *Screen) Say(format string, args ...any) {
	_, _ = fmt.Fprintln(s.Stderr, text.Hang(fmt.Sprintf(format, args...), columns(s.Stderr)))
}

// SayFaint is Say in a faint colour.
func (s *Screen) SayFaint(format string, args ...any) {
	s.Say("%s", s.paint(s.Stderr, Dim, fmt.Sprintf(format, args...)))
}

// SayCommand says what a command line is good for, and writes it below: never broken, so that it can be copied whole.
func (s *Screen) SayCommand(what, line string) {
	s.Say("%s:", what)
	_, _ = fmt.Fprintf(s.Stderr, "  %s\n", line)
}

// SayError writes why a command has failed.
func (s *Screen) SayError(why string) {
	s.Say("%s %s", s.paint(s.Stderr, Red, "durable:"), why)
}

// Print writes a line of data.
func (s *Screen) Print(format string, args ...any) error {
	_, err := fmt.Fprintf(s.Stdout, format+"\n", args...)
	return err
}

// PrintText writes a text as data, in more lines than it has where a terminal is not wide enough.
func (s *Screen) PrintText(body string) error {
	return s.Print("%s", text.Hang(body, s.Columns()))
}

// Clear makes a terminal empty.
func (s *Screen) Clear() { _, _ = fmt.Fprint(s.Stdout, "\x1b[H\x1b[2J") }
