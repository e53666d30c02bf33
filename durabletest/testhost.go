package durabletest

import (
	"context"
	"time"
)

// TestHost is a [Host] whose methods end the test when they fail. The Host inside, with methods that return their
// errors, is for other goroutines than the test's.
type TestHost struct {
	*Host
	t TB
}

// NewHost returns a host for the hub, as the function [NewHost] does.
func (h *TestHub) NewHost(scripts Scripts, opts *HostOptions) *TestHost {
	h.t.Helper()
	host, err := NewHost(h.Hub, scripts, opts)
	h.check(err)
	return &TestHost{host, h.t}
}

// RunUntilIdle is [Host.RunUntilIdle].
func (h *TestHost) RunUntilIdle() {
	h.t.Helper()
	h.check(h.Host.RunUntilIdle(context.Background()))
}

// Advance is [Host.Advance].
func (h *TestHost) Advance(d time.Duration) {
	h.t.Helper()
	h.check(h.Host.Advance(context.Background(), d))
}

// SetScript is [Host.SetScript].
func (h *TestHost) SetScript(orchestrator string, script Script) {
	h.t.Helper()
	h.check(h.Host.SetScript(orchestrator, script))
}

func (h *TestHost) check(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatalf("%v", err)
	}
}
