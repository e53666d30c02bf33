package durable_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// TestRequests: how many requests each operation costs once the hub is known. In memory these are calls of the storage
// contract, at the emulator real HTTP requests.
func TestRequests(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 50_000)
	start := func(id string, input any, opts durable.StartNewOptions) func(*testing.T, *fixture) error {
		return func(t *testing.T, f *fixture) error {
			opts.InstanceID = id
			_, err := f.StartNew(t.Context(), "Orchestrator", input, &opts)
			return err
		}
	}
	get := func(opts durable.GetStatusOptions) func(*testing.T, *fixture) error {
		return func(t *testing.T, f *fixture) error {
			_, err := f.GetStatus(t.Context(), "running", &opts)
			return err
		}
	}
	control := func(name, id, reason string) func(*testing.T, *fixture) error {
		return func(t *testing.T, f *fixture) error {
			return controls(id, reason)[name](t.Context(), f.OrchestrationClient)
		}
	}
	orGet := func(id string) func(*testing.T, *fixture) error {
		return func(t *testing.T, f *fixture) error {
			_, _, err := f.StartOrGet(t.Context(), "Orchestrator", id, nil, nil)
			return err
		}
	}
	tests := []struct {
		name  string
		do    func(t *testing.T, f *fixture) error
		want  int
		fails bool
	}{
		{"StartNew", start("", nil, durable.StartNewOptions{}), 2, false},
		{"StartNew, given ID", start("fresh", nil, durable.StartNewOptions{}), 2, false},
		{"StartNew, scheduled", start("", nil, durable.StartNewOptions{ScheduledStartTime: time.Now().Add(time.Hour)}), 2, false},
		{"StartNew, large", start("", large, durable.StartNewOptions{}), 3, false},
		{"StartNew over an ended instance", start("ended", nil, durable.StartNewOptions{}), 4, false},
		// The blob of the first attempt is discarded and one of the next generation written.
		{"StartNew over an ended instance, large", start("ended2", large, durable.StartNewOptions{}), 7, false},
		{"StartNew over a running instance", start("running", nil, durable.StartNewOptions{}), 2, true},
		{"StartOrGet, new", orGet("newer"), 3, false},
		{"StartOrGet, running", orGet("suspended"), 3, false},
		{"StartOrGet, Pending", orGet("pending"), 5, false},
		{"GetStatus", get(durable.GetStatusOptions{}), 4, false}, // three payloads
		{"GetStatus without input", get(durable.GetStatusOptions{OmitInput: true}), 3, false},
		{"GetStatus with history", get(durable.GetStatusOptions{ShowHistory: true}), 5, false},
		{"GetHistory", func(t *testing.T, f *fixture) error {
			_, err := f.GetHistory(t.Context(), "running", nil)
			return err
		}, 2, false},
		{"RaiseEvent", control("RaiseEvent", "running", ""), 2, false},
		{"RaiseEvent, large", func(t *testing.T, f *fixture) error {
			return f.RaiseEvent(t.Context(), "running", "e", large, nil)
		}, 3, false},
		{"Terminate", control("Terminate", "running", "why"), 2, false},
		{"Terminate, large", control("Terminate", "running", large), 3, false},
		{"Terminate, Pending", control("Terminate", "pending", "why"), 3, false},
		{"Terminate, Pending, large", control("Terminate", "pending2", strings.Repeat("x", 31_000)), 4, false},
		{"Terminate, rewound", control("Terminate", "rewound", "why"), 3, false},
		{"Suspend", control("Suspend", "running", "why"), 2, false},
		{"Resume", control("Resume", "suspended", "why"), 2, false},
		{"Resume, wrong state", control("Resume", "running", "why"), 1, true},
		{"WaitForCompletion, ended", func(t *testing.T, f *fixture) error {
			_, err := f.WaitForCompletion(t.Context(), "ended", nil)
			return err
		}, 2, false},
	}
	onBothStores(t, func(t *testing.T, f *fixture) {
		for _, test := range tests {
			f.everyKind(t)
			f.traffic.reset()
			err := test.do(t, f)
			got := f.traffic.count()
			require.Equal(t, test.fails, err != nil, "%s: %v", test.name, err)
			require.Equal(t, test.want, got, test.name)
		}
	})
}

// everyKind leaves an instance of each kind, as new.
func (f *fixture) everyKind(t *testing.T) {
	t.Helper()
	rows := map[string]durable.RuntimeStatus{
		"running": "Running", "suspended": "Suspended", "pending": "Pending", "pending2": "Pending", "rewound": "Pending",
		"ended": "Completed", "ended2": "Failed",
	}
	for id, state := range rows {
		row := &storage.Entity{PartitionKey: id, Columns: []storage.Column{
			text(wire.ColName, "Orchestrator"), text(wire.ColRuntimeStatus, string(state)), text(wire.ColExecutionID, "execution"),
			at(wire.ColCreatedTime, noon), number(wire.ColGeneration, 0),
		}}
		if id == "running" {
			row.Columns = append(row.Columns, text(wire.ColInputBlobName, "running/a"), text(wire.ColInput, ""),
				text(wire.ColOutput, f.reference("running/history--Output-b-Output.json.gz")),
				text(wire.ColTags, ""), text(wire.ColTagsBlobName, "running/c"))
		}
		_, err := f.storage.Tables.Update(t.Context(), f.names.Instances(), row, storage.Replace, "")
		require.NoError(t, err)
	}
	f.putBlob(t, "running/a", "1")
	f.putBlob(t, "running/history--Output-b-Output.json.gz", "2")
	f.putBlob(t, "running/c", "{}")
	f.history(t, "running", "execution", event(wire.ExecutionStarted))
	f.history(t, "rewound", "execution", event(wire.ExecutionStarted))
	if row := f.row(t, "fresh"); row != nil {
		require.NoError(t, f.storage.Tables.Delete(t.Context(), f.names.Instances(), "fresh", "", storage.Any))
	}
}

// TestFirstRequests: what the first message of a client costs on top, and the first large one of a hub.
func TestFirstRequests(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, f *fixture) {
		_, err := f.StartNew(t.Context(), "Orchestrator", strings.Repeat("x", 50_000), nil)
		require.NoError(t, err)
		// A blob refused, the hub looked for, the container made, the blob again, the row, the message.
		require.Equal(t, 6, f.traffic.count())

		c := f.again(durable.ClientOptions{})
		f.traffic.reset()
		_, err = c.StartNew(t.Context(), "Orchestrator", nil, nil)
		require.NoError(t, err)
		require.Equal(t, 2+3, f.traffic.count(), "and the three sources of the partition count")

		c = f.again(durable.ClientOptions{PartitionCount: partitions})
		f.traffic.reset()
		_, err = c.StartNew(t.Context(), "Orchestrator", nil, nil)
		require.NoError(t, err)
		require.Equal(t, 2, f.traffic.count())
	})
}
