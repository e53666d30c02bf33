package golden

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/go-durable/durable/internal/dump"
	"github.com/go-durable/durable/internal/storage"
)

var spanID = regexp.MustCompile(`^[0-9a-f]{16}$`)

// itemizer takes a dump to pieces that can be compared: normalised rows, messages and blobs, each under its name.
type itemizer struct {
	dump  *Dump
	opts  *Options
	norm  Normalizer
	found map[string][]string
}

// items goes through the dump in an order that does not depend on its GUIDs, as far as that is possible: instances
// first, because their rows name the GUIDs that all else refers to.
func items(d *Dump, opts *Options) map[string][]string {
	it := &itemizer{
		dump: d, opts: opts, found: map[string][]string{},
		norm: Normalizer{KeepTimes: opts.KeepTimes, PlainGUIDs: opts.PlainGUIDs},
	}
	for _, suffix := range dump.HubTables {
		if rows, ok := d.Tables[d.Hub+suffix]; ok && !slices.Contains(opts.Skip, suffix) {
			it.table(d.Hub+suffix, rows)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Queues)) {
		if !it.skips(name) {
			it.queue(name, d.Queues[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Blobs)) {
		if !it.skips(name) {
			it.container(name, d.Blobs[name])
		}
	}
	return it.found
}

func (it *itemizer) skips(name string) bool {
	return slices.Contains(it.opts.Skip, strings.TrimPrefix(name, it.dump.Prefix()))
}

// add keeps what has the same name after normalising apart.
func (it *itemizer) add(name string, lines []string) {
	unique := name
	for n := 2; ; n++ {
		if _, ok := it.found[unique]; !ok {
			it.found[unique] = lines
			return
		}
		unique = fmt.Sprintf("%s #%d", name, n)
	}
}

func (it *itemizer) table(name string, rows []storage.Entity) {
	it.add("table "+name, nil)
	todo := make([]pending, len(rows))
	for i := range rows {
		e := &rows[i]
		todo[i].key, todo[i].second = e.PartitionKey, e.RowKey
		todo[i].rest = func() string { return strings.Join(it.columns(e, it.norm.peek), "\n") }
		todo[i].add = func() {
			key := fmt.Sprintf("table %s row (%q, %q)", name, it.norm.Text(e.PartitionKey), it.norm.Text(e.RowKey))
			it.add(key, it.columns(e, it.norm.Text))
		}
	}
	it.addInOrder(todo)
}

// columns returns a line for each column, in the order of their names.
func (it *itemizer) columns(e *storage.Entity, text func(string) string) []string {
	var lines []string
	for _, c := range slices.SortedFunc(slices.Values(e.Columns), func(a, b storage.Column) int {
		return cmp.Compare(a.Name, b.Name)
	}) {
		switch {
		case slices.Contains(it.opts.IgnoreColumns, c.Name):
		case c.Name == "ClientSpanId" && spanID.MatchString(c.Text):
			lines = append(lines, "ClientSpanId: <span>")
		case c.Type == storage.String:
			lines = append(lines, fmt.Sprintf("%s: %q", c.Name, text(c.Text)))
		default:
			lines = append(lines, fmt.Sprintf("%s: %s (%s)", c.Name, text(c.Text), dump.TypeName(c.Type)))
		}
	}
	return lines
}

func (it *itemizer) queue(name string, q Queue) {
	var lines []string
	if it.opts.Hidden {
		lines = append(lines, fmt.Sprintf("%d messages are not visible", q.Count-int64(len(q.Visible))))
	}
	it.add("queue "+name, lines)
	messages := slices.Clone(q.Visible)
	if it.opts.AnyOrder {
		slices.SortStableFunc(messages, func(a, b Message) int {
			return cmp.Compare(it.norm.peek(a.Text), it.norm.peek(b.Text))
		})
	}
	for i, m := range messages {
		lines := textLines(it.norm.Text(m.Text))
		if !it.opts.AnyEncoding {
			lines = append([]string{"encoding " + m.Encoding}, lines...)
		}
		it.add(fmt.Sprintf("queue %s message %d", name, i+1), lines)
	}
}

func (it *itemizer) container(name string, blobs []Blob) {
	it.add("container "+name, nil)
	todo := make([]pending, len(blobs))
	for i := range blobs {
		text, err := blobs[i].Text()
		if err != nil {
			text = "cannot be unzipped: " + err.Error()
		}
		todo[i].key = blobs[i].Name
		todo[i].rest = func() string { return it.norm.peek(text) }
		todo[i].add = func() {
			key := fmt.Sprintf("container %s blob %s", name, it.norm.Text(blobs[i].Name))
			it.add(key, textLines(it.norm.Text(text)))
		}
	}
	it.addInOrder(todo)
}

// pending is an item that has not got its name yet. Second decides the order of those whose keys are alike, and where
// that is alike as well, rest, which costs more.
type pending struct {
	key, peeked, second string
	rest                func() string
	add                 func()
}

func (p *pending) unknown() bool { return strings.Contains(p.peeked, "<guid-?") }

// compare puts items whose keys are known before the others.
func (p *pending) compare(q *pending) int {
	if p.unknown() != q.unknown() {
		if q.unknown() {
			return -1
		}
		return 1
	}
	if c := cmp.Or(cmp.Compare(p.peeked, q.peeked), cmp.Compare(p.second, q.second)); c != 0 {
		return c
	}
	return cmp.Compare(p.rest(), q.rest())
}

// addInOrder adds first the items whose keys are known: without GUIDs, or with GUIDs that have their number. They may
// give others theirs. Where that leads no further, the least item goes next.
func (it *itemizer) addInOrder(todo []pending) {
	for len(todo) > 0 {
		for i := range todo {
			todo[i].peeked = it.norm.peek(todo[i].key)
		}
		slices.SortStableFunc(todo, func(a, b pending) int { return a.compare(&b) })
		n := 1
		for n < len(todo) && !todo[n].unknown() {
			n++
		}
		for _, p := range todo[:n] {
			p.add()
		}
		todo = todo[n:]
	}
}

// textLines splits a JSON text at its members, so that a difference shows where it is. Their order stays.
func textLines(text string) []string {
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
		var buf bytes.Buffer
		if json.Indent(&buf, []byte(text), "", "  ") == nil {
			text = buf.String()
		}
	}
	return strings.Split(text, "\n")
}
