package azstore_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
)

func entity(partitionKey, rowKey string, columns ...storage.Column) *storage.Entity {
	return &storage.Entity{PartitionKey: partitionKey, RowKey: rowKey, Columns: columns}
}

func column(name string, t storage.Type, text string) storage.Column {
	return storage.Column{Name: name, Value: storage.Value{Type: t, Text: text}}
}

// batchAnswer makes the answer to a batch out of answers to operations.
func batchAnswer(inner ...string) *http.Response {
	var b strings.Builder
	b.WriteString("--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n")
	for _, s := range inner {
		b.WriteString("--changesetresponse_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n" + s + "\r\n")
	}
	b.WriteString("--changesetresponse_1--\r\n--batchresponse_1--\r\n")
	return response(202, b.String(), "Content-Type", "multipart/mixed; boundary=batchresponse_1", "x-ms-request-id", "outer")
}

const done = "HTTP/1.1 204 No Content\r\nX-Content-Type-Options: nosniff\r\nETag: W/\"1\"\r\n\r\n"

func refusal(status, code, message string) string {
	return "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\n\r\n" +
		`{"odata.error":{"code":"` + code + `","message":{"lang":"en-US","value":"` + message + `"}}}`
}

func answerBatch(r func() *http.Response) *wire {
	return &wire{answer: func(int, *http.Request) (*http.Response, error) { return r(), nil }}
}

// TestBatchRequest compares a batch with every kind of operation, and with keys that have to be escaped, byte by byte.
func TestBatchRequest(t *testing.T) {
	t.Parallel()
	key := "it's 50%"
	ops := []storage.Op{
		{Kind: storage.OpInsert, Match: "ignored", Entity: entity(key, "", column("A", storage.String, "line\r\nbreak"))},
		{Kind: storage.OpMerge, Entity: entity(key, "'quoted'", column("N", storage.Int64, "9007199254740993"))},
		{Kind: storage.OpMerge, Match: storage.Any, Entity: entity(key, "a b", column("D", storage.Double, "5"))},
		{Kind: storage.OpReplace, Match: `W/"datetime'2026-01-01T00%3A00%3A00Z'"`, Entity: entity(key, "日本")},
		{Kind: storage.OpReplace, Entity: entity(key, "e")},
		{Kind: storage.OpDelete, Match: `W/"1"`, Entity: entity(key, "f", column("A", storage.String, "not sent"))},
		{Kind: storage.OpDelete, Entity: entity(key, "g")},
	}
	w := answerBatch(func() *http.Response { return batchAnswer(done, done, done, done, done, done, done) })
	require.NoError(t, fake(t, w).Tables.Batch(t.Context(), "Table", ops))

	require.Equal(t, "/$batch", w.sent[0].URL.Path)
	require.Equal(t, secret, w.sent[0].URL.Query().Get("sig"))
	id := regexp.MustCompile(`^multipart/mixed; boundary=batch_([0-9a-f]{32})$`).FindStringSubmatch(w.sent[0].Header.Get("Content-Type"))
	require.Len(t, id, 2)
	want, err := os.ReadFile(filepath.Join("testdata", "batch.txt"))
	require.NoError(t, err)
	got := bytes.ReplaceAll([]byte(strings.ReplaceAll(w.bodies[0], id[1], "ID")), []byte("\r\n"), []byte("\n"))
	require.Equal(t, string(want), string(got))
	require.Equal(t, strings.Count(w.bodies[0], "\n"), strings.Count(w.bodies[0], "\r\n"), "every line ends with CRLF")
	require.NotContains(t, w.bodies[0], secret)
}

func TestBatchFailures(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		answer func() *http.Response
		want   error
		index  int // -1: none
	}{
		{"Exists", func() *http.Response {
			return batchAnswer(refusal("409 Conflict", "EntityAlreadyExists", `3:The specified entity already exists.\nRequestId:1`))
		}, storage.ErrExists, 3},
		{"Changed", func() *http.Response {
			return batchAnswer(refusal("412 Precondition Failed", "UpdateConditionNotSatisfied", "0:The update condition"))
		}, storage.ErrPrecondition, 0},
		{"Missing", func() *http.Response { return batchAnswer(done, refusal("404 Not Found", "ResourceNotFound", "99:x")) }, storage.ErrNotFound, 99},
		{"NoTable", func() *http.Response { return batchAnswer(refusal("404 Not Found", "TableNotFound", "0:x")) }, storage.ErrContainerNotFound, 0},
		{"NoIndex", func() *http.Response { return batchAnswer(refusal("400 Bad Request", "InvalidInput", "One of: them")) }, storage.ErrInvalid, -1},
		{"AbsurdIndex", func() *http.Response { return batchAnswer(refusal("400 Bad Request", "InvalidInput", "100:x")) }, storage.ErrInvalid, -1},
		{"CodeInHeader", func() *http.Response {
			return batchAnswer("HTTP/1.1 409 Conflict\r\nx-ms-error-code: EntityAlreadyExists\r\nContent-Length: 0\r\n\r\n")
		}, storage.ErrExists, -1},
		{"PlainJSON", func() *http.Response {
			return response(202, `{"odata.error":{"code":"TableNotFound","message":{"value":"0:x"}}}`)
		}, storage.ErrContainerNotFound, -1},
		{"TooLarge", func() *http.Response { return response(413, "", "x-ms-error-code", "RequestBodyTooLarge") }, storage.ErrInvalid, -1},
		{"Denied", func() *http.Response { return response(403, "") }, storage.ErrDenied, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := fake(t, answerBatch(tt.answer)).Tables.Batch(t.Context(), "Table", []storage.Op{{Entity: entity("p", "1")}, {Entity: entity("p", "2")}})
			require.ErrorIs(t, err, tt.want)
			var failed *storage.BatchError
			require.Equal(t, tt.index >= 0, errors.As(err, &failed))
			if failed != nil {
				require.Equal(t, tt.index, failed.Index)
				var r *azcore.ResponseError
				require.ErrorAs(t, err, &r)
				require.NotEqual(t, 202, r.StatusCode)
				require.NotEmpty(t, r.ErrorCode)
				require.NotPanics(t, func() { _ = r.Error() })
				require.Contains(t, err.Error(), "request outer")
			}
		})
	}
}

// TestBatchUnreadable: an answer that does not account for every operation is no success.
func TestBatchUnreadable(t *testing.T) {
	t.Parallel()
	whole := func() *http.Response { return batchAnswer(done, done) }
	cut := func() *http.Response { return batchAnswer(done) }
	torn := func() *http.Response {
		return response(202, "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", "Content-Type", "multipart/mixed; boundary=b")
	}
	ops := []storage.Op{{Entity: entity("p", "1")}, {Entity: entity("p", "2")}}
	require.NoError(t, fake(t, answerBatch(whole)).Tables.Batch(t.Context(), "Table", ops))
	for name, answer := range map[string]func() *http.Response{
		"Cut": cut, "Torn": torn,
		"Empty":       func() *http.Response { return response(202, "") },
		"NoMultipart": func() *http.Response { return response(202, "x", "Content-Type", "text/plain") },
		"NoChangeset": func() *http.Response {
			return response(202, "--b\r\n\r\nx\r\n--b--", "Content-Type", "multipart/mixed; boundary=b")
		},
		"NoHTTP": func() *http.Response { return batchAnswer("hello\r\n\r\n", done) },
	} {
		err := fake(t, answerBatch(answer)).Tables.Batch(t.Context(), "Table", ops)
		require.ErrorContains(t, err, "answer to a batch", name)
	}
}

func TestBatchArguments(t *testing.T) {
	t.Parallel()
	w := answering(202, "")
	tables := fake(t, w).Tables
	many := make([]storage.Op, storage.MaxBatch+1)
	for i := range many {
		many[i].Entity = entity("p", strings.Repeat("x", i))
	}
	one := storage.Op{Entity: entity("p", "1")}
	for name, ops := range map[string][]storage.Op{
		"None": nil, "Many": many, "Nil": {one, {}}, "Twice": {one, {Kind: storage.OpDelete, Entity: entity("p", "1")}},
		"Partitions": {one, {Entity: entity("q", "2")}}, "Key": {one, {Entity: entity("p", "a/b")}},
		"Kind": {one, {Kind: 9, Entity: entity("p", "2")}}, "ETag": {one, {Kind: storage.OpDelete, Match: "a\r\nb", Entity: entity("p", "2")}},
		"Value": {one, {Entity: entity("p", "2", column("N", storage.Int32, "x"))}},
	} {
		err := tables.Batch(t.Context(), "Table", ops)
		require.ErrorIs(t, err, storage.ErrInvalid, name)
		var failed *storage.BatchError
		if errors.As(err, &failed) {
			require.Equal(t, 1, failed.Index, name)
		}
	}
	require.Zero(t, w.count())
}
