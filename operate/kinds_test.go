package operate_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

// broken returns a hub with a damage, two days old.
func broken(t *testing.T, d *damage) (*hub, operate.Finding) {
	t.Helper()
	h := newHub(t)
	h.ended(t, "neighbour", wire.StatusCompleted)
	d.make(t, h)
	h.clock.add(48 * time.Hour)
	h.fault.Reset()
	findings := diagnose(t, h, nil)
	require.Equal(t, d.want, brief(findings))
	h.noWrites(t)
	i := slices.IndexFunc(findings, func(f operate.Finding) bool { return f.Kind == d.kind() })
	require.Equal(t, d.noRepair, findings[i].Repair == "")
	return h, findings[i]
}

func TestFindings(t *testing.T) {
	t.Parallel()
	for _, d := range damages() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			_, f := broken(t, &d)
			for name, forge := range d.near {
				t.Run("near: "+name, func(t *testing.T) {
					t.Parallel()
					h := newHub(t)
					forge(t, h)
					h.clock.add(48 * time.Hour)
					require.Equal(t, d.rest(), brief(diagnose(t, h, nil)))
					h.fault.SetHook(nil)
					if before := h.dump(t); !d.noRepair && f.MessageID == "" { // the ID of a message is that of one only
						r, err := repair(t, h, f, d.opts, true)
						require.NoError(t, err)
						require.NotEqual(t, operate.OutcomeDone, r.Outcome, "the finding of another hub")
						h.unchanged(t, before)
					}
				})
			}
		})
	}
}

// repair repairs, and reads the record back from its line.
func repair(t *testing.T, h *hub, f operate.Finding, opts operate.RepairOptions, apply bool) (*operate.RepairRecord, error) {
	t.Helper()
	opts.Apply = apply
	r, err := operate.Repair(t.Context(), h.OrchestrationClient, f, &opts)
	if r == nil {
		return nil, err
	}
	line, jsonErr := json.Marshal(r)
	require.NoError(t, jsonErr)
	require.NotContains(t, string(line), "\n")
	back := &operate.RepairRecord{}
	require.NoError(t, json.Unmarshal(line, back))
	require.Equal(t, r, back)
	return back, err
}

func TestRepairs(t *testing.T) {
	t.Parallel()
	for _, d := range repairable() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			h, f := broken(t, &d)
			before := h.dump(t)
			r, err := repair(t, h, f, d.opts, false)
			require.NoError(t, err)
			require.Equal(t, operate.OutcomePlanned, r.Outcome)
			require.NotEmpty(t, r.Actions)
			h.noWrites(t)
			h.unchanged(t, before)

			if other := f; f.ExecutionID != "" {
				other.ExecutionID = "another"
				r, err = repair(t, h, other, d.opts, true)
				require.NoError(t, err)
				require.Equal(t, operate.OutcomeNotNeeded, r.Outcome)
				h.unchanged(t, before)
			}

			r, err = repair(t, h, f, d.opts, true)
			require.NoError(t, err)
			require.Equal(t, operate.OutcomeDone, r.Outcome)
			d.check(t, h)
			require.Equal(t, d.undoable, r.Undoable)
			require.Equal(t, d.rest(), brief(diagnose(t, h, nil)), "its message explains what is still there")

			after := h.dump(t)
			again, err := repair(t, h, f, d.opts, true)
			require.NoError(t, err)
			require.Equal(t, operate.OutcomeNotNeeded, again.Outcome)
			h.unchanged(t, after)

			if d.undoable {
				undone, err := operate.Undo(t.Context(), h.OrchestrationClient, r)
				require.NoError(t, err)
				require.Equal(t, operate.OutcomeUndone, undone.Outcome)
				if !d.lasting {
					h.unchanged(t, before)
				}
				require.Equal(t, d.want, brief(diagnose(t, h, nil)))
				_, err = operate.Undo(t.Context(), h.OrchestrationClient, r)
				require.Error(t, err)
				require.True(t, errors.Is(err, durable.ErrConflict) || errors.Is(err, durable.ErrInvalidState), err)
				return
			}
			_, err = operate.Undo(t.Context(), h.OrchestrationClient, r)
			require.ErrorIs(t, err, durable.ErrInvalidState)
			if d.work != nil {
				d.work(t, h)
				h.drain(t)
				h.clock.add(48 * time.Hour)
				require.Empty(t, brief(diagnose(t, h, nil)))
			}
		})
	}
}

// drain empties all queues.
func (h *hub) drain(tb testing.TB) {
	tb.Helper()
	queues, err := h.storage.Queues.ListQueues(tb.Context(), "hub-")
	require.NoError(tb, err)
	for _, q := range queues {
		for {
			taken, err := h.storage.Queues.Dequeue(tb.Context(), q, 32, time.Hour)
			require.NoError(tb, err)
			for _, m := range taken {
				require.NoError(tb, h.storage.Queues.Remove(tb.Context(), q, m))
			}
			if len(taken) == 0 {
				break
			}
		}
	}
}

// A host that writes between the repair's look and its own write loses nothing.
func TestRepairsRaced(t *testing.T) {
	t.Parallel()
	for _, d := range repairable() {
		if d.raced == nil {
			continue
		}
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			h, f := broken(t, &d)
			h.fault.SetHook(onCall(d.racedOp, func() { d.raced(t, h) }))
			r, err := repair(t, h, f, d.opts, true)
			if d.racedErr == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, d.racedErr)
				require.NotEmpty(t, r.Error)
				require.Equal(t, operate.OutcomePlanned, r.Outcome)
			}
			h.fault.SetHook(nil)
			h.drain(t)
			after, again := h.dump(t), f
			r, err = repair(t, h, again, d.opts, true)
			require.NoError(t, err)
			require.Equal(t, operate.OutcomeNotNeeded, r.Outcome)
			h.unchanged(t, after)
		})
	}
}

// A worker that has written a history and not yet the row is in the way as well.
func TestRepairsRacedByHalfACheckpoint(t *testing.T) {
	t.Parallel()
	for _, d := range []damage{activityLost(), timerLost(), answerLost()} {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				h, f := broken(t, &d)
				var mu sync.Mutex
				calls := 0
				h.fault.SetHook(func(_ context.Context, c faultstore.Call) error {
					mu.Lock()
					defer mu.Unlock()
					if c.Phase == faultstore.Before {
						calls++
					}
					if calls == n && c.Phase == faultstore.Before {
						d.raced(t, h)
					}
					return nil
				})
				if _, err := repair(t, h, f, d.opts, true); err != nil {
					require.ErrorIs(t, err, durable.ErrConflict)
				}
				if calls < n {
					return
				}
			}
		})
	}
}

// Whatever request fails, the repair can be repeated.
func TestRepairsInterrupted(t *testing.T) {
	t.Parallel()
	errDied := errors.New("died")
	for _, d := range repairable() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				h, f := broken(t, &d)
				var mu sync.Mutex
				calls, failed := 0, false
				h.fault.SetHook(func(_ context.Context, c faultstore.Call) error {
					mu.Lock()
					defer mu.Unlock()
					if c.Phase != faultstore.Before {
						return nil
					}
					if calls++; calls == n {
						failed = true
						return errDied
					}
					return nil
				})
				_, err := repair(t, h, f, d.opts, true)
				h.fault.SetHook(nil)
				if !failed {
					require.NoError(t, err)
					return
				}
				if err == nil {
					continue // cleaning up after itself
				}
				if d.opts.PurgeHistory {
					// What is left is an instance that has ended, to be purged like any other.
					if h.instance(t, "a/b") != nil {
						_, err := h.Purge(t.Context(), "a/b", nil)
						require.NoError(t, err)
						continue
					}
				}
				h.clock.add(2 * time.Minute) // what was held can be seen again
				r, err := repair(t, h, f, d.opts, true)
				require.NoError(t, err)
				if d.resumed && r.Outcome == operate.OutcomeNotNeeded {
					h.clock.add(time.Hour)
					for _, left := range diagnose(t, h, nil) {
						_, err = repair(t, h, left, d.opts, true)
						require.NoError(t, err)
					}
				}
				d.check(t, h)
			}
		})
	}
}

// An instance that was rewound stays Pending while it goes on: what it waits for can be lost like that of any other.
func TestLostAfterRewind(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	rewritten := action(wire.GenericEvent, 0, str(wire.ColReason, "Rewound: TaskScheduled"))
	h.history(t, "x", append(episode(started(), rewritten),
		episode(event(wire.GenericEvent), action(wire.TaskScheduled, 0, str(wire.ColName, "A")))...)...)
	h.row(t, "x", wire.StatusPending)
	h.clock.add(48 * time.Hour)
	findings := diagnose(t, h, nil)
	require.Equal(t, []string{"activity-lost x 0"}, brief(findings))
	r, err := repair(t, h, findings[0], operate.RepairOptions{}, true)
	require.NoError(t, err)
	require.Equal(t, operate.OutcomeDone, r.Outcome)
	require.Equal(t, wire.GenericEvent, h.sent(t, "x")[0].EventType)
	h.drain(t)
	h.clock.add(48 * time.Hour)
	require.Equal(t, []string{"wake-not-sent x"}, brief(diagnose(t, h, nil)), "no worker has seen it yet")
}
