package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWrite: there is a page for each command, with its flags and its example.
func TestWrite(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "man")
	require.NoError(t, write(folder))
	page, err := os.ReadFile(filepath.Join(folder, "durable-purge-history.1")) //nolint:gosec // a file of the test
	require.NoError(t, err)
	require.Contains(t, string(page), "--created-before")
	require.Contains(t, string(page), "durable purge --created-before 30d --dry-run")
	require.FileExists(t, filepath.Join(folder, "durable-entity-clean.1"))
	require.FileExists(t, filepath.Join(folder, "durable.1"))
}
