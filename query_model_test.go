package durable_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// modelInstance is what a plain model knows of an instance.
type modelInstance struct {
	id, name, version, status string
	created, updated, ended   time.Time
	tags                      map[string]string
	output                    string
}

// nastyAlphabet are the parts of random IDs.
var nastyAlphabet = []string{
	"a", "b", "A", "1", "9", "-", "_", ".", " ", "'", `"`, "%", "+", "&", "^", "@", "|", "~", "é", "日", "\uD7FF", "\uE000", "\uFFFF", "😀",
	"\U0010FFFF", "order-", "00",
}

func randomID(r *rand.Rand) string {
	for {
		var b strings.Builder
		for range 1 + r.IntN(5) {
			b.WriteString(nastyAlphabet[r.IntN(len(nastyAlphabet))])
		}
		if strings.TrimSpace(b.String()) != "" {
			return b.String()
		}
	}
}

func randomTime(r *rand.Rand) time.Time {
	return noon.Truncate(wire.Tick).Add(time.Duration(r.IntN(20)-10) * wire.Tick)
}

func randomText(r *rand.Rand) string { return []string{"", "A", "B", "it's"}[r.IntN(4)] }

func randomInstance(r *rand.Rand) *modelInstance {
	m := &modelInstance{
		id: randomID(r), name: "N" + randomText(r), version: randomText(r), created: randomTime(r), updated: randomTime(r),
		status: string(knownStates[r.IntN(len(knownStates))]), output: randomText(r) + randomText(r),
	}
	if durable.RuntimeStatus(m.status).IsTerminal() {
		m.ended = randomTime(r)
	}
	if r.IntN(2) == 0 {
		m.tags = map[string]string{"t": randomText(r), "u" + randomText(r): "x"}
	}
	return m
}

// write stores the instance, in one of the forms that engines have for the same.
func (m *modelInstance) write(t *testing.T, f *fixture, r *rand.Rand) {
	t.Helper()
	e := &storage.Entity{PartitionKey: wire.EscapeKey(m.id), Columns: []storage.Column{
		text(wire.ColName, m.name), text(wire.ColRuntimeStatus, m.status), at(wire.ColCreatedTime, m.created),
		at(wire.ColLastUpdatedTime, m.updated),
	}}
	if m.version != "" || r.IntN(2) == 0 {
		e.Set(wire.ColVersion, storage.StringValue(m.version))
	}
	if !m.ended.IsZero() {
		e.Set(wire.ColCompletedTime, storage.TimeValue(m.ended))
	}
	if m.tags != nil || r.IntN(2) == 0 {
		e.Set(wire.ColTags, storage.StringValue(wire.EncodeTags(m.tags)))
	}
	output := storage.StringValue(m.output)
	if r.IntN(4) == 0 {
		blob := e.PartitionKey + "/history-0000000000000006-ExecutionCompleted-12345678-Result.json.gz"
		f.putBlob(t, blob, m.output)
		output.Text = f.reference(blob)
	}
	e.Set(wire.ColOutput, output)
	_, err := f.storage.Tables.Update(t.Context(), f.names.Instances(), e, storage.Replace, "")
	require.NoError(t, err)
}

// randomFilter has each condition now and then.
func randomFilter(r *rand.Rand, world map[string]*modelInstance) *durable.InstanceFilter {
	f := &durable.InstanceFilter{IncludeEntities: r.IntN(2) == 0}
	some := func() bool { return r.IntN(5) == 0 }
	span := func(from, to *time.Time) {
		if some() {
			*from = randomTime(r).Add(time.Duration(r.IntN(100)))
		}
		if some() {
			*to = randomTime(r).Add(time.Duration(r.IntN(100)))
		}
		if !from.IsZero() && !to.IsZero() && to.Before(*from) {
			*from, *to = *to, *from
		}
	}
	span(&f.CreatedFrom, &f.CreatedTo)
	span(&f.LastUpdatedFrom, &f.LastUpdatedTo)
	span(&f.CompletedFrom, &f.CompletedTo)
	if some() {
		f.Statuses = knownStates[:1+r.IntN(len(knownStates))]
	}
	if some() {
		f.Names = []string{"N", "N" + randomText(r)}
	}
	if some() {
		f.Version = ptr(randomText(r))
	}
	if some() {
		f.Tags = map[string]string{"t": randomText(r)}
	}
	if some() && f.Statuses == nil {
		f.FailedWith = "A"
	}
	ids := slices.Sorted(maps.Keys(world))
	if id := []rune(ids[r.IntN(len(ids))]); r.IntN(3) == 0 {
		f.InstanceIDPrefix = string(id[:r.IntN(len(id))+1])
		f.IncludeEntities = f.IncludeEntities || id[0] == '@'
	}
	if some() {
		a, b := wire.EscapeKey(ids[r.IntN(len(ids))]), wire.EscapeKey(ids[r.IntN(len(ids))])
		if storage.CompareKeys(a, b) > 0 {
			a, b = b, a
		}
		if f.Keys.From = a; a != b {
			f.Keys.To = b
		}
	}
	return f
}

// matches is the meaning of a filter, in plain words.
func (m *modelInstance) matches(f *durable.InstanceFilter) bool {
	within := func(t, from, to time.Time) bool {
		if from.IsZero() && to.IsZero() {
			return true
		}
		return !t.IsZero() && (from.IsZero() || !t.Before(from.Truncate(wire.Tick))) && (to.IsZero() || !t.After(to))
	}
	key := wire.EscapeKey(m.id)
	ok := (f.IncludeEntities || m.id[0] != '@') && strings.HasPrefix(m.id, f.InstanceIDPrefix) &&
		within(m.created, f.CreatedFrom, f.CreatedTo) && within(m.updated, f.LastUpdatedFrom, f.LastUpdatedTo) &&
		within(m.ended, f.CompletedFrom, f.CompletedTo) &&
		(f.Statuses == nil || slices.Contains(f.Statuses, durable.RuntimeStatus(m.status))) &&
		(f.Names == nil || slices.Contains(f.Names, m.name)) && (f.Version == nil || *f.Version == m.version) &&
		(f.FailedWith == "" || m.status == wire.StatusFailed && strings.Contains(m.output, f.FailedWith)) &&
		storage.CompareKeys(key, f.Keys.From) >= 0 && (f.Keys.To == "" || storage.CompareKeys(key, f.Keys.To) < 0)
	for k, v := range f.Tags {
		have, found := m.tags[k]
		ok = ok && found && have == v
	}
	return ok
}

// TestQueryModel: random instances under nasty IDs and random filters give what a plain model gives, and the counts and
// purges of the same filters go by the same instances.
func TestQueryModel(t *testing.T) {
	t.Parallel()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		for seed := range uint64(8) {
			f := openMemory(t, newHubName(), taskhub.Options{}, &memstore.Options{PageSize: 17, ScanLimit: 23})
			f.create(t)
			queryModel(t, f, rand.New(rand.NewPCG(seed, 2)), 80, 60)
		}
	})
	t.Run("azurite", func(t *testing.T) {
		t.Parallel()
		f := openAzurite(t, newHubName())
		f.create(t)
		queryModel(t, f, rand.New(rand.NewPCG(1, 3)), 100, 60)
	})
}

func queryModel(t *testing.T, f *fixture, r *rand.Rand, instances, filters int) {
	t.Helper()
	world := map[string]*modelInstance{}
	for range instances {
		m := randomInstance(r)
		if world[m.id] != nil || f.mem == nil && strings.Contains(m.id, "\uFFFF") {
			continue // the emulator answers 500 to a listing with U+FFFF, which no XML can hold
		}
		world[m.id] = m
		m.write(t, f, r)
	}
	for range filters {
		filter := randomFilter(r, world)
		want := []string{}
		counts := map[string]int{}
		for id, m := range world {
			if !m.matches(filter) {
				continue
			}
			want = append(want, id)
			name := m.name
			if e, err := durable.ParseEntityID(id); err == nil {
				name = "@" + e.Name
			}
			counts[name+"|"+m.status]++
		}
		explain, err := f.Explain(filter)
		require.NoError(t, err)
		opts := &durable.QueryOptions{Parallelism: r.IntN(5), Unordered: r.IntN(2) == 0}
		got := ids(t, f.QueryInstances(t.Context(), filter, opts))
		require.ElementsMatch(t, want, got, explain)
		require.Equal(t, counts, f.counted(t, filter, opts), explain)

		ended := 0
		for _, id := range want {
			if durable.RuntimeStatus(world[id].status).IsTerminal() {
				ended++
			}
		}
		terminal := true
		for _, s := range filter.Statuses {
			terminal = terminal && s.IsTerminal()
		}
		plan, err := f.PlanPurge(t.Context(), filter, nil)
		if !terminal {
			require.ErrorIs(t, err, durable.ErrInvalidArgument)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, ended, plan.Instances, explain)
		if r.IntN(4) == 0 && len(world) > instances/2 {
			f.purgeModel(t, filter, world, want)
		}
	}
}

func (f *fixture) counted(t *testing.T, filter *durable.InstanceFilter, opts *durable.QueryOptions) map[string]int {
	t.Helper()
	list, err := f.CountInstances(t.Context(), filter, opts)
	require.NoError(t, err)
	counts := map[string]int{}
	for i, c := range list {
		counts[c.Name+"|"+string(c.Status)] = c.Count
		if i > 0 {
			require.Less(t, fmt.Sprintf("%s\x00%s", list[i-1].Name, list[i-1].Status), fmt.Sprintf("%s\x00%s", c.Name, c.Status))
		}
	}
	require.Len(t, counts, len(list))
	return counts
}

func (f *fixture) purgeModel(t *testing.T, filter *durable.InstanceFilter, world map[string]*modelInstance, want []string) {
	t.Helper()
	_, err := f.PurgeInstances(t.Context(), filter, nil)
	require.NoError(t, err)
	for _, id := range want {
		if durable.RuntimeStatus(world[id].status).IsTerminal() {
			delete(world, id)
		}
	}
	all := &durable.InstanceFilter{IncludeEntities: true}
	require.ElementsMatch(t, slices.Collect(maps.Keys(world)), ids(t, f.QueryInstances(t.Context(), all, nil)))
	blobs := map[string]bool{}
	for _, b := range f.blobs(t) {
		blobs[b[:strings.LastIndexByte(b, '/')]] = true
	}
	for folder := range blobs {
		require.Contains(t, world, wire.UnescapeKey(folder), "a payload is left")
	}
}
