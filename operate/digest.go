package operate

import (
	"strings"
	"time"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// digest is what a check-up keeps of an instance while its rows go by: enough to suspect it, however long its history.
type digest struct {
	key string
	row *wire.Instance // nil if there is none
	// rows counts the rows of the history.
	rows int
	// execution is that of the first row, which is the current one: a new execution writes over the rows of the one before.
	execution string
	stale     bool // behind the rows of the current execution
	// damaged says that a row cannot be read: nothing can be said of such a history.
	damaged bool
	// sentinel says that there is a sentinel, complete that its checkpoint was written whole.
	sentinel, complete bool
	// ended is the state in which the execution ended, "" if it goes on.
	ended string
	// open are the actions without completion, of which so many are kept at most; crowded says that there were more.
	open    map[int]openRow
	most    int
	crowded bool
	// rewound says that somebody has rewritten rows, rewritten when that was, and checkpoint when a worker wrote last.
	rewound               bool
	rewritten, checkpoint time.Time
	suspended             bool
	// written is when the last of the rows was written.
	written time.Time
}

type openRow struct {
	eventType  string
	since, due time.Time
}

// historyColumns are the columns that a digest is made from.
var historyColumns = []string{
	wire.ColEventType, wire.ColEventID, wire.ColExecutionID, wire.ColTaskScheduledID, wire.ColTimerID, wire.ColFireAt,
	wire.ColTimestamp, wire.ColReason, wire.ColOrchestrationStatus, colCheckpointComplete,
}

// instanceColumns are the columns of a row that a check-up looks at.
var instanceColumns = []string{
	wire.ColName, wire.ColRuntimeStatus, wire.ColExecutionID, wire.ColCreatedTime, wire.ColLastUpdatedTime,
	wire.ColScheduledStartTime, wire.ColCustomStatus, wire.ColInput, wire.ColOutput,
}

// Columns of the sentinel row (AzureTableTrackingStore.cs).
const (
	colCheckpointComplete = "IsCheckpointComplete"
	colCheckpointTime     = "CheckpointCompletedTimestamp"
)

// checkpointComplete reports whether the last checkpoint was written whole. Engines before 1.6.5 do not say.
func checkpointComplete(sentinel *storage.Entity) bool {
	return !sentinel.Has(colCheckpointComplete) || sentinel.Get(colCheckpointComplete).Bool()
}

func newDigest(key string, row *storage.Entity, most int) *digest {
	d := &digest{key: key, open: map[int]openRow{}, most: most}
	if row != nil {
		i := wire.DecodeInstance(row)
		d.row = &i
	}
	return d
}

func (d *digest) add(e *storage.Entity) {
	d.rows++
	d.written = later(d.written, e.Timestamp.Time())
	if e.RowKey == wire.SentinelKey {
		d.sentinel = true
		d.complete = checkpointComplete(e)
		if d.rows == 1 {
			d.execution = e.Text(wire.ColExecutionID)
		}
		return
	}
	if d.rows == 1 {
		d.execution = e.Text(wire.ColExecutionID)
	}
	if d.stale = d.stale || d.damaged || e.Text(wire.ColExecutionID) != d.execution; d.stale {
		return
	}
	ev, err := wire.DecodeEvent(e)
	if err != nil {
		d.damaged = true
		return
	}
	d.event(&ev)
}

func (d *digest) event(ev *wire.Event) {
	if strings.HasPrefix(ev.Reason, wire.RewoundPrefix) {
		d.rewound, d.rewritten = true, later(d.rewritten, ev.Row.Timestamp.Time())
	}
	if framesTurn(ev) {
		d.checkpoint = later(d.checkpoint, ev.Row.Timestamp.Time())
	}
	switch ev.Type {
	case wire.OrchestratorStarted:
		d.ended = ""
	case wire.ExecutionCompleted:
		d.ended = ev.Status
	case wire.ExecutionSuspended:
		d.suspended = true
	case wire.ExecutionResumed:
		d.suspended = false
	case wire.TaskScheduled:
		d.opened(wire.TaskScheduled, ev)
	case wire.TimerCreated:
		d.opened(wire.TimerCreated, ev)
	case wire.SubOrchestrationInstanceCreated:
		d.opened(wire.SubOrchestrationInstanceCreated, ev)
	case wire.TaskCompleted, wire.TaskFailed, wire.TimerFired,
		wire.SubOrchestrationInstanceCompleted, wire.SubOrchestrationInstanceFailed:
		delete(d.open, ev.ScheduledID)
	}
}

// opened notes an action. The type is no part of the row: that would keep the whole page in memory.
func (d *digest) opened(eventType string, ev *wire.Event) {
	if len(d.open) >= d.most {
		d.crowded = true
		return
	}
	d.open[ev.EventID] = openRow{eventType, ev.Timestamp, ev.FireAt}
}

// unwoken reports whether rows were rewritten since a worker last wrote, and nothing else will wake the instance.
func (d *digest) unwoken() bool {
	for _, a := range d.open {
		if a.eventType == wire.SubOrchestrationInstanceCreated {
			return false
		}
	}
	return d.rewritten.After(d.checkpoint)
}

// current reports whether the history is that of the execution which the row names.
func (d *digest) current() bool {
	return d.rows > 0 && (d.row.ExecutionID == "" || wire.SameExecution(d.row.ExecutionID, d.execution))
}

// finding returns a finding about the instance, which has a row.
func (d *digest) finding(kind FindingKind, summary string, evidence ...string) Finding {
	f := newFinding(kind, d.row.ID, summary, evidence...)
	f.Key, f.ExecutionID = d.key, d.row.ExecutionID
	return f
}
