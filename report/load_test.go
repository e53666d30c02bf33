package report_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/tap"
	"github.com/go-durable/durable/report"
)

func ids(i *report.Instance) []string {
	all := []string{i.ID + note(i)}
	for _, c := range i.Children {
		all = append(all, ids(c)...)
	}
	return all
}

func note(i *report.Instance) string {
	if i.Note == "" {
		return ""
	}
	return " (" + i.Note + ")"
}

func TestLoad(t *testing.T) {
	t.Parallel()
	client := recorded(t, "v2/rewind-grandparent", "failed")
	tests := []struct {
		name string
		opts *report.LoadOptions
		want []string
	}{
		{"all", nil, []string{"rw-g", "rw-g-p", "rw-g-p-child"}},
		{"alone", &report.LoadOptions{OmitChildren: true}, []string{"rw-g"}},
		{
			"not deep", &report.LoadOptions{MaxDepth: 1},
			[]string{"rw-g", "rw-g-p", "rw-g-p-child (not read: too deep)"},
		},
		{
			"not many", &report.LoadOptions{MaxInstances: 1},
			[]string{"rw-g", "rw-g-p (not read: too many instances)"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			i, err := report.Load(t.Context(), client, "rw-g", test.opts)
			require.NoError(t, err)
			require.Equal(t, test.want, ids(i))
		})
	}
}

// TestLoadSideBySide: brothers and sisters are read at the same time. Each waits until all three are asked for.
func TestLoadSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		all := make(chan struct{})
		client := tapped(t, "v2/rewind-causal", "failed", func(_ context.Context, c tap.Call) error {
			if c.Phase == tap.Before && c.Op == "Get" && strings.HasPrefix(c.Key, "c-TwoChildrenFailUntilFixed-") {
				if asked.Add(1) == 3 {
					close(all)
				}
				<-all
			}
			return c.Err
		})
		i, err := report.Load(t.Context(), client, "c-TwoChildrenFailUntilFixed", nil)
		require.NoError(t, err)
		require.Len(t, i.Children, 3)
	})
}

func TestLoadMissing(t *testing.T) {
	t.Parallel()
	_, err := report.Load(t.Context(), recorded(t, "v2/hello-sequence", "completed"), "nobody", nil)
	require.ErrorIs(t, err, durable.ErrInstanceNotFound)
	i := load(t, "v2/rewind-purged-child", "child-purged", "rw-o")
	require.Contains(t, ids(i), "rw-o-child (not found)")
}

func TestLoadWithoutPayloads(t *testing.T) {
	t.Parallel()
	client := recorded(t, "v2/hello-sequence", "completed")
	i, err := report.Load(t.Context(), client, "hello-1", &report.LoadOptions{OmitPayloads: true})
	require.NoError(t, err)
	require.Nil(t, i.Status.Input)
	require.Nil(t, i.Status.Output)
	for _, e := range i.History {
		require.Nil(t, e.Result)
	}
}

// readsRow tells requests for rows of instances, whose keys begin with a text, from others.
func readsRow(c tap.Call, begin string) bool {
	return c.Phase == tap.Before && strings.HasSuffix(c.Name, "Instances") && strings.HasPrefix(c.Key, begin)
}

// A tree of which an instance is broken is drawn, and says what is missing and why.
func TestLoadBrokenChild(t *testing.T) {
	t.Parallel()
	const id = "rw-g-p-child"
	pass := func(_ context.Context, c tap.Call) error { return c.Err }
	broken := func(e *storage.Entity) {
		if e.PartitionKey == id && strings.HasSuffix(e.RowKey, "5") {
			e.Columns = slices.DeleteFunc(e.Columns, func(c storage.Column) bool { return c.Name == "EventType" })
		}
	}
	client := tapped(t, "v2/rewind-grandparent", "failed", pass, broken)
	i, err := report.Load(t.Context(), client, "rw-g", nil)
	require.NoError(t, err)
	const note = `shown without its history: the history is damaged: history row "0000000000000005" has no EventType`
	require.Equal(t, []string{"rw-g", "rw-g-p", id + " (" + note + ")"}, ids(i))
	require.Equal(t, durable.RuntimeStatusFailed, i.Children[0].Children[0].Status.RuntimeStatus)
	now := later(i, 0)
	compare(t, "timeline/broken-child.txt", timeline(t, i, report.TimelineOptions{Now: now}))
	page := html(t, i, report.HTMLOptions{Now: now})
	requireHarmless(t, page)
	compare(t, "html/broken-child.html", page)

	_, err = report.Load(t.Context(), client, id, nil)
	require.ErrorContains(t, err, "has no EventType", "of the instance itself everything is needed")
}

func TestLoadUnreadableStatus(t *testing.T) {
	t.Parallel()
	const id = "rw-g-p"
	gone := errors.New("the server is busy")
	client := tapped(t, "v2/rewind-grandparent", "failed", func(_ context.Context, c tap.Call) error {
		if readsRow(c, id+"|") {
			return gone
		}
		return c.Err
	})
	i, err := report.Load(t.Context(), client, "rw-g", nil)
	require.NoError(t, err)
	require.Equal(t, []string{"rw-g", "rw-g-p (not read: the server is busy)"}, ids(i))
	require.Equal(t, "ParentFailsUntilFixed", i.Children[0].Name, "which the parent's history knows")
	text := string(timeline(t, i, report.TimelineOptions{Now: later(i, 0)}))
	require.Regexp(t, `(?m)^ParentFailsUntilFixed rw-g-p +not read: the server is busy$`, text)
	requireText(t, string(html(t, i, report.HTMLOptions{})), `<bdi class="name">ParentFailsUntilFixed</bdi>`)
}

// What a purge has left of an instance is drawn.
func TestLoadHalfPurged(t *testing.T) {
	t.Parallel()
	client := tapped(t, "v2/rewind-grandparent", "failed", func(_ context.Context, c tap.Call) error {
		if readsRow(c, "rw-g-p|") {
			return storage.ErrNotFound
		}
		return c.Err
	})
	i, err := report.Load(t.Context(), client, "rw-g", nil)
	require.NoError(t, err)
	require.Equal(t, []string{"rw-g", "rw-g-p (shown without its status: instance not found)", "rw-g-p-child"}, ids(i))
	require.Len(t, i.Children[0].History, 12)
}

// Where the storage is gone or closed, or nobody waits any more, there is no picture.
func TestLoadLostStorage(t *testing.T) {
	t.Parallel()
	gone := errors.New("no such host")
	tests := []struct {
		name   string
		closed error
		ends   bool
		want   error
	}{
		{"gone", gone, true, gone},
		{"closed to a child", storage.ErrDenied, false, durable.ErrAccessDenied},
		{"a table is gone", storage.ErrContainerNotFound, false, durable.ErrTaskHubNotFound},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var ended atomic.Bool
			client := tapped(t, "v2/rewind-causal", "failed", func(_ context.Context, c tap.Call) error {
				if readsRow(c, "c-TwoChildrenFailUntilFixed-") || ended.Load() && c.Phase == tap.Before {
					ended.Store(test.ends)
					return test.closed
				}
				return c.Err
			})
			i, err := report.Load(t.Context(), client, "c-TwoChildrenFailUntilFixed", nil)
			require.ErrorIs(t, err, test.want)
			require.Nil(t, i)
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		client := tapped(t, "v2/rewind-grandparent", "failed", func(ctx context.Context, c tap.Call) error {
			if readsRow(c, "rw-g-p-child|") {
				cancel()
				return ctx.Err()
			}
			return c.Err
		})
		_, err := report.Load(ctx, client, "rw-g", nil)
		require.ErrorIs(t, err, context.Canceled)
	})
}

// Payloads beyond a limit are left where they are, and the rest is drawn.
func TestLoadManyPayloads(t *testing.T) {
	t.Parallel()
	client := recorded(t, "v2/rewind-grandparent", "failed")
	i, err := report.Load(t.Context(), client, "rw-g", &report.LoadOptions{MaxPayloads: 1})
	require.NoError(t, err)
	const note = " (shown without payloads: they are too large in all)"
	require.Equal(t, []string{"rw-g", "rw-g-p" + note, "rw-g-p-child" + note}, ids(i))
	require.NotNil(t, i.Status.Output)
	require.Nil(t, i.Children[0].Status.Output)
	require.Len(t, i.Children[0].History, 12)
}
