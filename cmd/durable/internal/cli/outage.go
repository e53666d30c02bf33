package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/text"
)

// errOutage: what has failed is not the one thing that was tried, so that to try the others is in vain.
var errOutage = errors.New("the task hub is out of reach")

// outage tells a failure that is about one thing, for which it is nil, from one that all others would meet as well. Unless
// the error says so itself, it asks the hub for a sign of life.
func outage(ctx context.Context, client *durable.OrchestrationClient, err error) error {
	if errors.Is(err, durable.ErrAccessDenied) {
		return fmt.Errorf("%w: %w", errOutage, err)
	}
	if exitCode(err) != codeFailed && !errors.Is(err, durable.ErrTaskHubNotFound) {
		return nil // it was decided about one thing
	}
	_, silent := client.TaskHubInfo(ctx, nil)
	// To refuse a list of the account's queues is a sign of life.
	if silent != nil && !errors.Is(silent, durable.ErrAccessDenied) && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", errOutage, silent)
	}
	return nil
}

// leftBehind is the error of a command that has given up, with the exit code that says whether it has done anything.
func leftBehind(left int, what string, done int, gone error) error {
	if done == 0 {
		return gone
	}
	return coded(codePartial, "%s left; the same command goes on when this is mended: %w", text.Count(left, what), gone)
}
