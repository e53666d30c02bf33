package operate_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

// A message that names a blob which the service refuses to look for is poison, and no reason to see nothing else.
func TestPoisonOfNoPossibleBlob(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.put(t, h.ControlQueue(0), &wire.Message{BlobName: "x/message-1-EventRaised.json.gz"}, 0)
	h.taken(t, h.ControlQueue(0), 1)
	h.fault.SetHook(func(_ context.Context, c faultstore.Call) error {
		if c.Op == "Open" && c.Name == h.LargeMessages() && c.Phase == faultstore.Before {
			return storage.ErrInvalid
		}
		return nil
	})
	list := messages(t, h, &operate.ListMessagesOptions{PoisonOnly: true})
	require.Len(t, list, 1)
	require.Equal(t, "its payload is gone", list[0].Poison)
}

// What ends a check-up names the instance that it could not look at, so that the rest can be checked up on without it.
func TestDiagnoseNamesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.running(t, "order-17", action(wire.TaskScheduled, 0), &storage.Entity{})
	h.clock.add(48 * time.Hour)
	var failed error
	for _, err := range operate.Diagnose(t.Context(), h.OrchestrationClient, &operate.DiagnoseOptions{Interval: time.Millisecond}) {
		failed = err
	}
	require.ErrorContains(t, failed, `look at "order-17": read history: history row "0000000000000003" has no EventType`)
}

// Of many copies in quarantine one that is damaged is named.
func TestDamagedCopyIsNamed(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	require.NoError(t, h.storage.Blobs.CreateContainer(t.Context(), "hub-quarantine"))
	require.NoError(t, h.storage.Blobs.Write(t.Context(), "hub-quarantine", "hub-control-00/1.json", storage.Blob{Content: []byte("{")}))
	var failed error
	for _, err := range operate.ListMessages(t.Context(), h.OrchestrationClient, &operate.ListMessagesOptions{Quarantined: true}) {
		failed = err
	}
	require.ErrorIs(t, failed, durable.ErrInvalidState)
	require.ErrorContains(t, failed, "hub-control-00/1.json")
}

// When the storage refuses, that is said once and at once, and not for each of the thousands that are suspected.
func TestDiagnoseEndsAtTheFirstError(t *testing.T) {
	t.Parallel()
	const suspects = 300
	h := newHub(t)
	for i := range suspects {
		h.running(t, fmt.Sprintf("order-%03d", i), action(wire.TaskScheduled, 0))
	}
	h.clock.add(48 * time.Hour)
	var asked atomic.Int32
	h.fault.SetHook(func(_ context.Context, c faultstore.Call) error {
		if c.Op == "Get" && c.Name == h.Instances() && c.Phase == faultstore.Before {
			asked.Add(1)
			return storage.ErrDenied
		}
		return nil
	})
	var failed error
	for _, err := range operate.Diagnose(t.Context(), h.OrchestrationClient, &operate.DiagnoseOptions{Interval: time.Millisecond}) {
		failed = err
	}
	require.ErrorIs(t, failed, storage.ErrDenied)
	require.Equal(t, 1, strings.Count(failed.Error(), "look at"))
	require.Less(t, asked.Load(), int32(suspects/2))
}
