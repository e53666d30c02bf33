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

// One instance that cannot be read is a finding, and hides nothing of the others.
func TestDiagnoseGoesOnBehindDamage(t *testing.T) {
	t.Parallel()
	task := action(wire.TaskScheduled, 0, str(wire.ColName, "A"))
	tests := []struct {
		name   string
		damage func(t *testing.T, h *hub)
		want   []string
		shown  string
	}{
		{
			"no event", func(t *testing.T, h *hub) { h.running(t, "order-17", task, &storage.Entity{}) },
			[]string{"check-incomplete order-17"},
			`history row "0000000000000003" has no EventType`,
		},
		{
			"no event first", func(t *testing.T, h *hub) {
				h.history(t, "order-17", &storage.Entity{})
				h.row(t, "order-17", wire.StatusRunning)
			},
			[]string{"check-incomplete order-17"},
			`history row "0000000000000000" has no EventType`,
		},
		{"an entity", func(t *testing.T, h *hub) {
			h.lockedEntity(t, "")
			h.history(t, "@e@k", started(), &storage.Entity{})
		}, []string{"check-incomplete @e@k"}, `row "0000000000000001" has no EventType`},
		{
			"events that do not fit", func(t *testing.T, h *hub) { h.running(t, "order-17", task, done(wire.TaskCompleted, 9)) },
			[]string{"check-incomplete order-17"},
			"completes event ID 9, which nothing has",
		},
		{
			"no state", func(t *testing.T, h *hub) { h.running(t, "order-17", task); h.row(t, "order-17", "Walking") },
			[]string{"check-incomplete order-17"},
			`RuntimeStatus is "Walking"`,
		},
		{"a child that cannot be", func(t *testing.T, h *hub) { h.running(t, "order-17", child(0, "a\x01b")) }, []string{}, ""},
		{"a child without ID", func(t *testing.T, h *hub) { h.running(t, "order-17", child(0, "")) }, []string{}, ""},
		{
			"an owner that cannot be", func(t *testing.T, h *hub) { h.lockedEntity(t, `\u0001`) },
			[]string{"entity-lock-orphaned @e@k"},
			"1 operation waits",
		},
		{
			"a folder that is no key", func(t *testing.T, h *hub) { h.payload(t, "a/b^^c/message-1-EventRaised.json.gz") },
			[]string{"payloads-without-instance a/b^^c"},
			"1 blob",
		},
		{"ended", func(t *testing.T, h *hub) {
			h.running(t, "order-17", &storage.Entity{})
			h.row(t, "order-17", wire.StatusFailed)
		}, []string{}, ""},
		{"of an earlier execution", func(t *testing.T, h *hub) {
			h.running(t, "order-17", &storage.Entity{})
			h.row(t, "order-17", wire.StatusRunning, str(wire.ColExecutionID, "another"))
		}, []string{}, ""},
		{"young", func(t *testing.T, h *hub) {
			h.clock.add(48 * time.Hour)
			h.running(t, "order-17", &storage.Entity{})
			h.clock.add(-48 * time.Hour)
		}, []string{}, ""},
		{"mended meanwhile", func(t *testing.T, h *hub) {
			h.running(t, "order-17", &storage.Entity{})
			h.secondLook(func() { h.running(t, "order-17", done(wire.EventRaised, 0)) })
		}, []string{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHub(t)
			h.running(t, "order-18", task)
			tt.damage(t, h)
			h.clock.add(48 * time.Hour)
			findings := diagnose(t, h, nil)
			require.ElementsMatch(t, append([]string{"activity-lost order-18 0"}, tt.want...), brief(findings))
			for _, f := range findings {
				if f.InstanceID != "order-18" {
					require.Contains(t, strings.Join(f.Evidence, ", "), tt.shown)
				}
			}
		})
	}
}

// What cannot be read can be inspected as far as that goes, and nothing acts on it.
func TestDamagedHistory(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.running(t, "x", action(wire.TaskScheduled, 0), &storage.Entity{})
	h.clock.add(time.Hour)
	i := inspect(t, h, "x")
	require.Equal(t, []string{"HistoryDamaged"}, codes(i))
	require.Equal(t, []string{"nobody can tell: its history is damaged"}, i.WaitsFor)
	before := h.dump(t)
	_, err := operate.CompleteActivity(t.Context(), h.OrchestrationClient, "x", 0, 1, nil)
	require.ErrorIs(t, err, durable.ErrInvalidState)
	require.ErrorContains(t, err, `row "0000000000000003" has no EventType`)
	_, err = operate.Reschedule(t.Context(), h.OrchestrationClient, "x", 0, "again", nil)
	require.ErrorIs(t, err, durable.ErrInvalidState)
	h.unchanged(t, before)
}

// A history of which nobody knows how long it is does not fill the memory.
func TestLongHistory(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.rows = 5
	h.running(t, "just", action(wire.TaskScheduled, 0))
	h.running(t, "more", action(wire.TaskScheduled, 0), action(wire.TaskScheduled, 1))
	h.clock.add(48 * time.Hour)
	findings := diagnose(t, h, nil)
	require.Equal(t, []string{"activity-lost just 0", "check-incomplete more"}, brief(findings))
	h.rows = 6
	require.Len(t, diagnose(t, h, nil), 3)

	// Nor does one with more open actions than are kept: they have all ended but the last.
	h.rows = 2
	two := []*storage.Entity{action(wire.TaskScheduled, 0), action(wire.TaskScheduled, 1), action(wire.TaskScheduled, 2)}
	h.running(t, "wide", append(two, done(wire.TaskCompleted, 0), done(wire.TaskCompleted, 1))...)
	h.clock.add(48 * time.Hour)
	require.Contains(t, brief(diagnose(t, h, nil)), "check-incomplete wide")
}

// Of many copies in quarantine one that is damaged is named, and hides none of the others.
func TestDamagedCopyIsNamed(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	queue := h.ControlQueue(0)
	_, err := operate.QuarantineMessage(t.Context(), h.OrchestrationClient, queue, h.raw(t, queue, "not a message"), nil)
	require.NoError(t, err)
	for _, name := range []string{"/!.json", "/~.json"} { // before and behind the other one
		require.NoError(t, h.storage.Blobs.Write(t.Context(), "hub-quarantine", queue+name, storage.Blob{Content: []byte("{")}))
	}
	var failed error
	seen := 0
	for m, err := range operate.ListMessages(t.Context(), h.OrchestrationClient, &operate.ListMessagesOptions{Quarantined: true}) {
		if failed = err; err == nil {
			require.Equal(t, queue, m.Queue)
			seen++
		}
	}
	require.Equal(t, 1, seen)
	require.ErrorIs(t, failed, durable.ErrInvalidState)
	require.ErrorContains(t, failed, "hub-control-00/!.json")
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

// A history may name children and parents that cannot be: they are missing, and no reason to show nothing.
func TestTreeOfImpossibleIDs(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.running(t, "x", child(0, "a\x01b"), child(1, strings.Repeat("y", 600)), child(2, "z"))
	h.history(t, "z", episode(started(parent("x", 2)))...)
	h.row(t, "z", wire.StatusRunning)
	require.Equal(t, "x Running\n a\x01b  missing\n "+strings.Repeat("y", 600)+"  missing\n z Running\n", show(tree(t, h, "x", nil)))
	m, err := operate.CompleteSubOrchestration(t.Context(), h.OrchestrationClient, "x", 0, 1, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"the sub-orchestration does not exist, or has not started yet"}, m.Notes)

	h.history(t, "w", episode(started(parent("a\x01b", 2)))...)
	h.row(t, "w", wire.StatusRunning)
	require.Equal(t, "w Running\n", show(tree(t, h, "w", nil)))
}
