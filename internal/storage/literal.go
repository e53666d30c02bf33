package storage

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// scalar is a Value in a form that can be compared. Only the field that belongs to kind is set.
type scalar struct {
	kind  Type // Int64 for both integer types
	text  string
	num   int64
	float float64
	when  time.Time
	bytes []byte
}

// scalarOf reads a value. It reports false for an absent one and for text that is not of the type it claims.
func scalarOf(v Value) (scalar, bool) {
	switch v.Type {
	case String:
		return scalar{kind: String, text: v.Text}, true
	case Int32:
		n, err := strconv.ParseInt(v.Text, 10, 32)
		return scalar{kind: Int64, num: n}, err == nil
	case Int64:
		n, err := strconv.ParseInt(v.Text, 10, 64)
		return scalar{kind: Int64, num: n}, err == nil
	case Double:
		f, err := strconv.ParseFloat(v.Text, 64)
		return scalar{kind: Double, float: f}, err == nil
	case Bool:
		s := scalar{kind: Bool}
		if v.Text == "true" {
			s.num = 1
		}
		return s, v.Text == "true" || v.Text == "false"
	case DateTime:
		// A local time can lie in a year that the UTC form has no four digits for.
		t, err := time.Parse(time.RFC3339Nano, v.Text)
		t = t.UTC().Truncate(100 * time.Nanosecond)
		return scalar{kind: DateTime, when: t}, err == nil && t.Year() >= 1 && t.Year() <= 9999
	case GUID:
		g, ok := guidText(v.Text)
		return scalar{kind: GUID, text: g}, ok
	case Binary:
		b, err := base64.StdEncoding.DecodeString(v.Text)
		return scalar{kind: Binary, bytes: b}, err == nil
	default:
		return scalar{}, false
	}
}

// guidText returns a GUID in lower case. Byte order of that text is the order in which .NET compares GUIDs.
func guidText(s string) (string, bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return "", false
	}
	if b, err := hex.DecodeString(strings.ReplaceAll(s, "-", "")); err != nil || len(b) != 16 {
		return "", false
	}
	return strings.ToLower(s), true
}

// holds reports whether "s op x" is true; values of different kinds compare as false whatever op is.
func (s scalar) holds(op CmpOp, x scalar) bool {
	if s.kind != x.kind {
		return false
	}
	if s.kind == Double && (math.IsNaN(s.float) || math.IsNaN(x.float)) {
		return op == NE
	}
	c := s.compare(x)
	switch op {
	case EQ:
		return c == 0
	case NE:
		return c != 0
	case LT:
		return c < 0
	case LE:
		return c <= 0
	case GT:
		return c > 0
	case GE:
		return c >= 0
	}
	return false
}

func (s scalar) compare(x scalar) int {
	switch s.kind {
	case String:
		return CompareKeys(s.text, x.text)
	case Int64, Bool:
		return cmp.Compare(s.num, x.num)
	case Double:
		return cmp.Compare(s.float, x.float)
	case DateTime:
		return s.when.Compare(x.when)
	case Binary:
		return bytes.Compare(s.bytes, x.bytes)
	default: // GUID
		return strings.Compare(s.text, x.text)
	}
}

// literal reads what a comparison compares with. It reports false for a comparison that cannot be written.
func (c Cmp) literal() (scalar, bool) {
	switch c.Op {
	case EQ, NE, LT, LE, GT, GE:
	default:
		return scalar{}, false
	}
	if !ValidColumnName(c.Column) {
		return scalar{}, false
	}
	s, ok := scalarOf(c.Value)
	switch s.kind {
	case String:
		// Anything else would reach the service with U+FFFD in the place of the bad bytes.
		ok = utf8.ValidString(s.text)
	case Double:
		ok = ok && !math.IsNaN(s.float) && !math.IsInf(s.float, 0)
	default:
	}
	return s, ok
}

// writeLiteral writes the value of a valid comparison. Nothing but the text of a String comes from the caller as it
// is, and there a quote is the only character with a meaning.
func writeLiteral(b *strings.Builder, v Value) {
	s, _ := scalarOf(v)
	switch v.Type {
	case None:
	case String:
		writeQuoted(b, s.text)
	case Int32:
		b.WriteString(strconv.FormatInt(s.num, 10))
	case Int64:
		b.WriteString(strconv.FormatInt(s.num, 10))
		b.WriteByte('L')
	case Double:
		text := strconv.FormatFloat(s.float, 'G', -1, 64)
		b.WriteString(text)
		if !strings.ContainsAny(text, ".E") { // 5 would be an Int32
			b.WriteString(".0")
		}
	case Bool:
		b.WriteString(strconv.FormatBool(s.num == 1))
	case DateTime:
		b.WriteString("datetime'" + s.when.Format(TimeLayout) + "'")
	case GUID:
		b.WriteString("guid'" + s.text + "'")
	case Binary:
		b.WriteString("X'" + hex.EncodeToString(s.bytes) + "'")
	}
}

func writeQuoted(b *strings.Builder, s string) {
	b.WriteByte('\'')
	for {
		i := strings.IndexByte(s, '\'')
		if i < 0 {
			break
		}
		b.WriteString(s[:i+1])
		b.WriteByte('\'')
		s = s[i+1:]
	}
	b.WriteString(s)
	b.WriteByte('\'')
}
