package wire

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// appendText appends a text as marshal writes it.
func appendText(b []byte, text string) []byte {
	for i := 0; i < len(text); i++ {
		if c := text[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == 0x7F {
			return append(b, marshal(text)...)
		}
	}
	return append(append(append(b, '"'), text...), '"')
}

// marshal is json.Marshal without the escaping of <, > and &, which Newtonsoft.Json does not do either.
func marshal(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("wire: " + err.Error()) // only types of this package come here, and all of them can be marshalled
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
