package cli

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable/httpapi"
)

type serveFlags struct {
	address, baseURL, keySetting string
	keys, origins                []string
	anonymous, purgeRunning, v1  bool
}

func (a *app) serveCommand() *cobra.Command {
	f := &serveFlags{}
	cmd := command("serve", "Serve the HTTP management API of the task hub",
		`  durable serve --address 127.0.0.1:7075 --key-setting DURABLE_API_KEY
  durable serve --allow-anonymous`,
		func(ctx context.Context) error { return a.serve(ctx, f) })
	cmd.Long = `Serve the management API that a Functions host has at /runtime/webhooks/durabletask, with no host alive. A caller shows a key
in the header x-functions-key or the parameter code. Command lines can be seen by others: --key-setting takes the key from
a setting. Put a proxy with TLS in front of it before it leaves the machine. Ctrl-C lets requests end first.`
	flags := cmd.Flags()
	flags.StringVar(&f.address, "address", "127.0.0.1:7075", "`host:port` to listen at")
	flags.StringArrayVar(&f.keys, "key", nil, "`key` that callers must show; may be repeated")
	flags.StringVar(&f.keySetting, "key-setting", "", "`name` of the setting that has the key")
	flags.BoolVar(&f.anonymous, "allow-anonymous", false, "serve whoever can reach the address")
	flags.StringVar(&f.baseURL, "base-url", "", "`URL` at which callers reach the API, for the links in answers")
	flags.StringArrayVar(&f.origins, "allow-origin", nil, "`origin` whose pages may use the API in a browser; may be repeated")
	flags.BoolVar(&f.purgeRunning, "allow-purge-running", false, "let callers purge instances that have not ended")
	flags.BoolVar(&f.v1, "extension-1", false, "answer as extension 1.x did")
	cmd.MarkFlagsMutuallyExclusive("key", "allow-anonymous")
	cmd.MarkFlagsMutuallyExclusive("key-setting", "allow-anonymous")
	cmd.MarkFlagsOneRequired("key", "key-setting", "allow-anonymous")
	return cmd
}

// shutdownTimeout is how long requests have to end after Ctrl-C.
const shutdownTimeout = 10 * time.Second

func (a *app) serve(ctx context.Context, f *serveFlags) error {
	client, err := a.open()
	if err != nil {
		return err
	}
	keys, err := a.serveKeys(f)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(a.out.Stderr, nil))
	opts := &httpapi.Options{
		Keys: keys, AllowAnonymous: f.anonymous, BaseURL: f.baseURL, AllowedOrigins: f.origins, PurgeRunning: f.purgeRunning,
		Extension1: f.v1, Logger: logger,
	}
	if err := opts.Check(); err != nil {
		return err
	}
	api := httpapi.NewHandler(client, opts)
	if _, err := client.TaskHubInfo(ctx, nil); err != nil {
		return err // better now than at the first request
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.address)
	if err != nil {
		return err
	}
	a.out.SayFaint("%s", a.hub)
	a.out.Say("Listening at http://%s/runtime/webhooks/durabletask", listener.Addr())
	return a.listen(ctx, listener, api)
}

// serveKeys returns the keys from the flags and the setting.
func (a *app) serveKeys(f *serveFlags) ([]string, error) {
	if f.keySetting == "" {
		return f.keys, nil
	}
	s, err := a.settings()
	if err != nil {
		return nil, err
	}
	key := s.Get(f.keySetting)
	if key == "" {
		return nil, usageError("--key-setting: there is no such setting")
	}
	return append(f.keys, key), nil
}

// listen serves until the context ends, and then lets requests end.
func (a *app) listen(ctx context.Context, listener net.Listener, api http.Handler) error {
	server := &http.Server{Handler: api, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(stopping); err != nil {
		_ = server.Close()
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	a.out.Say("Stopped.")
	return nil
}
