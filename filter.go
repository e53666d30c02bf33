package durable

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// InstanceFilter says which instances. All conditions must hold; a zero condition holds for all. Times are inclusive.
// A filter is copied when it is given to a method.
type InstanceFilter struct {
	// Statuses are the states wanted. An unknown state is an error, never "all".
	Statuses []RuntimeStatus
	// CreatedFrom and CreatedTo bound the time of creation, LastUpdatedFrom and LastUpdatedTo that of the last update,
	// CompletedFrom and CompletedTo that of completion; an instance that has not completed has none and is not found.
	CreatedFrom, CreatedTo         time.Time
	LastUpdatedFrom, LastUpdatedTo time.Time
	CompletedFrom, CompletedTo     time.Time
	// InstanceIDPrefix is what the instance ID begins with.
	InstanceIDPrefix string
	// Names are the orchestrators wanted.
	Names []string
	// Version is the version wanted; nil is any, and a pointer to "" an instance without version.
	Version *string
	// Tags are tags that the instance must have with these values.
	Tags map[string]string
	// FailedWith is a text that the failure of a failed instance must contain. It implies the state Failed.
	FailedWith string
	// Keys is the part of the hub wanted (see [OrchestrationClient.SplitKeyRanges]).
	Keys KeyRange
	// IncludeEntities shows entities as well: instances whose ID begins with @. They are always Running.
	IncludeEntities bool
	// OmitInput and OmitOutput leave payloads out; they are not fetched.
	OmitInput, OmitOutput bool
}

// maxConditions bounds the lists in a filter, which are evaluated for every row.
const maxConditions = 1000

// query is a filter made ready: what the table service evaluates, and what is left to do here. Whatever is pushed down
// is evaluated here again, which costs next to nothing and makes up for services that compare times coarsely.
type query struct {
	filter  InstanceFilter
	pushed  storage.And
	local   []string
	names   map[string]bool
	states  map[RuntimeStatus]bool
	columns []string
	// after is the key behind which the query begins, "" for all.
	after string
}

// compile checks a filter, copies it and decides what the table service evaluates: first what bounds the keys, then as
// much of the rest as the service takes.
func (f *InstanceFilter) compile() (*query, error) {
	if f == nil {
		f = &InstanceFilter{}
	}
	own := *f
	own.Statuses, own.Names, own.Tags = slices.Clone(f.Statuses), slices.Clone(f.Names), maps.Clone(f.Tags)
	if f.Version != nil {
		version := *f.Version
		own.Version = &version
	}
	if err := own.check(); err != nil {
		return nil, err
	}
	if own.FailedWith != "" {
		own.Statuses = []RuntimeStatus{RuntimeStatusFailed}
	}
	return newQuery(own), nil
}

func newQuery(f InstanceFilter) *query { return newQueryAfter(f, "") }

// newQueryAfter returns the query for the instances behind a key.
func newQueryAfter(f InstanceFilter, after string) *query {
	q := &query{filter: f, states: setOf(f.Statuses), names: setOf(f.Names), after: after}
	q.pushKeys()
	q.pushTimes()
	q.pushTexts()
	return q
}

func setOf[T comparable](list []T) map[T]bool {
	set := make(map[T]bool, len(list))
	for _, v := range list {
		set[v] = true
	}
	return set
}

var knownStatuses = setOf([]RuntimeStatus{
	RuntimeStatusPending, RuntimeStatusRunning, RuntimeStatusSuspended, RuntimeStatusContinuedAsNew,
	RuntimeStatusCompleted, RuntimeStatusFailed, RuntimeStatusCanceled, RuntimeStatusTerminated,
})

func (f *InstanceFilter) check() error {
	for _, s := range f.Statuses {
		if !knownStatuses[s] {
			return invalid("runtime status %q is unknown", s)
		}
	}
	for _, n := range f.Names {
		if err := checkName("orchestrator's name", n); err != nil {
			return err
		}
	}
	if max(len(f.Statuses), len(f.Names), len(f.Tags)) > maxConditions {
		return invalid("a filter has at most %d statuses, names and tags", maxConditions)
	}
	for k, v := range f.Tags {
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return invalid("tag %q is not valid UTF-8", k)
		}
	}
	if f.Version != nil {
		if err := checkVersion(*f.Version); err != nil {
			return err
		}
	}
	if !utf8.ValidString(f.FailedWith) {
		return invalid("FailedWith must be valid UTF-8")
	}
	if f.FailedWith != "" && len(f.Statuses) > 0 && !slices.Contains(f.Statuses, RuntimeStatusFailed) {
		return invalid("FailedWith finds failed instances, but Statuses does not name Failed")
	}
	return errors.Join(f.checkPrefix(), f.Keys.check(),
		checkTimes("Created", f.CreatedFrom, f.CreatedTo),
		checkTimes("LastUpdated", f.LastUpdatedFrom, f.LastUpdatedTo),
		checkTimes("Completed", f.CompletedFrom, f.CompletedTo))
}

func (f *InstanceFilter) checkPrefix() error {
	if f.InstanceIDPrefix == "" {
		return nil
	}
	if strings.HasPrefix(f.InstanceIDPrefix, "@") && !f.IncludeEntities {
		return invalid("a prefix that begins with @ finds only entities, but IncludeEntities is not set")
	}
	if strings.TrimSpace(f.InstanceIDPrefix) == "" {
		return nil // an ID may begin with a blank
	}
	if err := wire.CheckID(f.InstanceIDPrefix); err != nil {
		return invalid("prefix: %w", err)
	}
	return nil
}

func checkTimes(what string, from, to time.Time) error {
	for _, t := range []time.Time{from, to} {
		if year := t.UTC().Year(); !t.IsZero() && (year < firstYear || year > lastYear) {
			return invalid("%sFrom and %sTo lie in the years %d to %d", what, what, firstYear, lastYear)
		}
	}
	if !from.IsZero() && !to.IsZero() && from.After(to) {
		return invalid("%sFrom is after %sTo", what, what)
	}
	return nil
}

// push adds a condition to what the table service evaluates, if there is room.
func (q *query) push(what string, f storage.Filter) {
	if storage.Comparisons(append(slices.Clone(q.pushed), f)) > storage.MaxComparisons {
		q.local = append(q.local, what)
		return
	}
	q.pushed = append(q.pushed, f)
}

func compare(column string, op storage.CmpOp, v storage.Value) storage.Filter {
	return storage.Cmp{Column: column, Op: op, Value: v}
}

func key(op storage.CmpOp, k string) storage.Filter {
	return compare("PartitionKey", op, storage.StringValue(k))
}

func (q *query) pushKeys() {
	f := &q.filter
	keys := f.keys()
	if q.after != "" && storage.CompareKeys(q.after, keys.From) >= 0 {
		q.push("keys", key(storage.GT, q.after))
	} else if keys.From != "" {
		q.push("keys", key(storage.GE, keys.From))
	}
	if keys.To != "" {
		q.push("keys", key(storage.LT, keys.To))
	}
	if !f.IncludeEntities && f.InstanceIDPrefix == "" {
		q.push("no entities", storage.Or{key(storage.LT, "@"), key(storage.GE, "A")})
	}
}

// keys returns the range of keys that the filter leaves.
func (f *InstanceFilter) keys() KeyRange {
	if f.InstanceIDPrefix == "" {
		return f.Keys
	}
	prefix := wire.EscapeKey(f.InstanceIDPrefix)
	return KeyRange{laterKey(f.Keys.From, prefix), earlierBound(f.Keys.To, wire.PrefixEnd(prefix))}
}

func laterKey(a, b string) string {
	if storage.CompareKeys(a, b) > 0 {
		return a
	}
	return b
}

// earlierBound is the smaller of two upper bounds, of which "" is none.
func earlierBound(a, b string) string {
	if b == "" || a != "" && storage.CompareKeys(a, b) < 0 {
		return a
	}
	return b
}

func (q *query) pushTimes() {
	f := &q.filter
	for _, t := range []struct {
		column   string
		from, to time.Time
	}{
		{wire.ColCreatedTime, f.CreatedFrom, f.CreatedTo},
		{wire.ColLastUpdatedTime, f.LastUpdatedFrom, f.LastUpdatedTo},
		{wire.ColCompletedTime, f.CompletedFrom, f.CompletedTo},
	} {
		if !t.from.IsZero() {
			q.push(t.column, compare(t.column, storage.GE, storage.TimeValue(t.from)))
		}
		if !t.to.IsZero() {
			q.push(t.column, compare(t.column, storage.LE, storage.TimeValue(t.to)))
		}
	}
}

func (q *query) pushTexts() {
	f := &q.filter
	if len(f.Statuses) > 0 {
		q.push("statuses", anyOf(wire.ColRuntimeStatus, f.Statuses))
	}
	if f.Version != nil && *f.Version != "" {
		q.push("version", compare(wire.ColVersion, storage.EQ, storage.StringValue(*f.Version)))
	}
	if f.Version != nil && *f.Version == "" {
		q.local = append(q.local, "no version") // the column is empty or absent, depending on the engine
	}
	if len(f.Names) > 0 {
		q.push("names", anyOf(wire.ColName, f.Names))
	}
	if len(f.Tags) > 0 {
		q.local = append(q.local, "tags")
	}
	if f.FailedWith != "" {
		q.local = append(q.local, "failed with")
	}
}

func anyOf[T ~string](column string, texts []T) storage.Filter {
	or := make(storage.Or, len(texts))
	for i, t := range texts {
		or[i] = compare(column, storage.EQ, storage.StringValue(string(t)))
	}
	return or
}

// matchRow reports whether a row meets every condition that can be told from the row alone.
func (q *query) matchRow(i *wire.Instance) bool {
	f := &q.filter
	switch {
	case !f.IncludeEntities && strings.HasPrefix(i.ID, "@"),
		!strings.HasPrefix(i.ID, f.InstanceIDPrefix),
		len(q.states) > 0 && !q.states[RuntimeStatus(i.RuntimeStatus)],
		len(q.names) > 0 && !q.names[i.Name],
		f.Version != nil && *f.Version != i.Version.Text,
		!within(i.CreatedTime, f.CreatedFrom, f.CreatedTo),
		!within(i.LastUpdatedTime, f.LastUpdatedFrom, f.LastUpdatedTo),
		!within(i.CompletedTime, f.CompletedFrom, f.CompletedTo):
		return false
	}
	return true
}

func within(v storage.Value, from, to time.Time) bool {
	if from.IsZero() && to.IsZero() {
		return true
	}
	t := v.Time()
	return !t.IsZero() && (from.IsZero() || !t.Before(from.Truncate(wire.Tick))) && (to.IsZero() || !t.After(to))
}

// matchPayload reports whether a status meets the conditions on what may lie in blobs.
func (q *query) matchPayload(s *OrchestrationStatus) bool {
	for k, v := range q.filter.Tags {
		if have, ok := s.Tags[k]; !ok || have != v {
			return false
		}
	}
	if q.filter.FailedWith == "" {
		return true
	}
	var text string
	if s.DecodeOutput(&text) != nil {
		text = string(s.Output)
	}
	return strings.Contains(text, q.filter.FailedWith)
}

// needs returns the columns that the conditions look at, and those named.
func (q *query) needs(columns ...string) []string {
	f := &q.filter
	columns = slices.Clone(columns)
	add := func(wanted bool, names ...string) {
		if wanted {
			columns = append(columns, names...)
		}
	}
	add(len(f.Statuses) > 0, wire.ColRuntimeStatus)
	add(len(f.Names) > 0, wire.ColName)
	add(f.Version != nil, wire.ColVersion)
	add(!f.CreatedFrom.IsZero() || !f.CreatedTo.IsZero(), wire.ColCreatedTime)
	add(!f.LastUpdatedFrom.IsZero() || !f.LastUpdatedTo.IsZero(), wire.ColLastUpdatedTime)
	add(!f.CompletedFrom.IsZero() || !f.CompletedTo.IsZero(), wire.ColCompletedTime)
	add(len(f.Tags) > 0, wire.ColTags, wire.ColTagsBlobName)
	add(f.FailedWith != "", wire.ColOutput)
	slices.Sort(columns)
	return slices.Compact(columns)
}

// KeyRange is a part of a hub: the instances whose key is at least From and less than To. The zero KeyRange is the
// whole hub. Keys are instance IDs as the tables hold them, in the tables' order.
type KeyRange struct{ From, To string }

func (r KeyRange) check() error {
	if !utf8.ValidString(r.From) || !utf8.ValidString(r.To) {
		return invalid("a key range must be valid UTF-8")
	}
	if r.To != "" && storage.CompareKeys(r.From, r.To) >= 0 {
		return invalid("the key range is empty: From is not before To")
	}
	return nil
}

func (r KeyRange) String() string { return fmt.Sprintf("[%q, %q)", r.From, r.To) }
