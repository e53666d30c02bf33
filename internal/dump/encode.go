package dump

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/go-durable/durable/internal/storage"
)

// MarshalJSON writes the dump as the recordings have it.
func (d *Dump) MarshalJSON() ([]byte, error) {
	out := struct {
		Hub    string            `json:"hub"`
		Tables map[string][]Row  `json:"tables"`
		Queues map[string]Queue  `json:"queues"`
		Blobs  map[string][]Blob `json:"blobs"`
	}{d.Hub, make(map[string][]Row, len(d.Tables)), d.Queues, d.Blobs}
	for _, name := range slices.Sorted(maps.Keys(d.Tables)) {
		rows := make([]Row, len(d.Tables[name]))
		for i, e := range d.Tables[name] {
			rows[i] = Row(e)
		}
		out.Tables[name] = rows
	}
	return plain(out)
}

// plain is json.Marshal without the escaping of <, > and &, which hides texts from those who read a dump.
func plain(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// MarshalJSON writes the entity as the table service does.
func (r Row) MarshalJSON() ([]byte, error) {
	w := rowWriter{}
	w.add("PartitionKey", storage.StringValue(r.PartitionKey))
	w.add("RowKey", storage.StringValue(r.RowKey))
	if r.Timestamp.Type != storage.None {
		w.add("Timestamp", r.Timestamp)
	}
	for _, c := range r.Columns {
		w.add(c.Name, c.Value)
	}
	if w.err != nil {
		return nil, w.err
	}
	return append(w.out.Bytes(), '}'), nil
}

type rowWriter struct {
	out bytes.Buffer
	err error
}

func (w *rowWriter) add(name string, v storage.Value) {
	if v.Type == storage.None {
		return
	}
	text, bare := value(v)
	if !bare {
		w.member(name+typeSuffix, edm+TypeName(v.Type))
	}
	w.member(name, text)
}

// value returns the JSON value for a column, and whether that alone says of what type it is.
func value(v storage.Value) (any, bool) {
	switch v.Type {
	case storage.String:
		return v.Text, true
	case storage.Int32, storage.Bool:
		return json.RawMessage(v.Text), true
	case storage.Double:
		if strings.ContainsAny(v.Text, ".eE") && json.Valid([]byte(v.Text)) {
			return json.RawMessage(v.Text), true
		}
	default: // written as a text, of which the type does not show
	}
	return v.Text, false
}

func (w *rowWriter) member(name string, v any) {
	key, keyErr := plain(name)
	text, err := plain(v)
	if w.err = errors.Join(w.err, keyErr, err); w.err != nil {
		return
	}
	sep := byte(',')
	if w.out.Len() == 0 {
		sep = '{'
	}
	w.out.WriteByte(sep)
	w.out.Write(key)
	w.out.WriteByte(':')
	w.out.Write(text)
}

// MarshalJSON writes the blob as text, or in Base64 if it is zipped or no text.
func (b Blob) MarshalJSON() ([]byte, error) {
	out := struct {
		Name            string   `json:"name"`
		ContentType     string   `json:"contentType"`
		ContentEncoding string   `json:"contentEncoding"`
		Metadata        struct{} `json:"metadata"`
		Text            *string  `json:"text,omitempty"`
		Base64          []byte   `json:"base64,omitempty"`
	}{Name: b.Name, ContentType: b.ContentType, ContentEncoding: b.ContentEncoding}
	if b.zipped() || !isText(b.Content) {
		out.Base64 = b.Content
	} else {
		text := string(b.Content)
		out.Text = &text
	}
	return plain(out)
}
