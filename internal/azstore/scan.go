package azstore

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON from a string that holds all of it, and cuts strings out of it instead of copying them.
type scanner struct {
	s   string
	pos int
	// escapeAt is where the next backslash is, if it is not before pos; that of a text without one is its length.
	escapeAt int
	// control says that there are control characters, if only between values.
	control bool
	// text holds the strings that had escapes, one after the other. They are cut out of it as well.
	text *strings.Builder
}

const (
	textChunk = 64 << 10
	textRoom  = 512
)

// room returns the builder for the next string with escapes. Without room for a common string it begins a new one:
// growing the old one would copy what is in it.
func (d *scanner) room() *strings.Builder {
	if d.text == nil || d.text.Cap()-d.text.Len() < textRoom {
		d.text = &strings.Builder{}
		d.text.Grow(min(textChunk, max(textRoom, len(d.s)-d.pos)))
	}
	return d.text
}

// errorf is an error at the current position. It quotes nothing of the text, which is a user's data.
func (d *scanner) errorf(format string, args ...any) error {
	return fmt.Errorf("answer of the table service, byte %d: %s", d.pos, fmt.Sprintf(format, args...))
}

// peek skips white space and returns the next byte, or 0 at the end.
func (d *scanner) peek() byte {
	for d.pos < len(d.s) {
		switch c := d.s[d.pos]; c {
		case ' ', '\t', '\r', '\n':
			d.pos++
		default:
			return c
		}
	}
	return 0
}

// expect consumes one byte that must be next.
func (d *scanner) expect(c byte) error {
	if d.peek() != c {
		return d.errorf("expected %q", c)
	}
	d.pos++
	return nil
}

// more consumes what stands before a member or an item of a list that ends with end: nothing before the first, a
// comma before the others. It returns false, past the end, if there is none.
func (d *scanner) more(first bool, end byte) (bool, error) {
	c := d.peek()
	switch {
	case c == end:
		d.pos++
		return false, nil
	case first:
		return true, nil
	case c == ',':
		d.pos++
		return true, nil
	}
	return false, d.errorf("expected a comma or %q", end)
}

// name reads the name of a member and the colon.
func (d *scanner) name() (string, error) {
	s, err := d.string()
	if err != nil {
		return "", err
	}
	return s, d.expect(':')
}

// plain marks the bytes that stand for themselves in a string.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 256; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

func (d *scanner) string() (string, error) {
	if err := d.expect('"'); err != nil {
		return "", err
	}
	start := d.pos
	if n := strings.IndexByte(d.s[start:], '"'); n >= 0 && !d.control && d.nextEscape() > start+n {
		d.pos = start + n + 1
		return d.s[start : start+n], nil
	}
	for d.pos < len(d.s) && plain[d.s[d.pos]] {
		d.pos++
	}
	if d.pos < len(d.s) && d.s[d.pos] == '"' {
		d.pos++
		return d.s[start : d.pos-1], nil
	}
	return d.escaped(start)
}

// nextEscape returns where the next backslash is.
func (d *scanner) nextEscape() int {
	if d.escapeAt < d.pos {
		d.escapeAt = len(d.s)
		if n := strings.IndexByte(d.s[d.pos:], '\\'); n >= 0 {
			d.escapeAt = d.pos + n
		}
	}
	return d.escapeAt
}

// hasControl reports whether a text has control characters. It looks at eight bytes at a time: of those below 0x20, and
// only if there is one of those, the subtraction sets the highest bit of a byte that did not have it.
func hasControl(b []byte) bool {
	const every = 0x0101010101010101
	i := 0
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		if (x-0x20*every)&^x&(0x80*every) != 0 {
			return true
		}
	}
	for ; i < len(b); i++ {
		if b[i] < 0x20 {
			return true
		}
	}
	return false
}

// escaped reads the rest of a string that has an escape at the current position.
func (d *scanner) escaped(start int) (string, error) {
	b := d.room()
	begin := b.Len()
	b.WriteString(d.s[start:d.pos])
	for d.pos < len(d.s) {
		switch c := d.s[d.pos]; {
		case c == '"':
			d.pos++
			return b.String()[begin:], nil
		case c == '\\':
			if err := d.escape(b); err != nil {
				return "", err
			}
		case !plain[c]:
			return "", d.errorf("control character in a string")
		default:
			from := d.pos
			for d.pos < len(d.s) && plain[d.s[d.pos]] {
				d.pos++
			}
			b.WriteString(d.s[from:d.pos])
		}
	}
	return "", d.errorf("string without an end")
}

// escapes is what stands for an escaped byte, or 0.
var escapes = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

func (d *scanner) escape(b *strings.Builder) error {
	if d.pos+1 >= len(d.s) {
		return d.errorf("string without an end")
	}
	c := d.s[d.pos+1]
	if c == 'u' {
		return d.unicode(b)
	}
	e := escapes[c]
	if e == 0 {
		return d.errorf("unknown escape")
	}
	b.WriteByte(e)
	d.pos += 2
	return nil
}

// unicode reads one or, for a surrogate pair, two \u escapes. Half a pair becomes U+FFFD, as in encoding/json.
func (d *scanner) unicode(b *strings.Builder) error {
	r, ok := d.hex4(d.pos)
	if !ok {
		return d.errorf("unknown escape")
	}
	d.pos += 6
	if utf16.IsSurrogate(r) {
		r2, _ := d.hex4(d.pos)
		if r = utf16.DecodeRune(r, r2); r != utf8.RuneError {
			d.pos += 6
		}
	}
	b.WriteRune(r)
	return nil
}

// hex4 reads a \u escape at a position, if there is one.
func (d *scanner) hex4(at int) (rune, bool) {
	if at+6 > len(d.s) || d.s[at] != '\\' || d.s[at+1] != 'u' {
		return 0, false
	}
	var r rune
	for i := at + 2; i < at+6; i++ {
		c := d.s[i] | 0x20
		switch {
		case d.s[i] >= '0' && d.s[i] <= '9':
			r = r<<4 | rune(d.s[i]-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// word consumes a literal that must be next.
func (d *scanner) word(w string) error {
	if !strings.HasPrefix(d.s[d.pos:], w) {
		return d.errorf("expected a value")
	}
	d.pos += len(w)
	return nil
}

// number reads a number and says whether it is written as an integer.
func (d *scanner) number() (text string, integer bool, err error) {
	end, integer := scanNumber(d.s, d.pos)
	if end == d.pos {
		return "", false, d.errorf("expected a value")
	}
	text = d.s[d.pos:end]
	d.pos = end
	return text, integer, nil
}

// scanNumber returns the end of the number that begins at a position, or that position if there is none.
func scanNumber(s string, at int) (end int, integer bool) {
	i := at
	if i < len(s) && s[i] == '-' {
		i++
	}
	intStart := i
	if i = digits(s, i); i == intStart || (s[intStart] == '0' && i > intStart+1) {
		return at, false
	}
	integer = true
	if i < len(s) && s[i] == '.' {
		fraction := i + 1
		if i = digits(s, fraction); i == fraction {
			return at, false
		}
		integer = false
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		exponent := i
		if i = digits(s, exponent); i == exponent {
			return at, false
		}
		integer = false
	}
	return i, integer
}

func digits(s string, i int) int {
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return i
}

// maxDepth bounds the recursion over values that are skipped.
const maxDepth = 64

// skip reads over a value of any kind.
func (d *scanner) skip(depth int) error {
	if depth > maxDepth {
		return d.errorf("nested too deep")
	}
	switch c := d.peek(); c {
	case '"':
		_, err := d.string()
		return err
	case '{', '[':
		d.pos++
		return d.skipList(c, depth)
	case 't':
		return d.word("true")
	case 'f':
		return d.word("false")
	case 'n':
		return d.word("null")
	default:
		_, _, err := d.number()
		return err
	}
}

func (d *scanner) skipList(open byte, depth int) error {
	end := byte(']')
	if open == '{' {
		end = '}'
	}
	for first := true; ; first = false {
		ok, err := d.more(first, end)
		if err != nil || !ok {
			return err
		}
		if open == '{' {
			if _, err := d.name(); err != nil {
				return err
			}
		}
		if err := d.skip(depth + 1); err != nil {
			return err
		}
	}
}
