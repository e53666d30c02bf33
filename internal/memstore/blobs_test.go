package memstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
)

func TestBlobPages(t *testing.T) {
	t.Parallel()
	list := func(t *testing.T, opts *memstore.Options, prefix string) (pages [][]string) {
		blobs := memstore.New(opts).Account().Blobs
		require.NoError(t, blobs.CreateContainer(t.Context(), "container"))
		for _, name := range []string{"a/1", "a/2", "b/1", "b/2", "b/3", "c/1"} {
			require.NoError(t, blobs.Write(t.Context(), "container", name, storage.Blob{}))
		}
		for from, more := "", true; more; more = from != "" {
			p, err := blobs.List(t.Context(), "container", prefix, from)
			require.NoError(t, err)
			var names []string
			for _, b := range p.Blobs {
				names = append(names, b.Name)
			}
			pages, from = append(pages, names), p.Next
		}
		return pages
	}
	require.Equal(t, [][]string{{"a/1", "a/2", "b/1", "b/2", "b/3", "c/1"}}, list(t, nil, ""))
	require.Equal(t, [][]string{{"b/1", "b/2"}, {"b/3"}}, list(t, &memstore.Options{PageSize: 2}, "b/"))
	require.Equal(t, [][]string{{"a/1", "a/2"}, {"b/1", "b/2"}, {"b/3", "c/1"}}, list(t, &memstore.Options{PageSize: 2}, ""))
	require.Equal(t, [][]string{nil, {"b/1", "b/2"}, {"b/3"}}, list(t, &memstore.Options{ScanLimit: 2}, "b/"), "an empty page that is not the last")
	require.Equal(t, [][]string{nil}, list(t, nil, "d"))
}

func TestBlobMarkerFromNowhere(t *testing.T) {
	t.Parallel()
	blobs := memstore.New(nil).Account().Blobs
	require.NoError(t, blobs.CreateContainer(t.Context(), "container"))
	_, err := blobs.List(t.Context(), "container", "", "%%%")
	require.ErrorIs(t, err, storage.ErrInvalid)
}

func TestContainerBeingDeleted(t *testing.T) {
	t.Parallel()
	c := newClock()
	blobs := memstore.New(&memstore.Options{Clock: c.Now, DeleteDelay: 30 * time.Second}).Account().Blobs
	require.NoError(t, blobs.CreateContainer(t.Context(), "container"))
	require.NoError(t, blobs.DeleteContainer(t.Context(), "container"))
	require.NoError(t, blobs.DeleteContainer(t.Context(), "container"))
	require.ErrorIs(t, blobs.CreateContainer(t.Context(), "container"), storage.ErrBeingDeleted)
	_, err := blobs.Open(t.Context(), "container", "x")
	require.ErrorIs(t, err, storage.ErrContainerNotFound, "only its name is still there")
	require.NoError(t, blobs.Delete(t.Context(), "container", "x"))
	c.Advance(30 * time.Second)
	require.NoError(t, blobs.CreateContainer(t.Context(), "container"))
}

func TestLease(t *testing.T) {
	t.Parallel()
	store := memstore.New(nil)
	blobs := store.Account().Blobs
	_, err := store.Lease("container", "")
	require.ErrorIs(t, err, storage.ErrContainerNotFound)
	require.NoError(t, blobs.CreateContainer(t.Context(), "container"))
	_, err = store.Lease("container", "x")
	require.ErrorIs(t, err, storage.ErrNotFound)
	require.NoError(t, blobs.Write(t.Context(), "container", "x", storage.Blob{}))

	for _, blob := range []string{"", "x"} {
		release, err := store.Lease("container", blob)
		require.NoError(t, err)
		_, err = store.Lease("container", blob)
		require.ErrorIs(t, err, storage.ErrLeased)
		release()
		again, err := store.Lease("container", blob)
		require.NoError(t, err)
		release()
		_, err = store.Lease("container", blob)
		require.ErrorIs(t, err, storage.ErrLeased, "a lease is given back once")
		again()
	}
	require.NoError(t, blobs.Delete(t.Context(), "container", "x"))
	require.NoError(t, blobs.DeleteContainer(t.Context(), "container"))
}
