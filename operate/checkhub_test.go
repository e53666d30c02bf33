package operate_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

// info writes taskhub.json.
func (h *hub) info(tb testing.TB, partitions int) {
	tb.Helper()
	require.NoError(tb, h.storage.Blobs.CreateContainer(tb.Context(), h.Leases()))
	text := fmt.Sprintf(`{"TaskHubName":"Hub","CreatedAt":"2026-01-01T00:00:00Z","PartitionCount":%d}`, partitions)
	require.NoError(tb, h.storage.Blobs.Write(tb.Context(), h.Leases(), taskhub.InfoBlob, storage.Blob{Content: []byte(text)}))
}

// owners writes the Partitions table: a host owns the first n partitions.
func (h *hub) owners(tb testing.TB, n int, until time.Time) {
	tb.Helper()
	require.NoError(tb, h.storage.Tables.CreateTable(tb.Context(), h.Partitions()))
	for p := range partitions {
		e := &storage.Entity{RowKey: h.ControlQueue(p)}
		if p < n {
			e.Columns = []storage.Column{str("CurrentOwner", "host"), at("ExpiresAt", until)}
		}
		_, err := h.storage.Tables.Update(tb.Context(), h.Partitions(), e, storage.Replace, "")
		require.NoError(tb, err)
	}
}

func event0(id string) *wire.Message { return wire.EventRaisedMessage(id, "E", nil, noon) }

func TestPartitionUnowned(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.owners(t, 3, noon.Add(time.Minute))
	require.Equal(t, []string{"partition-unowned hub-control-03"}, brief(diagnose(t, h, nil)), "hosts are there, but none for this one")
	h.clock.add(time.Hour)
	require.Empty(t, brief(diagnose(t, h, nil)), "an app that is scaled to zero, and nothing to do")
	h.put(t, h.ControlQueue(2), event0("x"), 0)
	require.Empty(t, brief(diagnose(t, h, nil)), "it will be woken")
	h.clock.add(11 * time.Minute)
	f := diagnose(t, h, nil)
	require.Equal(t, []string{"partition-unowned hub-control-02"}, brief(f))
	require.Contains(t, f[0].Evidence, "last owned by host")
	require.Empty(t, f[0].Repair)
	_, err := repair(t, h, f[0], operate.RepairOptions{}, true)
	require.ErrorIs(t, err, durable.ErrInvalidArgument)

	// A partition on its way from one host to another.
	h.secondLook(func() { h.owners(t, 4, noon.Add(72*time.Hour)) })
	require.Empty(t, brief(diagnose(t, h, nil)))
}

func TestPartitionCount(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.info(t, 4)
	require.Empty(t, brief(diagnose(t, h, nil)))
	h.info(t, 2)
	require.NoError(t, h.storage.Queues.CreateQueue(t.Context(), h.ControlQueue(5)))
	before := h.dump(t)
	f := diagnose(t, h, nil)
	require.Equal(t, []string{"partition-count "}, brief(f))
	require.Len(t, f[0].Evidence, 2)

	_, err := repair(t, h, f[0], operate.RepairOptions{}, true)
	require.ErrorIs(t, err, durable.ErrInvalidArgument)
	_, err = repair(t, h, f[0], operate.RepairOptions{PartitionCount: 17}, true)
	require.ErrorIs(t, err, durable.ErrInvalidArgument)
	r, err := repair(t, h, f[0], operate.RepairOptions{PartitionCount: 4}, false)
	require.NoError(t, err)
	require.Equal(t, []string{"write PartitionCount 4 to taskhub.json", "delete hub-control-05, which is empty; no client may send to it at this moment"}, r.Actions)
	h.unchanged(t, before)
	r, err = repair(t, h, f[0], operate.RepairOptions{PartitionCount: 4}, true)
	require.NoError(t, err)
	require.Equal(t, operate.OutcomeDone, r.Outcome)
	require.Contains(t, r.After[0].Text, `"PartitionCount":4`)
	require.Contains(t, r.After[0].Text, `"CreatedAt":"2026-01-01T00:00:00Z"`)
	require.Empty(t, brief(diagnose(t, h, nil)))
	again, err := repair(t, h, f[0], operate.RepairOptions{PartitionCount: 4}, true)
	require.NoError(t, err)
	require.Equal(t, operate.OutcomeNotNeeded, again.Outcome)
	_, err = operate.Undo(t.Context(), h.OrchestrationClient, r)
	require.NoError(t, err)
	h.unchanged(t, before)
}

// While a host is alive that may believe in another count, an empty queue stays: what the host sends to it would be deleted
// with it. Hosts that have noted the count themselves send to no other queue.
func TestPartitionCountOfLiveHosts(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.info(t, 4)
	require.NoError(t, h.storage.Queues.CreateQueue(t.Context(), h.ControlQueue(5)))
	lease := "default/" + h.ControlQueue(0)
	require.NoError(t, h.storage.Blobs.Write(t.Context(), h.Leases(), lease, storage.Blob{}))
	_, err := h.mem.Lease(h.Leases(), lease)
	require.NoError(t, err)
	before := h.dump(t)
	opts := operate.RepairOptions{PartitionCount: 4}
	f := diagnose(t, h, nil)[0]
	require.Equal(t, operate.KindPartitionCount, f.Kind)
	r, err := repair(t, h, f, opts, true)
	require.NoError(t, err)
	require.Equal(t, operate.OutcomeBlocked, r.Outcome)
	require.Equal(t, []string{
		"keep hub-control-05: a host is alive (it owns hub-control-00) and may send to it: stop all hosts first",
	}, r.Actions)
	h.unchanged(t, before)

	h.owners(t, partitions, noon.Add(time.Hour))
	r, err = repair(t, h, f, opts, true)
	require.NoError(t, err)
	require.Equal(t, operate.OutcomeDone, r.Outcome)
	require.Equal(t, []string{"hub-control-05"}, r.Deleted)
}

// taskhub.json of another hub, or with a byte-order mark, is what the clients take it for.
func TestPartitionCountInfo(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	write := func(text string) {
		require.NoError(t, h.storage.Blobs.Write(t.Context(), h.Leases(), taskhub.InfoBlob, storage.Blob{Content: []byte(text)}))
	}
	h.info(t, 4)
	opts := operate.RepairOptions{PartitionCount: 4}
	write(`{"TaskHubName":"Other","CreatedAt":"2026-01-01T00:00:00Z","PartitionCount":4}`)
	f := diagnose(t, h, nil)
	require.Equal(t, []string{"partition-count "}, brief(f))
	r, err := repair(t, h, f[0], opts, true)
	require.NoError(t, err)
	require.Equal(t, operate.OutcomeDone, r.Outcome)
	require.Empty(t, diagnose(t, h, nil))

	write("\ufeff" + `{"TaskHubName":"hub","CreatedAt":"2026-01-01T00:00:00Z","PartitionCount":4}`)
	require.Empty(t, diagnose(t, h, nil))
	r, err = repair(t, h, f[0], opts, true)
	require.NoError(t, err)
	require.Equal(t, operate.OutcomeNotNeeded, r.Outcome)
}

// Whoever says that hosts read a queue is believed: a client that was told a smaller count, taskhub.json that is older than
// the Partitions table, or a host that has just been given another count. Its messages must not be moved.
func TestMessagesOfQueuesThatAreRead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		make func(h *hub)
		err  error
		want string
	}{
		{"the client was told less", func(h *hub) {
			h.info(t, 7)
			c, err := hook.NewClient(h.fault.Account(), "Hub", taskhub.Options{Now: h.clock.time, PartitionCount: 4})
			require.NoError(t, err)
			h.OrchestrationClient = c.(*durable.OrchestrationClient)
		}, nil, ""},
		{"a host reads it", func(h *hub) {
			h.info(t, 4)
			lease := "default/" + h.ControlQueue(6)
			require.NoError(t, h.storage.Blobs.Write(t.Context(), h.Leases(), lease, storage.Blob{}))
			_, err := h.mem.Lease(h.Leases(), lease)
			require.NoError(t, err)
		}, nil, ""},
		{"contradictions", func(h *hub) {
			h.info(t, 2)
			h.owners(t, 0, noon)
		}, durable.ErrInvalidState, "repair partition-count first"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHub(t)
			stray := h.ControlQueue(6)
			require.NoError(t, h.storage.Queues.CreateQueue(t.Context(), stray))
			tt.make(h)
			h.put(t, stray, event0("x"), 0)
			if tt.err == nil {
				require.NotContains(t, brief(diagnose(t, h, nil)), "messages-unread "+stray)
			}
			before := h.dump(t)
			f := operate.Finding{Kind: operate.KindMessagesUnread, Queue: stray}
			r, err := repair(t, h, f, operate.RepairOptions{}, true)
			require.ErrorIs(t, err, tt.err)
			if tt.err != nil {
				require.ErrorContains(t, err, tt.want)
			} else {
				require.Equal(t, operate.OutcomeNotNeeded, r.Outcome)
			}
			h.unchanged(t, before)
		})
	}
}

// Messages that cannot be read, and can be seen again after a while, do not keep the move of the others from ending.
func TestMessagesUnreadMoveEnds(t *testing.T) {
	t.Parallel()
	for _, unreadable := range []int{1, 32, 40, 1100} {
		h := newHub(t)
		h.info(t, 4)
		stray := h.ControlQueue(6)
		require.NoError(t, h.storage.Queues.CreateQueue(t.Context(), stray))
		for range unreadable {
			require.NoError(t, h.storage.Queues.Put(t.Context(), stray, "not a message", 0))
		}
		h.put(t, stray, event0("x"), 0)
		takes := 0
		h.fault.SetHook(func(_ context.Context, c faultstore.Call) error {
			if c.Op == "Dequeue" && c.Phase == faultstore.Before {
				h.clock.add(2 * time.Minute)
				takes++
				require.Less(t, takes, 200)
			}
			return nil
		})
		f := operate.Finding{Kind: operate.KindMessagesUnread, Queue: stray}
		_, err := repair(t, h, f, operate.RepairOptions{}, true)
		require.NoError(t, err)
		h.clock.add(2 * time.Minute)
		require.Equal(t, int64(unreadable+1), count(t, h, stray)+int64(len(h.sent(t, "x"))), "none is lost, none is there twice")
		if unreadable < 100 {
			require.Len(t, h.sent(t, "x"), 1)
		}
	}
}

func TestPartitionCountKeepsMessages(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.info(t, 2)
	h.put(t, h.ControlQueue(3), event0("x"), time.Hour)
	require.NoError(t, h.storage.Queues.DeleteQueue(t.Context(), h.ControlQueue(0)))
	f := diagnose(t, h, nil)
	require.Equal(t, []string{"messages-unread hub-control-03", "partition-count "}, brief(f))
	r, err := repair(t, h, f[0], operate.RepairOptions{PartitionCount: 2}, true)
	require.NoError(t, err)
	require.Equal(t, []string{
		"delete hub-control-02, which is empty; no client may send to it at this moment", "keep hub-control-03: it holds about 1 message, to be moved first", "create hub-control-00",
	}, r.Actions)
	h.owners(t, 4, noon)
	_, err = repair(t, h, f[0], operate.RepairOptions{PartitionCount: 2}, true)
	require.ErrorIs(t, err, durable.ErrInvalidState, "hosts have written another count")
}

func TestMessagesUnread(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.info(t, 4)
	stray := h.ControlQueue(6)
	require.NoError(t, h.storage.Queues.CreateQueue(t.Context(), stray))
	require.Equal(t, []string{"partition-count "}, brief(diagnose(t, h, nil)))
	h.secondLook(func() { h.put(t, stray, event0("x"), 0) })
	require.Equal(t, []string{"partition-count "}, brief(diagnose(t, h, nil)), "one look is not enough")
	h.fault.SetHook(nil)
	for i := range 40 {
		h.put(t, stray, event0(fmt.Sprintf("i%d", i)), 0)
	}
	require.NoError(t, h.storage.Queues.Put(t.Context(), stray, "not a message", 0))
	findings := diagnose(t, h, nil)
	require.Equal(t, []string{"messages-unread hub-control-06", "partition-count "}, brief(findings))
	f := findings[1]
	r, err := repair(t, h, f, operate.RepairOptions{}, false)
	require.NoError(t, err)
	require.Equal(t, operate.OutcomePlanned, r.Outcome)

	// What dies between the two steps is not there twice.
	h.fault.SetHook(func(_ context.Context, c call) error {
		if c.Op == "Remove" && c.Phase == 0 {
			return storage.ErrDenied
		}
		return nil
	})
	_, err = repair(t, h, f, operate.RepairOptions{}, true)
	require.ErrorIs(t, err, durable.ErrAccessDenied)
	h.fault.SetHook(nil)
	h.clock.add(time.Hour)
	r, err = repair(t, h, f, operate.RepairOptions{}, true)
	require.NoError(t, err)
	require.Equal(t, operate.OutcomeDone, r.Outcome)
	moved := map[string]int{}
	for p := range partitions {
		messages, err := h.storage.Queues.Peek(t.Context(), h.ControlQueue(p), 32)
		require.NoError(t, err)
		for _, m := range messages {
			data, err := wire.DecodeText(m.Text)
			require.NoError(t, err)
			decoded, err := wire.DecodeMessage(data)
			require.NoError(t, err)
			require.Equal(t, p, wire.Partition(decoded.InstanceID, partitions))
			moved[decoded.InstanceID]++
		}
	}
	moved["x"]-- // it was in the queue as well
	require.Len(t, moved, 41)
	for id, n := range moved {
		require.LessOrEqual(t, n, 1, id)
	}
	left, err := h.storage.Queues.Peek(t.Context(), stray, 32)
	require.NoError(t, err)
	require.Len(t, left, 1, "what cannot be read stays")
}

func TestIDsDifferByCase(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	for _, id := range []string{"UPPER", "Upper", "upper", "other", "Ü", "ü"} {
		h.running(t, id)
	}
	h.ended(t, "OTHER", wire.StatusCompleted)
	h.running(t, "alone-A")
	require.Equal(t, []string{"ids-differ-by-case Upper", "ids-differ-by-case upper", "ids-differ-by-case ü"}, brief(diagnose(t, h, nil)))
}

func TestBrokenByRewind(t *testing.T) {
	t.Parallel()
	h := load(t, "v2/rewind-after-retries", "later")
	h.lease(t)
	h.clock.add(48 * time.Hour)
	f := diagnose(t, h, nil)
	require.Equal(t, []string{"broken-by-rewind rw-retry"}, brief(f))
	before := h.dump(t)
	r, err := repair(t, h, f[0], operate.RepairOptions{}, false)
	require.NoError(t, err)
	require.Equal(t, operate.OutcomePlanned, r.Outcome)
	h.unchanged(t, before)
	_, err = repair(t, h, f[0], operate.RepairOptions{}, true)
	require.ErrorIs(t, err, durable.ErrRewindUnsafe, "the reference has written over the text of a failure")
	h.unchanged(t, before)
	r, err = repair(t, h, f[0], operate.RepairOptions{Force: true}, true)
	require.NoError(t, err)
	require.Equal(t, operate.OutcomeDone, r.Outcome)
	require.Equal(t, wire.StatusPending, h.instance(t, "rw-retry").Text(wire.ColRuntimeStatus))
	require.Empty(t, brief(diagnose(t, h, nil)))
	again, err := repair(t, h, f[0], operate.RepairOptions{}, true)
	require.NoError(t, err)
	require.Equal(t, operate.OutcomeNotNeeded, again.Outcome)
}

func TestDiagnoseOptions(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	for _, o := range []*operate.DiagnoseOptions{
		{InstanceIDPrefix: "\xff"}, {InstanceIDPrefix: strings.Repeat("x", 513)}, {Grace: -1}, {Interval: -1}, {PayloadGrace: -1}, {MaxDequeueCount: -1}, {Kinds: []operate.FindingKind{"nonsense"}},
	} {
		n := 0
		for f, err := range operate.Diagnose(t.Context(), h.OrchestrationClient, o) {
			n++
			require.ErrorIs(t, err, durable.ErrInvalidArgument)
			require.Empty(t, f)
		}
		require.Equal(t, 1, n)
	}
	require.Zero(t, h.fault.Count(nil))
	h.ended(t, "a", wire.StatusCompleted, str(wire.ColOutput, "urn:a:b"))
	h.ended(t, "b", wire.StatusCompleted, str(wire.ColOutput, "urn:a:b"))
	h.row(t, "c", wire.StatusPending)
	h.clock.add(time.Hour)
	opts := quick()
	opts.Kinds = []operate.FindingKind{operate.KindStartNotSent}
	var last operate.DiagnoseProgress
	opts.OnProgress = func(p operate.DiagnoseProgress) { last = p }
	require.Equal(t, []string{"start-not-sent c"}, brief(diagnose(t, h, opts)))
	require.Equal(t, operate.DiagnoseProgress{Instances: 3, Events: 10, Findings: 1}, last)
	for _, err := range operate.Diagnose(t.Context(), h.OrchestrationClient, quick()) {
		require.NoError(t, err)
		break // ends the work, without a word
	}
	for i := range 3 {
		h.payload(t, string(rune('a'+i))+"-nobody/message-1-EventRaised.json.gz")
	}
	opts = quick()
	opts.PayloadGrace = time.Minute
	opts.Kinds = []operate.FindingKind{operate.KindPayloadsWithoutInstance, operate.KindUnreadableForDotNet}
	h.clock.add(time.Hour)
	for n := range 5 {
		for _, err := range operate.Diagnose(t.Context(), h.OrchestrationClient, opts) {
			require.NoError(t, err)
			if n--; n < 0 {
				break
			}
		}
	}
}

func TestDiagnoseErrors(t *testing.T) {
	t.Parallel()
	h := openHub(t, "Nowhere", nil)
	for _, err := range operate.Diagnose(t.Context(), h.OrchestrationClient, quick()) {
		require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
	}
	h = newHub(t)
	h.row(t, "c", wire.StatusPending)
	h.clock.add(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	h.fault.SetHook(onCall("List", cancel)) // then there is an hour to wait
	for _, err := range operate.Diagnose(ctx, h.OrchestrationClient, &operate.DiagnoseOptions{Interval: time.Hour}) {
		require.ErrorIs(t, err, context.Canceled)
	}
}
