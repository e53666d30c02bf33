package durable_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// TestControlStates: which operation is allowed in which state, and what the others are told.
func TestControlStates(t *testing.T) {
	t.Parallel()
	const (
		pending, running, suspended, continued = durable.RuntimeStatusPending, durable.RuntimeStatusRunning,
			durable.RuntimeStatusSuspended, durable.RuntimeStatusContinuedAsNew
	)
	alive := map[durable.RuntimeStatus]bool{pending: true, running: true, suspended: true, continued: true}
	allowed := map[string]map[durable.RuntimeStatus]bool{
		"RaiseEvent": alive, "Terminate": alive,
		"Suspend": {pending: true, running: true, continued: true}, "Resume": {suspended: true},
	}
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.startRunning(t, "id", nil)
		for _, state := range allStates {
			f.setState(t, "id", state)
			before := f.row(t, "id")
			for name, op := range controls("id", "why") {
				err := op(t.Context(), f.OrchestrationClient)
				if allowed[name][state] {
					require.NoError(t, err, "%s %s", name, state)
					require.Len(t, f.received(t), 1, "%s %s", name, state)
				} else {
					require.ErrorIs(t, err, durable.ErrInvalidState, "%s %s", name, state)
					var e *durable.Error
					require.ErrorAs(t, err, &e)
					require.Equal(t, state, e.Status)
					require.Empty(t, f.received(t))
				}
				require.Equal(t, before, f.row(t, "id"), "a message changes no row")
			}
		}
	})
}

// TestMessages: what each message says, small and large.
func TestMessages(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("é", 30_000)
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.startRunning(t, "id", nil)
		for _, reason := range []string{"", "why not", "<\"é😀\\>", large} {
			for name, op := range controls("id", reason) {
				if name == "RaiseEvent" {
					continue
				}
				f.setState(t, "id", map[bool]durable.RuntimeStatus{true: "Suspended", false: "Running"}[name == "Resume"])
				require.NoError(t, op(t.Context(), f.OrchestrationClient))
				messages := f.received(t)
				require.Len(t, messages, 1)
				require.Equal(t, map[string]string{
					"Terminate": wire.ExecutionTerminated, "Suspend": wire.ExecutionSuspended, "Resume": wire.ExecutionResumed,
				}[name], messages[0].EventType)
				require.Equal(t, reason == large, messages[0].BlobName != "")
				var e struct{ Input, Reason *string }
				require.NoError(t, json.Unmarshal(messages[0].Event, &e))
				if name == "Terminate" {
					e.Reason = e.Input
				}
				require.Equal(t, reason, *e.Reason)
				require.Empty(t, messages[0].ExecutionID, "for whichever execution is current")
			}
		}
	})
}

// TestRaiseEvent: name and data arrive as they were given.
func TestRaiseEvent(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.startRunning(t, "id", nil)
		for _, data := range []json.RawMessage{nil, raw("null"), raw(` {"a": "é<"} `), raw(`"` + strings.Repeat("x", 50_000) + `"`)} {
			require.NoError(t, f.RaiseEvent(t.Context(), "id", "Gö <", data, nil))
			messages := f.received(t)
			require.Len(t, messages, 1)
			var e struct {
				Name  string
				Input *string
			}
			require.NoError(t, json.Unmarshal(messages[0].Event, &e))
			require.Equal(t, "Gö <", e.Name)
			require.Equal(t, len(data) > 45*1024, messages[0].BlobName != "")
			if data == nil {
				require.Nil(t, e.Input)
			} else {
				require.Equal(t, string(data), *e.Input)
			}
		}
	})
}

// TestUncertainMessage: the payload stays for a message that may have been sent; else it is removed.
func TestUncertainMessage(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{})
	f.startRunning(t, "id", nil)
	f.fault.SetHook(failPut(errNetwork))
	require.ErrorIs(t, f.RaiseEvent(t.Context(), "id", "e", strings.Repeat("x", 50_000), nil), errNetwork)
	require.Empty(t, f.blobs(t))
	f.fault.SetHook(failPut(storage.ErrUncertain))
	err := f.RaiseEvent(t.Context(), "id", "e", strings.Repeat("x", 50_000), nil)
	require.ErrorIs(t, err, durable.ErrUncertain)
	require.ErrorContains(t, err, "look at the instance before sending it again")
	require.Len(t, f.blobs(t), 1)
}

// TestWaitForStart: the event is only sent once a worker has taken the instance up.
func TestWaitForStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := inMemory(t, taskhub.Options{})
		f.start(t, "id", nil)
		f.drain(t)
		begin := time.Now()
		time.AfterFunc(10*time.Second, func() { f.run(t, "id") })
		opts := &durable.RaiseEventOptions{WaitForStart: true, PollInterval: 3 * time.Second}
		require.NoError(t, f.RaiseEvent(t.Context(), "id", "e", nil, opts))
		require.GreaterOrEqual(t, time.Since(begin), 10*time.Second)
		require.Less(t, time.Since(begin), 13*time.Second)
		require.Len(t, f.received(t), 1)

		f.start(t, "late", nil)
		f.drain(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := f.RaiseEvent(ctx, "late", "e", nil, &durable.RaiseEventOptions{WaitForStart: true})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var e *durable.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, durable.RuntimeStatusPending, e.Status)
		require.Empty(t, f.received(t))
		require.ErrorIs(t, f.RaiseEvent(t.Context(), "absent", "e", nil, opts), durable.ErrInstanceNotFound)
		f.setState(t, "late", durable.RuntimeStatusTerminated)
		require.ErrorIs(t, f.RaiseEvent(t.Context(), "late", "e", nil, opts), durable.ErrInvalidState)
	})
}
