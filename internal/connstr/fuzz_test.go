package connstr_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/connstr"
)

// secret is valid Base64 of letters that occur in no error message next to each other.
const secret = "ZXJWZYQXWVJZQWXYVZJX"

// FuzzParse puts a secret at any place of any string: no error may hold three letters of it, and what parses parses
// to the same again when it is written out, and prints without its credential.
func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, before, after string) {
		a, err := connstr.Parse(before + secret + after)
		if err != nil {
			require.Nil(t, a)
			requireNoSecret(t, err.Error())
			return
		}
		require.NotEqual(t, a.Key == "", a.SAS == "")
		again, err := connstr.Parse(format(a))
		require.NoError(t, err)
		requireEqual(t, *a, *again)

		other := *a
		other.Key, other.SAS = strings.Repeat("x", len(a.Key)), strings.Repeat("x", len(a.SAS))
		require.Equal(t, a.String(), other.String())
		require.Equal(t, a.GoString(), other.GoString())
		require.Equal(t, a.LogValue().Group(), other.LogValue().Group())
	})
}

func requireNoSecret(t *testing.T, text string) {
	t.Helper()
	text = strings.ToUpper(text)
	for i := 3; i <= len(secret); i++ {
		require.NotContains(t, text, secret[i-3:i])
	}
}

// format writes an account as a connection string.
func format(a *connstr.Account) string {
	var b strings.Builder
	for _, setting := range [][2]string{
		{"TableEndpoint", a.Table},
		{"QueueEndpoint", a.Queue},
		{"BlobEndpoint", a.Blob},
		{"AccountName", a.Name},
		{"AccountKey", a.Key},
		{"SharedAccessSignature", a.SAS},
	} {
		if setting[1] != "" {
			b.WriteString(setting[0] + "=" + setting[1] + ";")
		}
	}
	return b.String()
}
