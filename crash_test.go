package durable_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// marker is a payload that must not show up in an error.
const marker = "PAYLOAD-MARKER"

// operation is one whose every request is made to fail in turn. All of them are about the instance "id".
type operation struct {
	name    string
	prepare func(t *testing.T, f *fixture)
	do      call
	// states are what the documentation promises: what the hub may look like after a failure. The key is what [label]
	// makes of it.
	states []string
	// dead are the states that are allowed besides when the process dies, so that it cannot clean up.
	dead []string
	// again is what the caller does after a failure; nil means do. Done are the errors by which it learns that the first
	// call had done it all.
	again call
	done  []error
	// final is the state in the end, and twice the one if a message was sent twice.
	final, twice string
}

// label describes what matters of an instance: its state, whether it would run, and the messages for it.
func (s state) label() string {
	var parts []string
	if row, ok := s.rows["id"]; ok {
		name, _, _ := strings.Cut(row, " input ")
		parts = append(parts, name)
	} else {
		parts = append(parts, "nothing")
	}
	if n := len(s.executions["id"]); n > 0 {
		parts = append(parts, fmt.Sprintf("runs %d", n))
	}
	for _, kind := range []string{wire.EventRaised, wire.ExecutionTerminated, wire.ExecutionSuspended, wire.ExecutionResumed} {
		if n := s.messages["id "+kind]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", kind, n))
		}
	}
	return strings.Join(parts, ", ")
}

const (
	oldRow     = "Completed Old generation 4"
	newRow     = "Pending New generation 0"
	newRuns    = "Pending New generation 0, runs 1"
	replaced   = "Pending New generation 5"
	replaceRun = "Pending New generation 5, runs 1"
)

func startCall(input any, opts durable.StartNewOptions) call {
	opts.InstanceID = "id"
	return func(ctx context.Context, c *durable.OrchestrationClient) error {
		_, err := c.StartNew(ctx, "New", input, &opts)
		return err
	}
}

func orGetCall(input any) call {
	return func(ctx context.Context, c *durable.OrchestrationClient) error {
		_, _, err := c.StartOrGet(ctx, "New", "id", input, nil)
		return err
	}
}

var bigInput = marker + strings.Repeat("x", 50_000)

func startOperations() []operation {
	old := func(t *testing.T, f *fixture) { f.prepareOld(t, "id", durable.RuntimeStatusCompleted) }
	waiting := func(t *testing.T, f *fixture) {
		_, err := f.StartNew(t.Context(), "New", marker, &durable.StartNewOptions{InstanceID: "id"})
		require.NoError(t, err)
		f.drain(t)
	}
	exists := []error{durable.ErrInstanceExists}
	var ops []operation
	for name, input := range map[string]any{"": marker, ", large": bigInput} {
		ops = append(ops,
			operation{
				name: "StartNew" + name, do: startCall(input, durable.StartNewOptions{}),
				states: []string{"nothing"}, dead: []string{newRow, newRuns}, again: orGetCall(input), final: newRuns,
			},
			operation{
				name: "StartNew again" + name, do: startCall(input, durable.StartNewOptions{OverridableStates: durable.OverridableAnyState}),
				states: []string{"nothing"}, dead: []string{newRow, newRuns}, final: newRuns, twice: "Pending New generation 1, runs 1",
			},
			operation{
				name: "StartNew over an ended one" + name, prepare: old, do: startCall(input, durable.StartNewOptions{}),
				states: []string{oldRow}, dead: []string{replaced, replaceRun}, done: exists, final: replaceRun, twice: replaced,
			},
			operation{
				name: "StartOrGet" + name, do: orGetCall(input),
				states: []string{"nothing", newRow, newRuns}, final: newRuns,
			},
		)
	}
	return append(ops, operation{
		name: "StartOrGet of one that waits", prepare: waiting, do: orGetCall(nil), states: []string{newRow, newRuns}, final: newRuns,
	})
}

func controlOperations() []operation {
	const running, suspended, pending = "Running Orchestrator generation 0", "Suspended Orchestrator generation 0",
		"Pending Orchestrator generation 0, runs 1"
	run := func(t *testing.T, f *fixture) { f.startRunning(t, "id", nil) }
	suspend := func(t *testing.T, f *fixture) {
		run(t, f)
		f.setState(t, "id", durable.RuntimeStatusSuspended)
	}
	large := func(data string) call {
		return func(ctx context.Context, c *durable.OrchestrationClient) error {
			return c.RaiseEvent(ctx, "id", "e", data, nil)
		}
	}
	message := func(name string, prepare func(*testing.T, *fixture), do call, row, kind string) operation {
		return operation{
			name: name, prepare: prepare, do: do, states: []string{row, row + ", " + kind + " 1"},
			final: row + ", " + kind + " 1", twice: row + ", " + kind + " 2",
		}
	}
	wait := func(t *testing.T, f *fixture) { f.start(t, "id", nil) }
	cancel := func(name, reason string) operation {
		const cancelled = "Terminated Orchestrator generation 0"
		return operation{
			name: name, prepare: wait, do: controls("id", reason)["Terminate"], states: []string{pending},
			dead: []string{cancelled}, done: []error{durable.ErrInvalidState}, final: cancelled,
		}
	}
	return []operation{
		message("RaiseEvent", run, large(marker), running, wire.EventRaised),
		message("RaiseEvent, large", run, large(bigInput), running, wire.EventRaised),
		message("Terminate", run, controls("id", marker)["Terminate"], running, wire.ExecutionTerminated),
		message("Terminate, large", run, controls("id", bigInput)["Terminate"], running, wire.ExecutionTerminated),
		message("Suspend", run, controls("id", marker)["Suspend"], running, wire.ExecutionSuspended),
		message("Suspend, large", run, controls("id", bigInput)["Suspend"], running, wire.ExecutionSuspended),
		message("Resume", suspend, controls("id", marker)["Resume"], suspended, wire.ExecutionResumed),
		cancel("Terminate, Pending", marker),
		cancel("Terminate, Pending, large", bigInput),
	}
}

// TestCrash fails the k-th request for every k, in every way, looks at what is left, and makes the same call again.
func TestCrash(t *testing.T) {
	t.Parallel()
	for _, op := range append(startOperations(), controlOperations()...) {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			requests := op.undisturbed(t)
			for k := 1; k <= requests; k++ {
				for _, fault := range faults {
					t.Run(fmt.Sprint(k, " ", fault.name), func(t *testing.T) {
						t.Parallel()
						op.crash(t, fault, k)
					})
				}
			}
		})
	}
}

func (op operation) setup(t *testing.T) *fixture {
	t.Helper()
	f := inMemory(t, taskhub.Options{})
	f.start(t, "other", marker)
	f.putBlob(t, "other/message-00000000000000000000000000000000-EventRaised.json.gz", "x")
	f.set(t, "other", text(wire.ColOutput, f.reference("other/message-00000000000000000000000000000000-EventRaised.json.gz")))
	if op.prepare != nil {
		op.prepare(t, f)
		if len(f.observe(t).executions["other"]) == 0 { // it was drained
			_, _, err := f.StartOrGet(t.Context(), "Orchestrator", "other", nil, nil)
			require.NoError(t, err)
		}
	}
	f.traffic.reset()
	return f
}

// undisturbed checks the run without a fault and returns how many requests it takes.
func (op operation) undisturbed(t *testing.T) int {
	t.Helper()
	f := op.setup(t)
	before := f.observe(t)
	require.NoError(t, op.do(t.Context(), f.OrchestrationClient))
	n := f.traffic.count()
	after := f.observe(t)
	require.Equal(t, op.final, after.label())
	require.Empty(t, after.orphans)
	require.Empty(t, after.dangling)
	after.requireOthersUntouched(t, before, "id")
	return n
}

func (op operation) crash(t *testing.T, fault fault, k int) {
	f := op.setup(t)
	before := f.observe(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.fault.SetHook(fault.hook(k, cancel))
	err := op.do(ctx, f.OrchestrationClient)
	f.fault.SetHook(nil)
	failed := f.fault.Calls()[k-1]
	after := f.observe(t)
	if failed.Service == faultstore.Blobs && failed.Op == "Delete" {
		after.orphans = nil // what could not be removed stays until the instance is purged
	}
	after.requireOthersUntouched(t, before, "id")
	require.Empty(t, after.dangling, "no reference to a payload that is not there")
	if err == nil { // a request failed that did not matter, or that was seen to have taken effect
		require.Equal(t, op.final, after.label())
		require.Empty(t, after.orphans)
		return
	}
	op.checkFailure(t, fault, err, after)
	op.repeat(t, f, after.label(), err)
}

// checkFailure checks the error and the state after a failure.
func (op operation) checkFailure(t *testing.T, fault fault, err error, after state) {
	t.Helper()
	require.NotContains(t, err.Error(), marker)
	var e *durable.Error
	require.ErrorAs(t, err, &e)
	if fault.cancels {
		require.ErrorIs(t, err, context.Canceled)
	} else {
		require.ErrorIs(t, err, errNetwork)
	}
	allowed := op.states
	if fault.forGood {
		allowed = append(append([]string{}, allowed...), op.dead...)
	}
	require.Contains(t, allowed, after.label(), "%v", err)
	if !fault.forGood && !errors.Is(err, durable.ErrUncertain) {
		require.Empty(t, after.orphans, "%v", err)
	}
	if strings.HasSuffix(after.label(), "generation 0") && strings.HasPrefix(after.label(), "Pending New") ||
		after.label() == replaced {
		require.ErrorContains(t, err, "StartOrGet", "a row that waits for a message is not kept a secret")
	}
}

// repeat makes the call again, which has to lead to the state of a run without a fault.
func (op operation) repeat(t *testing.T, f *fixture, was string, first error) {
	t.Helper()
	again := op.again
	if again == nil {
		again = op.do
	}
	err := again(t.Context(), f.OrchestrationClient)
	for _, done := range op.done {
		if errors.Is(err, done) {
			err = nil
		}
	}
	require.NoError(t, err, "after %q, %v", was, first)
	now := f.observe(t)
	require.Contains(t, []string{op.final, op.twice}, now.label(), "after %q, %v", was, first)
	require.Empty(t, now.dangling)
	if now.label() == replaced { // the start died between row and message; the ID is taken, and StartOrGet goes on
		require.NoError(t, orGetCall(nil)(t.Context(), f.OrchestrationClient))
		require.Equal(t, replaceRun, f.observe(t).label())
	}
}

// TestWouldRun tests the model itself.
func TestWouldRun(t *testing.T) {
	t.Parallel()
	f := inMemory(t, taskhub.Options{})
	f.start(t, "other", nil)
	require.Len(t, f.observe(t).executions["other"], 1)
	_, _, err := f.StartOrGet(t.Context(), "Orchestrator", "other", nil, nil)
	require.NoError(t, err)
	require.Len(t, f.observe(t).executions["other"], 1, "the same start twice runs once")
	require.NoError(t, f.Terminate(t.Context(), "other", "", nil))
	require.Empty(t, f.observe(t).executions["other"], "cancelled")
}
