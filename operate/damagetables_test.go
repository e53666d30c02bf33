package operate_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

func historyWithoutRow() damage {
	history := episode(started(str(wire.ColInput, "7")), end(0, wire.StatusFailed))
	return damage{
		name: "history without row", want: []string{"history-without-row a/b"}, undoable: true,
		make: func(t *testing.T, h *hub) { h.history(t, "a/b", history...) },
		near: map[string]func(*testing.T, *hub){
			"young": func(t *testing.T, h *hub) {
				h.clock.add(48*time.Hour - time.Minute)
				h.history(t, "a/b", history...)
				h.clock.add(time.Minute - 48*time.Hour)
			},
			"row comes": func(t *testing.T, h *hub) {
				h.history(t, "a/b", history...)
				h.secondLook(func() { h.row(t, "a/b", wire.StatusFailed) })
			},
			"has a message": func(t *testing.T, h *hub) {
				h.history(t, "a/b", history...)
				h.put(t, h.queueOf("a/b"), wire.WakeMessage("a/b", "", noon), 0)
			},
			"is being purged": func(t *testing.T, h *hub) {
				h.history(t, "a/b", history...)
				h.secondLook(func() {
					for _, key := range []string{hexKey(0), hexKey(1), hexKey(2), hexKey(3), wire.SentinelKey} {
						require.NoError(t, h.storage.Tables.Delete(t.Context(), h.History(), wire.EscapeKey("a/b"), key, storage.Any))
					}
				})
			},
		},
		check: func(t *testing.T, h *hub) {
			row := h.instance(t, "a/b")
			require.Equal(t, wire.StatusFailed, row.Text(wire.ColRuntimeStatus))
			require.Equal(t, `"out"`, row.Text(wire.ColOutput))
			require.Equal(t, "7", row.Text(wire.ColInput))
			require.Equal(t, "Orchestrator", row.Text(wire.ColName))
			require.Equal(t, noon, row.Get(wire.ColCreatedTime).Time())
			require.Equal(t, executionOf("a/b"), row.Text(wire.ColExecutionID))
		},
		racedOp: "Insert", racedErr: durable.ErrConflict,
		raced: func(t *testing.T, h *hub) { h.row(t, "a/b", wire.StatusRunning) },
	}
}

func historyPurged() damage {
	d := historyWithoutRow()
	d.name, d.near, d.opts.PurgeHistory, d.undoable = "history purged", nil, true, false
	d.check = func(t *testing.T, h *hub) {
		require.Nil(t, h.instance(t, "a/b"))
		for _, e := range h.dump(t).Tables[h.History()] {
			require.Equal(t, "neighbour", e.PartitionKey)
		}
	}
	return d
}

func payloadsAlone() damage {
	payloads := func(t *testing.T, h *hub) {
		h.payload(t, "x-y/message-1-EventRaised.json.gz")
		h.payload(t, "x-y/history-1-TaskCompleted-Result.json.gz")
		h.ended(t, "x", wire.StatusCompleted)
		h.ended(t, "x-", wire.StatusCompleted)
		h.ended(t, "x-y-z", wire.StatusCompleted)
		h.payload(t, "x/message-1-EventRaised.json.gz")
		h.payload(t, "x-y-z/message-1-EventRaised.json.gz")
	}
	return damage{
		name: "payloads without instance", want: []string{"payloads-without-instance x-y"}, make: payloads,
		near: map[string]func(*testing.T, *hub){
			"young": func(t *testing.T, h *hub) {
				h.clock.add(25 * time.Hour)
				payloads(t, h)
				h.clock.add(-25 * time.Hour)
			},
			"has a row": func(t *testing.T, h *hub) { payloads(t, h); h.ended(t, "x-y", wire.StatusCompleted) },
			"has a message": func(t *testing.T, h *hub) {
				payloads(t, h)
				h.put(t, h.queueOf("x-y"), &wire.Message{BlobName: "x-y/message-1-EventRaised.json.gz"}, 0)
			},
			"waits": func(t *testing.T, h *hub) { payloads(t, h); h.hide(t, h.queueOf("x-y"), 1) },
			"of an old engine, which wrote UPPER so": func(t *testing.T, h *hub) {
				payloads(t, h)
				h.payload(t, "upper/message-000000000000000a-executionstarted.json.gz")
				h.payload(t, "upper/history-0000000000000002-taskcompleted-result.json.gz")
				h.ended(t, "UPPER", wire.StatusCompleted, str(wire.ColInput, "upper/message-000000000000000a-executionstarted.json.gz"))
				h.ended(t, "x-y", wire.StatusCompleted)
			},
			"odd IDs": func(t *testing.T, h *hub) {
				for _, id := range []string{"a^b", "a/b", "ü", "日本", "a", "@e@k"} {
					h.ended(t, id, wire.StatusCompleted)
					h.payload(t, id+"/message-1-EventRaised.json.gz")
					h.payload(t, wire.EscapeKey(id)+"/history-1-TaskCompleted-Result.json.gz")
				}
			},
		},
		check: func(t *testing.T, h *hub) {
			require.Equal(t, []string{"x-y-z/message-1-EventRaised.json.gz", "x/message-1-EventRaised.json.gz"}, h.blobs(t, h.LargeMessages()))
		},
	}
}

func lockOrphaned() damage {
	locked := func(t *testing.T, h *hub) { h.lockedEntity(t, "owner") }
	return damage{
		name: "entity lock orphaned", want: []string{"entity-lock-orphaned @e@k"},
		make: func(t *testing.T, h *hub) { locked(t, h); h.ended(t, "owner", wire.StatusTerminated) },
		near: map[string]func(*testing.T, *hub){
			"owner runs": func(t *testing.T, h *hub) { locked(t, h); h.running(t, "owner") },
			"released":   func(t *testing.T, h *hub) { h.lockedEntity(t, "") },
			"release on its way": func(t *testing.T, h *hub) {
				locked(t, h)
				h.put(t, h.queueOf("@e@k"), wire.ReleaseMessage("@e@k", "owner", noon), 0)
			},
			"young": func(t *testing.T, h *hub) {
				h.clock.add(48*time.Hour - time.Minute)
				locked(t, h)
				h.clock.add(time.Minute - 48*time.Hour)
			},
			"released meanwhile": func(t *testing.T, h *hub) { locked(t, h); h.secondLook(func() { h.lockedEntity(t, "") }) },
		},
		check: func(t *testing.T, h *hub) {
			sent := h.sent(t, "@e@k")
			require.Len(t, sent, 1)
			require.JSONEq(t, `{"parent":"owner","id":"fix-orphaned-lock"}`, inputOf(t, sent[0]))
		},
		work:    func(t *testing.T, h *hub) { h.lockedEntity(t, "") },
		racedOp: "Put", raced: func(t *testing.T, h *hub) { h.lockedEntity(t, "") },
	}
}

func inputOf(t *testing.T, m *wire.Message) string {
	t.Helper()
	var ev struct{ Input string }
	require.NoError(t, json.Unmarshal(m.Event, &ev))
	return ev.Input
}

func unreadableOutput() damage {
	return damage{
		name: "unreadable for .NET", want: []string{"unreadable-for-dotnet x"}, undoable: true,
		make: func(t *testing.T, h *hub) { h.ended(t, "x", wire.StatusTerminated, str(wire.ColOutput, "ticket:1#2")) },
		near: map[string]func(*testing.T, *hub){
			"plain text": func(t *testing.T, h *hub) { h.ended(t, "x", wire.StatusTerminated, str(wire.ColOutput, "ticket: 1")) },
			"JSON": func(t *testing.T, h *hub) {
				h.ended(t, "x", wire.StatusTerminated, str(wire.ColOutput, `"https://x/1"`))
			},
			"a payload": func(t *testing.T, h *hub) {
				h.ended(t, "x", wire.StatusCompleted, str(wire.ColOutput,
					"https://elsewhere/"+h.LargeMessages()+"/x/history-0-ExecutionCompleted-0-Result.json.gz"))
			},
		},
		check:   func(t *testing.T, h *hub) { require.Equal(t, `"ticket:1#2"`, h.instance(t, "x").Text(wire.ColOutput)) },
		racedOp: "Update", racedErr: durable.ErrConflict,
		raced: func(t *testing.T, h *hub) { h.ended(t, "x", wire.StatusTerminated, str(wire.ColOutput, "other")) },
	}
}
