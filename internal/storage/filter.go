package storage

// Filter is a condition on entities: [And], [Or] or [Cmp]. [Render] writes it for the table service and [Match]
// decides it here; both mean the same.
type Filter interface{ filter() }

// And holds where all its parts hold, and so everywhere if it has none.
type And []Filter

// Or holds where one of its parts holds, and so nowhere if it has none.
type Or []Filter

// CmpOp is a comparison.
type CmpOp string

// The comparisons of the table service.
const (
	EQ CmpOp = "eq"
	NE CmpOp = "ne"
	LT CmpOp = "lt"
	LE CmpOp = "le"
	GT CmpOp = "gt"
	GE CmpOp = "ge"
)

// Cmp compares a column with a value. It holds nowhere where the column is absent or of another type; Int32 and Int64
// count as one type. PartitionKey,
// RowKey and Timestamp count as columns.
type Cmp struct {
	Column string
	Op     CmpOp
	Value  Value
}

func (And) filter() {}
func (Or) filter()  {}
func (Cmp) filter() {}
