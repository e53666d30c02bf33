package operate_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

type call = faultstore.Call

func messages(t *testing.T, h *hub, opts *operate.ListMessagesOptions) []operate.HubMessage {
	t.Helper()
	list := []operate.HubMessage{}
	for m, err := range operate.ListMessages(t.Context(), h.OrchestrationClient, opts) {
		require.NoError(t, err)
		list = append(list, m)
	}
	return list
}

// raw puts a text into a queue and returns the message's ID.
func (h *hub) raw(tb testing.TB, queue, text string) string {
	tb.Helper()
	require.NoError(tb, h.storage.Queues.Put(tb.Context(), queue, text, 0))
	all, err := h.storage.Queues.Peek(tb.Context(), queue, 32)
	require.NoError(tb, err)
	return all[len(all)-1].ID
}

// texts are the texts of all messages that can be seen in a queue.
func (h *hub) texts(tb testing.TB, queue string) []string {
	tb.Helper()
	all, err := h.storage.Queues.Peek(tb.Context(), queue, 32)
	require.NoError(tb, err)
	list := []string{}
	for _, m := range all {
		list = append(list, m.Text)
	}
	return list
}

func TestPoison(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	base := string(event0("x").JSON())
	tests := []struct {
		name, text string
		taken      int
		poison     string
	}{
		{"good", base, 0, ""},
		{"good in Base64", base64.StdEncoding.EncodeToString([]byte(base)), 20, ""},
		{"neither", "not a message", 0, "neither JSON nor Base64"},
		{"no JSON", "{", 0, "no JSON"},
		{"no type", `{"TaskMessage":{"Event":{},"OrchestrationInstance":{"InstanceId":"x"}}}`, 0, "no $type"},
		{"no sender", strings.Replace(base, `"Sender":{"InstanceId":"","ExecutionId":""}`, `"Sender":null`, 1), 0, "no Sender"},
		{"local time", strings.Replace(base, `12:00:00Z"`, `12:00:00+02:00"`, 1), 0, "not in UTC"},
		{"blank ID", strings.Replace(base, `"InstanceId":"x"`, `"InstanceId":" "`, 1), 0, "white space"},
		{"taken again and again", base, 21, "21 times"},
		{"payload gone", string((&wire.Message{BlobName: "x/message-1-EventRaised.json.gz"}).JSON()), 1, "payload is gone"},
		{"payload there", string((&wire.Message{BlobName: "y/message-1-EventRaised.json.gz"}).JSON()), 1, ""},
		{"payload not looked for yet", string((&wire.Message{BlobName: "x/message-1-EventRaised.json.gz"}).JSON()), 0, ""},
		{"another serializer", `{"__type":"TimerFiredEvent:#DurableTask.Core.History"}`, 0, ""},
	}
	h.payload(t, "y/message-1-EventRaised.json.gz")
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			queue := h.ControlQueue(i % partitions)
			h.raw(t, queue, tt.text)
			for range tt.taken {
				taken, err := h.storage.Queues.Dequeue(t.Context(), queue, 1, time.Minute)
				require.NoError(t, err)
				require.NoError(t, h.storage.Queues.Release(t.Context(), queue, taken[0], 0))
			}
			list := messages(t, h, nil)
			require.Len(t, list, 1)
			if tt.poison == "" {
				require.Empty(t, list[0].Poison)
				require.Empty(t, messages(t, h, &operate.ListMessagesOptions{PoisonOnly: true}))
				require.Empty(t, brief(diagnose(t, h, nil)))
			} else {
				require.Contains(t, list[0].Poison, tt.poison)
				f := diagnose(t, h, nil)
				require.Len(t, f, 1)
				require.Equal(t, []string{queue, list[0].ID}, []string{f[0].Queue, f[0].MessageID})
			}
			h.drain(t)
		})
	}
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	queue := h.ControlQueue(1)
	for i := range 40 {
		h.put(t, queue, event0(fmt.Sprintf("before%d", i)), 0)
	}
	good := h.texts(t, queue)
	h.clock.add(time.Second)
	require.NoError(t, h.storage.Queues.Put(t.Context(), queue, "not a message", 0))
	taken, err := h.storage.Queues.Dequeue(t.Context(), queue, 32, time.Minute)
	require.NoError(t, err)
	rest, err := h.storage.Queues.Peek(t.Context(), queue, 32)
	require.NoError(t, err)
	id := rest[len(rest)-1].ID
	require.Equal(t, "not a message", rest[len(rest)-1].Text)
	for _, m := range taken {
		require.NoError(t, h.storage.Queues.Release(t.Context(), queue, m, 0))
	}
	c := h.OrchestrationClient

	_, err = operate.QuarantineMessage(t.Context(), c, "other-queue", id, nil)
	require.ErrorIs(t, err, durable.ErrInvalidArgument)
	_, err = operate.QuarantineMessage(t.Context(), c, queue, "nobody", nil)
	require.ErrorIs(t, err, durable.ErrConflict)
	m, err := operate.QuarantineMessage(t.Context(), c, queue, id, &operate.QuarantineOptions{Reason: "why"})
	require.NoError(t, err)
	require.Equal(t, "why", m.Reason)
	require.NotEmpty(t, m.Poison)
	count, err := h.storage.Queues.Count(t.Context(), queue)
	require.NoError(t, err)
	require.EqualValues(t, 40, count)
	require.Len(t, good, 32)
	require.ElementsMatch(t, good, h.texts(t, queue), "all others are back at once")

	list := messages(t, h, &operate.ListMessagesOptions{Quarantined: true})
	require.Equal(t, []operate.HubMessage{*m}, list)
	again, err := operate.QuarantineMessage(t.Context(), c, queue, id, nil)
	require.NoError(t, err)
	require.Equal(t, m, again)

	_, err = operate.RestoreMessage(t.Context(), c, queue, id, &operate.RestoreOptions{DryRun: true})
	require.NoError(t, err)
	require.Len(t, messages(t, h, &operate.ListMessagesOptions{Quarantined: true}), 1)
	_, err = operate.RestoreMessage(t.Context(), c, queue, id, nil)
	require.NoError(t, err)
	require.Empty(t, messages(t, h, &operate.ListMessagesOptions{Quarantined: true}))
	_, err = operate.RestoreMessage(t.Context(), c, queue, id, nil)
	require.ErrorIs(t, err, durable.ErrInvalidState)
	count, err = h.storage.Queues.Count(t.Context(), queue)
	require.NoError(t, err)
	require.EqualValues(t, 41, count)

	// A hub is deleted with what it has in quarantine.
	require.NoError(t, h.DeleteTaskHub(t.Context(), &durable.DeleteTaskHubOptions{Force: true}))
	containers, err := h.storage.Blobs.ListContainers(t.Context(), "hub-")
	require.NoError(t, err)
	require.Empty(t, containers)
}

// However the process dies, the message is in its queue or in quarantine, and a repeat finishes the work.
func TestQuarantineInterrupted(t *testing.T) {
	t.Parallel()
	errDied := errors.New("died")
	for _, phase := range []faultstore.Phase{faultstore.Before, faultstore.After} {
		for n := 1; ; n++ {
			h := newHub(t)
			queue := h.ControlQueue(0)
			id := h.raw(t, queue, "not a message")
			h.put(t, queue, event0("good"), 0)
			calls, dead := 0, false
			h.fault.SetHook(func(_ context.Context, c call) error {
				if c.Phase == phase {
					calls++
				}
				if dead || calls == n && c.Phase == phase {
					dead = true
					return errDied
				}
				return nil
			})
			_, err := operate.QuarantineMessage(t.Context(), h.OrchestrationClient, queue, id, nil)
			if !dead {
				require.NoError(t, err)
				break
			}
			h.fault.SetHook(nil)
			h.clock.add(2 * time.Minute)
			kept := len(messages(t, h, &operate.ListMessagesOptions{Quarantined: true}))
			there := len(messages(t, h, &operate.ListMessagesOptions{PoisonOnly: true}))
			require.Positive(t, kept+there, "phase %d, call %d", phase, n)
			_, err = operate.QuarantineMessage(t.Context(), h.OrchestrationClient, queue, id, nil)
			require.NoError(t, err, "phase %d, call %d", phase, n)
			require.Len(t, messages(t, h, &operate.ListMessagesOptions{Quarantined: true}), 1)
			require.Len(t, messages(t, h, nil), 1)
			_, err = operate.RestoreMessage(t.Context(), h.OrchestrationClient, queue, id, nil)
			require.NoError(t, err)
			require.Len(t, messages(t, h, nil), 2)
		}
	}
}

func TestRestoreInterrupted(t *testing.T) {
	t.Parallel()
	errDied := errors.New("died")
	for _, phase := range []faultstore.Phase{faultstore.Before, faultstore.After} {
		for n := 1; ; n++ {
			h := newHub(t)
			queue := h.ControlQueue(0)
			id := h.raw(t, queue, "not a message")
			_, err := operate.QuarantineMessage(t.Context(), h.OrchestrationClient, queue, id, nil)
			require.NoError(t, err)
			calls, dead := 0, false
			h.fault.SetHook(func(_ context.Context, c call) error {
				if c.Phase == phase {
					calls++
				}
				if dead || calls == n && c.Phase == phase {
					dead = true
					return errDied
				}
				return nil
			})
			_, err = operate.RestoreMessage(t.Context(), h.OrchestrationClient, queue, id, nil)
			if !dead {
				require.NoError(t, err)
				break
			}
			h.fault.SetHook(nil)
			_, err = operate.RestoreMessage(t.Context(), h.OrchestrationClient, queue, id, nil)
			if errors.Is(err, durable.ErrUncertain) {
				require.Empty(t, h.texts(t, queue))
				_, err = operate.RestoreMessage(t.Context(), h.OrchestrationClient, queue, id, &operate.RestoreOptions{Force: true})
			}
			if errors.Is(err, durable.ErrInvalidState) { // only the answer was lost
				err = nil
			}
			require.NoError(t, err)
			require.Equal(t, []string{"not a message"}, h.texts(t, queue), "phase %d, call %d", phase, n)
			require.Empty(t, messages(t, h, &operate.ListMessagesOptions{Quarantined: true}))
		}
	}
}

// Of two that put a message back at the same moment one does, whichever step of the other comes in between.
func TestRestoreRaced(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		h := newHub(t)
		queue := h.ControlQueue(0)
		id := h.raw(t, queue, "not a message")
		_, err := operate.QuarantineMessage(t.Context(), h.OrchestrationClient, queue, id, nil)
		require.NoError(t, err)
		calls, other := 0, error(nil)
		h.fault.SetHook(func(_ context.Context, c call) error {
			if c.Phase == faultstore.Before {
				calls++
			}
			if calls == n && c.Phase == faultstore.Before {
				calls++
				_, other = operate.RestoreMessage(t.Context(), h.OrchestrationClient, queue, id, nil)
			}
			return nil
		})
		_, err = operate.RestoreMessage(t.Context(), h.OrchestrationClient, queue, id, nil)
		h.fault.SetHook(nil)
		if calls < n {
			require.NoError(t, err)
			return
		}
		require.Equal(t, []string{"not a message"}, h.texts(t, queue), "call %d: %v, %v", n, err, other)
		for _, e := range []error{err, other} {
			if e != nil && !errors.Is(e, durable.ErrInvalidState) {
				require.ErrorIs(t, e, durable.ErrUncertain, "call %d", n)
			}
		}
	}
}

// To take poison out again and again must not make what lies beside it look like poison.
func TestQuarantineSparesOthers(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	queue := h.ControlQueue(0)
	h.put(t, queue, event0("first"), 0)
	var ids []string
	for range 25 {
		ids = append(ids, h.raw(t, queue, "not a message"))
	}
	h.put(t, queue, event0("last"), 0)
	for _, id := range ids {
		h.clock.add(time.Second)
		_, err := operate.QuarantineMessage(t.Context(), h.OrchestrationClient, queue, id, nil)
		require.NoError(t, err)
	}
	left := messages(t, h, nil)
	require.Len(t, left, 2)
	for _, m := range left {
		require.LessOrEqual(t, m.DequeueCount, int64(2), m.InstanceID)
	}
	require.Empty(t, messages(t, h, &operate.ListMessagesOptions{PoisonOnly: true}))
}

// A worker that takes the message at the same moment wins.
func TestQuarantineRaced(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	queue := h.ControlQueue(0)
	id := h.raw(t, queue, "not a message")
	h.fault.SetHook(onCall("Remove", func() {
		h.clock.add(2 * time.Minute) // we were slow
		taken, err := h.storage.Queues.Dequeue(t.Context(), queue, 1, time.Minute)
		require.NoError(t, err)
		require.Len(t, taken, 1)
	}))
	_, err := operate.QuarantineMessage(t.Context(), h.OrchestrationClient, queue, id, nil)
	require.ErrorIs(t, err, durable.ErrConflict)
	_, err = operate.RestoreMessage(t.Context(), h.OrchestrationClient, queue, id, nil)
	require.ErrorIs(t, err, durable.ErrUncertain, "it is in the worker's hands, not lost")
	h.clock.add(2 * time.Minute)
	_, err = operate.RestoreMessage(t.Context(), h.OrchestrationClient, queue, id, nil)
	require.NoError(t, err, "it can be seen in its queue: only the copy goes")
	require.Equal(t, []string{"not a message"}, h.texts(t, queue))
}

func TestListMessagesErrors(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	for _, err := range operate.ListMessages(t.Context(), h.OrchestrationClient, &operate.ListMessagesOptions{MaxDequeueCount: -1}) {
		require.ErrorIs(t, err, durable.ErrInvalidArgument)
	}
	require.NoError(t, h.storage.Queues.DeleteQueue(t.Context(), h.WorkItems()))
	for p := range partitions {
		require.NoError(t, h.storage.Queues.DeleteQueue(t.Context(), h.ControlQueue(p)))
	}
	for _, err := range operate.ListMessages(t.Context(), h.OrchestrationClient, nil) {
		require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
	}
	h.fault.SetHook(faultstore.FailNth(1, faultstore.Before, storage.ErrDenied, nil))
	for _, err := range operate.ListMessages(t.Context(), h.OrchestrationClient, nil) {
		require.ErrorIs(t, err, durable.ErrAccessDenied)
	}
}
