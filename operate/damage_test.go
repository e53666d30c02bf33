package operate_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

// put puts a message into a queue, visible or not.
func (h *hub) put(tb testing.TB, queue string, m *wire.Message, delay time.Duration) {
	tb.Helper()
	m.ActivityID = "00000000-0000-0000-0000-000000000001"
	require.NoError(tb, h.storage.Queues.Put(tb.Context(), queue, wire.EncodeText(m.JSON()), delay))
}

// secondLook does something before the queues are looked at for the second time, which is after the tables were read.
func (h *hub) secondLook(do func()) {
	var mu sync.Mutex
	walked, did := false, false
	h.fault.SetHook(func(_ context.Context, c faultstore.Call) error {
		mu.Lock()
		defer mu.Unlock()
		walked = walked || c.Op == "Query" && c.Name == h.History() && c.Phase == faultstore.After
		if walked && !did && c.Op == "ListQueues" && c.Phase == faultstore.Before {
			did = true
			do()
		}
		return nil
	})
}

// payload stores a payload.
func (h *hub) payload(tb testing.TB, name string) {
	tb.Helper()
	require.NoError(tb, h.storage.Blobs.CreateContainer(tb.Context(), h.LargeMessages()))
	require.NoError(tb, h.storage.Blobs.Write(tb.Context(), h.LargeMessages(), name, storage.Blob{Content: wire.Zip([]byte(`"x"`))}))
}

func (h *hub) blobs(tb testing.TB, container string) []string {
	tb.Helper()
	page, err := h.storage.Blobs.List(tb.Context(), container, "", "")
	if errors.Is(err, storage.ErrContainerNotFound) {
		return nil
	}
	require.NoError(tb, err)
	names := []string{}
	for _, b := range page.Blobs {
		names = append(names, b.Name)
	}
	return names
}

// executionX is the execution of the instance x.
var executionX = wire.Execution{InstanceID: "x", ExecutionID: executionOf("x")}

// lockedEntity writes an entity that somebody has locked.
func (h *hub) lockedEntity(tb testing.TB, owner string) {
	tb.Helper()
	const id = "@e@k"
	h.history(tb, id, episode(started(str(wire.ColName, id)))...)
	h.row(tb, id, wire.StatusRunning, str(wire.ColName, id), str(wire.ColCustomStatus, `{"queueSize":1,"lockedBy":"`+owner+`"}`))
}

// damage is one thing that can be wrong.
type damage struct {
	name string
	make func(t *testing.T, h *hub)
	want []string
	// near are hubs that almost have it.
	near map[string]func(t *testing.T, h *hub)
	opts operate.RepairOptions
	// work is what a host does after the repair.
	work func(t *testing.T, h *hub)
	// check looks at the hub after the repair, before the host does anything.
	check func(t *testing.T, h *hub)
	// raced is what a host does before the first call of a method, and what the repair says then.
	raced    func(t *testing.T, h *hub)
	racedOp  string
	racedErr error
	// undoable says that the repair can be taken back.
	undoable bool
}

func damages() []damage {
	return []damage{
		rowBehind(), startNotSent(), activityLost(), timerLost(), answerLost(), wakeNotSent(), historyWithoutRow(), historyPurged(), payloadsAlone(),
		lockOrphaned(), unreadableOutput(),
	}
}
