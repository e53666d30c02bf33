//go:build !windows

package cli_test

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"
)

// terminal CODE ANSWER ARGS... runs the program on a terminal of 80 columns, gives the answer when it asks, and expects
// an exit code. What is on the screen then becomes the output, without colours.
func terminal(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	control, tty, err := pty.Open()
	ts.Check(err)
	ts.Check(pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 80}))
	w := worldOf(ts)
	s := &screen{answer: args[1], keyboard: control, meanwhile: w.meanwhile}
	w.meanwhile = nil
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = io.Copy(s, control) }) // ends with an error when the program has gone
	p := w.process(ts, tty, tty)
	p.Stdin = tty
	code := p.Run(context.Background(), args[2:]...)
	ts.Check(tty.Close())
	wg.Wait()
	ts.Check(control.Close())
	text := strings.ReplaceAll(s.text.String(), "\r\n", "\n")
	w.printed.WriteString(text)
	_, _ = io.WriteString(ts.Stdout(), text)
	if code != want {
		ts.Fatalf("exit code %d, not %d", code, want)
	}
}

// screen is what a terminal shows. When a question stands there, the answer is typed.
type screen struct {
	text     bytes.Buffer // not embedded: io.Copy would use its ReadFrom
	answer   string
	keyboard io.Writer
	asked    bool
	// meanwhile is what happens while somebody thinks about the question, if anything does.
	meanwhile func() error
}

func (s *screen) Write(p []byte) (int, error) {
	n, err := s.text.Write(p)
	if !s.asked && bytes.HasSuffix(s.text.Bytes(), []byte("] ")) {
		s.asked = true
		if s.meanwhile != nil {
			if err := s.meanwhile(); err != nil {
				return n, err
			}
		}
		_, err = io.WriteString(s.keyboard, s.answer+"\n")
	}
	return n, err
}
