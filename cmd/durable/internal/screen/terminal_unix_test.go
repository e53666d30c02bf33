//go:build !windows

package screen_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/cmd/durable/internal/screen"
)

// onTerminal returns what is on a terminal of 40 columns, as it was sent.
func onTerminal(t *testing.T, env map[string]string, show func(s *screen.Screen)) string {
	t.Helper()
	control, tty, err := pty.Open()
	require.NoError(t, err)
	require.NoError(t, pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 40}))
	var sent bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&sent, control) // ends with an error when nobody writes any more
	}()
	show(&screen.Screen{Stdout: tty, Stderr: tty, Env: env})
	require.NoError(t, tty.Close())
	<-read
	require.NoError(t, control.Close())
	return strings.ReplaceAll(sent.String(), "\r\n", "\n")
}

// TestNarrow: on a terminal, tables lose columns, values go on below, and lines of talk are broken.
func TestNarrow(t *testing.T) {
	t.Parallel()
	got := onTerminal(t, map[string]string{"NO_COLOR": "1"}, func(s *screen.Screen) {
		require.Equal(t, 40, s.Columns())
		table := &screen.Table{Headers: []string{"INSTANCE", "STATUS", "UPDATED"}, Optional: []int{2}, Cut: []int{0}}
		table.Add("an-instance-with-a-rather-long-ID", "Completed", "2026-03-10T10:01:00Z")
		require.NoError(t, s.Table(table, ""))
		d := s.Details()
		d.Add("output", "words that do not fit in here")
		d.JSON("input", json.RawMessage(`{"order":17,"customer":"contoso"}`))
		require.NoError(t, d.Err())
		s.SayFaint("A line of %s that is longer than the terminal.", "talk")
		require.NoError(t, s.PrintText("  what  a text that does not fit on one line"))
		require.NoError(t, s.Emit(nil, func() error { return s.Print("a table") }))
	})
	require.Equal(t, `INSTANCE                       STATUS
an-instance-with-a-rather-lo…  Completed
output         words that do not fit in
               here
input          {
                 "order": 17,
                 "customer": "contoso"
               }
A line of talk that is longer than the
terminal.
  what  a text that does not fit on one
        line
a table
`, got)
}

// TestColours: there are some on a terminal, unless it is dumb or the user wants none.
func TestColours(t *testing.T) {
	t.Parallel()
	show := func(s *screen.Screen) {
		require.NoError(t, s.Print("%s", s.Paint(screen.Green, "Completed")))
		s.SayError("no")
	}
	require.Equal(t, "\x1b[32mCompleted\x1b[0m\n\x1b[31mdurable:\x1b[0m no\n", onTerminal(t, nil, show))
	require.Equal(t, "Completed\ndurable: no\n", onTerminal(t, map[string]string{"TERM": "dumb"}, show))
	require.Equal(t, "Completed\ndurable: no\n", onTerminal(t, map[string]string{"NO_COLOR": "1"}, show))
}

// TestBar: nothing is left of a bar, and what is written above it stays.
func TestBar(t *testing.T) {
	t.Parallel()
	got := onTerminal(t, nil, func(s *screen.Screen) {
		bar := s.Progress("purging", 10)
		bar.Set(3)
		require.NoError(t, s.ListFound().Add(bar, nil, func() error { return s.Print("found") }))
		bar.End()
	})
	require.Contains(t, got, "purging")
	require.Contains(t, got, "\rfound\n")
	_, left, _ := strings.Cut(got, "found\n")
	require.Empty(t, strings.Trim(left, " \r\x1b[2K"))
}
