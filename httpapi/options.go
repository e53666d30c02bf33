package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/go-durable/durable"
)

// Options are options for NewHandler. One of Keys, Authorize and AllowAnonymous is needed.
type Options struct {
	// Keys are the keys of which a caller must show one, as [CheckKey] wants it. URLs in answers have the key that the
	// caller showed.
	Keys []string
	// Authorize decides on each request, after Keys if both are set. An error refuses the request with 401, or with 403
	// if it is [ErrForbidden]; its text is logged, not shown. All that reads is a GET.
	Authorize func(r *http.Request) error
	// AllowAnonymous serves whoever can reach the handler.
	AllowAnonymous bool

	// Extension1 answers as extension 1.x did: a failed instance is 500, a list without top is whole, a rewind of what
	// has not failed is 410, unknown operations are 400, and answers to starts have the URLs of that time.
	Extension1 bool
	// PurgeRunning allows to purge instances that have not ended.
	PurgeRunning bool

	// BaseURL is where callers reach the API, for the URLs in answers. Defaults to what each request says.
	BaseURL string
	// TrustForwarded takes scheme and host of these URLs from the headers Forwarded, X-Forwarded-Proto and
	// X-Forwarded-Host. Set it only behind a proxy that overwrites them.
	TrustForwarded bool
	// Connection is the name under which callers know the client's storage account, in the parameter connection.
	// Defaults to "Storage", for which they may also say "AzureWebJobsStorage".
	Connection string
	// Resolve returns the client for another task hub or connection that a caller asks for by name, or nil if there is
	// none for him. Without it, asking for another one is 400.
	Resolve func(ctx context.Context, taskHub, connection string) (*durable.OrchestrationClient, error)

	// AllowedOrigins are the origins whose pages may use the API in a browser, such as "https://ops.example.com"; "*" is
	// every origin. Defaults to none: then also requests that a browser sends without asking are refused with 403.
	AllowedOrigins []string
	// MaxBodySize is the largest body in bytes; a larger one is 413. Defaults to 10 MiB.
	MaxBodySize int64
	// MaxWait bounds the parameter timeout, with which a caller waits for what he starts. Defaults to 230 s, for which
	// Azure's load balancer keeps a request.
	MaxWait time.Duration
	// CallerTimeout is how long a caller may take to send his body, and to take the answer. Defaults to 1 minute.
	CallerTimeout time.Duration
	// Logger receives the causes of failed requests, without payloads and keys. Defaults to none.
	Logger *slog.Logger
}

const (
	defaultConnection = "Storage"
	// defaultAlias is the setting that the connection "Storage" means.
	defaultAlias         = "AzureWebJobsStorage"
	defaultMaxBodySize   = 10 << 20
	defaultMaxWait       = 230 * time.Second
	defaultCallerTimeout = time.Minute
)

// handler is the API.
type handler struct {
	client *durable.OrchestrationClient
	o      Options
	cors   *cors
}

// NewHandler returns a handler that serves the management API of the client's task hub. It does no I/O. With options
// that [Options.Check] refuses, or without a client, it serves nothing: every request is 503, and the log says why. A
// program that had better not start then calls Check first.
func NewHandler(client *durable.OrchestrationClient, opts *Options) http.Handler {
	if opts == nil {
		opts = &Options{}
	}
	o := opts.withDefaults()
	err := opts.Check()
	if client == nil {
		err = invalid("the client is nil")
	}
	if err != nil {
		o.Logger.Error("the API serves nothing", slog.Any("error", err))
		return http.HandlerFunc(notSetUp)
	}
	c, _ := newCORS(o.AllowedOrigins) // checked
	return &handler{client: client, o: o, cors: c}
}

func notSetUp(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", jsonContent)
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, `{"Message":"The API is not set up. Its log says why."}`)
}

// Check returns [durable.ErrInvalidArgument] for options with which nothing is served: unless a key, a check or the word
// that none is wanted was given, and for an empty key, which is what a missing setting makes.
func (o *Options) Check() error {
	if o == nil {
		o = &Options{}
	}
	if err := o.check(); err != nil {
		return err
	}
	_, err := newCORS(o.AllowedOrigins)
	return err
}

// withDefaults returns a copy.
func (o *Options) withDefaults() Options {
	d := *o
	d.Keys, d.AllowedOrigins = slices.Clone(o.Keys), slices.Clone(o.AllowedOrigins)
	if d.Connection == "" {
		d.Connection = defaultConnection
	}
	if d.MaxBodySize == 0 {
		d.MaxBodySize = defaultMaxBodySize
	}
	if d.MaxWait == 0 {
		d.MaxWait = defaultMaxWait
	}
	if d.CallerTimeout == 0 {
		d.CallerTimeout = defaultCallerTimeout
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	return d
}

func (o *Options) check() error {
	switch {
	case len(o.Keys) == 0 && o.Authorize == nil && !o.AllowAnonymous:
		return invalid("Options has no Keys and no Authorize: set one, or AllowAnonymous to serve everybody")
	case slices.Contains(o.Keys, ""):
		return invalid("a key in Options is empty")
	case o.MaxBodySize < 0 || o.MaxWait < 0 || o.CallerTimeout < 0:
		return invalid("a limit in Options is negative")
	}
	if o.BaseURL == "" {
		return nil
	}
	_, err := durable.ManagementEndpoint{BaseURL: o.BaseURL, TaskHub: "any"}.Payload("any")
	return err
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("httpapi: %w: %w", durable.ErrInvalidArgument, fmt.Errorf(format, args...))
}

// ErrForbidden is what [Options].Authorize returns, wrapped or not, for a caller whom it knows but does not allow this.
var ErrForbidden = errors.New("forbidden")
