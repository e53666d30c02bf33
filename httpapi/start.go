package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/go-durable/durable"
)

func (c *call) start() (*answer, error) {
	wait, err := c.waitOptions()
	if err != nil {
		return nil, err
	}
	version, err := c.params.single("version")
	if err != nil {
		return nil, err
	}
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	input, err := readJSON(body)
	if err != nil {
		return nil, err
	}
	opts := &durable.StartNewOptions{InstanceID: c.route.id, Version: version}
	opts.TraceParent, opts.TraceState = trace(c.r.Header)
	id, err := c.client.StartNew(c.r.Context(), c.route.name, input, opts)
	if err != nil {
		return nil, err
	}
	return c.started(id, wait)
}

// readJSON returns a body as it is, nil if it is empty.
func readJSON(body []byte) (json.RawMessage, error) {
	switch {
	case len(body) == 0:
		return nil, nil
	case !json.Valid(body):
		var v any
		return nil, badJSON(json.Unmarshal(body, &v))
	case !utf8.Valid(body):
		return nil, badJSON(errors.New("it is not valid UTF-8"))
	}
	return body, nil
}

func badJSON(err error) error {
	return &apiError{status: http.StatusBadRequest, message: badJSONMessage, detail: err.Error()}
}

var (
	traceParent = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)
	noTrace     = regexp.MustCompile(`^(ff.*|..-0{32}-.*|.{36}0{16}-..)$`)
	traceState  = regexp.MustCompile(`^[\x20-\x7E]{1,512}$`)
)

// trace returns the trace context of a request. One that is not valid is not there, as W3C demands.
func trace(h http.Header) (parent, state string) {
	parent, state = h.Get("Traceparent"), h.Get("Tracestate")
	if !traceParent.MatchString(parent) || noTrace.MatchString(parent) {
		return "", ""
	}
	if !traceState.MatchString(state) {
		state = ""
	}
	return parent, state
}

func (c *call) restart() (*answer, error) {
	wait, err := c.waitOptions()
	if err != nil {
		return nil, err
	}
	newID, err := c.params.bool("restartWithNewInstanceId", true)
	if err != nil {
		return nil, err
	}
	id, err := c.client.Restart(c.r.Context(), c.route.id, &durable.RestartOptions{ReuseInstanceID: !newID})
	switch {
	case errors.Is(err, durable.ErrInstanceNotFound):
		return nil, &apiError{
			status: http.StatusBadRequest, message: "InstanceId does not match a valid orchestration instance.",
			detail: "No instance with ID '" + c.route.id + "' was found.", cause: err,
		}
	case errors.Is(err, durable.ErrInstanceExists):
		exists := asAPIError(err)
		exists.message, exists.detail = "A non-terminal instance with this instance ID already exists.", exists.message
		return nil, exists
	case err != nil:
		return nil, err
	}
	return c.started(id, wait)
}

// shortestPoll is the shortest pause between two looks that a caller can ask for.
const shortestPoll = 50 * time.Millisecond

// waitOptions returns how long the caller wants to wait for what he starts, nil if he does not: only both parameters
// together make him wait.
func (c *call) waitOptions() (*durable.WaitOrCheckStatusOptions, error) {
	timeout, withTimeout, err := c.params.seconds("timeout")
	if err != nil {
		return nil, err
	}
	interval, withInterval, err := c.params.seconds("pollingInterval")
	if err != nil {
		return nil, err
	}
	serverError, err := c.params.bool("returnInternalServerErrorOnFailure", false)
	if err != nil {
		return nil, err
	}
	show, err := c.show()
	if err != nil {
		return nil, err
	}
	o := &durable.WaitOrCheckStatusOptions{Status: *show}
	endpoint := c.endpoint()
	o.Endpoint, o.ReturnInternalServerErrorOnFailure = &endpoint, serverError
	if !withTimeout || !withInterval {
		return o, nil
	}
	if interval > timeout {
		return nil, badParam("pollingInterval", "is longer than the parameter 'timeout'")
	}
	// A timeout of 0 asks for one look.
	o.Timeout = min(max(timeout, time.Millisecond), c.o.MaxWait)
	o.RetryInterval = min(max(interval, shortestPoll), o.Timeout)
	return o, nil
}

// started answers with the URLs of an instance, or with what became of it.
func (c *call) started(id string, wait *durable.WaitOrCheckStatusOptions) (*answer, error) {
	var response *durable.CheckStatusResponse
	var err error
	if wait.Timeout == 0 {
		response, err = c.client.CreateCheckStatusResponse(nil, id, &wait.CheckStatusOptions)
	} else {
		response, err = c.client.WaitForCompletionOrCreateCheckStatusResponse(c.r.Context(), nil, id, wait)
	}
	if err != nil {
		return nil, err
	}
	return &answer{status: response.StatusCode, header: response.Header, body: response.Body}, nil
}
