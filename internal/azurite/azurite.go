// Package azurite runs the Azurite storage emulator for tests. The version and all its dependencies are pinned in the
// npm folder, which is compiled into this package.
//
// Tests that need storage ask for it by [ConnectionString]. The command in the run folder installs and starts the
// emulator around any command, such as go test.
package azurite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The account that every emulator has. The key is public: it is in Microsoft's documentation.
const (
	AccountName = "devstoreaccount1"
	AccountKey  = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

// Options are how an emulator is started.
type Options struct {
	// Dir is the folder where [Install] put it.
	Dir string
	// Cert and Key are files with a certificate and its key. If they are set, the services speak https and accept
	// bearer tokens, of which they check neither the signature nor the roles.
	Cert, Key string
	// Large is for tables with millions of rows: the emulator may use 8 GB of memory, and it does not look at all rows for
	// each page of a listing. The answers are the same.
	Large bool
	// Log receives what the emulator writes after its start; nil discards it.
	Log io.Writer
}

// Server is a running emulator. Its data lives in its memory.
type Server struct {
	// Table, Queue and Blob are the endpoints, with the account's name in their path.
	Table, Queue, Blob string

	cmd  *exec.Cmd
	done chan struct{}
	stop sync.Once
}

const (
	// startTimeout is how long a start may take; a second is common.
	startTimeout = time.Minute
	// endTimeout is how long an end may take. The emulator waits for its clients to hang up, and has nothing to lose.
	endTimeout = 2 * time.Second
)

// Start runs an emulator on free ports of 127.0.0.1 and waits until it accepts requests. The emulator ends with
// [Server.Close], when ctx ends, and, on Linux, with this process.
func Start(ctx context.Context, opts Options) (*Server, error) {
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return nil, err
	}
	args := []string{"--require", filepath.Join(dir, "shim.js")}
	if opts.Large {
		args = append(args, "--require", filepath.Join(dir, "large.js"), "--max-old-space-size=8192")
	}
	args = append(args, filepath.Join(dir, program),
		"--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence",
		"--blobHost", "127.0.0.1", "--queueHost", "127.0.0.1", "--tableHost", "127.0.0.1",
		"--blobPort", "0", "--queuePort", "0", "--tablePort", "0",
	)
	if opts.Cert != "" {
		args = append(args, "--oauth", "basic", "--cert", opts.Cert, "--key", opts.Key)
	}
	cmd := exec.CommandContext(ctx, "node", args...) //nolint:gosec // the arguments are ours
	cmd.Dir = dir
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	cmd.WaitDelay = endTimeout
	cmd.SysProcAttr = processAttributes()
	return start(ctx, cmd, opts.Log)
}

// terminate asks a process to end. Where there are no signals, it ends it.
func terminate(p *os.Process) error {
	if err := p.Signal(syscall.SIGTERM); err == nil || errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.Kill()
}

// program is where npm puts the emulator.
var program = filepath.Join("node_modules", "azurite", "dist", "src", "azurite.js")

var listening = regexp.MustCompile(`Azurite (Blob|Queue|Table) service is successfully listening at (https?://\S+)`)

func start(ctx context.Context, cmd *exec.Cmd, log io.Writer) (*Server, error) {
	if log == nil {
		log = io.Discard
	}
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	s := &Server{cmd: cmd, done: make(chan struct{})}
	if err := s.run(w); err != nil {
		return nil, fmt.Errorf("start the emulator: %w", err)
	}
	ready := make(chan error, 1)
	go s.read(r, log, ready)
	select {
	case err := <-ready:
		if err == nil {
			return s, nil
		}
		return nil, errors.Join(err, s.Close())
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), s.Close())
	case <-time.After(startTimeout):
		return nil, errors.Join(errors.New("the emulator did not start in time"), s.Close())
	}
}

// read takes the endpoints from what the emulator prints and passes on the rest.
func (s *Server) read(r io.Reader, log io.Writer, ready chan<- error) {
	var said strings.Builder
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		_, _ = fmt.Fprintln(log, lines.Text())
		fmt.Fprintln(&said, lines.Text())
		m := listening.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		endpoint := m[2] + "/" + AccountName
		switch m[1] {
		case "Table":
			s.Table = endpoint
		case "Queue":
			s.Queue = endpoint
		case "Blob":
			s.Blob = endpoint
		}
		if s.Table != "" && s.Queue != "" && s.Blob != "" {
			ready <- nil
			_, _ = io.Copy(log, r)
			return
		}
	}
	ready <- fmt.Errorf("the emulator ended: %s", strings.TrimSpace(said.String()))
	_, _ = io.Copy(io.Discard, r)
}

// ConnectionString returns what clients need to use the emulator.
func (s *Server) ConnectionString() string {
	scheme, _, _ := strings.Cut(s.Table, ":")
	return fmt.Sprintf("DefaultEndpointsProtocol=%s;AccountName=%s;AccountKey=%s;"+
		"BlobEndpoint=%s;QueueEndpoint=%s;TableEndpoint=%s;", scheme, AccountName, AccountKey, s.Blob, s.Queue, s.Table)
}

// Close ends the emulator and waits for its end. Its data is gone then.
func (s *Server) Close() error {
	s.stop.Do(func() { _ = terminate(s.cmd.Process) })
	select {
	case <-s.done:
		return nil
	case <-time.After(endTimeout):
	}
	_ = s.cmd.Process.Kill()
	<-s.done
	return nil
}
