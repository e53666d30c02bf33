package durable_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// act is one thing that a client did in storage: the request as recordings show it, and what it wrote, line by line.
type act struct{ request, wrote string }

// actLog is an account that notes what a client reads and what it succeeds to write.
type actLog struct {
	storage.Account
	mu   sync.Mutex
	acts []act
}

func logActs(account storage.Account) *actLog {
	l := &actLog{}
	l.Account = storage.Account{
		Tables: loggedTables{account.Tables, l}, Queues: loggedQueues{account.Queues, l}, Blobs: loggedBlobs{account.Blobs, l},
	}
	return l
}

func (l *actLog) add(request, wrote string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acts = append(l.acts, act{request, wrote})
}

// take returns the acts since the last time.
func (l *actLog) take() []act {
	l.mu.Lock()
	defer l.mu.Unlock()
	acts := l.acts
	l.acts = nil
	return acts
}

type loggedTables struct {
	storage.Tables
	log *actLog
}

func rowPath(table, partitionKey, rowKey string) string {
	quote := func(s string) string { return strings.ReplaceAll(s, "'", "''") }
	return fmt.Sprintf("table /%s(PartitionKey='%s',RowKey='%s')", table, quote(partitionKey), quote(rowKey))
}

// wroteRow shows the columns in their order, with their types.
func wroteRow(e *storage.Entity, ifMatch bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "PartitionKey: %q\nRowKey: %q\nIf-Match: %v\n", e.PartitionKey, e.RowKey, ifMatch)
	for _, c := range e.Columns {
		fmt.Fprintf(&b, "%s: %s (type %d)\n", c.Name, c.Text, c.Type)
	}
	return b.String()
}

func (t loggedTables) Get(ctx context.Context, table, pk, rk string, columns ...string) (*storage.Entity, error) {
	t.log.add("GET "+rowPath(table, pk, rk), "")
	return t.Tables.Get(ctx, table, pk, rk, columns...)
}

func (t loggedTables) Query(ctx context.Context, table string, q storage.Query) (*storage.Page, error) {
	t.log.add("GET table /"+table+"()", "")
	return t.Tables.Query(ctx, table, q)
}

func (t loggedTables) Insert(ctx context.Context, table string, e *storage.Entity) (storage.ETag, error) {
	etag, err := t.Tables.Insert(ctx, table, e)
	if err == nil {
		t.log.add("POST table /"+table+"()", wroteRow(e, false))
	}
	return etag, err
}

func (t loggedTables) Update(
	ctx context.Context, table string, e *storage.Entity, mode storage.Mode, match storage.ETag,
) (storage.ETag, error) {
	etag, err := t.Tables.Update(ctx, table, e, mode, match)
	if err == nil {
		method := map[storage.Mode]string{storage.Merge: "MERGE ", storage.Replace: "PUT "}[mode]
		t.log.add(method+rowPath(table, e.PartitionKey, e.RowKey), wroteRow(e, match != "" && match != storage.Any))
	}
	return etag, err
}

func (t loggedTables) Delete(ctx context.Context, table, pk, rk string, match storage.ETag) error {
	t.log.add("DELETE "+rowPath(table, pk, rk), "")
	return t.Tables.Delete(ctx, table, pk, rk, match)
}

type loggedQueues struct {
	storage.Queues
	log *actLog
}

func putPath(queue string, delay time.Duration) string {
	path := "POST queue /" + queue + "/messages?messagettl=-1"
	if delay > 0 {
		path += fmt.Sprintf("&visibilitytimeout=%d", (delay+time.Second-1)/time.Second)
	}
	return path
}

func (q loggedQueues) Put(ctx context.Context, queue, text string, delay time.Duration) error {
	err := q.Queues.Put(ctx, queue, text, delay)
	if err == nil {
		encoding := golden.Base64
		if strings.HasPrefix(text, "{") {
			encoding = golden.Plain
		}
		message, _ := wire.DecodeText(text)
		q.log.add(putPath(queue, delay), encoding+"\n"+string(message))
	}
	return err
}

type loggedBlobs struct {
	storage.Blobs
	log *actLog
}

func wroteBlob(b *golden.Blob, ifAbsent bool) string {
	text, err := b.Text()
	return fmt.Sprintf("type %q, encoding %q, if absent %v, %v\n%s", b.ContentType, b.ContentEncoding, ifAbsent, err, text)
}

func (b loggedBlobs) CreateContainer(ctx context.Context, container string) error {
	b.log.add("PUT blob /"+container+"?restype=container", "")
	return b.Blobs.CreateContainer(ctx, container)
}

func (b loggedBlobs) Open(ctx context.Context, container, name string) (io.ReadCloser, error) {
	b.log.add("GET blob /"+container+"/"+name, "")
	return b.Blobs.Open(ctx, container, name)
}

func (b loggedBlobs) Write(ctx context.Context, container, name string, blob storage.Blob) error {
	err := b.Blobs.Write(ctx, container, name, blob)
	if err == nil {
		shown := &golden.Blob{
			Name: name, ContentType: blob.ContentType, ContentEncoding: blob.ContentEncoding, Content: blob.Content,
		}
		b.log.add("PUT blob /"+container+"/"+name, wroteBlob(shown, blob.IfAbsent))
	}
	return err
}

// recordedActs returns what the .NET client did in a step with instances, control queues and payloads. What it did to
// make sure that the hub exists is left out; TestHubCreationAsRecorded is about that.
func recordedActs(t *testing.T, s *golden.Step) []act {
	t.Helper()
	messages, rows, blobs := s.QueueMessages(t), s.TableWrites(t), payloads(s.BlobWrites(t))
	var acts []act
	for i := range s.Requests {
		r := &s.Requests[i]
		a := act{request: r.Method + " " + r.Service + " " + readableURL(t, r)}
		if r.Status == http.StatusConflict || !aboutInstances(a.request) {
			continue
		}
		if r.Whole && r.Method != http.MethodGet {
			switch {
			case r.Service == "queue":
				a.wrote = messages[0].Encoding + "\n" + messages[0].Text
				messages = messages[1:]
			case r.Service == "table":
				a.wrote = wroteRow(&rows[0].Entity, rows[0].IfMatch != "")
				rows = rows[1:]
			case !strings.HasSuffix(a.request, "?restype=container"):
				a.wrote = wroteBlob(&blobs[0].Blob, blobs[0].IfAbsent)
				blobs = blobs[1:]
			}
		}
		acts = append(acts, a)
	}
	require.Empty(t, messages)
	require.Empty(t, rows)
	require.Empty(t, blobs)
	return acts
}

func payloads(writes []golden.BlobWrite) []golden.BlobWrite {
	var found []golden.BlobWrite
	for _, w := range writes {
		if strings.HasSuffix(w.Container, "-largemessages") {
			found = append(found, w)
		}
	}
	return found
}

func aboutInstances(request string) bool {
	return strings.Contains(request, "Instances(") || strings.Contains(request, "Instances?") ||
		strings.Contains(request, "History(") || strings.Contains(request, "/messages?") ||
		strings.Contains(request, "-largemessages")
}

// readableURL returns the URL of a request as the short form of requests has it, without $select.
func readableURL(t *testing.T, r *golden.Request) string {
	t.Helper()
	text := r.URL
	if r.Whole {
		path, query, _ := strings.Cut(r.URL, "?")
		path, err := url.PathUnescape(path)
		require.NoError(t, err)
		query, err = url.QueryUnescape(query)
		require.NoError(t, err)
		_, path, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
		text = "/" + path
		if query != "" {
			text += "?" + query
		}
	}
	text, _, _ = strings.Cut(text, "&$select=")
	return text
}
