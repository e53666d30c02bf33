package target_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/cmd/durable/internal/target"
)

// FuzzPlainJSON: what is JSON already stays what it is, and nothing but JSON comes to be that was not meant.
func FuzzPlainJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":1,}`, "{// x\n\"a\":\"//\"}", `/**/[1,/*,*/]`, `{"a":"\\\"/*"}`, `/*`, `"`, `//`, `[1,]]`, `/*/`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got := target.PlainJSON(text)
		if json.Valid(text) && !bytes.Equal(got, text) {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

func TestPlainJSON(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"{\"a\": 1, // one\n}":           `{"a":1}`,
		`{"a": [1, 2, /* , */ ], }`:      `{"a":[1,2]}`,
		`{"u": "http://x/*", "b": "\\"}`: `{"u":"http://x/*","b":"\\"}`,
		"\ufeff{}":                       `{}`,
		`{"a":/*/**/1}`:                  `{"a":1}`,
	}
	for text, want := range tests {
		var b bytes.Buffer
		require.NoError(t, json.Compact(&b, target.PlainJSON([]byte(text))), text)
		require.Equal(t, want, b.String())
	}
}
