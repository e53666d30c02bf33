package durable_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// bothRestarts are the two kinds of restart.
var bothRestarts = map[string]*durable.RestartOptions{"new ID": nil, "same ID": {ReuseInstanceID: true}}

// TestRestart: name, version, tags and every byte of the input are kept, the schedule and what came of it are not.
func TestRestart(t *testing.T) {
	t.Parallel()
	inputs := map[string]any{
		"none": nil, "null": json.RawMessage("null"), "spaces": json.RawMessage("{ \"a\" : 1.50e+2,\t\"d\":\"2026-11-22T12:00:00+02:00\" }"),
		"escapes": json.RawMessage(`"\u003c\u2028<>&` + "\u2028" + `"`), "type": json.RawMessage(`{"$type":"x","a":1,"a":2}`),
		"not ASCII, large": strings.Repeat("語", 40_000),
	}
	onBothStores(t, func(t *testing.T, f *fixture) {
		for name, input := range inputs {
			for kind, opts := range bothRestarts {
				what := fmt.Sprintf("%s, %s", name, kind)
				old := "Größe ^1 " + what
				_, err := f.StartNew(t.Context(), "Orchestrator", input, &durable.StartNewOptions{
					InstanceID: old, Version: "2.1", Tags: map[string]string{"team": "blue", "<": ">"},
					ScheduledStartTime: time.Now().AddDate(-1, 0, 0),
				})
				require.NoError(t, err)
				_, first := f.onlyStart(t)
				f.complete(t, old, `"done"`)
				before := f.row(t, old)

				id, err := f.Restart(t.Context(), old, opts)
				require.NoError(t, err, what)
				m, s := f.onlyStart(t)
				row := f.row(t, id)
				require.Equal(t, first.Input, s.Input, what)
				require.Equal(t, before.Has(wire.ColInput), row.Has(wire.ColInput), what)
				if m.BlobName == "" {
					require.Equal(t, before.Get(wire.ColInput), row.Get(wire.ColInput), what)
				}
				status, err := f.GetStatus(t.Context(), id, nil)
				require.NoError(t, err)
				if first.Input != nil {
					require.Equal(t, *first.Input, string(status.Input))
				}
				require.Equal(t, "Orchestrator", s.Name)
				require.Equal(t, "2.1", *s.Version)
				require.Equal(t, first.Tags, s.Tags)
				require.Equal(t, before.Get(wire.ColTags), row.Get(wire.ColTags))
				require.Nil(t, s.ScheduledStartTime)
				require.NotEqual(t, first.OrchestrationInstance.ExecutionID, m.ExecutionID)
				require.Equal(t, m.ExecutionID, row.Text(wire.ColExecutionID))
				require.Equal(t, wire.StatusPending, row.Text(wire.ColRuntimeStatus))
				for _, gone := range []string{wire.ColOutput, wire.ColCompletedTime, wire.ColScheduledStartTime} {
					require.False(t, row.Has(gone), gone)
				}
				require.True(t, row.Get(wire.ColCreatedTime).Time().Equal(s.Timestamp), "the engine compares the two")
				f.requireGeneration(t, kind, old, id, s.Generation)
				if kind == "new ID" {
					require.Equal(t, before, f.row(t, old))
				}
			}
		}
	})
}

func (f *fixture) requireGeneration(t *testing.T, kind, old, id string, generation int) {
	t.Helper()
	require.Equal(t, int64(generation), f.row(t, id).Get(wire.ColGeneration).Int())
	if kind == "same ID" {
		require.Equal(t, old, id)
		require.Equal(t, 1, generation)
		return
	}
	require.Regexp(t, "^[0-9a-f]{32}$", id)
	require.Zero(t, generation)
}

// TestRestartPayloads: an input is found wherever engines have put it, and so are tags.
func TestRestartPayloads(t *testing.T) {
	t.Parallel()
	input := `"` + strings.Repeat("x", 31_000) + `"`
	start := wire.Start{InstanceID: "id", ExecutionID: "e", Name: "N", Input: &input}
	tests := map[string]struct {
		columns []storage.Column
		blob    string
		content string
	}{
		"history": {[]storage.Column{text(wire.ColInput, "URL")}, "id/history-1-ExecutionStarted-6125A916-Input.json.gz", input},
		"message": {[]storage.Column{text(wire.ColInput, "URL")}, "id/message-1-ExecutionStarted.json.gz", string(start.StartMessage().JSON())},
		"column": {
			[]storage.Column{text(wire.ColInput, ""), text(wire.ColInputBlobName, "id/history-1-Input.json.gz")},
			"id/history-1-Input.json.gz", input,
		},
	}
	onBothStores(t, func(t *testing.T, f *fixture) {
		for name, test := range tests {
			for kind, opts := range bothRestarts {
				f.prepareOld(t, "id", durable.RuntimeStatusCompleted)
				f.putBlob(t, test.blob, test.content)
				f.putBlob(t, "id/tags.json.gz", `{"$type":"x","a":"b"}`)
				f.set(t, "id", text(wire.ColTags, ""), text(wire.ColTagsBlobName, "id/tags.json.gz"))
				for _, c := range test.columns {
					c.Text = strings.ReplaceAll(c.Text, "URL", f.reference(test.blob))
					f.set(t, "id", c)
				}
				id, err := f.Restart(t.Context(), "id", opts)
				require.NoError(t, err, name)
				_, s := f.onlyStart(t)
				require.Equal(t, input, *s.Input, "%s, %s", name, kind)
				require.Equal(t, map[string]string{"a": "b"}, s.Tags)
				status, err := f.GetStatus(t.Context(), id, nil)
				require.NoError(t, err)
				require.Equal(t, input, string(status.Input))
				require.Equal(t, s.Tags, status.Tags)

				f.prepareOld(t, "id", durable.RuntimeStatusCompleted)
				f.set(t, "id", text(wire.ColInput, f.reference("id/message-gone-ExecutionStarted.json.gz")))
				before := f.row(t, "id")
				_, err = f.Restart(t.Context(), "id", opts)
				require.ErrorIs(t, err, durable.ErrPayloadMissing)
				require.Equal(t, before, f.row(t, "id"))
				require.Empty(t, f.received(t))
			}
		}
	})
}

// TestRestartStates: under its own ID an instance must have ended; under a new one its state does not matter.
func TestRestartStates(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		for _, state := range allStates {
			f.prepareOld(t, "id", state)
			old := f.row(t, "id")
			_, err := f.Restart(t.Context(), "id", nil)
			require.NoError(t, err, state)
			require.Equal(t, old, f.row(t, "id"))
			f.onlyStart(t)

			f.traffic.reset()
			_, err = f.Restart(t.Context(), "id", &durable.RestartOptions{ReuseInstanceID: true})
			if state.IsTerminal() {
				require.NoError(t, err, state)
				_, s := f.onlyStart(t)
				require.Equal(t, 5, s.Generation)
				require.False(t, f.row(t, "id").Has("Stranger"))
				continue
			}
			require.ErrorIs(t, err, durable.ErrInstanceExists, state)
			var e *durable.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, state, e.Status)
			require.Equal(t, "Restart", e.Op)
			require.Equal(t, 1, f.traffic.count())
			require.Equal(t, old, f.row(t, "id"))
			require.Empty(t, f.received(t))
		}
	})
}

func TestRestartRefused(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		for _, opts := range bothRestarts {
			_, err := f.Restart(t.Context(), "nobody", opts)
			require.ErrorIs(t, err, durable.ErrInstanceNotFound)
			f.prepareOld(t, "nameless", durable.RuntimeStatusFailed)
			f.set(t, "nameless", text(wire.ColName, ""))
			_, err = f.Restart(t.Context(), "nameless", opts)
			require.ErrorIs(t, err, durable.ErrInvalidState)
			f.prepareOld(t, "tags", durable.RuntimeStatusFailed)
			f.set(t, "tags", text(wire.ColTags, "[secret"))
			_, err = f.Restart(t.Context(), "tags", opts)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "secret")

			f.traffic.reset()
			for _, id := range append([]string{"@entity@key"}, badKnownIDs...) {
				_, err := f.Restart(t.Context(), id, opts)
				require.ErrorIs(t, err, durable.ErrInvalidArgument, id)
			}
			require.Zero(t, f.traffic.count())
		}
		require.NoError(t, f.storage.Tables.DeleteTable(t.Context(), f.names.Instances()))
		_, err := f.Restart(t.Context(), "id", nil)
		require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
	})
}

func TestRestartRequests(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.putBlob(t, "id/history-1-Input.json.gz", `"`+strings.Repeat("x", 50_000)+`"`)
		for kind, opts := range bothRestarts {
			f.prepareOld(t, "id", durable.RuntimeStatusFailed)
			f.traffic.reset()
			_, err := f.Restart(t.Context(), "id", opts)
			require.NoError(t, err)
			require.Equal(t, 3, f.traffic.count(), "%s: the row, the new row, the message", kind)

			f.prepareOld(t, "id", durable.RuntimeStatusFailed)
			f.set(t, "id", text(wire.ColInput, f.reference("id/history-1-Input.json.gz")))
			f.traffic.reset()
			_, err = f.Restart(t.Context(), "id", opts)
			require.NoError(t, err)
			require.Equal(t, 5, f.traffic.count(), "%s: and two payloads", kind)
		}
	})
}

// TestRestartOnce: of many restarts of one ID at once, one wins.
func TestRestartOnce(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		const n = 64
		f.prepareOld(t, "id", durable.RuntimeStatusCompleted)
		done := make(chan error, n)
		for range n {
			go func() {
				_, err := f.Restart(t.Context(), "id", &durable.RestartOptions{ReuseInstanceID: true})
				done <- err
			}()
		}
		won := 0
		for range n {
			if err := <-done; err == nil {
				won++
			} else {
				require.ErrorIs(t, err, durable.ErrInstanceExists)
			}
		}
		require.Equal(t, 1, won)
		m, s := f.onlyStart(t)
		require.Equal(t, 5, s.Generation)
		require.Equal(t, m.ExecutionID, f.row(t, "id").Text(wire.ColExecutionID))
		require.Empty(t, f.blobs(t))
	})
}

// TestRestartCrash: whichever request fails, and however, a repeat converges: the instance runs once more with its
// input, and nothing of any other is touched.
func TestRestartCrash(t *testing.T) {
	t.Parallel()
	for kind, opts := range bothRestarts {
		for _, fault := range faults {
			for n := 1; n <= 5; n++ { // TestRestartRequests: there are no more
				t.Run(fmt.Sprintf("%s, %s, request %d", kind, fault.name, n), func(t *testing.T) {
					t.Parallel()
					f := inMemory(t, taskhub.Options{})
					crashRestart(t, f, opts, func(cancel context.CancelFunc) faultstore.Hook { return fault.hook(n, cancel) })
				})
			}
		}
	}
}

func crashRestart(
	t *testing.T, f *fixture, opts *durable.RestartOptions, hook func(context.CancelFunc) faultstore.Hook,
) {
	input := `"` + strings.Repeat("x", 50_000) + `"`
	for _, id := range []string{"id", "id-neighbour"} {
		f.prepareOld(t, id, durable.RuntimeStatusFailed)
		f.putBlob(t, id+"/history-1-Input.json.gz", input)
		f.set(t, id, text(wire.ColInput, f.reference(id+"/history-1-Input.json.gz")))
		f.history(t, id, "old", event(wire.OrchestratorStarted))
	}
	neighbour := f.row(t, "id-neighbour")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.fault.SetHook(hook(cancel))
	id, err := f.Restart(ctx, "id", opts)
	f.fault.SetHook(nil)
	if err != nil {
		require.Contains(t, []bool{errors.Is(err, errNetwork), errors.Is(err, context.Canceled)}, true)
		id = f.repeatRestart(t, opts)
	}
	f.requireRestarted(t, id, input)
	require.Equal(t, neighbour, f.row(t, "id-neighbour"))
	require.Contains(t, f.blobs(t), "id-neighbour/history-1-Input.json.gz")
}

// repeatRestart restarts again. What a crash has left Pending is completed by StartOrGet, as the error says.
func (f *fixture) repeatRestart(t *testing.T, opts *durable.RestartOptions) string {
	t.Helper()
	id, err := f.Restart(t.Context(), "id", opts)
	if errors.Is(err, durable.ErrInstanceExists) {
		_, _, err = f.StartOrGet(t.Context(), "Old", "id", nil, nil)
		id = "id"
	}
	require.NoError(t, err)
	return id
}

// requireRestarted checks that the messages for an instance, one or the same again, are those of its row.
func (f *fixture) requireRestarted(t *testing.T, id, input string) {
	t.Helper()
	row := f.row(t, id)
	require.Equal(t, wire.StatusPending, row.Text(wire.ColRuntimeStatus))
	found := 0
	for _, m := range f.received(t) {
		if m.InstanceID == id && m.ExecutionID == row.Text(wire.ColExecutionID) {
			require.Equal(t, input, *startEvent(t, m).Input)
			found++
		}
	}
	require.NotZero(t, found)
}

// TestOldHistory: what an earlier execution has left behind does not make a start look taken up.
func TestOldHistory(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.prepareOld(t, "id", durable.RuntimeStatusCompleted)
		f.history(t, "id", "old", event(wire.OrchestratorStarted))
		_, err := f.Restart(t.Context(), "id", &durable.RestartOptions{ReuseInstanceID: true})
		require.NoError(t, err)
		first, _ := f.onlyStart(t)
		_, started, err := f.StartOrGet(t.Context(), "Old", "id", nil, nil)
		require.NoError(t, err)
		require.False(t, started)
		again, s := f.onlyStart(t)
		require.Equal(t, first.ExecutionID, again.ExecutionID)
		require.Equal(t, `"old"`, *s.Input)

		require.NoError(t, f.Terminate(t.Context(), "id", "not needed", nil))
		require.Empty(t, f.received(t))
		row := f.row(t, "id")
		require.Equal(t, wire.StatusTerminated, row.Text(wire.ColRuntimeStatus))
		require.NotEqual(t, first.ExecutionID, row.Text(wire.ColExecutionID), "its start message is void")
	})
}

// TestRestartPutBack: a restart whose message cannot be sent leaves the instance as it was.
func TestRestartPutBack(t *testing.T) {
	t.Parallel()
	for kind, opts := range bothRestarts {
		f := inMemory(t, taskhub.Options{})
		f.prepareOld(t, "id", durable.RuntimeStatusFailed)
		before := f.row(t, "id")
		f.fault.SetHook(failPut(errNetwork))
		_, err := f.Restart(t.Context(), "id", opts)
		require.ErrorIs(t, err, errNetwork, kind)
		f.requireSameColumns(t, before)
		page, err := f.QueryInstancesPage(t.Context(), nil, nil)
		require.NoError(t, err)
		require.Len(t, page.Instances, 1, kind)
		require.Empty(t, f.blobs(t))
	}
}
