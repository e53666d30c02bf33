package cli

import (
	"context"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/go-durable/durable"
)

// connect makes the client for a task hub in Azure. It does no I/O.
func connect(t *target) (*durable.OrchestrationClient, error) {
	opts := &durable.ClientOptions{ClientOptions: azcore.ClientOptions{
		// A person waits: the defaults take ten seconds to find out that nobody is there.
		Retry:     policy.RetryOptions{MaxRetries: 3, RetryDelay: 300 * time.Millisecond, MaxRetryDelay: 10 * time.Second},
		Telemetry: policy.TelemetryOptions{ApplicationID: "durable-cli"},
	}}
	if t.connectionString != "" {
		return durable.NewOrchestrationClientFromConnectionString(t.connectionString, t.hub, opts)
	}
	cred, err := t.credential()
	if err != nil {
		return nil, err
	}
	return durable.NewOrchestrationClient(t.endpoints, t.hub, cred, opts)
}

// credential returns the managed identity that the settings ask for, or the default chain: environment, workload
// identity, managed identity, az, azd.
func (t *target) credential() (azcore.TokenCredential, error) {
	if t.identity["credential"] == "managedidentity" {
		opts := &azidentity.ManagedIdentityCredentialOptions{}
		if id := t.identity["clientId"]; id != "" {
			opts.ID = azidentity.ClientID(id)
		}
		return azidentity.NewManagedIdentityCredential(opts)
	}
	return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{TenantID: t.identity["tenantId"]})
}

// open returns the client for the task hub that the command works on.
func (a *app) open(_ context.Context) (*durable.OrchestrationClient, *target, error) {
	t, err := a.target()
	if err != nil {
		return nil, nil, err
	}
	a.opened = t
	c, err := a.connect(t)
	return c, t, err
}

// openToWrite is open for a command that changes something: it says first what it works on.
func (a *app) openToWrite(ctx context.Context) (*durable.OrchestrationClient, error) {
	c, t, err := a.open(ctx)
	if err == nil {
		a.say("%s", a.faint("account "+t.account+", task hub "+t.hub))
	}
	return c, err
}

// reader is open for a command that only looks.
func (a *app) reader(ctx context.Context) (*durable.OrchestrationClient, error) {
	c, _, err := a.open(ctx)
	return c, err
}
