package taskhub_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
)

// sampled is a hub with rows under the keys.
func sampled(t *testing.T, keys ...string) *bundle {
	t.Helper()
	b := setup(t, "Sampled", taskhub.Options{})
	b.createTables(t, b.Instances())
	for _, key := range keys {
		_, err := b.store.Account().Tables.Update(t.Context(), b.Instances(), &storage.Entity{PartitionKey: key}, storage.Replace, "")
		require.NoError(t, err)
	}
	return b
}

func TestSampleKeys(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		keys     []string
		from, to string
		n        int
		want     []string
	}{
		{"empty hub", nil, "", "", 4, nil},
		{"one part", []string{"a", "b"}, "", "", 1, nil},
		{"one key", []string{"a"}, "", "", 4, nil},
		{"two keys", []string{"a", "b"}, "", "", 2, []string{"b"}},
		{"more parts than keys", []string{"a", "b"}, "", "", 8, []string{"b"}},
		{"a key that begins all others", []string{"a", "ab", "ac"}, "", "", 3, []string{"ab", "ac"}},
		{"a chain", []string{"a", "aa", "aaa", "aaaa"}, "", "", 4, []string{"aa", "aaa", "aaaa"}},
		{"the last characters", []string{"\uD7FF", "😀", "\U0010FFFF", "\uE000", "\uFFFF"}, "", "", 5, []string{
			"😀", "\U0010FFFF", "\uE000", "\uFFFF",
		}},
		{"within bounds", []string{"a1", "b1", "b2", "b3", "b4", "c1"}, "b", "c", 2, []string{"b3"}},
		{"bounds between keys", []string{"a", "b", "c", "d"}, "a\x01", "c\x01", 2, []string{"c"}},
		{"no keys within", []string{"a", "z"}, "b", "y", 4, nil},
		{"bounds the wrong way", []string{"a", "b"}, "b", "a", 4, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := sampled(t, test.keys...)
			cuts, requests, err := b.SampleKeys(t.Context(), test.from, test.to, test.n, 100)
			require.NoError(t, err)
			require.Equal(t, test.want, cuts)
			require.Equal(t, b.fault.Count(nil), requests)
		})
	}
}

// TestSampleBudget: however many children a node has, it is not asked for much more than allowed, and what was found
// until then is used.
func TestSampleBudget(t *testing.T) {
	t.Parallel()
	var keys []string
	for r := rune(0x4E00); r < 0x4E00+2000; r++ {
		keys = append(keys, string(r)+"x")
	}
	b := sampled(t, keys...)
	for _, budget := range []int{0, 1, 2, 10, 50} {
		b.fault.Reset()
		cuts, requests, err := b.SampleKeys(t.Context(), "", "", 4, budget)
		require.NoError(t, err)
		require.Equal(t, b.fault.Count(nil), requests)
		require.LessOrEqual(t, requests, budget+4)
		require.LessOrEqual(t, len(cuts), 3)
		if budget == 50 {
			require.Len(t, cuts, 3)
		}
	}
}

// TestSampleOrder: whatever the keys, the cuts ascend, lie within the bounds and are keys that exist.
func TestSampleOrder(t *testing.T) {
	t.Parallel()
	parts := []string{"a", "b", "^^", "0", "é", "\uD7FF", "\uE000", "\uFFFF", "😀", "\U0010FFFF", " ", "'"}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		keys := map[string]bool{}
		for range r.IntN(60) {
			var key strings.Builder
			for range 1 + r.IntN(6) {
				key.WriteString(parts[r.IntN(len(parts))])
			}
			keys[key.String()] = true
		}
		b := sampled(t)
		for key := range keys {
			_, err := b.store.Account().Tables.Insert(t.Context(), b.Instances(), &storage.Entity{PartitionKey: key})
			require.NoError(t, err)
		}
		from, to := "", ""
		if r.IntN(2) == 0 {
			from, to = "a", "\uE000"
		}
		cuts, _, err := b.SampleKeys(t.Context(), from, to, 1+r.IntN(12), 1+r.IntN(100))
		require.NoError(t, err)
		last := from
		for _, cut := range cuts {
			require.Positive(t, storage.CompareKeys(cut, last), "%q behind %q", cut, last)
			require.True(t, to == "" || storage.CompareKeys(cut, to) < 0)
			require.True(t, keys[cut], "%q", cut)
			last = cut
		}
	}
}

func TestSampleErrors(t *testing.T) {
	t.Parallel()
	b := setup(t, "Sampled", taskhub.Options{})
	_, _, err := b.SampleKeys(t.Context(), "", "", 4, 100)
	require.ErrorIs(t, err, taskhub.ErrHubNotFound)

	var keys []string
	for i := range 50 {
		keys = append(keys, fmt.Sprintf("%02d", i), fmt.Sprintf("%02d-more", i))
	}
	b = sampled(t, keys...)
	for n := 1; ; n++ {
		b.fault.SetHook(faultstore.FailNth(n, faultstore.Before, context.Canceled, nil))
		_, requests, err := b.SampleKeys(t.Context(), "", "", 8, 100)
		if err == nil {
			require.Greater(t, n, 20)
			return
		}
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, n, requests)
	}
}
