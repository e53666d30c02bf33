package storage

import (
	"strconv"
	"time"
)

// Type is the type of a column's value.
type Type uint8

// The types of the table service. A value of type None stands for an absent column.
const (
	None Type = iota
	String
	Int32
	Int64
	Double
	Bool
	DateTime
	GUID
	Binary
)

// Value is a column's value. Text holds it exactly as the table service writes it: nothing is lost or reformatted by
// being read and written again. Binary values are in Base64.
type Value struct {
	Type Type
	Text string
}

// StringValue returns a value of type String.
func StringValue(s string) Value { return Value{String, s} }

// Int32Value returns a value of type Int32.
func Int32Value(n int32) Value { return Value{Int32, strconv.FormatInt(int64(n), 10)} }

// BoolValue returns a value of type Bool.
func BoolValue(b bool) Value { return Value{Bool, strconv.FormatBool(b)} }

// TimeLayout is how a DateTime is written: UTC, always seven digits.
const TimeLayout = "2006-01-02T15:04:05.0000000Z"

// TimeValue returns a value of type DateTime, in UTC and cut to 100 ns, which is what the table service keeps.
func TimeValue(t time.Time) Value { return Value{DateTime, t.UTC().Format(TimeLayout)} }

// Time returns the time that a DateTime holds, and the zero time for any other value.
func (v Value) Time() time.Time {
	if v.Type != DateTime {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, v.Text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// Int returns the number that an Int32 or Int64 holds, and 0 for any other value.
func (v Value) Int() int64 {
	if v.Type != Int32 && v.Type != Int64 {
		return 0
	}
	n, _ := strconv.ParseInt(v.Text, 10, 64)
	return n
}

// Bool returns what a Bool holds, and false for any other value.
func (v Value) Bool() bool { return v.Type == Bool && v.Text == "true" }

// Column is a named value.
type Column struct {
	Name string
	Value
}

// Entity is a row of a table. Columns keep their order; no name occurs twice. ETag and Timestamp are set in entities
// that were read and ignored in entities that are written.
type Entity struct {
	PartitionKey, RowKey string
	ETag                 ETag
	Timestamp            Value
	Columns              []Column
}

// Get returns the value of a column; its Type is None if the entity does not have it.
func (e *Entity) Get(name string) Value {
	for i := range e.Columns {
		if e.Columns[i].Name == name {
			return e.Columns[i].Value
		}
	}
	return Value{}
}

// Text returns the text of a String column, and "" for any other.
func (e *Entity) Text(name string) string {
	if v := e.Get(name); v.Type == String {
		return v.Text
	}
	return ""
}

// Has reports whether the entity has a column.
func (e *Entity) Has(name string) bool { return e.Get(name).Type != None }

// Set sets a column, in its old place if the entity has it, else as the last.
func (e *Entity) Set(name string, v Value) {
	for i := range e.Columns {
		if e.Columns[i].Name == name {
			e.Columns[i].Value = v
			return
		}
	}
	e.Columns = append(e.Columns, Column{name, v})
}

// Clone returns a copy that shares nothing with e.
func (e *Entity) Clone() *Entity {
	c := *e
	c.Columns = append([]Column(nil), e.Columns...)
	return &c
}
