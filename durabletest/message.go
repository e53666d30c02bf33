package durabletest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// checkMessage refuses what every engine reads but some choke on, again and again (observed on 1.17.5 and 2.9.1): a
// test shall find that, not production.
func checkMessage(m *wire.Message, data []byte) error {
	var envelope struct {
		Sender      json.RawMessage
		TaskMessage struct{ Event struct{ Timestamp string } }
	}
	if err := json.Unmarshal(data, &envelope); err != nil {
		return errors.New("the event has no Timestamp that is a text")
	}
	switch sender := string(envelope.Sender); {
	case m.EventType == wire.EventRaised && (sender == "" || sender == "null"):
		return errors.New("the event has no Sender, which stops the instance until the worker is restarted")
	case !strings.HasSuffix(envelope.TaskMessage.Event.Timestamp, "Z"):
		return errors.New("the event's Timestamp is not in UTC, at which the worker fails for ever")
	case strings.TrimSpace(m.InstanceID) == "":
		return errors.New("the instance ID is only white space, at which the worker fails for ever")
	}
	return nil
}

// checkPartition refuses a message in a queue that is not its instance's.
func checkPartition(m *wire.Message, partition, count int) error {
	if right := wire.Partition(m.InstanceID, count); right != partition {
		return fmt.Errorf("it is for %q, which belongs to partition %d", m.InstanceID, right)
	}
	return nil
}

// eventColumns returns the columns of the history row for the event in a message: its members by name, without those
// that are null, with objects as JSON texts (TableEntityConverter.cs of 1.x). The type's own columns come last.
func eventColumns(m *wire.Message) ([]storage.Column, error) {
	members, err := objectMembers(m.Event)
	if err != nil {
		return nil, err
	}
	var columns []storage.Column
	for _, member := range members {
		name := member.name
		switch name {
		case "$type", wire.ColEventType:
			continue
		case wire.ColIsPlayed:
			// An in-process app has seen all events that come in by the time they are written.
			columns = append(columns, storage.Column{Name: name, Value: storage.BoolValue(true)})
			continue
		case "Timestamp":
			name = wire.ColTimestamp
		}
		value, err := columnValue(name, member.value)
		if err != nil {
			return nil, err
		}
		if value.Type != storage.None {
			columns = append(columns, storage.Column{Name: name, Value: value})
		}
	}
	return columns, nil
}

// columnValue returns the value of a column for the value of a member.
func columnValue(name string, raw json.RawMessage) (storage.Value, error) {
	switch raw[0] {
	case 'n':
		return storage.Value{}, nil
	case 't', 'f':
		return storage.BoolValue(raw[0] == 't'), nil
	case '{':
		text, err := withoutTypes(raw)
		return storage.StringValue(string(text)), err
	case '"':
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return storage.Value{}, fmt.Errorf("member %s of the event is no text", name)
		}
		if !isTime(name) {
			return storage.StringValue(text), nil
		}
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return storage.Value{}, fmt.Errorf("member %s of the event is no time", name)
		}
		return storage.TimeValue(at), nil
	}
	var n int32
	if err := json.Unmarshal(raw, &n); err != nil {
		return storage.Value{}, fmt.Errorf("member %s of the event is no number of 32 bits", name)
	}
	return storage.Int32Value(n), nil
}

// isTime tells the columns of type DateTime.
func isTime(name string) bool {
	return name == wire.ColTimestamp || name == wire.ColScheduledStartTime || name == wire.ColFireAt
}

// withoutTypes returns a JSON object without the $type members that messages have and rows do not.
func withoutTypes(object json.RawMessage) (json.RawMessage, error) {
	members, err := objectMembers(object)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for _, m := range members {
		if m.name == "$type" {
			continue
		}
		if m.value[0] == '{' {
			if m.value, err = withoutTypes(m.value); err != nil {
				return nil, err
			}
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(m.name) // a string can always be marshalled
		b.Write(name)
		b.WriteByte(':')
		b.Write(m.value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// member is a member of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

// objectMembers returns the members of a JSON object in their order.
func objectMembers(object json.RawMessage) ([]member, error) {
	failed := errors.New("the event is no JSON object")
	d := json.NewDecoder(bytes.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, failed
	}
	var members []member
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, failed
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, failed
		}
		members = append(members, member{fmt.Sprint(name), value})
	}
	return members, nil
}
