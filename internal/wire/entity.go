package wire

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-durable/durable/internal/storage"
)

// Names of the events that a client sends to entities (EntityMessageEventNames.cs). The time of a signal for later
// stands behind opAt; the engine hides such a message until then.
const (
	eventOp      = "op"
	opAt         = eventOp + "@"
	eventRelease = "release"
)

const (
	// maxSignalDelay is how far ahead a signal is hidden until it is due; what is due later comes after signalHop, and
	// the entity sends it to itself again (RequestMessage.cs, DurabilityProvider.cs).
	maxSignalDelay = 6 * 24 * time.Hour
	signalHop      = 3 * 24 * time.Hour
	// noTime is the DateTime.MinValue of .NET. It marks a message that takes no part in the order which entities keep
	// among the messages of one orchestration.
	noTime = "0001-01-01T00:00:00"
	// fixOrphanedLock stands for the request whose lock is released (EntityTrackingStoreQueries.cs).
	fixOrphanedLock = "fix-orphaned-lock"
)

// Signal is an operation that a client asks of an entity without waiting for an answer.
type Signal struct {
	// InstanceID is the entity.
	InstanceID string
	Operation  string
	// Input is JSON text, or nil for none.
	Input *string
	// ID is a GUID with dashes, new for each signal.
	ID string
	// Due is when it shall be carried out; zero means at once.
	Due time.Time
}

// requestMessage is a RequestMessage of the extension, without the members that only orchestrations set. The order of
// the members is the wire order.
type requestMessage struct {
	Op          string  `json:"op"`
	Signal      bool    `json:"signal"`
	Input       *string `json:"input,omitempty"`
	ID          string  `json:"id"`
	Due         *Time   `json:"due,omitempty"`
	Timestamp   string  `json:"Timestamp"`
	Predecessor string  `json:"Predecessor"`
}

// DeliverAt returns when a signal that is sent now has to become visible; zero means at once.
func (s *Signal) DeliverAt(now time.Time) time.Time {
	if s.Due.Sub(now) > maxSignalDelay {
		return Cut(now.Add(signalHop))
	}
	return Cut(s.Due)
}

// Message returns the message for a signal that is sent now (RequestMessage.cs). It always names the true due time.
func (s *Signal) Message(now time.Time) *Message {
	name := eventOp
	r := &requestMessage{
		Op: s.Operation, Signal: true, Input: s.Input, ID: s.ID, Timestamp: noTime, Predecessor: noTime,
	}
	if !s.Due.IsZero() {
		due := Time(Cut(s.Due))
		r.Due = &due
		name = opAt + s.DeliverAt(now).Format(storage.TimeLayout)
	}
	text := string(marshal(r))
	return EventRaisedMessage(s.InstanceID, name, &text, now)
}

type releaseMessage struct {
	Parent string `json:"parent"`
	ID     string `json:"id"`
}

// ReleaseMessage returns the message that takes an entity's lock from its owner (ReleaseMessage.cs). It does nothing
// where somebody else holds the lock by then.
func ReleaseMessage(instanceID, owner string, at time.Time) *Message {
	text := string(marshal(&releaseMessage{owner, fixOrphanedLock}))
	return EventRaisedMessage(instanceID, eventRelease, &text, at)
}

// SchedulerState is the input of an entity's instance: its state, and what it has not carried out yet.
type SchedulerState struct {
	Exists bool
	// State is JSON text, or nil for none.
	State *string
	// Queued is the number of operations that wait, for a lock or for the entity to be resumed.
	Queued int
	// LockedBy is the instance that holds the entity's lock, or "".
	LockedBy string
}

// DecodeSchedulerState reads the input of an entity's instance: of the extension, which notes whether the entity exists
// (SchedulerState.cs there), or of Core, where it exists if it has a state (SchedulerState.cs there).
func DecodeSchedulerState(text []byte) (*SchedulerState, error) {
	var in struct {
		Exists   *bool             `json:"exists"`
		State    *string           `json:"state"`
		Queue    []json.RawMessage `json:"queue"`
		LockedBy string            `json:"lockedBy"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, fmt.Errorf("not the state of an entity: %w", shortJSONError(err))
	}
	s := &SchedulerState{State: in.State, Queued: len(in.Queue), LockedBy: in.LockedBy, Exists: in.State != nil}
	if in.Exists != nil {
		s.Exists = *in.Exists
	}
	return s, nil
}

// EntityStatus is the custom status of an entity's instance: what can be told of it without its state
// (EntityStatus.cs).
type EntityStatus struct {
	Exists   bool   `json:"entityExists"`
	Queued   int    `json:"queueSize"`
	LockedBy string `json:"lockedBy"`
}

// DecodeEntityStatus reads the custom status of an entity's instance. It reports false for one that is no such.
func DecodeEntityStatus(text []byte) (EntityStatus, bool) {
	var s *EntityStatus
	if err := json.Unmarshal(text, &s); err != nil || s == nil {
		return EntityStatus{}, false
	}
	return *s, true
}
