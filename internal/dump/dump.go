// Package dump is all that a task hub has in storage, in one piece: read from an account, written and read as JSON, and
// put into an account again. The form is that of the recordings in package golden.
package dump

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-durable/durable/internal/storage"
)

// Dump is all that a task hub has in storage.
type Dump struct {
	// Hub is the name of the task hub.
	Hub string
	// Tables holds the rows of each table, with the hub's name in the table's, in key order.
	Tables map[string][]storage.Entity
	// Queues holds the visible messages of each queue.
	Queues map[string]Queue
	// Blobs holds the blobs of each container, in order of their names.
	Blobs map[string][]Blob
}

// Queue is what lies in a queue.
type Queue struct {
	// Count counts all messages, also those that are not visible (scheduled ones and those that a worker holds).
	Count int64 `json:"approximateCount"`
	// Visible are the messages that can be seen.
	Visible []Message `json:"visible"`
}

// Message is a message in a queue. Text is shown decoded; Encoding says how it lies.
type Message struct {
	Text         string `json:"text"`
	Encoding     string `json:"encoding"`
	DequeueCount int64  `json:"dequeueCount"`
}

// The encodings of messages.
const (
	Base64 = "base64"
	Plain  = "text"
)

// Blob is a blob. Content is what is stored, zipped or not; [Of] cannot learn type and encoding and leaves them
// empty.
type Blob struct {
	Name, ContentType, ContentEncoding string
	Content                            []byte
}

// Text returns the content of the blob, unzipped if it is zipped.
func (b *Blob) Text() (string, error) {
	text, err := unzip(b.Content)
	if err != nil {
		return "", fmt.Errorf("blob %s: %w", b.Name, err)
	}
	return text, nil
}

// UnmarshalJSON reads a dump as [Dump.MarshalJSON] writes it.
func (d *Dump) UnmarshalJSON(text []byte) error {
	var in struct {
		Hub    string            `json:"hub"`
		Tables map[string][]Row  `json:"tables"`
		Queues map[string]Queue  `json:"queues"`
		Blobs  map[string][]Blob `json:"blobs"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	*d = Dump{Hub: in.Hub, Tables: map[string][]storage.Entity{}, Queues: in.Queues, Blobs: in.Blobs}
	for name, rows := range in.Tables {
		entities := make([]storage.Entity, len(rows))
		for i := range rows {
			entities[i] = storage.Entity(rows[i])
		}
		d.Tables[name] = entities
	}
	return nil
}

// UnmarshalJSON reads a blob as it stands in a dump: as text, or in Base64 if it is zipped.
func (b *Blob) UnmarshalJSON(text []byte) error {
	var in struct {
		Name            string  `json:"name"`
		ContentType     string  `json:"contentType"`
		ContentEncoding string  `json:"contentEncoding"`
		Text            *string `json:"text"`
		Base64          []byte  `json:"base64"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	*b = Blob{in.Name, in.ContentType, in.ContentEncoding, in.Base64}
	if in.Text == nil {
		return nil
	}
	b.Content = []byte(*in.Text)
	if b.zipped() {
		b.Content = zip(*in.Text)
	}
	return nil
}

// zipped says whether a blob lies zipped, going by its name and type.
func (b *Blob) zipped() bool { return b.ContentEncoding == "gzip" || strings.HasSuffix(b.Name, ".gz") }

// isText says whether a content can stand in a JSON text as it is.
func isText(content []byte) bool { return utf8.Valid(content) }

func zip(text string) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	// Writing into a buffer cannot fail.
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return buf.Bytes()
}

func unzip(content []byte) (string, error) {
	if !bytes.HasPrefix(content, []byte{0x1f, 0x8b}) {
		return string(content), nil
	}
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	return string(text), err
}

// encode returns the message as it lies in the queue.
func (m *Message) encode() (string, error) {
	switch m.Encoding {
	case Base64:
		return base64.StdEncoding.EncodeToString([]byte(m.Text)), nil
	case Plain:
		return m.Text, nil
	}
	return "", fmt.Errorf("message in the unknown encoding %q", m.Encoding)
}

// DecodeMessage shows a message that lies in a queue. No JSON text is Base64, so nothing is ambiguous.
func DecodeMessage(text string) Message {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || text == "" || !utf8.Valid(b) {
		return Message{Text: text, Encoding: Plain}
	}
	return Message{Text: string(b), Encoding: Base64}
}
