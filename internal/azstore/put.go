package azstore

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azqueue/v2"

	"github.com/go-durable/durable/internal/storage"
)

// Put sends a message at most once. The SDK would repeat it after a timeout or a lost answer, and the message would be
// there twice, with different IDs. Here only an attempt that certainly came to nothing is followed by another.
func (q *queues) Put(ctx context.Context, queue, text string, delay time.Duration) error {
	if queue == "" {
		return invalid("no queue name")
	}
	if !validXML(text) {
		return invalid("a message that XML cannot carry")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, w := withWatch(ctx)
	ctx = policy.WithRetryOptions(ctx, w.retryOptions(q.retry))
	_, err := q.service.NewQueueClient(queue).EnqueueMessage(ctx, text, &azqueue.EnqueueMessageOptions{
		TimeToLive:        to.Ptr(int32(-1)),
		VisibilityTimeout: seconds(delay),
	})
	switch {
	case w.accepted.Load():
		// Whatever went wrong after the first line of the answer, the message is there.
		return nil
	case err == nil:
		return nil
	case w.uncertain.Load():
		return fmt.Errorf("%w: %w", storage.ErrUncertain, wrap(err, storage.ErrContainerNotFound))
	}
	return wrap(err, storage.ErrContainerNotFound)
}

// retryOptions are the caller's, cut down to what cannot do harm.
func (w *watch) retryOptions(o policy.RetryOptions) policy.RetryOptions {
	theirs, codes := o.ShouldRetry, o.StatusCodes
	o.ShouldRetry = func(resp *http.Response, err error) bool {
		switch {
		case w.accepted.Load() || w.uncertain.Load():
			return false
		case theirs != nil && !theirs(resp, err):
			return false
		case err != nil:
			return w.unsent(err)
		case theirs == nil && codes != nil && !slices.Contains(codes, resp.StatusCode):
			return false
		}
		return resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable
	}
	return o
}

// retryOptions returns the caller's retry options.
func retryOptions(opts *azcore.ClientOptions) policy.RetryOptions {
	if opts == nil {
		return policy.RetryOptions{}
	}
	o := opts.Retry
	o.StatusCodes = slices.Clone(o.StatusCodes)
	return o
}
