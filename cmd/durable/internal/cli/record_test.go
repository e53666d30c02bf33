package cli_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRecordsOfTwoRuns: of two runs that begin in the same second the first one is stopped before it has repaired
// anything. What the second one repairs is on record all the same.
func TestRecordsOfTwoRuns(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{"files of their own": nil, "the same file": {"--record", "r.jsonl"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, _, client := lostStarts(t, 3)
				dir := t.TempDir()
				args := append([]string{"doctor", "--repair", "start-not-sent", "--yes"}, flags...)
				stopped, stop := context.WithCancel(t.Context())
				var runs sync.WaitGroup
				runs.Go(func() { runIn(stopped, dir, client, args...) })
				synctest.Wait() // until it waits for its second look
				time.AfterFunc(20*time.Second, stop)
				r := runIn(t.Context(), dir, client, args...)
				runs.Wait()
				require.Zero(t, r.code, r.stderr)
				files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
				require.NoError(t, err)
				require.Len(t, files, 1)
				require.Contains(t, r.stderr, "durable undo --record "+filepath.Base(files[0])+"\n")
				text, err := os.ReadFile(files[0])
				require.NoError(t, err)
				require.Equal(t, 3, strings.Count(string(text), `"outcome":"done"`))
			})
		})
	}
}
