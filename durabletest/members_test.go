package durabletest_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	dt "github.com/go-durable/durable/durabletest"
)

// FuzzMembers compares with encoding/json.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, ` { "a" : "x\"}" , "b":[1,{"c":"]"}], "\u0061b":null ,"d":-1.5e3 }`, `{"a":{"b":{}},"c":""}`,
		`[]`, `null`, `{"a":true,"a":false}`, "{\"\xff\":\"\xff\"}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) {
			_, _ = dt.Members([]byte(text)) // does not panic
			return
		}
		got, err := dt.Members([]byte(text))
		var want map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &want) != nil || want == nil {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		require.Len(t, got, len(want))
		for name, value := range want {
			require.Equal(t, string(bytes.TrimSpace(value)), got[name])
		}
	})
}
