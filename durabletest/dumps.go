package durabletest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"

	"github.com/go-durable/durable/internal/dump"
)

// Dump writes all that the task hub has in storage as one JSON document: tables, queues and payloads. [Load] reads it,
// so that a test can be made of an incident in production. It holds every input and output of every instance: treat it
// like the storage account itself.
//
// Messages that are not visible, such as timers that run and what a worker has in hand, cannot be read from a queue, so
// they are only counted; see [Load]. It fails if a queue holds more messages than can be seen at once, which is 32.
func (h *Hub) Dump(ctx context.Context, w io.Writer) error {
	d, err := dump.Of(ctx, h.hub.Account, h.hub.Hub())
	if err == nil {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", " ")
		err = e.Encode(d)
	}
	if err != nil {
		return fmt.Errorf("durabletest: Dump (hub %s): %w", h.hub.Hub(), err)
	}
	return nil
}

// Load returns a new task hub in memory with what [Hub.Dump] has written. It has the name of the hub that was dumped
// unless opts.TaskHub is set, and as many partitions; opts.PartitionCount and opts.NotCreated mean nothing. With a clock
// that shows when the dump was made, as opts.Clock, what was not due then is not due here. Opts may be nil.
//
// Of the messages that were hidden, those of timers that run and of scheduled starts are put back, since the rows say
// what they were; not so those of a queue in which fewer were hidden than that, as some have been lost there. What a
// worker had in hand is missing, as after its death: package operate schedules activities again.
func Load(r io.Reader, opts *Options) (*Hub, error) {
	d, read := new(dump.Dump), sha256.New()
	if err := json.NewDecoder(io.TeeReader(r, read)).Decode(d); err != nil {
		return nil, fmt.Errorf("durabletest: Load: %w", err)
	}
	o := opts.orDefaults()
	switch {
	case opts == nil || opts.TaskHub == "":
		o.TaskHub = d.Hub
	case opts.TaskHub != d.Hub:
		d = d.Rename(opts.TaskHub)
	}
	h, err := newHub(o, string(read.Sum(nil))) // not the IDs that the dump may have been generated with
	if err != nil {
		return nil, err
	}
	if err := d.LoadInto(context.Background(), h.hub.Account); err != nil {
		return nil, fmt.Errorf("durabletest: Load: %w", err)
	}
	if err := h.restore(context.Background(), d); err != nil {
		return nil, fmt.Errorf("durabletest: Load: %w", err)
	}
	return h, nil
}
