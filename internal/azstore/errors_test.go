package azstore_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/azstore"
	"github.com/go-durable/durable/internal/storage"
)

func TestErrorKinds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status int
		code   string
		want   error
	}{
		{404, "TableNotFound", storage.ErrContainerNotFound},
		{404, "QueueNotFound", storage.ErrContainerNotFound},
		{404, "ContainerNotFound", storage.ErrContainerNotFound},
		{404, "ResourceNotFound", storage.ErrNotFound},
		{404, "EntityNotFound", storage.ErrNotFound},
		{404, "BlobNotFound", storage.ErrNotFound},
		{404, "MessageNotFound", storage.ErrNotFound},
		{400, "PopReceiptMismatch", storage.ErrNotFound},
		{404, "", storage.ErrNotFound},
		{409, "EntityAlreadyExists", storage.ErrExists},
		{409, "BlobAlreadyExists", storage.ErrExists},
		{412, "UpdateConditionNotSatisfied", storage.ErrPrecondition},
		{412, "ConditionNotMet", storage.ErrPrecondition},
		{412, "", storage.ErrPrecondition},
		{409, "TableBeingDeleted", storage.ErrBeingDeleted},
		{409, "QueueBeingDeleted", storage.ErrBeingDeleted},
		{409, "ContainerBeingDeleted", storage.ErrBeingDeleted},
		{412, "LeaseIdMissing", storage.ErrLeased},
		{412, "LeaseIdMismatchWithBlobOperation", storage.ErrLeased},
		{409, "LeaseAlreadyPresent", storage.ErrLeased},
		{400, "InvalidInput", storage.ErrInvalid},
		{400, "", storage.ErrInvalid},
		{413, "RequestBodyTooLarge", storage.ErrInvalid},
		{414, "", storage.ErrInvalid},
		{431, "", storage.ErrInvalid},
		{401, "NoAuthenticationInformation", storage.ErrDenied},
		{403, "AuthorizationPermissionMismatch", storage.ErrDenied},
		{400, "InvalidAuthenticationInfo", storage.ErrDenied},
		{409, "SomethingElse", nil},
		{500, "InternalError", nil},
		{503, "ServerBusy", nil},
	}
	kinds := []error{
		storage.ErrContainerNotFound, storage.ErrNotFound, storage.ErrExists, storage.ErrPrecondition,
		storage.ErrBeingDeleted, storage.ErrLeased, storage.ErrInvalid, storage.ErrDenied, storage.ErrUncertain,
	}
	for _, tt := range tests {
		t.Run(strconv.Itoa(tt.status)+tt.code, func(t *testing.T) {
			t.Parallel()
			for place, w := range map[string]*wire{
				"header": answering(tt.status, "", "x-ms-error-code", tt.code, "x-ms-request-id", "req-1"),
				"body":   answering(tt.status, `{"odata.error":{"code":"`+tt.code+`"}}`, "x-ms-request-id", "req-1"),
			} {
				_, err := fake(t, w).Tables.Get(t.Context(), "T", "p", "r")
				for _, k := range kinds {
					require.Equal(t, k == tt.want, errors.Is(err, k), "%s: %v", place, k) //nolint:errorlint // identity
				}
				var e *azstore.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, [3]any{tt.status, tt.code, "req-1"}, [3]any{e.Status, e.Code, e.RequestID})
				var r *azcore.ResponseError
				require.ErrorAs(t, err, &r)
				require.Equal(t, tt.status, r.StatusCode)
			}
		})
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	w := answering(412, `{"odata.error":{"code":"UpdateConditionNotSatisfied","message":{"value":"long story"}}}`,
		"x-ms-request-id", "req-1")
	err := fake(t, w).Tables.Delete(t.Context(), "T", "p", "r", "tag")
	require.EqualError(t, err, "changed since it was read (HTTP 412 UpdateConditionNotSatisfied, request req-1)")
	err = fake(t, answering(409, "")).Tables.Delete(t.Context(), "T", "p", "r", "tag")
	require.EqualError(t, err, "HTTP 409")
}

// TestMissingWithoutCode: what a bare 404 means depends on what was asked for.
func TestMissingWithoutCode(t *testing.T) {
	t.Parallel()
	a := fake(t, answering(404, ""))
	_, err := a.Queues.Count(t.Context(), "q")
	require.ErrorIs(t, err, storage.ErrContainerNotFound)
	_, err = a.Blobs.List(t.Context(), "c", "", "")
	require.ErrorIs(t, err, storage.ErrContainerNotFound)
	_, err = a.Blobs.Open(t.Context(), "c", "b")
	require.ErrorIs(t, err, storage.ErrNotFound)
	require.ErrorIs(t, a.Queues.Remove(t.Context(), "q", storage.Message{ID: "1", PopReceipt: "1"}), storage.ErrNotFound)
	require.NoError(t, a.Tables.DeleteTable(t.Context(), "T"))
	require.NoError(t, a.Queues.DeleteQueue(t.Context(), "q"))
	require.NoError(t, a.Blobs.DeleteContainer(t.Context(), "c"))
	require.NoError(t, a.Blobs.Delete(t.Context(), "c", "b"))
}

func TestBeingDeleted(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"TableBeingDeleted", "QueueBeingDeleted", "ContainerBeingDeleted"} {
		a := fake(t, answering(409, "", "x-ms-error-code", code))
		require.ErrorIs(t, a.Tables.CreateTable(t.Context(), "T"), storage.ErrBeingDeleted)
		require.ErrorIs(t, a.Queues.CreateQueue(t.Context(), "q"), storage.ErrBeingDeleted)
		require.ErrorIs(t, a.Blobs.CreateContainer(t.Context(), "c"), storage.ErrBeingDeleted)
		require.NoError(t, a.Tables.DeleteTable(t.Context(), "T"), "it is on its way")
		require.NoError(t, a.Queues.DeleteQueue(t.Context(), "q"))
		require.NoError(t, a.Blobs.DeleteContainer(t.Context(), "c"))
	}
}

func TestContextErrorsPass(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	w := &wire{answer: func(_ int, req *http.Request) (*http.Response, error) {
		cancel()
		return nil, req.Context().Err()
	}}
	_, err := fake(t, w).Tables.Get(ctx, "T", "p", "r")
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, w.count())
}

// TestBareAnswers: an answer without any header or content is an empty one, not a panic.
func TestBareAnswers(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "<EnumerationResults/>", "<EnumerationResults><Blobs><Blob/></Blobs><Queues><Queue/></Queues></EnumerationResults>", "<QueueMessagesList><QueueMessage/></QueueMessagesList>"} {
		a := fake(t, answering(200, body))
		_, _ = a.Queues.Count(t.Context(), "q")
		_, _ = a.Queues.ListQueues(t.Context(), "")
		_, _ = a.Queues.Peek(t.Context(), "q", 1)
		_, _ = a.Queues.Dequeue(t.Context(), "q", 1, 0)
		_, _ = a.Blobs.ListContainers(t.Context(), "")
		_, _ = a.Blobs.List(t.Context(), "c", "", "")
		_, _ = a.Tables.ListTables(t.Context(), "")
		_, err := a.Tables.Query(t.Context(), "T", storage.Query{})
		require.Error(t, err, "not JSON")
		_, err = a.Tables.Get(t.Context(), "T", "p", "r")
		require.Error(t, err)
	}
	for _, status := range []int{201, 202, 204} {
		a := fake(t, answering(status, ""))
		e := &storage.Entity{PartitionKey: "p", RowKey: "r"}
		_, _ = a.Tables.Insert(t.Context(), "T", e)
		_, _ = a.Tables.Update(t.Context(), "T", e, storage.Merge, "")
		_, _ = a.Tables.Update(t.Context(), "T", e, storage.Replace, storage.Any)
		_ = a.Tables.Batch(t.Context(), "T", []storage.Op{{Entity: e}})
		_ = a.Queues.Release(t.Context(), "q", storage.Message{ID: "1", PopReceipt: "1"}, 0)
	}
}
