package durable_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

var appEndpoint = durable.ManagementEndpoint{BaseURL: appURL, Code: "K"}

func TestCreateCheckStatusResponse(t *testing.T) {
	t.Parallel()
	c := clientAt(t, &appEndpoint)
	r, err := c.CreateCheckStatusResponse(nil, "abc", &durable.CheckStatusOptions{ReturnInternalServerErrorOnFailure: true})
	require.NoError(t, err)
	const status = appURL + "/instances/abc?taskHub=MyHub&connection=Storage&code=K&returnInternalServerErrorOnFailure=true"
	require.Equal(t, status, r.Header.Get("Location"))
	require.Contains(t, string(r.Body), `"statusQueryGetUri":"`+status+`"`)
	require.NotContains(t, string(r.Body), "rewindPostUri")

	w := httptest.NewRecorder()
	r.ServeHTTP(w, nil)
	require.Equal(t, http.StatusAccepted, w.Code)
	require.Equal(t, "10", w.Header().Get("Retry-After"))
	require.Equal(t, string(r.Body), w.Body.String())
	w.Header()["Location"][0] = "changed"
	require.Equal(t, status, r.Header.Get("Location"), "the response can be served again")

	other := durable.ManagementEndpoint{BaseURL: "http://other.example", TaskHub: "Theirs"}
	r, err = c.CreateCheckStatusResponse(nil, "abc", &durable.CheckStatusOptions{Endpoint: &other})
	require.NoError(t, err)
	require.Equal(t, "http://other.example/instances/abc?taskHub=Theirs&connection=Storage", r.Header.Get("Location"))
}

// TestCheckStatusResponseJSON: a Functions host takes the response from a custom handler in this form.
func TestCheckStatusResponseJSON(t *testing.T) {
	t.Parallel()
	r, err := clientAt(t, &appEndpoint).CreateCheckStatusResponse(nil, "abc", nil)
	require.NoError(t, err)
	r.Header.Add("X-Many", "a")
	r.Header.Add("X-Many", "b")
	var out struct {
		StatusCode int
		Headers    map[string]string
		Body       string
	}
	b, err := json.Marshal(map[string]any{"res": r})
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b[len(`{"res":`):len(b)-1], &out))
	require.Equal(t, http.StatusAccepted, out.StatusCode)
	require.Equal(t, r.Header.Get("Location"), out.Headers["Location"])
	require.Equal(t, "a, b", out.Headers["X-Many"])
	require.Equal(t, string(r.Body), out.Body)
}

func TestCheckStatusResponseOfARequest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		trust bool
		make  func(r *http.Request)
		want  string
	}{
		{"as it came", false, func(*http.Request) {}, "http://came.example"},
		{"over TLS", false, func(r *http.Request) { r.TLS = &tls.ConnectionState{} }, "https://came.example"},
		{"with port", false, func(r *http.Request) { r.Host = "[::1]:7071" }, "http://[::1]:7071"},
		{"no host", false, func(r *http.Request) { r.Host = "" }, "https://app.example"},
		{"nonsense", false, func(r *http.Request) { r.Host = "a/b?c" }, "https://app.example"},
		{"forwarded, not trusted", false, func(r *http.Request) { r.Header.Set("X-Forwarded-Host", "evil.example") }, "http://came.example"},
		{"forwarded", true, func(r *http.Request) { r.Header.Set("X-Forwarded-Host", "front.example") }, "http://front.example"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), "POST", "http://came.example/api/start", nil)
			test.make(r)
			response, err := clientAt(t, &appEndpoint).CreateCheckStatusResponse(r, "abc", &durable.CheckStatusOptions{
				TrustForwarded: test.trust,
			})
			require.NoError(t, err)
			require.Equal(t, test.want+"/runtime/webhooks/durabletask/instances/abc?taskHub=MyHub&connection=Storage&code=K",
				response.Header.Get("Location"))
		})
	}
}

func TestWaitForCompletionOrCreateCheckStatusResponse(t *testing.T) {
	t.Parallel()
	old := appEndpoint
	old.Extension1 = true
	tests := []struct {
		name   string
		opts   durable.WaitOrCheckStatusOptions
		end    func(h *durabletest.TestHub)
		status int
		body   string
		// after is when the answer comes.
		after time.Duration
	}{
		{"completed", durable.WaitOrCheckStatusOptions{}, func(h *durabletest.TestHub) { h.Complete("a", "out") }, 200, `"out"`, 3 * time.Second},
		{"no output", durable.WaitOrCheckStatusOptions{}, func(h *durabletest.TestHub) { h.Complete("a", nil) }, 200, `null`, 3 * time.Second},
		{"failed", durable.WaitOrCheckStatusOptions{}, func(h *durabletest.TestHub) { h.Fail("a", "broke") }, 200, `"output":"broke"`, 3 * time.Second},
		{
			"failed, as error",
			durable.WaitOrCheckStatusOptions{CheckStatusOptions: durable.CheckStatusOptions{ReturnInternalServerErrorOnFailure: true}},
			func(h *durabletest.TestHub) { h.Fail("a", "broke") }, 500, `"output":"broke"`, 3 * time.Second,
		},
		{
			"failed, 1.x",
			durable.WaitOrCheckStatusOptions{CheckStatusOptions: durable.CheckStatusOptions{Endpoint: &old}},
			func(h *durabletest.TestHub) { h.Fail("a", "broke") }, 500, `"input":7`, 3 * time.Second,
		},
		{
			"without input",
			durable.WaitOrCheckStatusOptions{Status: durable.GetStatusOptions{OmitInput: true}},
			func(h *durabletest.TestHub) { h.Fail("a", "broke") }, 200, `"input":null`, 3 * time.Second,
		},
		{"in vain", durable.WaitOrCheckStatusOptions{}, func(*durabletest.TestHub) {}, 202, `"id":"a"`, 10 * time.Second},
		{"purged meanwhile", durable.WaitOrCheckStatusOptions{}, func(h *durabletest.TestHub) {
			_, _ = h.Client().Purge(context.Background(), "a", &durable.PurgeOptions{Force: true})
		}, 202, `"id":"a"`, 10 * time.Second},
		{
			"at the last moment",
			durable.WaitOrCheckStatusOptions{Timeout: 2050 * time.Millisecond, RetryInterval: 2 * time.Second},
			func(h *durabletest.TestHub) { h.Complete("a", "late") }, 200, `"late"`, 3 * time.Second,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := durabletest.NewHub(t, nil)
				_, err := h.Client().StartNew(t.Context(), "F", 7, &durable.StartNewOptions{InstanceID: "a"})
				require.NoError(t, err)
				h.Run("a")
				if test.opts.Endpoint == nil {
					test.opts.Endpoint = &appEndpoint
				}
				time.AfterFunc(2*time.Second, func() { test.end(h) })
				begin := time.Now()
				r, err := h.Client().WaitForCompletionOrCreateCheckStatusResponse(t.Context(), nil, "a", &test.opts)
				require.NoError(t, err)
				require.Equal(t, test.status, r.StatusCode)
				require.Contains(t, string(r.Body), test.body)
				require.LessOrEqual(t, time.Since(begin), test.after)
				require.Equal(t, test.status == 202, r.Header.Get("Location") != "")
			})
		})
	}
}

func TestWaitForCompletionOrCreateCheckStatusResponseFails(t *testing.T) {
	t.Parallel()
	h := durabletest.NewHub(t, nil)
	wait := func(ctx context.Context, id string, o durable.WaitOrCheckStatusOptions) error {
		o.Endpoint = &appEndpoint
		_, err := h.Client().WaitForCompletionOrCreateCheckStatusResponse(ctx, nil, id, &o)
		return err
	}
	for _, o := range []durable.WaitOrCheckStatusOptions{
		{Timeout: -1}, {RetryInterval: -1}, {Timeout: time.Second, RetryInterval: 2 * time.Second},
	} {
		require.ErrorIs(t, wait(t.Context(), "a", o), durable.ErrInvalidArgument)
	}
	require.ErrorIs(t, wait(t.Context(), "", durable.WaitOrCheckStatusOptions{}), durable.ErrInvalidArgument)
	require.NoError(t, wait(t.Context(), "nobody", durable.WaitOrCheckStatusOptions{Timeout: time.Millisecond}), "202")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, wait(ended, "a", durable.WaitOrCheckStatusOptions{}), context.Canceled)
	none := durabletest.NewHub(t, &durabletest.Options{NotCreated: true})
	_, err := none.Client().WaitForCompletionOrCreateCheckStatusResponse(t.Context(), nil, "a", &durable.WaitOrCheckStatusOptions{
		CheckStatusOptions: durable.CheckStatusOptions{Endpoint: &appEndpoint},
	})
	require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
}
