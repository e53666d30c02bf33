package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-durable/durable"
)

// rewind refuses a plan with warnings unless the caller says force=true, which the reference does not know.
func (c *call) rewind() (*answer, error) {
	reason, err := c.reason()
	if err != nil {
		return nil, err
	}
	force, err := c.params.bool("force", false)
	if err != nil {
		return nil, err
	}
	plan, err := c.client.Rewind(c.r.Context(), c.route.id, reason, &durable.RewindOptions{Force: force})
	if err != nil {
		return nil, c.notRewound(plan, err)
	}
	return accepted(), nil
}

// notRewound answers as the newest host does: with JSON strings, which the JavaScript and Python SDKs show.
func (c *call) notRewound(plan *durable.RewindPlan, err error) error {
	status := statusOf(err)
	e := &apiError{status: http.StatusPreconditionFailed, bare: true, cause: err}
	switch {
	case errors.Is(err, durable.ErrInstanceNotFound) && c.o.Extension1:
		return err
	case errors.Is(err, durable.ErrInstanceNotFound):
		e.status = http.StatusNotFound
		e.message = `No orchestration with instance ID "` + c.route.id + `" found.`
	case errors.Is(err, durable.ErrRewindUnsafe):
		e.message = "This rewind may do harm; look at the warnings, then repeat it with force=true: " +
			strings.Join(plan.Warnings(), "; ")
	case !errors.Is(err, durable.ErrInvalidState):
		return err
	case status == durable.RuntimeStatusFailed:
		e.message = "This orchestration cannot be rewound: " + reasonOf(err)
	case c.o.Extension1:
		return &apiError{status: http.StatusGone, cause: err}
	default:
		e.message = fmt.Sprintf(
			`This orchestration has status %s, but only orchestrations in the "Failed" state can be rewound.`, status)
	}
	return e
}
