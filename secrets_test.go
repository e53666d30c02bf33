package durable_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
)

// Secrets that must show up nowhere.
const secretSig = "SAS-SIGNATURE"

var secretKey = base64.StdEncoding.EncodeToString([]byte("account key of the test account"))

// syncBuffer is a buffer that a logger can write to from several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// answers are how a server can disappoint.
var answers = map[string]http.HandlerFunc{
	"denied":     answer(403, "AuthenticationFailed"),
	"not found":  answer(404, "ResourceNotFound"),
	"conflict":   answer(409, "EntityAlreadyExists"),
	"stale":      answer(412, "UpdateConditionNotSatisfied"),
	"broken":     answer(500, "InternalError"),
	"no storage": func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<html>hello</html>") },
	"teapot":     func(w http.ResponseWriter, r *http.Request) { http.Error(w, r.URL.String(), http.StatusTeapot) },
	"hangs up":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"sends aside": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
	},
}

// answer is a service's error that quotes the request, as Azure does in some.
func answer(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("x-ms-error-code", code)
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"odata.error":{"code":%q,"message":{"value":"%s %s"}}}`, code, r.Header.Get("Authorization"), r.URL)
	}
}

// TestSecrets makes every operation fail in every way, with every credential, and looks for secrets and payloads in
// all that is said about it.
func TestSecrets(t *testing.T) {
	t.Parallel()
	for name, handler := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(handler)
			server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			t.Cleanup(server.Close)
			requireNoSecrets(t, server.URL)
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		requireNoSecrets(t, "http://127.0.0.1:1")
	})
}

func requireNoSecrets(t *testing.T, url string) {
	t.Helper()
	log := &syncBuffer{}
	opts := &durable.ClientOptions{
		ClientOptions: azcore.ClientOptions{Retry: policy.RetryOptions{MaxRetries: -1}}, PartitionCount: 4,
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	sas := "sv=2024-01-01&sig=" + secretSig
	ep := durable.Endpoints{Table: url + "/t", Queue: url + "/q", Blob: url + "/b"}
	endpoints := "TableEndpoint=" + ep.Table + ";QueueEndpoint=" + ep.Queue + ";BlobEndpoint=" + ep.Blob
	key, err1 := durable.NewOrchestrationClientWithSharedKey(ep, "Hub", "account", secretKey, opts)
	withSAS, err2 := durable.NewOrchestrationClientWithSAS(ep, "Hub", sas, opts)
	cs, err3 := durable.NewOrchestrationClientFromConnectionString(
		endpoints+";SharedAccessSignature="+sas, "Hub", opts)
	cs2, err4 := durable.NewOrchestrationClientFromConnectionString(
		endpoints+";AccountName=account;AccountKey="+secretKey, "Hub", opts)
	for _, err := range []error{err1, err2, err3, err4} {
		require.NoError(t, err)
	}
	said := &strings.Builder{}
	for _, c := range []*durable.OrchestrationClient{key, withSAS, cs, cs2} {
		for name, op := range everyOperation() {
			err := op(t.Context(), c)
			require.Error(t, err, name)
			fmt.Fprintln(said, err)
		}
	}
	for _, secret := range []string{secretSig, secretKey, marker, "sv=2024", "SharedKey"} {
		require.NotContains(t, said.String(), secret)
		require.NotContains(t, log.String(), secret)
	}
	require.NotEmpty(t, log.String())
}

// everyOperation has one call of each, with the marker in all that is the caller's.
func everyOperation() map[string]call {
	ops := readsAndControls("id")
	for name, op := range controls("id", marker) {
		ops[name] = op
	}
	ops["StartNew"] = startCall(marker, durable.StartNewOptions{Tags: map[string]string{"tag": marker}})
	ops["StartNew, large"] = startCall(bigInput, durable.StartNewOptions{})
	ops["StartOrGet"] = orGetCall(marker)
	ops["RaiseEvent"] = raise(bigInput)
	ops["CreateTaskHub"] = createHub
	ops["DeleteTaskHub"] = deleteHub
	ops["TaskHubInfo"] = hubInfo
	return ops
}
