package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/parallel"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// open returns what the functions of this package work on.
func open(c *durable.OrchestrationClient) hook.Inside { return hook.Open(c) }

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", durable.ErrInvalidArgument, fmt.Errorf(format, args...))
}

func wrongState(format string, args ...any) error {
	return fmt.Errorf("%w: %w", durable.ErrInvalidState, fmt.Errorf(format, args...))
}

func conflict(format string, args ...any) error {
	return fmt.Errorf("%w: %w", durable.ErrConflict, fmt.Errorf(format, args...))
}

// send puts a message into its queue. Outcome unknown is [durable.ErrUncertain].
func send(ctx context.Context, hub *taskhub.Hub, m *wire.Message) error {
	out, err := hub.Prepare(ctx, m)
	if err != nil {
		return err
	}
	err = hub.SendOrDiscard(ctx, out, 0)
	if errors.Is(err, durable.ErrUncertain) {
		return fmt.Errorf("%w; the message may have arrived: look at the instance before sending it again", err)
	}
	return err
}

// gone turns the error for what was read and is there no longer into a conflict.
func gone(err error) error {
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, taskhub.ErrInstanceNotFound) {
		return conflict("it was purged meanwhile")
	}
	return err
}

// isGone reports whether an error says that there is no such instance. There is none whose ID no instance can have, such as
// histories and states may name.
func isGone(err error) bool {
	return errors.Is(err, taskhub.ErrInstanceNotFound) || errors.Is(err, storage.ErrInvalid)
}

// untilError does something for 0 to n-1, some at a time, until one of them fails, and returns the error of that one: where
// the storage cannot be reached, it is not asked thousands of times.
func untilError(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	going, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	parallel.Do(going, n, parallelism, func(ctx context.Context, i int) error {
		if err := do(ctx, i); err != nil {
			stop(err)
		}
		return nil
	})
	return context.Cause(going)
}

func text(s string) storage.Value { return storage.StringValue(s) }

func isJSONObject(raw json.RawMessage) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(raw, &object) == nil && object != nil
}

// isMissing reports whether an error says that a blob, or its container, does not exist.
func isMissing(err error) bool {
	return errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrContainerNotFound)
}

// unreadableColumns returns the texts of a row which .NET takes for URLs.
func unreadableColumns(l *look) []storage.Column {
	var columns []storage.Column
	for _, c := range []storage.Column{{Name: wire.ColInput, Value: l.row.Input}, {Name: wire.ColOutput, Value: l.row.Output}} {
		if l.unreadable(c.Text) {
			columns = append(columns, c)
		}
	}
	return columns
}

// cause returns the error within that of another operation, and the state that it found, so that a text names only one
// operation.
func cause(err error) (status string, inner error) {
	var e *durable.Error
	if errors.As(err, &e) && e.Err != nil {
		return string(e.Status), e.Err
	}
	return "", err
}

// count is a number of things in words. The word for one of them is followed by an s where there are more.
func count[N int | int32 | int64](n N, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
