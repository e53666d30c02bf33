package operate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/parallel"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// recorded is an instance as an engine left it, to be written again under other IDs.
type recorded struct {
	id, execution string
	row           storage.Entity
	events        []storage.Entity
	payloads      []golden.Blob
}

// recordedAs takes an instance out of a recording. Its row and its payloads are those of a hub of another name.
func recordedAs(tb testing.TB, hub, recording, dump, id string) *recorded {
	tb.Helper()
	d := golden.Load(tb, recording).Dumps[dump].Rename(hub)
	r := &recorded{id: id}
	for _, e := range d.Tables[hub+"Instances"] {
		if e.PartitionKey == id {
			r.row, r.execution = e, e.Text(wire.ColExecutionID)
		}
	}
	require.NotEmpty(tb, r.execution, "%s of %s", id, recording)
	for _, e := range d.Tables[hub+"History"] {
		if e.PartitionKey == id {
			r.events = append(r.events, e)
		}
	}
	for _, b := range d.Blobs[d.Prefix()+"largemessages"] {
		if strings.HasPrefix(b.Name, id+"/") {
			r.payloads = append(r.payloads, b)
		}
	}
	return r
}

// as returns one of its rows as that of another instance.
func (r *recorded) as(e *storage.Entity, id, execution string) storage.Entity {
	other := *e.Clone()
	other.PartitionKey = id
	for i := range other.Columns {
		if v := &other.Columns[i].Value; v.Type == storage.String {
			v.Text = strings.ReplaceAll(strings.ReplaceAll(v.Text, r.id, id), r.execution, execution)
		}
	}
	return other
}

// write writes it under another ID, in as many requests as an engine takes for its last checkpoint.
func (r *recorded) write(ctx context.Context, h *hub, id, execution string) error {
	row := r.as(&r.row, id, execution)
	if _, err := h.storage.Tables.Insert(ctx, h.Instances(), &row); err != nil {
		return err
	}
	ops := make([]storage.Op, len(r.events))
	for i := range r.events {
		e := r.as(&r.events[i], id, execution)
		ops[i] = storage.Op{Kind: storage.OpInsert, Entity: &e}
	}
	if err := h.storage.Tables.Batch(ctx, h.History(), ops); err != nil {
		return err
	}
	for _, p := range r.payloads {
		b := storage.Blob{Content: p.Content, ContentType: p.ContentType, ContentEncoding: p.ContentEncoding}
		if err := h.storage.Blobs.Write(ctx, h.LargeMessages(), strings.Replace(p.Name, r.id, id, 1), b); err != nil {
			return err
		}
	}
	return nil
}

// crowd are many instances that nothing is wrong with: of ten, six are Completed, three have Failed and one has
// payloads. Together these ten have 150 rows of history.
type crowd struct {
	size int
	ten  [10]*recorded
}

func newCrowd(tb testing.TB, hub string, size int) *crowd {
	tb.Helper()
	c := &crowd{size: size}
	completed := recordedAs(tb, hub, "v2/hello-sequence", "completed", "hello-1")
	failed := recordedAs(tb, hub, "v2/rewind-activity", "failed", "rw-1")
	c.ten = [10]*recorded{
		completed, completed, failed, completed, failed, completed, failed, completed, completed,
		recordedAs(tb, hub, "v2/large-payloads", "completed", "large-04"),
	}
	return c
}

const idPrefix = "instance-"

// crowdID is the ID of the n-th instance: their order is that of their numbers.
func crowdID(n int) string { return fmt.Sprintf(idPrefix+"%08d", n) }

func crowdExecution(n int) string { return fmt.Sprintf("%032x", n) }

func (c *crowd) of(n int) *recorded { return c.ten[n%len(c.ten)] }

// rows are the rows of the n-th instance in a table.
func (c *crowd) rows(n int, history bool) []storage.Entity {
	r := c.of(n)
	from := []storage.Entity{r.row}
	if history {
		from = r.events
	}
	rows := make([]storage.Entity, len(from))
	for i := range from {
		rows[i] = r.as(&from[i], crowdID(n), crowdExecution(n))
	}
	return rows
}

// payloads counts their payloads.
func (c *crowd) payloads() int {
	n := 0
	for i := range c.size {
		n += len(c.of(i).payloads)
	}
	return n
}

// load writes them all. Eight at once keep the emulator busy.
func (c *crowd) load(tb testing.TB, h *hub) {
	tb.Helper()
	require.NoError(tb, h.storage.Blobs.CreateContainer(tb.Context(), h.LargeMessages()))
	require.NoError(tb, errors.Join(parallel.Do(tb.Context(), c.size, 8, func(ctx context.Context, n int) error {
		return c.of(n).write(ctx, h, crowdID(n), crowdExecution(n))
	})...))
}
