package text

import (
	"bytes"
	"encoding/json"
)

// CompactJSON returns a JSON text in one line. What is no JSON becomes a line of printable characters.
func CompactJSON(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return OneLine(string(raw))
	}
	return b.String()
}

// JSON is json.Marshal without the escaping of <, > and &.
func JSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
