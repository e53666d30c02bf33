package azstore_test

import (
	"context"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/lease"
	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/azstore"
	"github.com/go-durable/durable/internal/azurite"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/storage/storagetest"
)

// service is the account behind a connection string.
type service struct {
	endpoints azstore.Endpoints
	name, key string
}

func connected(tb testing.TB) service {
	tb.Helper()
	return parse(azurite.ConnectionString(tb))
}

func parse(connection string) service {
	fields := map[string]string{}
	for part := range strings.SplitSeq(connection, ";") {
		name, value, _ := strings.Cut(part, "=")
		fields[name] = value
	}
	s := service{name: fields["AccountName"], key: fields["AccountKey"]}
	endpoint := func(field, kind string) string {
		if fields[field] != "" {
			return fields[field]
		}
		return "https://" + s.name + "." + kind + ".core.windows.net"
	}
	s.endpoints = azstore.Endpoints{
		Table: endpoint("TableEndpoint", "table"),
		Queue: endpoint("QueueEndpoint", "queue"),
		Blob:  endpoint("BlobEndpoint", "blob"),
	}
	return s
}

func (s service) account(tb testing.TB, opts *azcore.ClientOptions) storage.Account {
	tb.Helper()
	a, err := azstore.NewWithSharedKey(s.endpoints, s.name, s.key, opts)
	require.NoError(tb, err)
	return *a
}

func (s service) options(opts *azcore.ClientOptions) storagetest.Options {
	o := storagetest.Options{
		New:   func(tb testing.TB) storage.Account { return s.account(tb, opts) },
		Lease: s.lease,
	}
	if s.name == azurite.AccountName {
		o.Known = storagetest.Azurite()
	}
	return o
}

// lease takes a lease that does not end, by the SDK itself.
func (s service) lease(tb testing.TB, container, blob string) {
	tb.Helper()
	key, err := azblob.NewSharedKeyCredential(s.name, s.key)
	require.NoError(tb, err)
	c, err := azblob.NewClientWithSharedKeyCredential(s.endpoints.Blob, key, nil)
	require.NoError(tb, err)
	ctx := context.WithoutCancel(tb.Context())
	cc := c.ServiceClient().NewContainerClient(container)
	if blob == "" {
		l, err := lease.NewContainerClient(cc, nil)
		require.NoError(tb, err)
		_, err = l.AcquireLease(ctx, -1, nil)
		require.NoError(tb, err)
		tb.Cleanup(func() { _, _ = l.BreakLease(ctx, &lease.ContainerBreakOptions{BreakPeriod: to.Ptr(int32(0))}) })
		return
	}
	l, err := lease.NewBlobClient(cc.NewBlobClient(blob), nil)
	require.NoError(tb, err)
	_, err = l.AcquireLease(ctx, -1, nil)
	require.NoError(tb, err)
	tb.Cleanup(func() { _, _ = l.BreakLease(ctx, &lease.BlobBreakOptions{BreakPeriod: to.Ptr(int32(0))}) })
}

// TestContract runs the contract of package storage against a real service.
func TestContract(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, connected(t).options(nil))
}

func BenchmarkContract(b *testing.B) {
	storagetest.RunBenchmarks(b, connected(b).options(nil))
}
