package npm_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/npm"
)

// program is a file of the package itself, so that nothing has to be fetched.
const program = "lib/program.js"

func pinned(content string) npm.Package {
	return npm.Package{Root: "pinned", Program: program, Files: fstest.MapFS{
		"pinned/package.json": {Data: []byte(`{"name":"p","version":"1.0.0","private":true}`)},
		"pinned/package-lock.json": {Data: []byte(`{"name":"p","version":"1.0.0","lockfileVersion":3,"requires":true,` +
			`"packages":{"":{"name":"p","version":"1.0.0"}}}`)},
		"pinned/" + program: {Data: []byte(content)},
	}}
}

func TestInstall(t *testing.T) {
	t.Parallel()
	if err := npm.Missing(); err != nil {
		t.Skip(err)
	}
	folder := filepath.Join(t.TempDir(), "packages")
	one, two := pinned("one"), pinned("two")
	_, err := one.Installed(folder)
	require.ErrorIs(t, err, fs.ErrNotExist)

	dir, err := one.Install(t.Context(), folder)
	require.NoError(t, err)
	content, err := os.ReadFile(filepath.Join(dir, program)) //nolint:gosec // a file of the test
	require.NoError(t, err)
	require.Equal(t, "one", string(content))
	again, err := one.Install(t.Context(), folder)
	require.NoError(t, err)
	require.Equal(t, dir, again)

	_, err = two.Installed(folder)
	require.ErrorIs(t, err, fs.ErrNotExist, "other files are another package")
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, e := range entries {
		require.NotContains(t, e.Name(), "installing", "nothing is left behind")
	}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	dir, err := npm.Folder(".", ".x")
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(filepath.Dir(dir), "go.mod"))
	_, err = npm.Folder(filepath.VolumeName(dir)+string(filepath.Separator), ".x")
	require.Error(t, err)
}
