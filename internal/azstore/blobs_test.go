package azstore_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/azstore"
	"github.com/go-durable/durable/internal/storage"
)

func zipped(tb testing.TB, text string) []byte {
	tb.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(text))
	require.NoError(tb, err)
	require.NoError(tb, z.Close())
	return b.Bytes()
}

// TestBlobsAsStored: a blob that is stored zipped is not unzipped on the way, whoever brings the transport.
func TestBlobsAsStored(t *testing.T) {
	t.Parallel()
	content := zipped(t, strings.Repeat("content ", 1000))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(content)
	}))
	t.Cleanup(s.Close)
	ep := azstore.Endpoints{Table: s.URL, Queue: s.URL, Blob: s.URL}
	for name, o := range map[string]*azcore.ClientOptions{
		"Ours": nil, "Default": {Transport: http.DefaultClient}, "Zero": {Transport: &http.Client{Transport: &http.Transport{}}},
	} {
		a, err := azstore.NewWithSharedKey(ep, "acc", secret, o)
		require.NoError(t, err)
		r, err := a.Blobs.Open(t.Context(), "c", "b")
		require.NoError(t, err)
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.Equal(t, content, got, name)
	}
}

// TestOpenGoesOn: a connection that breaks in the middle costs nothing but time, as long as the blob stays the same.
func TestOpenGoesOn(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		second *http.Response
		want   error
	}{
		{"Same", response(206, "second", "ETag", `"1"`), nil},
		{"Changed", response(412, "", "x-ms-error-code", "ConditionNotMet"), storage.ErrPrecondition},
		{"Gone", response(404, "", "x-ms-error-code", "BlobNotFound"), storage.ErrNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := &wire{answer: func(n int, _ *http.Request) (*http.Response, error) {
				if n > 0 {
					return tt.second, nil
				}
				r := response(200, "", "ETag", `"1"`)
				r.Body = io.NopCloser(io.MultiReader(strings.NewReader("first "), brokenBody{}))
				return r, nil
			}}
			r, err := fake(t, w).Blobs.Open(t.Context(), "c", "b")
			require.NoError(t, err)
			got, err := io.ReadAll(r)
			require.NoError(t, r.Close())
			require.Equal(t, []string{"bytes=6-"}, headerValues(w.sent[1].Header, "x-ms-range"))
			require.Equal(t, `"1"`, w.sent[1].Header.Get("If-Match"))
			if tt.want == nil {
				require.NoError(t, err)
				require.Equal(t, "first second", string(got))
				return
			}
			require.ErrorIs(t, err, tt.want)
		})
	}
}

func TestWriteRequest(t *testing.T) {
	t.Parallel()
	w := answering(201, "")
	require.NoError(t, fake(t, w).Blobs.Write(t.Context(), "c", "a/b c?.gz", storage.Blob{
		Content: []byte("content"), ContentType: "application/json", ContentEncoding: "gzip", IfAbsent: true,
	}))
	h := w.sent[0].Header
	require.Equal(t, "PUT", w.sent[0].Method)
	require.Equal(t, "content", w.bodies[0])
	require.Equal(t, []string{"application/json"}, headerValues(h, "x-ms-blob-content-type"))
	require.Equal(t, []string{"gzip"}, headerValues(h, "x-ms-blob-content-encoding"))
	require.Equal(t, []string{"*"}, headerValues(h, "If-None-Match"))
	require.Equal(t, []string{"BlockBlob"}, headerValues(h, "x-ms-blob-type"))
	require.Equal(t, "/c/a/b c?.gz", w.sent[0].URL.Path)

	require.NoError(t, fake(t, w).Blobs.Write(t.Context(), "c", "b", storage.Blob{}))
	for _, name := range []string{"x-ms-blob-content-type", "x-ms-blob-content-encoding", "If-None-Match"} {
		require.Empty(t, headerValues(w.sent[1].Header, name))
	}
}

func TestWriteExists(t *testing.T) {
	t.Parallel()
	for _, w := range []*wire{answering(409, "", "x-ms-error-code", "BlobAlreadyExists"), answering(412, "", "x-ms-error-code", "ConditionNotMet")} {
		require.ErrorIs(t, fake(t, w).Blobs.Write(t.Context(), "c", "b", storage.Blob{IfAbsent: true}), storage.ErrExists)
	}
	w := answering(412, "", "x-ms-error-code", "LeaseIdMissing")
	err := fake(t, w).Blobs.Write(t.Context(), "c", "b", storage.Blob{IfAbsent: true})
	require.ErrorIs(t, err, storage.ErrLeased)
	require.NotErrorIs(t, err, storage.ErrExists)
}

func TestDeleteRequest(t *testing.T) {
	t.Parallel()
	w := answering(202, "")
	require.NoError(t, fake(t, w).Blobs.Delete(t.Context(), "c", "b"))
	require.Equal(t, []string{"include"}, headerValues(w.sent[0].Header, "x-ms-delete-snapshots"))
	require.ErrorIs(t, fake(t, answering(412, "", "x-ms-error-code", "LeaseIdMissing")).Blobs.Delete(t.Context(), "c", "b"), storage.ErrLeased)
}

func TestListItems(t *testing.T) {
	t.Parallel()
	w := answering(200, `<?xml version="1.0"?><EnumerationResults><Blobs>
		<Blob><Name>a&amp;b</Name><Properties><Last-Modified>Sun, 22 Nov 2026 07:27:00 GMT</Last-Modified><Content-Length>5</Content-Length>
			<LeaseStatus>locked</LeaseStatus><LeaseState>leased</LeaseState></Properties></Blob>
		<Blob><Name>bare</Name></Blob></Blobs><NextMarker>next</NextMarker></EnumerationResults>`)
	page, err := fake(t, w).Blobs.List(t.Context(), "c", "a", "from")
	require.NoError(t, err)
	require.Equal(t, "next", page.Next)
	require.Len(t, page.Blobs, 2)
	require.True(t, page.Blobs[0].LastModified.Equal(time.Date(2026, 11, 22, 7, 27, 0, 0, time.UTC)))
	require.Equal(t, storage.BlobItem{Name: "a&b", Size: 5, LastModified: page.Blobs[0].LastModified, Leased: true}, page.Blobs[0])
	require.Equal(t, storage.BlobItem{Name: "bare"}, page.Blobs[1])
	require.Equal(t, [2]string{"a", "from"}, [2]string{w.sent[0].URL.Query().Get("prefix"), w.sent[0].URL.Query().Get("marker")})
}

func TestBlobArguments(t *testing.T) {
	t.Parallel()
	w := answering(200, "")
	s := fake(t, w).Blobs
	for _, name := range []string{"", strings.Repeat("n", 1025), strings.Repeat("😀", 513), "\xff"} {
		_, err := s.Open(t.Context(), "c", name)
		for _, err := range []error{err, s.Write(t.Context(), "c", name, storage.Blob{}), s.Delete(t.Context(), "c", name)} {
			require.ErrorIs(t, err, storage.ErrInvalid)
		}
	}
	_, err := s.List(t.Context(), "", "", "")
	require.ErrorIs(t, err, storage.ErrInvalid)
	require.ErrorIs(t, s.CreateContainer(t.Context(), ""), storage.ErrInvalid)
	require.ErrorIs(t, s.DeleteContainer(t.Context(), ""), storage.ErrInvalid)
	require.Zero(t, w.count())
}
