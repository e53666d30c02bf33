package durable_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

var errNetwork = errors.New("network down")

// failPut lets no message through.
func failPut(err error) faultstore.Hook {
	return faultstore.FailFrom(1, faultstore.Before, err, faultstore.Op("Put"))
}

// TestSendFails: a start whose message cannot be sent leaves nothing behind.
func TestSendFails(t *testing.T) {
	t.Parallel()
	for _, input := range []any{nil, strings.Repeat("x", 50_000)} {
		f := inMemory(t, taskhub.Options{})
		f.fault.SetHook(failPut(errNetwork))
		_, err := f.StartNew(t.Context(), "New", input, &durable.StartNewOptions{InstanceID: "id"})
		require.ErrorIs(t, err, errNetwork)
		require.NotErrorIs(t, err, durable.ErrUncertain)
		require.Nil(t, f.row(t, "id"))

		_, _, err = f.StartOrGet(t.Context(), "New", "id", input, nil)
		require.ErrorIs(t, err, errNetwork)
		require.Nil(t, f.row(t, "id"))

		f.prepareOld(t, "old", durable.RuntimeStatusFailed)
		before := f.row(t, "old")
		_, err = f.StartNew(t.Context(), "New", input, &durable.StartNewOptions{InstanceID: "old"})
		require.ErrorIs(t, err, errNetwork)
		f.requireSameColumns(t, before)
		require.Empty(t, f.blobs(t))
		require.Empty(t, f.received(t))
	}
}

// requireSameColumns checks that a row is as it was, but for the version that the service gives it.
func (f *fixture) requireSameColumns(t *testing.T, before *storage.Entity) {
	t.Helper()
	after := f.row(t, wire.UnescapeKey(before.PartitionKey))
	require.NotNil(t, after)
	require.ElementsMatch(t, before.Columns, after.Columns)
}

// TestSendUncertain: the row is taken back, the payload stays for a message that may be on its way, and the error says
// what is left to do.
func TestSendUncertain(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{})
	f.fault.SetHook(failPut(storage.ErrUncertain))
	_, err := f.StartNew(t.Context(), "New", strings.Repeat("x", 50_000), &durable.StartNewOptions{InstanceID: "id"})
	require.ErrorIs(t, err, durable.ErrUncertain)
	require.ErrorContains(t, err, "look at its status before starting it again")
	require.Nil(t, f.row(t, "id"))
	require.Len(t, f.blobs(t), 1)

	f.prepareOld(t, "old", durable.RuntimeStatusFailed)
	before := f.row(t, "old")
	_, err = f.StartNew(t.Context(), "New", nil, &durable.StartNewOptions{InstanceID: "old"})
	require.ErrorIs(t, err, durable.ErrUncertain)
	f.requireSameColumns(t, before)
}

// TestStartOrGetUncertain: the row stays, since the repeat that the caller is free to make completes it. A new row would
// start a second execution beside one that may run already.
func TestStartOrGetUncertain(t *testing.T) {
	t.Parallel()
	for _, arrived := range []bool{false, true} {
		for _, input := range []any{nil, strings.Repeat("x", 50_000)} {
			f := inMemory(t, taskhub.Options{})
			phase := faultstore.Before
			if arrived {
				phase = faultstore.After
			}
			f.fault.SetHook(faultstore.FailNth(1, phase, storage.ErrUncertain, faultstore.Op("Put")))
			_, _, err := f.StartOrGet(t.Context(), "New", "id", input, nil)
			require.ErrorIs(t, err, durable.ErrUncertain)
			require.ErrorContains(t, err, "StartOrGet again")
			row := f.row(t, "id")
			require.NotNil(t, row)

			s, isNew, err := f.StartOrGet(t.Context(), "New", "id", input, nil)
			require.NoError(t, err)
			require.False(t, isNew)
			require.Equal(t, durable.RuntimeStatusPending, s.RuntimeStatus)
			messages := f.received(t)
			require.NotEmpty(t, messages)
			for _, m := range messages {
				require.Equal(t, row.Text(wire.ColExecutionID), m.ExecutionID)
			}
		}
	}
}

// TestTakeBackFails: what could not be taken back is said.
func TestTakeBackFails(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{})
	f.fault.SetHook(func(_ context.Context, c faultstore.Call) error {
		if c.Phase == faultstore.Before && (c.Op == "Put" || c.Op == "Delete" && c.Service == faultstore.Tables) {
			return errNetwork
		}
		return nil
	})
	_, err := f.StartNew(t.Context(), "New", "x", &durable.StartNewOptions{InstanceID: "id"})
	require.ErrorIs(t, err, errNetwork)
	require.ErrorContains(t, err, "could not be taken back")
	require.ErrorContains(t, err, "StartOrGet starts it after all")
	f.fault.SetHook(nil)
	_, isNew, err := f.StartOrGet(t.Context(), "New", "id", nil, nil)
	require.NoError(t, err)
	require.False(t, isNew)
	f.requireStarted(t, "id", 0)
}

// TestTakeBackRaced: a worker has the message although no answer said so, and has changed the row.
func TestTakeBackRaced(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{})
	f.fault.SetHook(func(_ context.Context, c faultstore.Call) error {
		if c.Phase == faultstore.After && c.Op == "Put" {
			f.run(t, "id")
			return storage.ErrUncertain
		}
		return nil
	})
	_, err := f.StartNew(t.Context(), "New", nil, &durable.StartNewOptions{InstanceID: "id"})
	require.ErrorIs(t, err, durable.ErrUncertain)
	require.ErrorContains(t, err, "the message seems to have arrived")
	require.Equal(t, wire.StatusRunning, f.row(t, "id").Text(wire.ColRuntimeStatus))
}

// TestCancelledStart: a context that ends half-way does not keep the client from cleaning up.
func TestCancelledStart(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.fault.SetHook(onCall(1, "Put", cancel))
	_, err := f.StartNew(ctx, "New", strings.Repeat("x", 50_000), &durable.StartNewOptions{InstanceID: "id"})
	require.ErrorIs(t, err, context.Canceled)
	require.Nil(t, f.row(t, "id"))
	require.Empty(t, f.blobs(t))
	require.Empty(t, f.received(t))
}
