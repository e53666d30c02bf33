package operate_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/azstore"
	"github.com/go-durable/durable/internal/azurite"
	"github.com/go-durable/durable/internal/connstr"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

// atAzurite returns what a dump shows at the storage emulator, two days after it was written there.
func atAzurite(t *testing.T, recording, dump string) *hub {
	t.Helper()
	parts, err := connstr.Parse(azurite.ConnectionString(t))
	require.NoError(t, err)
	account, err := azstore.NewWithSharedKey(
		azstore.Endpoints{Table: parts.Table, Queue: parts.Queue, Blob: parts.Blob}, parts.Name, parts.Key, nil)
	require.NoError(t, err)
	var b [6]byte
	_, _ = rand.Read(b[:])
	name := "Hub" + hex.EncodeToString(b[:])
	h := &hub{clock: &clock{now: time.Now().Add(48 * time.Hour)}, storage: *account}
	h.fault = faultstore.Wrap(h.storage, nil)
	c, err := hook.NewClient(h.fault.Account(), name, taskhub.Options{Now: h.clock.time, BlobEndpoint: parts.Blob})
	require.NoError(t, err)
	h.OrchestrationClient = c.(*durable.OrchestrationClient)
	h.Names, err = taskhub.NewNames(name)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = h.DeleteTaskHub(context.WithoutCancel(t.Context()), &durable.DeleteTaskHubOptions{Force: true})
	})
	require.NoError(t, golden.Load(t, recording).Dumps[dump].Rename(name).LoadInto(t.Context(), h.storage))
	return h
}

// The same at the emulator, whose answers are those of the service.
func TestAzurite(t *testing.T) {
	t.Parallel()
	tests := []struct {
		recording, dump string
		want            []string
		after           func(t *testing.T, h *hub)
	}{
		{"v2/unblock", "lost", []string{"activity-lost ub-lost 0"}, func(t *testing.T, h *hub) {
			t.Helper()
			require.Equal(t, wire.GenericEvent, h.entity(t, h.History(), "ub-lost", hexKey(2)).Text(wire.ColEventType))
			require.Len(t, h.sent(t, "ub-lost"), 1)
		}},
		{"v2/broken-hub", "broken", []string{
			"entity-lock-orphaned @counter@locked", "payloads-without-instance has^^caret", "start-not-sent never-sent",
		}, func(t *testing.T, h *hub) {
			t.Helper()
			require.Len(t, h.sent(t, "@counter@locked"), 1)
			require.Len(t, h.sent(t, "never-sent"), 1)
			require.Empty(t, h.blobs(t, h.LargeMessages()))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.recording, func(t *testing.T) {
			t.Parallel()
			h := atAzurite(t, tt.recording, tt.dump)
			findings := diagnose(t, h, nil)
			require.Equal(t, tt.want, brief(findings))
			for _, f := range findings {
				r, err := repair(t, h, f, operate.RepairOptions{}, true)
				require.NoError(t, err)
				require.Equal(t, operate.OutcomeDone, r.Outcome)
				again, err := repair(t, h, f, operate.RepairOptions{}, true)
				require.NoError(t, err)
				require.Equal(t, operate.OutcomeNotNeeded, again.Outcome)
			}
			tt.after(t, h)
			// What the repairs have sent waits for a host that is not there, and the clock is two days ahead.
			for _, f := range diagnose(t, h, nil) {
				require.Equal(t, operate.KindPartitionUnowned, f.Kind, f.InstanceID)
			}

			queue := h.ControlQueue(3)
			id := h.raw(t, queue, "not a message")
			_, err := operate.QuarantineMessage(t.Context(), h.OrchestrationClient, queue, id, nil)
			require.NoError(t, err)
			require.Len(t, messages(t, h, &operate.ListMessagesOptions{Quarantined: true}), 1)
			_, err = operate.RestoreMessage(t.Context(), h.OrchestrationClient, queue, id, nil)
			require.NoError(t, err)
			require.Contains(t, h.texts(t, queue), "not a message")
		})
	}
}

// A hub of hosts that keep a Partitions table, whose rows have no partition key.
func TestAzuritePartitionsTable(t *testing.T) {
	t.Parallel()
	h := atAzurite(t, "v3/hello-sequence", "completed")
	h.clock.add(-48 * time.Hour)
	require.Empty(t, brief(diagnose(t, h, nil)), "the app is scaled to zero")
	info, err := h.TaskHubInfo(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, 4, info.PartitionCount)
	i := inspect(t, h, "hello-1")
	require.True(t, i.Queue.OwnerKnown)
	require.Equal(t, "vm", i.Queue.Owner)

	h.raw(t, h.ControlQueue(1), "not a message")
	h.clock.add(time.Hour)
	require.Equal(t, []string{"partition-unowned " + h.ControlQueue(1), "poison-message " + h.ControlQueue(1)}, brief(diagnose(t, h, nil)))
	require.NoError(t, h.DeleteTaskHub(t.Context(), &durable.DeleteTaskHubOptions{Force: true}))
	tables, err := h.storage.Tables.ListTables(t.Context(), h.Hub())
	require.NoError(t, err)
	require.Empty(t, tables)
}

func TestAzuriteTree(t *testing.T) {
	t.Parallel()
	h := atAzurite(t, "v2/rewind-grandparent", "failed")
	tr := tree(t, h, "rw-g-p-child", nil)
	require.Equal(t, "rw-g Failed\n rw-g-p Failed\n  rw-g-p-child Failed\n", show(tr))
	i := inspect(t, h, "rw-g-p")
	require.Equal(t, "rw-g", i.Parent.InstanceID)
	require.Len(t, i.Children, 1)
	r, err := operate.PurgeTree(t.Context(), h.OrchestrationClient, "rw-g", nil)
	require.NoError(t, err)
	require.Equal(t, 3, r.Done)
}
