package durabletest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/wire"
)

// TestRecordedTimes shows that what requireTimes wants holds at the engine.
func TestRecordedTimes(t *testing.T) {
	t.Parallel()
	for _, name := range golden.Names("v2") {
		for label, dump := range golden.Load(t, "v2/"+name).Dumps {
			requireTimes(t, dump, name+" "+label)
		}
	}
}

// requireTimes checks how the times in the rows of each instance belong together, which is lost where dumps are compared.
func requireTimes(t *testing.T, d *golden.Dump, what string) {
	t.Helper()
	events := map[string][]wire.Event{}
	rows := d.Tables[d.Hub+"History"]
	for i := range rows {
		if rows[i].RowKey == wire.SentinelKey {
			continue
		}
		e, err := wire.DecodeEvent(&rows[i])
		require.NoError(t, err)
		events[rows[i].PartitionKey] = append(events[rows[i].PartitionKey], e)
	}
	instances := d.Tables[d.Hub+"Instances"]
	for i := range instances {
		row := wire.DecodeInstance(&instances[i])
		history := events[instances[i].PartitionKey]
		if len(history) == 0 || history[0].ExecutionID != row.ExecutionID || row.RuntimeStatus == wire.StatusPending {
			continue // it has not run, or is to run again
		}
		last := history[len(history)-1]
		require.Equal(t, last.Timestamp, row.LastUpdatedTime.Time(), "%s: %s", what, row.ID)
		if wire.Terminal(row.RuntimeStatus) {
			require.False(t, row.CompletedTime.Time().Before(last.Timestamp), "%s: %s", what, row.ID)
		}
		requireEventTimes(t, history, row.CreatedTime.Time(), what+": "+row.ID)
	}
}

func requireEventTimes(t *testing.T, history []wire.Event, created time.Time, what string) {
	t.Helper()
	var episode time.Time
	fireAt := map[int]time.Time{}
	for _, e := range history {
		switch e.Type {
		case wire.OrchestratorStarted:
			require.False(t, e.Timestamp.Before(episode), what)
			episode = e.Timestamp
		case wire.ExecutionStarted:
			require.Equal(t, created, e.Timestamp, what)
		case wire.TimerCreated:
			fireAt[e.EventID] = e.FireAt
			require.False(t, e.Timestamp.Before(episode), what)
		case wire.TimerFired:
			require.Equal(t, fireAt[e.ScheduledID], e.FireAt, what)
		case wire.TaskScheduled, wire.SubOrchestrationInstanceCreated, wire.ExecutionCompleted, wire.OrchestratorCompleted:
			require.False(t, e.Timestamp.Before(episode), what)
		case wire.TaskCompleted, wire.TaskFailed, wire.EventRaised:
			require.False(t, e.Timestamp.After(episode), what)
		}
	}
}
