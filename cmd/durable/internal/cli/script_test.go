package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/cli"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/azstore"
	"github.com/go-durable/durable/internal/azurite"
	"github.com/go-durable/durable/internal/connstr"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
)

var update = flag.Bool("update", false, "write the expected output into the scripts")

// secretKey is the account key in all scripts: no output may have it.
const secretKey = "c2VjcmV0LXNlY3JldC1zZWNyZXQ="

// scriptTime is the time in all scripts.
var scriptTime = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// world is what a script works on: task hubs in memory, or one on the emulator.
type world struct {
	account storage.Account
	// connect returns the client for a hub that is not played.
	connect func(hub string) (*durable.OrchestrationClient, error)
	played  map[string]*durabletest.Hub
	input   io.Reader
	// meanwhile is done when the next question is asked.
	meanwhile func() error
	// printed is all that the program has printed.
	printed bytes.Buffer
}

// TestScripts runs the program in scripts, on task hubs in memory.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"), UpdateScripts: *update, Cmds: commands, RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			account := memstore.New(&memstore.Options{Clock: func() time.Time { return scriptTime }}).Account()
			w := &world{account: account, played: make(map[string]*durabletest.Hub)}
			w.connect = func(hub string) (*durable.OrchestrationClient, error) { return newClient(account, hub) }
			env.Setenv("AzureWebJobsStorage", "DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey="+secretKey)
			w.setup(t, env, secretKey)
			return nil
		},
	})
}

func newClient(account storage.Account, hub string) (*durable.OrchestrationClient, error) {
	return newClientAt(account, hub, scriptTime)
}

// newClientAt is newClient at another time.
func newClientAt(account storage.Account, hub string, now time.Time) (*durable.OrchestrationClient, error) {
	c, err := hook.NewClient(account, hub, taskhub.Options{
		Now: func() time.Time { return now }, BlobEndpoint: "https://contoso.blob.core.windows.net",
	})
	if err != nil {
		return nil, err
	}
	return c.(*durable.OrchestrationClient), nil
}

func (w *world) setup(t *testing.T, env *testscript.Env, secret string) {
	env.Values[worldKey{}] = w
	env.Setenv("NOW", scriptTime.Format(time.RFC3339))
	env.Defer(func() { require.NotContains(t, w.printed.String(), secret) })
}

type worldKey struct{}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

// commands are what scripts can do besides what every testscript can.
var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"durable": func(ts *testscript.TestScript, neg bool, args []string) {
		if code := run(ts, args); (code != 0) != neg {
			ts.Fatalf("exit code %d", code)
		}
	},
	// exits CODE ARGS... runs the program and expects an exit code.
	"exits": func(ts *testscript.TestScript, _ bool, args []string) {
		want, err := strconv.Atoi(args[0])
		ts.Check(err)
		if code := run(ts, args[1:]); code != want {
			ts.Fatalf("exit code %d, not %d", code, want)
		}
	},
	// feed FILE makes a file the standard input of the next run.
	"feed": func(ts *testscript.TestScript, _ bool, args []string) {
		worldOf(ts).input = strings.NewReader(ts.ReadFile(args[0]))
	},
	// screen FILE compares the output with a file, but for how many requests something takes: with recordings, that
	// depends on the order in which they were loaded. What is played has new execution IDs each time.
	"screen": func(ts *testscript.TestScript, _ bool, args []string) {
		if got, want := requests.ReplaceAllString(ts.ReadFile("stdout"), "${1}N"), ts.ReadFile(args[0]); got != want {
			ts.Fatalf("the output is not that of %s:\n%s", args[0], got)
		}
	},
	// expand FILE replaces variables in a file.
	"expand": func(ts *testscript.TestScript, _ bool, args []string) {
		text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
	},
	"hub":      func(ts *testscript.TestScript, _ bool, args []string) { ts.Check(worldOf(ts).hub(ts, args)) },
	"terminal": terminal,
	"damage":   damage,
	// meanwhile ARGS... is damage, done when the next command asks its question.
	"meanwhile": func(ts *testscript.TestScript, _ bool, args []string) {
		w := worldOf(ts)
		w.meanwhile = func() error { return w.damage(args[0], args[1], args[2]) }
	},
	"cutshort": cutShort,
}

var requests = regexp.MustCompile(`(requests       about |"requests": |execution +|"executionId": ")(?:[0-9a-f]{32}|[0-9]+)`)

func run(ts *testscript.TestScript, args []string) int {
	w := worldOf(ts)
	stdout, stderr := io.MultiWriter(ts.Stdout(), &w.printed), io.MultiWriter(ts.Stderr(), &w.printed)
	p := w.process(ts, stdout, stderr)
	return p.Run(context.Background(), args...)
}

func (w *world) process(ts *testscript.TestScript, stdout, stderr io.Writer) *cli.Process {
	input := w.input
	w.input = nil
	if input == nil {
		input = strings.NewReader("")
	}
	var env []string
	for _, name := range []string{
		"AzureWebJobsStorage", "TestStorageConnection", "WrongKey", "Dead", "Other", "NO_COLOR", "TERM", "LC_ALL", "Hub", "AzureWebJobsStorage__accountName",
		"Other__tableServiceUri", "Other__queueServiceUri", "Other__blobServiceUri",
		"AzureFunctionsJobHost__extensions__durableTask__hubName",
	} {
		if v := ts.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return &cli.Process{
		Stdin: input, Stdout: stdout, Stderr: stderr, Env: env, Dir: ts.MkAbs("."), Now: func() time.Time { return scriptTime },
		Connect: w.opener(),
	}
}

// opener returns how to connect: nil leaves it to the program.
func (w *world) opener() func(hub string) (*durable.OrchestrationClient, error) {
	if w.connect == nil {
		return nil
	}
	return w.open
}

func (w *world) open(hub string) (*durable.OrchestrationClient, error) {
	if h, ok := w.played[hub]; ok {
		return h.Client(), nil
	}
	return w.connect(hub)
}

// hub plays the app, or loads a hub from a recording:
//
//	hub new NAME
//	hub load NAME SCENARIO DUMP
//	hub run|process NAME ID
//	hub complete|custom-status NAME ID JSON
//	hub fail NAME ID REASON
//	hub advance NAME DURATION
//	hub app NAME
func (w *world) hub(ts *testscript.TestScript, args []string) error {
	ctx, name := context.Background(), args[1]
	switch args[0] {
	case "new":
		h, err := durabletest.New(&durabletest.Options{TaskHub: name, Clock: func() time.Time { return scriptTime }})
		w.played[name] = h
		return err
	case "load":
		return w.load(ctx, name, args[2], args[3])
	}
	h, ok := w.played[name]
	if !ok {
		return fmt.Errorf("no hub %s", name)
	}
	switch args[0] {
	case "run":
		return h.Run(ctx, args[2])
	case "process":
		_, err := h.Process(ctx, args[2])
		return err
	case "complete":
		return h.Complete(ctx, args[2], json.RawMessage(args[3]))
	case "custom-status":
		return h.SetCustomStatus(ctx, args[2], json.RawMessage(args[3]))
	case "fail":
		return h.Fail(ctx, args[2], args[3])
	case "advance":
		d, err := time.ParseDuration(args[2])
		h.Advance(d)
		return err
	case "app":
		return runApp(ctx, h)
	}
	ts.Fatalf("hub %s is unknown", args[0])
	return nil
}

func (w *world) load(ctx context.Context, name, scenario, dump string) error {
	f, err := os.Open(filepath.Join("..", "..", "..", "..", "internal", "golden", "testdata", scenario+".json.gz"))
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	r, err := golden.Read(f)
	if err != nil {
		return err
	}
	return r.Dumps[dump].Rename(name).LoadInto(ctx, w.account)
}

// TestScriptsOnEmulator runs the program in scripts against the storage emulator, all the way through the settings.
func TestScriptsOnEmulator(t *testing.T) {
	t.Parallel()
	connection := azurite.ConnectionString(t)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "emulator"), UpdateScripts: *update, Cmds: commands, RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			ep, name, key := accountOf(t, connection)
			account, err := azstore.NewWithSharedKey(ep, name, key, nil)
			if err != nil {
				return err
			}
			hub := golden.UniqueHub()
			env.Setenv("AzureWebJobsStorage", connection)
			env.Setenv("WrongKey", strings.Replace(connection, key, secretKey, 1))
			env.Setenv("HUB", hub)
			env.Setenv("hub", strings.ToLower(hub))
			w := &world{account: *account}
			w.setup(t, env, key)
			env.Defer(func() {
				if c, err := durable.NewOrchestrationClientFromConnectionString(connection, hub, nil); err == nil {
					_ = c.DeleteTaskHub(context.Background(), &durable.DeleteTaskHubOptions{Force: true})
				}
			})
			return nil
		},
	})
}

// accountOf reads a connection string with a key.
func accountOf(t *testing.T, connection string) (ep azstore.Endpoints, name, key string) {
	t.Helper()
	a, err := connstr.Parse(connection)
	require.NoError(t, err)
	return azstore.Endpoints{Table: a.Table, Queue: a.Queue, Blob: a.Blob}, a.Name, a.Key
}
