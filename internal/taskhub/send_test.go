package taskhub_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

var noon = time.Date(2024, 1, 2, 12, 0, 0, 0, time.UTC)

// created is setup with a hub.
func created(t *testing.T, partitions int, opts taskhub.Options) *bundle {
	t.Helper()
	b := setup(t, "MyHub", opts)
	require.NoError(t, b.Create(t.Context(), partitions))
	b.fault.Reset()
	return b
}

func event(id, input string) *wire.Message { return wire.EventRaisedMessage(id, "Go", &input, noon) }

func (b *bundle) prepare(t *testing.T, m *wire.Message) *taskhub.Outgoing {
	t.Helper()
	out, err := b.Prepare(t.Context(), m)
	require.NoError(t, err)
	return out
}

// messages returns what lies in a queue.
func (b *bundle) messages(t *testing.T, queue string) []*wire.Message {
	t.Helper()
	peeked, err := b.store.Account().Queues.Peek(t.Context(), queue, 32)
	require.NoError(t, err)
	var found []*wire.Message
	for _, p := range peeked {
		text, err := wire.DecodeText(p.Text)
		require.NoError(t, err)
		m, err := wire.DecodeMessage(text)
		require.NoError(t, err)
		found = append(found, m)
	}
	return found
}

func TestSendChoosesTheQueue(t *testing.T) {
	t.Parallel()
	b := created(t, 4, taskhub.Options{})
	for id, queue := range map[string]string{
		"MyInstance": "myhub-control-00", "a/b": "myhub-control-01", "émojis-🌍": "myhub-control-02",
		"abc": "myhub-control-03",
	} {
		require.NoError(t, b.Send(t.Context(), b.prepare(t, event(id, "1")), 0))
		found := b.messages(t, queue)
		require.Len(t, found, 1)
		require.Equal(t, id, found[0].InstanceID)
	}
}

func TestSendLater(t *testing.T) {
	t.Parallel()
	b := created(t, 1, taskhub.Options{})
	require.NoError(t, b.Send(t.Context(), b.prepare(t, event("x", "1")), time.Hour))
	require.Empty(t, b.messages(t, "myhub-control-00"))
	n, err := b.store.Account().Queues.Count(t.Context(), "myhub-control-00")
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
}

// The hub was deleted and made again with fewer partitions behind the client's back: the message must not be lost.
func TestSendAfterThePartitionCountChanged(t *testing.T) {
	t.Parallel()
	b := created(t, 8, taskhub.Options{})
	out := b.prepare(t, event("order:12345", "1")) // partition 6 of 8, 2 of 3
	n, err := b.PartitionCount(t.Context())
	require.NoError(t, err)
	require.Equal(t, 8, n)

	other := &bundle{Hub: newHub(t, b), store: b.store, fault: b.fault}
	require.NoError(t, other.Delete(t.Context(), false))
	require.NoError(t, other.Create(t.Context(), 3))
	b.fault.Reset()

	// That there are fewer queues is not enough: the highest ones may have been lost.
	err = b.Send(t.Context(), out, 0)
	require.ErrorIs(t, err, taskhub.ErrPartitionCount)
	require.ErrorContains(t, err, "had 8 control queues and now has 3")
	require.Empty(t, b.messages(t, "myhub-control-02"))

	b.writeInfo(t, info("MyHub", 3))
	b.fault.Reset()
	require.NoError(t, b.Send(t.Context(), out, 0))
	require.Len(t, b.messages(t, "myhub-control-02"), 1)
	require.Equal(t, 2, b.fault.Count(faultstore.Op("Put")))

	// The new count is kept.
	b.fault.Reset()
	require.NoError(t, b.Send(t.Context(), b.prepare(t, event("a", "1")), 0)) // 4 of 8, 1 of 3
	require.Len(t, b.messages(t, "myhub-control-01"), 1)
	require.Len(t, b.fault.Calls(), 1)
}

func newHub(t *testing.T, b *bundle) *taskhub.Hub {
	t.Helper()
	h, err := taskhub.New(b.fault.Account(), b.Hub.Hub(), taskhub.Options{})
	require.NoError(t, err)
	return h
}

// After the change the sources contradict each other: nothing is sent.
func TestSendAfterThePartitionCountBecameUncertain(t *testing.T) {
	t.Parallel()
	b := created(t, 8, taskhub.Options{})
	out := b.prepare(t, event("order:12345", "1"))
	_, err := b.PartitionCount(t.Context())
	require.NoError(t, err)
	require.NoError(t, b.store.Account().Queues.DeleteQueue(t.Context(), "myhub-control-06"))
	err = b.Send(t.Context(), out, 0)
	require.ErrorIs(t, err, taskhub.ErrPartitionCount)
	require.ErrorContains(t, err, "myhub-control-06 is missing")
	require.Equal(t, 1, b.fault.Count(faultstore.Op("Put")))
}

func TestSendAfterTheHubWasDeleted(t *testing.T) {
	t.Parallel()
	b := created(t, 4, taskhub.Options{})
	_, err := b.PartitionCount(t.Context())
	require.NoError(t, err)
	require.NoError(t, newHub(t, b).Delete(t.Context(), false))
	require.ErrorIs(t, b.Send(t.Context(), b.prepare(t, event("x", "1")), 0), taskhub.ErrHubNotFound)
}

// The Partitions table still names a queue that is gone.
func TestSendToAQueueThatIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t, "MyHub", taskhub.Options{})
	b.writePartitions(t, controlQueues(b.Hub, 4)...)
	err := b.Send(t.Context(), b.prepare(t, event("x", "1")), 0)
	require.ErrorIs(t, err, taskhub.ErrHubNotFound)
	require.ErrorIs(t, err, storage.ErrContainerNotFound)
	require.ErrorContains(t, err, "myhub-control-0")
}

// Where the caller says the count, the storage is not asked.
func TestSendWithTheWrongOption(t *testing.T) {
	t.Parallel()
	b := created(t, 4, taskhub.Options{PartitionCount: 8})
	err := b.Send(t.Context(), b.prepare(t, event("order:12345", "1")), 0)
	require.ErrorIs(t, err, taskhub.ErrHubNotFound)
	require.ErrorContains(t, err, "PartitionCount")
	require.Len(t, b.fault.Calls(), 1)
}

func TestSendIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, phase := range []faultstore.Phase{faultstore.Before, faultstore.After} {
		b := created(t, 4, taskhub.Options{})
		b.fault.SetHook(faultstore.FailFrom(1, phase, storage.ErrUncertain, faultstore.Op("Put")))
		require.ErrorIs(t, b.Send(t.Context(), b.prepare(t, event("x", "1")), 0), storage.ErrUncertain)
		require.Equal(t, 1, b.fault.Count(faultstore.Op("Put")))
	}
}

func TestSendOrDiscard(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 50<<10)
	for _, cause := range []error{nil, errors.New("refused"), storage.ErrUncertain} {
		b := created(t, 4, taskhub.Options{})
		out := b.prepare(t, event("x", large))
		require.NotEmpty(t, out.Blob)
		b.fault.SetHook(faultstore.FailNth(1, faultstore.Before, cause, faultstore.Op("Put")))
		require.ErrorIs(t, b.SendOrDiscard(t.Context(), out, 0), cause)
		_, err := b.ReadPayload(t.Context(), out.Blob)
		if cause == nil || errors.Is(cause, storage.ErrUncertain) {
			require.NoError(t, err, "the message may arrive, and then needs its payload")
		} else {
			require.ErrorIs(t, err, taskhub.ErrPayloadMissing)
		}
	}
}

// sized returns an event whose JSON, numbered, is so many bytes long.
func sized(t *testing.T, size int) *wire.Message {
	t.Helper()
	m := event("x", "")
	m.ActivityID, m.SequenceNumber = taskhub.GUID{}.D(), noon.UnixMicro()
	m = event("x", strings.Repeat("x", size-len(m.JSON())))
	m.ActivityID, m.SequenceNumber = taskhub.GUID{}.D(), noon.UnixMicro()
	require.Len(t, m.JSON(), size)
	return m
}

func TestPrepare(t *testing.T) {
	t.Parallel()
	for size, wantBlob := range map[int]bool{46080: false, 46081: true} {
		b := created(t, 1, taskhub.Options{Now: func() time.Time { return noon }})
		out := b.prepare(t, sized(t, size))
		require.Equal(t, wantBlob, out.Blob != "", size)
		require.NoError(t, b.Send(t.Context(), out, 0))
		sent := b.messages(t, "myhub-control-00")[0]
		require.Equal(t, out.Blob, sent.BlobName)
		if !wantBlob {
			continue
		}
		require.Regexp(t, "^x/message-[0-9a-f]{32}-EventRaised.json.gz$", out.Blob)
		text, err := b.ReadPayload(t.Context(), out.Blob)
		require.NoError(t, err)
		require.Len(t, text, size)
		m, err := wire.DecodeMessage(text)
		require.NoError(t, err)
		require.Contains(t, out.Blob, strings.ReplaceAll(m.ActivityID, "-", ""))
	}
}

func TestPrepareInBlob(t *testing.T) {
	t.Parallel()
	b := created(t, 1, taskhub.Options{})
	out, err := b.PrepareInBlob(t.Context(), event("x", "1"))
	require.NoError(t, err)
	require.NotEmpty(t, out.Blob)
}

// Numbers grow, whatever the clock does, so that messages keep their order within a second.
func TestPrepareNumbersMessages(t *testing.T) {
	t.Parallel()
	now := noon
	b := created(t, 1, taskhub.Options{Now: func() time.Time { return now }})
	var numbers []int64
	for _, step := range []time.Duration{0, 0, time.Microsecond, -time.Hour, 2 * time.Hour} {
		now = now.Add(step)
		m := event("x", "1")
		b.prepare(t, m)
		numbers = append(numbers, m.SequenceNumber-noon.UnixMicro())
	}
	require.Equal(t, []int64{0, 1, 2, 3, time.Hour.Microseconds() + 1}, numbers)
}

func TestPrepareAgain(t *testing.T) {
	t.Parallel()
	input := strings.Repeat("x", 100)
	start := &wire.Start{
		InstanceID: "a^b", ExecutionID: "e", Name: "N", Version: "1", Input: &input, Created: noon, Generation: 3,
		Tags: map[string]string{"a": "b"}, Scheduled: noon.Add(time.Hour),
	}
	const spilled = "a^^b/history--Input-1A2B3C4D-Input.json.gz"
	message := start.StartMessage()
	message.ActivityID = taskhub.GUID{}.D()
	whole := wire.MessageBlobName(message)
	tests := []struct {
		name string
		row  func(b *bundle) *storage.Entity
		blob string // the message lies in it
	}{
		{"input in the row", func(*bundle) *storage.Entity { return start.Row("MyHub", &input, noon) }, ""},
		{"input in a blob", func(b *bundle) *storage.Entity {
			require.NoError(t, b.WritePayload(t.Context(), spilled, []byte(input)))
			row := start.Row("MyHub", new(string), noon)
			row.Set(wire.ColInputBlobName, storage.StringValue(spilled))
			return row
		}, ""},
		{"message in a blob", func(b *bundle) *storage.Entity {
			require.NoError(t, b.WritePayload(t.Context(), whole, message.JSON()))
			url := "https://elsewhere.example/myhub-largemessages/" + strings.ReplaceAll(whole, "^", "%5E")
			return start.Row("MyHub", &url, noon)
		}, whole},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := created(t, 1, taskhub.Options{})
			row := wire.DecodeInstance(test.row(b))
			out, err := b.PrepareAgain(t.Context(), &row)
			require.NoError(t, err)
			require.NoError(t, b.Send(t.Context(), out, 0))
			sent := b.messages(t, "myhub-control-00")[0]
			require.Equal(t, test.blob, sent.BlobName)
			if test.blob == "" {
				require.Equal(t, string(start.StartMessage().Event), string(sent.Event))
			}
		})
	}
}

func TestPrepareAgainWithoutInput(t *testing.T) {
	t.Parallel()
	b := created(t, 1, taskhub.Options{})
	start := &wire.Start{InstanceID: "x", ExecutionID: "e", Name: "N", Created: noon}
	row := wire.DecodeInstance(start.Row("MyHub", nil, noon))
	out, err := b.PrepareAgain(t.Context(), &row)
	require.NoError(t, err)
	require.NoError(t, b.Send(t.Context(), out, 0))
	require.Equal(t, string(start.StartMessage().Event), string(b.messages(t, "myhub-control-00")[0].Event))
}

func TestPrepareAgainWithoutPayload(t *testing.T) {
	t.Parallel()
	b := created(t, 1, taskhub.Options{})
	url := "https://h/myhub-largemessages/x/history--Input-1A2B3C4D-Input.json.gz"
	start := &wire.Start{InstanceID: "x", ExecutionID: "e", Name: "N", Created: noon}
	row := wire.DecodeInstance(start.Row("MyHub", &url, noon))
	_, err := b.PrepareAgain(t.Context(), &row)
	require.ErrorIs(t, err, taskhub.ErrPayloadMissing)
}

func TestConcurrentSends(t *testing.T) {
	t.Parallel()
	b := created(t, 4, taskhub.Options{})
	done := make(chan error)
	for i := range 32 {
		go func() {
			out, err := b.Prepare(t.Context(), event(fmt.Sprint(i), "1"))
			if err == nil {
				err = b.Send(t.Context(), out, 0)
			}
			done <- err
		}()
	}
	for range 32 {
		require.NoError(t, <-done)
	}
	numbers := make(map[int64]bool)
	for _, q := range controlQueues(b.Hub, 4) {
		for _, m := range b.messages(t, q) {
			numbers[m.SequenceNumber] = true
		}
	}
	require.Len(t, numbers, 32, "no number occurs twice")
}
