package azurite_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/azurite"
)

// outcome is a test that only notes how it ends.
type outcome struct {
	testing.TB
	skipped, failed string
}

func (o *outcome) Helper()           {}
func (o *outcome) Skip(args ...any)  { o.skipped = args[0].(string) }
func (o *outcome) Fatal(args ...any) { o.failed = args[0].(string) }

func TestConnectionString(t *testing.T) {
	tests := []struct {
		name, connection, require string
		want                      string
		skips, fails              bool
	}{
		{"Set", "x=y", "", "x=y", false, false},
		{"Unset", "", "", "", true, false},
		{"Required", "", "1", "", false, true},
	}
	const reason = "this test needs a storage account: run it by `make test`, or set DURABLE_TEST_CONNECTION_STRING"
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(azurite.ConnectionEnv, tt.connection)
			t.Setenv(azurite.RequireEnv, tt.require)
			o := &outcome{}
			require.Equal(t, tt.want, azurite.ConnectionString(o))
			require.Equal(t, tt.skips, o.skipped == reason)
			require.Equal(t, tt.fails, o.failed == reason)
		})
	}
}
