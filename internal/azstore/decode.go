package azstore

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-durable/durable/internal/storage"
)

// annotation is the end of the name of a member that tells the type of another.
const annotation = "@odata.type"

// decodePage reads the answer to a query in one pass. All strings of the page are cut out of one copy of the answer,
// and all columns lie in a few large slices: an entity of a page costs next to nothing, but keeps the page alive.
func decodePage(body []byte) ([]storage.Entity, error) {
	d, err := newDecoder(body)
	if err != nil {
		return nil, err
	}
	if err := d.expect('{'); err != nil {
		return nil, err
	}
	var entities []storage.Entity
	seen := false
	for first := true; ; first = false {
		ok, err := d.more(first, '}')
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		name, err := d.name()
		switch {
		case err != nil:
		case name != "value":
			err = d.skip(0)
		case seen:
			err = d.errorf("two lists of entities")
		default:
			seen = true
			entities, err = d.entities()
		}
		if err != nil {
			return nil, err
		}
	}
	if !seen {
		return nil, d.errorf("no list of entities")
	}
	return entities, d.end()
}

// decodeEntity reads the answer to a request for one entity.
func decodeEntity(body []byte) (*storage.Entity, error) {
	d, err := newDecoder(body)
	if err != nil {
		return nil, err
	}
	var e storage.Entity
	if err := d.entity(&e); err != nil {
		return nil, err
	}
	return &e, d.end()
}

// decoder reads entities. Rows of a table mostly have the same columns in the same order, so it remembers them.
type decoder struct {
	scanner
	row     int              // counts entities from 1, to tell what was seen in the current one
	columns []known          // every column name so far, in the order of first sight
	index   map[string]int   // from names to columns
	next    int              // the column expected next
	current []storage.Column // of the current entity; reused
	free    []storage.Column // room for the columns of finished entities
}

// known is what is known of a column name.
type known struct {
	name     string
	seenRow  int // the last row that has the column
	at       int // its place in current, or -1 if it is null
	typedRow int // the last row with an annotation for it
	typedAs  storage.Type
	fromJSON jsonKind // how its value was written in seenRow
}

type jsonKind uint8

const (
	jsonString jsonKind = iota
	jsonInteger
	jsonNumber
	jsonBool
	jsonNull
)

func newDecoder(body []byte) (*decoder, error) {
	d := &decoder{index: map[string]int{}}
	if !utf8.Valid(body) {
		return nil, d.errorf("not UTF-8")
	}
	d.s = strings.TrimPrefix(string(body), "\ufeff")
	d.control = hasControl(body)
	d.escapeAt = -1
	return d, nil
}

func (d *decoder) end() error {
	if d.peek() != 0 || d.pos < len(d.s) {
		return d.errorf("more after the end")
	}
	return nil
}

func (d *decoder) entities() ([]storage.Entity, error) {
	if err := d.expect('['); err != nil {
		return nil, err
	}
	var list []storage.Entity
	for first := true; ; first = false {
		ok, err := d.more(first, ']')
		if err != nil || !ok {
			return list, err
		}
		start := d.pos
		list = append(list, storage.Entity{})
		if err := d.entity(&list[len(list)-1]); err != nil {
			return nil, err
		}
		if first {
			// The rest will be about like the first one.
			rows := min(len(d.s[d.pos:])/(d.pos-start)+1, storage.MaxPage)
			list = append(make([]storage.Entity, 0, rows+1), list...)
		}
	}
}

func (d *decoder) entity(e *storage.Entity) error {
	if err := d.expect('{'); err != nil {
		return err
	}
	start := d.pos
	d.row++
	d.next = 0
	d.current = d.current[:0]
	for first := true; ; first = false {
		ok, err := d.more(first, '}')
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if err := d.member(e); err != nil {
			return err
		}
	}
	e.Columns = d.keep(d.pos - start)
	return nil
}

// member reads one member of an entity.
func (d *decoder) member(e *storage.Entity) error {
	name, err := d.name()
	if err != nil {
		return err
	}
	switch name {
	case "PartitionKey":
		return d.text(&e.PartitionKey)
	case "RowKey":
		return d.text(&e.RowKey)
	case "odata.etag":
		return d.text((*string)(&e.ETag))
	case "Timestamp":
		e.Timestamp.Type = storage.DateTime
		return d.text(&e.Timestamp.Text)
	}
	if strings.HasPrefix(name, "odata.") {
		return d.skip(0)
	}
	if column, ok := strings.CutSuffix(name, annotation); ok {
		if column == "PartitionKey" || column == "RowKey" || column == "Timestamp" {
			return d.skip(0)
		}
		return d.annotate(d.known(column))
	}
	return d.column(d.known(name))
}

// text reads a string that may be null, which is read as an empty one.
func (d *decoder) text(s *string) error {
	if d.peek() == 'n' {
		*s = ""
		return d.word("null")
	}
	var err error
	*s, err = d.string()
	return err
}

// known returns the place of a column name in columns.
func (d *decoder) known(name string) int {
	if d.next < len(d.columns) && d.columns[d.next].name == name {
		return d.next
	}
	i, ok := d.index[name]
	if !ok {
		i = len(d.columns)
		d.columns = append(d.columns, known{name: name})
		d.index[name] = i
	}
	d.next = i
	return i
}

// annotate reads the type of a column. It stands before the value, but JSON does not promise an order.
func (d *decoder) annotate(i int) error {
	k := &d.columns[i]
	if d.peek() != '"' {
		return d.errorf("expected a type")
	}
	edm, err := d.string()
	if err != nil {
		return err
	}
	t := typeOf(edm)
	if t == storage.None {
		return d.errorf("unknown type")
	}
	k.typedRow, k.typedAs = d.row, t
	if k.seenRow == d.row && k.at >= 0 {
		return d.retype(k, &d.current[k.at].Value)
	}
	return nil
}

func typeOf(edm string) storage.Type {
	switch edm {
	case "Edm.String":
		return storage.String
	case "Edm.Int32":
		return storage.Int32
	case "Edm.Int64":
		return storage.Int64
	case "Edm.Double":
		return storage.Double
	case "Edm.Boolean":
		return storage.Bool
	case "Edm.DateTime":
		return storage.DateTime
	case "Edm.Guid":
		return storage.GUID
	case "Edm.Binary":
		return storage.Binary
	}
	return storage.None
}

// column reads the value of a column. A null is how a column that was asked for and does not exist may be written.
func (d *decoder) column(i int) error {
	k := &d.columns[i]
	d.next = i + 1
	if k.seenRow == d.row {
		return d.errorf("a column twice")
	}
	k.seenRow, k.at = d.row, -1
	v, kind, err := d.value()
	if err != nil || kind == jsonNull {
		return err
	}
	k.at, k.fromJSON = len(d.current), kind
	d.current = append(d.current, storage.Column{Name: k.name, Value: v})
	if k.typedRow == d.row {
		return d.retype(k, &d.current[k.at].Value)
	}
	return nil
}

// value reads a value and gives it the type that it has without an annotation.
func (d *decoder) value() (v storage.Value, kind jsonKind, err error) {
	switch d.peek() {
	case '"':
		v.Type = storage.String
		v.Text, err = d.string()
		return v, jsonString, err
	case 't':
		return storage.Value{Type: storage.Bool, Text: "true"}, jsonBool, d.word("true")
	case 'f':
		return storage.Value{Type: storage.Bool, Text: "false"}, jsonBool, d.word("false")
	case 'n':
		return v, jsonNull, d.word("null")
	}
	text, integer, err := d.number()
	if err != nil {
		return v, jsonNumber, err
	}
	if !integer || !fitsInt32(text) {
		return storage.Value{Type: storage.Double, Text: text}, jsonNumber, nil
	}
	return storage.Value{Type: storage.Int32, Text: text}, jsonInteger, nil
}

func fitsInt32(text string) bool {
	if len(text) < 10 {
		return true
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return err == nil && n >= math.MinInt32 && n <= math.MaxInt32
}

// retype gives a value the type that its annotation names, if it is written as one of that type can be. What a string
// holds is not looked into: one bad value must not make a page of good entities unreadable.
func (d *decoder) retype(k *known, v *storage.Value) error {
	number := k.fromJSON == jsonInteger || k.fromJSON == jsonNumber
	ok := false
	switch k.typedAs {
	case storage.String:
		ok = k.fromJSON == jsonString
	case storage.Bool:
		ok = k.fromJSON == jsonBool
	case storage.Int32:
		ok = k.fromJSON == jsonInteger
	case storage.Int64:
		ok = k.fromJSON == jsonString || number && !strings.ContainsAny(v.Text, ".eE")
	case storage.Double:
		ok = k.fromJSON == jsonString || number
	case storage.DateTime, storage.GUID, storage.Binary:
		ok = k.fromJSON == jsonString
	case storage.None:
	}
	if !ok {
		return d.errorf("a value is not of its type")
	}
	v.Type = k.typedAs
	return nil
}

// keep moves the columns of the entity just read, which took size bytes, to where they stay.
func (d *decoder) keep(size int) []storage.Column {
	n := len(d.current)
	if n == 0 {
		return nil
	}
	if len(d.free) < n {
		rows := min(len(d.s[d.pos:])/size+1, storage.MaxPage)
		d.free = make([]storage.Column, n*rows)
	}
	kept := d.free[:n:n]
	copy(kept, d.current)
	d.free = d.free[n:]
	return kept
}
