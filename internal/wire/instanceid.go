package wire

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// MaxIDLength is the longest instance ID that the extension accepts, in UTF-16 code units (DurableClient.cs).
const MaxIDLength = 256

// CheckInstanceID says why no orchestration may be started under an ID: the rules of DurableClient.cs and, beyond
// them, no ID of only white space, since the dispatcher of 2.9.1 chokes on it again and again.
func CheckInstanceID(id string) error {
	if strings.HasPrefix(id, "@") {
		return errors.New("an instance ID must not start with @, which marks entities")
	}
	return CheckID(id)
}

// CheckID says why an ID can be neither an orchestration's nor an entity's.
func CheckID(id string) error {
	switch {
	case id == "":
		return errors.New("the instance ID is empty")
	case !utf8.ValidString(id):
		return errors.New("an instance ID must be valid UTF-8")
	case strings.TrimSpace(id) == "":
		return errors.New("an instance ID must not be only white space")
	case strings.ContainsAny(id, escapes) || strings.ContainsFunc(id, isControl):
		return errors.New(`an instance ID must not contain /, \, #, ? or control characters`)
	case UTF16Len(id) > MaxIDLength:
		return errors.New("an instance ID must not be longer than 256 UTF-16 code units")
	}
	return nil
}

// SameExecution compares execution IDs, which are GUIDs: hosts with extension 3.x write those of starts over HTTP with
// dashes, all others without.
func SameExecution(a, b string) bool {
	return strings.EqualFold(strings.ReplaceAll(a, "-", ""), strings.ReplaceAll(b, "-", ""))
}
