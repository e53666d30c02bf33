package durable_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// knownStates are all that an engine writes.
var knownStates = []durable.RuntimeStatus{
	durable.RuntimeStatusPending, durable.RuntimeStatusRunning, durable.RuntimeStatusSuspended,
	durable.RuntimeStatusContinuedAsNew, durable.RuntimeStatusCompleted, durable.RuntimeStatusFailed,
	durable.RuntimeStatusCanceled, durable.RuntimeStatusTerminated,
}

// badFilters are filters that break a rule.
func badFilters() map[string]durable.InstanceFilter {
	many := map[string]string{}
	for i := range 10_000 {
		many[fmt.Sprint(i)] = "x"
	}
	later, earlier := noon, noon.Add(-time.Second)
	filters := map[string]durable.InstanceFilter{
		"unknown status":       {Statuses: []durable.RuntimeStatus{durable.RuntimeStatusRunning, "Bogus"}},
		"status in lower case": {Statuses: []durable.RuntimeStatus{"running"}},
		"empty status":         {Statuses: []durable.RuntimeStatus{""}},
		"too many statuses":    {Statuses: make([]durable.RuntimeStatus, 10_000)},
		"empty name":           {Names: []string{""}},
		"blank name":           {Names: []string{"A", " "}},
		"name no UTF-8":        {Names: []string{"\xff"}},
		"too many names":       {Names: strings.Split(strings.Repeat("x,", 10_000)+"x", ",")},
		"too many tags":        {Tags: many},
		"tag no UTF-8":         {Tags: map[string]string{"\xff": "x"}},
		"tag value no UTF-8":   {Tags: map[string]string{"x": "\xff"}},
		"created":              {CreatedFrom: later, CreatedTo: earlier},
		"last updated":         {LastUpdatedFrom: later, LastUpdatedTo: earlier},
		"completed":            {CompletedFrom: later, CompletedTo: earlier},
		"before all times":     {CreatedFrom: time.Date(1600, 12, 31, 23, 59, 59, 0, time.UTC)},
		"behind all times":     {CreatedTo: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"failed but running":   {FailedWith: "x", Statuses: []durable.RuntimeStatus{durable.RuntimeStatusRunning}},
		"entity prefix":        {InstanceIDPrefix: "@counter@"},
		"prefix no UTF-8":      {InstanceIDPrefix: "a\xff"},
		"prefix too long":      {InstanceIDPrefix: strings.Repeat("a", 257)},
		"keys no UTF-8":        {Keys: durable.KeyRange{From: "\xff"}},
		"keys end no UTF-8":    {Keys: durable.KeyRange{To: "\xff"}},
		"keys the wrong way":   {Keys: durable.KeyRange{From: "b", To: "a"}},
		"no keys":              {Keys: durable.KeyRange{From: "a", To: "a"}},
		"keys by UTF-8":        {Keys: durable.KeyRange{From: "\uFFFF", To: "😀"}},
		"version no UTF-8":     {Version: ptr("\xff")},
		"failed with no UTF-8": {FailedWith: "\xff"},
	}
	for _, c := range []string{"/", `\`, "#", "?", "\x00", "\t", "\x7f", "\u0085"} {
		filters[fmt.Sprintf("prefix with %q", c)] = durable.InstanceFilter{InstanceIDPrefix: "a" + c}
	}
	return filters
}

func ptr[T any](v T) *T { return &v }

// TestBadFilters: every operation refuses them, and nothing is sent.
func TestBadFilters(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.traffic.reset()
		for name, filter := range badFilters() {
			for what, err := range map[string]error{
				"query": queryError(f.QueryInstances(t.Context(), &filter, nil)),
				"page":  second(f.QueryInstancesPage(t.Context(), &filter, nil)),
				"count": second(f.CountInstances(t.Context(), &filter, nil)),
				"purge": second(f.PurgeInstances(t.Context(), &filter, nil)),
				"plan":  second(f.PlanPurge(t.Context(), &filter, nil)),
				"why":   second(f.Explain(&filter)),
			} {
				require.ErrorIs(t, err, durable.ErrInvalidArgument, "%s: %s", what, name)
			}
		}
		for name, err := range badOptions(t.Context(), f) {
			require.ErrorIs(t, err, durable.ErrInvalidArgument, name)
		}
		require.Zero(t, f.traffic.count())
	})
}

func badOptions(ctx context.Context, f *fixture) map[string]error {
	errs := map[string]error{}
	for name, opts := range map[string]durable.PageOptions{
		"no size": {}, "negative size": {Size: -1}, "too large": {Size: 1001},
		"bogus": {Size: 1, ContinuationToken: "bogus"}, "blank": {Size: 1, ContinuationToken: " "},
		"half": {Size: 1, ContinuationToken: " aGFsZg=="}, "three parts": {Size: 1, ContinuationToken: "aGFsZg== aGFsZg== x"},
		"no UTF-8": {Size: 1, ContinuationToken: "/w=="}, "wrong length": {Size: 1, ContinuationToken: "1!7!aGFsZg== "},
		"other version": {Size: 1, ContinuationToken: "2!8!aGFsZg== "}, "query": {Size: 1, ContinuationToken: "a&$filter=x"},
		"JSON": {Size: 1, ContinuationToken: `{"NextPartitionKey":"x"}`}, "null": {Size: 1, ContinuationToken: "bnVsbA=="},
		"JSON without a key": {Size: 1, ContinuationToken: "e30="}, "line": {Size: 1, ContinuationToken: "aGFs\r\nZg=="},
	} {
		errs["page: "+name] = second(f.QueryInstancesPage(ctx, nil, &opts))
	}
	for name, opts := range map[string]durable.QueryOptions{"negative": {Parallelism: -1}, "too much": {Parallelism: 65}} {
		errs["query: "+name] = queryError(f.QueryInstances(ctx, nil, &opts))
		errs["count: "+name] = second(f.CountInstances(ctx, nil, &opts))
	}
	for _, n := range []int{math.MinInt, -1, 0, 1001, math.MaxInt} {
		errs[fmt.Sprintf("%d ranges", n)] = second(f.SplitKeyRanges(ctx, n))
	}
	return errs
}

func second[T any](_ T, err error) error { return err }

// queryError returns the error of a query that finds nothing else.
func queryError(found func(func(*durable.OrchestrationStatus, error) bool)) error {
	for s, err := range found {
		if s != nil || err != nil {
			return err
		}
	}
	return nil
}

// ids are the IDs that a query finds, in its order.
func ids(tb testing.TB, found func(func(*durable.OrchestrationStatus, error) bool)) []string {
	tb.Helper()
	list := []string{}
	for s, err := range found {
		require.NoError(tb, err)
		list = append(list, s.InstanceID)
	}
	return list
}

// bare inserts the row of an instance with few columns.
func (f *fixture) bare(tb testing.TB, id string, columns ...storage.Column) {
	tb.Helper()
	e := &storage.Entity{PartitionKey: wire.EscapeKey(id), Columns: []storage.Column{
		text(wire.ColName, "Orchestrator"), text(wire.ColRuntimeStatus, wire.StatusCompleted), at(wire.ColCreatedTime, noon),
	}}
	for _, c := range columns {
		e.Set(c.Name, c.Value)
		if c.Type == storage.None {
			e.Columns = e.Columns[:len(e.Columns)-1]
		}
	}
	_, err := f.storage.Tables.Insert(tb.Context(), f.names.Instances(), e)
	require.NoError(tb, err)
}

// TestPrefixes: the upper bound of a prefix is exact, whatever its last character is.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	all := []string{
		"a", "a\uD7FF", "a\uD7FFx", "a\uE000", "a\uFFFE", "a\uFFFF", "a\uFFFF\uFFFF", "a\uFFFFx", "a😀", "a😀x", "a😁", "a\U0010FFFF",
		"a\U0010FFFFx", "a^", "a^^", "a^x", "a'", "a''x", "a'x", "a ", "a  x", "A", "b", "\uFFFF", "\uFFFFx", "a%", "a%20", "à", "a+", "a&b",
		" lead", "é", "a[", "a_", "a]",
	}
	onBothStores(t, func(t *testing.T, f *fixture) {
		for _, id := range all {
			f.bare(t, id)
		}
		prefixes := append([]string{"x", "a'z", "aa", "  ", " "}, all...)
		for _, prefix := range prefixes {
			want := []string{}
			for _, id := range all {
				if strings.HasPrefix(id, prefix) {
					want = append(want, id)
				}
			}
			require.ElementsMatch(t, want, ids(t, f.QueryInstances(t.Context(), &durable.InstanceFilter{InstanceIDPrefix: prefix}, nil)),
				"%q", prefix)
		}
		require.Len(t, ids(t, f.QueryInstances(t.Context(), nil, nil)), len(all))
	})
}

// TestFilterConditions: each condition alone, with rows that lack the column.
func TestFilterConditions(t *testing.T) {
	t.Parallel()
	failure := func(text string) string { return "Orchestrator function 'X' failed: " + text }
	tag := func(v string) storage.Column { return text(wire.ColTags, v) }
	status := func(s string) storage.Column { return text(wire.ColRuntimeStatus, s) }
	tests := []struct {
		name   string
		filter durable.InstanceFilter
		want   []string
	}{
		{"none", durable.InstanceFilter{}, []string{
			"bare", "blob", "blobtags", "done", "failed", "json", "named", "odd", "tags", "v1", "v2",
		}},
		{"names", durable.InstanceFilter{Names: []string{"Other", "Nobody"}}, []string{"named"}},
		{"entities", durable.InstanceFilter{IncludeEntities: true, InstanceIDPrefix: "@"}, []string{"@", "@counter@x"}},
		{"entities by name", durable.InstanceFilter{IncludeEntities: true, Names: []string{"@counter@x"}}, []string{"@counter@x"}},
		{"version", durable.InstanceFilter{Version: ptr("1.0")}, []string{"v1"}},
		{"no version", durable.InstanceFilter{Version: ptr(""), Names: []string{"V", "Other"}}, []string{"named", "v2"}},
		{"tags", durable.InstanceFilter{Tags: map[string]string{"team": "blue"}}, []string{"blobtags", "tags"}},
		{"two tags", durable.InstanceFilter{Tags: map[string]string{"team": "blue", "env": ""}}, []string{"tags"}},
		{"tag of .NET", durable.InstanceFilter{Tags: map[string]string{"$type": "x"}}, []string{}},
		{"failed", durable.InstanceFilter{FailedWith: "out of \"memory\""}, []string{"blob", "failed", "json"}},
		{"failed with nothing", durable.InstanceFilter{FailedWith: "42"}, []string{}},
		{"completed from", durable.InstanceFilter{CompletedFrom: noon.Add(-time.Hour)}, []string{"done"}},
		{"completed to", durable.InstanceFilter{CompletedTo: noon}, []string{"done"}},
		{"completed", durable.InstanceFilter{CompletedFrom: noon.Add(100), CompletedTo: noon.Add(time.Hour)}, []string{}},
		{"updated", durable.InstanceFilter{LastUpdatedFrom: noon, LastUpdatedTo: noon}, []string{"done"}},
		{"in another zone", durable.InstanceFilter{
			LastUpdatedFrom: noon.In(time.FixedZone("", 7200)), LastUpdatedTo: noon.In(time.FixedZone("", -7200)),
		}, []string{"done"}},
		{"created", durable.InstanceFilter{CreatedFrom: noon.Add(time.Nanosecond), CreatedTo: noon.Add(time.Hour)}, []string{
			"bare", "blob", "blobtags", "done", "failed", "json", "named", "odd", "tags", "v1", "v2",
		}},
		{"created later", durable.InstanceFilter{CreatedFrom: noon.Add(wire.Tick)}, []string{}},
		{"keys", durable.InstanceFilter{Keys: durable.KeyRange{From: "bl", To: "failed"}}, []string{"blob", "blobtags", "done"}},
		{"keys and prefix", durable.InstanceFilter{
			InstanceIDPrefix: "blob", Keys: durable.KeyRange{From: "blob\u0001"},
		}, []string{"blobtags"}},
		{"keys beside prefix", durable.InstanceFilter{InstanceIDPrefix: "blob", Keys: durable.KeyRange{From: "c"}}, []string{}},
	}
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.bare(t, "bare")
		f.bare(t, "named", text(wire.ColName, "Other"))
		f.bare(t, "@counter@x", text(wire.ColName, "@counter@x"))
		f.bare(t, "@", text(wire.ColName, "@"))
		f.bare(t, "v1", text(wire.ColVersion, "1.0"))
		f.bare(t, "v2", text(wire.ColVersion, ""), text(wire.ColName, "V"))
		f.bare(t, "tags", tag(`{"$type":"x","team":"blue","env":""}`))
		f.bare(t, "odd", tag(`broken`), text(wire.ColVersion, "odd"))
		f.putBlob(t, "blobtags/history--Tags-12345678-Tags.json.gz", `{"team":"blue"}`)
		f.bare(t, "blobtags", tag(""), text(wire.ColTagsBlobName, "blobtags/history--Tags-12345678-Tags.json.gz"))
		f.bare(t, "failed", status("Failed"), text(wire.ColOutput, failure(`out of "memory"`)))
		f.bare(t, "json", status("Failed"), text(wire.ColOutput, `"out of \"memory\""`))
		f.putBlob(t, "blob/history-0000000000000006-ExecutionCompleted-12345678-Result.json.gz", failure(`out of "memory"`))
		f.bare(t, "blob", status("Failed"),
			text(wire.ColOutput, f.reference("blob/history-0000000000000006-ExecutionCompleted-12345678-Result.json.gz")))
		f.bare(t, "done", text(wire.ColOutput, `out of "memory"`), at(wire.ColCompletedTime, noon), at(wire.ColLastUpdatedTime, noon))
		for _, test := range tests {
			for _, parallelism := range []int{1, 3} {
				got := ids(t, f.QueryInstances(t.Context(), &test.filter, &durable.QueryOptions{Parallelism: parallelism}))
				require.Equal(t, test.want, got, "%s, %d at once", test.name, parallelism)
			}
			page, err := f.QueryInstancesPage(t.Context(), &test.filter, nil)
			require.NoError(t, err)
			require.Len(t, page.Instances, len(test.want), test.name)
			require.Empty(t, page.ContinuationToken)
			n := 0
			counts, err := f.CountInstances(t.Context(), &test.filter, nil)
			require.NoError(t, err)
			for _, c := range counts {
				n += c.Count
			}
			require.Equal(t, len(test.want), n, test.name)
		}
	})
}

// TestFilterStates: each state finds its own and nothing else, all together everything that is known.
func TestFilterStates(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		for _, s := range allStates {
			f.bare(t, "is-"+string(s), text(wire.ColRuntimeStatus, string(s)))
		}
		for _, s := range knownStates {
			filter := &durable.InstanceFilter{Statuses: []durable.RuntimeStatus{s}}
			require.Equal(t, []string{"is-" + string(s)}, ids(t, f.QueryInstances(t.Context(), filter, nil)))
		}
		filter := &durable.InstanceFilter{Statuses: append(knownStates, knownStates...)} // too many to be pushed down
		require.Len(t, ids(t, f.QueryInstances(t.Context(), filter, nil)), len(knownStates))
		require.Len(t, ids(t, f.QueryInstances(t.Context(), nil, nil)), len(allStates))
	})
}

// TestExplain: what the table service evaluates, what is evaluated here, and what is fetched.
func TestExplain(t *testing.T) {
	t.Parallel()
	names := func(n int) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf("N%d", i)
		}
		return list
	}
	const hidden = "PartitionKey lt '@' or PartitionKey ge 'A'"
	const noonText = "datetime'2026-11-22T12:00:00.1234567Z'"
	tests := []struct {
		name   string
		filter *durable.InstanceFilter
		pushed string
		local  []string
	}{
		{"nil", nil, hidden, nil},
		{"everything", &durable.InstanceFilter{IncludeEntities: true}, "", nil},
		{"prefix", &durable.InstanceFilter{InstanceIDPrefix: "it's^"}, "PartitionKey ge 'it''s^^' and PartitionKey lt 'it''s^_'", nil},
		{"endless prefix", &durable.InstanceFilter{InstanceIDPrefix: "\uFFFF"}, "PartitionKey ge '\uFFFF'", nil},
		{
			"times and states", &durable.InstanceFilter{
				CreatedFrom: noon, CompletedTo: noon, Statuses: knownStates[:2], IncludeEntities: true, Names: []string{"A"},
			},
			"CreatedTime ge " + noonText + " and CompletedTime le " + noonText +
				" and (RuntimeStatus eq 'Pending' or RuntimeStatus eq 'Running') and Name eq 'A'", nil,
		},
		{
			"what may lie in blobs", &durable.InstanceFilter{
				IncludeEntities: true, Tags: map[string]string{"a": "b"}, FailedWith: "x", Version: ptr(""),
			},
			"RuntimeStatus eq 'Failed'",
			[]string{"no version", "tags", "failed with"},
		},
		{
			"as many as it takes", &durable.InstanceFilter{IncludeEntities: true, Version: ptr("1"), Names: names(14)},
			"Version eq '1' and (" + strings.Join(equal("Name", names(14)), " or ") + ")", nil,
		},
		{
			"one too many", &durable.InstanceFilter{IncludeEntities: true, Version: ptr("1"), Names: names(15)},
			"Version eq '1'",
			[]string{"names"},
		},
	}
	f := inMemory(t, taskhub.Options{})
	for _, test := range tests {
		plan, err := f.Explain(test.filter)
		require.NoError(t, err, test.name)
		require.Equal(t, test.pushed, plan.Pushed, test.name)
		require.Equal(t, test.local, plan.Local, test.name)
		require.Contains(t, plan.String(), strings.Join(plan.Local, ", "))
		require.Contains(t, plan.Columns, wire.ColInput)
	}
	require.Zero(t, f.traffic.count())
}

func equal(column string, values []string) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = column + " eq '" + v + "'"
	}
	return list
}
