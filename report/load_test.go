package report_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
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
		client := watched(t, "v2/rewind-causal", "failed", func(c tap.Call) {
			if c.Phase == tap.Before && c.Op == "Get" && strings.HasPrefix(c.Key, "c-TwoChildrenFailUntilFixed-") {
				if asked.Add(1) == 3 {
					close(all)
				}
				<-all
			}
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
