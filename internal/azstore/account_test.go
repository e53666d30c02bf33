package azstore_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/azstore"
	"github.com/go-durable/durable/internal/storage"
)

func TestConstructorsRefuse(t *testing.T) {
	t.Parallel()
	good := endpoints
	with := func(change func(*azstore.Endpoints)) azstore.Endpoints {
		e := endpoints
		change(&e)
		return e
	}
	sas := func(e azstore.Endpoints, s string) func() error {
		return func() error { _, err := azstore.NewWithSAS(e, s, nil); return err }
	}
	key := func(e azstore.Endpoints, name, k string) func() error {
		return func() error { _, err := azstore.NewWithSharedKey(e, name, k, nil); return err }
	}
	token := func(e azstore.Endpoints, c azcore.TokenCredential) func() error {
		return func() error { _, err := azstore.New(e, c, nil); return err }
	}
	tests := []struct {
		name string
		make func() error
		want string
	}{
		{"NoEndpoints", sas(azstore.Endpoints{}, "sig="+secret), "no table endpoint"},
		{"NoBlob", sas(with(func(e *azstore.Endpoints) { e.Blob = "" }), "sig="+secret), "no blob endpoint"},
		{"NoScheme", sas(with(func(e *azstore.Endpoints) { e.Queue = "acc.queue.core.windows.net" }), "sig="+secret), "the queue endpoint is not an absolute http or https URL"},
		{"Ftp", sas(with(func(e *azstore.Endpoints) { e.Queue = "ftp://acc" }), "sig="+secret), "the queue endpoint is not an absolute http or https URL"},
		{"Broken", sas(with(func(e *azstore.Endpoints) { e.Table = "https://acc/%zz" + secret }), "sig="+secret), "the table endpoint is not an absolute http or https URL"},
		{"SASInEndpoint", key(with(func(e *azstore.Endpoints) { e.Table += "?sig=" + secret }), "acc", secret), "the table endpoint has more than a scheme, a host and a path"},
		{"Password", key(with(func(e *azstore.Endpoints) { e.Blob = "https://u:" + secret + "@acc" }), "acc", secret), "the blob endpoint has more than a scheme, a host and a path"},
		{"NoSAS", sas(good, ""), "the SAS is not a query with a signature"},
		{"Unsigned", sas(good, "?sv=2024&x="+secret), "the SAS is not a query with a signature"},
		{"BrokenSAS", sas(good, "sig=%zz"+secret), "the SAS is not a query with a signature"},
		{"TwoMarks", sas(good, "sig="+secret+"?sig=x"), "the SAS is not a query with a signature"},
		{"NoName", key(good, "", secret), "no account name"},
		{"NoKey", key(good, "acc", ""), "the account key is not Base64"},
		{"BadKey", key(good, "acc", secret+"!"), "the account key is not Base64"},
		{"NoToken", token(good, nil), "no token credential"},
		{"TokenOverHTTP", token(with(func(e *azstore.Endpoints) { e.Blob = "http://acc" }), tokens{}), "a token credential needs https endpoints"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.EqualError(t, tt.make(), tt.want)
		})
	}
}

// everyService makes one request to each of the services.
func everyService(ctx context.Context, a storage.Account) error {
	_, err1 := a.Tables.ListTables(ctx, "")
	_, err2 := a.Queues.ListQueues(ctx, "")
	_, err3 := a.Blobs.ListContainers(ctx, "")
	return errors.Join(err1, err2, err3)
}

// lists answers everyService.
func lists(_ int, req *http.Request) (*http.Response, error) {
	if strings.HasPrefix(req.URL.Path, "/Tables") {
		return response(200, `{"value":[]}`), nil
	}
	return response(200, `<EnumerationResults/>`), nil
}

func TestSAS(t *testing.T) {
	t.Parallel()
	for _, s := range []string{sas, "?" + sas} {
		w := &wire{answer: lists}
		a, err := azstore.NewWithSAS(endpoints, s, quick(w))
		require.NoError(t, err)
		require.NoError(t, everyService(t.Context(), *a))
		require.Len(t, w.sent, 3)
		for _, r := range w.sent {
			require.Equal(t, secret, r.URL.Query().Get("sig"))
			require.Empty(t, r.Header.Get("Authorization"))
		}
	}
}

func TestSharedKey(t *testing.T) {
	t.Parallel()
	w := &wire{answer: lists}
	a, err := azstore.NewWithSharedKey(endpoints, "acc", secret, quick(w))
	require.NoError(t, err)
	require.NoError(t, everyService(t.Context(), *a))
	for _, r := range w.sent {
		require.Contains(t, r.Header.Get("Authorization"), " acc:")
	}
}

// tokens is a credential that notes what it was asked for.
type tokens struct {
	mu     *sync.Mutex
	scopes *[]string
}

func (c tokens) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*c.scopes = append(*c.scopes, o.Scopes...)
	return azcore.AccessToken{Token: "tok", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func TestTokenCredential(t *testing.T) {
	t.Parallel()
	clouds := map[string]cloud.Configuration{
		"Default": {}, "Public": cloud.AzurePublic, "China": cloud.AzureChina,
		"Custom": {ActiveDirectoryAuthorityHost: "https://login.example", Services: map[cloud.ServiceName]cloud.ServiceConfiguration{}},
	}
	for name, c := range clouds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &wire{answer: lists}
			o := quick(w)
			o.Cloud = c
			var scopes []string
			a, err := azstore.New(endpoints, tokens{&sync.Mutex{}, &scopes}, o)
			require.NoError(t, err)
			require.NoError(t, everyService(t.Context(), *a))
			for _, r := range w.sent {
				require.Equal(t, "Bearer tok", r.Header.Get("Authorization"))
			}
			require.Equal(t, []string{"https://storage.azure.com/.default"}, slices.Compact(scopes))
			if name == "Custom" {
				require.Empty(t, c.Services, "the caller's map stays as it is")
			}
		})
	}
}

// failedCredential has no token to give.
type failedCredential struct{ err error }

func (c failedCredential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, c.err
}

func TestCredentialFails(t *testing.T) {
	t.Parallel()
	w := &wire{answer: lists}
	want := errors.New("no token today")
	a, err := azstore.New(endpoints, failedCredential{want}, quick(w))
	require.NoError(t, err)
	require.ErrorIs(t, everyService(t.Context(), *a), want)
	err = a.Queues.Put(t.Context(), "q", "x", 0)
	require.ErrorIs(t, err, want)
	require.NotErrorIs(t, err, storage.ErrUncertain, "nothing was sent")
	require.Zero(t, w.count())
}

// counter is a policy that counts.
type counter struct{ n *int }

func (c counter) Do(req *policy.Request) (*http.Response, error) {
	*c.n++
	return req.Next()
}

func TestOptionsAreHonouredAndStay(t *testing.T) {
	t.Parallel()
	w := &wire{answer: lists}
	var calls, tries int
	o := quick(w)
	o.PerCallPolicies = make([]policy.Policy, 1, 8)
	o.PerCallPolicies[0] = counter{&calls}
	o.PerRetryPolicies = make([]policy.Policy, 1, 8)
	o.PerRetryPolicies[0] = counter{&tries}
	o.Telemetry.ApplicationID = "app"
	o.Logging.AllowedQueryParams = []string{"comp", "SIG"}
	before := *o
	a, err := azstore.NewWithSharedKey(endpoints, "acc", secret, o)
	require.NoError(t, err)
	require.NoError(t, everyService(t.Context(), *a))
	require.Equal(t, 3, calls)
	require.Equal(t, 3, tries)
	for _, r := range w.sent {
		require.True(t, strings.HasPrefix(r.Header.Get("User-Agent"), "app "))
	}
	require.Equal(t, before, *o)
	require.Nil(t, o.PerCallPolicies[:2][1], "no policy of ours in the spare room of the caller's slice")
	require.Nil(t, o.PerRetryPolicies[:2][1])
	require.Equal(t, []string{"comp", "SIG"}, o.Logging.AllowedQueryParams)
}

func TestNoSecretInErrors(t *testing.T) {
	t.Parallel()
	lost := &url.Error{Op: "Get", URL: "https://acc.table.core.windows.net/Tables?" + sas, Err: errors.New("broken pipe")}
	wires := map[string]*wire{
		"Denied":  answering(403, `{"odata.error":{"code":"AuthorizationFailure","message":{"value":"`+secret+`"}}}`),
		"Lost":    failing(lost),
		"Nested":  failing(&url.Error{Op: "Get", URL: "https://x/?" + sas, Err: lost}),
		"Garbage": answering(200, `<<`+secret),
	}
	for name, w := range wires {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := fake(t, w)
			r, err0 := a.Blobs.Open(t.Context(), "c", "b")
			if err0 == nil {
				require.NoError(t, r.Close())
			}
			_, err1 := a.Tables.Query(t.Context(), "T", storage.Query{})
			_, err2 := a.Tables.Insert(t.Context(), "T", &storage.Entity{PartitionKey: secret, RowKey: "r"})
			err3 := a.Tables.Batch(t.Context(), "T", []storage.Op{{Entity: &storage.Entity{PartitionKey: "p"}}})
			for _, err := range []error{
				err0, err1, err2, err3, everyService(t.Context(), a), a.Queues.Put(t.Context(), "q", secret, 0),
				a.Blobs.Write(t.Context(), "c", "b", storage.Blob{Content: []byte(secret)}),
			} {
				for ; err != nil; err = errors.Unwrap(err) {
					require.NotContains(t, err.Error(), secret)
				}
			}
			require.Error(t, err1)
		})
	}
}

func TestRedactedErrorsKeepTheirCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("broken pipe")
	a := fake(t, failing(&url.Error{Op: "Get", URL: "https://acc.table.core.windows.net/Tables?" + sas, Err: cause}))
	_, err := a.Tables.ListTables(t.Context(), "")
	require.ErrorIs(t, err, cause)
	require.EqualError(t, err, `Get "https://acc.table.core.windows.net/Tables": broken pipe`)
	var e *azstore.Error
	require.ErrorAs(t, err, &e)
	require.Zero(t, e.Status)
}
