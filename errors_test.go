package durable_test

import (
	"context"
	"errors"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/azurite"
	"github.com/go-durable/durable/internal/connstr"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// TestErrorText: operation and subject once, then the cause.
func TestErrorText(t *testing.T) {
	t.Parallel()
	f := openMemory(t, "MyHub", taskhub.Options{}, nil)
	f.create(t)
	f.prepareOld(t, "abc", durable.RuntimeStatusCompleted)
	_, absent := f.GetStatus(t.Context(), "no\nbody", nil)
	tests := map[string]error{
		`durable: Terminate "abc" (hub MyHub): instance is Completed: invalid state`: f.Terminate(t.Context(), "abc", "", nil),
		`durable: GetStatus "no\nbody" (hub MyHub): instance not found`:              absent,
		`durable: DeleteTaskHub (hub MyHub): task hub not found`: func() error {
			require.NoError(t, f.DeleteTaskHub(t.Context(), nil))
			return f.DeleteTaskHub(t.Context(), nil)
		}(),
	}
	for want, err := range tests {
		require.EqualError(t, err, want)
	}
	require.Equal(t, `durable: X (hub H): cause`, (&durable.Error{Op: "X", TaskHub: "H", Err: errors.New("cause")}).Error())
}

// TestSentinels: what the storage says becomes an error that callers can act on, and stays reachable.
func TestSentinels(t *testing.T) {
	t.Parallel()
	tests := []struct{ from, want error }{
		{storage.ErrDenied, durable.ErrAccessDenied},
		{storage.ErrBeingDeleted, durable.ErrInvalidState},
		{storage.ErrContainerNotFound, durable.ErrTaskHubNotFound},
		{storage.ErrUncertain, durable.ErrUncertain},
		{context.DeadlineExceeded, context.DeadlineExceeded},
		{errNetwork, errNetwork},
	}
	sentinels := []error{
		durable.ErrInvalidArgument, durable.ErrTaskHubNotFound, durable.ErrInstanceNotFound, durable.ErrInstanceExists,
		durable.ErrInvalidState, durable.ErrConflict, durable.ErrUncertain, durable.ErrPartitionCount,
		durable.ErrPayloadMissing, durable.ErrPayloadTooLarge, durable.ErrAccessDenied,
	}
	f := inMemory(t, taskhub.Options{})
	f.startRunning(t, "id", nil)
	f.set(t, "id", text(wire.ColRuntimeStatus, wire.StatusRunning))
	for _, test := range tests {
		f.fault.SetHook(faultstore.FailFrom(1, faultstore.Before, test.from, nil))
		ops := readsAndControls("id")
		ops["StartNew"] = startWith(durable.StartNewOptions{InstanceID: "new"})
		ops["StartOrGet"] = startOrGet("new", nil)
		for name, op := range ops {
			err := op(t.Context(), f.OrchestrationClient)
			require.ErrorIs(t, err, test.want, name)
			require.ErrorIs(t, err, test.from, name)
			var e *durable.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, name, e.Op)
			for _, s := range sentinels {
				if !errors.Is(test.want, s) && !errors.Is(test.from, s) {
					require.NotErrorIs(t, err, s, name)
				}
			}
		}
	}
}

// TestResponseError: what the service said is in reach.
func TestResponseError(t *testing.T) {
	t.Parallel()
	parts, err := connstr.Parse(azurite.ConnectionString(t))
	require.NoError(t, err)
	ep := durable.Endpoints{Table: parts.Table, Queue: parts.Queue, Blob: parts.Blob}
	c, err := durable.NewOrchestrationClientWithSharedKey(ep, newHubName(), parts.Name, "d3Jvbmcga2V5", nil)
	require.NoError(t, err)
	_, err = c.GetStatus(t.Context(), "id", nil)
	require.ErrorIs(t, err, durable.ErrAccessDenied)
	var r *azcore.ResponseError
	require.ErrorAs(t, err, &r)
	require.Equal(t, 403, r.StatusCode)

	onBothStores(t, func(t *testing.T, f *fixture) {
		if f.mem != nil {
			return // no service, no answer
		}
		require.NoError(t, f.DeleteTaskHub(t.Context(), nil))
		_, err := f.GetStatus(t.Context(), "id", nil)
		var r *azcore.ResponseError
		require.ErrorAs(t, err, &r)
		require.Equal(t, "TableNotFound", r.ErrorCode)
	})
}
