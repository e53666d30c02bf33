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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	code := cli.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ())
	stop()
	os.Exit(code)
}
