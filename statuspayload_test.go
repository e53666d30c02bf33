package durable_test

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// clientOn returns a client of a hub on any storage.
func clientOn(tb testing.TB, a storage.Account, hub string, opts taskhub.Options) *durable.OrchestrationClient {
	tb.Helper()
	c, err := hook.NewClient(a, hub, opts)
	require.NoError(tb, err)
	return c.(*durable.OrchestrationClient)
}

// columnSpy notes which columns are asked for.
type columnSpy struct {
	storage.Tables
	asked [][]string
}

func (s *columnSpy) Get(
	ctx context.Context, table, partitionKey, rowKey string, columns ...string,
) (*storage.Entity, error) {
	s.asked = append(s.asked, columns)
	return s.Tables.Get(ctx, table, partitionKey, rowKey, columns...)
}

// meeting is a blob service whose Open returns only once so many calls of it are under way.
type meeting struct {
	storage.Blobs
	all sync.WaitGroup
}

func (m *meeting) Open(ctx context.Context, container, name string) (io.ReadCloser, error) {
	m.all.Done()
	m.all.Wait()
	return m.Blobs.Open(ctx, container, name)
}

// TestPayloads: input, output and tags that lie in blobs come back, wherever the reference says the account is.
func TestPayloads(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.payloads(t)
		s, err := f.GetStatus(t.Context(), "id", nil)
		require.NoError(t, err)
		requirePayloads(t, s)
	})
}

// payloads leaves an instance with three texts in blobs.
func (f *fixture) payloads(t *testing.T) {
	t.Helper()
	f.startRunning(t, "id", nil)
	f.putBlob(t, "id/history--Input-00000001-Input.json.gz", `"input"`)
	f.putBlob(t, "id/history--Output-00000002-Output.json.gz", `why it failed`)
	f.putBlob(t, "id/history--Tags-00000003-Tags.json.gz", `{"a":"b"}`)
	f.set(t, "id",
		text(wire.ColInput, ""), text(wire.ColInputBlobName, "id/history--Input-00000001-Input.json.gz"),
		text(wire.ColOutput, f.reference("id/history--Output-00000002-Output.json.gz")),
		text(wire.ColTags, ""), text(wire.ColTagsBlobName, "id/history--Tags-00000003-Tags.json.gz"))
}

func requirePayloads(t *testing.T, s *durable.OrchestrationStatus) {
	t.Helper()
	require.Equal(t, `"input"`, string(s.Input))
	require.Equal(t, `"why it failed"`, string(s.Output))
	require.Equal(t, map[string]string{"a": "b"}, s.Tags)
	require.NoError(t, s.PayloadError)
}

// TestPayloadsInParallel: if one fetch waited for another, all would be blocked, which synctest notices.
func TestPayloadsInParallel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := inMemory(t, taskhub.Options{})
		f.payloads(t)
		blobs := &meeting{Blobs: f.storage.Blobs}
		blobs.all.Add(3)
		c := clientOn(t, storage.Account{Tables: f.storage.Tables, Queues: f.storage.Queues, Blobs: blobs}, f.names.Hub(), taskhub.Options{})
		s, err := c.GetStatus(t.Context(), "id", nil)
		require.NoError(t, err)
		requirePayloads(t, s)
	})
}

// TestPayloadMissing: a blob that is gone hides its own text and nothing else.
func TestPayloadMissing(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.payloads(t)
		require.NoError(t, f.storage.Blobs.Delete(t.Context(), f.names.LargeMessages(), "id/history--Output-00000002-Output.json.gz"))
		s, err := f.GetStatus(t.Context(), "id", nil)
		require.NoError(t, err)
		require.ErrorIs(t, s.PayloadError, durable.ErrPayloadMissing)
		require.Nil(t, s.Output)
		require.Equal(t, `"input"`, string(s.Input))

		require.NoError(t, f.storage.Blobs.DeleteContainer(t.Context(), f.names.LargeMessages()))
		s, err = f.GetStatus(t.Context(), "id", nil)
		require.NoError(t, err)
		require.ErrorIs(t, s.PayloadError, durable.ErrPayloadMissing)
		require.Nil(t, s.Input)
		require.Nil(t, s.Tags)
	})
}

// TestForeignReferences: what is no reference into the hub's own container is a text, and is never followed.
func TestForeignReferences(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.startRunning(t, "id", nil)
		for _, stored := range []string{
			"https://evil.invalid/other-largemessages/id/history--Output-1-Output.json.gz",
			"https://evil.invalid/" + f.names.LargeMessages() + "x/a.json.gz",
			"https://evil.invalid/a/b/" + f.names.LargeMessages() + "/id/history-x.json.gz",
			"https://evil.invalid/?" + f.names.LargeMessages() + "/a.json.gz",
			"https://evil.invalid/", "file:///etc/passwd", "ftp://evil.invalid/" + f.names.LargeMessages() + "/a.json.gz",
			"other/history--Output-1-Output.json.gz", "id/../other/history-x.json.gz",
		} {
			f.set(t, "id", text(wire.ColOutput, stored))
			f.traffic.reset()
			s, err := f.GetStatus(t.Context(), "id", nil)
			require.NoError(t, err)
			require.Equal(t, `"`+stored+`"`, string(s.Output))
			require.NoError(t, s.PayloadError)
			require.Equal(t, 1, f.traffic.count(), stored)
		}
	})
}

// TestPayloadLimit: a small blob that unzips to a large text is refused before it fills the memory.
func TestPayloadLimit(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.start(t, "id", strings.Repeat("x", 1<<20))
		c := f.again(durable.ClientOptions{MaxPayloadSize: 1 << 20})
		_, err := c.GetStatus(t.Context(), "id", nil)
		require.ErrorIs(t, err, durable.ErrPayloadTooLarge)
		_, err = c.GetStatus(t.Context(), "id", &durable.GetStatusOptions{OmitInput: true})
		require.NoError(t, err)
		s, err := f.GetStatus(t.Context(), "id", nil)
		require.NoError(t, err)
		require.Len(t, s.Input, 1<<20+2)
	})
}

// TestDamagedPayload: a blob that cannot be read is an error, not a missing text.
func TestDamagedPayload(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.payloads(t)
		require.NoError(t, f.storage.Blobs.Write(t.Context(), f.names.LargeMessages(),
			"id/history--Output-00000002-Output.json.gz", storage.Blob{Content: []byte("not zipped")}))
		_, err := f.GetStatus(t.Context(), "id", nil)
		require.ErrorContains(t, err, "not a zipped payload")
	})
}
