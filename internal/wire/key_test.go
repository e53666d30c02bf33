package wire_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/wire"
)

func TestEscapeKey(t *testing.T) {
	t.Parallel()
	tests := []struct{ id, key string }{
		{"plain", "plain"},
		{"a/b", "a^0b"},
		{`a\b`, "a^1b"},
		{"a#b?c", "a^2b^3c"},
		{"^", "^^"},
		{"x^0y", "x^^0y"},
		{"x^^0y", "x^^^^0y"},
		{"@counter@k/1", "@counter@k^01"},
		{"a\tb", "a^Éb"},
		{"\x00", "^À"},
		{"\x1f", "^ß"},
		{"\x7f", "^Ŀ"},
		{"\u0080", "^ŀ"},
		{"\u009f", "^ş"},
		{"日本/語", "日本^0語"},
		{"🌍/x", "🌍^0x"},
		{"", ""},
		{"%2F 'quoted' \u00a0~", "%2F 'quoted' \u00a0~"},
		{"/\\#?^\n", "^0^1^2^3^^^Ê"},
	}
	for _, test := range tests {
		t.Run(test.id, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.key, wire.EscapeKey(test.id))
			require.Equal(t, test.id, wire.UnescapeKey(test.key))
		})
	}
}

// Engines before 1.8.4 left the ID as it was, so a key may be none that EscapeKey makes.
func TestUnescapeKeyThatWasNeverEscaped(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"^", "a^", "a^b", "a^4", "a^À^", "^0^x", "a^\u00bf", "a^\u0160", "a^ÿ0", "^\xff", "x\xff^",
	} {
		require.Equal(t, key, wire.UnescapeKey(key))
	}
}

func TestEscapeKeyKeepsIDsApart(t *testing.T) {
	t.Parallel()
	seen := make(map[string]string)
	for _, a := range []string{"", "^", "/", "0", "\t", "É", "^0", "/0"} {
		for _, b := range []string{"", "^", "/", "0", "\t", "É", "^0", "/0"} {
			id := a + b
			key := wire.EscapeKey(id)
			if other, ok := seen[key]; ok {
				require.Equal(t, other, id, "both have the key %q", key)
			}
			seen[key] = id
		}
	}
}

func TestUTF16Len(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"": 0, "abc": 3, "é": 1, "日本語": 3, "\uffff": 1, "😀": 2, "a😀é": 4, "\xff": 1,
	} {
		require.Equal(t, want, wire.UTF16Len(text), text)
	}
}
