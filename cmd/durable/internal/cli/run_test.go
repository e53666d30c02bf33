package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/cli"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/httpapi"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/memstore"
)

// result is what a run of the program has left.
type result struct {
	code           int
	stdout, stderr string
}

// runOn runs the program on the task hub of a client.
func runOn(ctx context.Context, t *testing.T, client *durable.OrchestrationClient, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := &cli.Process{
		Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Dir: t.TempDir(),
		Env:     []string{"AzureWebJobsStorage=AccountName=contoso;AccountKey=" + secretKey, "ServeKey=key-from-setting"},
		Connect: func(string) (*durable.OrchestrationClient, error) { return client, nil },
	}
	code := p.Run(ctx, args...)
	return result{code, stdout.String(), stderr.String()}
}

// recorded returns a client for a task hub that a real engine has left behind.
func recorded(t *testing.T, scenario, dump string) *durable.OrchestrationClient {
	t.Helper()
	account := memstore.New(nil).Account()
	d := golden.Load(t, scenario).Dumps[dump]
	require.NoError(t, d.LoadInto(t.Context(), account))
	client, err := newClient(account, d.Hub)
	require.NoError(t, err)
	return client
}

// TestDocumentsOfTheAPI: status and list are, byte for byte, what the HTTP API answers.
func TestDocumentsOfTheAPI(t *testing.T) {
	t.Parallel()
	client := recorded(t, "v2/http-api", "before-purge")
	api := httpapi.NewHandler(client, &httpapi.Options{AllowAnonymous: true})
	get := func(path string) string {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return strings.TrimSpace(w.Body.String())
	}
	tests := map[string]string{
		"/instances/http-rewind":                                    "status --id http-rewind --show-input --show-output",
		"/instances/http-failed":                                    "status --id http-failed --show-input --show-output",
		"/instances/http-custom?showInput=false":                    "status --id http-custom --show-output",
		"/instances/http-1?showHistory=true&showHistoryOutput=true": "status --id http-1 --show-input --show-output --show-history-output",
		"/instances/http-term?showHistory=true":                     "status --id http-term --show-input --show-output --show-history",
		"/instances?top=100":                                        "list --top 100",
		"/instances?top=100&runtimeStatus=Failed&showInput=false":   "list --top 100 --runtime-status failed --show-input=false",
		"/instances?top=100&runtimeStatus=Canceled":                 "list --runtime-status canceled",
		"/instances?top=100&createdTimeFrom=2026-11-22T06:04:12Z":   "list --top 100 --created-after 2026-11-22T06:04:12Z",
	}
	for path, args := range tests {
		r := runOn(t.Context(), t, client, strings.Fields(args)...)
		require.Zero(t, r.code, r.stderr)
		var got bytes.Buffer
		require.NoError(t, json.Compact(&got, []byte(r.stdout)))
		require.Equal(t, get(path), got.String(), args)
	}
}

// TestUnknownFormat: what cannot be answered in the format asked for is not done either.
func TestUnknownFormat(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, nil)
	r := runOn(t.Context(), t, hub.Client(), "start-new", "--function-name", "F", "--id", "x", "--output", "xml")
	require.Equal(t, 2, r.code)
	require.Equal(t, "durable: --output is table, json, jsonl, yaml\n", r.stderr)
	_, err := hub.Client().GetStatus(t.Context(), "x", nil)
	require.ErrorIs(t, err, durable.ErrInstanceNotFound)
}

// waits are commands that wait.
var waits = []struct {
	name, args string
	// end is what happens after three seconds.
	end  func(ctx context.Context, h *durabletest.Hub) error
	code int
	want string
}{
	{
		"one", "wait --id a --show-output",
		func(ctx context.Context, h *durabletest.Hub) error { return h.Complete(ctx, "a", "paid") }, 0, `"output": "paid"`,
	},
	{
		"one fails", "wait --id a", func(ctx context.Context, h *durabletest.Hub) error { return h.Fail(ctx, "a", "no") },
		1, `"runtimeStatus": "Failed"`,
	},
	{
		"all", "wait --all --output jsonl", func(ctx context.Context, h *durabletest.Hub) error {
			return fmt.Errorf("%w%w", h.Complete(ctx, "a", 1), h.Complete(ctx, "b", 2))
		}, 0, `{"name":"F","runtimeStatus":"Completed","count":2}`,
	},
	{
		"one of two", "wait --id-prefix a --timeout 1h --output jsonl",
		func(ctx context.Context, h *durabletest.Hub) error { return h.Complete(ctx, "a", nil) }, 0, `"count":1`,
	},
	{"never", "wait --all --timeout 1h", func(context.Context, *durabletest.Hub) error { return nil }, 5, ""},
	{
		"watch", "watch --id a --output table", func(ctx context.Context, h *durabletest.Hub) error {
			return h.Step(ctx, "a", func(e *durabletest.Episode) {
				e.SetCustomStatus("packing")
				e.Complete("sent")
			})
		}, 0, `Completed                 custom status "packing" output "sent"`,
	},
	{
		"terminate", "terminate --id a", func(ctx context.Context, h *durabletest.Hub) error {
			_, err := h.Process(ctx, "a")
			return err
		}, 0, "Successfully terminated 'a'",
	},
}

// TestWaiting waits by a clock that takes no time.
func TestWaiting(t *testing.T) {
	t.Parallel()
	for _, test := range waits {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				hub := durabletest.NewHub(t, &durabletest.Options{Clock: time.Now})
				for _, id := range []string{"a", "b"} {
					_, err := hub.Client().StartNew(t.Context(), "F", nil, &durable.StartNewOptions{InstanceID: id})
					require.NoError(t, err)
					hub.Run(id)
				}
				go func() {
					time.Sleep(3 * time.Second)
					_ = test.end(t.Context(), hub.Hub)
				}()
				r := runOn(t.Context(), t, hub.Client(), strings.Fields(test.args)...)
				require.Equal(t, test.code, r.code, r.stderr)
				require.Contains(t, r.stdout, test.want)
			})
		})
	}
}

// TestWatchCounts shows counts again and again, until Ctrl-C, which is no failure.
func TestWatchCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := durabletest.NewHub(t, &durabletest.Options{Clock: time.Now})
		_, err := hub.Client().StartNew(t.Context(), "F", nil, nil)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		time.AfterFunc(10*time.Second, cancel)
		r := runOn(ctx, t, hub.Client(), "watch", "--interval", "4s", "--output", "jsonl")
		require.Zero(t, r.code, r.stderr)
		require.Equal(t, strings.Repeat(`{"name":"F","runtimeStatus":"Pending","count":1}`+"\n", 3), r.stdout)
	})
}

// TestProgressOffTerminal: a line every few seconds.
func TestProgressOffTerminal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := durabletest.NewHub(t, &durabletest.Options{Clock: time.Now})
		for i := range 4 {
			_, err := hub.Client().StartNew(t.Context(), "F", nil, &durable.StartNewOptions{InstanceID: fmt.Sprint("id-", i)})
			require.NoError(t, err)
		}
		go func() {
			for i := range 4 {
				time.Sleep(6 * time.Second)
				if err := hub.Hub.Complete(t.Context(), fmt.Sprint("id-", i), nil); err != nil {
					t.Error(err)
				}
			}
		}()
		r := runOn(t.Context(), t, hub.Client(), "wait", "--all")
		require.Zero(t, r.code)
		require.Regexp(t, `(?m)^waiting: 1 of 4, 0/s, \d+s left$`, r.stderr)
		require.LessOrEqual(t, strings.Count(r.stderr, "waiting:"), 6)
	})
}

// TestInterrupted: Ctrl-C ends a command cleanly, and it says how to go on.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	t.Run("purge", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			client := recorded(t, "v2/queries", "hub")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			time.AfterFunc(5*time.Second, cancel)
			r := runOn(ctx, t, client, "purge-history", "--yes", "--concurrency", "1", "--requests-per-second", "10")
			require.Equal(t, 6, r.code, r.stderr)
			m := regexp.MustCompile(`interrupted; the same command goes on, and faster with (--checkpoint) (\S+)`).FindStringSubmatch(r.stderr)
			require.Len(t, m, 3, r.stderr)
			r = runOn(t.Context(), t, client, "purge-history", "--yes", "--output", "jsonl", m[1], m[2])
			require.Zero(t, r.code, r.stderr)
			require.NotContains(t, r.stdout, `"instancesDeleted":28,`, "some had been purged before")
			r = runOn(t.Context(), t, client, "count", "--output", "jsonl")
			require.NotContains(t, r.stdout, "Completed")
		})
	})
	t.Run("wait", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r := runOn(ctx, t, recorded(t, "v2/queries", "hub"), "wait", "--all")
		require.Equal(t, 1, r.code)
		require.Contains(t, r.stderr, "interrupted; the instances go on")
	})
	t.Run("standard input", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		typing, keyboard := io.Pipe()
		defer keyboard.Close() //nolint:errcheck // nothing is written
		time.AfterFunc(10*time.Millisecond, cancel)
		var stdout, stderr bytes.Buffer
		p := &cli.Process{Stdin: typing, Stdout: &stdout, Stderr: &stderr, Dir: t.TempDir()}
		require.Equal(t, 1, p.Run(ctx, "start", "--function-name", "F", "--input", "-"))
		require.Equal(t, "durable: interrupted\n", stderr.String())
	})
	t.Run("bulk", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		hub := durabletest.NewHub(t, nil)
		r := runOn(ctx, t, hub.Client(), "start", "--function-name", "F", "--count", "5", "--id", "x")
		require.Equal(t, 6, r.code)
		require.Contains(t, r.stderr, "interrupted; the same command starts the rest")
	})
}

// TestServe uses the server as an operator would.
func TestServe(t *testing.T) {
	t.Parallel()
	client := recorded(t, "v2/http-api", "before-purge")
	for name, test := range map[string]struct {
		args, key string
	}{
		"flag":    {"serve --address 127.0.0.1:0 --key k1 --key k2", "k2"},
		"setting": {"serve --address 127.0.0.1:0 --key-setting ServeKey", "key-from-setting"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, stop := serve(t, client, strings.Fields(test.args)...)
			status, body := curl(t, base+"/instances/http-1?code="+test.key)
			require.Equal(t, "200", status)
			require.Contains(t, body, `"runtimeStatus":"Completed"`)
			status, body = curl(t, "-H", "x-functions-key: "+test.key, base+"/instances?top=3")
			require.Equal(t, "200", status)
			require.Equal(t, 3, strings.Count(body, `"instanceId"`))
			status, _ = curl(t, base+"/instances/http-1")
			require.Equal(t, "401", status)
			status, _ = curl(t, base+"/instances/nobody?code="+test.key)
			require.Equal(t, "404", status)
			status, _ = curl(t, "-X", "POST", "-H", "Content-Type: application/json", "-d", `{"approved":true}`,
				base+"/instances/http-custom/raiseEvent/Approval?code="+test.key)
			require.Equal(t, "202", status)
			r := stop()
			require.Zero(t, r.code, r.stderr)
			require.Contains(t, r.stderr, "account contoso, task hub DurableFunctionsHub\n")
			require.Contains(t, r.stderr, "Stopped.")
			require.NotContains(t, r.stderr, test.key)
		})
	}
}

func TestServeRefused(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, nil)
	for args, want := range map[string]string{
		"serve":                                   "at least one of the flags",
		"serve --key k --allow-anonymous":         "none of the others",
		"serve --key-setting NoSuchSetting":       "there is no such setting",
		"serve --allow-anonymous --address bogus": "missing port",
	} {
		r := runOn(t.Context(), t, hub.Client(), strings.Fields(args)...)
		require.NotZero(t, r.code, args)
		require.Contains(t, r.stderr, want)
	}
	none := durabletest.NewHub(t, &durabletest.Options{NotCreated: true})
	require.Equal(t, 3, runOn(t.Context(), t, none.Client(), "serve", "--allow-anonymous").code)
}

// serve runs the server and returns its address, and what ends it.
func serve(t *testing.T, client *durable.OrchestrationClient, args ...string) (base string, stop func() result) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	listening := &watchedBuffer{line: make(chan string, 1)}
	done := make(chan int, 1)
	p := &cli.Process{
		Stdin: strings.NewReader(""), Stdout: &bytes.Buffer{}, Stderr: listening, Dir: t.TempDir(),
		Env:     []string{"AzureWebJobsStorage=AccountName=contoso;AccountKey=" + secretKey, "ServeKey=key-from-setting"},
		Connect: func(string) (*durable.OrchestrationClient, error) { return client, nil },
	}
	go func() { done <- p.Run(ctx, args...) }()
	stop = sync.OnceValue(func() result {
		cancel()
		return result{code: <-done, stderr: listening.String()}
	})
	t.Cleanup(func() { stop() })
	select {
	case base = <-listening.line:
	case code := <-done:
		t.Fatalf("exit code %d: %s", code, listening.String())
	}
	return base, stop
}

// watchedBuffer tells where the server listens.
type watchedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
	line chan string
}

func (b *watchedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if url, ok := strings.CutPrefix(string(p), "Listening at "); ok {
		b.line <- strings.TrimSpace(url)
	}
	return b.text.Write(p)
}

func (b *watchedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// curl makes a request with curl and returns its status and body.
func curl(t *testing.T, args ...string) (status, body string) {
	t.Helper()
	path, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	args = append([]string{"--silent", "--show-error", "--noproxy", "*", "--write-out", "\n%{http_code}"}, args...)
	out, err := exec.CommandContext(t.Context(), path, args...).Output() //nolint:gosec // the test's own arguments
	require.NoError(t, err)
	i := strings.LastIndex(string(out), "\n")
	return string(out[i+1:]), string(out[:i])
}
