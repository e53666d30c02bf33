package dump

import (
	"bytes"
	"strings"

	"github.com/go-durable/durable/internal/storage"
)

// HubTables are the tables of a hub, behind its name.
var HubTables = []string{"Instances", "History", "Partitions"}

// Prefix is what the names of the hub's queues and containers begin with.
func (d *Dump) Prefix() string { return strings.ToLower(d.Hub) + "-" }

// Rename returns the dump of the same hub under another name. It changes the names of tables, queues and containers,
// TaskHubName wherever it stands, the partitions' names in leases and in the Partitions table, and the references to
// blobs. The two dumps share what does not differ.
func (d *Dump) Rename(hub string) *Dump {
	r := renaming{from: d, to: &Dump{
		Hub: hub, Tables: map[string][]storage.Entity{}, Queues: map[string]Queue{}, Blobs: map[string][]Blob{},
	}}
	for name, rows := range d.Tables {
		renamed := make([]storage.Entity, len(rows))
		for i := range rows {
			renamed[i] = r.entity(&rows[i])
		}
		r.to.Tables[hub+strings.TrimPrefix(name, d.Hub)] = renamed
	}
	for name, q := range d.Queues {
		renamed := Queue{Count: q.Count, Visible: make([]Message, len(q.Visible))}
		for i, m := range q.Visible {
			m.Text = r.references(m.Text)
			renamed.Visible[i] = m
		}
		r.to.Queues[r.name(name)] = renamed
	}
	for name, blobs := range d.Blobs {
		renamed := make([]Blob, len(blobs))
		for i := range blobs {
			renamed[i] = r.blob(name, blobs[i])
		}
		r.to.Blobs[r.name(name)] = renamed
	}
	return r.to
}

type renaming struct{ from, to *Dump }

// name renames a queue, a container or a partition, which is named after its queue.
func (r renaming) name(name string) string {
	if rest, ok := strings.CutPrefix(name, r.from.Prefix()); ok {
		return r.to.Prefix() + rest
	}
	return name
}

// references renames the container in the URLs of blobs.
func (r renaming) references(text string) string {
	return strings.ReplaceAll(text, "/"+r.from.Prefix()+"largemessages/", "/"+r.to.Prefix()+"largemessages/")
}

func (r renaming) entity(e *storage.Entity) storage.Entity {
	c := *e.Clone()
	c.RowKey = r.name(c.RowKey)
	for i := range c.Columns {
		v := &c.Columns[i]
		switch {
		case v.Type != storage.String:
		case v.Name == "TaskHubName" && v.Text == r.from.Hub:
			v.Text = r.to.Hub
		default:
			v.Text = r.references(v.Text)
		}
	}
	return c
}

// blob renames what a hub's own blobs say of it; a payload is nobody's business.
func (r renaming) blob(container string, b Blob) Blob {
	if strings.HasSuffix(container, "-largemessages") {
		return b
	}
	folder, name := "", b.Name
	if i := strings.LastIndexByte(b.Name, '/'); i >= 0 {
		folder, name = b.Name[:i+1], b.Name[i+1:]
	}
	b.Name = folder + r.name(name)
	b.Content = bytes.ReplaceAll(b.Content,
		[]byte(`"TaskHubName":"`+r.from.Hub+`"`), []byte(`"TaskHubName":"`+r.to.Hub+`"`))
	b.Content = bytes.ReplaceAll(b.Content,
		[]byte(`"`+r.from.Prefix()+"control-"), []byte(`"`+r.to.Prefix()+"control-"))
	return b
}
