package durabletest_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/storage"
)

// start starts an instance; each a moment after the last, since a test's clock stands still.
func start(t *testing.T, hub *durabletest.TestHub, name, id, input string) {
	t.Helper()
	_, err := hub.Client().StartNew(t.Context(), name, json.RawMessage(input), &durable.StartNewOptions{InstanceID: id})
	require.NoError(t, err)
	hub.Advance(time.Second)
}

func raise(t *testing.T, hub *durabletest.TestHub, id, name, data string) {
	t.Helper()
	require.NoError(t, hub.Client().RaiseEvent(t.Context(), id, name, json.RawMessage(data), nil))
	hub.Advance(time.Second)
}

// TestRecordings moves instances on by hand the way they went on a real engine, and compares everything that lies in
// storage then.
func TestRecordings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		recording, dump string
		// instances are those to compare, all if there are none.
		instances []string
		play      func(t *testing.T, hub *durabletest.TestHub)
	}{
		{"v2/events", "late", nil, playEvents},
		{"v2/custom-status", "completed", nil, playCustomStatus},
		{"v2/suspend-resume", "suspended", nil, playSuspend},
		{"v2/suspend-resume", "completed", nil, playResume},
		{"v2/terminate", "after", []string{"term-running"}, playTerminate},
		{"v2/starts", "after", []string{"no-such-function"}, playFailure},
		{"v2/large-payloads", "completed", []string{"large-event", "large-reason"}, playLarge},
	}
	for _, test := range tests {
		t.Run(test.recording+" "+test.dump, func(t *testing.T) {
			t.Parallel()
			rec := golden.Load(t, test.recording)
			want := rec.Dumps[test.dump]
			require.NotNil(t, want)
			if test.instances != nil {
				want = only(want, test.instances)
			}
			hub := durabletest.NewHub(t, &durabletest.Options{TaskHub: rec.Hub, PartitionCount: rec.Partitions})
			test.play(t, hub)
			got, err := golden.DumpOf(t.Context(), hub.Account(), rec.Hub)
			require.NoError(t, err)
			// Leases are a host's.
			diff := golden.Diff(want, got, golden.Options{Skip: []string{"leases", "applease"}, Hidden: test.instances == nil})
			require.Empty(t, diff)
		})
	}
}

// TestRecordedFrame compares what does not depend on the activities of an orchestration, which are not moved on by hand:
// the instances' rows, and how their histories begin.
func TestRecordedFrame(t *testing.T) {
	t.Parallel()
	tests := []struct {
		recording, dump, instance string
		input                     any
		delay                     time.Duration
	}{
		{"v2/hello-sequence", "completed", "hello-1", "x", 0},
		{"v2/starts", "after", "at-soon", "x", 3 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.instance, func(t *testing.T) {
			t.Parallel()
			rec := golden.Load(t, test.recording)
			hub := durabletest.NewHub(t, &durabletest.Options{TaskHub: rec.Hub, PartitionCount: rec.Partitions})
			opts := &durable.StartNewOptions{InstanceID: test.instance}
			if test.delay > 0 {
				opts.ScheduledStartTime = hub.Now().Add(test.delay)
			}
			_, err := hub.Client().StartNew(t.Context(), "HelloSequence", test.input, opts)
			require.NoError(t, err)
			hub.Advance(test.delay)
			hub.Run(test.instance)
			hub.Complete(test.instance, []string{"Hello Tokyo!", "Hello Seattle!", "Hello London!"})
			got, err := golden.DumpOf(t.Context(), hub.Account(), rec.Hub)
			require.NoError(t, err)
			skip := []string{"leases", "applease"}
			require.Empty(t, golden.Diff(frame(rec.Dumps[test.dump], test.instance), frame(got, test.instance),
				golden.Options{Skip: skip}))
		})
	}
}

// frame is the part of a dump that holds an instance, the first two rows of its history, and the sentinel.
func frame(d *golden.Dump, instance string) *golden.Dump {
	part := only(d, []string{instance})
	part.Tables[d.Hub+"History"] = slices.DeleteFunc(part.Tables[d.Hub+"History"], func(e storage.Entity) bool {
		return e.RowKey > "0000000000000001" && e.RowKey != "sentinel"
	})
	return part
}

// only returns the part of a dump that is about some instances.
func only(d *golden.Dump, instances []string) *golden.Dump {
	part := &golden.Dump{Hub: d.Hub, Tables: map[string][]storage.Entity{}, Queues: d.Queues, Blobs: map[string][]golden.Blob{}}
	for name, rows := range d.Tables {
		part.Tables[name] = slices.DeleteFunc(slices.Clone(rows), func(e storage.Entity) bool {
			return !slices.Contains(instances, e.PartitionKey)
		})
	}
	for name, blobs := range d.Blobs {
		left := slices.DeleteFunc(slices.Clone(blobs), func(b golden.Blob) bool {
			folder, _, _ := strings.Cut(b.Name, "/")
			return !slices.Contains(instances, folder)
		})
		if len(left) > 0 {
			part.Blobs[name] = left
		}
	}
	return part
}

func playEvents(t *testing.T, hub *durabletest.TestHub) {
	start(t, hub, "WaitForApproval", "ev-1", `null`)
	hub.Run("ev-1")
	raise(t, hub, "ev-1", "Approval", `{"by":"ana","ok":true}`)
	hub.Complete("ev-1", json.RawMessage(`{"by":"ana","ok":true}`))

	start(t, hub, "WaitForApproval", "ev-case", `null`)
	hub.Run("ev-case")
	raise(t, hub, "ev-case", "APPROVAL", `"case"`)
	hub.Complete("ev-case", "case")

	start(t, hub, "WaitForApproval", "ev-buffered", `null`)
	hub.Run("ev-buffered")
	raise(t, hub, "ev-buffered", "Other", `1`)
	raise(t, hub, "ev-buffered", "Other", `null`)
	require.Equal(t, 2, hub.Process("ev-buffered"))

	start(t, hub, "Counter1", "counter", `10`)
	hub.Run("counter")
	for _, operation := range []string{"incr", "incr", "decr"} {
		raise(t, hub, "counter", "operation", `"`+operation+`"`)
		require.Equal(t, `"`+operation+`"`, string(hub.ReceiveEvent("counter", "Operation")))
	}
	raise(t, hub, "counter", "operation", `"end"`)
	hub.Complete("counter", 11)
}

func playCustomStatus(t *testing.T, hub *durabletest.TestHub) {
	start(t, hub, "CustomStatus", "custom-1", `null`)
	raise(t, hub, "custom-1", "done", `null`) // not lost, since it lies behind the start
	hub.Step("custom-1", func(e *durabletest.Episode) {
		require.Equal(t, []durabletest.Event{{Name: "done", Data: json.RawMessage(`null`)}}, e.Events())
		e.SetCustomStatus(json.RawMessage(`{"nextActions":["A","B","C"],"foo":2}`))
		e.Complete("done")
	})
}

func playSuspend(t *testing.T, hub *durabletest.TestHub) {
	start(t, hub, "WaitForApproval", "sus-1", `"in"`)
	hub.Run("sus-1")
	require.NoError(t, hub.Client().Suspend(t.Context(), "sus-1", "hold on", nil))
	hub.Process("sus-1")
}

func playResume(t *testing.T, hub *durabletest.TestHub) {
	playSuspend(t, hub)
	raise(t, hub, "sus-1", "Approval", `"meanwhile"`)
	hub.Process("sus-1")
	require.ErrorIs(t, hub.Hub.Complete(t.Context(), "sus-1", "too early"), durable.ErrInvalidState)
	require.NoError(t, hub.Client().Resume(t.Context(), "sus-1", "go on", nil))
	hub.Complete("sus-1", json.RawMessage(`"meanwhile"`))
}

func playTerminate(t *testing.T, hub *durabletest.TestHub) {
	for range 2 { // the recorded one was started over an earlier one
		start(t, hub, "WaitForApproval", "term-running", `"in"`)
		hub.Run("term-running")
		require.NoError(t, hub.Client().Terminate(t.Context(), "term-running", "Found a bug", nil))
		hub.Process("term-running")
	}
}

func playFailure(t *testing.T, hub *durabletest.TestHub) {
	start(t, hub, "NoSuchFunction", "no-such-function", `null`)
	reason := golden.Load(t, "v2/starts").Dumps["after"].Tables["GStartsInstances"]
	i := slices.IndexFunc(reason, func(e storage.Entity) bool { return e.PartitionKey == "no-such-function" })
	hub.Fail("no-such-function", reason[i].Text("Output"))
}

func playLarge(t *testing.T, hub *durabletest.TestHub) {
	rec := golden.Load(t, "v2/large-payloads")
	arg := func(op, id string, n int) string {
		i := slices.IndexFunc(rec.Steps, func(s golden.Step) bool { return s.Client == op && s.Args[0] == id })
		require.GreaterOrEqual(t, i, 0)
		return rec.Steps[i].Args[n]
	}
	data, reason := arg("raise-event", "large-event", 2), arg("terminate", "large-reason", 1)
	start(t, hub, "WaitForApproval", "large-event", `null`)
	hub.Run("large-event")
	raise(t, hub, "large-event", "Approval", data)
	hub.Complete("large-event", json.RawMessage(data))
	start(t, hub, "WaitForApproval", "large-reason", `null`)
	hub.Run("large-reason")
	require.NoError(t, hub.Client().Terminate(t.Context(), "large-reason", reason, nil))
	hub.Process("large-reason")
}
