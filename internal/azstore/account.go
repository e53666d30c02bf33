// Package azstore is the storage contract on Azure Storage. It is the only package that imports the Azure clients.
//
// It leaves requests, signatures, retries and API versions to the SDK and steps in where the SDK loses something: it
// writes and reads the JSON of entities itself (exchange), keeps blobs as they are stored (transport), never repeats a
// message (Put), and tells failures apart (Error).
package azstore

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azqueue/v2"

	"github.com/go-durable/durable/internal/storage"
)

// Endpoints are the addresses of the three services of a storage account, such as
// https://account.table.core.windows.net or http://127.0.0.1:10002/devstoreaccount1. They have no query: a SAS is
// given to [NewWithSAS].
type Endpoints struct{ Table, Queue, Blob string }

// New returns an account that is used with tokens. The endpoints must be https. It sends nothing. Opts may be nil; it
// is copied.
func New(ep Endpoints, cred azcore.TokenCredential, opts *azcore.ClientOptions) (*storage.Account, error) {
	ep, err := ep.check()
	if err != nil {
		return nil, err
	}
	if cred == nil {
		return nil, errors.New("no token credential")
	}
	for _, e := range []string{ep.Table, ep.Queue, ep.Blob} {
		if !strings.HasPrefix(e, "https:") {
			return nil, errors.New("a token credential needs https endpoints")
		}
	}
	t, err := aztables.NewServiceClient(ep.Table, cred, &aztables.ClientOptions{ClientOptions: tableOptions(opts)})
	if err != nil {
		return nil, fmt.Errorf("table client: %w", err)
	}
	q, err := azqueue.NewServiceClient(ep.Queue, cred, &azqueue.ClientOptions{ClientOptions: queueOptions(opts)})
	if err != nil {
		return nil, fmt.Errorf("queue client: %w", err)
	}
	b, err := azblob.NewClient(ep.Blob, cred, &azblob.ClientOptions{ClientOptions: blobOptions(opts)})
	if err != nil {
		return nil, fmt.Errorf("blob client: %w", err)
	}
	return account(ep, t, q, b, opts), nil
}

// NewWithSharedKey returns an account that is used with its name and one of its two keys. It sends nothing. Opts may
// be nil; it is copied.
func NewWithSharedKey(ep Endpoints, name, key string, opts *azcore.ClientOptions) (*storage.Account, error) {
	ep, err := ep.check()
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, errors.New("no account name")
	}
	if k, err := base64.StdEncoding.DecodeString(key); err != nil || len(k) == 0 {
		return nil, errors.New("the account key is not Base64")
	}
	tableKey, err1 := aztables.NewSharedKeyCredential(name, key)
	queueKey, err2 := azqueue.NewSharedKeyCredential(name, key)
	blobKey, err3 := azblob.NewSharedKeyCredential(name, key)
	if errors.Join(err1, err2, err3) != nil {
		return nil, errors.New("the account name and key are refused")
	}
	t, err := aztables.NewServiceClientWithSharedKey(ep.Table, tableKey,
		&aztables.ClientOptions{ClientOptions: tableOptions(opts)})
	if err != nil {
		return nil, fmt.Errorf("table client: %w", err)
	}
	q, err := azqueue.NewServiceClientWithSharedKeyCredential(ep.Queue, queueKey,
		&azqueue.ClientOptions{ClientOptions: queueOptions(opts)})
	if err != nil {
		return nil, fmt.Errorf("queue client: %w", err)
	}
	b, err := azblob.NewClientWithSharedKeyCredential(ep.Blob, blobKey,
		&azblob.ClientOptions{ClientOptions: blobOptions(opts)})
	if err != nil {
		return nil, fmt.Errorf("blob client: %w", err)
	}
	return account(ep, t, q, b, opts), nil
}

// NewWithSAS returns an account that is used with a shared access signature for all three services, with or without
// a leading question mark. It sends nothing. Opts may be nil; it is copied.
func NewWithSAS(ep Endpoints, sas string, opts *azcore.ClientOptions) (*storage.Account, error) {
	ep, err := ep.check()
	if err != nil {
		return nil, err
	}
	sas = strings.TrimPrefix(sas, "?")
	if v, err := url.ParseQuery(sas); err != nil || v.Get("sig") == "" || strings.ContainsAny(sas, "?#") {
		return nil, errors.New("the SAS is not a query with a signature")
	}
	t, err := aztables.NewServiceClientWithNoCredential(ep.Table+"?"+sas,
		&aztables.ClientOptions{ClientOptions: tableOptions(opts)})
	if err != nil {
		return nil, errors.New("table client: refused")
	}
	q, err := azqueue.NewServiceClientWithNoCredential(ep.Queue+"?"+sas,
		&azqueue.ClientOptions{ClientOptions: queueOptions(opts)})
	if err != nil {
		return nil, errors.New("queue client: refused")
	}
	b, err := azblob.NewClientWithNoCredential(ep.Blob+"?"+sas,
		&azblob.ClientOptions{ClientOptions: blobOptions(opts)})
	if err != nil {
		return nil, errors.New("blob client: refused")
	}
	return account(ep, t, q, b, opts), nil
}

func account(ep Endpoints, t *aztables.ServiceClient, q *azqueue.ServiceClient, b *azblob.Client,
	opts *azcore.ClientOptions,
) *storage.Account {
	return &storage.Account{
		Tables: &tables{service: t, endpoint: ep.Table},
		Queues: &queues{service: q, retry: retryOptions(opts)},
		Blobs:  &blobs{client: b},
	}
}

// check returns the endpoints without a slash at the end. Its errors name the service and not the address: what was
// pasted there by mistake may be a secret.
func (ep Endpoints) check() (Endpoints, error) {
	for _, e := range []struct {
		name string
		text *string
	}{{"table", &ep.Table}, {"queue", &ep.Queue}, {"blob", &ep.Blob}} {
		u, err := url.Parse(*e.text)
		switch {
		case *e.text == "":
			return ep, fmt.Errorf("no %s endpoint", e.name)
		case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
			return ep, fmt.Errorf("the %s endpoint is not an absolute http or https URL", e.name)
		case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
			return ep, fmt.Errorf("the %s endpoint has more than a scheme, a host and a path", e.name)
		}
		*e.text = strings.TrimRight(*e.text, "/")
	}
	return ep, nil
}
