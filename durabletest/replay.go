package durabletest

import (
	"context"
	"time"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// replay finds out from a history where its script stands. A history that the script cannot have made ends the
// execution as Failed, as it does at an app whose code was changed.
func (h *Host) replay(ctx context.Context, instanceID string, history *taskhub.History) (*play, error) {
	p := &play{instanceID: instanceID, executionID: history.ExecutionID, custom: noStatus}
	var wrong error
	for i := range history.Events {
		ev := &history.Events[i]
		switch ev.Type {
		case wire.OrchestratorStarted:
			p.now = ev.Timestamp
		case wire.OrchestratorCompleted, wire.GenericEvent, wire.ExecutionCompleted:
		case wire.TaskScheduled, wire.TimerCreated, wire.EventSent, wire.SubOrchestrationInstanceCreated:
			if err := p.record(ev); err != nil && wrong == nil {
				wrong = err
			}
		default:
			row, err := h.whole(ctx, ev.Row)
			if err != nil {
				return nil, err
			}
			if ev.Type == wire.ExecutionStarted {
				p.script, p.version = h.script(ev.Name)
			}
			p.take(row)
		}
	}
	if p.err == nil && wrong != nil {
		reason := orchestratorFailed(p.name) + wrong.Error()
		p.end = nil
		p.finish(wire.StatusFailed, &reason, "")
	}
	return p, p.err
}

// whole returns a row with the texts that lie in blobs.
func (h *Host) whole(ctx context.Context, row *storage.Entity) (*storage.Entity, error) {
	for _, column := range spilled {
		blob := row.Text(column + wire.BlobNameSuffix)
		if blob == "" {
			continue
		}
		payload, err := h.hub.ReadPayload(ctx, blob)
		if err != nil {
			return nil, err
		}
		row.Set(column, storage.StringValue(string(payload)))
	}
	return row, nil
}

// startEvent is what decides whether a start message runs.
type startEvent struct {
	Parent     bool
	Generation int
	Timestamp  time.Time
}

func readStart(m *wire.Message) (*startEvent, error) {
	e, err := objectMembers(m.Event, make(members, 0, usual))
	if err != nil {
		return nil, err
	}
	parent := e.get("ParentInstance")
	s := &startEvent{Parent: len(parent) > 0 && parent[0] == '{'}
	s.Generation, _ = e.number("Generation")
	if at := e.text("Timestamp"); at != nil {
		s.Timestamp, err = time.Parse(time.RFC3339Nano, *at)
	}
	return s, err
}

// redundant says whether the row of an instance shows that a start came too late: the same generation has been started
// otherwise.
func (s *startEvent) redundant(row *wire.Instance, l *letter) bool {
	if s.Generation != row.Generation {
		return false
	}
	created := row.CreatedTime.Time()
	return created.Before(s.Timestamp) && row.RuntimeStatus == wire.StatusPending ||
		l.taken.DequeueCount > 1 && l.at.After(created)
}

// answered returns which action a message answers.
func answered(m *wire.Message) (id int, ok bool) {
	switch m.EventType {
	case wire.TaskCompleted, wire.TaskFailed, wire.TimerFired,
		wire.SubOrchestrationInstanceCompleted, wire.SubOrchestrationInstanceFailed:
	default:
		return 0, false
	}
	e, err := objectMembers(m.Event, make(members, 0, usual))
	if err != nil {
		return 0, false
	}
	if id, ok = e.number(wire.ColTaskScheduledID); !ok {
		id, ok = e.number(wire.ColTimerID)
	}
	return id, ok
}
