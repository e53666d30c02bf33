package wire

import (
	"bytes"
	"encoding/json"
)

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
