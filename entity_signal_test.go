package durable_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

var aCounter = durable.EntityID{Name: "Counter", Key: "Main Key"}

func pointer(s string) *string { return &s }

// signalled is what a signal says.
type signalled struct {
	Name   string `json:"-"`
	Op, ID string
	Signal bool
	Input  *string
	Due    *time.Time
}

func signalIn(t *testing.T, m *wire.Message) signalled {
	t.Helper()
	require.Equal(t, wire.EventRaised, m.EventType)
	require.Empty(t, m.ExecutionID)
	var e struct{ Name, Input string }
	require.NoError(t, json.Unmarshal(m.Event, &e))
	s := signalled{Name: e.Name}
	require.NoError(t, json.Unmarshal([]byte(e.Input), &s))
	return s
}

// TestSignalEntity: one request, whatever the input, and one more for a large one.
func TestSignalEntity(t *testing.T) {
	t.Parallel()
	large := json.RawMessage(`"` + strings.Repeat("語", 30_000) + `"`)
	tests := map[string]struct {
		input    any
		want     *string
		requests int
	}{
		"none":   {nil, nil, 1},
		"nil":    {json.RawMessage(nil), nil, 1},
		"null":   {json.RawMessage("null"), pointer("null"), 1},
		"number": {5, pointer("5"), 1},
		"text":   {"<a&b>", pointer(`"<a&b>"`), 1},
		"raw":    {json.RawMessage(`{ "a": 1.0 }`), pointer(`{ "a": 1.0 }`), 1},
		"large":  {large, pointer(string(large)), 2},
	}
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.putBlob(t, "other", "makes the container")
		for name, test := range tests {
			f.traffic.reset()
			require.NoError(t, f.SignalEntity(t.Context(), aCounter, "Add", test.input, nil), name)
			require.Equal(t, test.requests, f.traffic.count(), name)
			puts := f.traffic.puts()
			require.Len(t, puts, 1)
			require.Equal(t, f.names.ControlQueue(wire.Partition("@counter@Main Key", partitions)), puts[0].queue)
			require.Zero(t, puts[0].delay)
			messages := f.received(t)
			require.Len(t, messages, 1)
			require.Equal(t, "@counter@Main Key", messages[0].InstanceID)
			s := signalIn(t, messages[0])
			require.Equal(t, "op", s.Name)
			require.Equal(t, "Add", s.Op)
			require.True(t, s.Signal)
			require.Nil(t, s.Due)
			require.Equal(t, test.want, s.Input, name)
			require.Regexp(t, "^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$", s.ID)
			require.Nil(t, f.row(t, "@counter@Main Key"), "only a worker makes an entity")
		}
		require.NoError(t, f.SignalEntity(t.Context(), durable.EntityID{Name: "ÄRGER"}, "", nil, nil))
		m := f.received(t)[0]
		require.Equal(t, "@ärger@", m.InstanceID)
		require.Empty(t, signalIn(t, m).Op)
	})
}

// TestSignalEntityLater: hidden until then, or for three days where that is more than six days ahead; due is the truth.
func TestSignalEntityLater(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	now := noon.Truncate(wire.Tick)
	f := inMemory(t, taskhub.Options{Now: atNoon})
	for in, hidden := range map[time.Duration]time.Duration{
		-time.Hour: -time.Hour, time.Millisecond: time.Millisecond, 6 * day: 6 * day, 6*day + time.Second: 3 * day, 900 * day: 3 * day,
	} {
		f.traffic.reset()
		due := now.Add(in)
		opts := &durable.SignalEntityOptions{ScheduledTime: due.In(time.FixedZone("", 7200))}
		require.NoError(t, f.SignalEntity(t.Context(), aCounter, "Add", nil, opts))
		puts := f.traffic.puts()
		require.Len(t, puts, 1)
		require.InDelta(t, max(hidden, 0), puts[0].delay, float64(wire.Tick), in)
		s := signalIn(t, f.unpack(t, puts[0].text))
		require.Equal(t, "op@"+now.Add(hidden).Format(storage.TimeLayout), s.Name)
		require.True(t, due.Equal(*s.Due), in)
	}
}

// TestSignalsRecorded: the same bytes in the same queue, but for what differs in every run.
func TestSignalsRecorded(t *testing.T) {
	t.Parallel()
	rec := golden.Load(t, "v2/client-only")
	f := openMemory(t, rec.Hub, taskhub.Options{}, nil)
	require.NoError(t, f.CreateTaskHub(t.Context(), nil))
	compared := 0
	for i := range rec.Steps {
		step := &rec.Steps[i]
		if !strings.HasPrefix(step.Client, "signal") {
			continue
		}
		f.traffic.reset()
		opts := &durable.SignalEntityOptions{}
		if step.Client == "signal-at" {
			after, err := time.ParseDuration(step.Args[4] + "s")
			require.NoError(t, err)
			opts.ScheduledTime = time.Now().Add(after)
		}
		id := durable.EntityID{Name: step.Args[0], Key: step.Args[1]}
		require.NoError(t, f.SignalEntity(t.Context(), id, step.Args[2], json.RawMessage(step.Args[3]), opts))
		puts := f.traffic.puts()
		require.Len(t, puts, 1)
		for _, sent := range step.QueueMessages(t) {
			require.Equal(t, sent.Queue, puts[0].queue)
			require.InDelta(t, sent.Delay, puts[0].delay, float64(2*time.Second))
			data, err := wire.DecodeText(puts[0].text)
			require.NoError(t, err)
			require.Equal(t, golden.NormalizeText(sent.Text), golden.NormalizeText(string(data)))
			compared++
		}
	}
	require.Equal(t, 2, compared)
}

var badEntityIDs = []durable.EntityID{
	{},
	{Name: " "},
	{Key: "k"},
	{Name: "a@b"},
	{Name: "@a"},
	{Name: "a/b", Key: "k"},
	{Name: "a", Key: "it's a Key/With?Odd#Chars"},
	{Name: "a", Key: "b\tc"},
	{Name: "a", Key: `\`},
	{Name: "a", Key: strings.Repeat("k", 254)},
	{Name: "a\xff"},
	{Name: "a", Key: "\xff"},
}

// TestSignalEntityRefused: nothing is sent.
func TestSignalEntityRefused(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		for _, id := range badEntityIDs {
			require.ErrorIs(t, f.SignalEntity(t.Context(), id, "op", nil, nil), durable.ErrInvalidArgument, id)
		}
		for _, op := range []string{" ", "\xff", strings.Repeat("x", 31_000)} {
			require.ErrorIs(t, f.SignalEntity(t.Context(), aCounter, op, nil, nil), durable.ErrInvalidArgument)
		}
		for _, input := range []any{func() {}, json.RawMessage("{"), json.RawMessage("\"\xff\"")} {
			require.ErrorIs(t, f.SignalEntity(t.Context(), aCounter, "op", input, nil), durable.ErrInvalidArgument)
		}
		for _, when := range []time.Time{time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)} {
			opts := &durable.SignalEntityOptions{ScheduledTime: when}
			require.ErrorIs(t, f.SignalEntity(t.Context(), aCounter, "op", nil, opts), durable.ErrInvalidArgument)
		}
		require.Zero(t, f.traffic.count())
	})
}

// TestSignalEntityHubMissing: no row is read, and yet a hub that is not there is noticed, and not made.
func TestSignalEntityHubMissing(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		clients := []*durable.OrchestrationClient{
			f.OrchestrationClient, f.again(durable.ClientOptions{}), f.again(durable.ClientOptions{PartitionCount: partitions}),
		}
		require.NoError(t, f.DeleteTaskHub(t.Context(), nil))
		for _, c := range clients {
			for _, input := range []any{nil, strings.Repeat("x", 50_000)} {
				require.ErrorIs(t, c.SignalEntity(t.Context(), aCounter, "op", input, nil), durable.ErrTaskHubNotFound)
			}
		}
		_, err := f.TaskHubInfo(t.Context(), nil)
		require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
	})
}

// TestSignalEntityFails: a signal that certainly was not sent leaves no payload; one that may have been keeps it.
func TestSignalEntityFails(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 50_000)
	for _, fault := range faults {
		for n := 1; n <= 2; n++ {
			f := inMemory(t, taskhub.Options{})
			f.putBlob(t, "other", "makes the container")
			ctx, cancel := context.WithCancel(t.Context())
			f.fault.SetHook(fault.hook(n, cancel))
			err := f.SignalEntity(ctx, aCounter, "op", large, nil)
			f.fault.SetHook(nil)
			cancel()
			require.Error(t, err)
			require.NotContains(t, err.Error(), "xxx")
			sent := len(f.traffic.puts())
			if n == 2 && fault.name == "answer lost" {
				require.ErrorIs(t, err, durable.ErrUncertain)
				require.Equal(t, 1, sent)
				require.Len(t, f.received(t), 1)
				continue
			}
			if !fault.forGood && n == 1 {
				require.Equal(t, []string{"other"}, f.blobs(t), fault.name)
			}
		}
	}
}
