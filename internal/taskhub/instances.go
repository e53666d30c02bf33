package taskhub

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// ReadInstance returns the row of an instance, with only the columns named, or all of them if none is named. It
// returns [ErrInstanceNotFound] or [ErrHubNotFound].
func (h *Hub) ReadInstance(ctx context.Context, instanceID string, columns ...string) (*wire.Instance, error) {
	e, err := h.ReadRow(ctx, instanceID, columns...)
	if err != nil {
		return nil, err
	}
	i := wire.DecodeInstance(e)
	return &i, nil
}

// ReadRow is ReadInstance for the row as it is, columns that nobody here knows included.
func (h *Hub) ReadRow(ctx context.Context, instanceID string, columns ...string) (*storage.Entity, error) {
	e, err := h.Tables.Get(ctx, h.Instances(), wire.EscapeKey(instanceID), "", columns...)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, ErrInstanceNotFound
	}
	return e, hubError(err)
}

// mustExist returns [ErrHubNotFound] if the hub's table of instances does not exist.
func (h *Hub) mustExist(ctx context.Context) error {
	_, err := h.Tables.Query(ctx, h.Instances(), storage.Query{Columns: []string{"RowKey"}, Top: 1})
	return hubError(err)
}

// InsertInstance adds the row of an instance. It returns [storage.ErrExists] if there is one.
func (h *Hub) InsertInstance(ctx context.Context, row *storage.Entity) (storage.ETag, error) {
	etag, err := h.Tables.Insert(ctx, h.Instances(), row)
	return etag, hubError(err)
}

// UpdateInstance merges columns into the row of an instance or replaces it, if it is the version named. It returns
// [storage.ErrPrecondition] if it is not, and [ErrInstanceNotFound].
func (h *Hub) UpdateInstance(
	ctx context.Context, row *storage.Entity, mode storage.Mode, match storage.ETag,
) (storage.ETag, error) {
	etag, err := h.Tables.Update(ctx, h.Instances(), row, mode, match)
	if errors.Is(err, storage.ErrNotFound) {
		return "", ErrInstanceNotFound
	}
	return etag, hubError(err)
}

// DeleteInstance removes the row of an instance, if it is the version named.
func (h *Hub) DeleteInstance(ctx context.Context, partitionKey string, match storage.ETag) error {
	err := h.Tables.Delete(ctx, h.Instances(), partitionKey, "", match)
	if errors.Is(err, storage.ErrNotFound) {
		return ErrInstanceNotFound
	}
	return hubError(err)
}

// Sentinel returns the row that names the execution which workers have taken up last, with only the columns named, or
// nil if no worker has ever taken up the instance.
func (h *Hub) Sentinel(ctx context.Context, partitionKey string, columns ...string) (*storage.Entity, error) {
	e, err := h.Tables.Get(ctx, h.Names.History(), partitionKey, wire.SentinelKey, columns...)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil //nolint:nilnil // none is an answer
	}
	return e, hubError(err)
}

// TakenUp reports whether a worker has taken up the execution that the row of an instance names. What an earlier
// execution under the same ID has left behind does not count, unless the row names none: engines before 1.8.6 write no
// ID at the start.
func (h *Hub) TakenUp(ctx context.Context, i *wire.Instance) (bool, error) {
	e, err := h.Sentinel(ctx, i.Key, wire.ColExecutionID)
	if err != nil || e == nil {
		return false, err
	}
	return i.ExecutionID == "" || wire.SameExecution(e.Text(wire.ColExecutionID), i.ExecutionID), nil
}

// History is what the History table holds of the current execution of an instance.
type History struct {
	// ExecutionID is the current execution as the sentinel row names it, and Sentinel that row; it is nil where no
	// worker has finished a checkpoint.
	ExecutionID string
	Sentinel    *storage.Entity
	// Events are the rows of that execution in order.
	Events []wire.Event
}

// ReadHistory returns the current execution's history of an instance (GetHistoryEventsAsync of
// AzureTableTrackingStore.cs). Rows that an earlier, longer execution left behind are not in it. If executionID is not
// "" and not the current execution, the history is empty: its first checkpoint is still to come. Beside
// [ErrHistoryDamaged] it holds the events before the damage.
func (h *Hub) ReadHistory(ctx context.Context, instanceID, executionID string) (*History, error) {
	q := storage.Query{Filter: historyFilter(wire.EscapeKey(instanceID), executionID)}
	var rows []storage.Entity
	for {
		page, err := h.Tables.Query(ctx, h.Names.History(), q)
		if err != nil {
			return nil, hubError(err)
		}
		rows = append(rows, page.Entities...)
		if page.Next == (storage.Token{}) {
			return current(rows, executionID)
		}
		q.From = page.Next
	}
}

func historyFilter(partitionKey, executionID string) storage.Filter {
	f := storage.And{equal("PartitionKey", partitionKey)}
	if executionID != "" {
		f = append(f, storage.Or{equal("RowKey", wire.SentinelKey), equal(wire.ColExecutionID, executionID)})
	}
	return f
}

// current picks the rows of the current execution: those from the first on that carry its ID, up to the first that
// does not. The sentinel carries it too but is no event.
func current(rows []storage.Entity, executionID string) (*History, error) {
	h := &History{}
	for i := range rows {
		if rows[i].RowKey == wire.SentinelKey {
			h.Sentinel = &rows[i]
			h.ExecutionID = rows[i].Text(wire.ColExecutionID)
		}
	}
	switch {
	case executionID != "" && h.ExecutionID != executionID:
		return h, nil
	case h.ExecutionID == "" && len(rows) > 0:
		h.ExecutionID = rows[0].Text(wire.ColExecutionID)
	}
	h.Events = make([]wire.Event, 0, len(rows))
	for i := range rows {
		if rows[i].RowKey == wire.SentinelKey || rows[i].Text(wire.ColExecutionID) != h.ExecutionID {
			break
		}
		ev, err := wire.DecodeEvent(&rows[i])
		if err != nil {
			return h, fmt.Errorf("%w: %w", ErrHistoryDamaged, err)
		}
		h.Events = append(h.Events, ev)
	}
	return h, nil
}

// ReadStart reads of the row with which an execution begins who started it, and how: ParentInstance and Tags. Without an
// executionID it is that of any execution of which something is left. It is nil if no worker has taken up the execution.
func (h *Hub) ReadStart(ctx context.Context, partitionKey, executionID string) (*storage.Entity, error) {
	return h.firstEvent(ctx, partitionKey, executionID, equal(wire.ColEventType, wire.ExecutionStarted), wire.ColParentInstance, wire.ColTags)
}

// FailureTakenBack reports whether an execution that had failed, or was terminated, was rewound or reset.
func (h *Hub) FailureTakenBack(ctx context.Context, partitionKey, executionID string) (bool, error) {
	failure := storage.Or{equal(wire.ColOrchestrationStatus, wire.StatusFailed), equal(wire.ColOrchestrationStatus, wire.StatusTerminated)}
	e, err := h.firstEvent(ctx, partitionKey, executionID, storage.And{equal(wire.ColEventType, wire.GenericEvent), failure}, wire.ColEventType)
	return e != nil, err
}

func equal(column, value string) storage.Filter {
	return storage.Cmp{Column: column, Op: storage.EQ, Value: storage.StringValue(value)}
}

// firstEvent returns of the first row of a history for which something holds these columns, or nil.
func (h *Hub) firstEvent(
	ctx context.Context, partitionKey, executionID string, holds storage.Filter, columns ...string,
) (*storage.Entity, error) {
	filter := storage.And{equal("PartitionKey", partitionKey), holds}
	if executionID != "" {
		filter = append(filter, equal(wire.ColExecutionID, executionID))
	}
	q := storage.Query{Filter: filter, Columns: columns}
	for {
		page, err := h.Tables.Query(ctx, h.Names.History(), q)
		switch {
		case err != nil:
			return nil, err
		case len(page.Entities) > 0:
			return &page.Entities[0], nil
		case page.Next == (storage.Token{}):
			return nil, nil //nolint:nilnil // none is an answer
		}
		q.From = page.Next
	}
}
