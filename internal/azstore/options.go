package azstore

import (
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
)

// defaultClient is shared by all accounts, because an account is never closed and so could not close its own.
//
// It differs from the SDK's own client in two things. It keeps more idle connections: with ten, most of the requests
// of a bulk operation would open their own. And it does not unzip: a transport that asks for gzip by itself also
// unpacks blobs that were stored zipped, drops their length, and makes a resumed download go on at a wrong offset.
var defaultClient = sync.OnceValue(func() *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: (&net.Dialer{
			Timeout:   30 * time.Second,
			KeepAlive: 30 * time.Second,
		}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          0,
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true,
	}}
})

// cloneOptions returns a copy that shares nothing that is ever written to. Each client gets its own: some of the SDK's
// constructors append to the slices of the options they are given.
func cloneOptions(opts *azcore.ClientOptions) azcore.ClientOptions {
	var o azcore.ClientOptions
	if opts != nil {
		o = *opts
	}
	o.PerCallPolicies = slices.Clone(o.PerCallPolicies)
	o.PerRetryPolicies = slices.Clone(o.PerRetryPolicies)
	o.Retry.StatusCodes = slices.Clone(o.Retry.StatusCodes)
	o.Logging.AllowedHeaders = slices.DeleteFunc(slices.Clone(o.Logging.AllowedHeaders), func(h string) bool {
		return strings.EqualFold(h, "authorization")
	})
	o.Logging.AllowedQueryParams = slices.DeleteFunc(slices.Clone(o.Logging.AllowedQueryParams), func(p string) bool {
		return strings.EqualFold(p, "sig")
	})
	if o.Transport == nil {
		o.Transport = defaultClient()
	}
	o.Transport = &transport{next: o.Transport}
	return o
}

func tableOptions(opts *azcore.ClientOptions) azcore.ClientOptions {
	o := cloneOptions(opts)
	o.PerCallPolicies = slices.Insert(o.PerCallPolicies, 0, policy.Policy(exchangePolicy{}))
	o.Cloud = tableCloud(o.Cloud)
	return o
}

func queueOptions(opts *azcore.ClientOptions) azcore.ClientOptions { return cloneOptions(opts) }

func blobOptions(opts *azcore.ClientOptions) azcore.ClientOptions {
	o := cloneOptions(opts)
	o.PerCallPolicies = slices.Insert(o.PerCallPolicies, 0, policy.Policy(asStoredPolicy{}))
	return o
}

// tableCloud adds what aztables demands of a cloud that is not one of the well-known ones, and then does not use: the
// audience of Cosmos DB.
func tableCloud(c cloud.Configuration) cloud.Configuration {
	set := c.ActiveDirectoryAuthorityHost != "" || c.Services != nil
	if !set || c.Services[aztables.ServiceName].Audience != "" {
		return c
	}
	c.Services = maps.Clone(c.Services)
	if c.Services == nil {
		c.Services = map[cloud.ServiceName]cloud.ServiceConfiguration{}
	}
	c.Services[aztables.ServiceName] = cloud.AzurePublic.Services[aztables.ServiceName]
	return c
}

// asStoredPolicy asks for blobs as they are stored, whatever transport the caller brings: Go's own unzips an answer
// only if it chose the encoding itself.
type asStoredPolicy struct{}

func (asStoredPolicy) Do(req *policy.Request) (*http.Response, error) {
	req.Raw().Header.Set("Accept-Encoding", "identity")
	return req.Next()
}
