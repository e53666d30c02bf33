// Customhandler is a starter in Go for a Durable Functions app: an HTTP function that starts an orchestration and
// answers 202 with the URLs by which the caller can follow it. A Functions host runs it as its custom handler.
//
// README.md says how the folder app is deployed with it.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-durable/durable"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Getenv)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves the host until the context ends.
func run(ctx context.Context, getenv func(string) string) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	client, err := durable.NewOrchestrationClientFromConnectionString(
		getenv("AzureWebJobsStorage"), getenv("TASK_HUB"), &durable.ClientOptions{Logger: log})
	if err != nil {
		return fmt.Errorf("AzureWebJobsStorage, TASK_HUB: %w", err)
	}
	port := getenv("FUNCTIONS_CUSTOMHANDLER_PORT")
	if port == "" {
		return errors.New("FUNCTIONS_CUSTOMHANDLER_PORT is not set: this program is started by a Functions host")
	}
	server := &http.Server{
		Addr:              net.JoinHostPort("127.0.0.1", port), // only the host shall reach it
		Handler:           handler(client, log),
		ReadHeaderTimeout: 10 * time.Second,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return server.Shutdown(end)
}
