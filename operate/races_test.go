package operate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

// noRace are the kinds of findings whose repair no host can meet.
var noRace = map[operate.FindingKind]string{
	operate.KindPartitionUnowned: "there is no repair: only hosts own partitions",
	operate.KindIDsDifferByCase:  "there is no repair: only people can choose other IDs",
	operate.KindIncomplete:       "there is no repair: nothing is broken",
}

func races() []race {
	return []race{
		rowRace(), startRace(), activityRace(), timerRace(), answerRace(), wakeRace(), historyRace(), purgeRace(), payloadRace(),
		poisonRace(), unreadRace(), countRace(), lockRace(), rewindRace(), textRace(),
	}
}

type stirs = map[string]func(t *testing.T, w *world)

// busy gives a host something else to do for x.
func busy(t *testing.T, w *world) { t.Helper(); w.event(t, "E") }

// anew ends x and starts it again. What was for the one execution is not for the other.
func anew(t *testing.T, w *world) {
	t.Helper()
	require.NoError(t, w.hosted.Client().Terminate(t.Context(), "x", "enough", nil))
	w.work(t)
	w.begin(t)
	w.told = 0
}

// begin starts x and lets the host do what it can.
func (w *world) begin(t *testing.T) {
	t.Helper()
	_, err := w.hosted.Client().StartNew(t.Context(), "x", nil, &durable.StartNewOptions{InstanceID: "x"})
	require.NoError(t, err)
	w.host.RunUntilIdle()
}

// waiting is an app that waits for an event.
func waiting(w *world) durabletest.Script {
	return durabletest.Script{
		w.activity("A", 0), durabletest.WaitForEvent{Name: "E"}, w.turn(), w.activity("B", 0), durabletest.Complete{Output: "done"},
	}
}

// beside is an app that waits for something, and for an event.
func beside(thing func(w *world) durabletest.Step) func(w *world) durabletest.Script {
	return func(w *world) durabletest.Script {
		return durabletest.Script{
			durabletest.Parallel{
				thing(w), durabletest.Script{durabletest.WaitForEvent{Name: "E"}, w.turn(), w.activity("B", 0)},
			},
			durabletest.Complete{Output: "done"},
		}
	}
}

// completed requires that x has come to its end.
func completed(t *testing.T, w *world) {
	t.Helper()
	w.hosted.RequireStatus("x", durable.RuntimeStatusCompleted)
	s, err := w.GetStatus(t.Context(), "x", nil)
	require.NoError(t, err)
	require.Equal(t, `"done"`, string(s.Output))
	require.Empty(t, inspect(t, w.hub, "x").Warnings)
	h, err := w.raw.ReadHistory(t.Context(), "x", "")
	require.NoError(t, err)
	due, now := map[int]time.Time{}, time.Time{}
	for _, ev := range h.Events {
		switch ev.Type {
		case wire.OrchestratorStarted:
			now = ev.Timestamp
		case wire.TimerCreated:
			due[ev.EventID] = ev.FireAt
		case wire.TimerFired:
			require.False(t, now.Before(due[ev.ScheduledID]), "timer %d fired early", ev.ScheduledID)
		}
	}
}

// Since 2.7.1 the next message makes the engine write the row. Then the ID can be used again.
func rowRace() race {
	return race{
		name: "row behind", kind: operate.KindRowBehindHistory, want: []string{"A"}, end: completed,
		stirs: stirs{"an old message": busy, "anew": func(t *testing.T, w *world) {
			w.event(t, "E")
			w.work(t)
			w.begin(t)
			w.told = 0
		}},
		twice: map[string][]string{"anew": {"A"}, "in a turn anew": {"A"}},
		app: func(w *world) durabletest.Script {
			again := durabletest.Decide(func(*durabletest.Progress) durabletest.Step {
				if w.ran["A"] < 2 {
					return nil
				}
				return durabletest.WaitForEvent{Name: "E"}
			})
			return durabletest.Script{w.activity("A", 0), again, w.turn(), durabletest.Complete{Output: "done"}}
		},
		damage: func(t *testing.T, w *world) {
			w.begin(t)
			w.merge(t, "x", str(wire.ColRuntimeStatus, wire.StatusRunning))
		},
	}
}

func startRace() race {
	return race{
		name: "start lost", kind: operate.KindStartNotSent, want: []string{"A", "B"}, end: completed,
		app: func(w *world) durabletest.Script { return append(durabletest.Script{w.turn()}, waiting(w)...) },
		damage: func(t *testing.T, w *world) {
			_, err := w.hosted.Client().StartNew(t.Context(), "x", nil, &durable.StartNewOptions{InstanceID: "x"})
			require.NoError(t, err)
			w.late = w.take(t, w.queueOf("x"))
		},
		stirs: stirs{"back": func(t *testing.T, w *world) { w.back(t, w.queueOf("x"), w.late) }},
	}
}

// An activity that was only late may run twice: that is what Reschedule says. A turn that the repair has overtaken is
// taken again; the host had sent what came of it already, as it does when it dies before it has written.
func activityRace() race {
	return race{
		name: "activity lost", kind: operate.KindActivityLost, want: []string{"S", "B"}, end: completed,
		app: beside(func(w *world) durabletest.Step {
			slow := w.activity("S", 0)
			slow.Takes = time.Hour
			return slow
		}),
		damage: func(t *testing.T, w *world) {
			w.begin(t)
			w.hosted.Advance(time.Hour)
			w.late = w.take(t, w.WorkItems())
		},
		stirs: stirs{"busy": busy, "back": func(t *testing.T, w *world) {
			w.back(t, w.WorkItems(), w.late)
			w.work(t)
			w.hosted.Advance(time.Hour)
			require.NoError(t, w.host.Host.RunUntilIdle(t.Context()))
		}},
		twice: map[string][]string{"back, late": {"S"}, "in a turn back, late": {"S"}, "in a turn busy": {"B"}},
	}
}

func timerRace() race {
	return race{
		name: "timer lost", kind: operate.KindTimerLost, want: []string{"B"}, end: completed,
		twice: map[string][]string{"anew": {"B"}, "in a turn anew": {"B"}},
		app:   beside(func(*world) durabletest.Step { return durabletest.Timer{Duration: 5 * time.Hour} }),
		damage: func(t *testing.T, w *world) {
			w.begin(t)
			w.hosted.Advance(5 * time.Hour)
			w.late = w.take(t, w.queueOf("x"))
		},
		stirs: stirs{
			"busy": busy, "back": func(t *testing.T, w *world) { w.back(t, w.queueOf("x"), w.late) }, "anew": anew,
		},
	}
}

func answerRace() race {
	return race{
		name: "answer lost", kind: operate.KindAnswerLost, want: []string{"B"}, end: completed,
		twice: map[string][]string{"anew": {"B"}, "in a turn anew": {"B"}},
		app: beside(func(*world) durabletest.Step {
			return durabletest.SubOrchestration{Name: "child", InstanceID: "x-child"}
		}),
		damage: func(t *testing.T, w *world) {
			w.begin(t)
			w.hosted.Complete("x-child", 7) // which does not answer
		},
		stirs: stirs{"busy": busy, "anew": anew, "back": func(t *testing.T, w *world) {
			seven := "7"
			x := wire.Execution{InstanceID: "x", ExecutionID: w.instance(t, "x").Text(wire.ColExecutionID)}
			w.put(t, w.queueOf("x"), wire.ChildCompletedMessage(x, 0, &seven, w.hosted.Now()), 0)
		}},
	}
}

func wakeRace() race {
	return race{
		name: "wake lost", kind: operate.KindWakeNotSent, want: []string{"F", "F", "B"}, end: completed,
		app: func(w *world) durabletest.Script {
			return durabletest.Script{
				w.activity("F", 1), durabletest.WaitForEvent{Name: "E"}, w.turn(), w.activity("B", 0), durabletest.Complete{Output: "done"},
			}
		},
		damage: func(t *testing.T, w *world) {
			w.begin(t)
			_, err := w.hosted.Client().Rewind(t.Context(), "x", "again", nil)
			require.NoError(t, err)
			w.late = w.take(t, w.queueOf("x"))
		},
		stirs: stirs{"busy": busy, "back": func(t *testing.T, w *world) { w.back(t, w.queueOf("x"), w.late) }},
	}
}

// rowGone deletes the row of an instance that waits.
func rowGone(t *testing.T, w *world) {
	t.Helper()
	w.begin(t)
	require.NoError(t, w.storage.Tables.Delete(t.Context(), w.Instances(), "x", "", storage.Any))
}

func historyRace() race {
	return race{
		name: "row gone", kind: operate.KindHistoryWithoutRow, app: waiting, damage: rowGone, stirs: stirs{"busy": busy},
		want: []string{"A", "B"}, end: completed,
	}
}

// Whoever purges what still runs takes it from under the host. No half of it may stay.
func purgeRace() race {
	r := historyRace()
	r.name, r.opts.PurgeHistory = "history purged", true
	r.want = []string{"A"}
	r.end = func(t *testing.T, w *world) {
		require.LessOrEqual(t, w.ran["B"], 1)
		delete(w.ran, "B")
		if w.instance(t, "x") != nil {
			completed(t, w)
			return
		}
		for _, e := range w.dump(t).Tables[w.History()] {
			require.NotEqual(t, "x", e.PartitionKey)
		}
	}
	return r
}

// A start with a large input writes payloads into the folder that is cleaned.
func payloadRace() race {
	large := make([]byte, 40_000)
	return race{
		name: "payloads left", kind: operate.KindPayloadsWithoutInstance,
		app:    func(w *world) durabletest.Script { return append(durabletest.Script{w.turn()}, waiting(w)...) },
		damage: func(t *testing.T, w *world) { w.payload(t, "x/message-1-EventRaised.json.gz") },
		stirs: stirs{"started": func(t *testing.T, w *world) {
			_, err := w.hosted.Client().StartNew(t.Context(), "x", large, &durable.StartNewOptions{InstanceID: "x"})
			require.NoError(t, err)
		}},
		want: []string{"A", "B"},
		end: func(t *testing.T, w *world) {
			completed(t, w)
			s, err := w.GetStatus(t.Context(), "x", nil)
			require.NoError(t, err)
			var input []byte
			require.NoError(t, s.DecodeInput(&input))
			require.Equal(t, large, input)
		},
	}
}

// A host takes the message, fails with it and hides it for a while.
func poisonRace() race {
	return race{
		name: "poison", kind: operate.KindPoisonMessage, app: waiting, stirs: stirs{"busy": busy}, want: []string{"A", "B"},
		damage: func(t *testing.T, w *world) {
			w.begin(t)
			w.hub.raw(t, w.queueOf("x"), "not a message")
		},
		end: func(t *testing.T, w *world) {
			completed(t, w)
			require.Len(t, messages(t, w.hub, &operate.ListMessagesOptions{Quarantined: true}), 1)
		},
	}
}

// surplus makes a queue that no host reads.
func surplus(t *testing.T, w *world) string {
	t.Helper()
	w.info(t, partitions)
	queue := w.ControlQueue(7)
	require.NoError(t, w.storage.Queues.CreateQueue(t.Context(), queue))
	return queue
}

func unreadRace() race {
	return race{
		name: "strays", kind: operate.KindMessagesUnread, want: []string{"A", "B"}, besides: []operate.FindingKind{operate.KindPartitionCount},
		app: func(w *world) durabletest.Script {
			return append(durabletest.Script{durabletest.WaitForEvent{Name: "Stray"}}, waiting(w)...)
		},
		damage: func(t *testing.T, w *world) {
			w.begin(t)
			w.put(t, surplus(t, w), wire.EventRaisedMessage("x", "Stray", nil, w.hosted.Now()), 0)
		},
		stirs: stirs{"busy": busy},
		end: func(t *testing.T, w *world) {
			completed(t, w)
			n := 0
			for _, e := range w.dump(t).Tables[w.History()] {
				if e.PartitionKey == "x" && e.Text(wire.ColName) == "Stray" {
					n++
				}
			}
			require.Equal(t, 1, n)
		},
	}
}

func countRace() race {
	return race{
		name: "surplus queue", kind: operate.KindPartitionCount, app: waiting, stirs: stirs{"busy": busy}, want: []string{"A", "B"},
		damage: func(t *testing.T, w *world) { w.begin(t); surplus(t, w) }, end: completed,
	}
}

// A host that writes the row meanwhile does not write the text.
func textRace() race {
	return race{
		name: "unreadable", kind: operate.KindUnreadableForDotNet, app: waiting, stirs: stirs{"busy": busy}, want: []string{"A", "B"},
		damage: func(t *testing.T, w *world) { w.begin(t); w.merge(t, "x", str(wire.ColInput, "urn:x:y")) },
		end: func(t *testing.T, w *world) {
			completed(t, w)
			require.Equal(t, `"urn:x:y"`, w.instance(t, "x").Text(wire.ColInput))
		},
	}
}
