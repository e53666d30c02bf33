package dump

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-durable/durable/internal/storage"
)

// maxPeek is how many messages one can look at in a queue without taking them.
const maxPeek = 32

// LoadInto creates the task hub in an account where it does not exist: tables with their rows, queues with the messages
// that were visible, containers with their blobs. To have it under another name, [Dump.Rename] it first.
//
// Service timestamps and dequeue counts become new ones. The texts of invisible messages were not recorded, so they
// are missing.
func (d *Dump) LoadInto(ctx context.Context, account storage.Account) error {
	if err := d.loadTables(ctx, account.Tables); err != nil {
		return err
	}
	if err := d.loadQueues(ctx, account.Queues); err != nil {
		return err
	}
	return d.loadBlobs(ctx, account.Blobs)
}

func (d *Dump) loadTables(ctx context.Context, tables storage.Tables) error {
	for name, rows := range d.Tables {
		if err := tables.CreateTable(ctx, name); err != nil {
			return fmt.Errorf("create table %s: %w", name, err)
		}
		for i := range rows {
			if _, err := tables.Insert(ctx, name, &rows[i]); err != nil {
				return fmt.Errorf("table %s, row %q %q: %w", name, rows[i].PartitionKey, rows[i].RowKey, err)
			}
		}
	}
	return nil
}

func (d *Dump) loadQueues(ctx context.Context, queues storage.Queues) error {
	for name, q := range d.Queues {
		if err := queues.CreateQueue(ctx, name); err != nil {
			return fmt.Errorf("create queue %s: %w", name, err)
		}
		for i := range q.Visible {
			text, err := q.Visible[i].encode()
			if err == nil {
				err = queues.Put(ctx, name, text, 0)
			}
			if err != nil {
				return fmt.Errorf("queue %s, message %d: %w", name, i, err)
			}
		}
	}
	return nil
}

func (d *Dump) loadBlobs(ctx context.Context, blobs storage.Blobs) error {
	for container, items := range d.Blobs {
		if err := blobs.CreateContainer(ctx, container); err != nil {
			return fmt.Errorf("create container %s: %w", container, err)
		}
		for i := range items {
			b := storage.Blob{
				Content: items[i].Content, ContentType: items[i].ContentType,
				ContentEncoding: items[i].ContentEncoding,
			}
			if err := blobs.Write(ctx, container, items[i].Name, b); err != nil {
				return fmt.Errorf("container %s, blob %s: %w", container, items[i].Name, err)
			}
		}
	}
	return nil
}

// Of reads all that a task hub has in storage. What does not exist is absent; of a hub that does not exist the dump
// is empty. It fails if a queue holds more messages than can be seen.
func Of(ctx context.Context, account storage.Account, hub string) (*Dump, error) {
	d := &Dump{Hub: hub, Tables: map[string][]storage.Entity{}, Queues: map[string]Queue{}, Blobs: map[string][]Blob{}}
	if err := d.dumpTables(ctx, account.Tables); err != nil {
		return nil, err
	}
	if err := d.dumpQueues(ctx, account.Queues); err != nil {
		return nil, err
	}
	if err := d.dumpBlobs(ctx, account.Blobs); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Dump) dumpTables(ctx context.Context, tables storage.Tables) error {
	names, err := tables.ListTables(ctx, d.Hub)
	if err != nil {
		return fmt.Errorf("list tables: %w", err)
	}
	for _, name := range names {
		// Another hub's name may begin with this one's.
		if !slices.Contains(HubTables, strings.TrimPrefix(name, d.Hub)) {
			continue
		}
		if d.Tables[name], err = readTable(ctx, tables, name); err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
	}
	return nil
}

func readTable(ctx context.Context, tables storage.Tables, name string) ([]storage.Entity, error) {
	rows := []storage.Entity{}
	var q storage.Query
	for {
		page, err := tables.Query(ctx, name, q)
		if err != nil {
			return nil, err
		}
		rows = append(rows, page.Entities...)
		if q.From = page.Next; q.From == (storage.Token{}) {
			return rows, nil
		}
	}
}

func (d *Dump) dumpQueues(ctx context.Context, queues storage.Queues) error {
	names, err := queues.ListQueues(ctx, d.Prefix())
	if err != nil {
		return fmt.Errorf("list queues: %w", err)
	}
	for _, name := range names {
		if d.Queues[name], err = readQueue(ctx, queues, name); err != nil {
			return fmt.Errorf("queue %s: %w", name, err)
		}
	}
	return nil
}

func readQueue(ctx context.Context, queues storage.Queues, name string) (Queue, error) {
	count, err := queues.Count(ctx, name)
	if err != nil {
		return Queue{}, err
	}
	messages, err := queues.Peek(ctx, name, maxPeek)
	if err != nil {
		return Queue{}, err
	}
	if len(messages) == maxPeek && count > maxPeek {
		return Queue{}, fmt.Errorf("holds %d messages, of which only %d can be seen", count, maxPeek)
	}
	q := Queue{Count: count, Visible: []Message{}}
	for _, m := range messages {
		shown := DecodeMessage(m.Text)
		shown.DequeueCount = m.DequeueCount
		q.Visible = append(q.Visible, shown)
	}
	return q, nil
}

func (d *Dump) dumpBlobs(ctx context.Context, blobs storage.Blobs) error {
	containers, err := blobs.ListContainers(ctx, d.Prefix())
	if err != nil {
		return fmt.Errorf("list containers: %w", err)
	}
	for _, name := range containers {
		if d.Blobs[name], err = readContainer(ctx, blobs, name); err != nil {
			return fmt.Errorf("container %s: %w", name, err)
		}
	}
	return nil
}

func readContainer(ctx context.Context, blobs storage.Blobs, container string) ([]Blob, error) {
	found := []Blob{}
	for from := ""; ; {
		page, err := blobs.List(ctx, container, "", from)
		if err != nil {
			return nil, err
		}
		for _, item := range page.Blobs {
			content, err := readBlob(ctx, blobs, container, item.Name)
			if err != nil {
				return nil, fmt.Errorf("blob %s: %w", item.Name, err)
			}
			found = append(found, Blob{Name: item.Name, Content: content})
		}
		if from = page.Next; from == "" {
			return found, nil
		}
	}
}

func readBlob(ctx context.Context, blobs storage.Blobs, container, name string) ([]byte, error) {
	r, err := blobs.Open(ctx, container, name)
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // only read
	return io.ReadAll(r)
}
