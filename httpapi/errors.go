package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-durable/durable"
)

// apiError is an error with its answer.
type apiError struct {
	status int
	// message says what the reference says, or what the caller can act on; detail says more. Without a message the
	// answer has no body.
	message, detail string
	// bare makes the body a JSON string: only the message.
	bare bool
	// cause is for the log.
	cause error
}

func (e *apiError) Error() string {
	text := fmt.Sprintf("%d %s", e.status, e.message)
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

func (e *apiError) Unwrap() error { return e.cause }

// The messages of the reference.
const (
	badArgumentMessage = "One or more of the arguments submitted is incorrect"
	badJSONMessage     = "Invalid JSON content"
	wentWrongMessage   = "Something went wrong while processing your request"
	noSuchAPIMessage   = "No such API"
)

// asAPIError finds the answer for an error of the client.
func asAPIError(err error) *apiError {
	if e := new(apiError); errors.As(err, &e) {
		return e
	}
	switch {
	case errors.Is(err, durable.ErrInvalidArgument):
		return &apiError{status: http.StatusBadRequest, message: badArgumentMessage, detail: reasonOf(err), cause: err}
	case errors.Is(err, durable.ErrTaskHubNotFound):
		return serverError("The task hub does not exist in the storage account", err)
	case errors.Is(err, durable.ErrInstanceNotFound):
		return &apiError{status: http.StatusNotFound, cause: err}
	case errors.Is(err, durable.ErrInstanceExists):
		return &apiError{status: http.StatusConflict, cause: err, message: fmt.Sprintf(
			"An Orchestration instance with the status %s already exists.", statusOf(err))}
	case errors.Is(err, durable.ErrInvalidState):
		return wrongState(err)
	case errors.Is(err, durable.ErrConflict):
		return &apiError{
			status: http.StatusConflict, cause: err,
			message: "Somebody else changed the instance at the same moment; nothing was overwritten",
		}
	case errors.Is(err, durable.ErrUncertain):
		return serverError("The message may have been sent although no answer says so; look at the instance before "+
			"you repeat the request", err)
	case errors.Is(err, durable.ErrPayloadTooLarge):
		return serverError("An input or output of the instance is larger than this server reads", err)
	case errors.Is(err, durable.ErrPayloadMissing):
		return serverError("The blob that holds the input or output of the instance is gone", err)
	case errors.Is(err, context.DeadlineExceeded):
		return &apiError{status: http.StatusGatewayTimeout, message: "The storage did not answer in time", cause: err}
	}
	return serverError(wentWrongMessage, err)
}

func serverError(message string, cause error) *apiError {
	return &apiError{status: http.StatusInternalServerError, message: message, cause: cause}
}

// wrongState is 410 for an instance that has ended, 412 for one that is not in the state that the operation needs, and
// 409 for whatever else is not as it should be.
func wrongState(err error) *apiError {
	switch status := statusOf(err); {
	case status.IsTerminal():
		return &apiError{status: http.StatusGone, cause: err}
	case status == "":
		return &apiError{status: http.StatusConflict, message: reasonOf(err), cause: err}
	}
	return &apiError{status: http.StatusPreconditionFailed, message: reasonOf(err), cause: err}
}

// statusOf returns the state in which the operation found the instance.
func statusOf(err error) durable.RuntimeStatus {
	if e := new(durable.Error); errors.As(err, &e) {
		return e.Status
	}
	return ""
}

// reasonOf returns the text of an error of the client without the operation before it.
func reasonOf(err error) string {
	if e := new(durable.Error); errors.As(err, &e) {
		return e.Err.Error()
	}
	return err.Error()
}
