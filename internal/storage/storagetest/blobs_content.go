package storagetest

import (
	"bytes"
	"compress/gzip"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
)

var blobTests = []test{
	{"WriteAndOpen", testWriteBlob},
	{"IfAbsent", testIfAbsent},
	{"NothingIsUnzipped", testGzip},
	{"Sizes", testBlobSizes},
	{"NastyNames", testBlobNames},
	{"DeleteBlob", testDeleteBlob},
	{"ListPages", testListBlobs},
	{"ListItems", testListItems},
	{"BlobLease", testBlobLease},
	{"ConcurrentIfAbsent", testConcurrentIfAbsent},
}

func (b *bundle) write(container, name, content string) {
	b.tb.Helper()
	require.NoError(b.tb, b.Blobs.Write(b.tb.Context(), container, name, storage.Blob{Content: []byte(content)}))
}

func (b *bundle) read(container, name string) string {
	b.tb.Helper()
	r, err := b.Blobs.Open(b.tb.Context(), container, name)
	require.NoError(b.tb, err)
	content, err := io.ReadAll(r)
	require.NoError(b.tb, err)
	require.NoError(b.tb, r.Close())
	return string(content)
}

// list reads every page of a listing.
func (b *bundle) list(container, prefix string) []storage.BlobItem {
	b.tb.Helper()
	var all []storage.BlobItem
	from := ""
	for range 10_000 {
		page, err := b.Blobs.List(b.tb.Context(), container, prefix, from)
		require.NoError(b.tb, err)
		all = append(all, page.Blobs...)
		if from = page.Next; from == "" {
			return all
		}
	}
	require.Fail(b.tb, "a listing without end")
	return nil
}

func namesOf(items []storage.BlobItem) []string {
	var out []string
	for _, i := range items {
		out = append(out, i.Name)
	}
	return out
}

func testWriteBlob(t *testing.T, b *bundle) {
	container := b.container()
	_, err := b.Blobs.Open(t.Context(), container, "x")
	is(t, err, storage.ErrNotFound)
	b.write(container, "x", "first, and longer")
	b.write(container, "x", "second")
	require.Equal(t, "second", b.read(container, "x"))
	b.write(container, "empty", "")
	require.Empty(t, b.read(container, "empty"))

	content := []byte("mine")
	require.NoError(t, b.Blobs.Write(t.Context(), container, "mine", storage.Blob{Content: content}))
	content[0] = 'X'
	require.Equal(t, "mine", b.read(container, "mine"))
}

func testIfAbsent(t *testing.T, b *bundle) {
	container := b.container()
	once := storage.Blob{Content: []byte("first"), IfAbsent: true}
	require.NoError(t, b.Blobs.Write(t.Context(), container, "x", once))
	once.Content = []byte("second")
	is(t, b.Blobs.Write(t.Context(), container, "x", once), storage.ErrExists)
	require.Equal(t, "first", b.read(container, "x"))
	require.NoError(t, b.Blobs.Delete(t.Context(), container, "x"))
	require.NoError(t, b.Blobs.Write(t.Context(), container, "x", once))
	require.Equal(t, "second", b.read(container, "x"))
}

func testGzip(t *testing.T, b *bundle) {
	container := b.container()
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, err := io.WriteString(w, strings.Repeat(`{"Data":"text"}`, 10_000))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, b.Blobs.Write(t.Context(), container, "x", storage.Blob{
		Content: zipped.Bytes(), ContentType: "application/json", ContentEncoding: "gzip",
	}))
	require.True(t, b.read(container, "x") == zipped.String(), "the bytes that were stored")
	require.Equal(t, int64(zipped.Len()), b.list(container, "x")[0].Size)
}

func testBlobSizes(t *testing.T, b *bundle) {
	container := b.container()
	for _, size := range []int{1, 64 << 10, 5 << 20} {
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(i * i >> 3)
		}
		name := strconv.Itoa(size)
		require.NoError(t, b.Blobs.Write(t.Context(), container, name, storage.Blob{Content: content}))
		require.True(t, b.read(container, name) == string(content), "%d bytes", size)
	}
}

// nastyNames are names of blobs that break what forgets to escape.
var nastyNames = []string{
	"a b", "50%", "%25", "%2F", "a#b", "a?b", "a&b=c", "it's", `"quoted"`, "a+b", "ünïcödé", "日本", "😀", "a/b/c", "a/../b", "..a",
	"x..", "@entity@key/history.json.gz", "a:b", "<x>", "a,b;c", "~", "^0A", "(a)", "[a]", "$x", strings.Repeat("n", 1024),
}

func testBlobNames(t *testing.T, b *bundle) {
	container := b.container()
	for _, name := range nastyNames {
		b.write(container, name, "content of "+name)
	}
	for _, name := range nastyNames {
		require.Equal(t, "content of "+name, b.read(container, name))
		require.Contains(t, namesOf(b.list(container, name)), name)
	}
	require.ElementsMatch(t, nastyNames, namesOf(b.list(container, "")))
	for _, name := range nastyNames {
		require.NoError(t, b.Blobs.Delete(t.Context(), container, name))
	}
	require.Empty(t, b.list(container, ""))
	for _, name := range []string{"", strings.Repeat("n", 1025)} {
		is(t, b.Blobs.Write(t.Context(), container, name, storage.Blob{}), storage.ErrInvalid)
	}
}

func testDeleteBlob(t *testing.T, b *bundle) {
	container := b.container()
	b.write(container, "x", "x")
	require.NoError(t, b.Blobs.Delete(t.Context(), container, "x"))
	require.NoError(t, b.Blobs.Delete(t.Context(), container, "x"))
	_, err := b.Blobs.Open(t.Context(), container, "x")
	is(t, err, storage.ErrNotFound)
	require.NoError(t, b.Blobs.Delete(t.Context(), unique(), "x"))
}

func testListBlobs(t *testing.T, b *bundle) {
	container := b.container()
	var want []string
	for _, prefix := range []string{"a/", "b/", "c"} {
		for i := range 8 {
			b.write(container, prefix+rowKey(i), "x")
			want = append(want, prefix+rowKey(i))
		}
	}
	require.Equal(t, want, namesOf(b.list(container, "")))
	require.Equal(t, want[8:16], namesOf(b.list(container, "b/")))
	require.Equal(t, want[3:4], namesOf(b.list(container, "a/0003")))
	require.Empty(t, b.list(container, "d"))
	require.Empty(t, b.list(container, "A"), "case counts")
}

func testListItems(t *testing.T, b *bundle) {
	container := b.container()
	b.write(container, "x", "12345")
	items := b.list(container, "")
	require.Len(t, items, 1)
	require.Equal(t, int64(5), items[0].Size)
	require.False(t, items[0].Leased)
	require.Greater(t, items[0].LastModified.Year(), 1999)
	b.advance(2 * time.Second)
	b.write(container, "x", "123")
	again := b.list(container, "")
	require.Equal(t, int64(3), again[0].Size)
	require.True(t, again[0].LastModified.After(items[0].LastModified))
}

func testBlobLease(t *testing.T, b *bundle) {
	if b.o.Lease == nil {
		t.Skip("no way to take a lease")
	}
	container := b.container()
	b.write(container, "x", "kept")
	b.write(container, "free", "x")
	b.o.Lease(b.owner, container, "x")
	is(t, b.Blobs.Write(t.Context(), container, "x", storage.Blob{Content: []byte("new")}), storage.ErrLeased)
	is(t, b.Blobs.Delete(t.Context(), container, "x"), storage.ErrLeased)
	require.Equal(t, "kept", b.read(container, "x"))
	leased := map[string]bool{}
	for _, i := range b.list(container, "") {
		leased[i.Name] = i.Leased
	}
	require.Equal(t, map[string]bool{"x": true, "free": false}, leased)
	require.NoError(t, b.Blobs.DeleteContainer(t.Context(), container), "leases on blobs do not hold a container")
}

func testConcurrentIfAbsent(t *testing.T, b *bundle) {
	container := b.container()
	errs := make([]error, 16)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			errs[i] = b.Blobs.Write(t.Context(), container, "x", storage.Blob{Content: []byte(strconv.Itoa(i)), IfAbsent: true})
		})
	}
	wg.Wait()
	winner := ""
	for i, err := range errs {
		if err == nil {
			require.Empty(t, winner, "two writes succeeded")
			winner = strconv.Itoa(i)
			continue
		}
		is(t, err, storage.ErrExists)
	}
	require.Equal(t, winner, b.read(container, "x"))
	require.NotEmpty(t, winner)
}
