package wire

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// readOwn reads a message that stands exactly as [Message.JSON] writes it, in a third of the time that encoding/json
// takes. It is nil for every other one, also where that is right.
func readOwn(data []byte) *Message {
	r := &reader{rest: data}
	m := &Message{}
	r.skip(beforeActivity)
	m.ActivityID = r.text()
	r.skip(beforeEvent)
	event := r.until(beforeInstance)
	m.InstanceID = r.text()
	r.skip(beforeExecution)
	if !r.has(null) {
		m.ExecutionID = r.text()
	}
	r.skip(beforeContext)
	if !r.has(null) {
		r.skip(emptyContext)
	}
	r.skip(beforeNumber)
	m.SequenceNumber = r.number()
	if r.has(beforeEpisode) {
		n := int(r.number())
		m.Episode = &n
	}
	r.skip(beforeSender)
	m.SenderInstanceID = r.text()
	r.skip(beforeExecution)
	m.SenderExecutionID = r.text()
	r.skip(behindSender)
	if r.failed || len(r.rest) > 0 || m.InstanceID == "" || !json.Valid(event) || !bare(event) {
		return nil
	}
	var err error
	if m.EventType, err = eventTypeOf(event); err != nil {
		return nil
	}
	m.Event = bytes.Clone(event)
	return m
}

// bare reports whether there is no white space around an event.
func bare(event []byte) bool { return event[0] == '{' && event[len(event)-1] == '}' }

// reader takes a text apart from its beginning.
type reader struct {
	rest   []byte
	failed bool
}

// has takes what the text begins with, if it is that.
func (r *reader) has(s string) bool {
	if len(r.rest) < len(s) || string(r.rest[:len(s)]) != s {
		return false
	}
	r.rest = r.rest[len(s):]
	return true
}

func (r *reader) skip(s string) {
	if !r.has(s) {
		r.failed = true
	}
}

// until takes what stands before s, and s.
func (r *reader) until(s string) []byte {
	found, rest, ok := bytes.Cut(r.rest, []byte(s))
	if !ok {
		r.failed = true
	}
	r.rest = rest
	return found
}

// text takes a text without escapes.
func (r *reader) text() string {
	if !r.has(`"`) {
		r.failed = true
		return ""
	}
	end := bytes.IndexFunc(r.rest, func(c rune) bool { return c < ' ' || c == '"' || c == '\\' })
	if end < 0 || r.rest[end] != '"' || !utf8.Valid(r.rest[:end]) {
		r.failed = true
		return ""
	}
	text := string(r.rest[:end])
	r.rest = r.rest[end+1:]
	return text
}

// number takes a whole number.
func (r *reader) number() int64 {
	end := bytes.IndexFunc(r.rest, func(c rune) bool { return c != '-' && (c < '0' || c > '9') })
	n, err := strconv.ParseInt(string(r.rest[:max(end, 0)]), 10, strconv.IntSize)
	if err != nil || strconv.FormatInt(n, 10) != string(r.rest[:end]) {
		r.failed = true
		return 0
	}
	r.rest = r.rest[end:]
	return n
}
