package azstore

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
)

// exchange is what a call to aztables sends and receives besides what aztables knows of.
//
// That client reads and writes entities as map[string]any. On the way out this makes numbers float64, so that a whole
// Double turns into an Int32, and in a batch it does not double the quotes in keys; on the way in it costs many times
// more than the request. So the JSON passes by it: it is given a stand-in for the body that it writes, and another for
// the one that it reads.
type exchange struct {
	// body and contentType replace what the client would send; a nil body leaves it.
	body        []byte
	contentType string
	// prefer is the value of a Prefer header, "" for none.
	prefer string
	// selected is the value of $select, which GetEntity has no option for; "" for none.
	selected string
	// standIn is what the client reads in place of a good answer; "" leaves it.
	standIn string

	// got is the body of the answer, and resp the answer.
	got  []byte
	resp *http.Response
}

type exchangeKey struct{}

func withExchange(ctx context.Context, x *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

// exchangePolicy carries out the exchange that it finds in the context. It comes before the retries and the caller's
// own policies: all of them see the request and the answer as they are on the wire.
type exchangePolicy struct{}

func (exchangePolicy) Do(req *policy.Request) (*http.Response, error) {
	x, ok := req.Raw().Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return req.Next()
	}
	if err := x.send(req); err != nil {
		return nil, err
	}
	resp, err := req.Next()
	if err != nil || resp.StatusCode >= http.StatusBadRequest {
		return resp, err
	}
	if x.got, err = runtime.Payload(resp); err != nil {
		return resp, err
	}
	x.resp = resp
	if x.standIn != "" {
		seen := *resp
		seen.Body = io.NopCloser(strings.NewReader(x.standIn))
		return &seen, nil
	}
	return resp, nil
}

func (x *exchange) send(req *policy.Request) error {
	if x.prefer != "" {
		req.Raw().Header.Set("Prefer", x.prefer)
	}
	if x.selected != "" {
		q := req.Raw().URL.Query()
		q.Set("$select", x.selected)
		req.Raw().URL.RawQuery = q.Encode()
	}
	if x.body == nil {
		return nil
	}
	return req.SetBody(streaming.NopCloser(bytes.NewReader(x.body)), x.contentType)
}
