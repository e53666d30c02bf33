package durable

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-durable/durable/internal/wire"
)

// maxDelay is how far ahead a message can be scheduled: the queue service hides one for seven days at most.
const maxDelay = 6*24*time.Hour + 23*time.Hour

// firstYear and lastYear are those that a DateTime of the table service can lie in.
const firstYear, lastYear = 1601, 9999

// encodeInput returns the JSON text for a value, or nil for none. A json.RawMessage keeps every byte.
func encodeInput(what string, v any) (*string, error) {
	if v == nil {
		return nil, nil //nolint:nilnil // no value is an answer here
	}
	raw, ok := v.(json.RawMessage)
	if ok && raw == nil {
		return nil, nil //nolint:nilnil // no value is an answer here
	}
	if !ok {
		var err error
		if raw, err = marshalUnescaped(v); err != nil {
			return nil, invalid("%s cannot be written as JSON: %w", what, err)
		}
	}
	if !json.Valid(raw) || !utf8.Valid(raw) {
		return nil, invalid("%s is not JSON in UTF-8", what)
	}
	text := string(raw)
	return &text, nil
}

// checkKnownID checks the ID of an instance that may have been started by somebody else, under laxer rules than ours:
// it only has to be possible as a key.
func checkKnownID(id string) error {
	switch {
	case id == "":
		return invalid("the instance ID is empty")
	case !utf8.ValidString(id):
		return invalid("an instance ID must be valid UTF-8")
	case wire.UTF16Len(wire.EscapeKey(id)) > 512:
		return invalid("an instance ID cannot be longer than a table key, 512 UTF-16 code units")
	}
	return nil
}

// checkControlled checks the ID of an orchestration that shall get a message. Entities ignore these messages.
func checkControlled(id string) error {
	if strings.HasPrefix(id, "@") {
		return invalid("%q is an entity, which heeds only signals", id)
	}
	return checkKnownID(id)
}

// checkName checks the name of an orchestrator or an event.
func checkName(what, name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return invalid("the %s is empty", what)
	case !utf8.ValidString(name):
		return invalid("the %s must be valid UTF-8", what)
	case wire.ColumnTooLarge(name):
		return invalid("the %s is too long", what)
	}
	return nil
}

func checkVersion(version string) error {
	switch {
	case !utf8.ValidString(version):
		return invalid("the version must be valid UTF-8")
	case wire.ColumnTooLarge(version):
		return invalid("the version is too long")
	}
	return nil
}

// engineTags are tags that mean something to the engine (OrchestrationTags.cs).
var engineTags = map[string]bool{
	wire.TagFireAndForget: true, "MS_CreateTrace": true, "MS_Entities_TraceParent": true, "MS_Entities_TraceState": true,
	"MS_Entities_RequestTime": true, "MS_CompleteOrchestrationLogWarning": true,
}

func checkTags(tags map[string]string) error {
	for k, v := range tags {
		switch {
		case strings.HasPrefix(k, "$"):
			return invalid("tag %q begins with $, which Newtonsoft.Json takes for an instruction", k)
		case engineTags[k]:
			return invalid("tag %q has a meaning for the engine", k)
		case !utf8.ValidString(k) || !utf8.ValidString(v):
			return invalid("tag %q is not valid UTF-8", k)
		}
	}
	if wire.ColumnTooLarge(wire.EncodeTags(tags)) {
		return invalid("the tags are too long: together they must not exceed 30720 UTF-16 code units as JSON")
	}
	return nil
}

// absoluteURI is what Uri.IsWellFormedUriString of .NET takes for an absolute URI, and a little more: a scheme of two
// characters or more, a colon, and nothing that would have to be escaped.
var absoluteURI = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.\-]+:[^\s<>"{}|\\^` + "`" + `]*$`)

// checkReason refuses a reason that .NET readers would take for the URL of a payload: the instance could not be read
// by them any more (observed on 2.13.7 and 3.14.1).
func checkReason(reason string) error {
	switch {
	case !utf8.ValidString(reason):
		return invalid("the reason must be valid UTF-8")
	case absoluteURI.MatchString(strings.TrimSpace(reason)):
		return invalid("the reason reads as a URI, which makes the instance unreadable for .NET; put a blank behind the colon")
	}
	return nil
}

var (
	traceParent = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)
	zeroIDs     = regexp.MustCompile(`^..-(0{32}-.*|.{32}-0{16}-..)$`)
)

// checkTrace checks a W3C trace context. A state alone means nothing.
func checkTrace(parent, state string) error {
	switch {
	case parent == "" && state != "":
		return invalid("TraceState is given without TraceParent")
	case parent == "":
		return nil
	case !traceParent.MatchString(parent) || zeroIDs.MatchString(parent) || strings.HasPrefix(parent, "ff"):
		return invalid("TraceParent is not a W3C traceparent")
	case !utf8.ValidString(state):
		return invalid("TraceState must be valid UTF-8")
	}
	return nil
}

// delayUntil returns how long a message has to be hidden.
func delayUntil(at, now time.Time) (time.Duration, error) {
	if at.IsZero() || !at.After(now) {
		return 0, nil
	}
	if delay := at.Sub(now); delay <= maxDelay {
		return delay, nil
	}
	return 0, invalid("the time is more than 6 days and 23 hours ahead, the most that the queue service can hide a message")
}

// checkExecution refuses an instance that is not in the execution which the caller means, "" for whichever is current.
func checkExecution(wanted string, i *wire.Instance) error {
	if wanted == "" || wire.SameExecution(wanted, i.ExecutionID) {
		return nil
	}
	return fmt.Errorf("%w: its execution is %s by now, not %s", ErrConflict, i.ExecutionID, wanted)
}
