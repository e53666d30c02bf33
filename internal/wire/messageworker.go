package wire

import (
	"encoding/json"
	"strings"
)

// SetSender names the execution that a message comes from.
func (m *Message) SetSender(from Execution) {
	m.SenderInstanceID, m.SenderExecutionID = from.InstanceID, from.ExecutionID
}

// IsDetached reports whether the Tags column of an ExecutionStarted row says that nobody waits for the execution
// (OrchestrationTags.cs).
func IsDetached(tags string) bool {
	var all map[string]json.RawMessage
	_ = json.Unmarshal([]byte(tags), &all)
	_, detached := all[TagFireAndForget]
	return detached
}

// EntityRequest is what an orchestration asks of an entity (RequestMessage.cs).
type EntityRequest struct {
	Operation string `json:"op"`
	// Signal says that no answer is wanted.
	Signal bool `json:"signal"`
	// ID is the name of the event that answers.
	ID string `json:"id"`
	// Input is the operation's input, JSON in a text.
	Input string `json:"input"`
}

// DecodeEntityRequest reads the input of an event that was sent to an entity. It reports false for one that asks nothing,
// such as the release of a lock.
func DecodeEntityRequest(name, input string) (EntityRequest, bool) {
	var r EntityRequest
	if name != eventOp && !strings.HasPrefix(name, opAt) {
		return r, false
	}
	return r, json.Unmarshal([]byte(input), &r) == nil && r.ID != ""
}

// EntityAnswer is what an entity answers to an orchestration (ResponseMessage.cs).
type EntityAnswer struct {
	// Result is the operation's result, JSON in a text; of a failure it is the exception.
	Result string `json:"result"`
	// ExceptionType says that the operation failed, and why: the type of the exception, or its text.
	ExceptionType string `json:"exceptionType"`
}

// DecodeEntityAnswer reads the input of an event that answers a request. It reports false for one that is no answer.
func DecodeEntityAnswer(input string) (EntityAnswer, bool) {
	var a EntityAnswer
	return a, json.Unmarshal([]byte(input), &a) == nil
}
