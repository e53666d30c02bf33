package operate_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
	"github.com/go-durable/durable/operate"
)

// A result that lies in a blob is referred to, as a worker does it, and read again where it is an answer.
func TestRepairLargeResult(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	const blob = "y/history-0000000000000002-ExecutionCompleted-00000000-Result.json.gz"
	h.payload(t, blob)
	h.running(t, "x", child(0, "y"))
	last := end(0, wire.StatusCompleted)
	last.Columns = append(last.Columns[:len(last.Columns)-1], str(wire.ColResult, ""), str(wire.ColResult+wire.BlobNameSuffix, blob))
	h.history(t, "y", episode(started(parent("x", 0)), last)...)
	h.row(t, "y", wire.StatusRunning)
	h.clock.add(48 * time.Hour)
	f := diagnose(t, h, nil)
	require.Equal(t, []string{"row-behind-history y"}, brief(f))
	_, err := repair(t, h, f[0], operate.RepairOptions{}, true)
	require.NoError(t, err)
	s, err := h.GetStatus(t.Context(), "y", nil)
	require.NoError(t, err)
	require.JSONEq(t, `"x"`, string(s.Output))
	h.clock.add(time.Hour)
	f = diagnose(t, h, nil)
	require.Equal(t, []string{"answer-lost x 0"}, brief(f), "what died with the row")
	_, err = repair(t, h, f[0], operate.RepairOptions{}, true)
	require.NoError(t, err)
	var ev struct{ Result string }
	require.NoError(t, json.Unmarshal(h.sent(t, "x")[0].Event, &ev))
	require.Equal(t, `"x"`, ev.Result)
}

// A sub-orchestration that has failed, or was terminated, answers with a failure.
func TestRepairFailedAnswer(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.running(t, "x", child(0, "y"))
	h.history(t, "y", episode(started(parent("x", 0)), end(0, wire.StatusTerminated))...)
	h.row(t, "y", wire.StatusTerminated, str(wire.ColOutput, "enough"))
	h.clock.add(48 * time.Hour)
	f := diagnose(t, h, nil)
	require.Equal(t, []string{"answer-lost x 0"}, brief(f))
	_, err := repair(t, h, f[0], operate.RepairOptions{}, true)
	require.NoError(t, err)
	sent := h.sent(t, "x")
	require.Equal(t, wire.SubOrchestrationInstanceFailed, sent[0].EventType)
	var ev struct{ Reason string }
	require.NoError(t, json.Unmarshal(sent[0].Event, &ev))
	require.Equal(t, "enough", ev.Reason)
}

// A message that was taken often is judged again by the measure of the repair.
func TestRepairPoisonByItsMeasure(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.raw(t, h.ControlQueue(0), string(event0("x").JSON()))
	h.taken(t, h.ControlQueue(0), 6)
	opts := quick()
	opts.MaxDequeueCount = 5
	f := diagnose(t, h, opts)
	require.Equal(t, []string{"poison-message xhub-control-00"}, brief(f))
	before := h.dump(t)
	for _, harmless := range []int64{0, 6} {
		r, err := repair(t, h, f[0], operate.RepairOptions{MaxDequeueCount: harmless}, true)
		require.NoError(t, err)
		require.Equal(t, operate.OutcomeNotNeeded, r.Outcome)
		require.Empty(t, r.Actions)
	}
	_, err := repair(t, h, f[0], operate.RepairOptions{MaxDequeueCount: -1}, true)
	require.ErrorIs(t, err, durable.ErrInvalidArgument)
	h.unchanged(t, before)
	r, err := repair(t, h, f[0], operate.RepairOptions{MaxDequeueCount: 5}, true)
	require.NoError(t, err)
	require.Equal(t, operate.OutcomeDone, r.Outcome)
	require.Empty(t, h.texts(t, h.ControlQueue(0)))
}

func TestRepairRefused(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.running(t, "x")
	h.fault.Reset()
	for _, f := range []operate.Finding{
		{},
		{Kind: "nonsense"},
		{Kind: operate.KindIDsDifferByCase, InstanceID: "x"},
		{Kind: operate.KindPartitionUnowned},
		{Kind: operate.KindIncomplete},
		{Kind: operate.KindActivityLost, InstanceID: "x"},
		{Kind: operate.KindPayloadsWithoutInstance},
		{Kind: operate.KindMessagesUnread, Queue: "other"},
	} {
		_, err := repair(t, h, f, operate.RepairOptions{}, true)
		require.ErrorIs(t, err, durable.ErrInvalidArgument, f.Kind)
	}
	_, err := repair(t, h, operate.Finding{Kind: operate.KindStartNotSent, InstanceID: "x"}, operate.RepairOptions{Reason: "\xff"}, true)
	require.ErrorIs(t, err, durable.ErrInvalidArgument)
	h.noWrites(t)
}

// Findings that were never true, or are of another execution, do nothing.
func TestRepairNotNeeded(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.running(t, "x")
	h.clock.add(48 * time.Hour)
	before := h.dump(t)
	zero := 0
	for _, kind := range operate.Kinds() {
		f := operate.Finding{Kind: kind, InstanceID: "x", Key: "x", EventID: &zero, Queue: h.ControlQueue(0), MessageID: "m"}
		for _, id := range []string{"x", "nobody"} {
			f.InstanceID, f.Key = id, id
			r, err := repair(t, h, f, operate.RepairOptions{PartitionCount: partitions}, true)
			if err != nil {
				require.ErrorIs(t, err, durable.ErrInvalidArgument)
				continue
			}
			require.Equal(t, operate.OutcomeNotNeeded, r.Outcome, kind)
		}
	}
	h.unchanged(t, before)
}

func TestUndoRefused(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	done := operate.RepairRecord{TaskHub: "Hub", Outcome: operate.OutcomeDone, Undoable: true}
	other, planned, sent := done, done, done
	other.TaskHub, planned.Outcome, sent.Undoable = "Other", operate.OutcomePlanned, false
	for r, want := range map[*operate.RepairRecord]error{
		nil: durable.ErrInvalidArgument, &other: durable.ErrInvalidArgument, &planned: durable.ErrInvalidState, &sent: durable.ErrInvalidState,
	} {
		_, err := operate.Undo(t.Context(), h.OrchestrationClient, r)
		require.ErrorIs(t, err, want)
	}
}

// The row of a sub-orchestration is rebuilt as its worker had made it: TaskHubName is written by clients only.
func TestRebuiltChild(t *testing.T) {
	t.Parallel()
	for id, up := range map[string][]storage.Column{"root": nil, "child": {parent("p", 0)}} {
		h := newHub(t)
		h.history(t, id, episode(started(up...), end(0, wire.StatusFailed))...)
		h.clock.add(48 * time.Hour)
		r, err := repair(t, h, diagnose(t, h, nil)[0], operate.RepairOptions{}, true)
		require.NoError(t, err)
		require.Equal(t, operate.OutcomeDone, r.Outcome)
		require.Equal(t, up == nil, h.instance(t, id).Has(wire.ColTaskHubName))
	}
}
