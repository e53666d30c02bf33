package durabletest

import (
	"context"
	"encoding/json"
	"io"

	"github.com/go-durable/durable"
)

// TB is what a [TestHub] needs of a test: *testing.T, *testing.B and *testing.F have it, and so have the equivalents of
// other test frameworks. It is declared here so that package testing, which registers flags, does not get into programs
// that use [New].
type TB interface {
	Cleanup(f func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Helper()
	Logf(format string, args ...any)
	Name() string
}

// TestHub is a [Hub] whose steps end the test when they fail. The Hub inside, with steps that return their errors, is
// for other goroutines than the test's.
type TestHub struct {
	*Hub
	t TB
}

// NewHub returns a new task hub for a test. Opts may be nil.
func NewHub(t TB, opts *Options) *TestHub {
	t.Helper()
	hub, err := New(opts)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return &TestHub{Hub: hub, t: t}
}

// OpenHub returns the task hub of a client for a test, as [Open] does.
func OpenHub(t TB, client *durable.OrchestrationClient) *TestHub {
	return &TestHub{Hub: Open(client), t: t}
}

// LoadHub returns a new task hub for a test with what [Hub.Dump] has written, as [Load] does. Opts may be nil.
func LoadHub(t TB, r io.Reader, opts *Options) *TestHub {
	t.Helper()
	hub, err := Load(r, opts)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return &TestHub{Hub: hub, t: t}
}

// Messages is [Hub.Messages].
func (h *TestHub) Messages() []Message {
	h.t.Helper()
	all, err := h.Hub.Messages(context.Background())
	h.check(err)
	return all
}

// Dump is [Hub.Dump].
func (h *TestHub) Dump(w io.Writer) {
	h.t.Helper()
	h.check(h.Hub.Dump(context.Background(), w))
}

// Run is [Hub.Run].
func (h *TestHub) Run(instanceID string) {
	h.t.Helper()
	h.check(h.Hub.Run(context.Background(), instanceID))
}

// Process is [Hub.Process].
func (h *TestHub) Process(instanceID string) (handled int) {
	h.t.Helper()
	handled, err := h.Hub.Process(context.Background(), instanceID)
	h.check(err)
	return handled
}

// ReceiveEvent is [Hub.ReceiveEvent].
func (h *TestHub) ReceiveEvent(instanceID, eventName string) json.RawMessage {
	h.t.Helper()
	data, err := h.Hub.ReceiveEvent(context.Background(), instanceID, eventName)
	h.check(err)
	return data
}

// SetCustomStatus is [Hub.SetCustomStatus].
func (h *TestHub) SetCustomStatus(instanceID string, status any) {
	h.t.Helper()
	h.check(h.Hub.SetCustomStatus(context.Background(), instanceID, status))
}

// Complete is [Hub.Complete].
func (h *TestHub) Complete(instanceID string, output any) {
	h.t.Helper()
	h.check(h.Hub.Complete(context.Background(), instanceID, output))
}

// Fail is [Hub.Fail].
func (h *TestHub) Fail(instanceID, reason string) {
	h.t.Helper()
	h.check(h.Hub.Fail(context.Background(), instanceID, reason))
}

// Step is [Hub.Step].
func (h *TestHub) Step(instanceID string, decide func(*Episode)) {
	h.t.Helper()
	h.check(h.Hub.Step(context.Background(), instanceID, decide))
}

func (h *TestHub) check(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatalf("%v", err)
	}
}
