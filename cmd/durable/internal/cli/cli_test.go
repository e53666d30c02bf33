package cli_test

import (
	"bytes"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/cmd/durable/internal/cli"
)

// TestEveryCommandIsDocumented: a description, an example that is a command line of the command, and flags with a text.
func TestEveryCommandIsDocumented(t *testing.T) {
	t.Parallel()
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			check(sub)
		}
		if !cmd.HasParent() {
			return
		}
		require.NotEmpty(t, cmd.Short, cmd.CommandPath())
		require.LessOrEqual(t, len(cmd.Short), 58, "%s: it has to fit behind its name", cmd.Short)
		require.Contains(t, cmd.Example, "durable ", cmd.CommandPath())
		names := append([]string{cmd.Name()}, cmd.Aliases...)
		for line := range strings.Lines(cmd.Example) {
			named := false
			for _, name := range names {
				named = named || strings.Contains(line, " "+name+" ") || strings.HasSuffix(strings.TrimSpace(line), " "+name)
			}
			require.True(t, named || cmd.HasSubCommands(), "%s: %s", cmd.CommandPath(), line)
			if _, args, ok := strings.Cut(line, "durable "); ok {
				args, _, _ = strings.Cut(args, "|")
				args, _, _ = strings.Cut(args, "&&")
				args, _, _ = strings.Cut(args, ">")
				_, _, err := cli.Command().Find(strings.Fields(args))
				require.NoError(t, err, line)
			}
		}
	}
	check(cli.Command())
}

// TestHelpFits: no line of any help is longer than a terminal is wide.
func TestHelpFits(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"", "start-new", "status", "history", "report", "list", "count", "wait", "watch", "raise-event", "terminate", "suspend", "resume",
		"rewind", "reset", "restart", "purge", "create-task-hub", "delete-task-hub", "task-hub", "list-task-hubs", "entity",
		"entity list", "entity get", "entity signal", "entity clean", "serve", "version", "inspect", "tree", "fire-timer",
		"complete-activity", "fail-activity", "complete-sub-orchestration", "fail-sub-orchestration", "reschedule",
		"doctor", "undo", "messages", "messages list", "messages quarantine", "messages restore",
	} {
		var stdout bytes.Buffer
		p := &cli.Process{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stdout, Dir: t.TempDir()}
		require.Zero(t, p.Run(t.Context(), append(strings.Fields(args), "--help")...))
		example := false
		for line := range strings.Lines(stdout.String()) {
			example = strings.HasPrefix(line, "Examples:") || example && line != "\n"
			require.True(t, example || len([]rune(line)) <= 81, "%s: %s", args, line)
		}
	}
}

// TestChangingCommandsTakeYes: scripts give --yes to every command that changes something.
func TestChangingCommandsTakeYes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"start-new", "raise-event", "terminate", "suspend", "resume", "rewind", "reset", "restart", "purge-history",
		"fire-timer", "complete-activity", "fail-activity", "complete-sub-orchestration", "fail-sub-orchestration", "reschedule",
		"create-task-hub", "delete-task-hub", "entity signal", "entity clean", "doctor", "undo", "messages quarantine",
		"messages restore",
	} {
		cmd, _, err := cli.Command().Find(strings.Fields(name))
		require.NoError(t, err)
		require.NotNil(t, cmd.Flags().Lookup("yes"), name)
	}
}

// TestCoreToolsNames: the commands, aliases and flags that Core Tools have.
func TestCoreToolsNames(t *testing.T) {
	t.Parallel()
	commands := map[string]string{
		"start-new": "id input function-name", "get-runtime-status": "id show-input show-output", "get-history": "id",
		"get-instances": "created-after created-before runtime-status top continuation-token",
		"raise-event":   "id event-name event-data", "terminate": "id reason", "rewind": "id reason",
		"purge-history": "created-after created-before runtime-status", "delete-task-hub": "",
		"start": "", "status": "", "history": "", "list": "", "raise": "", "purge": "",
	}
	for name, flags := range commands {
		cmd, _, err := cli.Command().Find([]string{name})
		require.NoError(t, err, name)
		cmd.InheritedFlags()
		for _, flag := range append(strings.Fields(flags), "connection-string-setting", "task-hub-name") {
			require.NotNil(t, cmd.Flags().Lookup(flag), "%s --%s", name, flag)
		}
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 10, 14, 30, 0, 0, time.UTC)
	tests := map[string]string{
		"2018-03-10T10:01:00Z": "2018-03-10T10:01:00Z", "2018-03-10T23:59Z": "2018-03-10T23:59:00Z",
		"2018-11-14T19:35:00.0000000Z": "2018-11-14T19:35:00Z", "2018-03-10T10:01:00+02:00": "2018-03-10T08:01:00Z",
		"2018-03-10T10:01:00": "2018-03-10T10:01:00Z", "2018-03-10T10:01": "2018-03-10T10:01:00Z",
		"2018-03-10 10:01": "2018-03-10T10:01:00Z", "2018-03-10": "2018-03-10T00:00:00Z",
		"now": "2026-03-10T14:30:00Z", "today": "2026-03-10T00:00:00Z", "Yesterday": "2026-03-09T00:00:00Z",
		"tomorrow": "2026-03-11T00:00:00Z", "7d": "2026-03-03T14:30:00Z", "2h": "2026-03-10T12:30:00Z",
		"1w1d12h30m": "2026-03-02T02:00:00Z", "90s": "2026-03-10T14:28:30Z", "0s": "2026-03-10T14:30:00Z",
	}
	for text, want := range tests {
		got, err := cli.ParseTime(text, now)
		require.NoError(t, err, text)
		require.Equal(t, want, got.Format(time.RFC3339Nano), text)
	}
	for _, text := range []string{"", "soon", "7", "-7d", "-2h", "d", "1.5d", "3/10/2018", "2018-13-01", "99999999h", "1d1w", "70000w"} {
		_, err := cli.ParseTime(text, now)
		require.Error(t, err, text)
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{
		"7d", "1w2d3h", "90s", "-1h", "9223372036854775807ns", "65535w65535d2000000h", "17000w", "65535w", "15250w1d23h48m",
	} {
		f.Add(s)
	}
	parts := regexp.MustCompile(`^(?:(\d+)w)?(?:(\d+)d)?(.*)$`)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := cli.ParseDuration(text)
		if err != nil {
			return
		}
		// The same sum in numbers without an end: what does not fit must not come back as something else.
		want := new(big.Int)
		m := parts.FindStringSubmatch(strings.ToLower(strings.TrimSpace(text)))
		for i, unit := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour} {
			if n, ok := new(big.Int).SetString(m[i+1], 10); ok {
				want.Add(want, n.Mul(n, big.NewInt(int64(unit))))
			}
		}
		if m[3] != "" {
			rest, err := time.ParseDuration(m[3])
			require.NoError(t, err, text)
			want.Add(want, big.NewInt(int64(rest)))
		}
		require.Equal(t, want.String(), strconv.FormatInt(int64(d), 10), text)
	})
}

// TestEntraID: without a connection string a client is made all the same, and nobody is asked for a token before it is
// needed: an ID that cannot be is refused by the client that was made.
func TestEntraID(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	p := &cli.Process{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Dir: t.TempDir()}
	require.Equal(t, 2, p.Run(t.Context(), "start-new", "--function-name", "F", "--id", "a/b", "--account", "contoso"), &stderr)
	require.Contains(t, stderr.String(), "account contoso, task hub DurableFunctionsHub\n")
	require.Contains(t, stderr.String(), "invalid argument")
}
