package wire

import (
	"encoding/json"
	"errors"
	"strings"
)

// Dispatchable says why a worker fails with a message that it can read, again and again, with a pause of ten seconds for
// all its orchestrations each time (observed on 1.17.5 and 2.9.1). The message is one that was decoded. What carries no
// time at all, or none that says that it is in UTC, has one of an unspecified kind in .NET.
func (m *Message) Dispatchable() error {
	if m.BlobName != "" {
		return nil // that depends on what lies there
	}
	var event struct{ Timestamp any }
	if err := json.Unmarshal(m.Event, &event); err != nil {
		return errors.New("the event is no JSON object")
	}
	at, ok := event.Timestamp.(string)
	switch {
	case strings.TrimSpace(m.InstanceID) == "":
		return errors.New("the instance ID is only white space")
	case m.noSender && m.EventType == EventRaised:
		return errors.New("the event has no Sender")
	case !ok:
		return errors.New("the event has no Timestamp")
	case !strings.HasSuffix(at, "Z"):
		return errors.New("the event's time is not in UTC")
	}
	return nil
}
