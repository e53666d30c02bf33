package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/httpapi"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
)

// brokenTables fail each read with an error.
type brokenTables struct {
	storage.Tables
	err error
}

func (b *brokenTables) Get(context.Context, string, string, string, ...string) (*storage.Entity, error) {
	return nil, b.err
}

func (b *brokenTables) Query(context.Context, string, storage.Query) (*storage.Page, error) {
	return nil, b.err
}

// noBlobs has lost every blob.
type noBlobs struct{ storage.Blobs }

func (noBlobs) Open(context.Context, string, string) (io.ReadCloser, error) {
	return nil, storage.ErrNotFound
}

func TestStorageFailures(t *testing.T) {
	t.Parallel()
	const secret = "https://account.table.core.windows.net/?sig=SECRET"
	tests := []struct {
		name    string
		err     error
		status  int
		message string
	}{
		{"unknown", errors.New(secret), 500, "Something went wrong while processing your request"},
		{"denied", fmt.Errorf("%w: %s", storage.ErrDenied, secret), 500, "Something went wrong while processing your request"},
		{"deadline", context.DeadlineExceeded, 504, "The storage did not answer in time"},
		{"hub being deleted", storage.ErrBeingDeleted, 409, "invalid state: try again in a minute: being deleted"},
		{"no hub", storage.ErrContainerNotFound, 500, "The task hub does not exist in the storage account"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			account := memstore.New(nil).Account()
			account.Tables = &brokenTables{account.Tables, test.err}
			client, err := hook.NewClient(account, "Hub", taskhub.Options{})
			require.NoError(t, err)
			a := &api{t: t, log: &buffer{}}
			a.serve(client.(*durable.OrchestrationClient), httpapi.Options{})
			for _, path := range []string{"/instances/abc", "/instances", "/entities", "/entities/c/k"} {
				e := refused(t, a.send("GET", path+"?code=the-function-key", ""), test.status)
				require.Equal(t, test.message, e.Message)
				require.NotContains(t, e.ExceptionMessage, "SECRET")
				require.Contains(t, a.log.String(), e.RequestID)
			}
			require.Contains(t, a.log.String(), test.err.Error(), "the log has the cause")
			require.Contains(t, a.log.String(), `"id":"abc"`)
			require.NotContains(t, a.log.String(), "the-function-key")
		})
	}
}

func devMissingHub(t *testing.T) {
	hub := durabletest.NewHub(t, &durabletest.Options{NotCreated: true})
	a := &api{t: t, log: &buffer{}}
	a.serve(hub.Client(), httpapi.Options{})
	for _, r := range []string{"GET /instances", "GET /instances/a", "POST /orchestrators/F", "DELETE /instances/a"} {
		method, path, _ := strings.Cut(r, " ")
		e := refused(t, a.send(method, path, ""), http.StatusInternalServerError)
		require.Equal(t, "The task hub does not exist in the storage account", e.Message)
	}
}

func devMissingPayload(t *testing.T) {
	d := golden.Load(t, "v1/large-payloads").Dumps["completed"]
	account := memstore.New(nil).Account()
	require.NoError(t, d.LoadInto(t.Context(), account))
	account.Blobs = noBlobs{account.Blobs}
	client, err := hook.NewClient(account, d.Hub, taskhub.Options{})
	require.NoError(t, err)
	a := &api{t: t, log: &buffer{}}
	a.serve(client.(*durable.OrchestrationClient), httpapi.Options{})
	w := a.send("GET", "/instances", "")
	require.Equal(t, http.StatusOK, w.Code)
	require.NotEmpty(t, list(t, w))
	require.Contains(t, a.log.String(), "a payload is missing")
	w = a.send("GET", "/instances/large-08", "")
	require.Equal(t, http.StatusOK, w.Code)
	var s map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &s))
	require.Nil(t, s["input"])
	require.Equal(t, "Completed", s["runtimeStatus"])
}

// TestAnswers: every error that callers of the client can act on has an answer that callers of the API can act on.
func TestAnswers(t *testing.T) {
	t.Parallel()
	in := func(status durable.RuntimeStatus, err error) error {
		return fmt.Errorf("wrapped: %w", &durable.Error{Op: "Op", TaskHub: "Hub", InstanceID: "a", Status: status, Err: err})
	}
	tests := []struct {
		err    error
		status int
		// message is what the message contains.
		message string
	}{
		{in("", durable.ErrInvalidArgument), 400, "One or more of the arguments"},
		{in("", durable.ErrInstanceNotFound), 404, ""},
		{in("Running", durable.ErrInstanceExists), 409, "with the status Running already exists"},
		{in("Completed", durable.ErrInvalidState), 410, ""},
		{in("Suspended", durable.ErrInvalidState), 412, "invalid state"},
		{in("", durable.ErrInvalidState), 409, "invalid state"},
		{in("", durable.ErrConflict), 409, "nothing was overwritten"},
		{in("", durable.ErrUncertain), 500, "look at the instance"},
		{in("", durable.ErrPayloadMissing), 500, "is gone"},
		{in("", durable.ErrPayloadTooLarge), 500, "larger than this server reads"},
		{in("", durable.ErrTaskHubNotFound), 500, "does not exist"},
		{in("", durable.ErrPartitionCount), 500, "Something went wrong"},
		{in("", durable.ErrAccessDenied), 500, "Something went wrong"},
		{in("", context.DeadlineExceeded), 504, "in time"},
		{errors.New("anything"), 500, "Something went wrong"},
	}
	for _, test := range tests {
		status, message := httpapi.Answer(test.err)
		require.Equal(t, test.status, status, test.err)
		require.Contains(t, message, test.message)
		require.Equal(t, test.message == "", message == "", test.err)
	}
}
