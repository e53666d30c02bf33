package golden_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
)

func testLoadsAndReadsBack(t *testing.T, r *golden.Recording) {
	t.Helper()
	for label, want := range r.Dumps {
		account := memstore.New(nil).Account()
		require.NoError(t, want.LoadInto(t.Context(), account))
		got, err := golden.DumpOf(t.Context(), account, r.Hub)
		require.NoError(t, err)
		require.Empty(t, golden.Diff(want, got, golden.Options{KeepTimes: true}), label)
		requireSame(t, want, got)
	}
}

// requireSame compares without normalising anything.
func requireSame(t *testing.T, want, got *golden.Dump) {
	t.Helper()
	require.Len(t, got.Tables, len(want.Tables))
	for name, rows := range want.Tables {
		require.Len(t, got.Tables[name], len(rows), name)
		for i := range rows {
			g := got.Tables[name][i]
			require.Equal(t, rows[i].PartitionKey, g.PartitionKey)
			require.Equal(t, rows[i].RowKey, g.RowKey)
			require.Equal(t, byName(rows[i].Columns), byName(g.Columns))
		}
	}
	require.Len(t, got.Queues, len(want.Queues))
	for name, q := range want.Queues {
		require.Len(t, got.Queues[name].Visible, len(q.Visible))
		for i := range q.Visible {
			require.Equal(t, q.Visible[i].Text, got.Queues[name].Visible[i].Text)
			require.Equal(t, q.Visible[i].Encoding, got.Queues[name].Visible[i].Encoding)
		}
	}
	require.Len(t, got.Blobs, len(want.Blobs))
	for name, blobs := range want.Blobs {
		require.Len(t, got.Blobs[name], len(blobs), name)
		for i := range blobs {
			require.Equal(t, blobs[i].Name, got.Blobs[name][i].Name)
			require.Equal(t, string(blobs[i].Content), string(got.Blobs[name][i].Content))
		}
	}
}

func byName(columns []storage.Column) map[string]storage.Value {
	m := make(map[string]storage.Value, len(columns))
	for _, c := range columns {
		m[c.Name] = c.Value
	}
	return m
}

func TestHubsShareAnAccount(t *testing.T) {
	t.Parallel()
	// Short pages, some of them empty.
	account := memstore.New(&memstore.Options{PageSize: 3, ScanLimit: 2}).Account()
	dump := golden.Load(t, "v2/client-only").Dumps["after"]
	// The second name begins with the first one.
	hubs := []string{golden.UniqueHub(), ""}
	hubs[1] = hubs[0] + "X"
	for _, hub := range hubs {
		require.NoError(t, dump.Rename(hub).LoadInto(t.Context(), account))
	}
	for _, hub := range hubs {
		got, err := golden.DumpOf(t.Context(), account, hub)
		require.NoError(t, err)
		require.Len(t, got.Tables, len(dump.Tables))
		require.Empty(t, golden.Diff(dump, got, golden.Options{KeepTimes: true}))
	}
	got, err := golden.DumpOf(t.Context(), account, "NoSuchHub")
	require.NoError(t, err)
	require.Empty(t, got.Tables)
}

func testRenames(t *testing.T, r *golden.Recording) {
	t.Helper()
	for _, dump := range r.Dumps {
		renamed := dump.Rename("Other")
		require.Equal(t, "Other", renamed.Hub)
		requireNowhere(t, renamed, r.Hub)
		requireSame(t, dump, renamed.Rename(r.Hub))
	}
}

// requireNowhere fails if a hub's name is left anywhere in a dump.
func requireNowhere(t *testing.T, d *golden.Dump, hub string) {
	t.Helper()
	var all strings.Builder
	put := func(text string) { all.WriteString(text + "\n") }
	for name, rows := range d.Tables {
		put(name)
		for _, e := range rows {
			put(e.RowKey)
			for _, c := range e.Columns {
				put(c.Text)
			}
		}
	}
	for name, q := range d.Queues {
		put(name)
		for _, m := range q.Visible {
			put(m.Text)
		}
	}
	for name, blobs := range d.Blobs {
		put(name)
		for _, b := range blobs {
			text, err := b.Text()
			require.NoError(t, err)
			put(b.Name)
			put(text)
		}
	}
	require.NotContains(t, strings.ToLower(all.String()), strings.ToLower(hub))
}

func TestRenameChangesNothingOfTheOriginal(t *testing.T) {
	t.Parallel()
	dump := golden.Load(t, "v3/hello-sequence").Dumps["completed"]
	dump.Rename("Other")
	require.Equal(t, golden.Load(t, "v3/hello-sequence").Dumps["completed"], dump)
}

func TestUniqueHub(t *testing.T) {
	t.Parallel()
	require.Regexp(t, "^[A-Za-z][A-Za-z0-9]{2,44}$", golden.UniqueHub())
	require.NotEqual(t, golden.UniqueHub(), golden.UniqueHub())
}

func TestMessageEncodings(t *testing.T) {
	t.Parallel()
	account := memstore.New(nil).Account()
	dump := &golden.Dump{Hub: "H", Queues: map[string]golden.Queue{"h-control-00": {Visible: []golden.Message{
		{Text: `{"a":1}`, Encoding: golden.Base64},
		{Text: `{"a":1}`, Encoding: golden.Plain},
		{Text: "/w==", Encoding: golden.Plain}, // Base64, but of no text
		{Text: "", Encoding: golden.Plain},
	}}}}
	require.NoError(t, dump.LoadInto(t.Context(), account))
	lies, err := account.Queues.Peek(t.Context(), "h-control-00", 32)
	require.NoError(t, err)
	require.Equal(t, []string{"eyJhIjoxfQ==", `{"a":1}`}, []string{lies[0].Text, lies[1].Text})
	require.Len(t, lies, 4)
	got, err := golden.DumpOf(t.Context(), account, "H")
	require.NoError(t, err)
	require.Equal(t, dump.Queues["h-control-00"].Visible, got.Queues["h-control-00"].Visible)

	dump.Queues["h-control-00"].Visible[0].Encoding = "rot13"
	require.ErrorContains(t, dump.LoadInto(t.Context(), account), "rot13")
}

func TestDumpOfRefusesToOverlookMessages(t *testing.T) {
	t.Parallel()
	account := memstore.New(nil).Account()
	require.NoError(t, account.Queues.CreateQueue(t.Context(), "h-control-00"))
	for range 33 {
		require.NoError(t, account.Queues.Put(t.Context(), "h-control-00", "{}", 0))
	}
	_, err := golden.DumpOf(t.Context(), account, "H")
	require.ErrorContains(t, err, "33 messages")
}

func TestLoadIntoFailsWhereTheHubExists(t *testing.T) {
	t.Parallel()
	account := memstore.New(nil).Account()
	dump := golden.Load(t, "v2/hello-sequence").Dumps["completed"]
	require.NoError(t, dump.LoadInto(t.Context(), account))
	require.ErrorIs(t, dump.LoadInto(t.Context(), account), storage.ErrExists)
}
