package durabletest_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	dt "github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/dump"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// waitingHub is a hub in which messages are hidden: time-outs, of which one is due already, one is over and one belongs to
// a suspended instance, and starts, of which one is large.
func waitingHub(t *testing.T) (*dt.TestHub, dt.Scripts) {
	t.Helper()
	hub := dt.NewHub(t, &dt.Options{Clock: func() time.Time { return time.Date(2030, 5, 1, 12, 0, 0, 0, time.UTC) }})
	scripts := approvalInTime(3 * time.Hour)
	host := hub.NewHost(scripts, nil)
	start(t, hub, "Order", "due", `1`)
	host.Advance(time.Hour)
	for _, id := range []string{"waits", "approved", "suspended"} {
		start(t, hub, "Order", id, `1`)
	}
	host.RunUntilIdle()
	require.NoError(t, hub.Client().Suspend(t.Context(), "suspended", "hold", nil))
	raise(t, hub, "approved", "Go", `1`)
	host.RunUntilIdle()
	for id, input := range map[string]string{"later": "x", "later, large": strings.Repeat("x", 100_000)} {
		_, err := hub.Client().StartNew(t.Context(), "Order", input, &durable.StartNewOptions{
			InstanceID: id, ScheduledStartTime: hub.Now().Add(5 * time.Hour), Tags: map[string]string{"team": "blue"},
		})
		require.NoError(t, err)
	}
	hub.Advance(2 * time.Hour)
	return hub, scripts
}

func dumpOf(t *testing.T, hub *dt.TestHub) *dump.Dump {
	t.Helper()
	d, err := golden.DumpOf(t.Context(), hub.Account(), hub.Client().TaskHub())
	require.NoError(t, err)
	return d
}

func load(t *testing.T, d *dump.Dump, now time.Time) *dt.TestHub {
	t.Helper()
	text, err := json.Marshal(d)
	require.NoError(t, err)
	return dt.LoadHub(t, bytes.NewReader(text), &dt.Options{Clock: func() time.Time { return now }})
}

// TestLoadedHubGoesOn lets a hub and what was loaded from its dump go on: the same comes of both.
func TestLoadedHubGoesOn(t *testing.T) {
	t.Parallel()
	hub, scripts := waitingHub(t)
	loaded := load(t, dumpOf(t, hub), hub.Now())
	for _, h := range []*dt.TestHub{hub, loaded} {
		host := h.NewHost(scripts, nil)
		host.RunUntilIdle()
		h.RequireStatus("due", durable.RuntimeStatusCompleted)
		h.RequireStatus("waits", durable.RuntimeStatusRunning)
		host.Advance(time.Hour)
		h.RequireStatus("waits", durable.RuntimeStatusCompleted)
		h.RequireStatus("later", durable.RuntimeStatusPending)
		host.Advance(10 * time.Hour)
		require.NoError(t, h.Client().Resume(t.Context(), "suspended", "go", nil))
		host.RunUntilIdle()
		for _, id := range []string{"due", "waits", "suspended", "later", "later, large"} {
			require.Equal(t, "true", output(t, h, id), id)
		}
		h.RequireNoMessages()
	}
	require.Empty(t, golden.Diff(dumpOf(t, hub), dumpOf(t, loaded), golden.Options{Hidden: true}))
}

// TestLoadedTimerOfTheFailed rewinds what has failed while it waited for a timer as well: the timer still runs.
func TestLoadedTimerOfTheFailed(t *testing.T) {
	t.Parallel()
	scripts := func(pay dt.Activity) dt.Scripts {
		return dt.Scripts{"Order": {dt.Parallel{
			dt.Script{dt.Timer{Duration: time.Hour}, dt.CustomStatus{Status: "an hour later"}},
			dt.Script{pay, dt.Decide(func(p *dt.Progress) dt.Step {
				if p.Last().Failure != "" {
					return dt.Fail{Reason: "no money"}
				}
				return nil
			})},
		}, dt.Complete{Output: "sent"}}}
	}
	hub := dt.NewHub(t, nil)
	start(t, hub, "Order", "1", `1`)
	hub.NewHost(scripts(dt.Activity{Name: "Pay", Failure: "no money", Catch: true}), nil).RunUntilIdle()
	hub.RequireStatus("1", durable.RuntimeStatusFailed)

	loaded := load(t, dumpOf(t, hub), hub.Now())
	_, err := loaded.Client().Rewind(t.Context(), "1", "money came", nil)
	require.NoError(t, err)
	host := loaded.NewHost(scripts(dt.Activity{Name: "Pay", Result: "paid", Catch: true}), nil)
	host.RunUntilIdle()
	require.NotContains(t, texts(t, loaded, "1"), "TimerFired")
	host.Advance(time.Hour)
	require.Equal(t, `"sent"`, output(t, loaded, "1"))
	loaded.RequireNoMessages()
}

// TestLoadRecordedTimers loads what a real engine has left, with two timers that run.
func TestLoadRecordedTimers(t *testing.T) {
	t.Parallel()
	d := golden.Load(t, "v2/unblock").Dumps["blocked"]
	hub := load(t, d, time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC))
	var timers []string
	for _, m := range hub.Messages() {
		require.Equal(t, durable.EventTimerFired, m.Type)
		timers = append(timers, m.InstanceID)
		history, err := hub.Client().GetHistory(t.Context(), m.InstanceID, nil)
		require.NoError(t, err)
		require.Equal(t, durable.EventTimerCreated, history[2].Type)
		require.Equal(t, history[2].FireAt.Truncate(time.Second), m.VisibleAt)
	}
	require.ElementsMatch(t, []string{"ub-timer", "ub-timeout"}, timers)
}

// TestLoadLostTimer loads a hub of which a timer's message is lost: which one nobody can tell, so none comes back.
func TestLoadLostTimer(t *testing.T) {
	t.Parallel()
	hub, _ := waitingHub(t)
	d := dumpOf(t, hub)
	for name, q := range d.Queues {
		q.Count = int64(len(q.Visible))
		d.Queues[name] = q
	}
	var want []string
	for _, m := range hub.Messages() {
		if m.VisibleAt.IsZero() {
			want = append(want, m.String())
		}
	}
	require.NotEmpty(t, want)
	var got []string
	for _, m := range load(t, d, hub.Now()).Messages() {
		got = append(got, m.String())
	}
	require.Equal(t, want, got)
}

// TestLoadDamaged loads a hub with a history that nobody can read. The messages of the other instances are put back.
func TestLoadDamaged(t *testing.T) {
	t.Parallel()
	d := golden.Load(t, "v2/unblock").Dumps["blocked"]
	rows := d.Tables[d.Hub+"History"]
	for i := range rows {
		if rows[i].PartitionKey == "ub-complete" && rows[i].RowKey == "0000000000000002" {
			rows[i].Columns = slices.DeleteFunc(rows[i].Columns, func(c storage.Column) bool { return c.Name == wire.ColEventType })
		}
	}
	hub := load(t, d, time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC))
	_, err := hub.Client().GetHistory(t.Context(), "ub-complete", nil)
	require.ErrorContains(t, err, "damaged")
	require.Len(t, hub.Messages(), 2)
}
