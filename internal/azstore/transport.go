package azstore

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// transport is the last station before the network. It takes queries, and with them signatures, out of errors before
// anybody can log them, and keeps watch for [queues.Put].
type transport struct{ next policy.Transporter }

func (t *transport) Do(req *http.Request) (*http.Response, error) {
	w, _ := req.Context().Value(watchKey{}).(*watch)
	if w != nil {
		req = w.begin(req)
	}
	resp, err := t.next.Do(req)
	if w != nil {
		w.end(resp, err)
	}
	if resp != nil && resp.Request == nil {
		resp.Request = req
	}
	return resp, redact(err)
}

// redact replaces an error that holds a URL by one that holds it without its query. The SDK logs transport errors
// with their text.
func redact(err error) error {
	var e *url.Error
	if !errors.As(err, &e) {
		return err
	}
	clean, _, _ := strings.Cut(e.URL, "?")
	return &url.Error{Op: e.Op, URL: clean, Err: redact(e.Err)}
}

type watchKey struct{}

// watch observes the attempts of one request that must not be carried out twice.
type watch struct {
	// accepted: an answer said that the request was carried out.
	accepted atomic.Bool
	// uncertain: an attempt was sent, and nothing says what became of it.
	uncertain atomic.Bool
	// dialing: a connection was asked for and not yet given.
	dialing atomic.Bool
}

func withWatch(ctx context.Context) (context.Context, *watch) {
	w := &watch{}
	return context.WithValue(ctx, watchKey{}, w), w
}

// begin has the transport report when it gets a connection. As long as it has none, nothing was sent.
func (w *watch) begin(req *http.Request) *http.Request {
	w.dialing.Store(false)
	return req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GetConn: func(string) { w.dialing.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { w.dialing.Store(false) },
	}))
}

func (w *watch) end(resp *http.Response, err error) {
	switch {
	case err != nil:
		w.uncertain.Store(w.uncertain.Load() || !w.unsent(err))
	case resp.StatusCode == http.StatusCreated:
		w.accepted.Store(true)
	case !refused(resp):
		w.uncertain.Store(true)
	}
}

// unsent reports whether an attempt that failed with err certainly never left this machine.
func (w *watch) unsent(err error) bool {
	var op *net.OpError
	return w.dialing.Load() || errors.As(err, &op) && op.Op == "dial"
}

// refused reports whether an answer says that the request was not carried out. A 5xx says so only when it is the
// service's own throttling: any other may come from a gateway that lost the service's answer.
func refused(resp *http.Response) bool {
	switch s := resp.StatusCode; {
	case s == http.StatusServiceUnavailable:
		return throttled(resp)
	case s == http.StatusRequestTimeout:
		return false
	default:
		return s >= 400 && s < 500
	}
}
