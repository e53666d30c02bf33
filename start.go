package durable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// OverridableStates says which existing instances a start with the same ID may replace.
type OverridableStates int

const (
	// OverridableNonRunningStates allows it for instances that have ended. It is the default.
	OverridableNonRunningStates OverridableStates = iota
	// OverridableAnyState allows it for all. What a running one has scheduled goes on in vain.
	OverridableAnyState
)

// StartNewOptions are options for StartNew and StartOrGet.
type StartNewOptions struct {
	// InstanceID is the new instance's ID. It must not start with @, contain /, \, #, ? or control characters, be only
	// white space, or be longer than 256 UTF-16 code units. Defaults to a new GUID without dashes.
	InstanceID string
	// Version is the orchestration's version. Defaults to none.
	Version string
	// Tags are kept with the instance. Together they must not exceed 30720 UTF-16 code units as JSON.
	Tags map[string]string
	// ScheduledStartTime is when the instance shall start, at most 6 days and 23 hours ahead. Defaults to at once.
	ScheduledStartTime time.Time
	// OverridableStates says which existing instances with the same ID may be replaced.
	OverridableStates OverridableStates
	// TraceParent and TraceState are a W3C trace context that the orchestration goes on with. Default to none.
	TraceParent, TraceState string
}

// StartNew starts a new instance of an orchestrator and returns its ID. Input is written as JSON; a json.RawMessage
// keeps every byte, and nil is no input. Opts may be nil.
//
// The ID is claimed first, by a conditional write of the instance's row, and the start message is sent then. So of any
// number of concurrent starts of one ID exactly one succeeds. If the message cannot be sent, the row is taken back (a
// replaced one is put back). [ErrUncertain] means that it may have arrived all the same; the error's text says what was
// left. StartNew with a given ID can be repeated: it either finds the ID free or fails with [ErrInstanceExists].
//
// It returns [ErrInstanceExists] if the ID is in use by an instance that opts.OverridableStates protects, [ErrConflict]
// if an instance that was to be replaced changed at the same moment, [ErrInvalidArgument], [ErrTaskHubNotFound] and
// [ErrPartitionCount].
func (c *OrchestrationClient) StartNew(
	ctx context.Context, orchestrator string, input any, opts *StartNewOptions,
) (instanceID string, err error) {
	const op = "StartNew"
	if opts == nil {
		opts = &StartNewOptions{}
	}
	s, err := c.newStarter(orchestrator, input, opts)
	if err != nil {
		return "", c.fail(op, opts.InstanceID, err)
	}
	id := s.start.InstanceID
	if err := s.claim(ctx); err != nil {
		return "", c.failIn(op, id, s.found, err)
	}
	if err := s.send(ctx); err != nil {
		return "", c.fail(op, id, err)
	}
	return id, nil
}

// starter carries one start through its steps: claim the row, send the message.
type starter struct {
	hub         *taskhub.Hub
	start       *wire.Start
	overridable OverridableStates

	out *taskhub.Outgoing
	// etag is the version of the row that was written; "" until then.
	etag storage.ETag
	// replaced is the row that was there before, or nil.
	replaced *storage.Entity
	// found is the state of an instance that stood in the way.
	found RuntimeStatus
}

func (c *OrchestrationClient) newStarter(orchestrator string, input any, opts *StartNewOptions) (*starter, error) {
	text, err := encodeInput("the input", input)
	if err := errors.Join(err, opts.check(), checkName("orchestrator's name", orchestrator)); err != nil {
		return nil, err
	}
	now := wire.Cut(c.hub.Now())
	if _, err := delayUntil(opts.ScheduledStartTime, now); err != nil {
		return nil, err
	}
	s := &wire.Start{
		InstanceID: opts.InstanceID, ExecutionID: c.hub.NewID().N(), Name: orchestrator, Version: opts.Version,
		Input: text, Tags: opts.Tags, Created: now,
	}
	if s.InstanceID == "" {
		s.InstanceID = c.hub.NewID().N()
	}
	if !opts.ScheduledStartTime.IsZero() {
		s.Scheduled = wire.Cut(opts.ScheduledStartTime)
	}
	if opts.TraceParent != "" {
		s.TraceContext = &wire.TraceContext{TraceParent: opts.TraceParent, TraceState: opts.TraceState}
	}
	return &starter{hub: c.hub, start: s, overridable: opts.OverridableStates}, nil
}

func (o *StartNewOptions) check() error {
	if o.InstanceID != "" {
		if err := wire.CheckInstanceID(o.InstanceID); err != nil {
			return invalid("%w", err)
		}
	}
	if o.OverridableStates != OverridableNonRunningStates && o.OverridableStates != OverridableAnyState {
		return invalid("OverridableStates %d is unknown", o.OverridableStates)
	}
	if err := checkTags(o.Tags); err != nil {
		return err
	}
	if !o.ScheduledStartTime.IsZero() && o.ScheduledStartTime.UTC().Year() < firstYear {
		return invalid("ScheduledStartTime is before the year %d, the first of the table service", firstYear)
	}
	return errors.Join(checkVersion(o.Version), checkTrace(o.TraceParent, o.TraceState))
}

// prepare makes the message and the row; a large message goes into a blob now, since the row refers to it.
func (s *starter) prepare(ctx context.Context) (row *storage.Entity, err error) {
	if _, err := s.hub.PartitionCount(ctx); err != nil {
		return nil, err // before the ID is claimed for a message that could not be sent
	}
	s.discard(ctx)
	m := s.start.StartMessage()
	input := s.start.Input
	if input != nil && wire.ColumnTooLarge(*input) {
		s.out, err = s.hub.PrepareInBlob(ctx, m)
	} else {
		s.out, err = s.hub.Prepare(ctx, m)
	}
	if err != nil {
		return nil, err
	}
	if s.out.Blob != "" {
		url := s.hub.PayloadURL(s.out.Blob)
		input = &url
	}
	return s.start.Row(s.hub.Hub(), input, s.hub.Now()), nil
}

// claim writes the row: a new one, or in place of one that may be replaced.
func (s *starter) claim(ctx context.Context) error {
	row, err := s.prepare(ctx)
	if err != nil {
		return err
	}
	s.etag, err = s.hub.InsertInstance(ctx, row)
	if errors.Is(err, storage.ErrExists) {
		err = s.replace(ctx)
	}
	if err != nil {
		return s.abandon(ctx, err)
	}
	return nil
}

// replace writes the row over one that exists, unless that is this very start's.
func (s *starter) replace(ctx context.Context) error {
	old, err := s.readRow(ctx)
	if errors.Is(err, ErrInstanceNotFound) {
		return errPurged
	}
	if err != nil {
		return err
	}
	if s.own(old) {
		return nil // the first answer was lost and the SDK asked again
	}
	return s.replaceRow(ctx, old)
}

// replaceRow writes the row over another one, if that may be replaced and is still the same.
func (s *starter) replaceRow(ctx context.Context, old *storage.Entity) error {
	i := wire.DecodeInstance(old)
	if err := s.mayReplace(i.RuntimeStatus); err != nil {
		return err
	}
	s.start.Generation = i.Generation + 1
	row, err := s.prepare(ctx)
	if err != nil {
		return err
	}
	s.replaced = old
	s.etag, err = s.hub.UpdateInstance(ctx, row, storage.Replace, old.ETag)
	if errors.Is(err, storage.ErrPrecondition) || errors.Is(err, ErrInstanceNotFound) {
		return s.overtaken(ctx, err)
	}
	return err
}

// errPurged is for a row that was there and is not any more.
var errPurged = fmt.Errorf("%w: the instance was purged at the same moment", ErrConflict)

// overtaken finds out who changed the row at the same moment: this very start, whose first answer was lost, or
// somebody else.
func (s *starter) overtaken(ctx context.Context, cause error) error {
	now, err := s.readRow(ctx)
	switch {
	case errors.Is(err, ErrInstanceNotFound):
		s.replaced = nil
		return errPurged
	case err != nil:
		return err
	case s.own(now):
		return nil
	}
	s.replaced = nil
	status := now.Text(wire.ColRuntimeStatus)
	s.found = RuntimeStatus(status)
	if err := s.mayReplace(status); err != nil {
		return err
	}
	return fmt.Errorf("%w: the instance changed at the same moment: %w", ErrConflict, cause)
}

// mayReplace says whether an instance in that state may be replaced, and notes the state if not.
func (s *starter) mayReplace(status string) error {
	if s.overridable == OverridableAnyState || wire.Terminal(status) {
		return nil
	}
	s.found = RuntimeStatus(status)
	return ErrInstanceExists
}

func (s *starter) readRow(ctx context.Context) (*storage.Entity, error) {
	return s.hub.ReadRow(ctx, s.start.InstanceID)
}

// own notes the version of the row if it is this start's.
func (s *starter) own(row *storage.Entity) bool {
	if row.Text(wire.ColExecutionID) != s.start.ExecutionID {
		return false
	}
	s.etag = row.ETag
	return true
}

// send puts the message into its queue, and takes the row back if that fails.
func (s *starter) send(ctx context.Context) error {
	if err := s.put(ctx); err != nil {
		return s.abandon(ctx, err)
	}
	return nil
}

// put puts the message into its queue.
func (s *starter) put(ctx context.Context) error {
	delay, err := delayUntil(s.start.Scheduled, s.hub.Now())
	if err == nil {
		err = s.hub.Send(ctx, s.out, delay)
	}
	if err != nil {
		return fmt.Errorf("send the start message: %w", err)
	}
	return nil
}

// discard drops what was stored for a message that was not sent.
func (s *starter) discard(ctx context.Context) {
	s.hub.Discard(ctx, s.out)
	s.out = nil
}

// abandon takes back what a failed start has written and adds to the error what could not be taken back, or what may
// still happen.
//
// Where the outcome of the send is unknown, the message may be on its way. Without the row the engine throws it away,
// unless it has looked at the row already. Its payload stays: a message that refers to a missing blob would be tried
// again for ever.
func (s *starter) abandon(ctx context.Context, cause error) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	uncertain := errors.Is(cause, storage.ErrUncertain)
	if !uncertain {
		s.discard(ctx)
	}
	if errors.Is(cause, ErrInstanceExists) || errors.Is(cause, ErrTaskHubNotFound) && s.etag == "" {
		return cause
	}
	switch err := s.takeBack(ctx); {
	case err == nil && uncertain:
		return fmt.Errorf("%w; the instance's row was taken back, but if the message arrived first the instance may run: "+
			"look at its status before starting it again", cause)
	case errors.Is(err, storage.ErrPrecondition):
		return fmt.Errorf("%w; yet the instance has changed since, so the message seems to have arrived: look at its status",
			cause)
	case err != nil:
		return fmt.Errorf("%w; the instance's row could not be taken back (%w) and may stay Pending: "+
			"StartOrGet starts it after all, Purge with Force removes it", cause, err)
	}
	return cause
}

// takeBack removes the row of this start, or puts back the one that it replaced, unless somebody else has changed it.
func (s *starter) takeBack(ctx context.Context) error {
	if s.etag == "" { // whether the row was written is not known
		row, err := s.readRow(ctx)
		if errors.Is(err, ErrInstanceNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if !s.own(row) {
			return nil
		}
	}
	if s.replaced != nil {
		_, err := s.hub.UpdateInstance(ctx, s.replaced, storage.Replace, s.etag)
		return err
	}
	err := s.hub.DeleteInstance(ctx, wire.EscapeKey(s.start.InstanceID), s.etag)
	if errors.Is(err, ErrInstanceNotFound) {
		return nil
	}
	return err
}
