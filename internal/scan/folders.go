package scan

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// Folder are payloads side by side in the container whose names differ only behind the last slash.
type Folder struct {
	// Name is what stands before that slash: the ID of an instance, or its partition key.
	Name  string
	Blobs int
	Bytes int64
	// Newest is when the last of them was written.
	Newest time.Time
}

// Folders lists the payloads of a hub folder by folder, in the service's order, which is that of the names with their
// slash. It leaves out those of which nobody can tell whose they are (see [wire.LoweredBlob]).
type Folders struct {
	hub    *taskhub.Hub
	prefix string
	page   []storage.BlobItem
	at     int
	next   string
	begun  bool
}

// NewFolders returns a listing of a hub's payloads, of those in folders whose names begin with prefix.
func NewFolders(hub *taskhub.Hub, prefix string) *Folders { return &Folders{hub: hub, prefix: prefix} }

// Next returns the next folder, or nil if there is none. Where an ID holds a slash, the folder that it lies below may come
// in two parts.
func (f *Folders) Next(ctx context.Context) (*Folder, error) {
	var folder *Folder
	for {
		b, err := f.head(ctx)
		if err != nil {
			return nil, err
		}
		if b == nil {
			return folder, nil
		}
		if wire.LoweredBlob(b.Name) {
			f.at++
			continue
		}
		name := folderOf(b.Name)
		switch {
		case folder == nil:
			folder = &Folder{Name: name}
		case folder.Name != name:
			return folder, nil
		}
		folder.Blobs++
		folder.Bytes += b.Size
		if b.LastModified.After(folder.Newest) {
			folder.Newest = b.LastModified
		}
		f.at++
	}
}

func folderOf(name string) string { return name[:max(strings.LastIndexByte(name, '/'), 0)] }

// head returns the blob at which the listing stands, or nil at its end.
func (f *Folders) head(ctx context.Context) (*storage.BlobItem, error) {
	for f.at == len(f.page) {
		if f.begun && f.next == "" {
			return nil, nil //nolint:nilnil // the end is an answer
		}
		page, err := f.hub.Blobs.List(ctx, f.hub.LargeMessages(), f.prefix, f.next)
		if errors.Is(err, storage.ErrContainerNotFound) {
			page, err = &storage.BlobPage{}, nil
		}
		if err != nil {
			return nil, err
		}
		f.page, f.at, f.next, f.begun = page.Blobs, 0, page.Next, true
	}
	return &f.page[f.at], nil
}
