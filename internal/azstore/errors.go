package azstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/go-durable/durable/internal/storage"
)

// Error is a failure that the service or the way to it reported. [errors.Is] finds the value of package storage that
// it amounts to, [errors.As] the *[azcore.ResponseError] or the network error below.
//
// Its text is short and safe to log: status, code and request ID, and no query, header or body.
type Error struct {
	// Status, Code and RequestID are from the answer; Status is 0 if there was none.
	Status    int
	Code      string
	RequestID string

	kind  error // nil if the contract has no name for it
	cause error
}

// Error returns the kind of the failure and what the service said about it.
func (e *Error) Error() string {
	var parts []string
	if e.kind != nil {
		parts = append(parts, e.kind.Error())
	}
	if e.Status == 0 {
		return strings.Join(append(parts, e.cause.Error()), ": ")
	}
	s := fmt.Sprintf("HTTP %d", e.Status)
	if e.Code != "" {
		s += " " + e.Code
	}
	if e.RequestID != "" {
		s += ", request " + e.RequestID
	}
	if len(parts) == 0 {
		return s
	}
	return parts[0] + " (" + s + ")"
}

// Unwrap returns the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.kind == nil {
		return []error{e.cause}
	}
	return []error{e.kind, e.cause}
}

// wrap turns an error of the SDK into one of the contract. Missing is what a 404 without a code means for the request.
func wrap(err, missing error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return bare(err)
	}
	var r *azcore.ResponseError
	if !errors.As(err, &r) {
		return bare(err)
	}
	e := &Error{Status: r.StatusCode, Code: r.ErrorCode, cause: r}
	if r.RawResponse != nil {
		e.RequestID = r.RawResponse.Header.Get("x-ms-request-id")
	}
	e.kind = kindOf(r.StatusCode, r.ErrorCode, missing)
	return e
}

// bare drops what layers of the SDK wrote around a network error: their texts hold the URL a second time. Other
// errors, such as those of a credential, pass as they are.
func bare(err error) error {
	var u *url.Error
	if err != nil && errors.As(err, &u) {
		return &Error{cause: redact(u)}
	}
	return err
}

// invalid is a request that is refused here, for the reason that the service would have.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", storage.ErrInvalid, fmt.Sprintf(format, args...))
}

// kinds are the codes that say more than the status.
var kinds = map[string]error{
	"TableNotFound":     storage.ErrContainerNotFound,
	"QueueNotFound":     storage.ErrContainerNotFound,
	"ContainerNotFound": storage.ErrContainerNotFound,

	"ResourceNotFound":   storage.ErrNotFound,
	"EntityNotFound":     storage.ErrNotFound,
	"BlobNotFound":       storage.ErrNotFound,
	"MessageNotFound":    storage.ErrNotFound,
	"PopReceiptMismatch": storage.ErrNotFound,

	"EntityAlreadyExists":    storage.ErrExists,
	"BlobAlreadyExists":      storage.ErrExists,
	"TableAlreadyExists":     storage.ErrExists,
	"QueueAlreadyExists":     storage.ErrExists,
	"ContainerAlreadyExists": storage.ErrExists,

	"TableBeingDeleted":     storage.ErrBeingDeleted,
	"QueueBeingDeleted":     storage.ErrBeingDeleted,
	"ContainerBeingDeleted": storage.ErrBeingDeleted,

	// Azure answers a malformed Authorization header with 400.
	"InvalidAuthenticationInfo": storage.ErrDenied,
}

func kindOf(status int, code string, missing error) error {
	if k, ok := kinds[code]; ok {
		return k
	}
	// LeaseIdMissing, LeaseIdMismatchWith…, LeaseAlreadyPresent, LeaseAlreadyBroken, …: 409 or 412.
	if strings.HasPrefix(code, "Lease") {
		return storage.ErrLeased
	}
	switch status {
	case http.StatusNotFound:
		return missing
	case http.StatusPreconditionFailed:
		return storage.ErrPrecondition
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong,
		http.StatusRequestHeaderFieldsTooLarge:
		return storage.ErrInvalid
	case http.StatusUnauthorized, http.StatusForbidden:
		return storage.ErrDenied
	}
	return nil
}

// gone reports whether an error of a deletion says that there is nothing left to delete.
func gone(err error) bool {
	return errors.Is(err, storage.ErrContainerNotFound) || errors.Is(err, storage.ErrNotFound) ||
		errors.Is(err, storage.ErrBeingDeleted)
}

// throttled reports whether a 503 is the service's own refusal to take on more work.
func throttled(resp *http.Response) bool {
	var r *azcore.ResponseError
	return errors.As(runtime.NewResponseError(resp), &r) && r.ErrorCode == "ServerBusy"
}
