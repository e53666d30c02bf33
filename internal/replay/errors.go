package replay

import "errors"

// Error values. The functions of this package return errors for which [errors.Is] finds one of them.
var (
	// ErrEmpty: there are no history rows.
	ErrEmpty = errors.New("the history is empty")
	// ErrCorrupt: the rows cannot be the history of one execution.
	ErrCorrupt = errors.New("the history is corrupt")
	// ErrNotEnded: the execution has no end, or has gone on since.
	ErrNotEnded = errors.New("the execution has not ended")
	// ErrNotFailed: the execution ended otherwise than in failure.
	ErrNotFailed = errors.New("the execution has not failed")
	// ErrUnknownEvent: no action of the execution has that event ID, or it is not one that can be gone back to.
	ErrUnknownEvent = errors.New("no such event")
	// ErrBroken: a rewind has broken the history; only healing helps.
	ErrBroken = errors.New("the history was broken by a rewind and must be healed")
	// ErrNotBroken: there is nothing to heal.
	ErrNotBroken = errors.New("the history was not broken by a rewind")
)
