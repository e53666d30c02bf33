package memstore

import "github.com/go-durable/durable/internal/storage"

// keyRange holds the keys that a filter can match: lo and above, and if it is bounded up to hi, both inclusive.
type keyRange struct {
	lo, hi  string
	bounded bool
}

// span is the part of a table in which a query looks. Like the service, it makes use of the row key only within one
// partition.
type span struct{ partition, row keyRange }

func spanOf(f storage.Filter) span {
	return span{partition: rangeOf(f, "PartitionKey"), row: rangeOf(f, "RowKey")}
}

func (s span) onePartition() bool {
	return s.partition.bounded && s.partition.lo == s.partition.hi
}

func (s span) start() *storage.Entity {
	if s.onePartition() {
		return at(s.partition.lo, s.row.lo)
	}
	return at(s.partition.lo, "")
}

// endsBefore reports whether e and all that follows lie behind the span.
func (s span) endsBefore(e *storage.Entity) bool {
	if !s.partition.bounded {
		return false
	}
	if storage.CompareKeys(e.PartitionKey, s.partition.hi) > 0 {
		return true
	}
	return s.onePartition() && s.row.bounded && storage.CompareKeys(e.RowKey, s.row.hi) > 0
}

// rangeOf returns a range outside of which a filter holds nowhere. It may be too wide, never too narrow.
func rangeOf(f storage.Filter, column string) keyRange {
	switch f := f.(type) {
	case storage.Cmp:
		return rangeOfComparison(f, column)
	case storage.And:
		var all keyRange
		for _, p := range f {
			all = all.intersect(rangeOf(p, column))
		}
		return all
	case storage.Or:
		var all keyRange
		first := true
		for _, p := range f {
			switch r := rangeOf(p, column); {
			case storage.Never(p):
			case first:
				all, first = r, false
			default:
				all = all.join(r)
			}
		}
		return all
	}
	return keyRange{}
}

func rangeOfComparison(c storage.Cmp, column string) keyRange {
	if c.Column != column || c.Value.Type != storage.String {
		return keyRange{}
	}
	key := c.Value.Text
	switch c.Op {
	case storage.EQ:
		return keyRange{lo: key, hi: key, bounded: true}
	case storage.GE, storage.GT:
		return keyRange{lo: key}
	case storage.LE, storage.LT:
		return keyRange{hi: key, bounded: true}
	default:
		return keyRange{}
	}
}

func (r keyRange) intersect(x keyRange) keyRange {
	if storage.CompareKeys(x.lo, r.lo) > 0 {
		r.lo = x.lo
	}
	if x.bounded && (!r.bounded || storage.CompareKeys(x.hi, r.hi) < 0) {
		r.hi, r.bounded = x.hi, true
	}
	return r
}

// join returns the smallest range that holds both, and what lies between them.
func (r keyRange) join(x keyRange) keyRange {
	if storage.CompareKeys(x.lo, r.lo) < 0 {
		r.lo = x.lo
	}
	r.bounded = r.bounded && x.bounded
	if storage.CompareKeys(x.hi, r.hi) > 0 {
		r.hi = x.hi
	}
	return r
}
