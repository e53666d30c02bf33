package durable

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/go-durable/durable/internal/storage"
)

// showText returns a stored text as the host shows it: JSON as JSON, anything else as a string (DurableClient.cs).
// The host takes a text for JSON as soon as its first token is; here the whole text has to be.
func showText(v storage.Value) json.RawMessage {
	if v.Type == storage.None {
		return nil
	}
	return showJSON(v.Text)
}

func showJSON(text string) json.RawMessage {
	raw := []byte(strings.TrimSpace(text))
	switch {
	case len(raw) == 0:
		return json.RawMessage(`""`)
	case json.Valid(raw):
		return raw
	default:
		return quote(text)
	}
}

// marshalUnescaped is json.Marshal without the escaping of <, > and &, which the host does not do either.
func marshalUnescaped(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func quote(s string) json.RawMessage {
	b, _ := marshalUnescaped(s) // a string can always be marshalled
	return b
}

// statusDocument is the host's document, in the host's order.
type statusDocument struct {
	Name            string            `json:"name"`
	InstanceID      string            `json:"instanceId"`
	RuntimeStatus   RuntimeStatus     `json:"runtimeStatus"`
	Input           json.RawMessage   `json:"input"`
	CustomStatus    json.RawMessage   `json:"customStatus"`
	Output          json.RawMessage   `json:"output"`
	CreatedTime     secondTime        `json:"createdTime"`
	LastUpdatedTime secondTime        `json:"lastUpdatedTime"`
	HistoryEvents   []json.RawMessage `json:"historyEvents,omitzero"`
}

// secondTime is written with the fraction of the second cut off, as the host does.
type secondTime time.Time

func (t secondTime) MarshalJSON() ([]byte, error) {
	return []byte(time.Time(t).UTC().Format(`"2006-01-02T15:04:05Z"`)), nil
}

func (t *secondTime) UnmarshalJSON(b []byte) error { return (*time.Time)(t).UnmarshalJSON(b) }

// MarshalJSON returns the document that the HTTP API of the newest host has for the instance. [json.Marshal] escapes <,
// > and & in it, which changes nothing of its meaning; called by itself, this method does not.
func (s *OrchestrationStatus) MarshalJSON() ([]byte, error) {
	return marshalUnescaped(&statusDocument{
		Name: s.Name, InstanceID: s.InstanceID, RuntimeStatus: s.RuntimeStatus, Input: s.Input,
		CustomStatus: s.CustomStatus, Output: s.Output, CreatedTime: secondTime(s.CreatedTime),
		LastUpdatedTime: secondTime(s.LastUpdatedTime), HistoryEvents: s.HistoryEvents,
	})
}

// UnmarshalJSON reads the document of the HTTP API.
func (s *OrchestrationStatus) UnmarshalJSON(b []byte) error {
	var d statusDocument
	if err := json.Unmarshal(b, &d); err != nil {
		return err
	}
	*s = OrchestrationStatus{
		Name: d.Name, InstanceID: d.InstanceID, RuntimeStatus: d.RuntimeStatus, Input: unlessNull(d.Input),
		CustomStatus: unlessNull(d.CustomStatus), Output: unlessNull(d.Output), CreatedTime: time.Time(d.CreatedTime),
		LastUpdatedTime: time.Time(d.LastUpdatedTime), HistoryEvents: d.HistoryEvents,
	}
	return nil
}

func unlessNull(raw json.RawMessage) json.RawMessage {
	if string(raw) == "null" {
		return nil
	}
	return raw
}
