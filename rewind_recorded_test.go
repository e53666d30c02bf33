package durable_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// onDump runs a test on what a dump shows, in memory and at the storage emulator.
func onDump(t *testing.T, d *golden.Dump, test func(t *testing.T, f *fixture)) {
	t.Helper()
	for _, backend := range []struct {
		name string
		open func(testing.TB, string) *fixture
	}{{"memory", openKnown}, {"azurite", openAzurite}} {
		t.Run(backend.name, func(t *testing.T) {
			t.Parallel()
			f := backend.open(t, newHubName())
			require.NoError(t, d.Rename(f.names.Hub()).LoadInto(t.Context(), f.storage))
			test(t, f)
		})
	}
}

// openKnown opens a hub in memory for a client that knows its partition count.
func openKnown(tb testing.TB, hub string) *fixture {
	tb.Helper()
	return openMemory(tb, hub, taskhub.Options{PartitionCount: partitions}, &memstore.Options{})
}

// loaded returns what a dump shows, in memory.
func loaded(tb testing.TB, d *golden.Dump) *fixture {
	tb.Helper()
	f := openKnown(tb, newHubName())
	require.NoError(tb, d.Rename(f.names.Hub()).LoadInto(tb.Context(), f.storage))
	f.traffic.reset()
	return f
}

// client returns a client of the hub with a clock, whose requests are not counted.
func (f *fixture) client(tb testing.TB, now func() time.Time) *durable.OrchestrationClient {
	tb.Helper()
	c, err := hook.NewClient(f.storage, f.names.Hub(), taskhub.Options{PartitionCount: partitions, Now: now})
	require.NoError(tb, err)
	return c.(*durable.OrchestrationClient)
}

// dump reads the whole hub.
func (f *fixture) dump(tb testing.TB) *golden.Dump {
	tb.Helper()
	d, err := golden.DumpOf(tb.Context(), f.storage, f.names.Hub())
	require.NoError(tb, err)
	return d
}

// sameHub are the differences that a comparison passes over, besides times and random numbers.
var sameHub = golden.Options{
	// What a worker keeps for itself changes while the recording goes on.
	Skip: []string{"leases", "applease", "Partitions"},
	// The reference wakes instance by instance as it goes; we write all first and then wake as many at once as we may.
	AnyOrder: true,
	// Each message has an ActivityId of its own, so their numbers say nothing.
	PlainGUIDs: true,
}

// edited returns a copy of a dump with a change made to each history row.
func edited(d *golden.Dump, edit func(row *storage.Entity)) *golden.Dump {
	c := d.Rename(d.Hub)
	for i := range c.Tables[d.Hub+"History"] {
		edit(&c.Tables[d.Hub+"History"][i])
	}
	return c
}

// onceRewound puts right what the reference writes over the Reason of an end that it has rewound before: that is how
// one would know what the row was.
func onceRewound(row *storage.Entity) {
	if row.Text(wire.ColReason) == "Rewound: GenericEvent" {
		row.Set(wire.ColReason, storage.StringValue("Rewound: ExecutionCompleted"))
	}
}

func unchanged(*storage.Entity) {}

// Where every failure was fatal, the hub is afterwards as the .NET client leaves it: every row of both tables, the
// messages, their queues and their form.
func TestRewindAsDotNet(t *testing.T) {
	t.Parallel()
	tests := []struct {
		recording, instance string
		// differs is what we do otherwise on purpose.
		differs func(row *storage.Entity)
	}{
		{"v2/rewind-activity", "rw-1", unchanged},
		{"v2/rewind-twice", "rw-2", onceRewound},
		{"v2/rewind-parent", "rw-p", unchanged},
		{"v2/rewind-two-children", "rw-2c", unchanged},
		{"v2/rewind-grandparent", "rw-g", unchanged},
	}
	for _, tt := range tests {
		t.Run(tt.recording, func(t *testing.T) {
			t.Parallel()
			r := golden.Load(t, tt.recording)
			reason := ""
			for _, s := range r.Steps {
				if s.Client == "rewind" {
					reason = s.Args[1]
				}
			}
			onDump(t, r.Dumps["failed"], func(t *testing.T, f *fixture) {
				plan, err := f.Rewind(t.Context(), tt.instance, reason, nil)
				require.NoError(t, err)
				require.Empty(t, plan.Warnings())
				require.Empty(t, golden.Diff(edited(r.Dumps["rewind-asked"], tt.differs), f.dump(t), sameHub))
			})
		})
	}
}

// The first engine's recordings show what the reference made of the history once the worker had gone on: the rows up to
// the end are those that we write. Its client did not run beside the recorder, so there is no dump in between.
func TestRewindAsDotNetV1(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"rewind-activity", "rewind-twice", "rewind-parent", "rewind-two-children"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := golden.Load(t, "v1/"+name)
			id, _, _ := strings.Cut(strings.TrimPrefix(r.Steps[0].Path, "/orchestrators/"), "?")
			_, id, _ = strings.Cut(id, "/")
			onDump(t, r.Dumps["failed"], func(t *testing.T, f *fixture) {
				plan, err := f.Rewind(t.Context(), id, "repaired", nil)
				require.NoError(t, err)
				require.Empty(t, plan.Warnings())
				have := historyRows(f.dump(t))
				later := historyRows(edited(r.Dumps["completed"], onceRewound))
				require.NotEmpty(t, have)
				for key, columns := range have {
					if key.row != wire.SentinelKey {
						require.Equal(t, later[key], columns, key)
					}
				}
				for _, i := range plan.Instances {
					require.Equal(t, wire.StatusPending, f.row(t, i.InstanceID).Text(wire.ColRuntimeStatus))
				}
			})
		})
	}
}

type historyKey struct{ instance, row string }

// historyRows are the columns of all history rows.
func historyRows(d *golden.Dump) map[historyKey]map[string]storage.Value {
	rows := map[historyKey]map[string]storage.Value{}
	for _, e := range d.Tables[d.Hub+"History"] {
		columns := map[string]storage.Value{}
		for _, c := range e.Columns {
			columns[c.Name] = c.Value
		}
		rows[historyKey{e.PartitionKey, e.RowKey}] = columns
	}
	return rows
}

// Thirteen ways to fail, of which the reference survives seven: the engine has completed them all from the rows that
// are compared here.
func TestRewindByCause(t *testing.T) {
	t.Parallel()
	r := golden.Load(t, "v2/rewind-causal")
	onDump(t, r.Dumps["failed"], func(t *testing.T, f *fixture) {
		// When it was recorded, c-FailsUnderTimer had a timer that was still to come.
		c := f.client(t, func() time.Time { return time.Date(2026, 11, 22, 6, 59, 17, 0, time.UTC) })
		n := 0
		for _, s := range r.Steps {
			var step struct {
				Root string `json:"causal-rewind"`
			}
			require.NoError(t, json.Unmarshal(s.Raw, &step))
			if step.Root == "" {
				continue
			}
			n++
			plan, err := c.Rewind(t.Context(), step.Root, "repaired", nil)
			if step.Root == "c-BranchesThenFails" {
				// Branches of one activity that fail in one episode can be told apart only by guessing.
				require.ErrorIs(t, err, durable.ErrRewindUnsafe)
				require.Equal(t, "Ambiguous", plan.Instances[0].Warnings[0].Code)
				plan, err = c.Rewind(t.Context(), step.Root, "repaired", &durable.RewindOptions{Force: true})
			}
			require.NoError(t, err, plan)
		}
		require.Equal(t, 13, n)
		require.Empty(t, golden.Diff(r.Dumps["rewind-asked"], f.dump(t), sameHub))
	})
}

func TestResetAsRecorded(t *testing.T) {
	t.Parallel()
	r := golden.Load(t, "v2/reset")
	onDump(t, r.Dumps["finished"], func(t *testing.T, f *fixture) {
		n := 0
		for _, s := range r.Steps {
			var step struct {
				Reset   string
				EventID int `json:"fromEventId"`
			}
			require.NoError(t, json.Unmarshal(s.Raw, &step))
			if step.Reset == "" {
				continue
			}
			n++
			_, err := f.Reset(t.Context(), step.Reset, step.EventID, "run again from here", &durable.ResetOptions{Force: true})
			require.NoError(t, err)
		}
		require.Equal(t, 5, n)
		require.Empty(t, golden.Diff(r.Dumps["reset-asked"], f.dump(t), sameHub))
	})
}
