package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/httpapi"
)

// TestSlowBody: a caller who does not send what he has announced is answered without it.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, path string
		status     int
	}{
		{"needed", "/orchestrators/F/a", http.StatusRequestTimeout},
		{"not needed", "/instances/nobody/terminate", http.StatusNotFound},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := newAPI(t, httpapi.Options{CallerTimeout: 50 * time.Millisecond})
			server := httptest.NewServer(a.handler)
			t.Cleanup(server.Close)
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
			require.NoError(t, err)
			t.Cleanup(func() { _ = conn.Close() })
			_, err = fmt.Fprintf(conn, "POST %s%s HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n\"begins", base, test.path)
			require.NoError(t, err)
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			defer response.Body.Close() //nolint:errcheck // only read
			require.Equal(t, test.status, response.StatusCode)
			require.True(t, response.Close)
		})
	}
}

// TestSlowReader: a caller who does not take the answer does not hold the handler.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	a := newAPI(t, httpapi.Options{CallerTimeout: 50 * time.Millisecond})
	a.start("a")
	a.Complete("a", strings.Repeat("x", 16<<20)) // more than the buffers of a connection hold
	left := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(left)
		a.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "GET %s/instances/a HTTP/1.1\r\nHost: h\r\n\r\n", base)
	require.NoError(t, err)
	<-left
	require.Contains(t, a.log.String(), "the caller does not take the answer")
}

// TestCallerTimeoutDoesNotCutWaits: the time for the body is over long before the answer.
func TestCallerTimeoutDoesNotCutWaits(t *testing.T) {
	t.Parallel()
	a := newAPI(t, httpapi.Options{CallerTimeout: 30 * time.Millisecond})
	server := httptest.NewServer(a.handler)
	t.Cleanup(server.Close)
	for range 2 { // on one connection
		url := server.URL + base + "/orchestrators/F?timeout=0.2&pollingInterval=0.1"
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("1"))
		require.NoError(t, err)
		response, err := server.Client().Do(r)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusAccepted, response.StatusCode)
	}
}

// TestCancellation: a caller who goes while he waits ends the wait. What he has started goes on.
func TestCancellation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, httpapi.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		begin := time.Now()
		w := httptest.NewRecorder()
		url := base + "/orchestrators/F/a?timeout=100&pollingInterval=1"
		a.handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodPost, url, nil))
		require.Equal(t, time.Second, time.Since(begin))
		require.Empty(t, w.Body.String(), "nobody is there to be answered")
		require.Contains(t, a.log.String(), "the caller has gone")
		require.NotContains(t, a.log.String(), `"level":"ERROR"`)
		require.Equal(t, http.StatusAccepted, a.send("GET", "/instances/a", "").Code)
	})
}

// TestWait: a caller who waits gets what the instance comes to.
func TestWait(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		end    func(a *api)
		query  string
		status int
		body   string
	}{
		{"completed", func(a *api) { a.Complete("a", "out") }, "", 200, `"out"`},
		{"no output", func(a *api) { a.Complete("a", nil) }, "", 200, `null`},
		{"failed", func(a *api) { a.Fail("a", "broke") }, "", 200, `"runtimeStatus":"Failed","input":1,`},
		{"failed, as error", func(a *api) { a.Fail("a", "broke") }, "&returnInternalServerErrorOnFailure=true", 500, `"output":"broke"`},
		{"without input", func(a *api) { a.Fail("a", "broke") }, "&showInput=false", 200, `"input":null,`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, httpapi.Options{})
				time.AfterFunc(2*time.Second, func() { test.end(a) })
				w := a.send("POST", "/orchestrators/F/a?timeout=5&pollingInterval=1"+test.query, "1")
				require.Equal(t, test.status, w.Code)
				require.Contains(t, w.Body.String(), test.body)
				require.Empty(t, w.Header().Get("Location"))
			})
		})
	}
}

// TestManyPollers: a thousand callers poll one server at once. None of them leaves anything behind.
func TestManyPollers(t *testing.T) {
	a := newAPI(t, httpapi.Options{Keys: []string{"key"}})
	a.start("runs")
	a.start("done")
	a.Complete("done", "out")
	before := runtime.NumGoroutine()
	server := httptest.NewServer(a.handler)
	client := server.Client()
	client.Transport.(*http.Transport).MaxConnsPerHost = 200
	var failed atomic.Int64
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			id, want := "runs", http.StatusAccepted
			if i%2 == 0 {
				id, want = "done", http.StatusOK
			}
			for range 3 {
				if pollOnce(t.Context(), client, server.URL+base+"/instances/"+id+"?code=key") != want {
					failed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	require.Zero(t, failed.Load())
	client.CloseIdleConnections()
	server.Close()
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+2 }, 10*time.Second, 10*time.Millisecond)
}

func pollOnce(ctx context.Context, client *http.Client, url string) (status int) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	response, err := client.Do(r)
	if err != nil {
		return 0
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0
	}
	return response.StatusCode
}
