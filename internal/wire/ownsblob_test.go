package wire_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/wire"
)

func TestOwnsBlob(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, id string
		own      bool
	}{
		{"order-1/message-x-TaskCompleted.json.gz", "order-1", true},
		{"order-1/history-0000000000000001-ExecutionStarted-x-Input.json.gz", "order-1", true},
		{"order-1/something else", "order-1", true},
		{"order-10/message-x-TaskCompleted.json.gz", "order-1", false},
		{"order-1/b/message-x-TaskCompleted.json.gz", "order-1", false},
		{"order-1", "order-1", false},
		{"a^b/message-x-TaskCompleted.json.gz", "a^b", true},
		{"a^^b/history-0000000000000001-ExecutionStarted-x-Input.json.gz", "a^b", true},
		{"a^^b/message-x-TaskCompleted.json.gz", "a^b", false}, // that of a^^b
		{"a^b/history-0000000000000001-ExecutionStarted-x-Input.json.gz", "a^b", false},
		{"a^b/something else", "a^b", false},
		{"a^^b/message-x-TaskCompleted.json.gz", "a^^b", true},
		{"a/b/message-x-TaskCompleted.json.gz", "a/b", true},
		{"a^0b/history-0000000000000001-ExecutionStarted-x-Input.json.gz", "a/b", true},
		{"a^0b/message-x-TaskCompleted.json.gz", "a/b", false},
	}
	for _, test := range tests {
		require.Equal(t, test.own, wire.OwnsBlob(test.name, test.id, wire.EscapeKey(test.id)), "%s of %s", test.name, test.id)
	}
	require.True(t, wire.OwnsBlob("a^b/history-1-x-Input.json.gz", "a^b", "a^b"), "of an engine that did not escape")
}

func TestBlobKinds(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]bool{
		"message-1/message-x-EventRaised.json.gz": {true, false}, "message-1/history-1-x": {false, false},
		"id/history--Input-12345678-Input.json.gz": {false, true}, "history--/history-1-x": {false, false}, "message-": {true, false},
	} {
		require.Equal(t, want, [2]bool{wire.IsMessageBlob(name), wire.IsClientTextBlob(name)}, name)
	}
}
