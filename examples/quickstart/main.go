// Quickstart starts an orchestration, watches it, and shows what a client sees of it: by itself on a task hub in
// memory, or on a real one.
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -connection AzureWebJobsStorage -hub MyHub -function MyOrchestrator
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "\n%s\n", complaint(err))
		os.Exit(1)
	}
}

// options are what the command line asks for.
type options struct {
	connection, hub, function, input string
	timeout                          time.Duration
}

// complaint returns the text for an error: ours in lines, others as they are.
func complaint(err error) string {
	if a := new(advice); errors.As(err, &a) {
		return wrap(a.text, width)
	}
	return err.Error()
}

// run is the program without its process.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	o, err := parse(args, stdout)
	if err != nil {
		return err
	}
	s := &screen{out: stdout}
	if o.connection == "" {
		return embedded(ctx, s)
	}
	client, err := connect(o)
	if err != nil {
		return err
	}
	return remote(ctx, s, client, o)
}

const usage = `Usage: quickstart [flags]

Without flags, everything happens in memory. With these flags it starts a
function on a real task hub, waits for it, and shows its status and history.

  -connection S   connection string of the storage account, or the name of the
                  environment variable that holds it; for the emulator,
                  UseDevelopmentStorage=true
  -hub NAME       task hub: hubName in the app's host.json
  -function NAME  orchestrator function to start
  -input JSON     its input (default: none)
  -timeout D      how long to wait for it (default 1m)
`

func parse(args []string, stdout io.Writer) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.connection, "connection", "", "")
	flags.StringVar(&o.hub, "hub", "", "")
	flags.StringVar(&o.function, "function", "", "")
	flags.StringVar(&o.input, "input", "", "")
	flags.DurationVar(&o.timeout, "timeout", time.Minute, "")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, printErr := io.WriteString(stdout, usage)
		return nil, errors.Join(err, printErr)
	case err != nil:
		return nil, fmt.Errorf("%w; -help shows how it is used", err)
	case flags.NArg() > 0:
		return nil, errors.New("there are only flags, no arguments; -help shows how it is used")
	}
	return o, o.check(flags.NFlag())
}

func (o *options) check(given int) error {
	var missing []string
	if o.hub == "" {
		missing = append(missing, "-hub")
	}
	if o.function == "" {
		missing = append(missing, "-function")
	}
	switch {
	case o.connection == "" && given > 0:
		return errors.New("-connection is missing: without it all happens in memory, and no other flag has a meaning")
	case o.connection != "" && len(missing) > 0:
		return fmt.Errorf("-connection also needs %s", strings.Join(missing, " and "))
	case o.input != "" && !json.Valid([]byte(o.input)):
		return errors.New(`-input is no JSON; a text needs quotes of its own: -input '"a text"'`)
	case o.timeout <= 0:
		return errors.New("-timeout must be more than nothing")
	}
	return nil
}
