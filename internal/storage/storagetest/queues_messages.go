package storagetest

import (
	"encoding/base64"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
)

var messageTests = []test{
	{"Order", testFIFO},
	{"PeekTouchesNothing", testPeek},
	{"Dequeue", testDequeue},
	{"Delay", testDelay},
	{"Release", testRelease},
	{"ReleaseWithDelay", testReleaseDelay},
	{"StaleReceipt", testStaleReceipt},
	{"Visibility", testVisibility},
	{"Texts", testTexts},
	{"LongestText", testLongestMessage},
	{"Limits", testQueueLimits},
	{"ConcurrentDequeues", testConcurrentDequeues},
}

func (b *bundle) put(queue string, texts ...string) {
	b.tb.Helper()
	for _, s := range texts {
		require.NoError(b.tb, b.Queues.Put(b.tb.Context(), queue, s, 0))
	}
}

func (b *bundle) peek(queue string, n int) []string {
	b.tb.Helper()
	found, err := b.Queues.Peek(b.tb.Context(), queue, n)
	require.NoError(b.tb, err)
	return textsOf(found)
}

func (b *bundle) dequeue(queue string, n int, invisible time.Duration) []storage.Message {
	b.tb.Helper()
	found, err := b.Queues.Dequeue(b.tb.Context(), queue, n, invisible)
	require.NoError(b.tb, err)
	return found
}

func textsOf(messages []storage.Message) []string {
	var out []string
	for _, m := range messages {
		out = append(out, m.Text)
	}
	return out
}

func testFIFO(t *testing.T, b *bundle) {
	queue := b.queue()
	var want []string
	for i := range 40 {
		want = append(want, strconv.Itoa(i))
	}
	b.put(queue, want...)
	require.Equal(t, want[:32], b.peek(queue, 32))
	require.Equal(t, want[:3], textsOf(b.dequeue(queue, 3, time.Hour)))
	require.Equal(t, want[3:35], textsOf(b.dequeue(queue, 32, time.Hour)))
	require.Equal(t, want[35:], b.peek(queue, 32))
}

func testPeek(t *testing.T, b *bundle) {
	queue := b.queue()
	require.Empty(t, b.peek(queue, 1))
	b.put(queue, "a")
	for range 3 {
		found, err := b.Queues.Peek(t.Context(), queue, 32)
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, "a", found[0].Text)
		require.NotEmpty(t, found[0].ID)
		require.Empty(t, found[0].PopReceipt)
		require.Zero(t, found[0].DequeueCount)
		require.False(t, found[0].Inserted.IsZero())
	}
	taken := b.dequeue(queue, 1, time.Hour)
	require.Equal(t, int64(1), taken[0].DequeueCount)
	require.Empty(t, b.peek(queue, 1), "an invisible message is not peeked at")
}

func testDequeue(t *testing.T, b *bundle) {
	queue := b.queue()
	require.Empty(t, b.dequeue(queue, 32, time.Minute))
	b.put(queue, "a", "b")
	peeked, err := b.Queues.Peek(t.Context(), queue, 1)
	require.NoError(t, err)
	taken := b.dequeue(queue, 1, time.Hour)
	require.Len(t, taken, 1)
	m := taken[0]
	require.Equal(t, peeked[0].ID, m.ID)
	require.Equal(t, "a", m.Text)
	require.NotEmpty(t, m.PopReceipt)
	require.WithinDuration(t, m.Inserted.Add(time.Hour), m.NextVisible, time.Minute)
	require.Equal(t, []string{"b"}, textsOf(b.dequeue(queue, 32, time.Hour)))
	require.NoError(t, b.Queues.Remove(t.Context(), queue, m))
	is(t, b.Queues.Remove(t.Context(), queue, m), storage.ErrNotFound)
	is(t, b.Queues.Release(t.Context(), queue, m, 0), storage.ErrNotFound)
}

func testDelay(t *testing.T, b *bundle) {
	queue := b.queue()
	// The second is not a whole one: it is rounded up to three seconds.
	require.NoError(t, b.Queues.Put(t.Context(), queue, "soon", 2*time.Second+time.Millisecond))
	require.NoError(t, b.Queues.Put(t.Context(), queue, "late", time.Hour))
	b.put(queue, "now")
	require.Equal(t, []string{"now"}, b.peek(queue, 32))
	b.advance(4 * time.Second)
	require.ElementsMatch(t, []string{"now", "soon"}, b.peek(queue, 32))
}

func testRelease(t *testing.T, b *bundle) {
	queue := b.queue()
	b.put(queue, "a<b>&'")
	for count := int64(1); count <= 3; count++ {
		taken := b.dequeue(queue, 1, time.Hour)
		require.Len(t, taken, 1)
		require.Equal(t, "a<b>&'", taken[0].Text)
		require.Equal(t, count, taken[0].DequeueCount)
		require.Empty(t, b.peek(queue, 1))
		require.NoError(t, b.Queues.Release(t.Context(), queue, taken[0], 0))
		require.Equal(t, []string{"a<b>&'"}, b.peek(queue, 1))
	}
}

func testReleaseDelay(t *testing.T, b *bundle) {
	queue := b.queue()
	b.put(queue, "a")
	taken := b.dequeue(queue, 1, time.Hour)
	require.NoError(t, b.Queues.Release(t.Context(), queue, taken[0], 2*time.Second))
	require.Empty(t, b.peek(queue, 1))
	b.advance(3 * time.Second)
	require.Equal(t, []string{"a"}, b.peek(queue, 1))
}

func testStaleReceipt(t *testing.T, b *bundle) {
	queue := b.queue()
	b.put(queue, "a")
	first := b.dequeue(queue, 1, time.Hour)[0]
	require.NoError(t, b.Queues.Release(t.Context(), queue, first, 0))
	second := b.dequeue(queue, 1, time.Hour)[0]
	require.Equal(t, first.ID, second.ID)
	require.NotEqual(t, first.PopReceipt, second.PopReceipt)
	is(t, b.Queues.Remove(t.Context(), queue, first), storage.ErrNotFound)
	is(t, b.Queues.Release(t.Context(), queue, first, 0), storage.ErrNotFound)
	require.Empty(t, b.peek(queue, 1), "a stale receipt releases nothing")

	nobody := second
	nobody.ID = "00000000-0000-0000-0000-000000000001"
	is(t, b.Queues.Remove(t.Context(), queue, nobody), storage.ErrNotFound)
	is(t, b.Queues.Release(t.Context(), queue, nobody, 0), storage.ErrNotFound)
	require.NoError(t, b.Queues.Remove(t.Context(), queue, second))
}

func testVisibility(t *testing.T, b *bundle) {
	queue := b.queue()
	b.put(queue, "a")
	first := b.dequeue(queue, 1, 2*time.Second)
	require.Empty(t, b.dequeue(queue, 1, 2*time.Second))
	b.advance(3 * time.Second)
	second := b.dequeue(queue, 1, time.Hour)
	require.Len(t, second, 1, "it is visible again")
	require.Equal(t, int64(2), second[0].DequeueCount)
	is(t, b.Queues.Remove(t.Context(), queue, first[0]), storage.ErrNotFound)
}

func testTexts(t *testing.T, b *bundle) {
	queue := b.queue()
	want := []string{
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/==", `{"a":"<&>'\"","b":null}`, "]]>", "&amp;", "<!-- -->",
		"  blanks  ", "a\nb\tc", "ünïcödé 日本 😀", "\ufeffBOM", "%20+%", "x",
	}
	b.put(queue, want...)
	require.Equal(t, want, b.peek(queue, 32))
	require.Equal(t, want, textsOf(b.dequeue(queue, 32, time.Hour)))
	// A text with characters that XML does not have would arrive as another.
	for _, s := range []string{"a\x00b", "a\x01b", "a\x1bb", "a\uffffb", "a\xffb"} {
		is(t, b.Queues.Put(t.Context(), queue, s, 0), storage.ErrInvalid)
	}
}

func testLongestMessage(t *testing.T, b *bundle) {
	queue := b.queue()
	longest := base64.StdEncoding.EncodeToString(make([]byte, 48*1024))
	require.Len(t, longest, 64*1024)
	b.put(queue, longest)
	require.True(t, b.dequeue(queue, 1, time.Hour)[0].Text == longest)
	is(t, b.Queues.Put(t.Context(), queue, longest+"=", 0), storage.ErrInvalid)
	is(t, b.Queues.Put(t.Context(), queue, strings.Repeat("é", 32*1024)+"x", 0), storage.ErrInvalid)
	require.Empty(t, b.peek(queue, 1))
}

func testQueueLimits(t *testing.T, b *bundle) {
	queue := b.queue()
	for _, n := range []int{-1, 0, 33} {
		_, err := b.Queues.Peek(t.Context(), queue, n)
		is(t, err, storage.ErrInvalid)
		_, err = b.Queues.Dequeue(t.Context(), queue, n, time.Minute)
		is(t, err, storage.ErrInvalid)
	}
	is(t, b.Queues.Put(t.Context(), queue, "x", 8*24*time.Hour), storage.ErrInvalid)
	_, err := b.Queues.Dequeue(t.Context(), queue, 1, 8*24*time.Hour)
	is(t, err, storage.ErrInvalid)
	require.NoError(t, b.Queues.Put(t.Context(), queue, "x", 7*24*time.Hour-time.Second))
}

func testConcurrentDequeues(t *testing.T, b *bundle) {
	queue := b.queue()
	const n = 40
	for i := range n {
		b.put(queue, strconv.Itoa(i))
	}
	taken := make([][]storage.Message, 8)
	errs := make([]error, len(taken))
	var wg sync.WaitGroup
	for i := range taken {
		wg.Go(func() { taken[i], errs[i] = b.Queues.Dequeue(t.Context(), queue, n/len(taken), time.Hour) })
	}
	wg.Wait()
	seen := map[string]bool{}
	for i := range taken {
		require.NoError(t, errs[i])
		for _, m := range taken[i] {
			require.False(t, seen[m.ID], "a message was given out twice")
			seen[m.ID] = true
		}
	}
	require.Len(t, seen, n)
}
