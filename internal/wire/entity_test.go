package wire_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

const aCounter = "@counter@myCounter"

func TestEntityMessages(t *testing.T) {
	t.Parallel()
	now := signal(t, "signal")
	later := signal(t, "signal-scheduled")
	later.Due = time.Date(2024, 1, 2, 5, 0, 0, 99, time.FixedZone("", 3600))
	tests := map[string]*wire.Message{
		"signal":           now.Message(at),
		"signal-scheduled": later.Message(at),
		"release":          wire.ReleaseMessage(aCounter, "deadOwnerInstanceId", at),
	}
	for name, m := range tests {
		want, err := wire.DecodeMessage(sample(t, name))
		require.NoError(t, err)
		m.ActivityID, m.SequenceNumber = anActivityID, want.SequenceNumber
		require.Equal(t, string(sample(t, name)), string(m.JSON()), name)
	}
}

// signal reads the signal in a sample, without its due time.
func signal(t *testing.T, name string) *wire.Signal {
	t.Helper()
	m, err := wire.DecodeMessage(sample(t, name))
	require.NoError(t, err)
	r := requestIn(t, m)
	return &wire.Signal{InstanceID: m.InstanceID, Operation: r.Op, Input: r.Input, ID: r.ID}
}

type request struct {
	Op, ID string
	Signal bool
	Input  *string
	Due    *time.Time
}

func requestIn(t testing.TB, m *wire.Message) (r request) {
	t.Helper()
	var e struct{ Name, Input string }
	require.NoError(t, json.Unmarshal(m.Event, &e))
	require.NoError(t, json.Unmarshal([]byte(e.Input), &r))
	return r
}

// TestSignalsOfDotNet: every byte as the .NET client wrote it.
func TestSignalsOfDotNet(t *testing.T) {
	t.Parallel()
	found := 0
	for _, s := range golden.Load(t, "v2/client-only").Steps {
		if s.Client != "signal" && s.Client != "signal-at" {
			continue
		}
		for _, sent := range s.QueueMessages(t) {
			m, err := wire.DecodeMessage([]byte(sent.Text))
			require.NoError(t, err)
			r := requestIn(t, m)
			again := &wire.Signal{InstanceID: m.InstanceID, Operation: r.Op, Input: r.Input, ID: r.ID}
			if r.Due != nil {
				again.Due = *r.Due
			}
			var e struct{ Timestamp time.Time }
			require.NoError(t, json.Unmarshal(m.Event, &e))
			mine := again.Message(e.Timestamp)
			mine.ActivityID, mine.SequenceNumber = m.ActivityID, m.SequenceNumber
			require.Equal(t, sent.Text, string(mine.JSON()))
			found++
		}
	}
	require.Equal(t, 2, found)
}

// TestDeliverAt: what is due in more than six days comes after three, and still names its true time.
func TestDeliverAt(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	tests := map[string]struct{ due, deliver time.Duration }{
		"past":         {-time.Hour, -time.Hour},
		"soon":         {time.Second, time.Second},
		"six days":     {6 * day, 6 * day},
		"a tick more":  {6*day + wire.Tick, 3 * day},
		"a year":       {365 * day, 3 * day},
		"in 250 years": {250 * 365 * day, 3 * day},
	}
	now := wire.Cut(at)
	for name, test := range tests {
		s := wire.Signal{InstanceID: aCounter, Due: now.Add(test.due)}
		require.Equal(t, now.Add(test.deliver), s.DeliverAt(now), name)
		m := s.Message(now)
		require.Contains(t, string(m.Event), `"Name":"op@`+now.Add(test.deliver).Format(storage.TimeLayout)+`"`, name)
		require.True(t, requestIn(t, m).Due.Equal(s.Due), name)
	}
	end := wire.Signal{Due: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)}
	require.Equal(t, now.Add(3*day), end.DeliverAt(now))
	require.Contains(t, string(end.Message(now).Event), "9999-12-31T23:59:59Z")
	require.True(t, (&wire.Signal{}).DeliverAt(now).IsZero())
}

func TestDecodeSchedulerState(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want wire.SchedulerState
	}{
		"extension": {
			`{"exists":true,"state":"34","sorter":{"ReceiveHorizon":"2026-11-22T05:37:13Z"}}`,
			wire.SchedulerState{Exists: true, State: ptr("34")},
		},
		"deleted":            {`{"sorter":{}}`, wire.SchedulerState{}},
		"exists, no state":   {`{"exists":true}`, wire.SchedulerState{Exists: true}},
		"state, not exists":  {`{"exists":false,"state":"1"}`, wire.SchedulerState{State: ptr("1")}},
		"core":               {`{"state":"{\"a\":1}"}`, wire.SchedulerState{Exists: true, State: ptr(`{"a":1}`)}},
		"core, deleted":      {`{"state":null}`, wire.SchedulerState{}},
		"locked":             {`{"queue":[{"op":"a"},{"op":"b"}],"lockedBy":"x"}`, wire.SchedulerState{Queued: 2, LockedBy: "x"}},
		"nulls":              {`{"exists":null,"queue":null,"lockedBy":null}`, wire.SchedulerState{}},
		"other things in it": {`{"$type":"x","suspended":true,"new":{}}`, wire.SchedulerState{}},
	}
	for name, test := range tests {
		got, err := wire.DecodeSchedulerState([]byte(test.text))
		require.NoError(t, err, name)
		require.Equal(t, &test.want, got, name)
	}
	for _, text := range []string{
		"", "secret", `"secret"`, `["secret"]`, `{"state":{"secret":1}}`, `{"queue":{}}`, `{"exists":"secret"}`, `{"state":"secret`,
	} {
		_, err := wire.DecodeSchedulerState([]byte(text))
		require.Error(t, err, text)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestDecodeEntityStatus(t *testing.T) {
	t.Parallel()
	tests := map[string]wire.EntityStatus{
		`{}`:                                   {},
		`{"entityExists":true}`:                {Exists: true},
		`{"queueSize":1,"lockedBy":"locker"}`:  {Queued: 1, LockedBy: "locker"},
		`{"entityExists":false,"other":[1,2]}`: {},
	}
	for text, want := range tests {
		got, ok := wire.DecodeEntityStatus([]byte(text))
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "null", "1", `"entityExists"`, "[]", `{"entityExists":1}`, `{"queueSize":1e99}`, "{"} {
		_, ok := wire.DecodeEntityStatus([]byte(text))
		require.False(t, ok, text)
	}
}

// TestRecordedEntities reads the rows of all entities that were recorded: state and custom status agree.
func TestRecordedEntities(t *testing.T) {
	t.Parallel()
	found := 0
	for _, name := range []string{"v2/entities", "v2/queries", "v2/broken-hub"} {
		rec := golden.Load(t, name)
		for label, dump := range rec.Dumps {
			for _, row := range dump.Tables[rec.Hub+"Instances"] {
				if row.PartitionKey[0] != '@' {
					continue
				}
				what := fmt.Sprintf("%s %s %s", name, label, row.PartitionKey)
				status, ok := wire.DecodeEntityStatus([]byte(row.Text(wire.ColCustomStatus)))
				require.True(t, ok, what)
				state, err := wire.DecodeSchedulerState([]byte(row.Text(wire.ColInput)))
				require.NoError(t, err, what)
				require.Equal(t, status, wire.EntityStatus{
					Exists: state.Exists, Queued: state.Queued, LockedBy: state.LockedBy,
				}, what)
				found++
			}
		}
	}
	require.Equal(t, 12, found)
}

// FuzzEntity: no input panics, and what is read twice is read the same.
func FuzzEntity(f *testing.F) {
	f.Add([]byte(`{"exists":true,"state":"34","queue":[{}],"lockedBy":"x"}`))
	f.Add([]byte(`{"entityExists":true,"queueSize":2,"lockedBy":"x"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		state, err := wire.DecodeSchedulerState(text)
		if err == nil && state.State != nil {
			require.True(t, utf8.ValidString(*state.State))
		}
		if status, ok := wire.DecodeEntityStatus(text); ok {
			require.True(t, json.Valid(text))
			require.True(t, utf8.ValidString(status.LockedBy))
		}
	})
}

// FuzzSignal: whatever is signalled, a reader gets it.
func FuzzSignal(f *testing.F) {
	f.Add("add", "5", int64(0))
	f.Add("", `"<&>\u2028"`, int64(3600))
	f.Fuzz(func(t *testing.T, op, input string, seconds int64) {
		if !utf8.ValidString(op) || !utf8.ValidString(input) {
			t.Skip()
		}
		s := wire.Signal{InstanceID: aCounter, Operation: op, Input: &input, ID: anActivityID}
		if seconds %= 1e9; seconds != 0 {
			s.Due = at.Add(time.Duration(seconds) * time.Second)
		}
		m := s.Message(at)
		m.ActivityID = anActivityID
		again, err := wire.DecodeMessage(m.JSON())
		require.NoError(t, err)
		require.Equal(t, wire.EventRaised, again.EventType)
		require.Equal(t, aCounter, again.InstanceID)
		require.Empty(t, again.ExecutionID)
		r := requestIn(t, again)
		require.Equal(t, op, r.Op)
		require.Equal(t, input, *r.Input)
		require.True(t, r.Signal)
		require.Equal(t, seconds != 0, r.Due != nil)
		require.LessOrEqual(t, s.DeliverAt(at).Sub(at), 6*24*time.Hour)
	})
}
