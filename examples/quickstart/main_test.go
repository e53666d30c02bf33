package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

var update = flag.Bool("update", false, "write the golden files")

// generated are IDs, which differ in every run.
var generated = regexp.MustCompile(`\b[0-9a-f]{32}\b`)

// compare compares a screen with a golden file.
func compare(t *testing.T, name, got string) {
	t.Helper()
	for line := range strings.Lines(got) {
		require.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), width, line)
	}
	got = generated.ReplaceAllString(got, strings.Repeat("0", 32))
	path := filepath.Join("testdata", name+".golden")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path) //nolint:gosec // a file of the test
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestEmbedded(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), nil, &out))
	compare(t, "embedded", out.String())
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.ErrorIs(t, run(t.Context(), []string{"-help"}, &out), flag.ErrHelp)
	require.Equal(t, usage, out.String())
}

func TestBadFlags(t *testing.T) {
	const secret = "c2VjcmV0LXNlY3JldA=="
	t.Setenv("QUICKSTART_TEST_CONNECTION", "AccountName=name;AccountKey="+secret)
	tests := []struct {
		args string
		want string
	}{
		{"-nonsense", "not defined: -nonsense"},
		{"argument", "only flags"},
		{"-hub MyHub", "-connection is missing"},
		{"-connection UseDevelopmentStorage=true", "needs -hub and -function"},
		{"-connection UseDevelopmentStorage=true -hub MyHub", "needs -function"},
		{"-connection UseDevelopmentStorage=true -hub MyHub -function F -input {", "-input is no JSON"},
		{"-connection UseDevelopmentStorage=true -hub MyHub -function F -timeout 0s", "-timeout"},
		{"-connection NO_SUCH_VARIABLE -hub MyHub -function F", "no environment variable"},
		{"-connection " + secret + " -hub MyHub -function F", "invalid argument"},
		{"-connection AccountKey=" + secret + " -hub MyHub -function F", "invalid argument"},
		{"-connection QUICKSTART_TEST_CONNECTION -hub x -function F", "invalid argument"},
	}
	for _, test := range tests {
		var out bytes.Buffer
		err := run(t.Context(), strings.Fields(test.args), &out)
		require.ErrorContains(t, err, test.want, test.args)
		require.NotContains(t, complaint(err), secret)
		require.Empty(t, out.String())
	}
}

// TestRemote lets the part for real task hubs run on one in memory, with a goroutine for the app.
func TestRemote(t *testing.T) {
	t.Parallel()
	o := &options{hub: "TestHub", function: "MyOrchestrator", input: `{"n":1}`, timeout: time.Minute}
	tests := []struct {
		name string
		// end is what the app does after two seconds, or nil if there is no app.
		end  func(e *durabletest.Episode)
		hub  durabletest.Options
		want string
	}{
		{"completed", func(e *durabletest.Episode) {
			e.Complete("a result that is far too long for one line\x1b[31m of a screen, and \u009b not harmless either")
		}, durabletest.Options{}, ""},
		{"failed", func(e *durabletest.Episode) { e.Fail("out of coffee") }, durabletest.Options{}, "It ended as Failed: out of coffee"},
		{"waiting", func(*durabletest.Episode) {}, durabletest.Options{}, "is still Running after 1m"},
		{"nobody", nil, durabletest.Options{}, "Nobody has taken 00000000000000000000000000000000 up in 1m."},
		{"no-hub", nil, durabletest.Options{NotCreated: true}, `There is no task hub "TestHub"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				test.hub.Clock = time.Now
				hub := durabletest.NewHub(t, &test.hub)
				out := &screenWatcher{ids: make(chan string, 1)}
				if test.end != nil {
					go play(t, hub, out.ids, test.end)
				}
				err := remote(t.Context(), &screen{out: out}, hub.Client(), o)
				text := ""
				if err != nil {
					text = "\n" + complaint(err) + "\n"
				}
				compare(t, test.name, out.String()+text)
				require.Contains(t, generated.ReplaceAllString(strings.ReplaceAll(text, "\n", " "), strings.Repeat("0", 32)), test.want)
			})
		})
	}
}

// screenWatcher is a screen from which the instance's ID is read.
type screenWatcher struct {
	bytes.Buffer
	ids chan string
}

func (w *screenWatcher) Write(p []byte) (int, error) {
	if id, ok := strings.CutPrefix(string(p), "     instance       "); ok {
		w.ids <- strings.TrimSpace(id)
	}
	return w.Buffer.Write(p)
}

// play is an app that takes up what is started, after two seconds.
func play(t *testing.T, hub *durabletest.TestHub, ids <-chan string, end func(e *durabletest.Episode)) {
	id := <-ids
	time.Sleep(2 * time.Second)
	if err := hub.Hub.Step(t.Context(), id, end); err != nil {
		t.Error(err)
	}
}

func TestStopped(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := explain(ctx.Err(), &options{})
	require.Equal(t, "Stopped. What was started goes on.", complaint(err))
	require.ErrorIs(t, err, context.Canceled)
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		event durable.HistoryEvent
		want  string
	}{
		{durable.HistoryEvent{Type: durable.EventTimerCreated, FireAt: at}, "fires 2030-01-02 03:04:05"},
		{durable.HistoryEvent{Type: durable.EventTaskFailed, Reason: "a\n b"}, "a\n b"},
		{durable.HistoryEvent{Type: durable.EventTaskCompleted, Result: json.RawMessage(`1`)}, "1"},
		{durable.HistoryEvent{Type: durable.EventExecutionStarted, Name: "F", Input: json.RawMessage(`null`)}, "F"},
	}
	for _, test := range tests {
		require.Equal(t, test.want, describe(&test.event))
	}
	require.Equal(t, "a b", shorten("a\n b", 10))
	require.Equal(t, "abcd…", shorten("abcdefgh", 5))
}
