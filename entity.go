package durable

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-durable/durable/internal/wire"
)

// SignalEntityOptions are options for SignalEntity.
type SignalEntityOptions struct {
	// ScheduledTime is when the operation shall be carried out, however far ahead. Defaults to at once.
	ScheduledTime time.Time
}

// SignalEntity asks an entity to carry out an operation, without waiting for it or its result. An entity that does not
// exist comes into being by that. Input is written as JSON; a json.RawMessage keeps every byte, and nil is no input. The
// operation may be "". Opts may be nil.
//
// The signal is sent once, with one request and no look at the entity: it cannot be known here whether any app has an
// entity of that name. Repeating a SignalEntity has the operation carried out twice. A signal for more than six days
// ahead travels in hops of three days, in which the entity sends it to itself again: the engine does that too.
//
// It returns [ErrUncertain] if the signal may have been sent although no answer says so, [ErrTaskHubNotFound],
// [ErrPartitionCount], and [ErrInvalidArgument], also for keys with the characters /, \, #, ? or control characters.
func (c *OrchestrationClient) SignalEntity(
	ctx context.Context, id EntityID, operation string, input any, opts *SignalEntityOptions,
) error {
	const op = "SignalEntity"
	if opts == nil {
		opts = &SignalEntityOptions{}
	}
	text, err := encodeInput("the operation's input", input)
	if err == nil {
		err = errors.Join(id.check(), checkOperation(operation), checkSignalTime(opts.ScheduledTime))
	}
	if err != nil {
		return c.fail(op, id.String(), err)
	}
	now := c.hub.Now()
	s := &wire.Signal{
		InstanceID: id.String(), Operation: operation, Input: text, ID: c.hub.NewID().D(), Due: opts.ScheduledTime,
	}
	return c.fail(op, s.InstanceID, c.sendAt(ctx, s.Message(now), s.DeliverAt(now)))
}

func checkOperation(name string) error {
	if name == "" {
		return nil
	}
	return checkName("operation's name", name)
}

func checkSignalTime(t time.Time) error {
	if year := t.UTC().Year(); !t.IsZero() && (year < 1 || year > 9999) {
		return invalid("ScheduledTime is not in the years 1 to 9999")
	}
	return nil
}

// ReadEntityStateOptions are options for ReadEntityState.
type ReadEntityStateOptions struct{}

// EntityStateResponse is what is known of an entity.
type EntityStateResponse struct {
	// Exists says whether the entity has a state. One that was never used, or was deleted, has none.
	Exists bool
	// State is the state as JSON, nil if there is none.
	State json.RawMessage
	// LastOperationTime is when the entity last did something, be it that an operation failed or a lock changed hands;
	// zero if it was never used.
	LastOperationTime time.Time
	// QueueSize is the number of operations that it has received and not carried out, because it is locked.
	QueueSize int
	// LockedBy is the instance that holds the entity's lock, or "".
	LockedBy string
}

// DecodeState unmarshals the state into v.
func (r *EntityStateResponse) DecodeState(v any) error { return decode(r.State, v) }

// entityColumns are the columns that an entity is made from.
var entityColumns = []string{
	wire.ColCustomStatus, wire.ColCreatedTime, wire.ColRuntimeStatus, wire.ColName, wire.ColInput, wire.ColInputBlobName,
}

// ReadEntityState returns the state of an entity, as it was when the entity last wrote it: signals that it has not
// taken up do not show. An entity that does not exist is no error. It is one request, and one more if the state lies in
// a blob. Opts may be nil.
//
// It returns [ErrTaskHubNotFound], [ErrPayloadMissing] if the blob of the state is gone, [ErrPayloadTooLarge],
// [ErrInvalidState] if what lies there is no entity, and [ErrInvalidArgument].
func (c *OrchestrationClient) ReadEntityState(
	ctx context.Context, id EntityID, _ *ReadEntityStateOptions,
) (*EntityStateResponse, error) {
	const op = "ReadEntityState"
	instanceID := id.String()
	if err := errors.Join(id.checkName(), checkKnownID(instanceID)); err != nil {
		return nil, c.fail(op, instanceID, err)
	}
	r, err := c.readEntity(ctx, instanceID)
	if err != nil {
		return nil, c.fail(op, instanceID, err)
	}
	return r, nil
}

func (c *OrchestrationClient) readEntity(ctx context.Context, instanceID string) (*EntityStateResponse, error) {
	row, err := c.hub.ReadInstance(ctx, instanceID, entityColumns...)
	if errors.Is(err, ErrInstanceNotFound) {
		return &EntityStateResponse{}, nil
	}
	if err != nil {
		return nil, err
	}
	s := newStatus(row)
	if err := c.resolve(ctx, s, row); err != nil {
		return nil, err
	}
	if s.PayloadError != nil {
		return nil, s.PayloadError
	}
	r := &EntityStateResponse{}
	return r, r.set(s)
}

// set reads the status of an entity's instance. What is told by both the state and the custom status is taken from the
// state if it was fetched: they are written at once, but the state is what the entity itself reads.
func (r *EntityStateResponse) set(s *OrchestrationStatus) error {
	r.LastOperationTime = s.CreatedTime // each batch of operations is an execution of its own
	if known, ok := wire.DecodeEntityStatus(s.CustomStatus); ok {
		r.Exists, r.QueueSize, r.LockedBy = known.Exists, known.Queued, known.LockedBy
	}
	if s.Input == nil {
		return nil
	}
	state, err := wire.DecodeSchedulerState(s.Input)
	if err != nil {
		return wrongState("%w", err)
	}
	r.Exists, r.QueueSize, r.LockedBy = state.Exists, state.Queued, state.LockedBy
	if state.Exists && state.State != nil {
		r.State = showJSON(*state.State)
	}
	return nil
}

// EntityID names an entity. The name is not case-sensitive and kept in lower case; the key is.
type EntityID struct{ Name, Key string }

// String returns the entity's instance ID: @name@key, the name in lower case (EntityId.cs).
func (id EntityID) String() string { return "@" + strings.ToLower(id.Name) + "@" + id.Key }

// ParseEntityID reads an entity's instance ID. The key is everything behind the second @ and may hold more of them. It
// returns [ErrInvalidArgument].
func ParseEntityID(instanceID string) (EntityID, error) {
	rest, ok := strings.CutPrefix(instanceID, "@")
	name, key, found := strings.Cut(rest, "@")
	if !ok || !found || name == "" || !utf8.ValidString(instanceID) {
		return EntityID{}, invalid("%q is not the instance ID of an entity, which is @name@key", instanceID)
	}
	return EntityID{strings.ToLower(name), key}, nil
}

// check checks the ID of an entity that may be new.
func (id EntityID) check() error {
	if err := id.checkName(); err != nil {
		return err
	}
	if err := wire.CheckID(id.String()); err != nil {
		return invalid("%w", err)
	}
	return nil
}

func (id EntityID) checkName() error {
	switch {
	case strings.TrimSpace(id.Name) == "":
		return invalid("the entity's name is empty")
	case strings.Contains(id.Name, "@"):
		return invalid("an entity's name must not contain @")
	case !utf8.ValidString(id.Name):
		return invalid("an entity's name must be valid UTF-8")
	}
	return nil
}
