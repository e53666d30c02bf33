package hook

import "github.com/go-durable/durable/internal/taskhub"

// Inside is what packages operate and durabletest need of a client and the client does not show: it works on the same hub, by the same
// rules for arguments, with the same errors.
type Inside struct {
	Hub *taskhub.Hub
	// Fail makes the error of an operation; a nil error stays nil.
	Fail func(op, instanceID, status string, err error) error
	// CheckID checks the ID of an instance, CheckControlled that of an orchestration which shall get a message,
	// CheckReason a text that becomes the output of an instance.
	CheckID, CheckControlled, CheckReason func(string) error
	// CheckWakeReason checks a text that goes into a message which wakes an instance.
	CheckWakeReason func(string) error
	// Encode returns the JSON text for a value, nil for none.
	Encode func(what string, v any) (*string, error)
	// ReadsAsURI reports whether .NET takes a text for the URL of a payload.
	ReadsAsURI func(text string) bool
}

// Open returns the inside of a *durable.OrchestrationClient. Package durable sets it.
var Open func(client any) Inside
