package operate

import (
	"time"

	"github.com/go-durable/durable/internal/storage"
)

// Outcome is what came of a repair.
type Outcome string

// The outcomes of a repair.
const (
	// OutcomePlanned: a dry run; this is what would be done.
	OutcomePlanned Outcome = "planned"
	// OutcomeDone: it was done.
	OutcomeDone Outcome = "done"
	// OutcomeBlocked: nothing could be done before something else is; the actions say what.
	OutcomeBlocked Outcome = "blocked"
	// OutcomeNotNeeded: the finding does not hold any more; nothing was done.
	OutcomeNotNeeded Outcome = "not-needed"
	// OutcomeUndone: it was done, and taken back.
	OutcomeUndone Outcome = "undone"
)

// RepairRecord says what a repair did. It marshals to one line of JSON, and a record that was read back can be given to
// [Undo]. It may hold inputs and outputs.
type RepairRecord struct {
	Time    time.Time `json:"time"`
	TaskHub string    `json:"taskHub"`
	Finding Finding   `json:"finding"`
	Outcome Outcome   `json:"outcome"`
	// Actions say in words what was done, or would be.
	Actions []string `json:"actions"`
	// Before and After are the rows and blobs that were changed. Before lists one that was not there without content.
	Before []Stored `json:"before"`
	After  []Stored `json:"after"`
	// Deleted are the blobs and queues that were deleted.
	Deleted []string `json:"deleted,omitempty"`
	// Undoable says that [Undo] can take it back.
	Undoable bool `json:"undoable"`
	// Error is why it was not done, or not wholly, "" if it was.
	Error string `json:"error,omitempty"`
}

// Stored is a row or a blob at one moment.
type Stored struct {
	Table        string `json:"table,omitempty"`
	PartitionKey string `json:"partitionKey,omitempty"`
	RowKey       string `json:"rowKey,omitempty"`
	ETag         string `json:"etag,omitempty"`
	// Absent says that there was none.
	Absent  bool           `json:"absent,omitempty"`
	Columns []StoredColumn `json:"columns,omitempty"`

	Container string `json:"container,omitempty"`
	Blob      string `json:"blob,omitempty"`
	Text      string `json:"text,omitempty"`
}

// StoredColumn is a column of a row. Type is that of the table service, such as "Edm.DateTime".
type StoredColumn struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

// edmTypes are the names of types.
var edmTypes = map[storage.Type]string{
	storage.String: "Edm.String", storage.Int32: "Edm.Int32", storage.Int64: "Edm.Int64", storage.Double: "Edm.Double",
	storage.Bool: "Edm.Boolean", storage.DateTime: "Edm.DateTime", storage.GUID: "Edm.Guid", storage.Binary: "Edm.Binary",
}

func storedRow(table string, e *storage.Entity) Stored {
	s := Stored{Table: table, PartitionKey: e.PartitionKey, RowKey: e.RowKey, ETag: string(e.ETag)}
	for _, c := range e.Columns {
		s.Columns = append(s.Columns, StoredColumn{c.Name, edmTypes[c.Type], c.Text})
	}
	return s
}

// entity returns the row as it was.
func (s *Stored) entity() (*storage.Entity, error) {
	e := &storage.Entity{PartitionKey: s.PartitionKey, RowKey: s.RowKey}
	for _, c := range s.Columns {
		found := false
		for t, name := range edmTypes {
			if name == c.Type {
				e.Set(c.Name, storage.Value{Type: t, Text: c.Value})
				found = true
			}
		}
		if !found {
			return nil, invalid("column %s of the record has the unknown type %q", c.Name, c.Type)
		}
	}
	return e, nil
}

// holds reports whether a row has the columns that are stored, and no others.
func (s *Stored) holds(row *storage.Entity) (bool, error) {
	stored, err := s.entity()
	if err != nil || len(stored.Columns) != len(row.Columns) {
		return false, err
	}
	for _, c := range stored.Columns {
		v := row.Get(c.Name)
		if v.Type != c.Type || v.Text != c.Text && (c.Type != storage.DateTime || !v.Time().Equal(c.Time())) {
			return false, nil
		}
	}
	return true, nil
}
