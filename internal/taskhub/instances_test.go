package taskhub_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

func TestInstanceRows(t *testing.T) {
	t.Parallel()
	b := created(t, 1, taskhub.Options{})
	ctx := t.Context()
	start := &wire.Start{InstanceID: "a/b", ExecutionID: "e", Name: "N", Created: noon}
	row := start.Row("MyHub", nil, noon)

	_, err := b.ReadInstance(ctx, "a/b")
	require.ErrorIs(t, err, taskhub.ErrInstanceNotFound)
	_, err = b.UpdateInstance(ctx, row, storage.Replace, storage.Any)
	require.ErrorIs(t, err, taskhub.ErrInstanceNotFound)
	require.ErrorIs(t, b.DeleteInstance(ctx, "a^0b", storage.Any), taskhub.ErrInstanceNotFound)

	etag, err := b.InsertInstance(ctx, row)
	require.NoError(t, err)
	_, err = b.InsertInstance(ctx, row)
	require.ErrorIs(t, err, storage.ErrExists)

	i, err := b.ReadInstance(ctx, "a/b", wire.ColExecutionID)
	require.NoError(t, err)
	require.Equal(t, etag, i.ETag)
	require.Equal(t, &wire.Instance{ID: "a/b", Key: "a^0b", ETag: etag, Timestamp: i.Timestamp, ExecutionID: "e"}, i,
		"only the column asked for")

	newer, err := b.UpdateInstance(ctx, row, storage.Merge, etag)
	require.NoError(t, err)
	_, err = b.UpdateInstance(ctx, row, storage.Merge, etag)
	require.ErrorIs(t, err, storage.ErrPrecondition)
	require.ErrorIs(t, b.DeleteInstance(ctx, "a^0b", etag), storage.ErrPrecondition)
	require.NoError(t, b.DeleteInstance(ctx, "a^0b", newer))
}

func TestInstancesWithoutHub(t *testing.T) {
	t.Parallel()
	b := setup(t, "MyHub", taskhub.Options{})
	ctx := t.Context()
	row := &storage.Entity{PartitionKey: "x"}
	_, err := b.ReadInstance(ctx, "x")
	require.ErrorIs(t, err, taskhub.ErrHubNotFound)
	_, err = b.InsertInstance(ctx, row)
	require.ErrorIs(t, err, taskhub.ErrHubNotFound)
	_, err = b.UpdateInstance(ctx, row, storage.Merge, storage.Any)
	require.ErrorIs(t, err, taskhub.ErrHubNotFound)
	require.ErrorIs(t, b.DeleteInstance(ctx, "x", storage.Any), taskhub.ErrHubNotFound)
	_, err = b.TakenUp(ctx, &wire.Instance{Key: "x"})
	require.ErrorIs(t, err, taskhub.ErrHubNotFound)
	_, err = b.ReadHistory(ctx, "x", "")
	require.ErrorIs(t, err, taskhub.ErrHubNotFound)
}

// writeHistory adds rows named by their execution, from row key 0 on; "" among them is a row without ExecutionId. The
// sentinel names the last argument, unless that is "".
func (b *bundle) writeHistory(t *testing.T, id, sentinel string, executions ...string) {
	t.Helper()
	insert := func(rowKey, execution string) {
		e := &storage.Entity{PartitionKey: wire.EscapeKey(id), RowKey: rowKey}
		if rowKey != wire.SentinelKey {
			e.Set(wire.ColEventType, storage.StringValue(wire.OrchestratorStarted))
		}
		if execution != "" {
			e.Set(wire.ColExecutionID, storage.StringValue(execution))
		}
		_, err := b.Tables.Insert(t.Context(), b.Names.History(), e)
		require.NoError(t, err)
	}
	for i, execution := range executions {
		insert(fmt.Sprintf("%016X", i), execution)
	}
	if sentinel != "" {
		insert(wire.SentinelKey, sentinel)
	}
}

func TestReadHistory(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, sentinel, ask string
		rows                []string
		want                int    // events
		current             string // execution
	}{
		{"none", "", "", nil, 0, ""},
		{"one execution", "new", "", []string{"new", "new"}, 2, "new"},
		{"asked for by name", "new", "new", []string{"new", "new"}, 2, "new"},
		{"rows of an earlier, longer one", "new", "", []string{"new", "new", "old", "old"}, 2, "new"},
		{"the same, asked for by name", "new", "new", []string{"new", "new", "old", "old"}, 2, "new"},
		{"asked for one whose first checkpoint is to come", "old", "new", []string{"old", "old"}, 0, "old"},
		{"a checkpoint cut short: rows new, sentinel old", "old", "", []string{"new", "old"}, 0, "old"},
		{"no sentinel", "", "", []string{"one", "one", "other"}, 2, "one"},
		{"no sentinel, asked for by name", "", "one", []string{"one"}, 0, ""},
		{"sentinel alone", "new", "", nil, 0, "new"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := created(t, 1, taskhub.Options{})
			b.writeHistory(t, "a^b", test.sentinel, test.rows...)
			b.writeHistory(t, "a^b2", "neighbour", "neighbour", "neighbour")
			h, err := b.ReadHistory(t.Context(), "a^b", test.ask)
			require.NoError(t, err)
			require.Equal(t, test.current, h.ExecutionID)
			require.Equal(t, test.sentinel != "", h.Sentinel != nil)
			require.Len(t, h.Events, test.want)
			for i, ev := range h.Events {
				require.Equal(t, fmt.Sprintf("%016X", i), ev.RowKey)
				require.Equal(t, test.current, ev.ExecutionID)
			}
			sentinel, err := b.Sentinel(t.Context(), "a^^b")
			require.NoError(t, err)
			require.Equal(t, h.Sentinel, sentinel)
		})
	}
}

func TestReadHistoryOfABadRow(t *testing.T) {
	t.Parallel()
	b := created(t, 1, taskhub.Options{})
	_, err := b.Tables.Insert(t.Context(), b.Names.History(), &storage.Entity{PartitionKey: "x", RowKey: "0"})
	require.NoError(t, err)
	_, err = b.ReadHistory(t.Context(), "x", "")
	require.Error(t, err)
}

// Pages that are short, or empty and not the last, change nothing.
func TestReadHistoryOverPages(t *testing.T) {
	t.Parallel()
	d := golden.Load(t, "v2/rewind-causal").Dumps["completed"]
	store := memstore.New(&memstore.Options{PageSize: 3, ScanLimit: 2})
	require.NoError(t, d.LoadInto(t.Context(), store.Account()))
	h, err := taskhub.New(store.Account(), d.Hub, taskhub.Options{})
	require.NoError(t, err)
	whole := recorded(t, "v2/rewind-causal", "completed", taskhub.Options{})
	for _, row := range d.Tables[h.Instances()] {
		want, err := whole.ReadHistory(t.Context(), row.PartitionKey, row.Text(wire.ColExecutionID))
		require.NoError(t, err)
		got, err := h.ReadHistory(t.Context(), row.PartitionKey, row.Text(wire.ColExecutionID))
		require.NoError(t, err)
		require.NotEmpty(t, want.Events)
		require.Len(t, got.Events, len(want.Events))
	}
}

func TestTakenUp(t *testing.T) {
	t.Parallel()
	b := created(t, 1, taskhub.Options{})
	b.writeHistory(t, "x", "E1", "E1")
	for _, test := range []struct {
		key, execution string
		want           bool
	}{
		{"x", "E1", true},
		{"x", "e1", true},
		{"x", "", true}, // a row of an engine that writes no ID
		{"x", "E2", false},
		{"y", "E1", false},
		{"y", "", false},
	} {
		got, err := b.TakenUp(t.Context(), &wire.Instance{Key: test.key, ExecutionID: test.execution})
		require.NoError(t, err)
		require.Equal(t, test.want, got, test)
	}
}
