package durable_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// entities returns what a query finds as "name/key=state".
func (f *fixture) entities(t *testing.T, filter *durable.EntityFilter, opts *durable.QueryOptions) []string {
	t.Helper()
	found := []string{}
	for e, err := range f.QueryEntities(t.Context(), filter, opts) {
		require.NoError(t, err)
		found = append(found, showEntity(e))
	}
	return found
}

func showEntity(e *durable.EntityStatus) string {
	return e.ID.Name + "/" + e.ID.Key + "=" + string(e.State)
}

// fillEntities leaves entities of several kinds, and what only looks like one.
func (f *fixture) fillEntities(t *testing.T) {
	t.Helper()
	exists := func(state string) string { return `{"exists":true,"state":"` + state + `"}` }
	f.entity(t, "@counter@a", exists("1"), existingStatus, noon)
	f.entity(t, "@counter@b", exists("2"), existingStatus, noon.Add(time.Hour))
	f.entity(t, "@counter@gone", `{"sorter":{}}`, emptyStatus, noon)
	f.entity(t, "@counters@a", exists("3"), existingStatus, noon)
	f.entity(t, "@coun@x@y", f.reference("@coun@x@y/history-1-Input.json.gz"), existingStatus, noon.Add(2*time.Hour))
	f.putBlob(t, "@coun@x@y/history-1-Input.json.gz", exists("4"))
	f.entity(t, "@none", exists("5"), existingStatus, noon) // no entity: it has no key
	f.start(t, "A", exists("6"))
	f.start(t, "=", exists("7"))
	f.drain(t)
}

func TestQueryEntities(t *testing.T) {
	t.Parallel()
	all := []string{"coun/x@y=4", "counter/a=1", "counter/b=2", "counters/a=3"}
	tests := []struct {
		name   string
		filter *durable.EntityFilter
		want   []string
	}{
		{"nil", nil, all},
		{"all", &durable.EntityFilter{}, all},
		{"name", &durable.EntityFilter{Name: "Counter"}, []string{"counter/a=1", "counter/b=2"}},
		{"name of none", &durable.EntityFilter{Name: "count"}, []string{}},
		{"without state", &durable.EntityFilter{OmitState: true}, []string{"coun/x@y=", "counter/a=", "counter/b=", "counters/a="}},
		{
			"deleted ones too", &durable.EntityFilter{Name: "counter", IncludeDeleted: true},
			[]string{"counter/a=1", "counter/b=2", "counter/gone="},
		},
		{"from", &durable.EntityFilter{LastOperationFrom: noon.Add(time.Hour)}, []string{"coun/x@y=4", "counter/b=2"}},
		{"to", &durable.EntityFilter{LastOperationTo: noon}, []string{"counter/a=1", "counters/a=3"}},
		{
			"from to", &durable.EntityFilter{LastOperationFrom: noon.Add(time.Hour), LastOperationTo: noon.Add(time.Hour)},
			[]string{"counter/b=2"},
		},
	}
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.fillEntities(t)
		for _, test := range tests {
			require.Equal(t, test.want, f.entities(t, test.filter, nil), test.name)
			require.ElementsMatch(t, test.want, f.entities(t, test.filter, &durable.QueryOptions{Parallelism: 4, Unordered: true}), test.name)
			require.Equal(t, test.want, f.entities(t, test.filter, &durable.QueryOptions{Parallelism: 3}), test.name)
			for size := 1; size <= 4; size++ {
				require.Equal(t, test.want, f.entityPages(t, test.filter, size), test.name)
			}
		}
	})
}

// entityPages reads page by page. Only the last one may be empty.
func (f *fixture) entityPages(t *testing.T, filter *durable.EntityFilter, size int) []string {
	t.Helper()
	found := []string{}
	token := ""
	for {
		page, err := f.QueryEntitiesPage(t.Context(), filter, &durable.PageOptions{Size: size, ContinuationToken: token})
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Entities), size)
		for _, e := range page.Entities {
			found = append(found, showEntity(e))
		}
		if token = page.ContinuationToken; token == "" {
			return found
		}
		require.NotEmpty(t, page.Entities)
	}
}

// TestQueryEntitiesRequests: one request a page, none for what is left out; what the filter can tell the service, it does.
func TestQueryEntitiesRequests(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.fillEntities(t)
		for omit, requests := range map[bool]int{true: 1, false: 2} {
			plan := &durable.QueryPlan{}
			f.traffic.reset()
			found := f.entities(t, &durable.EntityFilter{OmitState: omit}, &durable.QueryOptions{Plan: plan})
			require.Len(t, found, 4)
			require.Equal(t, requests, f.traffic.count())
			require.Equal(t, durable.QueryStats{Scanned: 6, Returned: 4, Pages: 1, Requests: requests}, plan.Stats())
			require.Contains(t, plan.Pushed, "PartitionKey ge '@'")
			require.Contains(t, plan.Pushed, "PartitionKey lt 'A'")
			require.Equal(t, []string{"exists"}, plan.Local)
		}
		f.traffic.reset()
		for _, err := range f.QueryEntities(t.Context(), &durable.EntityFilter{OmitState: true}, nil) {
			require.NoError(t, err)
			break
		}
		require.Equal(t, 1, f.traffic.count())
	})
}

// TestQueryEntitiesEmptyPages: pages without an entity that exists are passed over.
func TestQueryEntitiesEmptyPages(t *testing.T) {
	t.Parallel()
	f := openMemory(t, newHubName(), taskhub.Options{}, &memstore.Options{ScanLimit: 3, PageSize: 2})
	f.create(t)
	for i := range 20 {
		f.entity(t, fmt.Sprintf("@counter@%02d", i), `{}`, emptyStatus, noon)
	}
	f.entity(t, "@counter@99", `{"state":"1"}`, existingStatus, noon)
	require.Equal(t, []string{"counter/99=1"}, f.entities(t, nil, nil))
	page, err := f.QueryEntitiesPage(t.Context(), nil, nil)
	require.NoError(t, err)
	require.Len(t, page.Entities, 1)
}

// TestQueryEntitiesDamaged: one entity that cannot be read does not hide the others.
func TestQueryEntitiesDamaged(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		f.entity(t, "@counter@a", f.reference("@counter@a/history-1-Input.json.gz"), existingStatus, noon)
		f.entity(t, "@counter@b", "damaged", existingStatus, noon)
		f.entity(t, "@counter@c", `{"state":"1"}`, existingStatus, noon)
		var failed []error
		for e, err := range f.QueryEntities(t.Context(), nil, nil) {
			require.NoError(t, err)
			require.True(t, e.Exists)
			require.Equal(t, e.PayloadError == nil, e.State != nil)
			failed = append(failed, e.PayloadError)
		}
		require.Len(t, failed, 3)
		require.ErrorIs(t, failed[0], durable.ErrPayloadMissing)
		require.ErrorIs(t, failed[1], durable.ErrInvalidState)
		require.NoError(t, failed[2])
	})
}

func TestQueryEntitiesRefused(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		for _, filter := range []*durable.EntityFilter{
			{Name: " "},
			{Name: "@"},
			{Name: "a/b"},
			{Name: "\xff"},
			{Name: strings.Repeat("n", 300)},
			{LastOperationFrom: noon, LastOperationTo: noon.Add(-1)},
		} {
			for e, err := range f.QueryEntities(t.Context(), filter, nil) {
				require.Nil(t, e)
				require.ErrorIs(t, err, durable.ErrInvalidArgument)
			}
			_, err := f.QueryEntitiesPage(t.Context(), filter, nil)
			require.ErrorIs(t, err, durable.ErrInvalidArgument)
		}
		for _, page := range []durable.PageOptions{{}, {Size: -1}, {Size: 1001}, {Size: 1, ContinuationToken: "from nowhere"}} {
			_, err := f.QueryEntitiesPage(t.Context(), nil, &page)
			require.ErrorIs(t, err, durable.ErrInvalidArgument)
		}
		for _, err := range f.QueryEntities(t.Context(), nil, &durable.QueryOptions{Parallelism: -1}) {
			require.ErrorIs(t, err, durable.ErrInvalidArgument)
		}
		require.Zero(t, f.traffic.count())
		require.NoError(t, f.DeleteTaskHub(t.Context(), nil))
		for _, err := range f.QueryEntities(t.Context(), nil, nil) {
			require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
		}
		_, err := f.QueryEntitiesPage(t.Context(), nil, nil)
		require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
	})
}

func TestQueryEntitiesFails(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{})
	f.fillEntities(t)
	for _, op := range []string{"Query", "Open"} {
		f.fault.SetHook(faultstore.FailNth(1, faultstore.Before, errNetwork, faultstore.Op(op)))
		pairs := 0
		for e, err := range f.QueryEntities(t.Context(), nil, nil) {
			require.Nil(t, e)
			require.ErrorIs(t, err, errNetwork)
			pairs++
		}
		require.Equal(t, 1, pairs)
	}
}

// TestListRecordedEntities: what the .NET client and the HTTP API answered.
func TestListRecordedEntities(t *testing.T) {
	t.Parallel()
	rec := golden.Load(t, "v2/entities")
	// Between the list and the next dump, nothing but this entity changed.
	before := entityRowOf(rec, "two-signals", "@counter@http")
	f := openMemory(t, rec.Hub, taskhub.Options{}, nil)
	require.NoError(t, rec.Dumps["used"].LoadInto(t.Context(), f.storage))
	_, err := f.storage.Tables.Update(t.Context(), f.names.Instances(), before, storage.Replace, storage.Any)
	require.NoError(t, err)
	compared := 0
	for _, step := range rec.Steps {
		switch {
		case step.Client == "list-entities":
			var want struct{ Entities json.RawMessage }
			require.NoError(t, json.Unmarshal(step.Result, &want))
			f.requireListed(t, want.Entities, &durable.EntityFilter{}, nil)
		case step.Method == http.MethodGet && strings.HasPrefix(step.Path, "/entities") && strings.Count(step.Path, "/") <= 2:
			u, err := url.Parse(step.Path)
			require.NoError(t, err)
			filter := &durable.EntityFilter{OmitState: u.Query().Get("fetchState") != "true"}
			filter.Name = strings.Trim(strings.TrimPrefix(u.Path, "/entities"), "/")
			var page *durable.PageOptions
			if u.Query().Get("top") == "1" {
				page = &durable.PageOptions{Size: 1}
			}
			f.requireListed(t, []byte(step.Body), filter, page)
		default:
			continue
		}
		compared++
	}
	require.Equal(t, 5, compared)
}

func entityRowOf(rec *golden.Recording, dump, key string) *storage.Entity {
	for _, row := range rec.Dumps[dump].Tables[rec.Hub+"Instances"] {
		if row.PartitionKey == key {
			return &row
		}
	}
	return nil
}

func (f *fixture) requireListed(t *testing.T, want []byte, filter *durable.EntityFilter, page *durable.PageOptions) {
	t.Helper()
	got, err := f.QueryEntitiesPage(t.Context(), filter, page)
	require.NoError(t, err)
	body, err := json.Marshal(got.Entities)
	require.NoError(t, err)
	var compact bytes.Buffer // the recording is indented where it is JSON itself
	require.NoError(t, json.Compact(&compact, want))
	require.Equal(t, compact.String(), string(body))

	var again []*durable.EntityStatus
	require.NoError(t, json.Unmarshal(want, &again))
	for i, e := range again {
		require.Equal(t, got.Entities[i], e)
	}
}

// TestBrokenHubEntities: what only the state of a locked entity tells.
func TestBrokenHubEntities(t *testing.T) {
	t.Parallel()
	rec := golden.Load(t, "v2/broken-hub")
	f := openMemory(t, rec.Hub, taskhub.Options{}, nil)
	require.NoError(t, rec.Dumps["broken"].LoadInto(t.Context(), f.storage))
	require.Empty(t, f.entities(t, nil, nil), "as GET /entities answered")
	for _, omit := range []bool{true, false} {
		page, err := f.QueryEntitiesPage(t.Context(), &durable.EntityFilter{IncludeDeleted: true, OmitState: omit}, nil)
		require.NoError(t, err)
		require.Len(t, page.Entities, 1)
		require.Equal(t, "locker", page.Entities[0].LockedBy)
		require.Equal(t, 1, page.Entities[0].QueueSize)
		require.Equal(t, "@counter@locked", page.Entities[0].ID.String())
		require.False(t, page.Entities[0].LastOperationTime.IsZero())
	}
	require.Equal(t, wire.StatusRunning, f.row(t, "@counter@locked").Text(wire.ColRuntimeStatus))
}
