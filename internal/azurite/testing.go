package azurite

import (
	"context"
	"os"
	"testing"
)

const (
	// ConnectionEnv names the storage account that tests use.
	ConnectionEnv = "DURABLE_TEST_CONNECTION_STRING"
	// RequireEnv makes tests fail that would be skipped for want of an account.
	RequireEnv = "DURABLE_TEST_REQUIRE_STORAGE"
)

// ConnectionString returns the connection string of the storage account that the test may use. Without one it skips
// the test, or fails it if [RequireEnv] is set.
func ConnectionString(tb testing.TB) string {
	tb.Helper()
	s := os.Getenv(ConnectionEnv)
	if s == "" {
		unavailable(tb, "this test needs a storage account: run it by `make test`, or set "+ConnectionEnv)
	}
	return s
}

// StartTLS starts an emulator of the test's own that speaks https. Without Node.js or an installed emulator it skips
// the test, or fails it if [RequireEnv] is set.
func StartTLS(tb testing.TB, cert, key string) *Server {
	tb.Helper()
	return startOwn(tb, Options{Cert: cert, Key: key})
}

// StartLarge starts an emulator of the test's own for tables with millions of rows, see [Options]. Without an account in
// [ConnectionEnv], Node.js or an installed emulator it skips the test, or fails it if [RequireEnv] is set.
func StartLarge(tb testing.TB) *Server {
	tb.Helper()
	ConnectionString(tb)
	return startOwn(tb, Options{Large: true})
}

func startOwn(tb testing.TB, opts Options) *Server {
	tb.Helper()
	dir, err := Folder(".")
	if err == nil {
		dir, err = Installed(dir)
	}
	if err == nil {
		err = Missing()
	}
	if err != nil {
		unavailable(tb, "this test needs an installed storage emulator: run it by `make test`")
	}
	opts.Dir = dir
	s, err := Start(context.WithoutCancel(tb.Context()), opts) // it outlives the context, so that the test can clean up
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

func unavailable(tb testing.TB, reason string) {
	tb.Helper()
	if os.Getenv(RequireEnv) != "" {
		tb.Fatal(reason)
	} else {
		tb.Skip(reason)
	}
}
