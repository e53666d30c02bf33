package wire_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/wire"
)

func TestPartition(t *testing.T) {
	t.Parallel()
	tests := []struct {
		id   string
		want [5]int // of 1, 3, 4, 8 and 16 partitions
	}{
		{"", [5]int{0, 1, 1, 5, 5}},
		{"a", [5]int{0, 1, 0, 4, 12}},
		{"abc", [5]int{0, 2, 3, 3, 11}},
		{"hello", [5]int{0, 0, 3, 3, 11}},
		{"3d3f4c5b6a7988a1b2c3d4e5f6071829", [5]int{0, 0, 3, 3, 3}},
		{"my-instance-1", [5]int{0, 2, 3, 3, 11}},
		{"MyInstance", [5]int{0, 2, 0, 0, 0}},
		{"myinstance", [5]int{0, 0, 0, 0, 0}},
		{"order:12345", [5]int{0, 2, 2, 6, 6}},
		{"00000000000000000000000000000000", [5]int{0, 0, 1, 5, 5}},
		{"@counter@myCounter", [5]int{0, 0, 3, 7, 7}},
		{"@counter@user/42", [5]int{0, 0, 3, 3, 11}},
		{"日本語-インスタンス", [5]int{0, 2, 3, 3, 3}},
		{"émojis-🌍", [5]int{0, 0, 2, 6, 6}},
		{"aae324dcc8f943e490b37ec5e5bbf9da", [5]int{0, 2, 0, 0, 8}},
		{"c0ffee00c0ffee00c0ffee00c0ffee00:5", [5]int{0, 0, 0, 0, 8}},
		{"order-12345", [5]int{0, 1, 1, 5, 13}},
		{"a/b", [5]int{0, 0, 1, 1, 1}},
		{"tab\there", [5]int{0, 2, 1, 1, 9}},
		{"d'arcy", [5]int{0, 2, 3, 7, 7}},
	}
	for _, test := range tests {
		t.Run(test.id, func(t *testing.T) {
			t.Parallel()
			for i, count := range []int{1, 3, 4, 8, 16} {
				require.Equal(t, test.want[i], wire.Partition(test.id, count), "of %d", count)
			}
		})
	}
}

func TestControlQueueSuffix(t *testing.T) {
	t.Parallel()
	for p := range wire.MaxPartitions {
		require.Equal(t, fmt.Sprintf("-control-%d%d", p/10, p%10), wire.ControlQueueSuffix(p))
	}
}
