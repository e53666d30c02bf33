package azstore_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/azstore"
	"github.com/go-durable/durable/internal/storage"
)

const putAnswer = `<?xml version="1.0"?><QueueMessagesList><QueueMessage><MessageId>1</MessageId></QueueMessage></QueueMessagesList>`

func created() (*http.Response, error) { return response(201, putAnswer), nil }

func TestPutRequest(t *testing.T) {
	t.Parallel()
	w := answering(201, putAnswer)
	require.NoError(t, fake(t, w).Queues.Put(t.Context(), "queue", "{\"a\":\"<&>\r\n\t😀\"}", 1500*time.Millisecond))
	require.Equal(t, "POST", w.sent[0].Method)
	require.Equal(t, "/queue/messages", w.sent[0].URL.Path)
	q := w.sent[0].URL.Query()
	require.Equal(t, "-1", q.Get("messagettl"))
	require.Equal(t, "2", q.Get("visibilitytimeout"))
	require.Contains(t, w.bodies[0], "<MessageText>{&#34;a&#34;:&#34;&lt;&amp;&gt;&#xD;&#xA;&#x9;😀&#34;}</MessageText>")
}

func TestPutDelay(t *testing.T) {
	t.Parallel()
	tests := map[time.Duration]string{
		-time.Second: "0", 0: "0", 1: "1", time.Second: "1", time.Second + 1: "2", 7 * 24 * time.Hour: "604800",
		1 << 62: "1073741824",
	}
	for delay, want := range tests {
		w := answering(201, putAnswer)
		require.NoError(t, fake(t, w).Queues.Put(t.Context(), "queue", "x", delay))
		require.Equal(t, want, w.sent[0].URL.Query().Get("visibilitytimeout"))
	}
}

func TestPutRefusesWhatXMLCannotCarry(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"\x00", "a\x01", "\x1f", "\ufffe", "a\uffff", "\xff", "\xed\xa0\x80"} {
		w := answering(201, putAnswer)
		require.ErrorIs(t, fake(t, w).Queues.Put(t.Context(), "queue", text, 0), storage.ErrInvalid)
		require.Zero(t, w.count(), "nothing is sent")
	}
}

// TestPutOutcomes: what is done after an attempt, and what the caller learns.
func TestPutOutcomes(t *testing.T) {
	t.Parallel()
	dial := &url.Error{Op: "Post", URL: "https://acc/?" + sas, Err: &net.OpError{Op: "dial", Err: errors.New("refused")}}
	busy := func() (*http.Response, error) { return response(503, "", "x-ms-error-code", "ServerBusy"), nil }
	status := func(code int) func() (*http.Response, error) {
		return func() (*http.Response, error) { return response(code, ""), nil }
	}
	fails := func(err error) func() (*http.Response, error) {
		return func() (*http.Response, error) { return nil, err }
	}
	tests := []struct {
		name      string
		first     func() (*http.Response, error)
		attempts  int  // with a success as the answer to the second
		uncertain bool // if the first answer is the last
	}{
		{"Dial", fails(dial), 2, false},
		{"TooManyRequests", status(429), 2, false},
		{"Busy", busy, 2, false},
		{"BusyInBody", func() (*http.Response, error) {
			return response(503, `<Error><Code>ServerBusy</Code></Error>`), nil
		}, 2, false},
		{"Denied", status(403), 1, false},
		{"NoQueue", func() (*http.Response, error) { return response(404, "", "x-ms-error-code", "QueueNotFound"), nil }, 1, false},
		{"TooLarge", status(413), 1, false},
		{"Unavailable", status(503), 1, true},
		{"InternalError", status(500), 1, true},
		{"BadGateway", status(502), 1, true},
		{"GatewayTimeout", status(504), 1, true},
		{"RequestTimeout", status(408), 1, true},
		{"Redirect", status(302), 1, true},
		{"OK", status(200), 1, true},
		{"Reset", fails(&url.Error{Op: "Post", URL: "https://acc/?" + sas, Err: &net.OpError{Op: "read", Err: errors.New("reset")}}), 1, true},
		{"EOF", fails(io.ErrUnexpectedEOF), 1, true},
		{"AttemptTimeout", fails(context.DeadlineExceeded), 1, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := &wire{answer: func(n int, _ *http.Request) (*http.Response, error) {
				if n == 0 {
					return tt.first()
				}
				return created()
			}}
			err := fake(t, w).Queues.Put(t.Context(), "queue", "x", 0)
			require.Equal(t, tt.attempts, w.count())
			require.Equal(t, tt.attempts == 2, err == nil, err)

			w = &wire{answer: func(int, *http.Request) (*http.Response, error) { return tt.first() }}
			err = fake(t, w).Queues.Put(t.Context(), "queue", "x", 0)
			require.Error(t, err)
			require.Equal(t, tt.uncertain, errors.Is(err, storage.ErrUncertain), err)
			if tt.attempts == 2 {
				require.Equal(t, 3, w.count(), "two more attempts, as the caller's options say")
			}
		})
	}
}

// TestPutUncertainAfterSafeRetry: one attempt that may have arrived is enough.
func TestPutUncertainAfterSafeRetry(t *testing.T) {
	t.Parallel()
	w := &wire{answer: func(n int, _ *http.Request) (*http.Response, error) {
		if n == 0 {
			return response(429, ""), nil
		}
		return response(500, ""), nil
	}}
	require.ErrorIs(t, fake(t, w).Queues.Put(t.Context(), "queue", "x", 0), storage.ErrUncertain)
	require.Equal(t, 2, w.count())
}

// brokenBody is an answer whose first line arrived and whose rest did not.
type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
func (brokenBody) Close() error             { return nil }

func TestPutAcceptedWhateverFollows(t *testing.T) {
	t.Parallel()
	broken := response(201, "")
	broken.Body = brokenBody{}
	for name, r := range map[string]*http.Response{"Lost": broken, "Garbage": response(201, "<<"), "Empty": response(201, "")} {
		w := &wire{answer: func(int, *http.Request) (*http.Response, error) { return r, nil }}
		require.NoError(t, fake(t, w).Queues.Put(t.Context(), "queue", "x", 0), name)
		require.Equal(t, 1, w.count())
	}
}

func TestPutContext(t *testing.T) {
	t.Parallel()
	t.Run("Before", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w := answering(201, putAnswer)
		err := fake(t, w).Queues.Put(ctx, "queue", "x", 0)
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, storage.ErrUncertain)
		require.Zero(t, w.count())
	})
	t.Run("UnderWay", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		w := &wire{answer: func(_ int, req *http.Request) (*http.Response, error) {
			cancel()
			<-req.Context().Done()
			return nil, req.Context().Err()
		}}
		err := fake(t, w).Queues.Put(ctx, "queue", "x", 0)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, storage.ErrUncertain)
	})
	t.Run("AfterRefusal", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		w := &wire{answer: func(int, *http.Request) (*http.Response, error) {
			cancel()
			return response(429, ""), nil
		}}
		err := fake(t, w).Queues.Put(ctx, "queue", "x", 0)
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, storage.ErrUncertain)
	})
	t.Run("AfterSuccess", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		w := &wire{answer: func(int, *http.Request) (*http.Response, error) {
			cancel()
			return created()
		}}
		require.NoError(t, fake(t, w).Queues.Put(ctx, "queue", "x", 0))
	})
}

// TestPutHeedsRetryOptions: the caller's options can forbid attempts, and cannot add dangerous ones.
func TestPutHeedsRetryOptions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		change   func(*policy.RetryOptions)
		status   int
		attempts int
	}{
		{"None", func(o *policy.RetryOptions) { o.MaxRetries = -1 }, 429, 1},
		{"Codes", func(o *policy.RetryOptions) { o.StatusCodes = []int{500} }, 429, 1},
		{"DangerousCodes", func(o *policy.RetryOptions) { o.StatusCodes = []int{500} }, 500, 1},
		{"Never", func(o *policy.RetryOptions) { o.ShouldRetry = func(*http.Response, error) bool { return false } }, 429, 1},
		{"Always", func(o *policy.RetryOptions) { o.ShouldRetry = func(*http.Response, error) bool { return true } }, 500, 1},
		{"AlwaysSafe", func(o *policy.RetryOptions) { o.ShouldRetry = func(*http.Response, error) bool { return true } }, 429, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := answering(tt.status, "")
			o := quick(w)
			tt.change(&o.Retry)
			a, err := azstore.NewWithSAS(endpoints, sas, o)
			require.NoError(t, err)
			require.Error(t, a.Queues.Put(t.Context(), "queue", "x", 0))
			require.Equal(t, tt.attempts, w.count())
		})
	}
}

// TestPutOverNetwork: the same with real connections, which say more about what was sent than a fake can.
func TestPutOverNetwork(t *testing.T) {
	t.Parallel()
	put := func(t *testing.T, endpoint string, client *http.Client) error {
		o := quick(nil)
		o.Transport = client
		ep := azstore.Endpoints{Table: endpoint, Queue: endpoint, Blob: endpoint}
		a, err := azstore.NewWithSharedKey(ep, "acc", secret, o)
		require.NoError(t, err)
		return a.Queues.Put(t.Context(), "queue", "x", 0)
	}
	t.Run("UntrustedCertificate", func(t *testing.T) {
		t.Parallel()
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.Config.ErrorLog = quiet
		s.StartTLS()
		defer s.Close()
		err := put(t, s.URL, &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}})
		require.Error(t, err)
		require.NotErrorIs(t, err, storage.ErrUncertain, "no connection, so nothing was sent")
	})
	t.Run("ClosedPort", func(t *testing.T) {
		t.Parallel()
		s := httptest.NewServer(http.NotFoundHandler())
		s.Close()
		err := put(t, s.URL, &http.Client{})
		require.Error(t, err)
		require.NotErrorIs(t, err, storage.ErrUncertain)
	})
	t.Run("ClosedConnection", func(t *testing.T) {
		t.Parallel()
		var n atomic.Int32
		s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			n.Add(1)
			panic(http.ErrAbortHandler)
		}))
		defer s.Close()
		require.ErrorIs(t, put(t, s.URL, s.Client()), storage.ErrUncertain)
		require.Equal(t, int32(1), n.Load())
	})
	t.Run("Accepted", func(t *testing.T) {
		t.Parallel()
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			if strings.Contains(string(b), "<MessageText>x</MessageText>") {
				w.WriteHeader(http.StatusCreated)
			}
		}))
		defer s.Close()
		require.NoError(t, put(t, s.URL, s.Client()))
	})
}

func TestReleaseKeepsTheText(t *testing.T) {
	t.Parallel()
	w := answering(204, "")
	m := storage.Message{ID: "id", PopReceipt: "r+/=", Text: "<text>"}
	require.NoError(t, fake(t, w).Queues.Release(t.Context(), "queue", m, time.Millisecond))
	require.Equal(t, "r+/=", w.sent[0].URL.Query().Get("popreceipt"))
	require.Equal(t, "1", w.sent[0].URL.Query().Get("visibilitytimeout"))
	require.Contains(t, w.bodies[0], "<MessageText>&lt;text&gt;</MessageText>")
}

func TestQueueArguments(t *testing.T) {
	t.Parallel()
	w := answering(204, "")
	a := fake(t, w)
	for _, m := range []storage.Message{{}, {ID: "1"}, {PopReceipt: "1"}, {ID: "..", PopReceipt: "1"}, {ID: "a/b", PopReceipt: "1"}, {ID: "a?b", PopReceipt: "1"}} {
		require.ErrorIs(t, a.Queues.Remove(t.Context(), "queue", m), storage.ErrInvalid)
		require.ErrorIs(t, a.Queues.Release(t.Context(), "queue", m, 0), storage.ErrInvalid)
	}
	for _, n := range []int{-1, 0, 33} {
		_, err := a.Queues.Peek(t.Context(), "queue", n)
		require.ErrorIs(t, err, storage.ErrInvalid)
		_, err = a.Queues.Dequeue(t.Context(), "queue", n, time.Minute)
		require.ErrorIs(t, err, storage.ErrInvalid)
	}
	require.ErrorIs(t, a.Queues.Put(t.Context(), "", "x", 0), storage.ErrInvalid)
	require.Zero(t, w.count())
}
