package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/httpapi"
	"github.com/go-durable/durable/internal/azurite"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/npm"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// jsKey has characters that mean something in a query.
const jsKey = "a key/with+odd=characters&"

// TestJavaScriptClient lets the client of the npm package durable-functions call every method of its own. It needs
// Node.js and the package, which `make test` installs.
func TestJavaScriptClient(t *testing.T) {
	t.Parallel()
	dir := installJSClient(t)
	for _, mode := range []string{"webhook", "rpc"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(serveJSClient(t))
			t.Cleanup(server.Close)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			node := exec.CommandContext(ctx, "node", filepath.Join("testdata", "client.cjs"), server.URL, mode)
			node.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(dir, "node_modules"),
				"NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1") // Go goes past a proxy by itself
			out, err := node.CombinedOutput()
			require.NoError(t, err, string(out))
		})
	}
}

// installJSClient returns the folder with the npm package. Without it, it skips the test, unless tests
// are to have all that they need.
func installJSClient(t *testing.T) string {
	t.Helper()
	p := npm.Package{
		Files: os.DirFS("testdata"), Root: "jsclient",
		Program: filepath.Join("node_modules", "durable-functions", "package.json"),
	}
	folder, err := npm.Folder(".", ".npm")
	require.NoError(t, err)
	if os.Getenv(azurite.RequireEnv) != "" {
		dir, err := p.Install(t.Context(), folder)
		require.NoError(t, err)
		return dir
	}
	dir, err := p.Installed(folder)
	if err == nil {
		err = npm.Missing()
	}
	if err != nil {
		t.Skip("this test needs Node.js and the npm package durable-functions: run it by `make test`")
	}
	return dir
}

// serveJSClient serves the API twice, as a host does, and what plays the worker.
func serveJSClient(t *testing.T) http.Handler {
	t.Helper()
	h := newHost(t, golden.Load(t, "v2/http-api").Dumps["before-purge"])
	h.clock = time.Now
	addCounter(t, h)
	for i := range 250 {
		_, err := h.client.StartNew(t.Context(), "HelloSequence", nil, &durable.StartNewOptions{
			InstanceID: fmt.Sprintf("many-%d", i),
		})
		require.NoError(t, err)
		h.takeMessages()
	}
	_, err := h.client.StartNew(t.Context(), "FailsUntilFixed", 1, &durable.StartNewOptions{InstanceID: "http-rewind"})
	require.NoError(t, err)
	h.takeMessages()
	h.run("http-rewind")
	webhook := httpapi.NewHandler(h.client, &httpapi.Options{Keys: []string{jsKey}})
	local := httpapi.NewHandler(h.client, &httpapi.Options{AllowAnonymous: true})
	mux := http.NewServeMux()
	mux.Handle("/runtime/webhooks/durabletask/", webhook)
	mux.Handle("/durabletask/", http.StripPrefix("/durabletask", local))
	mux.HandleFunc("POST /worker/{verb}", func(w http.ResponseWriter, r *http.Request) {
		said, err := h.work(r.Context(), r.PathValue("verb"), r.FormValue("id"), r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(said)
	})
	return mux
}

// addCounter adds an entity that was recorded.
func addCounter(t *testing.T, h *host) {
	t.Helper()
	d := golden.Load(t, "v2/entities").Dumps["used"].Rename(h.hub)
	for _, e := range d.Tables[h.hub+"Instances"] {
		if e.PartitionKey == "@counter@main" {
			_, err := h.account.Tables.Insert(t.Context(), h.hub+"Instances", &e)
			require.NoError(t, err)
		}
	}
}

// work does what the script wants of the worker. It runs beside the test, so it returns its errors.
func (h *host) work(ctx context.Context, verb, id string, r *http.Request) (any, error) {
	switch verb {
	case "messages":
		return h.messages(ctx, id)
	case "set":
		return "ok", h.setRow(ctx, id, r.FormValue("status"), optional(r.Form, "output"))
	}
	return nil, fmt.Errorf("no verb %s", verb)
}

type message struct {
	EventType string `json:"eventType"`
	Name      string `json:"name"`
	Input     string `json:"input"`
}

// messages takes the messages for an instance, in order, and throws those for others away.
func (h *host) messages(ctx context.Context, instanceID string) ([]message, error) {
	found := []message{}
	queues, err := h.account.Queues.ListQueues(ctx, "ghttpapi-control-")
	if err != nil {
		return nil, err
	}
	for _, q := range queues {
		taken, err := h.account.Queues.Dequeue(ctx, q, 32, time.Minute)
		if err != nil {
			return nil, err
		}
		for _, m := range taken {
			if err := h.account.Queues.Remove(ctx, q, m); err != nil {
				return nil, err
			}
			if found, err = appendMessage(found, m, instanceID); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

func appendMessage(found []message, m storage.Message, instanceID string) ([]message, error) {
	data, err := wire.DecodeText(m.Text)
	if err != nil {
		return nil, err
	}
	decoded, err := wire.DecodeMessage(data)
	if err != nil || decoded.InstanceID != instanceID {
		return found, err
	}
	var body struct {
		TaskMessage struct{ Event struct{ Name, Input string } }
	}
	if err := json.Unmarshal(data, &body); err != nil {
		return nil, err
	}
	e := body.TaskMessage.Event
	return append(found, message{decoded.EventType, e.Name, e.Input}), nil
}
