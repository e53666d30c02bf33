package connstr

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "REDACTED"

// redact says whether a secret is there, and nothing else about it.
func redact(secret string) string {
	if secret == "" {
		return ""
	}
	return redacted
}

// String describes the account without its key and its SAS. Like the methods below it has a value receiver, so that
// copies are safe as well.
func (a Account) String() string {
	return fmt.Sprintf("{Name:%s Key:%s SAS:%s Table:%s Queue:%s Blob:%s}",
		a.Name, redact(a.Key), redact(a.SAS), a.Table, a.Queue, a.Blob)
}

// GoString describes the account without its key and its SAS.
func (a Account) GoString() string {
	return fmt.Sprintf("connstr.Account{Name:%q, Key:%q, SAS:%q, Table:%q, Queue:%q, Blob:%q}",
		a.Name, redact(a.Key), redact(a.SAS), a.Table, a.Queue, a.Blob)
}

// Format writes what String returns, or GoString for %#v. Without it, verbs such as %d would print the fields.
func (a Account) Format(f fmt.State, verb rune) {
	text := a.String()
	if verb == 'v' && f.Flag('#') {
		text = a.GoString()
	}
	// Format has no way to report that the writer failed.
	_, _ = io.WriteString(f, text)
}

// LogValue describes the account without its key and its SAS.
func (a Account) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("name", a.Name), slog.String("key", redact(a.Key)), slog.String("sas", redact(a.SAS)),
		slog.String("table", a.Table), slog.String("queue", a.Queue), slog.String("blob", a.Blob))
}
