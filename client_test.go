package durable_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
)

func raise(data any) call {
	return func(ctx context.Context, c *durable.OrchestrationClient) error {
		return c.RaiseEvent(ctx, "id", "e", data, nil)
	}
}

func createHub(ctx context.Context, c *durable.OrchestrationClient) error {
	return c.CreateTaskHub(ctx, nil)
}

func deleteHub(ctx context.Context, c *durable.OrchestrationClient) error {
	return c.DeleteTaskHub(ctx, nil)
}

func hubInfo(ctx context.Context, c *durable.OrchestrationClient) error {
	_, err := c.TaskHubInfo(ctx, nil)
	return err
}

type token struct{}

func (token) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "token", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// TestConstructors: what can be right is taken without any I/O, what cannot is an error that holds no secret.
func TestConstructors(t *testing.T) {
	t.Parallel()
	good := durable.AccountEndpoints("account")
	require.Equal(t, durable.Endpoints{
		Table: "https://account.table.core.windows.net", Queue: "https://account.queue.core.windows.net",
		Blob: "https://account.blob.core.windows.net",
	}, good)
	const sas = "?sv=1&sig=" + secretSig
	type result struct {
		c   *durable.OrchestrationClient
		err error
	}
	made := func(c *durable.OrchestrationClient, err error) result { return result{c, err} }
	connect := func(s string) result {
		return made(durable.NewOrchestrationClientFromConnectionString(s, "MyHub", nil))
	}
	for name, r := range map[string]result{
		"token":       made(durable.NewOrchestrationClient(good, "MyHub", token{}, nil)),
		"key":         made(durable.NewOrchestrationClientWithSharedKey(good, "MyHub", "account", secretKey, nil)),
		"SAS":         made(durable.NewOrchestrationClientWithSAS(good, "MyHub", sas, &durable.ClientOptions{PartitionCount: 16})),
		"development": connect("UseDevelopmentStorage=true"),
		"account":     connect("DefaultEndpointsProtocol=https;AccountName=account;AccountKey=" + secretKey),
	} {
		require.NoError(t, r.err, name)
		require.Equal(t, "MyHub", r.c.TaskHub())
	}
	with := func(hub string, opts *durable.ClientOptions) result {
		return made(durable.NewOrchestrationClientWithSharedKey(good, hub, "account", secretKey, opts))
	}
	for name, r := range map[string]result{
		"no hub": with("", nil), "hub with a hyphen": with("my-hub", nil), "hub with a digit first": with("1hub", nil),
		"long hub": with(strings.Repeat("h", 50), nil), "short hub": with("ab", nil), "hub not ASCII": with("höb", nil),
		"17 partitions": with("MyHub", &durable.ClientOptions{PartitionCount: 17}),
		"-1 partitions": with("MyHub", &durable.ClientOptions{PartitionCount: -1}),
		"negative size": with("MyHub", &durable.ClientOptions{MaxPayloadSize: -1}),
		"no credential": made(durable.NewOrchestrationClient(good, "MyHub", nil, nil)),
		"token by http": made(durable.NewOrchestrationClient(durable.Endpoints{
			Table: "http://x", Queue: "http://x", Blob: "http://x",
		}, "MyHub", token{}, nil)),
		"no endpoints":    made(durable.NewOrchestrationClientWithSAS(durable.Endpoints{}, "MyHub", sas, nil)),
		"SAS in endpoint": made(durable.NewOrchestrationClientWithSAS(durable.Endpoints{Table: good.Table + sas, Queue: good.Queue, Blob: good.Blob}, "MyHub", sas, nil)),
		"no signature":    made(durable.NewOrchestrationClientWithSAS(good, "MyHub", "sv="+secretSig, nil)),
		"key not Base64":  made(durable.NewOrchestrationClientWithSharedKey(good, "MyHub", "account", secretSig+"!", nil)),
		"no account":      made(durable.NewOrchestrationClientWithSharedKey(good, "MyHub", "", secretKey, nil)),
		"no string":       connect(""),
		"broken string":   connect("AccountKey=" + secretKey + ";" + secretSig),
		"string, no key":  connect("AccountName=account;SharedAccessSignatur=" + secretSig),
	} {
		require.ErrorIs(t, r.err, durable.ErrInvalidArgument, name)
		require.Nil(t, r.c, name)
		for _, secret := range []string{secretKey, secretSig} {
			require.NotContains(t, r.err.Error(), secret, name)
		}
	}
}
