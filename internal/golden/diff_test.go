package golden_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/storage"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	const row = `table GClientOnlyInstances row ("co-1", "")`
	tests := []struct {
		name   string
		opts   golden.Options
		change func(d *golden.Dump)
		want   []string
	}{
		{"nothing", golden.Options{}, func(*golden.Dump) {}, nil},
		{"column", golden.Options{}, func(d *golden.Dump) {
			instance(d, "co-1").Set("Name", storage.StringValue("Other"))
		}, []string{"  " + row, `-     Name: "HelloSequence"`, `+     Name: "Other"`}},
		{"ignored column", golden.Options{IgnoreColumns: []string{"Name"}}, func(d *golden.Dump) {
			instance(d, "co-1").Set("Name", storage.StringValue("Other"))
		}, nil},
		{"type of a column", golden.Options{}, func(d *golden.Dump) {
			instance(d, "co-1").Set("Generation", storage.Value{Type: storage.Int64, Text: "0"})
		}, []string{"  " + row, `-     Generation: 0 (Int32)`, `+     Generation: 0 (Int64)`}},
		{"new column", golden.Options{}, func(d *golden.Dump) {
			instance(d, "co-1").Set("More", storage.BoolValue(true))
		}, []string{"  " + row, `+     More: true (Boolean)`}},
		{"time", golden.Options{}, func(d *golden.Dump) {
			instance(d, "co-1").Set("CreatedTime", storage.Value{Type: storage.DateTime, Text: "2030-01-01T00:00:00Z"})
		}, nil},
		{"time that counts", golden.Options{KeepTimes: true}, func(d *golden.Dump) {
			instance(d, "co-1").Set("CreatedTime", storage.Value{Type: storage.DateTime, Text: "2030-01-01T00:00:00Z"})
		}, []string{
			"  " + row, `-     CreatedTime: 2026-11-22T05:59:32.4328971Z (DateTime)`,
			`+     CreatedTime: 2030-01-01T00:00:00Z (DateTime)`,
		}},
		{"other version of the row", golden.Options{}, func(d *golden.Dump) {
			instance(d, "co-1").ETag, instance(d, "co-1").Timestamp = "x", storage.Value{}
		}, nil},
		{"member order", golden.Options{}, func(d *golden.Dump) {
			replaceInMessage(d, `"Name":"Approval","Input":"{\"ok\":true}"`, `"Input":"{\"ok\":true}","Name":"Approval"`)
		}, []string{
			"  queue gclientonly-control-01 message 3", `-           "Name": "Approval",`,
			`+           "Name": "Approval",`,
		}},
		{"message number", golden.Options{}, func(d *golden.Dump) {
			replaceInMessage(d, `"SequenceNumber":6`, `"SequenceNumber":7123`)
		}, nil},
		{"encoding", golden.Options{}, func(d *golden.Dump) {
			d.Queues["gclientonly-control-01"].Visible[0].Encoding = golden.Plain
		}, []string{"  queue gclientonly-control-01 message 1", "-     encoding base64", "+     encoding text"}},
		{"ignored encoding", golden.Options{AnyEncoding: true}, func(d *golden.Dump) {
			d.Queues["gclientonly-control-01"].Visible[0].Encoding = golden.Plain
		}, nil},
		{"hidden messages", golden.Options{}, hideOneMore, nil},
		{"hidden messages that count", golden.Options{Hidden: true}, hideOneMore, []string{
			"  queue gclientonly-control-03", "-     1 messages are not visible", "+     2 messages are not visible",
		}},
		{"missing queue", golden.Options{}, func(d *golden.Dump) {
			delete(d.Queues, "gclientonly-workitems")
		}, []string{"- queue gclientonly-workitems"}},
		{"skipped queue", golden.Options{Skip: []string{"workitems"}}, func(d *golden.Dump) {
			delete(d.Queues, "gclientonly-workitems")
		}, nil},
		{"new table", golden.Options{}, func(d *golden.Dump) {
			d.Tables["GClientOnlyPartitions"] = nil
		}, []string{"+ table GClientOnlyPartitions"}},
		{"skipped table", golden.Options{Skip: []string{"Partitions"}}, func(d *golden.Dump) {
			d.Tables["GClientOnlyPartitions"] = nil
		}, nil},
		{"blob", golden.Options{}, func(d *golden.Dump) {
			blobs := d.Blobs["gclientonly-leases"]
			b := &blobs[len(blobs)-1]
			b.Content = bytes.Replace(b.Content, []byte(`"PartitionCount":4`), []byte(`"PartitionCount":5`), 1)
		}, []string{
			"  container gclientonly-leases blob taskhub.json", `-       "PartitionCount": 4`, `+       "PartitionCount": 5`,
		}},
		{"broken blob", golden.Options{}, func(d *golden.Dump) {
			d.Blobs["gclientonly-largemessages"][0].Content = []byte{0x1f, 0x8b}
		}, []string{"cannot be unzipped"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want := golden.Load(t, "v2/client-only").Dumps["after"]
			got := golden.Load(t, "v2/client-only").Dumps["after"]
			test.change(got)
			diff := golden.Diff(want, got.Rename("Other"), test.opts)
			if test.want == nil {
				require.Empty(t, diff)
			}
			for _, line := range test.want {
				require.Contains(t, diff, line)
			}
		})
	}
}

func instance(d *golden.Dump, key string) *storage.Entity {
	rows := d.Tables[d.Hub+"Instances"]
	for i := range rows {
		if rows[i].PartitionKey == key {
			return &rows[i]
		}
	}
	return nil
}

func replaceInMessage(d *golden.Dump, before, after string) {
	for _, q := range d.Queues {
		for i := range q.Visible {
			q.Visible[i].Text = strings.Replace(q.Visible[i].Text, before, after, 1)
		}
	}
}

func hideOneMore(d *golden.Dump) {
	q := d.Queues["gclientonly-control-03"]
	q.Count++
	d.Queues["gclientonly-control-03"] = q
}

func TestDiffSeesAGUIDInAnothersPlace(t *testing.T) {
	t.Parallel()
	want := golden.Load(t, "v2/client-only").Dumps["after"]
	got := golden.Load(t, "v2/client-only").Dumps["after"]
	replaceInMessage(got, instance(got, "co-1").Text("ExecutionId"), instance(got, "co-null").Text("ExecutionId"))
	require.Contains(t, golden.Diff(want, got, golden.Options{}), "queue gclientonly-control-01 message 1")
	require.Empty(t, golden.Diff(want, got, golden.Options{PlainGUIDs: true}))
}

func TestDiffOfMissingRows(t *testing.T) {
	t.Parallel()
	full := golden.Load(t, "v2/client-only").Dumps["after"]
	fewer := golden.Load(t, "v2/client-only").Dumps["after"]
	fewer.Tables["GClientOnlyInstances"] = fewer.Tables["GClientOnlyInstances"][1:]
	const row = `table GClientOnlyInstances row ("co-1", "")`
	opts := golden.Options{PlainGUIDs: true}
	require.Contains(t, golden.Diff(full, fewer, opts), "- "+row+"\n-     CreatedTime")
	require.Contains(t, golden.Diff(fewer, full, opts), "+ "+row+"\n+     CreatedTime")
}

func TestDiffOfMessagesInAnyOrder(t *testing.T) {
	t.Parallel()
	want := golden.Load(t, "v2/client-only").Dumps["after"]
	got := golden.Load(t, "v2/client-only").Dumps["after"]
	v := got.Queues["gclientonly-control-01"].Visible
	v[0], v[2] = v[2], v[0]
	require.NotEmpty(t, golden.Diff(want, got, golden.Options{}))
	require.Empty(t, golden.Diff(want, got, golden.Options{AnyOrder: true}))
}

func TestDiffShortensPayloads(t *testing.T) {
	t.Parallel()
	dump := func(mid string) *golden.Dump {
		e := storage.Entity{PartitionKey: "a"}
		e.Set("Input", storage.StringValue(strings.Repeat("é", 30000)+mid+strings.Repeat("é", 30000)))
		return &golden.Dump{Hub: "H", Tables: map[string][]storage.Entity{"HInstances": {e}}}
	}
	diff := golden.Diff(dump("x"), dump("y"), golden.Options{})
	require.Contains(t, diff, "SHA-256")
	require.Less(t, len(diff), 1000)
	require.Empty(t, golden.Diff(dump("x"), dump("x"), golden.Options{}))
}

// Keys that are GUIDs sort otherwise in every run; the rows are told apart by their other columns, and by the GUIDs that
// are already known.
func TestDiffOfRowsWithGUIDsForKeys(t *testing.T) {
	t.Parallel()
	dump := func(guids ...string) *golden.Dump {
		var rows []storage.Entity
		add := func(key, execution, name string) {
			e := storage.Entity{PartitionKey: key}
			e.Set("ExecutionId", storage.StringValue(execution))
			e.Set("Name", storage.StringValue(name))
			rows = append(rows, e)
		}
		add(guids[0], guids[1], "A")
		add(guids[2], guids[3], "B")
		add(guids[3]+":0001", guids[4], "Child")
		add("first", guids[5], "Parent")
		add(guids[5]+":0001", guids[6], "Child")
		add("second", guids[7], "Parent")
		add(guids[7]+":0001", guids[8], "Child")
		slices.SortFunc(rows, func(a, b storage.Entity) int { return cmp.Compare(a.PartitionKey, b.PartitionKey) })
		return &golden.Dump{Hub: "H", Tables: map[string][]storage.Entity{"HInstances": rows}}
	}
	guids := make([]string, 9)
	for i := range guids {
		guids[i] = strings.Repeat(string("012345678"[i]), 32)
	}
	reversed := slices.Clone(guids)
	slices.Reverse(reversed)
	require.Empty(t, golden.Diff(dump(guids...), dump(reversed...), golden.Options{}))

	otherParent := slices.Clone(guids)
	otherParent[3], otherParent[5] = otherParent[5], otherParent[3]
	swapped := dump(otherParent...)
	instance(swapped, "first").Set("ExecutionId", storage.StringValue(guids[5]))
	require.NotEmpty(t, golden.Diff(dump(guids...), swapped, golden.Options{}))
}

// Another run of the same scenario has other GUIDs, which also sort otherwise, and other times.
func testEqualsAnotherRun(t *testing.T, r *golden.Recording) {
	t.Helper()
	// One dump of a recording is much like another, and the last one holds most.
	for _, s := range slices.Backward(r.Steps) {
		if want := r.Dumps[s.Dump]; want != nil {
			require.Empty(t, golden.Diff(want, anotherRun(t, want), golden.Options{}), s.Dump)
			return
		}
	}
}

var (
	bareGUID   = regexp.MustCompile(`\b[0-9a-f]{32}\b`)
	dashedGUID = regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[1-9a-f][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b`)
	fraction   = regexp.MustCompile(`(2026-[-\dT:]+)\.\d+`)
)

func anotherRun(t *testing.T, d *golden.Dump) *golden.Dump {
	t.Helper()
	fresh := map[string]string{}
	change := func(text string) string {
		text = fraction.ReplaceAllString(text, "$1.5")
		text = dashedGUID.ReplaceAllStringFunc(text, func(g string) string {
			n := newGUID(fresh, strings.ReplaceAll(g, "-", ""))
			return strings.Join([]string{n[:8], n[8:12], n[12:16], n[16:20], n[20:]}, "-")
		})
		return bareGUID.ReplaceAllStringFunc(text, func(g string) string { return newGUID(fresh, g) })
	}
	out := &golden.Dump{
		Hub: d.Hub, Tables: map[string][]storage.Entity{}, Queues: map[string]golden.Queue{}, Blobs: map[string][]golden.Blob{},
	}
	for name, rows := range d.Tables {
		out.Tables[name] = nil
		for i := range rows {
			e := rows[i].Clone()
			e.PartitionKey = change(e.PartitionKey)
			for c := range e.Columns {
				e.Columns[c].Text = change(e.Columns[c].Text)
			}
			out.Tables[name] = append(out.Tables[name], *e)
		}
		slices.SortFunc(out.Tables[name], func(a, b storage.Entity) int {
			return cmp.Or(cmp.Compare(a.PartitionKey, b.PartitionKey), cmp.Compare(a.RowKey, b.RowKey))
		})
	}
	for name, q := range d.Queues {
		changed := golden.Queue{Count: q.Count}
		for _, m := range q.Visible {
			m.Text = change(m.Text)
			changed.Visible = append(changed.Visible, m)
		}
		out.Queues[name] = changed
	}
	for name, blobs := range d.Blobs {
		out.Blobs[name] = nil
		for _, b := range blobs {
			text, err := b.Text()
			require.NoError(t, err)
			var buf bytes.Buffer
			w := gzip.NewWriter(&buf)
			_, err = w.Write([]byte(change(text)))
			require.NoError(t, err)
			require.NoError(t, w.Close())
			out.Blobs[name] = append(out.Blobs[name], golden.Blob{Name: change(b.Name), Content: buf.Bytes()})
		}
	}
	return out
}

func newGUID(fresh map[string]string, old string) string {
	if fresh[old] == "" {
		b := make([]byte, 16)
		_, _ = rand.Read(b)
		fresh[old] = hex.EncodeToString(b)
	}
	return fresh[old]
}
