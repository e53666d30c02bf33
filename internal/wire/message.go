package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Names of .NET types, without assembly, as engines since 1.4.0 write and read them (MessageManager.cs).
const (
	typeMessageData  = "DurableTask.AzureStorage.MessageData"
	typeTaskMessage  = "DurableTask.Core.TaskMessage"
	typeInstance     = "DurableTask.Core.OrchestrationInstance"
	typeTraceContext = "DurableTask.Core.Tracing.DistributedTraceContext"
	typeParent       = "DurableTask.Core.ParentInstance"
	typeEventPrefix  = "DurableTask.Core.History."
	typeEventSuffix  = "Event"
)

// envelope is MessageData. The order of the members is the wire order; $type must come first.
type envelope struct {
	Type                     string       `json:"$type"`
	ActivityID               string       `json:"ActivityId"`
	TaskMessage              *taskMessage `json:"TaskMessage"`
	CompressedBlobName       *string      `json:"CompressedBlobName"`
	SequenceNumber           int64        `json:"SequenceNumber"`
	Episode                  *int         `json:"Episode,omitempty"`
	Sender                   *sender      `json:"Sender"`
	SerializableTraceContext *string      `json:"SerializableTraceContext"`
}

type taskMessage struct {
	Type                          string          `json:"$type"`
	Event                         json.RawMessage `json:"Event"`
	SequenceNumber                int64           `json:"SequenceNumber"`
	OrchestrationInstance         instanceRef     `json:"OrchestrationInstance"`
	OrchestrationExecutionContext json.RawMessage `json:"OrchestrationExecutionContext"`
}

type instanceRef struct {
	Type        string  `json:"$type"`
	InstanceID  string  `json:"InstanceId"`
	ExecutionID *string `json:"ExecutionId"`
}

// sender is an OrchestrationInstance without $type. It must not be null: the worker dereferences it
// (OrchestrationSession.cs).
type sender struct {
	InstanceID  string `json:"InstanceId"`
	ExecutionID string `json:"ExecutionId"`
}

// Message is a message on a control queue or on the work-item queue.
type Message struct {
	// ActivityID is a GUID with dashes, new for each message.
	ActivityID string
	// InstanceID is the instance that the message is for. ExecutionID is its execution, or "" for whichever is current.
	InstanceID, ExecutionID string
	// SequenceNumber orders the messages of one second in one batch. Separate processes must not both count from 1
	// (observed on 2.9.1: an event with a smaller number than its start is discarded).
	SequenceNumber int64
	// Sender is the instance that sends it; both parts are "" for a client.
	SenderInstanceID, SenderExecutionID string
	// Episode is set in messages that a worker sends.
	Episode *int

	// EventType names the event, Event is its JSON. In a wrapper both are empty.
	EventType string
	Event     json.RawMessage
	// BlobName is the blob that holds the whole message, set in a wrapper only.
	BlobName string

	// noSender says that a message that was decoded has none, which not every event may be without.
	noSender bool
	// executionContext says that the message carries an OrchestrationExecutionContext. Readers do without.
	executionContext bool
}

// emptyContext is what workers write where an orchestration has no tags to hand on: an empty dictionary.
const emptyContext = `{"$type":"DurableTask.Core.OrchestrationExecutionContext","OrchestrationTags":` +
	`{"$type":"System.Collections.Generic.Dictionary` + "`" + `2[[System.String, System.Private.CoreLib],` +
	`[System.String, System.Private.CoreLib]]"}}`

const emptyGUID = "00000000-0000-0000-0000-000000000000"

// JSON returns the message as JSON text, before it is encoded for the queue. It is an envelope, put together by hand:
// encoding/json would go through the event, which is most of it and already JSON, two more times.
func (m *Message) JSON() []byte {
	if m.BlobName != "" {
		return marshal(&envelope{Type: typeMessageData, ActivityID: emptyGUID, CompressedBlobName: &m.BlobName})
	}
	const around = 700 // bytes, in most messages
	b := append(make([]byte, 0, len(m.Event)+around), beforeActivity...)
	b = appendText(b, m.ActivityID)
	b = append(append(b, beforeEvent...), m.Event...)
	b = appendText(append(b, beforeInstance...), m.InstanceID)
	b = append(b, beforeExecution...)
	if m.ExecutionID == "" {
		b = append(b, null...)
	} else {
		b = appendText(b, m.ExecutionID)
	}
	b = append(b, beforeContext...)
	if m.executionContext {
		b = append(b, emptyContext...)
	} else {
		b = append(b, null...)
	}
	b = strconv.AppendInt(append(b, beforeNumber...), m.SequenceNumber, 10)
	if m.Episode != nil {
		b = strconv.AppendInt(append(b, beforeEpisode...), int64(*m.Episode), 10)
	}
	b = appendText(append(b, beforeSender...), m.SenderInstanceID)
	b = appendText(append(b, beforeExecution...), m.SenderExecutionID)
	return append(b, behindSender...)
}

// What stands in an envelope between its values.
const (
	beforeActivity  = `{"$type":"` + typeMessageData + `","ActivityId":`
	beforeEvent     = `,"TaskMessage":{"$type":"` + typeTaskMessage + `","Event":`
	beforeInstance  = `,"SequenceNumber":0,"OrchestrationInstance":{"$type":"` + typeInstance + `","InstanceId":`
	beforeExecution = `,"ExecutionId":`
	beforeContext   = `},"OrchestrationExecutionContext":`
	beforeNumber    = `},"CompressedBlobName":null,"SequenceNumber":`
	beforeEpisode   = `,"Episode":`
	beforeSender    = `,"Sender":{"InstanceId":`
	behindSender    = `},"SerializableTraceContext":null}`
	null            = "null"
)

// EncodeText returns the text that lies in the queue for a message's JSON: Base64, the one form that every engine
// reads (MessageManager.cs) and that no XML processor can damage.
func EncodeText(message []byte) string {
	const atOnce = 3 << 8 // a multiple of three needs no padding
	var b strings.Builder
	b.Grow(base64.StdEncoding.EncodedLen(len(message)))
	var buf [atOnce / 3 * 4]byte
	for chunk := range slices.Chunk(message, atOnce) {
		b.Write(base64.StdEncoding.AppendEncode(buf[:0], chunk))
	}
	return b.String()
}

// DecodeText returns the JSON of a message for the text in the queue: raw or in Base64.
func DecodeText(text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "{") {
		return []byte(text), nil
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("the message is neither JSON nor Base64")
	}
	return b, nil
}

// DecodeMessage reads a message from its JSON. It is as strict as the engine: what it refuses is a poison message
// there.
func DecodeMessage(data []byte) (*Message, error) {
	if m := readOwn(data); m != nil {
		return m, nil
	}
	return decodeMessage(data)
}

func decodeMessage(data []byte) (*Message, error) {
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("not a message: %w", shortJSONError(err))
	}
	if e.CompressedBlobName != nil && *e.CompressedBlobName != "" {
		return &Message{BlobName: *e.CompressedBlobName}, nil // whatever else it holds, the engine reads the blob
	}
	tm := e.TaskMessage
	if tm == nil {
		return nil, errors.New("the message has neither a TaskMessage nor a CompressedBlobName")
	}
	eventType, err := eventTypeOf(tm.Event)
	if err != nil {
		return nil, err
	}
	if tm.OrchestrationInstance.InstanceID == "" {
		return nil, errors.New("the message names no instance")
	}
	m := &Message{
		ActivityID: e.ActivityID, InstanceID: tm.OrchestrationInstance.InstanceID, SequenceNumber: e.SequenceNumber,
		Episode: e.Episode, EventType: eventType, Event: tm.Event,
	}
	if id := tm.OrchestrationInstance.ExecutionID; id != nil {
		m.ExecutionID = *id
	}
	if m.noSender = e.Sender == nil; !m.noSender {
		m.SenderInstanceID, m.SenderExecutionID = e.Sender.InstanceID, e.Sender.ExecutionID
	}
	return m, nil
}

// eventTypeOf returns the event type that the $type of an event names. An assembly name behind it, as engines before
// 1.4.0 wrote it, is passed over.
func eventTypeOf(event json.RawMessage) (string, error) {
	typ, ok := firstType(event)
	if !ok {
		var t struct {
			Type string `json:"$type"`
		}
		if err := json.Unmarshal(event, &t); err != nil {
			return "", fmt.Errorf("not an event: %w", shortJSONError(err))
		}
		typ = t.Type
	}
	name, _, _ := strings.Cut(typ, ",")
	name, ok = strings.CutPrefix(name, typeEventPrefix)
	if !ok {
		return "", errors.New("the event has no $type of a history event")
	}
	// GenericEvent is the one class whose name is the event type itself.
	if name == GenericEvent {
		return name, nil
	}
	name, ok = strings.CutSuffix(name, typeEventSuffix)
	if !ok || name == "" {
		return "", errors.New("the event has no $type of a history event")
	}
	return name, nil
}

// firstType returns the $type of an event as .NET writes it, as the first member and in plain letters. That saves
// reading the whole event once more.
func firstType(event json.RawMessage) (string, bool) {
	rest, ok := bytes.CutPrefix(event, []byte(`{"$type":"`))
	end := bytes.IndexAny(rest, `"\\`)
	if !ok || end < 0 || rest[end] != '"' {
		return "", false
	}
	return string(rest[:end]), true
}

// shortJSONError drops what encoding/json quotes of the input: it may be a payload.
func shortJSONError(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("no JSON at byte %d", syntax.Offset)
	}
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		return fmt.Errorf("member %s is of the wrong type", typ.Field)
	}
	return errors.New("no JSON")
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Time is a time as messages hold it.
type Time time.Time

// MarshalJSON writes the time as Newtonsoft.Json does.
func (t Time) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, len(messageTime)+len(`""`))
	b = append(b, '"')
	b = time.Time(t).UTC().AppendFormat(b, messageTime)
	return append(b, '"'), nil
}
