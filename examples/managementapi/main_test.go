package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
)

// serving starts the program and returns where its API is.
func serving(t *testing.T, env map[string]string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, append(args, "-listen", "127.0.0.1:0"), func(name string) string { return env[name] }, w)
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	require.NoError(t, err)
	go func() { _, _ = io.Copy(io.Discard, r) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
		_ = w.Close()
	})
	_, url, found := strings.Cut(line, " is at ")
	require.True(t, found, line)
	return strings.TrimSpace(url)
}

func get(t *testing.T, url string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, body
}

func TestInMemory(t *testing.T) {
	t.Parallel()
	api := serving(t, nil)
	status, body := get(t, api+"/instances")
	require.Equal(t, http.StatusOK, status)
	var all []*durable.OrchestrationStatus
	require.NoError(t, json.Unmarshal(body, &all))
	states := map[string]durable.RuntimeStatus{}
	for _, s := range all {
		states[s.InstanceID] = s.RuntimeStatus
	}
	require.Equal(t, map[string]durable.RuntimeStatus{
		"order-1": durable.RuntimeStatusCompleted, "order-2": durable.RuntimeStatusRunning, "order-3": durable.RuntimeStatusFailed,
	}, states)
	status, _ = get(t, api+"/instances/order-2")
	require.Equal(t, http.StatusAccepted, status)
}

func TestWithKey(t *testing.T) {
	t.Parallel()
	api := serving(t, map[string]string{"KEY": "secret"}, "-key-from", "KEY", "-extension1")
	status, _ := get(t, api+"/instances")
	require.Equal(t, http.StatusUnauthorized, status)
	status, _ = get(t, api+"/instances/order-3?code=secret")
	require.Equal(t, http.StatusInternalServerError, status, "that is how 1.x answered for a failed instance")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	none := func(string) string { return "" }
	require.ErrorContains(t, run(t.Context(), []string{"-listen", ":0"}, none, io.Discard), "can be reached from elsewhere")
	require.ErrorIs(t, run(t.Context(), []string{"-key-from", "KEY"}, none, io.Discard), durable.ErrInvalidArgument)
	require.ErrorIs(t, run(t.Context(), []string{"-connection", "C"}, none, io.Discard), durable.ErrInvalidArgument)
}
