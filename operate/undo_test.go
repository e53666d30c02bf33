package operate_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

// repairedTwice returns a hub in which the row of x was repaired twice, what it was like before, and the two records in
// their order.
func repairedTwice(t *testing.T) (*hub, storage.Entity, []*operate.RepairRecord) {
	t.Helper()
	h := newHub(t)
	h.history(t, "x", episode(started(), end(0, wire.StatusCompleted))...)
	h.row(t, "x", wire.StatusRunning, str(wire.ColInput, "ticket:1#2"))
	h.clock.add(48 * time.Hour)
	before := *h.instance(t, "x")
	findings := diagnose(t, h, nil)
	require.Equal(t, []string{"row-behind-history x", "unreadable-for-dotnet x"}, brief(findings))
	var records []*operate.RepairRecord
	for _, f := range findings {
		h.clock.add(time.Minute)
		r, err := repair(t, h, f, operate.RepairOptions{}, true)
		require.NoError(t, err)
		require.Equal(t, operate.OutcomeDone, r.Outcome)
		records = append(records, r)
	}
	require.Empty(t, diagnose(t, h, nil))
	return h, before, records
}

// Two repairs of the same row are taken back one after the other, the last one first: the first undo gives the row another
// version, and leaves it with the content that the earlier repair has left.
func TestUndoBoth(t *testing.T) {
	t.Parallel()
	h, before, records := repairedTwice(t)
	_, err := operate.Undo(t.Context(), h.OrchestrationClient, records[0])
	require.ErrorIs(t, err, durable.ErrConflict, "the other one has written since")
	for _, r := range slices.Backward(records) {
		undone, err := operate.Undo(t.Context(), h.OrchestrationClient, r)
		require.NoError(t, err)
		require.Equal(t, operate.OutcomeUndone, undone.Outcome)
	}
	require.Equal(t, before.Columns, h.instance(t, "x").Columns)
	for _, r := range records {
		_, err := operate.Undo(t.Context(), h.OrchestrationClient, r)
		require.ErrorIs(t, err, durable.ErrConflict, "it is undone")
	}
}

// Whatever else is in the row than the repair has left there stays there.
func TestUndoOfWhatHasChanged(t *testing.T) {
	t.Parallel()
	changes := map[string]func(e *storage.Entity){
		"a column has another value": func(e *storage.Entity) { e.Set(wire.ColCustomStatus, storage.StringValue("1")) },
		"a column has another type": func(e *storage.Entity) {
			e.Set(wire.ColGeneration, storage.StringValue("0"))
		},
		"a column is new": func(e *storage.Entity) { e.Set("Other", storage.StringValue("")) },
		"a column is gone": func(e *storage.Entity) {
			e.Columns = slices.DeleteFunc(e.Columns, func(c storage.Column) bool { return c.Name == wire.ColTags })
		},
		"a time has moved by a tick": func(e *storage.Entity) {
			e.Set(wire.ColCreatedTime, storage.TimeValue(e.Get(wire.ColCreatedTime).Time().Add(wire.Tick)))
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _, records := repairedTwice(t)
			e := h.instance(t, "x")
			change(e)
			_, err := h.storage.Tables.Update(t.Context(), h.Instances(), e, storage.Replace, storage.Any)
			require.NoError(t, err)
			after := h.dump(t)
			_, err = operate.Undo(t.Context(), h.OrchestrationClient, records[1])
			require.ErrorIs(t, err, durable.ErrConflict)
			h.unchanged(t, after)
		})
	}
}

// Who writes between the look and the write wins, whatever it writes.
func TestUndoRaced(t *testing.T) {
	t.Parallel()
	h, _, records := repairedTwice(t)
	h.fault.Reset()
	h.fault.SetHook(onCall("Update", func() {
		_, err := h.storage.Tables.Update(t.Context(), h.Instances(), h.instance(t, "x"), storage.Replace, storage.Any)
		require.NoError(t, err)
	}))
	_, err := operate.Undo(t.Context(), h.OrchestrationClient, records[1])
	require.ErrorIs(t, err, durable.ErrConflict)
	require.Equal(t, 1, h.fault.Count(faultstore.Op("Update")))
}

// A partition count that somebody has written since stays, and so do the queues: others would contradict it.
func TestUndoPartitionCountWritten(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.info(t, 2)
	h.clock.add(48 * time.Hour)
	findings := diagnose(t, h, nil)
	require.Equal(t, []string{"partition-count "}, brief(findings))
	record, err := repair(t, h, findings[0], operate.RepairOptions{PartitionCount: 3}, true)
	require.NoError(t, err)
	require.Equal(t, []string{h.ControlQueue(3)}, record.Deleted)
	now := h.dump(t)
	damaged := *record
	damaged.Before = []operate.Stored{{}}
	_, err = operate.Undo(t.Context(), h.OrchestrationClient, &damaged)
	require.ErrorIs(t, err, durable.ErrInvalidArgument)
	h.unchanged(t, now)

	h.info(t, partitions)
	now = h.dump(t)
	_, err = operate.Undo(t.Context(), h.OrchestrationClient, record)
	require.ErrorIs(t, err, durable.ErrConflict)
	h.unchanged(t, now)
}
