package storagetest

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
)

var containerTests = []test{
	{"CreateIsRepeatable", testCreateContainer},
	{"DeleteIsRepeatable", testDeleteContainer},
	{"List", testListContainers},
	{"InvalidName", testContainerName},
	{"MissingContainer", testMissingContainer},
	{"ContextCancelled", testBlobsCancelled},
	{"ContainerLease", testContainerLease},
}

func testCreateContainer(t *testing.T, b *bundle) {
	container := b.container()
	b.write(container, "x", "kept")
	require.NoError(t, b.Blobs.CreateContainer(t.Context(), container))
	require.Equal(t, "kept", b.read(container, "x"))
}

func testDeleteContainer(t *testing.T, b *bundle) {
	require.NoError(t, b.Blobs.DeleteContainer(t.Context(), unique()))
	container := b.container()
	b.write(container, "x", "lost")
	require.NoError(t, b.Blobs.DeleteContainer(t.Context(), container))
	require.NoError(t, b.Blobs.DeleteContainer(t.Context(), container))
	names, err := b.Blobs.ListContainers(t.Context(), container)
	require.NoError(t, err)
	require.Empty(t, names)
	_, err = b.Blobs.Open(t.Context(), container, "x")
	is(t, err, storage.ErrContainerNotFound)
}

func testListContainers(t *testing.T, b *bundle) {
	prefix := unique()
	want := []string{prefix + "-applease", prefix + "-largemessages", prefix + "-leases"}
	for _, name := range []string{want[1], want[2], want[0]} {
		b.dropContainer(name)
		require.NoError(t, b.Blobs.CreateContainer(t.Context(), name))
	}
	for p, n := range map[string][]string{prefix: want, prefix + "-l": want[1:], prefix + "-x": nil} {
		names, err := b.Blobs.ListContainers(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, append([]string{""}, n...), append([]string{""}, names...))
	}
	names, err := b.Blobs.ListContainers(t.Context(), "")
	require.NoError(t, err)
	require.Subset(t, names, want)
}

func testContainerName(t *testing.T, b *bundle) {
	for _, name := range []string{"UPPER", "ab", "a--b", "-ab", "ab-", "a_b", strings.Repeat("a", 64)} {
		is(t, b.Blobs.CreateContainer(t.Context(), name), storage.ErrInvalid)
	}
}

func testMissingContainer(t *testing.T, b *bundle) {
	container := unique()
	for name, call := range blobCalls(b, container) {
		t.Run(name, func(t *testing.T) {
			err := call(t.Context())
			if name == "Delete" {
				require.NoError(t, err)
				return
			}
			is(t, err, storage.ErrContainerNotFound)
		})
	}
}

func testBlobsCancelled(t *testing.T, b *bundle) {
	container := b.container()
	calls := blobCalls(b, container)
	calls["CreateContainer"] = func(ctx context.Context) error { return b.Blobs.CreateContainer(ctx, container) }
	calls["DeleteContainer"] = func(ctx context.Context) error { return b.Blobs.DeleteContainer(ctx, container) }
	calls["ListContainers"] = func(ctx context.Context) error {
		_, err := b.Blobs.ListContainers(ctx, container)
		return err
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, call(cancelled(t)), context.Canceled)
		})
	}
	require.Empty(t, b.list(container, ""), "nothing was done")
}

// blobCalls are the methods that work on a container.
func blobCalls(b *bundle, container string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Open": func(ctx context.Context) error {
			_, err := b.Blobs.Open(ctx, container, "x")
			return err
		},
		"Write": func(ctx context.Context) error {
			return b.Blobs.Write(ctx, container, "x", storage.Blob{Content: []byte("x")})
		},
		"WriteIfAbsent": func(ctx context.Context) error {
			return b.Blobs.Write(ctx, container, "x", storage.Blob{Content: []byte("x"), IfAbsent: true})
		},
		"Delete": func(ctx context.Context) error { return b.Blobs.Delete(ctx, container, "x") },
		"List": func(ctx context.Context) error {
			_, err := b.Blobs.List(ctx, container, "", "")
			return err
		},
	}
}

func testContainerLease(t *testing.T, b *bundle) {
	if b.o.Lease == nil {
		t.Skip("no way to take a lease")
	}
	container := b.container()
	b.write(container, "x", "kept")
	b.o.Lease(b.owner, container, "")
	is(t, b.Blobs.DeleteContainer(t.Context(), container), storage.ErrLeased)
	require.Equal(t, "kept", b.read(container, "x"))
	b.write(container, "y", "a lease on a container does not protect its blobs")
}
