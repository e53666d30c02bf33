package wire_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/wire"
)

func TestSameExecution(t *testing.T) {
	t.Parallel()
	const plain, dashed = "9d5115400fab463fada2a04618b724bd", "9D511540-0fab-463f-ada2-a04618b724bd"
	require.True(t, wire.SameExecution(plain, dashed))
	require.True(t, wire.SameExecution(dashed, plain))
	require.False(t, wire.SameExecution(plain, plain[:31]))
	require.False(t, wire.SameExecution(plain, ""))
}

func TestCheckInstanceID(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"a", " lead", "trail ", "a@b", "a@", "a b", "a'b", "a''b", "a%20b", "a+b", "a&b=c", "ção 日本", "😀", "[br]",
		"a|b^c`d", ".", "..", "{cb}", `a"b`, "a<b>", "-", "\u200b", "\u00a0x",
		strings.Repeat("x", 256), strings.Repeat("é", 256), strings.Repeat("😀", 128),
	} {
		require.NoError(t, wire.CheckInstanceID(id), id)
		require.NoError(t, wire.CheckID(id), id)
	}
	for _, id := range []string{
		"", " ", "\u3000 \u00a0", "a/b", `a\b`, "a#b", "a?b", "tab\there", "\x00", "x\x1f", "x\x7f", "x\u0080", "x\u009f",
		"\u0085", "\n", "bad\xffutf8", "\xed\xa0\x80",
		strings.Repeat("x", 257), strings.Repeat("é", 257), strings.Repeat("😀", 128) + "x",
	} {
		require.Error(t, wire.CheckInstanceID(id), "%q", id)
		require.Error(t, wire.CheckID(id), "%q", id)
	}
	// An entity's ID is an ID, but not an orchestration's.
	require.Error(t, wire.CheckInstanceID("@counter@a"))
	require.NoError(t, wire.CheckID("@counter@a"))
}

// The .NET client's own decisions, over IDs that are hard on it.
func TestCheckInstanceIDAsRecorded(t *testing.T) {
	t.Parallel()
	accepted, refused := 0, 0
	for _, s := range golden.Load(t, "v2/odd-ids").Steps {
		if s.Client != "start-new" {
			continue
		}
		err := wire.CheckInstanceID(s.Args[1])
		if s.ErrorType == "" {
			require.NoError(t, err, s.Args[1])
			accepted++
			continue
		}
		require.Equal(t, "System.ArgumentException", s.ErrorType)
		require.Error(t, err, s.Args[1])
		refused++
	}
	require.Equal(t, 27, accepted)
	require.Equal(t, 7, refused)
}
