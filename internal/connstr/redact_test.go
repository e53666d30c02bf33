package connstr_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/connstr"
)

// printed is an account in every way that it could get into a log.
func printed(t *testing.T, a *connstr.Account) string {
	t.Helper()
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%10.3s", "%t"} {
		fmt.Fprintf(&b, verb+"\n"+verb+"\n", a, *a)
		fmt.Fprintf(&b, verb+"\n", struct{ Account *connstr.Account }{a}.Account)
		fmt.Fprintf(&b, verb+"\n", []connstr.Account{*a})
	}
	fmt.Fprintln(&b, a.String(), a.GoString(), a.LogValue())
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		r := slog.Record{Message: "m"}
		r.AddAttrs(slog.Any("pointer", a), slog.Any("value", *a), slog.Any("list", []connstr.Account{*a}))
		require.NoError(t, h.Handle(t.Context(), r))
	}
	text, err := json.Marshal(a)
	require.NoError(t, err)
	b.Write(text)
	return b.String()
}

func TestAccountPrintsWithoutSecrets(t *testing.T) {
	t.Parallel()
	a := &connstr.Account{Name: "acct", Key: key, Table: "https://t/", Queue: "https://q/", Blob: "https://b/"}
	require.Equal(t, "{Name:acct Key:REDACTED SAS: Table:https://t/ Queue:https://q/ Blob:https://b/}", a.String())
	require.Equal(t, `connstr.Account{Name:"acct", Key:"REDACTED", SAS:"", Table:"https://t/", Queue:"https://q/", Blob:"https://b/"}`,
		fmt.Sprintf("%#v", a))
	require.NotContains(t, printed(t, a), key[:8])

	a = &connstr.Account{SAS: sas}
	require.Equal(t, "{Name: Key: SAS:REDACTED Table: Queue: Blob:}", a.String())
	require.NotContains(t, printed(t, a), sas[:8])

	var none *connstr.Account
	require.NotPanics(t, func() { _ = fmt.Sprint(none) })
}
