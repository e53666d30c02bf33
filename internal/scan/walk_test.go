package scan_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/scan"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// newHub returns a hub without queues, whose pages hold so many entities at most.
func newHub(t *testing.T, pageSize int) (*taskhub.Hub, *faultstore.Store) {
	t.Helper()
	fault := faultstore.Wrap(memstore.New(&memstore.Options{PageSize: pageSize, ScanLimit: pageSize}).Account(), nil)
	hub, err := taskhub.New(fault.Account(), "Hub", taskhub.Options{})
	require.NoError(t, err)
	require.NoError(t, hub.Tables.CreateTable(t.Context(), hub.Instances()))
	require.NoError(t, hub.Tables.CreateTable(t.Context(), hub.Names.History()))
	require.NoError(t, hub.Blobs.CreateContainer(t.Context(), hub.LargeMessages()))
	return hub, fault
}

func insert(t *testing.T, hub *taskhub.Hub, table, partitionKey, rowKey string) {
	t.Helper()
	_, err := hub.Tables.Insert(t.Context(), table, &storage.Entity{PartitionKey: partitionKey, RowKey: rowKey})
	require.NoError(t, err)
}

// lister writes down what it is told.
type lister struct {
	lines []string
	stop  string
}

func (l *lister) Begin(key string, row *storage.Entity) {
	l.lines = append(l.lines, fmt.Sprintf("%s %v:", key, row != nil))
}

func (l *lister) Event(e *storage.Entity) { l.lines[len(l.lines)-1] += " " + e.RowKey }

func (l *lister) End() error {
	if l.stop != "" && strings.HasPrefix(l.lines[len(l.lines)-1], l.stop) {
		return context.Canceled
	}
	return nil
}

// TestWalkPrefix reads a part of the tables and of the payloads, and no more than that.
func TestWalkPrefix(t *testing.T) {
	t.Parallel()
	hub, fault := newHub(t, 2)
	for _, key := range []string{"a", "b", "b^0c", "b1", "b2", "c"} {
		insert(t, hub, hub.Instances(), key, "")
		insert(t, hub, hub.Names.History(), key, "0")
		require.NoError(t, hub.WritePayload(t.Context(), key+"/x", nil))
	}
	for i := range 20 {
		insert(t, hub, hub.Instances(), fmt.Sprint("d", i), "")
	}
	fault.Reset()
	l, pages := &lister{}, 0
	require.NoError(t, scan.Walk(t.Context(), hub, scan.Part{Prefix: "b", OnPage: func() { pages++ }}, l))
	require.Equal(t, []string{"b true: 0", "b1 true: 0", "b2 true: 0", "b^0c true: 0"}, l.lines)
	require.LessOrEqual(t, pages, 6)
	require.Equal(t, pages, fault.Count(nil))

	l = &lister{}
	require.NoError(t, scan.Walk(t.Context(), hub, scan.Part{Prefix: "b/"}, l))
	require.Equal(t, []string{"b^0c true: 0"}, l.lines)

	folders := scan.NewFolders(hub, "b1")
	f, err := folders.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, "b1", f.Name)
	f, err = folders.Next(t.Context())
	require.NoError(t, err)
	require.Nil(t, f)
}

func TestWalk(t *testing.T) {
	t.Parallel()
	for _, pageSize := range []int{1, 2, 3, 1000} {
		hub, fault := newHub(t, pageSize)
		for _, key := range []string{"b", "d", "\U0001F600", "\uFFFD"} {
			insert(t, hub, hub.Instances(), key, "")
		}
		for _, key := range []string{"a", "b", "c", "\U0001F600", "z"} {
			insert(t, hub, hub.Names.History(), key, "0")
			insert(t, hub, hub.Names.History(), key, "sentinel")
		}
		fault.Reset()
		l := &lister{}
		require.NoError(t, scan.Walk(t.Context(), hub, scan.Part{}, l))
		require.Equal(t, []string{
			"a false: 0 sentinel", "b true: 0 sentinel", "c false: 0 sentinel", "d true:", "z false: 0 sentinel",
			"\U0001F600 true: 0 sentinel", "\uFFFD true:",
		}, l.lines)
		require.LessOrEqual(t, fault.Count(nil), 4/pageSize+10/pageSize+2)
		require.ErrorIs(t, scan.Walk(t.Context(), hub, scan.Part{}, &lister{stop: "b"}), context.Canceled)
	}
	hub, fault := newHub(t, 10)
	require.NoError(t, scan.Walk(t.Context(), hub, scan.Part{}, &lister{}))
	fault.SetHook(faultstore.FailNth(2, faultstore.Before, storage.ErrDenied, nil))
	require.ErrorIs(t, scan.Walk(t.Context(), hub, scan.Part{}, &lister{}), storage.ErrDenied)
	fault.SetHook(nil)
	require.NoError(t, hub.Tables.DeleteTable(t.Context(), hub.Names.History()))
	require.ErrorIs(t, scan.Walk(t.Context(), hub, scan.Part{}, &lister{}), taskhub.ErrHubNotFound)
}

func put(t *testing.T, hub *taskhub.Hub, name string) {
	t.Helper()
	require.NoError(t, hub.Blobs.Write(t.Context(), hub.LargeMessages(), name, storage.Blob{Content: []byte("12")}))
}

func TestFolders(t *testing.T) {
	t.Parallel()
	for _, pageSize := range []int{1, 2, 1000} {
		hub, _ := newHub(t, pageSize)
		for _, name := range []string{"a/1", "a/2", "a-b/1", "c/d/1", "root"} {
			put(t, hub, name)
		}
		f := scan.NewFolders(hub, "")
		var have []string
		for {
			folder, err := f.Next(t.Context())
			require.NoError(t, err)
			if folder == nil {
				break
			}
			require.WithinDuration(t, time.Now(), folder.Newest, time.Minute)
			have = append(have, fmt.Sprintf("%s %d %d", folder.Name, folder.Blobs, folder.Bytes))
		}
		require.Equal(t, []string{"a-b 1 2", "a 2 4", "c/d 1 2", " 1 2"}, have)
	}
	hub, _ := newHub(t, 1)
	require.NoError(t, hub.Blobs.DeleteContainer(t.Context(), hub.LargeMessages()))
	folder, err := scan.NewFolders(hub, "").Next(t.Context())
	require.NoError(t, err)
	require.Nil(t, folder)
}

// Whatever the IDs, a payload whose owner was told is not taken for an orphan if its name is certain, and an orphan always
// is.
func TestOwners(t *testing.T) {
	t.Parallel()
	const letters = "ab-./~!0"
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		hub, _ := newHub(t, 1+r.IntN(5))
		ids := map[string]bool{}
		for range 2 + r.IntN(20) {
			id := make([]byte, 1+r.IntN(4))
			for i := range id {
				id[i] = letters[r.IntN(len(letters))]
			}
			ids[strings.ReplaceAll(string(id), "/", "x")] = true
		}
		var keys, orphans []string
		for id := range ids {
			switch r.IntN(3) {
			case 0:
				keys = append(keys, id)
			case 1:
				keys = append(keys, id)
				put(t, hub, id+"/message-1")
			default:
				put(t, hub, id+"/message-1")
				orphans = append(orphans, id)
			}
		}
		slices.SortFunc(keys, storage.CompareKeys)
		slices.Sort(orphans)
		found := []string{}
		o := scan.NewOwners(scan.NewFolders(hub, ""), func(f scan.Folder) { found = append(found, f.Name) })
		for _, key := range keys {
			require.NoError(t, o.Pass(t.Context(), key))
		}
		require.NoError(t, o.End(t.Context()))
		slices.Sort(found)
		require.Equal(t, append([]string{}, orphans...), found, "keys %q", keys)
	}
}

func TestOwnersUncertain(t *testing.T) {
	t.Parallel()
	hub, _ := newHub(t, 10)
	for _, id := range []string{"a^b", "é", "a/b", "plain"} {
		put(t, hub, id+"/message-1")
	}
	var found []string
	o := scan.NewOwners(scan.NewFolders(hub, ""), func(f scan.Folder) { found = append(found, f.Name) })
	for _, id := range []string{"a/b", "a^b", "plain", "é"} {
		require.NoError(t, o.Pass(t.Context(), wire.EscapeKey(id)))
	}
	require.NoError(t, o.End(t.Context()))
	require.ElementsMatch(t, []string{"a^b", "é", "a/b"}, found, "to be looked at")
}
