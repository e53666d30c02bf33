package memstore

import (
	"encoding/base64"
	"regexp"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-durable/durable/internal/storage"
)

// The limits that Azure documents. Sizes of texts are in UTF-16 units.
const (
	maxKey        = 512
	maxString     = 32768
	maxBinary     = 64 << 10
	maxColumns    = 252
	maxColumnName = 255
	maxEntity     = 1 << 20
)

// longer reports whether a text has more than n units of UTF-16, of which there are never more than bytes.
func longer(s string, n int) bool { return len(s) > n && units(s) > n }

// units returns how long a text is in UTF-16.
func units(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

func checkKeys(keys ...string) error {
	for _, key := range keys {
		if longer(key, maxKey) {
			return invalid("key of more than 1 KiB")
		}
		if !utf8.ValidString(key) {
			return invalid("key %q", key)
		}
		for _, r := range key {
			if r == '/' || r == '\\' || r == '#' || r == '?' || unicode.IsControl(r) {
				return invalid("key %q", key)
			}
		}
	}
	return nil
}

// checkEntity checks what an operation brings along, apart from what is in the table.
func checkEntity(op storage.Op) error {
	e := op.Entity
	if err := checkKeys(e.PartitionKey, e.RowKey); err != nil {
		return err
	}
	switch op.Kind {
	case storage.OpInsert, storage.OpMerge, storage.OpReplace:
	case storage.OpDelete:
		return nil
	default:
		return invalid("operation of kind %d", op.Kind)
	}
	for i, c := range e.Columns {
		if c.Type == storage.None {
			continue
		}
		if named(e.Columns[:i], c.Name) || !validColumnName(c.Name) {
			return invalid("column name %q", c.Name)
		}
		if !validValue(c.Value) {
			return invalid("value of column %s", c.Name)
		}
	}
	return checkSize(e)
}

// named reports whether one of a few columns has a name and a value. A map would take longer.
func named(columns []storage.Column, name string) bool {
	for i := range columns {
		if columns[i].Name == name && columns[i].Type != storage.None {
			return true
		}
	}
	return false
}

// checkSize checks a whole entity by the service's own formula.
func checkSize(e *storage.Entity) error {
	size, columns := sizeBy(e, func(s string) int { return len(s) }) // an upper bound, and a quick one
	if columns > maxColumns {
		return invalid("entity of %d columns", columns)
	}
	if size <= maxEntity {
		return nil
	}
	if size, _ = sizeBy(e, units); size > maxEntity {
		return invalid("entity of %d bytes", size)
	}
	return nil
}

// sizeBy returns the size of an entity and the number of its columns, given how long texts are.
func sizeBy(e *storage.Entity, length func(string) int) (size, columns int) {
	size = 4 + 2*(length(e.PartitionKey)+length(e.RowKey))
	for i := range e.Columns {
		if c := &e.Columns[i]; c.Type != storage.None {
			columns++
			size += 8 + 2*length(c.Name) + sizeOf(c.Value, length)
		}
	}
	return size, columns
}

func sizeOf(v storage.Value, length func(string) int) int {
	switch v.Type {
	case storage.String:
		return 4 + 2*length(v.Text)
	case storage.Binary:
		return 4 + base64.StdEncoding.DecodedLen(len(v.Text))
	case storage.GUID:
		return 16
	case storage.Bool:
		return 1
	case storage.Int32:
		return 4
	default:
		return 8
	}
}

func validColumnName(name string) bool {
	switch name {
	case "PartitionKey", "RowKey", "Timestamp":
		return false
	}
	return storage.ValidColumnName(name) && !longer(name, maxColumnName)
}

var (
	guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	// double is what JSON has, and the three that it has not.
	double = regexp.MustCompile(`^(-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?|NaN|-?Infinity)$`)
)

// isInteger reports whether a text is an integer of so many bits, written in the one way that there is.
func isInteger(text string, bits int) bool {
	n, err := strconv.ParseInt(text, 10, bits)
	return err == nil && strconv.FormatInt(n, 10) == text
}

// validValue reports whether a text is one of its type and within the limits.
func validValue(v storage.Value) bool {
	switch v.Type {
	case storage.String:
		return utf8.ValidString(v.Text) && !longer(v.Text, maxString)
	case storage.Int32:
		return isInteger(v.Text, 32)
	case storage.Int64:
		return isInteger(v.Text, 64)
	case storage.Double:
		_, err := strconv.ParseFloat(v.Text, 64)
		return err == nil && double.MatchString(v.Text)
	case storage.Bool:
		return v.Text == "true" || v.Text == "false"
	case storage.DateTime:
		t, err := time.Parse(time.RFC3339Nano, v.Text)
		return err == nil && t.UTC().Year() >= 1601 && t.UTC().Year() <= 9999
	case storage.GUID:
		return guid.MatchString(v.Text)
	case storage.Binary:
		b, err := base64.StdEncoding.DecodeString(v.Text)
		return err == nil && len(b) <= maxBinary
	default:
		return false
	}
}
