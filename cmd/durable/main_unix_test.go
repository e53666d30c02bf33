//go:build unix

package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMain lets the binary of the tests be the program.
func TestMain(m *testing.M) {
	if os.Getenv("DURABLE_TEST_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

// TestSignals: what ends the program from outside lets it finish what it has begun and say so. Under nohup it goes on when
// the terminal goes away: it gets to know that there is no such hub.
func TestSignals(t *testing.T) {
	t.Parallel()
	// Where the tests themselves run under nohup, the program must not inherit that: what is handled here is not ignored there.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(hangups) })
	for name, test := range map[string]struct {
		signal os.Signal
		nohup  []string
		code   int
		says   string
	}{
		"Ctrl-C":               {os.Interrupt, nil, 6, "interrupted after 0 findings"},
		"terminated":           {syscall.SIGTERM, nil, 6, "interrupted after 0 findings"},
		"the terminal is gone": {syscall.SIGHUP, nil, 6, "interrupted after 0 findings"},
		"that under nohup":     {syscall.SIGHUP, []string{"nohup"}, 3, "There is no task hub"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked, sent, once := make(chan struct{}), make(chan struct{}), sync.Once{}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				once.Do(func() { close(asked) })
				<-sent
				if test.nohup == nil {
					<-r.Context().Done() // a storage that does not answer
				}
				w.WriteHeader(http.StatusNotFound)
			}))
			t.Cleanup(server.Close)
			line := slices.Concat(test.nohup, []string{os.Args[0], "doctor"})
			var stderr strings.Builder
			cmd := exec.CommandContext(t.Context(), line[0], line[1:]...) //nolint:gosec // it is this binary
			cmd.Dir, cmd.Stderr = t.TempDir(), &stderr
			cmd.Env = append(os.Environ(), "DURABLE_TEST_MAIN=1", "AzureWebJobsStorage=AccountName=contoso;AccountKey=c2VjcmV0;"+
				"TableEndpoint="+server.URL+";QueueEndpoint="+server.URL+";BlobEndpoint="+server.URL)
			require.NoError(t, cmd.Start())
			<-asked
			require.NoError(t, cmd.Process.Signal(test.signal))
			close(sent)
			_ = cmd.Wait() // its error is the exit code
			require.Equal(t, test.code, cmd.ProcessState.ExitCode(), "%s\n%s", cmd.ProcessState, &stderr)
			require.Contains(t, stderr.String(), test.says)
		})
	}
}
