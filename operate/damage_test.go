package operate_test

import (
	"context"
	"errors"
	"slices"
	"strings"
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
	// left is what is found besides, which its repair does not mend.
	left []string
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
	// Lasting says that it is not as it was after that: a message that was put back is another one.
	undoable, lasting bool
	// resumed says that what an interrupted repair leaves is another finding.
	resumed bool
	// noRepair says that there is none.
	noRepair bool
}

// kind is that of what is wrong.
func (d *damage) kind() operate.FindingKind {
	kind, _, _ := strings.Cut(d.want[0], " ")
	return operate.FindingKind(kind)
}

// rest is what is found where it is not.
func (d *damage) rest() []string { return append([]string{}, d.left...) }

// repairable are the damages that have a repair.
func repairable() []damage {
	return slices.DeleteFunc(damages(), func(d damage) bool { return d.noRepair })
}

func damages() []damage {
	return []damage{
		rowBehind(), startNotSent(), activityLost(), timerLost(), answerLost(), wakeNotSent(), historyWithoutRow(), historyPurged(), payloadsAlone(),
		lockOrphaned(), unreadableOutput(), poisonMessage(), messagesUnread(), partitionCount(), brokenByRewind(), partitionUnowned(),
		differByCase(), tooMany(),
	}
}

// Whatever can be found has a hub that has it, hubs that nearly have it, a repair that is repeated and interrupted, and
// hosts at work meanwhile: a kind that is new is tested like the others.
func TestKinds(t *testing.T) {
	t.Parallel()
	forged, raced := map[operate.FindingKind]damage{}, map[operate.FindingKind]bool{}
	for _, d := range damages() {
		require.NotEmpty(t, len(d.near)+len(forged[d.kind()].near), d.name)
		if _, twice := forged[d.kind()]; !twice {
			forged[d.kind()] = d
		}
	}
	for _, r := range races() {
		require.NotEmpty(t, r.stirs, r.name)
		raced[r.kind] = true
	}
	for _, kind := range operate.Kinds() {
		d, ok := forged[kind]
		require.True(t, ok, "%s: no hub that has it", kind)
		require.Equal(t, d.noRepair, noRace[kind] != "", "%s: a repair and no race, or the other way round", kind)
		require.Equal(t, !d.noRepair, raced[kind], "%s: no race", kind)
	}
	require.Len(t, forged, len(operate.Kinds()))
}
