package wire

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// escapes are the characters that a table key cannot hold and the digits that stand for them behind a '^'
// (KeySanitation.cs).
const escapes = `/\#?`

// controlBase is added to a control character behind a '^' (KeySanitation.cs).
const controlBase = 0xC0

// EscapeKey returns the partition key under which the rows of an instance lie. It is not idempotent: escape once.
func EscapeKey(instanceID string) string {
	if !strings.ContainsFunc(instanceID, needsEscape) {
		return instanceID
	}
	var b strings.Builder
	b.Grow(len(instanceID) + 8)
	for _, r := range instanceID {
		switch i := strings.IndexRune(escapes, r); {
		case r == '^':
			b.WriteString("^^")
		case i >= 0:
			b.WriteByte('^')
			b.WriteByte(byte('0' + i))
		case isControl(r):
			b.WriteByte('^')
			b.WriteRune(controlBase + r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// UnescapeKey returns the instance ID whose rows lie under a partition key. A key that EscapeKey cannot have made, as
// engines before 1.8.4 left them, comes back as it is.
func UnescapeKey(key string) string {
	if !strings.Contains(key, "^") {
		return key
	}
	var b strings.Builder
	b.Grow(len(key))
	for i := 0; i < len(key); {
		r, n := utf8.DecodeRuneInString(key[i:])
		i += n
		if r != '^' {
			b.WriteString(key[i-n : i])
			continue
		}
		c, n := utf8.DecodeRuneInString(key[i:])
		plain, ok := unescapeRune(c)
		if !ok {
			return key
		}
		i += n
		b.WriteRune(plain)
	}
	return b.String()
}

func unescapeRune(c rune) (rune, bool) {
	switch {
	case c == '^':
		return '^', true
	case c >= '0' && c < '0'+rune(len(escapes)):
		return rune(escapes[c-'0']), true
	case c >= controlBase && isControl(c-controlBase):
		return c - controlBase, true
	default:
		return 0, false
	}
}

func needsEscape(r rune) bool { return r == '^' || isControl(r) || strings.ContainsRune(escapes, r) }

// isControl is char.IsControl of .NET.
func isControl(r rune) bool { return r < 0x20 || r >= 0x7F && r <= 0x9F }

// UTF16Len returns the length of s in UTF-16 code units, which is how .NET and the table service measure text.
func UTF16Len(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// PrefixEnd returns the smallest key that is greater than every key with a prefix, or "" if there is none. Keys are
// ordered by UTF-16 code units, in which the surrogates of U+10000 and above come before U+E000; U+FFFF has no
// successor, so the character before it moves on. (The engine turns U+FFFF into U+0000 and finds nothing.)
func PrefixEnd(prefix string) string {
	runes := []rune(prefix)
	for i := len(runes) - 1; i >= 0; i-- {
		switch runes[i] {
		case 0xFFFF:
			continue
		case 0xD7FF:
			runes[i] = 0x10000
		case utf8.MaxRune:
			runes[i] = 0xE000
		default:
			runes[i]++
		}
		return string(runes[:i+1])
	}
	return ""
}
