package taskhub_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
)

// sources make each source of a partition count say n.
var sources = map[taskhub.CountSource]func(t *testing.T, b *bundle, n int){
	taskhub.FromPartitions: func(t *testing.T, b *bundle, n int) {
		t.Helper()
		b.writePartitions(t, controlQueues(b.Hub, n)...)
	},
	taskhub.FromInfoBlob: func(t *testing.T, b *bundle, n int) {
		t.Helper()
		b.writeInfo(t, info("MyHub", n))
	},
	taskhub.FromControlQueues: func(t *testing.T, b *bundle, n int) {
		t.Helper()
		b.createQueues(t, controlQueues(b.Hub, n)...)
	},
}

func TestPartitionCountFromOneSource(t *testing.T) {
	t.Parallel()
	for source, write := range sources {
		for _, n := range []int{1, 4, 16} {
			t.Run(string(source), func(t *testing.T) {
				t.Parallel()
				b := setup(t, "MyHub", taskhub.Options{})
				write(t, b, n)
				got, err := b.PartitionCount(t.Context())
				require.NoError(t, err)
				require.Equal(t, n, got)
				counts, err := b.Counts(t.Context())
				require.NoError(t, err)
				require.Equal(t, []taskhub.Count{{Source: source, N: n}}, counts)
			})
		}
	}
}

func TestPartitionCountFromTwoSources(t *testing.T) {
	t.Parallel()
	for first, writeFirst := range sources {
		for second, writeSecond := range sources {
			if first == second {
				continue
			}
			t.Run(string(first)+" and "+string(second), func(t *testing.T) {
				t.Parallel()
				agreeing := setup(t, "MyHub", taskhub.Options{})
				writeFirst(t, agreeing, 3)
				writeSecond(t, agreeing, 3)
				n, err := agreeing.PartitionCount(t.Context())
				require.NoError(t, err)
				require.Equal(t, 3, n)

				b := setup(t, "MyHub", taskhub.Options{})
				writeFirst(t, b, 3)
				writeSecond(t, b, 4)
				_, err = b.PartitionCount(t.Context())
				require.ErrorIs(t, err, taskhub.ErrPartitionCount)
				require.ErrorContains(t, err, string(first)+" says 3")
				require.ErrorContains(t, err, string(second)+" says 4")

				told, err := taskhub.New(b.Account, "MyHub", taskhub.Options{PartitionCount: 7})
				require.NoError(t, err)
				n, err = told.PartitionCount(t.Context())
				require.NoError(t, err)
				require.Equal(t, 7, n)
				require.Equal(t, 7, told.GivenPartitionCount())
			})
		}
	}
}

// The third source is heard even where the first two agree.
func TestPartitionCountFromThreeSources(t *testing.T) {
	t.Parallel()
	for odd := range sources {
		b := setup(t, "MyHub", taskhub.Options{})
		for source, write := range sources {
			n := 4
			if source == odd {
				n = 2
			}
			write(t, b, n)
		}
		_, err := b.PartitionCount(t.Context())
		require.ErrorIs(t, err, taskhub.ErrPartitionCount, odd)
		require.ErrorContains(t, err, string(odd)+" says 2")
	}
}

func TestPartitionCountWithGaps(t *testing.T) {
	t.Parallel()
	for source, write := range map[taskhub.CountSource]func(b *bundle, queues ...string){
		taskhub.FromPartitions:    func(b *bundle, queues ...string) { b.writePartitions(t, queues...) },
		taskhub.FromControlQueues: func(b *bundle, queues ...string) { b.createQueues(t, queues...) },
	} {
		b := setup(t, "MyHub", taskhub.Options{})
		write(b, "myhub-control-00", "myhub-control-03")
		_, err := b.PartitionCount(t.Context())
		require.ErrorIs(t, err, taskhub.ErrPartitionCount)
		require.ErrorContains(t, err, string(source)+" has 2 of 4")
		require.ErrorContains(t, err, "myhub-control-01 is missing")
		counts, err := b.Counts(t.Context())
		require.NoError(t, err)
		require.Equal(t, []taskhub.Count{
			{Source: source, N: 4, Missing: []string{"myhub-control-01", "myhub-control-02"}},
		}, counts)
	}
}

// Names that only look like this hub's control queues do not count.
func TestPartitionCountPassesOverOtherQueues(t *testing.T) {
	t.Parallel()
	b := setup(t, "MyHub", taskhub.Options{})
	odd := []string{
		"myhub-control-2", "myhub-control-003", "myhub-control-16", "myhub-control-99", "myhub-control-ab",
		"myhub-control-01-x", "myhub2-control-07", "xmyhub-control-08", "myhub-workitems",
	}
	b.createQueues(t, append(odd, controlQueues(b.Hub, 2)...)...)
	n, err := b.PartitionCount(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, n)
}

func TestPartitionCountOfNoHub(t *testing.T) {
	t.Parallel()
	b := setup(t, "MyHub", taskhub.Options{})
	_, err := b.PartitionCount(t.Context())
	require.ErrorIs(t, err, taskhub.ErrHubNotFound)

	b.writePartitions(t) // an empty table says nothing
	b.createContainers(t, b.Leases())
	_, err = b.PartitionCount(t.Context())
	require.ErrorIs(t, err, taskhub.ErrHubNotFound)
}

func TestPartitionCountFromBadInfo(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"no JSON":     "secret",
		"cut short":   info("MyHub", 4)[:30],
		"another hub": info("MyHub2", 4),
		"no hub":      `{"PartitionCount":4}`,
		"no count":    `{"TaskHubName":"MyHub"}`,
		"zero":        info("MyHub", 0),
		"negative":    info("MyHub", -4),
		"too many":    info("MyHub", 17),
		"wrong type":  `{"TaskHubName":"MyHub","PartitionCount":"secret"}`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, "MyHub", taskhub.Options{})
			b.createQueues(t, controlQueues(b.Hub, 4)...)
			b.writeInfo(t, text)
			_, err := b.PartitionCount(t.Context())
			require.ErrorIs(t, err, taskhub.ErrPartitionCount)
			require.ErrorContains(t, err, "taskhub.json")
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestPartitionCountFromGoodInfo(t *testing.T) {
	t.Parallel()
	for _, text := range []string{info("myHUB", 4), "\ufeff" + info("MyHub", 4), " " + info("MyHub", 4) + "\n"} {
		b := setup(t, "MyHub", taskhub.Options{})
		b.writeInfo(t, text)
		n, err := b.PartitionCount(t.Context())
		require.NoError(t, err)
		require.Equal(t, 4, n)
	}
}

func TestPartitionCountIsAskedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, "MyHub", taskhub.Options{})
	b.createQueues(t, controlQueues(b.Hub, 4)...)
	for range 3 {
		n, err := b.PartitionCount(t.Context())
		require.NoError(t, err)
		require.Equal(t, 4, n)
	}
	require.Equal(t, 1, b.fault.Count(faultstore.Op("ListQueues")))

	told := setup(t, "MyHub", taskhub.Options{PartitionCount: 5})
	n, err := told.PartitionCount(t.Context())
	require.NoError(t, err)
	require.Equal(t, 5, n)
	require.Empty(t, told.fault.Calls())
}

// A source that cannot be read might have contradicted: what the others say is not enough, and is not kept.
func TestPartitionCountWhereASourceFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, op := range []string{"Query", "Open", "ListQueues"} {
		b := setup(t, "MyHub", taskhub.Options{})
		b.createQueues(t, controlQueues(b.Hub, 4)...)
		b.writeInfo(t, info("MyHub", 4))
		b.fault.SetHook(faultstore.FailNth(1, faultstore.Before, broken, faultstore.Op(op)))
		_, err := b.PartitionCount(t.Context())
		require.ErrorIs(t, err, broken, op)
		n, err := b.PartitionCount(t.Context())
		require.NoError(t, err)
		require.Equal(t, 4, n)
	}
}

func TestPartitionCountAsRecorded(t *testing.T) {
	t.Parallel()
	tests := []struct {
		recording, dump string
		want            int
		counts          []taskhub.Count
	}{
		{"v1/hello-sequence", "completed", 4, []taskhub.Count{
			{Source: taskhub.FromInfoBlob, N: 4}, {Source: taskhub.FromControlQueues, N: 4},
		}},
		{"v2/partition-change", "four", 4, []taskhub.Count{
			{Source: taskhub.FromInfoBlob, N: 4}, {Source: taskhub.FromControlQueues, N: 4},
		}},
		{"v2/partition-change", "eight", 8, []taskhub.Count{
			{Source: taskhub.FromInfoBlob, N: 8}, {Source: taskhub.FromControlQueues, N: 8},
		}},
		// The app was set from eight to two partitions: its old queues are still there, and no host reads them.
		{"v2/partition-change", "two", 0, []taskhub.Count{
			{Source: taskhub.FromInfoBlob, N: 2}, {Source: taskhub.FromControlQueues, N: 8},
		}},
		{"v3/hello-sequence", "completed", 4, []taskhub.Count{
			{Source: taskhub.FromPartitions, N: 4}, {Source: taskhub.FromControlQueues, N: 4},
		}},
	}
	for _, test := range tests {
		t.Run(test.recording+" "+test.dump, func(t *testing.T) {
			t.Parallel()
			b := recorded(t, test.recording, test.dump, taskhub.Options{})
			counts, err := b.Counts(t.Context())
			require.NoError(t, err)
			require.Equal(t, test.counts, counts)
			n, err := b.PartitionCount(t.Context())
			require.Equal(t, test.want, n)
			if test.want != 0 {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, taskhub.ErrPartitionCount)
			require.ErrorContains(t, err, "taskhub.json says 2")
			require.ErrorContains(t, err, "control queues says 8")
		})
	}
}

// A Partitions table of more than a page is read to its end.
func TestOwnersOverPages(t *testing.T) {
	t.Parallel()
	b := setup(t, "MyHub", taskhub.Options{})
	b.writePartitions(t, controlQueues(b.Hub, 16)...)
	for i := range 1000 {
		_, err := b.store.Account().Tables.Insert(t.Context(), b.Partitions(),
			&storage.Entity{RowKey: "aaa" + string(rune('0'+i/100)) + string(rune('0'+i/10%10)) + string(rune('0'+i%10))})
		require.NoError(t, err)
	}
	rows, err := b.Owners(t.Context())
	require.NoError(t, err)
	require.Len(t, rows, 1016)
	n, err := b.PartitionCount(t.Context())
	require.NoError(t, err)
	require.Equal(t, 16, n)
}
