package httpapi

import (
	"net/http"

	"github.com/go-durable/durable"
)

// show returns what the caller wants to see of an instance.
func (c *call) show() (*durable.GetStatusOptions, error) {
	input, err := c.params.bool("showInput", true)
	if err != nil {
		return nil, err
	}
	history, err := c.params.bool("showHistory", false)
	if err != nil {
		return nil, err
	}
	output, err := c.params.bool("showHistoryOutput", false)
	if err != nil {
		return nil, err
	}
	return &durable.GetStatusOptions{OmitInput: !input, ShowHistory: history, ShowHistoryOutput: output}, nil
}

func (c *call) status() (*answer, error) {
	show, err := c.show()
	if err != nil {
		return nil, err
	}
	serverError, err := c.params.bool("returnInternalServerErrorOnFailure", false)
	if err != nil {
		return nil, err
	}
	s, err := c.client.GetStatus(c.r.Context(), c.route.id, show)
	if err != nil {
		return nil, err
	}
	a := &answer{status: http.StatusOK}
	if a.body, err = c.document(s); err != nil {
		return nil, err
	}
	switch s.RuntimeStatus {
	case durable.RuntimeStatusCompleted, durable.RuntimeStatusTerminated, durable.RuntimeStatusCanceled:
	case durable.RuntimeStatusFailed:
		if serverError || c.o.Extension1 {
			a.status = http.StatusInternalServerError
		}
	case durable.RuntimeStatusPending, durable.RuntimeStatusRunning, durable.RuntimeStatusSuspended,
		durable.RuntimeStatusContinuedAsNew:
		return c.askAgain(a), nil
	default:
		a.status = http.StatusInternalServerError // as the reference; the body tells
	}
	return a, nil
}

// askAgain makes an answer one that tells the caller to ask again, at the same URL.
func (c *call) askAgain(a *answer) *answer {
	const after = "5" // seconds
	a.status = http.StatusAccepted
	a.header = http.Header{"Location": []string{c.ownURL()}, "Retry-After": []string{after}}
	return a
}
