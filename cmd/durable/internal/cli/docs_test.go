package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/cli"
	"github.com/go-durable/durable/durabletest"
)

// commandLine finds the command lines in a guide: lines of shell blocks, and code in tables and sentences.
var (
	shellBlock  = regexp.MustCompile("(?s)```sh\n(.*?)\n```")
	commandLine = regexp.MustCompile("`((?:func )?durable [a-z][^`]*)`")
)

// documented are the command lines of a guide.
func documented(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", name))
	require.NoError(t, err)
	var found []string
	for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
		for line := range strings.SplitSeq(block[1], "\n") {
			line, _, _ = strings.Cut(line, " && ")
			line, _, _ = strings.Cut(line, "  #")
			found = append(found, strings.TrimSpace(line))
		}
	}
	for _, m := range commandLine.FindAllStringSubmatch(string(text), -1) {
		found = append(found, m[1])
	}
	return found
}

// words splits a command line as a shell does.
func words(line string) []string {
	var all []string
	var quote byte
	word, begun := "", false
	for i := range len(line) {
		switch c := line[i]; {
		case quote == 0 && (c == '\'' || c == '"'):
			quote, begun = c, true
		case c == quote:
			quote = 0
		case quote == 0 && c == ' ':
			if begun {
				all = append(all, word)
			}
			word, begun = "", false
		default:
			word, begun = word+string(c), true
		}
	}
	if begun {
		all = append(all, word)
	}
	return all
}

// needed is the state that order-17 must be in for a command.
func needed(command string) durable.RuntimeStatus {
	switch command {
	case "rewind":
		return durable.RuntimeStatusFailed
	case "resume":
		return durable.RuntimeStatusSuspended
	case "restart", "reset", "purge-history", "purge", "wait", "start-new":
		return durable.RuntimeStatusCompleted
	case "terminate": // of what has not started takes effect with no worker alive
		return durable.RuntimeStatusPending
	case "create-task-hub":
		return ""
	}
	return durable.RuntimeStatusRunning
}

// hubFor returns a hub with the instances that the guides speak of.
func hubFor(t *testing.T, command string) *durabletest.TestHub {
	t.Helper()
	state := needed(command)
	hub := durabletest.NewHub(t, &durabletest.Options{NotCreated: state == "", Clock: time.Now})
	if state == "" {
		return hub
	}
	for _, id := range []string{"order-17", "smoke-1"} {
		if id == "smoke-1" && command != "wait" {
			continue
		}
		_, err := hub.Client().StartNew(t.Context(), "ProcessOrder", nil, &durable.StartNewOptions{InstanceID: id})
		require.NoError(t, err)
		switch state {
		case durable.RuntimeStatusFailed:
			hub.Fail(id, "out of paper")
		case durable.RuntimeStatusCompleted:
			hub.Complete(id, "done")
		case durable.RuntimeStatusSuspended:
			hub.Run(id)
			require.NoError(t, hub.Client().Suspend(t.Context(), id, "hold on", nil))
			hub.Process(id)
		case durable.RuntimeStatusPending:
		default:
			require.NoError(t, runApp(t.Context(), hub.Hub))
			hub.Advance(time.Hour) // no host has it in memory
		}
	}
	return hub
}

// TestGuides: every command line in the guides runs and does what it should.
func TestGuides(t *testing.T) {
	t.Parallel()
	for _, guide := range []string{"porting.md", "runbook.md", "safety.md", "../README.md"} {
		for _, line := range documented(t, guide) {
			t.Run(guide+"/"+line, func(t *testing.T) {
				t.Parallel()
				args := words(line)
				if args[0] == "func" {
					args = args[1:]
				}
				require.Equal(t, "durable", args[0])
				args = args[1:]
				if args[0] == "serve" {
					args = append(args, "--help") // it serves until it is stopped
				}
				if args[0] == "doctor" && !slices.Contains(args, "--interval") {
					args = append(args, "--interval", "1ms")
				}
				asks := slices.Contains([]string{"delete-task-hub", "purge-history", "reschedule", "reset"}, args[0]) || slices.Contains(args, "--tree") ||
					slices.Contains(args, "--repair") || args[0] == "messages" && args[1] != "list"
				if asks && !slices.Contains(args, "--dry-run") && !slices.Contains(args, "--yes") {
					args = append(args, "--yes") // there is no terminal to ask at
				}
				want := 0
				if args[0] == "entity" && args[1] == "get" {
					want = 3 // there is none
				}
				hub, dir := hubFor(t, args[0]), t.TempDir()
				if args[0] == "undo" { // there was a repair
					record := `{"taskHub":"TestHub","finding":{"kind":"timer-lost","instanceId":"order-17"},"outcome":"done"}`
					require.NoError(t, os.WriteFile(filepath.Join(dir, "repairs.jsonl"), []byte(record), 0o600))
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				var stdout, stderr bytes.Buffer
				p := &cli.Process{
					Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Dir: dir,
					Env:     []string{"AzureWebJobsStorage=AccountName=contoso;AccountKey=" + secretKey},
					Connect: func(string) (*durable.OrchestrationClient, error) { return hub.Client(), nil },
				}
				require.Equal(t, want, p.Run(ctx, args...), "%s%s", &stdout, &stderr)
			})
		}
	}
}
