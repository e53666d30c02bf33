package replay

import (
	"slices"

	"github.com/go-durable/durable/internal/wire"
)

// Current returns the rows of the current execution out of all history rows of an instance in key order, without the
// sentinel. ExecutionID is the sentinel's; "" means that of the first row.
//
// Rows of an older and longer execution may follow the current ones and come before the sentinel, so the first row of
// another execution ends the list (AzureTableTrackingStore.cs).
func Current(rows []wire.Event, executionID string) []wire.Event {
	if len(rows) > 0 && executionID == "" {
		executionID = rows[0].ExecutionID
	}
	end := slices.IndexFunc(rows, func(ev wire.Event) bool {
		return ev.RowKey == wire.SentinelKey || ev.ExecutionID != executionID
	})
	if end < 0 {
		return rows
	}
	return rows[:end:end]
}
