package durable_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// requireRanges checks that ranges cover all keys, each once, and returns how many of the IDs lie in each.
func requireRanges(t *testing.T, ranges []durable.KeyRange, ids map[string]bool) []int {
	t.Helper()
	require.NotEmpty(t, ranges)
	require.Empty(t, ranges[0].From)
	require.Empty(t, ranges[len(ranges)-1].To)
	for i := range ranges[1:] {
		require.Equal(t, ranges[i].To, ranges[i+1].From)
		require.NotEmpty(t, ranges[i].To)
		require.Positive(t, storage.CompareKeys(ranges[i].To, ranges[i].From))
	}
	sizes := make([]int, len(ranges))
	for id := range ids {
		key, in := wire.EscapeKey(id), 0
		for i, r := range ranges {
			if storage.CompareKeys(key, r.From) >= 0 && (r.To == "" || storage.CompareKeys(key, r.To) < 0) {
				sizes[i]++
				in++
			}
		}
		require.Equal(t, 1, in, "%q", id)
	}
	return sizes
}

// TestRangesOfNastyIDs: whatever the IDs are, the ranges are disjoint and cover everything, and queries of them are.
func TestRangesOfNastyIDs(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 4))
		f := openMemory(t, newHubName(), taskhub.Options{}, &memstore.Options{PageSize: 50, ScanLimit: []int{0, 9}[r.IntN(2)]})
		f.create(t)
		all := map[string]bool{}
		for range r.IntN(150) {
			if id := randomID(r); !all[id] {
				all[id] = true
				f.bare(t, id)
			}
		}
		n := 1 + r.IntN(20)
		ranges, err := f.SplitKeyRanges(t.Context(), n)
		require.NoError(t, err)
		require.LessOrEqual(t, len(ranges), n)
		requireRanges(t, ranges, all)
		found := map[string]bool{}
		for _, part := range ranges {
			for _, id := range ids(t, f.QueryInstances(t.Context(), &durable.InstanceFilter{Keys: part, IncludeEntities: true}, nil)) {
				require.False(t, found[id], "%q twice", id)
				found[id] = true
			}
		}
		require.Equal(t, all, found)
	}
}

// TestRangesBalance: the parts are about the same, in few requests.
func TestRangesBalance(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 5))
	guid := func(int) string { return fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64()) }
	tests := []struct {
		name string
		id   func(i int) string
		most float64 // largest part, in mean parts
	}{
		{"GUIDs", guid, 3},
		{"GUIDs with dashes", func(i int) string { g := guid(i); return g[:8] + "-" + g[8:12] + "-" + g[12:] }, 3},
		{"order-000001", func(i int) string { return fmt.Sprintf("order-%06d", i) }, 3},
		// Of numbers without leading zeros most begin with a few digits, which few keys do not tell.
		{"order-1", func(i int) string { return fmt.Sprintf("order-%d", i) }, 8},
		{"common prefix", func(i int) string { return "a rather long common prefix of everything/" + guid(i) }, 3},
		{"tenants", func(i int) string { return fmt.Sprintf("tenant-%02d-%s", i%7, guid(i)) }, 3},
		{"dates", func(i int) string { return fmt.Sprintf("2026-%02d-%02d-%05d", 1+i%12, 1+i%28, i) }, 3},
		{"children", func(i int) string { return fmt.Sprintf("%s:%04x", guid(i/4), i%4) }, 3},
		{"entities too", func(i int) string { return []string{"@counter@", "x"}[i%2] + guid(i) }, 3},
	}
	for _, test := range tests {
		f := inMemory(t, taskhub.Options{})
		all := map[string]bool{}
		for i := range 2000 {
			id := test.id(i)
			all[id] = true
			f.bare(t, id)
		}
		for _, n := range []int{2, 3, 4, 7, 8, 16, 32, 100} {
			f.traffic.reset()
			ranges, err := f.SplitKeyRanges(t.Context(), n)
			require.NoError(t, err)
			sizes := requireRanges(t, ranges, all)
			most, mean := 0, float64(len(all))/float64(n)
			for _, size := range sizes {
				most = max(most, size)
			}
			t.Logf("%-20s %3d: %3d ranges, largest %.2f of the mean, %.1f requests each", test.name, n, len(ranges),
				float64(most)/mean, float64(f.traffic.count())/float64(n))
			require.LessOrEqual(t, float64(most)/mean, test.most, "%s, %d", test.name, n)
			require.LessOrEqual(t, f.traffic.count(), n*12+40, "%s, %d", test.name, n)
		}
	}
}

// TestRangesOfLittle: one range needs no request, and an empty hub, or one instance, is one range.
func TestRangesOfLittle(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		whole := []durable.KeyRange{{}}
		ranges, err := f.SplitKeyRanges(t.Context(), 1)
		require.NoError(t, err)
		require.Equal(t, whole, ranges)
		require.Zero(t, f.traffic.count())
		for range 2 {
			ranges, err = f.SplitKeyRanges(t.Context(), 8)
			require.NoError(t, err)
			require.Equal(t, whole, ranges)
			f.bare(t, fmt.Sprint("only", f.traffic.count()))
			require.Less(t, f.traffic.count(), 20)
			if len(ids(t, f.QueryInstances(t.Context(), nil, nil))) > 1 {
				break
			}
		}
		f.bare(t, "z")
		ranges, err = f.SplitKeyRanges(t.Context(), 2)
		require.NoError(t, err)
		requireRanges(t, ranges, map[string]bool{"z": true})
		require.Equal(t, `["", "")`, whole[0].String())
	})
}
