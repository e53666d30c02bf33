// Durable starts, watches, steers and cleans up orchestrations of Azure Durable Functions from the command line. Run
// "durable --help" to begin.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-durable/durable/cmd/durable/internal/cli"
)

func main() {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	code := cli.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ())
	stop()
	os.Exit(code)
}
