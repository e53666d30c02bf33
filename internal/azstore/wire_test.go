package azstore_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/azstore"
	"github.com/go-durable/durable/internal/storage"
)

const (
	// secret is a key and, as part of a SAS, a signature. No text may ever contain it.
	secret = "c2VjcmV0c2VjcmV0c2VjcmV0"
	sas    = "sv=2024-11-04&ss=btq&sig=" + secret
)

var endpoints = azstore.Endpoints{
	Table: "https://acc.table.core.windows.net",
	Queue: "https://acc.queue.core.windows.net/",
	Blob:  "https://acc.blob.core.windows.net",
}

// wire is a transport that answers from a function and remembers the requests.
type wire struct {
	answer func(n int, req *http.Request) (*http.Response, error)

	mu     sync.Mutex
	sent   []*http.Request
	bodies []string
}

func (w *wire) Do(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
	}
	w.mu.Lock()
	n := len(w.sent)
	w.sent = append(w.sent, req)
	w.bodies = append(w.bodies, string(body))
	w.mu.Unlock()
	return w.answer(n, req)
}

// count returns how many requests were sent.
func (w *wire) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sent)
}

// response makes an answer. Headers are pairs of a name and a value.
func response(status int, body string, headers ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{
		StatusCode: status,
		Status:     http.StatusText(status),
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     h,
		Body:       io.NopCloser(strings.NewReader(body)),
	}
}

// answering returns a wire that gives the same answer to every request.
func answering(status int, body string, headers ...string) *wire {
	return &wire{answer: func(int, *http.Request) (*http.Response, error) {
		return response(status, body, headers...), nil
	}}
}

// failing returns a wire on which nothing arrives.
func failing(err error) *wire {
	return &wire{answer: func(int, *http.Request) (*http.Response, error) { return nil, err }}
}

// quick are options with a transport and no pauses between attempts.
func quick(w *wire) *azcore.ClientOptions {
	return &azcore.ClientOptions{
		Transport: w,
		Retry:     policy.RetryOptions{MaxRetries: 2, RetryDelay: -1, MaxRetryDelay: time.Millisecond},
	}
}

// fake returns an account whose requests, signed by a SAS, go to a wire.
func fake(tb testing.TB, w *wire) storage.Account {
	tb.Helper()
	a, err := azstore.NewWithSAS(endpoints, sas, quick(w))
	require.NoError(tb, err)
	return *a
}
