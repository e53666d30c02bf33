package target

import (
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/go-durable/durable"
)

// Connect makes the client for the hub. It does no I/O.
func (h *Hub) Connect() (*durable.OrchestrationClient, error) {
	opts := &durable.ClientOptions{ClientOptions: azcore.ClientOptions{
		// A person waits: the defaults take ten seconds to find out that nobody is there.
		Retry:     policy.RetryOptions{MaxRetries: 3, RetryDelay: 300 * time.Millisecond, MaxRetryDelay: 10 * time.Second},
		Telemetry: policy.TelemetryOptions{ApplicationID: "durable-cli"},
	}}
	if h.connectionString != "" {
		return durable.NewOrchestrationClientFromConnectionString(h.connectionString, h.Name, opts)
	}
	cred, err := h.credential()
	if err != nil {
		return nil, err
	}
	return durable.NewOrchestrationClient(h.endpoints, h.Name, cred, opts)
}

// credential returns the managed identity that the settings ask for, or the default chain: environment, workload
// identity, managed identity, az, azd.
func (h *Hub) credential() (azcore.TokenCredential, error) {
	if h.identity["credential"] == "managedidentity" {
		opts := &azidentity.ManagedIdentityCredentialOptions{}
		if id := h.identity["clientId"]; id != "" {
			opts.ID = azidentity.ClientID(id)
		}
		return azidentity.NewManagedIdentityCredential(opts)
	}
	return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{TenantID: h.identity["tenantId"]})
}
