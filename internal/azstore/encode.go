package azstore

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-durable/durable/internal/storage"
)

// appendEntity appends an entity as the table service reads it: the keys, then the columns in their order, each with
// its type where JSON does not tell it.
func appendEntity(b []byte, e *storage.Entity) ([]byte, error) {
	if !utf8.ValidString(e.PartitionKey) || !utf8.ValidString(e.RowKey) {
		return nil, invalid("a key is not valid UTF-8")
	}
	b = append(b, `{"PartitionKey":`...)
	b = appendString(b, e.PartitionKey)
	b = append(b, `,"RowKey":`...)
	b = appendString(b, e.RowKey)
	for i := range e.Columns {
		c := &e.Columns[i]
		if c.Type == storage.None {
			continue
		}
		if err := checkColumn(c); err != nil {
			return nil, err
		}
		b = appendColumn(b, c)
	}
	return append(b, '}'), nil
}

// edmTypes are the types that an annotation names.
var edmTypes = map[storage.Type]string{
	storage.Int64:    "Edm.Int64",
	storage.Double:   "Edm.Double",
	storage.DateTime: "Edm.DateTime",
	storage.GUID:     "Edm.Guid",
	storage.Binary:   "Edm.Binary",
}

func appendColumn(b []byte, c *storage.Column) []byte {
	b = append(b, ',')
	if edm := edmTypes[c.Type]; edm != "" {
		b = appendString(b, c.Name+annotation)
		b = append(b, ':')
		b = appendString(b, edm)
		b = append(b, ',')
	}
	b = appendString(b, c.Name)
	b = append(b, ':')
	switch c.Type {
	case storage.Int32, storage.Bool:
		return append(b, c.Text...)
	case storage.Double:
		if !specialDouble(c.Text) {
			return append(b, c.Text...)
		}
	default: // the others are strings in JSON
	}
	return appendString(b, c.Text)
}

// checkColumn refuses what would not be stored as it is given, or would change the meaning of the JSON around it.
func checkColumn(c *storage.Column) error {
	switch {
	case c.Name == "" || strings.ContainsAny(c.Name, "@.") || !utf8.ValidString(c.Name):
		return invalid("a column's name is not an identifier")
	case c.Name == "PartitionKey" || c.Name == "RowKey" || c.Name == "Timestamp":
		return invalid("%s is not a column of its own", c.Name)
	case !validText(c.Value):
		return invalid("the value of column %s is not of its type", c.Name)
	}
	return nil
}

func validText(v storage.Value) bool {
	var err error
	switch v.Type {
	case storage.String:
		return utf8.ValidString(v.Text)
	case storage.Int32:
		return validInt(v.Text, 32)
	case storage.Int64:
		return validInt(v.Text, 64)
	case storage.Double:
		return specialDouble(v.Text) || validNumber(v.Text)
	case storage.Bool:
		return v.Text == "true" || v.Text == "false"
	case storage.DateTime:
		_, err = time.Parse(time.RFC3339Nano, v.Text)
		return err == nil
	case storage.GUID:
		return len(v.Text) == 36 && strings.Trim(v.Text, "0123456789abcdefABCDEF-") == ""
	case storage.Binary:
		_, err = base64.StdEncoding.DecodeString(v.Text)
		return err == nil
	default:
		return false
	}
}

func validInt(s string, bits int) bool {
	_, err := strconv.ParseInt(s, 10, bits)
	return err == nil && validNumber(s)
}

// validNumber reports whether s is a finite number as JSON writes it.
func validNumber(s string) bool {
	end, _ := scanNumber(s, 0)
	if end != len(s) || s == "" {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

func specialDouble(s string) bool { return s == "NaN" || s == "Infinity" || s == "-Infinity" }

const hexDigits = "0123456789abcdef"

// appendString appends a JSON string. Besides what JSON demands it escapes the two line separators of Unicode: readers
// of batches that work with lines take them for ends of lines, as the emulator does.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c != separatorLead {
			continue
		}
		if c == separatorLead {
			if r := s[i:]; strings.HasPrefix(r, "\u2028") || strings.HasPrefix(r, "\u2029") {
				b = append(b, s[start:i]...)
				b = append(b, '\\', 'u', '2', '0', '2', hexDigits[s[i+2]&15])
				start, i = i+3, i+2
			}
			continue
		}
		b = append(b, s[start:i]...)
		b = appendEscape(b, c)
		start = i + 1
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// separatorLead is the first byte of U+2028 and U+2029, and of much else.
const separatorLead = 0xE2

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
