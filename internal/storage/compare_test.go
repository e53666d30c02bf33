package storage_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
)

func TestCompareKeys(t *testing.T) {
	t.Parallel()
	// In the order of the service.
	keys := []string{
		"", "\x00", " ", "0", "00", "0000000000000010", "0000000000000011", "A", "Z", "^", "a", "a ", "a b", "aa", "a\u00e9",
		"a\ud7ff", "a\U00010000", "a\U00010000a", "a😀", "a\U0010ffff", "a\ue000", "a\uf8ff", "a\uffff", "b", "\u007f", "\u0080",
		"\u07ff", "\u0800", "\ud7ff", "\U00010000", "😀", "😁", "\U0010ffff", "\ue000", "\uffff",
	}
	for i, a := range keys {
		for j, b := range keys {
			require.Equal(t, cmp.Compare(i, j), storage.CompareKeys(a, b), "%q and %q", a, b)
		}
	}
}

func TestCompareKeysIsATotalOrderOfBytes(t *testing.T) {
	t.Parallel()
	broken := []string{"\xee", "\xef\x80", "\xf0", "\xff", "\xee\xf0", "\xf0\xee", "\xc3", "a\xff", "\xed\xa0\x80"}
	for _, a := range broken {
		for _, b := range broken {
			require.Equal(t, -storage.CompareKeys(b, a), storage.CompareKeys(a, b))
			for _, c := range broken {
				if storage.CompareKeys(a, b) < 0 && storage.CompareKeys(b, c) < 0 {
					require.Negative(t, storage.CompareKeys(a, c))
				}
			}
		}
	}
}

func FuzzCompareKeys(f *testing.F) {
	f.Add("😀", "\ue000")
	f.Add("it's", "it")
	f.Fuzz(func(t *testing.T, a, b string) {
		require.Equal(t, -storage.CompareKeys(b, a), storage.CompareKeys(a, b))
		require.Equal(t, a == b, storage.CompareKeys(a, b) == 0)
		a, b = strings.ToValidUTF8(a, ""), strings.ToValidUTF8(b, "")
		want := slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
		require.Equal(t, want, storage.CompareKeys(a, b))
	})
}

func BenchmarkCompareKeys(b *testing.B) {
	x, y := strings.Repeat("k", 40)+"1", strings.Repeat("k", 40)+"2"
	for b.Loop() {
		storage.CompareKeys(x, y)
	}
}
