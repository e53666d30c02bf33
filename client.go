package durable

import (
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/go-durable/durable/internal/azstore"
	"github.com/go-durable/durable/internal/connstr"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
)

// OrchestrationClient starts, watches and steers the instances of one task hub. It is safe for concurrent use and
// holds nothing that needs to be closed.
type OrchestrationClient struct {
	hub        *taskhub.Hub
	log        *slog.Logger
	management *ManagementEndpoint // nil if there is none
}

// cleanupTimeout bounds what is done to clean up after the caller's context has ended.
const cleanupTimeout = 30 * time.Second

// Endpoints are the URLs of the three services of a storage account.
type Endpoints struct{ Table, Queue, Blob string }

// AccountEndpoints returns the endpoints of an account in the public Azure cloud.
func AccountEndpoints(account string) Endpoints {
	url := func(service string) string { return "https://" + account + "." + service + ".core.windows.net" }
	return Endpoints{Table: url("table"), Queue: url("queue"), Blob: url("blob")}
}

// ClientOptions are options for all constructors.
type ClientOptions struct {
	// ClientOptions are those of the Azure SDK: retries, transport, telemetry, logging.
	azcore.ClientOptions

	// PartitionCount is the number of control queues, as the app's host.json has it. Defaults to what the storage says,
	// which is asked at the first message; set it only where that is in doubt (see [ErrPartitionCount]).
	PartitionCount int

	// MaxPayloadSize is the largest input, output or history text in bytes that is read into memory; a larger one is
	// [ErrPayloadTooLarge]. Defaults to 64 MiB.
	MaxPayloadSize int64

	// Management is where the HTTP management API of the task hub is. [OrchestrationClient.CreateHttpManagementPayload]
	// and its like need it. Defaults to none.
	Management *ManagementEndpoint

	// Logger receives what may help to find a fault, without payloads and secrets. Defaults to none.
	Logger *slog.Logger
}

// NewOrchestrationClient returns a client that identifies itself by Entra ID, such as with a credential of azidentity.
// The identity needs the roles Storage Table, Queue and Blob Data Contributor. It does no I/O; it returns
// [ErrInvalidArgument] for endpoints, a name or options that cannot be right. Opts may be nil.
func NewOrchestrationClient(
	ep Endpoints, taskHub string, cred azcore.TokenCredential, opts *ClientOptions,
) (*OrchestrationClient, error) {
	account, err := azstore.New(azstore.Endpoints(ep), cred, opts.azure())
	return newAzureClient(account, err, ep, taskHub, opts)
}

// NewOrchestrationClientWithSharedKey returns a client that signs with the account's key. Otherwise it is
// [NewOrchestrationClient].
func NewOrchestrationClientWithSharedKey(
	ep Endpoints, taskHub, account, key string, opts *ClientOptions,
) (*OrchestrationClient, error) {
	a, err := azstore.NewWithSharedKey(azstore.Endpoints(ep), account, key, opts.azure())
	return newAzureClient(a, err, ep, taskHub, opts)
}

// NewOrchestrationClientWithSAS returns a client that shows a shared access signature: one of the account that covers
// tables, queues and blobs, with all permissions but the immutability ones. Otherwise it is [NewOrchestrationClient].
func NewOrchestrationClientWithSAS(
	ep Endpoints, taskHub, sas string, opts *ClientOptions,
) (*OrchestrationClient, error) {
	account, err := azstore.NewWithSAS(azstore.Endpoints(ep), sas, opts.azure())
	return newAzureClient(account, err, ep, taskHub, opts)
}

// NewOrchestrationClientFromConnectionString returns a client for a connection string in any of its forms: with a key
// or a SAS, with endpoints or an endpoint suffix, or UseDevelopmentStorage=true. Otherwise it is
// [NewOrchestrationClient]. No part of the string appears in an error.
func NewOrchestrationClientFromConnectionString(
	connectionString, taskHub string, opts *ClientOptions,
) (*OrchestrationClient, error) {
	a, err := connstr.Parse(connectionString)
	if err != nil {
		return newAzureClient(nil, err, Endpoints{}, taskHub, opts)
	}
	ep := Endpoints{Table: a.Table, Queue: a.Queue, Blob: a.Blob}
	if a.SAS != "" {
		return NewOrchestrationClientWithSAS(ep, taskHub, a.SAS, opts)
	}
	return NewOrchestrationClientWithSharedKey(ep, taskHub, a.Name, a.Key, opts)
}

// azure returns the options of the Azure SDK.
func (o *ClientOptions) azure() *azcore.ClientOptions {
	if o == nil {
		return nil
	}
	return &o.ClientOptions
}

func newAzureClient(
	account *storage.Account, err error, ep Endpoints, taskHub string, opts *ClientOptions,
) (*OrchestrationClient, error) {
	if err != nil {
		return nil, newClientError(taskHub, err)
	}
	if opts == nil {
		opts = &ClientOptions{}
	}
	c, err := newClient(*account, taskHub, taskhub.Options{
		PartitionCount: opts.PartitionCount, MaxPayload: opts.MaxPayloadSize, BlobEndpoint: ep.Blob,
	}, opts.Logger)
	if err == nil && opts.Management != nil {
		err = c.setManagement(*opts.Management)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// setManagement sets a copy of the endpoint, which the caller may go on changing.
func (c *OrchestrationClient) setManagement(e ManagementEndpoint) error {
	c.management = &e
	e, err := c.endpoint(&e)
	if err == nil {
		err = e.check()
	}
	if err != nil {
		return newClientError(c.hub.Hub(), err)
	}
	return nil
}

func newClientError(taskHub string, err error) error {
	return &Error{Op: "NewOrchestrationClient", TaskHub: taskHub, Err: invalid("%w", err)}
}

func newClient(
	account storage.Account, taskHub string, opts taskhub.Options, log *slog.Logger,
) (*OrchestrationClient, error) {
	if opts.PartitionCount != 0 {
		if err := taskhub.CheckPartitionCount(opts.PartitionCount); err != nil {
			return nil, newClientError(taskHub, err)
		}
	}
	if opts.MaxPayload < 0 {
		return nil, newClientError(taskHub, errors.New("MaxPayloadSize is negative"))
	}
	hub, err := taskhub.New(account, taskHub, opts)
	if err != nil {
		return nil, newClientError(taskHub, err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &OrchestrationClient{hub: hub, log: log}, nil
}

func init() {
	hook.NewClient = func(account storage.Account, taskHub string, opts taskhub.Options) (any, error) {
		return newClient(account, taskHub, opts, nil)
	}
	hook.Open = func(client any) hook.Inside { return client.(*OrchestrationClient).inside() }
}

// TaskHub returns the name of the task hub, as it was given.
func (c *OrchestrationClient) TaskHub() string { return c.hub.Hub() }

// inside is what other packages of this module see of the client.
func (c *OrchestrationClient) inside() hook.Inside {
	return hook.Inside{
		Hub: c.hub,
		Fail: func(op, instanceID, status string, err error) error {
			return c.failIn(op, instanceID, RuntimeStatus(status), err)
		},
		CheckID: checkKnownID, CheckControlled: checkControlled, CheckReason: checkReason,
		CheckWakeReason: checkWakeReason, Encode: encodeInput,
		ReadsAsURI: func(text string) bool { return absoluteURI.MatchString(strings.TrimSpace(text)) },
	}
}
