package golden

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-durable/durable/internal/dump"
	"github.com/go-durable/durable/internal/storage"
)

// QueueMessage is a message that a step sent.
type QueueMessage struct {
	Queue string
	// Message is the message; its text is decoded.
	Message
	// Delay is how long it stays invisible.
	Delay time.Duration
}

// TableWrite is a write of one row.
type TableWrite struct {
	// Method is POST for an insert, PUT for a replacement, MERGE or DELETE.
	Method, Table string
	// Entity is the row with the columns written: none for DELETE.
	Entity storage.Entity
	// IfMatch is the condition, "" for none.
	IfMatch string
	// Batch says whether the write was part of a batch.
	Batch bool
}

// BlobWrite is a blob that a step wrote.
type BlobWrite struct {
	Container string
	Blob
	// IfAbsent says whether it was not to overwrite anything.
	IfAbsent bool
}

// QueueMessages returns the messages that a client's call sent, in order. Like all writes it knows only those whose
// requests were recorded whole and were carried out.
func (s *Step) QueueMessages(t testing.TB) []QueueMessage {
	t.Helper()
	var found []QueueMessage
	for i := range s.Requests {
		r := &s.Requests[i]
		if !r.wrote("queue") || r.Method != http.MethodPost {
			continue
		}
		m, err := r.queueMessage()
		if err != nil {
			t.Fatalf("%s %s: %v", r.Method, r.URL, err)
		}
		found = append(found, m)
	}
	return found
}

// TableWrites returns the rows that a client's call wrote or deleted, in order; a batch counts as its parts.
func (s *Step) TableWrites(t testing.TB) []TableWrite {
	t.Helper()
	var found []TableWrite
	for i := range s.Requests {
		r := &s.Requests[i]
		if !r.wrote("table") {
			continue
		}
		writes, err := r.tableWrites()
		if err != nil {
			t.Fatalf("%s %s: %v", r.Method, r.URL, err)
		}
		found = append(found, writes...)
	}
	return found
}

// BlobWrites returns the blobs that a client's call wrote, in order.
func (s *Step) BlobWrites(t testing.TB) []BlobWrite {
	t.Helper()
	var found []BlobWrite
	for i := range s.Requests {
		r := &s.Requests[i]
		if !r.wrote("blob") || r.Method != http.MethodPut {
			continue
		}
		path, _, err := r.path()
		if err != nil {
			t.Fatalf("%s %s: %v", r.Method, r.URL, err)
		}
		container, name, ok := strings.Cut(path, "/")
		if !ok {
			continue // creates the container
		}
		b := Blob{
			Name: name, ContentType: r.Headers["x-ms-blob-content-type"],
			ContentEncoding: r.Headers["x-ms-blob-content-encoding"], Content: r.Body,
		}
		found = append(found, BlobWrite{container, b, r.Headers["if-none-match"] == "*"})
	}
	return found
}

func (r *Request) wrote(service string) bool {
	return r.Whole && r.Service == service && r.Status/100 == 2 && r.Method != http.MethodGet &&
		r.Method != http.MethodHead
}

// path returns the unescaped path below the account, and the query.
func (r *Request) path() (string, url.Values, error) {
	u, err := url.Parse(r.URL)
	if err != nil {
		return "", nil, err
	}
	_, rest, ok := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if !ok {
		return "", nil, fmt.Errorf("path %s has no account", u.Path)
	}
	return rest, u.Query(), nil
}

func (r *Request) queueMessage() (QueueMessage, error) {
	path, query, err := r.path()
	if err != nil {
		return QueueMessage{}, err
	}
	var body struct {
		Text string `xml:"MessageText"`
	}
	if err := xml.Unmarshal(bytes.TrimPrefix(r.Body, []byte("\ufeff")), &body); err != nil {
		return QueueMessage{}, err
	}
	m := QueueMessage{Queue: strings.TrimSuffix(path, "/messages"), Message: dump.DecodeMessage(body.Text)}
	if seconds := query.Get("visibilitytimeout"); seconds != "" {
		m.Delay, err = time.ParseDuration(seconds + "s")
	}
	return m, err
}

var entityPath = regexp.MustCompile(`^(\w+)\((?:PartitionKey='(.*)', ?RowKey='(.*)')?\)$`)

func (r *Request) tableWrites() ([]TableWrite, error) {
	path, _, err := r.path()
	switch {
	case err != nil:
		return nil, err
	case path == "$batch":
		return r.batch()
	case path == "Tables()" || path == "Tables":
		return nil, nil // creates the table
	}
	parts := entityPath.FindStringSubmatch(path)
	if parts == nil {
		return nil, fmt.Errorf("%s is no entity", path)
	}
	w := TableWrite{Method: r.Method, Table: parts[1], IfMatch: r.Headers["if-match"]}
	if m := r.Headers["x-http-method"]; m != "" {
		w.Method = m
	}
	if len(r.Body) > 0 {
		if err := (*dump.Row)(&w.Entity).UnmarshalJSON(r.Body); err != nil {
			return nil, err
		}
	}
	if strings.Contains(path, "'") {
		w.Entity.PartitionKey = strings.ReplaceAll(parts[2], "''", "'")
		w.Entity.RowKey = strings.ReplaceAll(parts[3], "''", "'")
	}
	return []TableWrite{w}, nil
}

// batch reads the requests in the change set of a batch.
func (r *Request) batch() ([]TableWrite, error) {
	set, err := multipartOf(r.Headers["content-type"], bytes.NewReader(r.Body)).NextPart()
	if err != nil {
		return nil, err
	}
	var found []TableWrite
	parts := multipartOf(set.Header.Get("Content-Type"), set)
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		writes, err := batchPart(part)
		if err != nil {
			return nil, err
		}
		found = append(found, writes...)
	}
}

func multipartOf(contentType string, r io.Reader) *multipart.Reader {
	_, params, _ := mime.ParseMediaType(contentType) // without a boundary, NextPart fails
	return multipart.NewReader(r, params["boundary"])
}

func batchPart(part io.Reader) ([]TableWrite, error) {
	// .NET leaves out the blank line behind the headers where there is no body.
	text := bufio.NewReader(io.MultiReader(part, strings.NewReader("\r\n\r\n")))
	req, err := http.ReadRequest(text)
	if err != nil {
		return nil, err
	}
	// The parts have no Content-Length, so the body is what the request left unread.
	body, err := io.ReadAll(text)
	if err != nil {
		return nil, err
	}
	r := Request{Method: req.Method, URL: req.URL.RequestURI(), Headers: map[string]string{}, Body: bytes.TrimSpace(body)}
	for name := range req.Header {
		r.Headers[strings.ToLower(name)] = req.Header.Get(name)
	}
	writes, err := r.tableWrites()
	for i := range writes {
		writes[i].Batch = true
	}
	return writes, err
}
