package scan

import (
	"context"
	"slices"
	"strings"

	"github.com/go-durable/durable/internal/wire"
)

// Owners finds payloads that belong to none of the keys it is told. Keys come in the order of the tables, payloads in
// that of their names, where a slash follows the ID: "a-b/" comes before "a/", but the key "a" before "a-b". So a key
// waits until no other can begin with it; those that wait are prefixes of each other, and few.
type Owners struct {
	folders *Folders
	head    *Folder
	ended   bool
	waiting []string
	orphan  func(Folder)
}

// NewOwners returns an Owners that calls orphan for each folder without a key. A folder whose name says nothing certain,
// because it may be an ID or a key or is not ASCII, is always taken for one: look before you act.
func NewOwners(folders *Folders, orphan func(Folder)) *Owners {
	return &Owners{folders: folders, orphan: orphan}
}

// Pass tells the next key.
func (o *Owners) Pass(ctx context.Context, key string) error {
	if !plain(key) {
		return nil
	}
	for len(o.waiting) > 0 && !strings.HasPrefix(key, o.waiting[len(o.waiting)-1]) {
		if err := o.pop(ctx); err != nil {
			return err
		}
	}
	o.waiting = append(o.waiting, key)
	return nil
}

// End tells that there are no more keys.
func (o *Owners) End(ctx context.Context) error {
	for len(o.waiting) > 0 {
		if err := o.pop(ctx); err != nil {
			return err
		}
	}
	return o.advance(ctx, func(string) bool { return true })
}

// pop is done with the last of the keys that wait: all payloads up to its own are judged.
func (o *Owners) pop(ctx context.Context) error {
	last := o.waiting[len(o.waiting)-1] + "/"
	err := o.advance(ctx, func(folder string) bool { return !plain(folder) || folder+"/" <= last })
	o.waiting = o.waiting[:len(o.waiting)-1]
	return err
}

// advance judges folders while they are due.
func (o *Owners) advance(ctx context.Context, due func(folder string) bool) error {
	for {
		if o.head == nil && !o.ended {
			var err error
			if o.head, err = o.folders.Next(ctx); err != nil {
				return err
			}
			o.ended = o.head == nil
		}
		if o.ended || !due(o.head.Name) {
			return nil
		}
		if !slices.Contains(o.waiting, o.head.Name) {
			o.orphan(*o.head)
		}
		o.head = nil
	}
}

// plain reports whether an ID is its own key and is ordered by its bytes whatever the order.
func plain(id string) bool {
	for i := range len(id) {
		if id[i] >= 0x7F {
			return false
		}
	}
	return id != "" && wire.EscapeKey(id) == id
}
