package azurite_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/azurite"
)

// installed returns where the emulator is, and skips the test if it is nowhere.
func installed(t *testing.T) string {
	t.Helper()
	azurite.ConnectionString(t)
	folder, err := azurite.Folder(".")
	require.NoError(t, err)
	dir, err := azurite.Installed(folder)
	if err != nil {
		t.Skip("the tests run on an account that is not an emulator of this repository")
	}
	return dir
}

func TestStartAndClose(t *testing.T) {
	t.Parallel()
	s, err := azurite.Start(t.Context(), azurite.Options{Dir: installed(t)})
	require.NoError(t, err)
	for _, endpoint := range []string{s.Table, s.Queue, s.Blob} {
		u, err := url.Parse(endpoint)
		require.NoError(t, err)
		require.Equal(t, "http", u.Scheme)
		require.Equal(t, "/"+azurite.AccountName, u.Path)
		require.Contains(t, s.ConnectionString(), "Endpoint="+endpoint+";")
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, endpoint, http.NoBody)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.GreaterOrEqual(t, resp.StatusCode, 400, "nobody without a key")
	}
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "twice does no harm")
	u, err := url.Parse(s.Table)
	require.NoError(t, err)
	_, err = net.Dial("tcp", u.Host) //nolint:noctx // it fails at once
	require.Error(t, err)
}

func TestStartEndsWithContext(t *testing.T) {
	t.Parallel()
	dir := installed(t)
	ctx, cancel := context.WithCancel(t.Context())
	s, err := azurite.Start(ctx, azurite.Options{Dir: dir})
	require.NoError(t, err)
	cancel()
	require.NoError(t, s.Close())

	_, err = azurite.Start(ctx, azurite.Options{Dir: dir})
	require.ErrorIs(t, err, context.Canceled)
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	if azurite.Missing() != nil {
		t.Skip("needs Node.js")
	}
	_, err := azurite.Start(t.Context(), azurite.Options{Dir: t.TempDir()})
	require.ErrorContains(t, err, "the emulator ended: ", "with what it said")
}

func TestFolder(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	deep := filepath.Join(root, "a", "b")
	require.NoError(t, os.MkdirAll(deep, 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.mod"), nil, 0o600))
	got, err := azurite.Folder(deep)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(root, ".azurite"), got)
}

func TestInstalled(t *testing.T) {
	t.Parallel()
	dir, err := azurite.Installed(t.TempDir())
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Len(t, filepath.Base(dir), 16, "named after the pinned files")
}

// TestPinned: the lock file names versions and hashes and no registry, so that it works with any.
func TestPinned(t *testing.T) {
	t.Parallel()
	lock, err := os.ReadFile(filepath.Join("npm", "package-lock.json"))
	require.NoError(t, err)
	for line := range strings.Lines(string(lock)) {
		if strings.Contains(line, `"resolved"`) {
			require.NotContains(t, line, "://")
		}
	}
}
