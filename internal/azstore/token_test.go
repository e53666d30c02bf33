package azstore_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/azstore"
	"github.com/go-durable/durable/internal/azurite"
	"github.com/go-durable/durable/internal/storage"
)

// certificate makes a certificate for 127.0.0.1 and returns it and the files that it is in.
func certificate(tb testing.TB) (cert *x509.Certificate, certFile, keyFile string) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "emulator"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(tb, err)
	cert, err = x509.ParseCertificate(der)
	require.NoError(tb, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(tb, err)

	dir := tb.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(tb, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(tb, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	return cert, certFile, keyFile
}

// unsigned is a credential whose tokens have all that the emulator checks: everything but a signature.
type unsigned struct{ audience string }

func (c unsigned) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	encode := func(v any) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	now := time.Now()
	token := encode(map[string]string{"alg": "none", "typ": "JWT"}) + "." + encode(map[string]any{
		"aud": c.audience, "iss": "https://sts.windows.net/00000000-0000-0000-0000-000000000001/",
		"nbf": now.Add(-time.Minute).Unix(), "iat": now.Add(-time.Minute).Unix(), "exp": now.Add(time.Hour).Unix(),
	}) + ".c2lnbmF0dXJl"
	return azcore.AccessToken{Token: token, ExpiresOn: now.Add(time.Hour)}, nil
}

// useEveryService makes a request of each kind that is signed in a way of its own.
func useEveryService(t *testing.T, a storage.Account) {
	ctx := t.Context()
	require.NoError(t, a.Tables.CreateTable(ctx, "Tokens"))
	require.NoError(t, a.Tables.Batch(ctx, "Tokens", []storage.Op{{Entity: entity("it's", "1")}, {Entity: entity("it's", "2")}}))
	page, err := a.Tables.Query(ctx, "Tokens", storage.Query{Columns: []string{"A"}})
	require.NoError(t, err)
	require.Len(t, page.Entities, 2)
	require.NoError(t, a.Tables.Delete(ctx, "Tokens", "it's", "1", page.Entities[0].ETag))

	require.NoError(t, a.Queues.CreateQueue(ctx, "tokens"))
	require.NoError(t, a.Queues.Put(ctx, "tokens", "text", 0))
	messages, err := a.Queues.Dequeue(ctx, "tokens", 1, time.Minute)
	require.NoError(t, err)
	require.Len(t, messages, 1)
	require.NoError(t, a.Queues.Remove(ctx, "tokens", messages[0]))

	require.NoError(t, a.Blobs.CreateContainer(ctx, "tokens"))
	require.NoError(t, a.Blobs.Write(ctx, "tokens", "a/b", storage.Blob{Content: []byte("content")}))
	r, err := a.Blobs.Open(ctx, "tokens", "a/b")
	require.NoError(t, err)
	content, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, "content", string(content))
	require.NoError(t, a.Blobs.Delete(ctx, "tokens", "a/b"))
}

// TestTokensOverTLS uses an emulator with a certificate of its own.
func TestTokensOverTLS(t *testing.T) {
	t.Parallel()
	cert, certFile, keyFile := certificate(t)
	s := azurite.StartTLS(t, certFile, keyFile)
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 64,
	}
	t.Cleanup(transport.CloseIdleConnections)
	o := &azcore.ClientOptions{
		Transport: &http.Client{Transport: transport},
		Retry:     policy.RetryOptions{MaxRetries: -1},
	}
	ep := azstore.Endpoints{Table: s.Table, Queue: s.Queue, Blob: s.Blob}

	t.Run("EveryService", func(t *testing.T) {
		a, err := azstore.New(ep, unsigned{"https://storage.azure.com"}, o)
		require.NoError(t, err)
		useEveryService(t, *a)
	})
	t.Run("OtherAudience", func(t *testing.T) {
		a, err := azstore.New(ep, unsigned{"https://vault.azure.net"}, o)
		require.NoError(t, err)
		_, err = a.Tables.ListTables(t.Context(), "")
		require.ErrorIs(t, err, storage.ErrDenied)
		_, err = a.Queues.ListQueues(t.Context(), "")
		require.ErrorIs(t, err, storage.ErrDenied)
		_, err = a.Blobs.ListContainers(t.Context(), "")
		require.ErrorIs(t, err, storage.ErrDenied)
	})
	t.Run("UntrustedCertificate", func(t *testing.T) {
		a, err := azstore.New(ep, unsigned{"https://storage.azure.com"}, &azcore.ClientOptions{Retry: o.Retry})
		require.NoError(t, err)
		err = a.Queues.Put(t.Context(), "queue", "x", 0)
		require.Error(t, err)
		require.NotErrorIs(t, err, storage.ErrUncertain)
	})
}
