package durable

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// Errors that callers can act on. Compare with [errors.Is]; get at the details with [errors.As] to an [*Error], and at
// what the storage service said to an *azcore.ResponseError.
var (
	// ErrInvalidArgument: an argument breaks a rule that its documentation names. Nothing was sent.
	ErrInvalidArgument = errors.New("invalid argument")
	// ErrTaskHubNotFound: the task hub does not exist in this storage account, or only a part of it does. No operation
	// but CreateTaskHub ever creates one.
	ErrTaskHubNotFound = taskhub.ErrHubNotFound
	// ErrInstanceNotFound: there is no instance with that ID.
	ErrInstanceNotFound = taskhub.ErrInstanceNotFound
	// ErrInstanceExists: the ID is in use by an instance that must not be replaced.
	ErrInstanceExists = errors.New("instance exists")
	// ErrInvalidState: the instance, or the task hub, is not in a state in which this can be done.
	ErrInvalidState = errors.New("invalid state")
	// ErrConflict: somebody else changed the instance at the same moment. Nothing was overwritten; look again and
	// decide again.
	ErrConflict = errors.New("conflict")
	// ErrUncertain: a message may have been sent although no answer says so. The error's text says what is left to do.
	ErrUncertain = storage.ErrUncertain
	// ErrPartitionCount: the sources of the task hub's partition count contradict each other, or the count given. A
	// message in the wrong queue is lost without a trace, so nothing is sent.
	ErrPartitionCount = taskhub.ErrPartitionCount
	// ErrPayloadMissing: the blob that holds an input or output is gone.
	ErrPayloadMissing = taskhub.ErrPayloadMissing
	// ErrPayloadTooLarge: an input or output is larger than [ClientOptions] allows.
	ErrPayloadTooLarge = wire.ErrPayloadTooLarge
	// ErrNoManagementEndpoint: it is not known where the HTTP management API of the task hub is.
	ErrNoManagementEndpoint = errors.New("no management endpoint")
	// ErrAccessDenied: the storage account refuses the credential, or it lacks a permission.
	ErrAccessDenied = errors.New("access denied")
)

// Error is the error of every operation: what was tried, on what, and why it failed. Its text holds no key, no SAS and
// no payload.
type Error struct {
	// Op is the method, such as "StartNew".
	Op string
	// TaskHub is the task hub's name, or "" where the operation is not about one.
	TaskHub string
	// InstanceID is the instance, or "" where the operation is not about one.
	InstanceID string
	// Status is the state that the instance was found in, or "" where it was not looked at.
	Status RuntimeStatus
	// Err is the cause.
	Err error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("durable: ")
	b.WriteString(e.Op)
	if e.InstanceID != "" {
		fmt.Fprintf(&b, " %q", e.InstanceID)
	}
	if e.TaskHub != "" {
		fmt.Fprintf(&b, " (hub %s)", e.TaskHub)
	}
	b.WriteString(": ")
	if e.Status != "" {
		fmt.Fprintf(&b, "instance is %s: ", e.Status)
	}
	b.WriteString(e.Err.Error())
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// fail makes the error of an operation. Values of the storage layer that callers can act on become this package's.
func (c *OrchestrationClient) fail(op, instanceID string, err error) error {
	return c.failIn(op, instanceID, "", err)
}

func (c *OrchestrationClient) failIn(op, instanceID string, status RuntimeStatus, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, storage.ErrPrecondition) && !errors.Is(err, ErrConflict):
		err = fmt.Errorf("%w: %w", ErrConflict, err)
	case errors.Is(err, storage.ErrDenied) && !errors.Is(err, ErrAccessDenied):
		err = fmt.Errorf("%w: %w", ErrAccessDenied, err)
	case errors.Is(err, storage.ErrBeingDeleted) && !errors.Is(err, ErrInvalidState):
		err = fmt.Errorf("%w: try again in a minute: %w", ErrInvalidState, err)
	case errors.Is(err, storage.ErrContainerNotFound) && !errors.Is(err, ErrTaskHubNotFound) &&
		!errors.Is(err, ErrPayloadMissing):
		err = fmt.Errorf("%w: %w", ErrTaskHubNotFound, err)
	}
	c.log.Debug("operation failed", "op", op, "taskHub", c.hub.Hub(), "instanceID", instanceID, "error", err)
	return &Error{Op: op, TaskHub: c.hub.Hub(), InstanceID: instanceID, Status: status, Err: err}
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrInvalidArgument, fmt.Errorf(format, args...))
}

func wrongState(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrInvalidState, fmt.Errorf(format, args...))
}

// detached returns a context for cleaning up after ctx has ended.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
}
