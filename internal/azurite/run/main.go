// Command run starts the storage emulator, runs a command with it, and stops it:
//
//	go run ./internal/azurite/run -- go test ./...
//
// The command finds the emulator in the variable DURABLE_TEST_CONNECTION_STRING; DURABLE_TEST_REQUIRE_STORAGE makes
// tests fail instead of skipping. If the former is set already, that account is used and no emulator is started. If
// Node.js is missing, the command runs without storage, and its tests say that they were skipped.
//
// The exit code is that of the command. The emulator is installed in .azurite beside go.mod, once.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-durable/durable/internal/azurite"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: run -- command [argument ...]")
		return 2
	}
	// Signals are passed on to the command. The emulator outlives it, so that the command can clean up.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)

	env, stop, err := prepare(signals)
	if err != nil {
		fmt.Fprintln(os.Stderr, "azurite:", err)
		return 1
	}
	defer stop()
	return execute(args, env, signals)
}

// prepare returns the environment for the command, and how to stop what was started for it.
func prepare(signals <-chan os.Signal) (env []string, stop func(), err error) {
	stop = func() {}
	if os.Getenv(azurite.ConnectionEnv) != "" {
		return []string{azurite.RequireEnv + "=1"}, stop, nil
	}
	if err := azurite.Missing(); err != nil {
		fmt.Fprintf(os.Stderr, "azurite: %v; tests that need storage will be SKIPPED\n", err)
		return nil, stop, nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	prepared := make(chan struct{})
	defer close(prepared)
	go func() {
		select {
		case <-signals:
			cancel()
		case <-prepared:
		}
	}()
	s, err := launch(ctx)
	if err != nil {
		cancel()
		return nil, stop, err
	}
	stop = func() {
		_ = s.Close()
		cancel()
	}
	return []string{azurite.ConnectionEnv + "=" + s.ConnectionString(), azurite.RequireEnv + "=1"}, stop, nil
}

// launch installs the emulator if need be and starts it.
func launch(ctx context.Context) (*azurite.Server, error) {
	folder, err := azurite.Folder(".")
	if err != nil {
		return nil, err
	}
	dir, err := azurite.Install(ctx, folder)
	if err != nil {
		return nil, fmt.Errorf("install: %w", err)
	}
	return azurite.Start(ctx, azurite.Options{Dir: dir})
}

// grace is how long a command that was told to end may take.
const grace = 30 * time.Second

// execute runs the command and returns its exit code.
func execute(args, env []string, signals <-chan os.Signal) int {
	cmd := exec.CommandContext(context.Background(), args[0], args[1:]...) // ended by signals, not by a context
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "azurite:", err)
		return 127
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var late <-chan time.Time
	for {
		select {
		case err := <-ended:
			return exitCode(err)
		case s := <-signals:
			_ = cmd.Process.Signal(s)
			late = time.After(grace)
		case <-late:
			_ = cmd.Process.Kill()
		}
	}
}

func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		fmt.Fprintln(os.Stderr, "azurite:", err)
		return 1
	}
	if s, ok := exit.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal())
	}
	return exit.ExitCode()
}
