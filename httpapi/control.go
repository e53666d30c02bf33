package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"

	"github.com/go-durable/durable"
)

// reason returns the reason that the caller gives, as it is.
func (c *call) reason() (string, error) {
	if _, err := c.params.single("reason"); err != nil {
		return "", err
	}
	return c.params.first("reason"), nil
}

// control carries out what needs only a reason.
func (c *call) control(verb string, do func(ctx context.Context, id, reason string) error) (*answer, error) {
	reason, err := c.reason()
	if err != nil {
		return nil, err
	}
	err = do(c.r.Context(), c.route.id, reason)
	if e := asState(err); e != nil && e.message != "" {
		e.message = fmt.Sprintf("Cannot %s the orchestration instance %s because instance is in the %s state.",
			verb, c.route.id, statusOf(err))
		return nil, e
	}
	if err != nil {
		return nil, err
	}
	return accepted(), nil
}

// asState returns the answer for an error that is about the state of the instance, or nil if it is not.
func asState(err error) *apiError {
	if errors.Is(err, durable.ErrInvalidState) && statusOf(err) != "" {
		return wrongState(err)
	}
	return nil
}

func (c *call) terminate() (*answer, error) {
	return c.control("terminate", func(ctx context.Context, id, reason string) error {
		return c.client.Terminate(ctx, id, reason, nil)
	})
}

func (c *call) suspend() (*answer, error) {
	return c.control("suspend", func(ctx context.Context, id, reason string) error {
		return c.client.Suspend(ctx, id, reason, nil)
	})
}

func (c *call) resume() (*answer, error) {
	return c.control("resume", func(ctx context.Context, id, reason string) error {
		return c.client.Resume(ctx, id, reason, nil)
	})
}

func (c *call) raiseEvent() (*answer, error) {
	data, err := c.eventData()
	if err != nil {
		return nil, c.unlessGone(err)
	}
	if err := c.client.RaiseEvent(c.r.Context(), c.route.id, c.route.name, data, nil); err != nil {
		return nil, err
	}
	return accepted(), nil
}

// eventData reads the body. An empty one is null, which the JavaScript SDK means by it.
func (c *call) eventData() (json.RawMessage, error) {
	if c.mediaType() != "application/json" {
		return nil, badRequest("Only application/json request content is supported")
	}
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	if len(body) == 0 {
		return json.RawMessage("null"), nil
	}
	return readJSON(body)
}

// mediaType returns the media type of the body in lower case, "" if the request names none that can be read.
func (c *call) mediaType() string {
	t, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	return t
}

// unlessGone returns the error of a bad body, unless the reference looks at the instance first and finds none, or finds
// that it has ended.
func (c *call) unlessGone(bad error) error {
	s, err := c.client.GetStatus(c.r.Context(), c.route.id, &durable.GetStatusOptions{OmitInput: true})
	switch {
	case err != nil:
		return err
	case s.RuntimeStatus.IsTerminal():
		return &apiError{status: http.StatusGone, cause: bad}
	}
	return bad
}
