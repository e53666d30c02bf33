package durabletest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// badEvent is the error for a message that is not what its queue or type promises.
func badEvent(what string) error { return fmt.Errorf("it is no %s", strings.TrimPrefix(what, "a ")) }

// checkPartition refuses a message in a queue that is not its instance's.
func checkPartition(m *wire.Message, partition, count int) error {
	if right := wire.Partition(m.InstanceID, count); right != partition {
		return fmt.Errorf("it is for %q, which belongs to partition %d", m.InstanceID, right)
	}
	return nil
}

// eventColumns returns the columns of the history row for the event in a message: its members by name, without those
// that are null, with objects as JSON texts (TableEntityConverter.cs of 1.x). The type's own columns come last.
func eventColumns(event json.RawMessage) ([]storage.Column, error) {
	all, err := objectMembers(event, make(members, 0, usual))
	if err != nil {
		return nil, err
	}
	columns := make([]storage.Column, 0, len(all)+2) // two more are added
	for _, member := range all {
		name := columnOf(member.name)
		switch name {
		case "":
			continue
		case wire.ColIsPlayed:
			// An in-process app has seen all events that come in by the time they are written.
			columns = append(columns, storage.Column{Name: name, Value: storage.BoolValue(true)})
			continue
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

// memberColumns are the members that have a column of another name or, by "", none; and those that are in every event,
// whose names need not be made anew.
var memberColumns = map[string]string{
	"$type": "", wire.ColEventType: "", "Timestamp": wire.ColTimestamp,
	wire.ColEventID: wire.ColEventID, wire.ColIsPlayed: wire.ColIsPlayed, wire.ColTaskScheduledID: wire.ColTaskScheduledID,
	wire.ColResult: wire.ColResult, wire.ColName: wire.ColName, wire.ColInput: wire.ColInput,
}

// columnOf returns the column for a member of an event, "" for none.
func columnOf(member []byte) string {
	if column, ok := memberColumns[string(member)]; ok {
		return column
	}
	return string(member)
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
		text, ok := plainText(raw)
		if !ok {
			return storage.Value{}, fmt.Errorf("member %s of the event is no text", name)
		}
		if !isTime(name) {
			return storage.StringValue(string(text)), nil
		}
		at, err := time.Parse(time.RFC3339Nano, string(text))
		if err != nil {
			return storage.Value{}, fmt.Errorf("member %s of the event is no time", name)
		}
		return storage.TimeValue(at), nil
	}
	n, err := strconv.ParseInt(string(raw), 10, 32)
	if err != nil {
		return storage.Value{}, fmt.Errorf("member %s of the event is no number of 32 bits", name)
	}
	return storage.Int32Value(int32(n)), nil
}

// isTime tells the columns of type DateTime.
func isTime(name string) bool {
	return name == wire.ColTimestamp || name == wire.ColScheduledStartTime || name == wire.ColFireAt
}

// withoutTypes returns a JSON object without the $type members that messages have and rows do not.
func withoutTypes(object json.RawMessage) (json.RawMessage, error) {
	all, err := objectMembers(object, make(members, 0, usual))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for _, m := range all {
		if string(m.name) == "$type" {
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
		name, _ := json.Marshal(string(m.name)) // a string can always be marshalled
		b.Write(name)
		b.WriteByte(':')
		b.Write(m.value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
