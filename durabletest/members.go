package durabletest

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"
)

// member is a member of a JSON object.
type member struct {
	name  []byte
	value json.RawMessage
}

// members are the members of a JSON object in their order.
type members []member

var errNoObject = errors.New("the event is no JSON object")

// usual is how many members there are in most objects.
const usual = 16

// objectMembers returns the members of an object that is known to be JSON, in place of what found has. Hosts do little
// else but take messages to pieces, for which encoding/json is slow.
func objectMembers(object json.RawMessage, found members) (members, error) {
	s := scanner{text: object}
	if s.next() != '{' {
		return nil, errNoObject
	}
	found = found[:0]
	for {
		switch s.next() {
		case '"':
		case ',':
			continue
		case '}':
			return found, nil
		default:
			return nil, errNoObject
		}
		s.at--
		name, ok := plainText(s.value())
		if !ok || s.next() != ':' {
			return nil, errNoObject
		}
		s.space()
		value := s.value()
		if len(value) == 0 {
			return nil, errNoObject
		}
		found = append(found, member{name, value})
	}
}

// scanner finds its way in a JSON text.
type scanner struct {
	text []byte
	at   int
}

func (s *scanner) space() {
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\n' || s.text[s.at] == '\t' || s.text[s.at] == '\r') {
		s.at++
	}
}

// next returns the next character that is no white space, 0 at the end.
func (s *scanner) next() byte {
	s.space()
	if s.at >= len(s.text) {
		return 0
	}
	s.at++
	return s.text[s.at-1]
}

// value returns the value that begins here.
func (s *scanner) value() json.RawMessage {
	begin, depth := s.at, 0
	for ; s.at < len(s.text); s.at++ {
		switch s.text[s.at] {
		case '"':
			s.quoted()
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth == 0 {
				return bytes.TrimRight(s.text[begin:s.at], " \n\t\r")
			}
			depth--
		case ',':
			if depth == 0 {
				return bytes.TrimRight(s.text[begin:s.at], " \n\t\r")
			}
			continue
		default:
			continue
		}
		if depth == 0 { // a text, an object or an array ends here
			s.at = min(s.at+1, len(s.text))
			return s.text[begin:s.at]
		}
	}
	s.at = len(s.text)
	return s.text[begin:]
}

// quoted goes to the quotation mark that ends a text.
func (s *scanner) quoted() {
	for s.at++; s.at < len(s.text) && s.text[s.at] != '"'; s.at++ {
		if s.text[s.at] == '\\' {
			s.at++
		}
	}
}

// plainText returns the text that a JSON value is, without its quotes and escapes. What it returns may share memory with
// the value.
func plainText(value json.RawMessage) (text []byte, ok bool) {
	if len(value) < 2 || value[0] != '"' {
		return nil, false
	}
	plain := value[1 : len(value)-1]
	if bytes.IndexByte(plain, '\\') < 0 && utf8.Valid(plain) {
		return plain, true
	}
	var s string
	err := json.Unmarshal(value, &s)
	return []byte(s), err == nil
}

// textOf returns the text that a JSON value is, nil if it is none.
func textOf(value json.RawMessage) *string {
	plain, ok := plainText(value)
	if !ok {
		return nil
	}
	text := string(plain)
	return &text
}

func (m members) get(name string) json.RawMessage {
	for i := range m {
		if string(m[i].name) == name {
			return m[i].value
		}
	}
	return nil
}

// text returns a member that is a text, nil if it is none.
func (m members) text(name string) *string { return textOf(m.get(name)) }

// number returns a member that is a whole number.
func (m members) number(name string) (int, bool) {
	n, err := strconv.Atoi(string(m.get(name)))
	return n, err == nil
}
