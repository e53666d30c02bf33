package storage

import "fmt"

// Match reports whether an entity meets a filter. It decides as the table service does with what [Render] writes:
// a column that is absent, or whose type is another than that of the value, makes every comparison false, [NE] as
// well. Int32 and Int64 are compared as numbers, DateTimes as instants cut to 100 ns, and strings by [CompareKeys].
func Match(f Filter, e *Entity) bool {
	switch f := f.(type) {
	case nil:
		return true
	case And:
		for _, p := range f {
			if !Match(p, e) {
				return false
			}
		}
		return true
	case Or:
		for _, p := range f {
			if Match(p, e) {
				return true
			}
		}
		return false
	case Cmp:
		return f.match(e)
	}
	panic(fmt.Sprintf("storage: unknown filter %T", f))
}

func (c Cmp) match(e *Entity) bool {
	value, ok := c.literal()
	if !ok {
		return false
	}
	column, ok := scalarOf(e.column(c.Column))
	return ok && column.holds(c.Op, value)
}

// column returns the value of a column, the keys and the Timestamp included.
func (e *Entity) column(name string) Value {
	switch name {
	case "PartitionKey":
		return StringValue(e.PartitionKey)
	case "RowKey":
		return StringValue(e.RowKey)
	case "Timestamp":
		return e.Timestamp
	}
	return e.Get(name)
}
