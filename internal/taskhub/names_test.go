package taskhub_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/taskhub"
)

func TestNames(t *testing.T) {
	t.Parallel()
	n, err := taskhub.NewNames("MyHub")
	require.NoError(t, err)
	require.Equal(t, []string{
		"MyHub", "MyHubInstances", "MyHubHistory", "MyHubPartitions", "myhub-control-00", "myhub-control-15",
		"myhub-workitems", "myhub-largemessages", "myhub-leases", "myhub-applease",
	}, []string{
		n.Hub(), n.Instances(), n.History(), n.Partitions(), n.ControlQueue(0), n.ControlQueue(15), n.WorkItems(),
		n.LargeMessages(), n.Leases(), n.AppLease(),
	})
}

func TestNamesRefuses(t *testing.T) {
	t.Parallel()
	for _, hub := range []string{"abc", "A12", "DurableFunctionsHub", strings.Repeat("x", 49)} {
		_, err := taskhub.NewNames(hub)
		require.NoError(t, err, hub)
	}
	for _, hub := range []string{
		"", "ab", "1ab", "my-hub", "my_hub", "my hub", "hüb", "MyHub\n", "a/b", "..", strings.Repeat("x", 50),
	} {
		_, err := taskhub.NewNames(hub)
		require.Error(t, err, hub)
	}
}

func TestCheckPartitionCount(t *testing.T) {
	t.Parallel()
	require.NoError(t, taskhub.CheckPartitionCount(1))
	require.NoError(t, taskhub.CheckPartitionCount(16))
	require.Error(t, taskhub.CheckPartitionCount(0))
	require.Error(t, taskhub.CheckPartitionCount(-1))
	require.Error(t, taskhub.CheckPartitionCount(17))
}

func TestGUID(t *testing.T) {
	t.Parallel()
	g := taskhub.GUID{0: 0xab, 15: 0x01}
	require.Equal(t, "ab000000000000000000000000000001", g.N())
	require.Equal(t, "ab000000-0000-0000-0000-000000000001", g.D())

	h := setup(t, "MyHub", taskhub.Options{})
	a, b := h.NewID(), h.NewID()
	require.NotEqual(t, a, b)
	require.Regexp(t, "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", a.D())
	require.Equal(t, strings.ReplaceAll(a.D(), "-", ""), a.N())
}
