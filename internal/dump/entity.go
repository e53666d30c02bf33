package dump

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/go-durable/durable/internal/storage"
)

// typeSuffix makes the name of the member that tells a column's type.
const typeSuffix = "@odata.type"

var odataTypes = map[string]storage.Type{
	"Edm.String": storage.String, "Edm.Int32": storage.Int32, "Edm.Int64": storage.Int64,
	"Edm.Double": storage.Double, "Edm.Boolean": storage.Bool, "Edm.DateTime": storage.DateTime,
	"Edm.Guid": storage.GUID, "Edm.Binary": storage.Binary,
}

// TypeName returns the name of a type, without "Edm.".
func TypeName(t storage.Type) string {
	for name, other := range odataTypes {
		if other == t {
			return strings.TrimPrefix(name, edm)
		}
	}
	return fmt.Sprintf("type %d", t)
}

const edm = "Edm."

// Row is an entity in the JSON form of the table service.
type Row storage.Entity

// UnmarshalJSON keeps the order of the columns and the text of the numbers, which a map would lose.
func (r *Row) UnmarshalJSON(text []byte) error {
	members, err := members(text)
	if err != nil {
		return err
	}
	types := map[string]storage.Type{}
	for _, m := range members {
		if column, ok := strings.CutSuffix(m.name, typeSuffix); ok {
			name, _ := m.value.(string)
			if types[column] = odataTypes[name]; types[column] == storage.None {
				return fmt.Errorf("column %s has the unknown type %v", column, m.value)
			}
		}
	}
	e := storage.Entity{}
	for _, m := range members {
		if strings.HasSuffix(m.name, typeSuffix) || strings.HasPrefix(m.name, "odata.") || m.value == nil {
			continue
		}
		v, err := columnValue(m.value, types[m.name])
		if err != nil {
			return fmt.Errorf("column %s: %w", m.name, err)
		}
		set(&e, m.name, v)
	}
	*r = Row(e)
	return nil
}

func set(e *storage.Entity, name string, v storage.Value) {
	switch name {
	case "PartitionKey":
		e.PartitionKey = v.Text
	case "RowKey":
		e.RowKey = v.Text
	case "Timestamp":
		e.Timestamp = storage.Value{Type: storage.DateTime, Text: v.Text}
	default:
		e.Set(name, v)
	}
}

// columnValue follows the table service: a value without a type says by its JSON form what it is.
func columnValue(value any, t storage.Type) (storage.Value, error) {
	switch v := value.(type) {
	case string:
		if t == storage.None {
			t = storage.String
		}
		return storage.Value{Type: t, Text: v}, nil
	case bool:
		return storage.BoolValue(v), nil
	case json.Number:
		if t == storage.None {
			t = storage.Int32
			if strings.ContainsAny(v.String(), ".eE") {
				t = storage.Double
			}
		}
		return storage.Value{Type: t, Text: v.String()}, nil
	}
	return storage.Value{}, fmt.Errorf("%T is no value of a column", value)
}

type member struct {
	name  string
	value any
}

// members returns the members of a flat JSON object in their order.
func members(text []byte) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("no JSON object: %v, %w", t, err)
	}
	var found []member
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := member{name: name.(string)}
		if m.value, err = d.Token(); err != nil {
			return nil, err
		}
		found = append(found, m)
	}
	return found, nil
}
