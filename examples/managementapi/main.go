// Managementapi serves the HTTP management API of a task hub straight from its storage account, with no Functions host
// alive.
//
//	go run ./examples/managementapi
//	go run ./examples/managementapi -connection AzureWebJobsStorage -hub MyHub -key-from DURABLE_API_KEY
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/httpapi"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// options are what the command line asks for.
type options struct {
	listen, connection, hub, keyFrom, baseURL string
	extension1                                bool
}

func parse(args []string, out io.Writer) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("managementapi", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8080", "address to listen on")
	flags.StringVar(&o.connection, "connection", "", "environment variable with the storage account's connection string; "+
		"without it, the hub lies in memory")
	flags.StringVar(&o.hub, "hub", "TestHub", "task hub")
	flags.StringVar(&o.keyFrom, "key-from", "", "environment variable with the key that callers must show; without it, "+
		"only the own machine is served")
	flags.StringVar(&o.baseURL, "base-url", "", "where callers reach the API, if that is not where it listens")
	flags.BoolVar(&o.extension1, "extension1", false, "answer as the Durable extension 1.x did")
	return o, flags.Parse(args)
}

// run serves the API until the context ends.
func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	o, err := parse(args, out)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(out, nil))
	client, err := connect(ctx, o, getenv)
	if err != nil {
		return err
	}
	settings := &httpapi.Options{Extension1: o.extension1, BaseURL: o.baseURL, Logger: log}
	if o.keyFrom != "" {
		settings.Keys = []string{getenv(o.keyFrom)} // Check refuses an empty one
	} else if err := onlyLocal(o.listen); err != nil {
		return err
	} else {
		settings.AllowAnonymous = true
	}
	if err := settings.Check(); err != nil {
		return err
	}
	api := httpapi.NewHandler(client, settings)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return err
	}
	const where = "The API of task hub %s is at http://%s/runtime/webhooks/durabletask\n"
	if _, err := fmt.Fprintf(out, where, client.TaskHub(), listener.Addr()); err != nil {
		return errors.Join(err, listener.Close())
	}
	return serve(ctx, listener, api)
}

func connect(ctx context.Context, o *options, getenv func(string) string) (*durable.OrchestrationClient, error) {
	if o.connection == "" {
		return embedded(ctx)
	}
	return durable.NewOrchestrationClientFromConnectionString(getenv(o.connection), o.hub, nil)
}

// embedded returns the client of a hub in memory in which something can be seen.
func embedded(ctx context.Context) (*durable.OrchestrationClient, error) {
	hub, err := durabletest.New(&durabletest.Options{Clock: time.Now}) //nolint:contextcheck // it needs none: it is in memory
	if err != nil {
		return nil, err
	}
	for _, id := range []string{"order-1", "order-2", "order-3"} {
		opts := &durable.StartNewOptions{InstanceID: id}
		if _, err := hub.Client().StartNew(ctx, "ProcessOrder", map[string]string{"order": id}, opts); err != nil {
			return nil, err
		}
	}
	return hub.Client(), errors.Join(
		hub.Complete(ctx, "order-1", "shipped"), hub.Run(ctx, "order-2"), hub.Fail(ctx, "order-3", "the card was refused"))
}

// onlyLocal returns an error unless the address is one that only this machine reaches.
func onlyLocal(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() || host == "localhost" {
		return nil
	}
	return fmt.Errorf("%s can be reached from elsewhere: set a key with -key-from", address)
}

// serve serves until the context ends, and lets requests end then that run.
func serve(ctx context.Context, listener net.Listener, api http.Handler) error {
	const patience = 10 * time.Second
	server := &http.Server{Handler: api, ReadHeaderTimeout: patience, IdleTimeout: 2 * time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return server.Shutdown(end)
}
