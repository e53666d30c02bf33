package durable

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// CheckStatusOptions are options for CreateCheckStatusResponse.
type CheckStatusOptions struct {
	// Endpoint is where the URLs lead. Defaults to that of [ClientOptions].
	Endpoint *ManagementEndpoint
	// ReturnInternalServerErrorOnFailure makes the status URL answer 500 for a failed instance, instead of 200.
	ReturnInternalServerErrorOnFailure bool
	// TrustForwarded takes scheme and host from the headers Forwarded, X-Forwarded-Proto and X-Forwarded-Host of the
	// request, the first value of each. Set it only behind a proxy that overwrites them: otherwise a caller can have
	// URLs made that lead to a host of his choice.
	TrustForwarded bool
}

// WaitOrCheckStatusOptions are options for WaitForCompletionOrCreateCheckStatusResponse.
type WaitOrCheckStatusOptions struct {
	CheckStatusOptions
	// Timeout is how long to wait. Defaults to 10 s.
	Timeout time.Duration
	// RetryInterval is the longest pause between two looks; it must not be longer than Timeout. Defaults to 1 s, or to
	// Timeout if that is shorter.
	RetryInterval time.Duration
	// Status says what the answer shows of an instance that has ended otherwise than Completed.
	Status GetStatusOptions
}

const (
	defaultCheckTimeout = 10 * time.Second
	// checkAgainAfter is what hosts tell a client to wait before it looks again.
	checkAgainAfter = 10 * time.Second
	jsonContent     = "application/json; charset=utf-8"
)

// CheckStatusResponse is an HTTP response. It is an [http.Handler] that answers any request with itself, and marshals to
// what a Functions host takes from a custom handler for an output binding of type http.
type CheckStatusResponse struct {
	StatusCode int
	Header     http.Header
	Body       []byte
}

// ServeHTTP writes the response.
func (r *CheckStatusResponse) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	for name, values := range r.Header {
		w.Header()[name] = slices.Clone(values)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(r.Body)))
	w.WriteHeader(r.StatusCode)
	_, _ = w.Write(r.Body) // if the caller has gone, nobody is left to be told
}

// MarshalJSON returns an object with statusCode, headers and body, the body as a string.
func (r *CheckStatusResponse) MarshalJSON() ([]byte, error) {
	headers := make(map[string]string, len(r.Header))
	for name := range r.Header {
		headers[name] = strings.Join(r.Header.Values(name), ", ")
	}
	return marshalUnescaped(struct {
		StatusCode int               `json:"statusCode"`
		Headers    map[string]string `json:"headers"`
		Body       string            `json:"body"`
	}{r.StatusCode, headers, string(r.Body)})
}

// CreateCheckStatusResponse returns the answer to a request that has started an instance: 202 with the management URLs,
// a Location and Retry-After: 10. Its body is the document of the Functions host. If r is not nil, the URLs have the
// scheme and host by which the caller came, and the path of the endpoint. A custom handler gives nil: its requests come
// from the host. It does no I/O, and the instance need not exist. Opts may be nil.
//
// It returns [ErrNoManagementEndpoint] if neither the client nor opts has an endpoint, and [ErrInvalidArgument].
func (c *OrchestrationClient) CreateCheckStatusResponse(
	r *http.Request, instanceID string, opts *CheckStatusOptions,
) (*CheckStatusResponse, error) {
	const op = "CreateCheckStatusResponse"
	if opts == nil {
		opts = &CheckStatusOptions{}
	}
	response, err := c.checkStatus(r, instanceID, opts)
	return response, c.fail(op, instanceID, err)
}

func (c *OrchestrationClient) checkStatus(
	r *http.Request, instanceID string, opts *CheckStatusOptions,
) (*CheckStatusResponse, error) {
	e, err := c.endpoint(opts.Endpoint)
	if err != nil {
		return nil, err
	}
	if r != nil {
		e = e.ForRequest(r, opts.TrustForwarded)
	}
	p, err := e.payload(instanceID)
	if err != nil {
		return nil, err
	}
	if !e.Extension1 {
		p.RewindPostURI = "" // since extension 2.0
	}
	if opts.ReturnInternalServerErrorOnFailure {
		p.StatusQueryGetURI += "&returnInternalServerErrorOnFailure=true"
	}
	response, err := newJSONResponse(http.StatusAccepted, p)
	if err != nil {
		return nil, err
	}
	response.Header.Set("Location", p.StatusQueryGetURI)
	response.Header.Set("Retry-After", strconv.Itoa(int(checkAgainAfter.Seconds())))
	return response, nil
}

func newJSONResponse(code int, v any) (*CheckStatusResponse, error) {
	body, ok := v.(json.RawMessage)
	if !ok {
		var err error
		if body, err = marshalUnescaped(v); err != nil {
			return nil, err
		}
	}
	return &CheckStatusResponse{
		StatusCode: code, Header: http.Header{"Content-Type": []string{jsonContent}}, Body: body,
	}, nil
}

// ForRequest returns the endpoint with the scheme and host by which a request came; if these cannot be in a URL, it
// returns the endpoint as it is. TrustForwarded is explained at [CheckStatusOptions].
func (e ManagementEndpoint) ForRequest(r *http.Request, trustForwarded bool) ManagementEndpoint {
	u, err := url.Parse(e.BaseURL)
	if err != nil || r.Host == "" {
		return e
	}
	u.Scheme, u.Host = "http", r.Host
	if r.TLS != nil {
		u.Scheme = "https"
	}
	if trustForwarded {
		scheme, host := forwarded(r.Header)
		u.Scheme, u.Host = cmp.Or(scheme, u.Scheme), cmp.Or(host, u.Host)
	}
	if !isHost(u.Host) {
		return e
	}
	e.BaseURL = u.String()
	return e
}

func isHost(host string) bool {
	u, err := url.Parse("http://" + host)
	return err == nil && host != "" && u.Host == host
}

// forwarded returns what proxies say of the request that the first of them got: RFC 7239, else the older headers. What
// is no scheme or no host is not returned.
func forwarded(h http.Header) (scheme, host string) {
	first, _, _ := strings.Cut(h.Get("Forwarded"), ",")
	for pair := range strings.SplitSeq(first, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		value = strings.Trim(value, `"`)
		switch strings.ToLower(name) {
		case "proto":
			scheme = value
		case "host":
			host = value
		}
	}
	older := func(name string) string {
		value, _, _ := strings.Cut(h.Get(name), ",")
		return strings.TrimSpace(value)
	}
	if scheme == "" {
		scheme = older("X-Forwarded-Proto")
	}
	if host == "" {
		host = older("X-Forwarded-Host")
	}
	if scheme = strings.ToLower(scheme); scheme != "http" && scheme != "https" {
		scheme = ""
	}
	if !isHost(host) {
		host = ""
	}
	return scheme, host
}

// WaitForCompletionOrCreateCheckStatusResponse waits for an instance to end. If it completes in time, the answer is 200
// with its output; if it ends otherwise, 200 with its status, or 500 if it failed and
// opts.ReturnInternalServerErrorOnFailure is set or the endpoint is of extension 1.x. If it does not end in time, or
// does not exist, the answer is that of [OrchestrationClient.CreateCheckStatusResponse]. Opts may be nil: 10 s, looking
// each second.
//
// It returns [ErrNoManagementEndpoint], [ErrInvalidArgument], [ErrTaskHubNotFound], the other errors of
// WaitForCompletion, and the error of the context if that ends first.
func (c *OrchestrationClient) WaitForCompletionOrCreateCheckStatusResponse(
	ctx context.Context, r *http.Request, instanceID string, opts *WaitOrCheckStatusOptions,
) (*CheckStatusResponse, error) {
	const op = "WaitForCompletionOrCreateCheckStatusResponse"
	o, err := opts.check()
	if err == nil {
		err = checkKnownID(instanceID)
	}
	if err != nil {
		return nil, c.fail(op, instanceID, err)
	}
	// Made first, so that a missing endpoint is not found out only after the wait.
	later, err := c.checkStatus(r, instanceID, &o.CheckStatusOptions)
	if err != nil {
		return nil, c.fail(op, instanceID, err)
	}
	s, err := c.waitBriefly(ctx, instanceID, &o)
	switch {
	case err != nil:
		return nil, c.fail(op, instanceID, err)
	case s == nil:
		return later, nil
	}
	e, _ := c.endpoint(o.Endpoint) // has been found before
	response, err := endedResponse(s, o.ReturnInternalServerErrorOnFailure || e.Extension1)
	return response, c.fail(op, instanceID, err)
}

func (o *WaitOrCheckStatusOptions) check() (WaitOrCheckStatusOptions, error) {
	var checked WaitOrCheckStatusOptions
	if o != nil {
		checked = *o
	}
	if checked.Timeout == 0 {
		checked.Timeout = defaultCheckTimeout
	}
	if checked.RetryInterval == 0 {
		checked.RetryInterval = min(defaultPollInterval, checked.Timeout)
	}
	switch {
	case checked.Timeout < 0 || checked.RetryInterval < 0:
		return checked, invalid("Timeout or RetryInterval is negative")
	case checked.RetryInterval > checked.Timeout:
		return checked, invalid("RetryInterval (%s) is longer than Timeout (%s)", checked.RetryInterval, checked.Timeout)
	}
	return checked, nil
}

// waitBriefly returns the status of an instance that has ended, or nil if it has not by the end of the timeout.
func (c *OrchestrationClient) waitBriefly(
	ctx context.Context, instanceID string, o *WaitOrCheckStatusOptions,
) (*OrchestrationStatus, error) {
	wait, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	_, err := c.waitFor(wait, instanceID, o.RetryInterval, true, hasEnded)
	if err != nil && (ctx.Err() != nil || wait.Err() == nil) {
		return nil, err
	}
	// Also after the timeout: the last look may have been a whole interval ago.
	s, err := c.readStatus(ctx, instanceID, &o.Status)
	if errors.Is(err, ErrInstanceNotFound) {
		return nil, nil //nolint:nilnil // it has not ended
	}
	if err != nil {
		return nil, err
	}
	if !s.RuntimeStatus.IsTerminal() {
		return nil, nil //nolint:nilnil // it has not ended
	}
	return s, nil
}

func endedResponse(s *OrchestrationStatus, serverErrorOnFailure bool) (*CheckStatusResponse, error) {
	switch {
	case s.RuntimeStatus == RuntimeStatusCompleted && s.PayloadError != nil:
		return nil, s.PayloadError
	case s.RuntimeStatus == RuntimeStatusCompleted:
		return newJSONResponse(http.StatusOK, orNull(s.Output))
	case s.RuntimeStatus == RuntimeStatusFailed && serverErrorOnFailure:
		return newJSONResponse(http.StatusInternalServerError, s)
	}
	return newJSONResponse(http.StatusOK, s)
}
