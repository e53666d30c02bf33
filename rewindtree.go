package durable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-durable/durable/internal/parallel"
	"github.com/go-durable/durable/internal/replay"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// rewindTree is an instance to be rewound or reset, with the sub-orchestrations that have to be rewound for it.
type rewindTree struct {
	hub *taskhub.Hub
	// reader is the hub behind a meter, which counts what making the plan takes.
	reader *taskhub.Hub
	meter  *meter
	// now is when the plan is made.
	now time.Time
	// execution is that of the instance asked for, "" for whichever is current.
	execution string
	// finish makes, of the row of an instance that has ended, the one with which it is Pending.
	finish func(row *storage.Entity) (*storage.Entity, storage.Mode)
	// levels are the instances by their distance from the one asked for, which is the first level.
	levels [][]*rewindNode
}

// rewindNode is one instance of a tree.
type rewindNode struct {
	parentID string
	row      *storage.Entity
	instance wire.Instance
	// start is the row with which the history begins.
	start *storage.Entity
	plan  *replay.Plan
	// warnings are those that a look at other instances adds to the plan's.
	warnings []replay.Warning
	// awaited is how many sub-orchestrations will answer.
	awaited int
}

// rewindPlanner makes the plan for one instance from its history.
type rewindPlanner func(h *replay.History, now time.Time) (*replay.Plan, error)

const (
	// maxTree bounds the number of instances in a tree.
	maxTree = 10_000
	// rewindParallelism is how many instances are read or written at once.
	rewindParallelism = 16
)

func (c *OrchestrationClient) newRewindTree(finish func(*storage.Entity) (*storage.Entity, storage.Mode)) *rewindTree {
	t := &rewindTree{hub: c.hub, now: c.hub.Now(), finish: finish}
	t.reader, t.meter = metered(c.hub, 0)
	return t
}

func (t *rewindTree) status() RuntimeStatus {
	if len(t.levels) == 0 {
		return ""
	}
	return t.levels[0][0].status()
}

func (n *rewindNode) status() RuntimeStatus { return RuntimeStatus(n.instance.RuntimeStatus) }

// open reports whether the history has no end any more: the instance can take up answers.
func (n *rewindNode) open() bool { return len(n.plan.Changes) == 0 }

// woken reports whether the instance has something to do: no sub-orchestration will wake it, or work has been taken
// back that it did not do in answer to one.
func (n *rewindNode) woken() bool {
	if n.awaited == 0 {
		return true
	}
	for _, a := range n.plan.Undone {
		if n.plan.Cut == replay.NoCut || a.EventID < n.plan.Cut {
			return true
		}
	}
	return false
}

// read reads the tree level by level: the instance asked for with its own planner, those below it with another.
func (t *rewindTree) read(
	ctx context.Context, instanceID string, allowed func(RuntimeStatus) bool, own, children rewindPlanner,
) error {
	if err := checkControlled(instanceID); err != nil {
		return err
	}
	top, err := t.readNode(ctx, instanceID, allowed, own)
	if top != nil {
		t.levels = [][]*rewindNode{{top}}
		if other := checkExecution(t.execution, &top.instance); other != nil {
			return other
		}
	}
	if err != nil {
		return err
	}
	seen := map[string]bool{instanceID: true}
	for level := t.levels[0]; ; t.levels = append(t.levels, level) {
		edges := edgesBelow(level, seen)
		if len(seen) > maxTree {
			return wrongState("more than %d instances would have to be rewound", maxTree)
		}
		if level, err = t.readChildren(ctx, edges, children); err != nil || len(level) == 0 {
			return err
		}
	}
}

// readNode reads an instance and its history and makes its plan. The node is nil if it has no row.
func (t *rewindTree) readNode(
	ctx context.Context, instanceID string, allowed func(RuntimeStatus) bool, plan rewindPlanner,
) (*rewindNode, error) {
	row, err := t.reader.ReadRow(ctx, instanceID)
	if err != nil {
		return nil, err
	}
	n := &rewindNode{row: row, instance: wire.DecodeInstance(row)}
	if n.status() != RuntimeStatusPending && !allowed(n.status()) {
		return n, ErrInvalidState
	}
	h, err := t.reader.ReadHistory(ctx, instanceID, n.instance.ExecutionID)
	if err != nil {
		return n, err
	}
	if err := t.fetchTexts(ctx, h.Events); err != nil {
		return n, err
	}
	return n, t.planNode(n, h.Events, plan)
}

// planNode makes the plan for an instance. One that is Pending can only be where an interrupted attempt has left it.
// That attempt was planned when the row was written, so what has become of timers since makes no difference.
func (t *rewindTree) planNode(n *rewindNode, events []wire.Event, plan rewindPlanner) error {
	pending, now := n.status() == RuntimeStatusPending, t.now
	if pending {
		now = n.instance.LastUpdatedTime.Time()
	}
	history, err := replay.New(events)
	if err == nil {
		if start := history.Start(); start != nil {
			n.start = start.Row
		}
		n.plan, err = plan(history, now)
	}
	switch {
	case errors.Is(err, replay.ErrUnknownEvent):
		return invalid("%w", err)
	case errors.Is(err, replay.ErrBroken):
		return wrongState("%w: use Rewind with RewindOptions.Heal", err)
	case err != nil:
		return wrongState("%w", err)
	case pending && !n.open():
		return wrongState("it waits for something else than the end of an interrupted attempt with the same options")
	}
	return nil
}

// fetchTexts gets the texts of failures that lie in blobs: what a failure said, and what the end says of it. The rows
// stay as they are, since they are written again. A text that is gone or too large is not worth giving up.
func (t *rewindTree) fetchTexts(ctx context.Context, events []wire.Event) error {
	type spill struct {
		blob string
		text *string
	}
	var spills []spill
	for i := range events {
		if !tellsFailure(events[i].Type) {
			continue
		}
		for column, text := range map[string]*string{
			wire.ColReason: &events[i].Reason, wire.ColResult: &events[i].Result, wire.ColFailureDetails: &events[i].FailureDetails,
		} {
			if blob := events[i].Row.Text(column + wire.BlobNameSuffix); blob != "" && *text == "" {
				spills = append(spills, spill{blob, text})
			}
		}
	}
	return errors.Join(parallel.Do(ctx, len(spills), payloadParallelism, func(ctx context.Context, i int) error {
		payload, err := t.reader.ReadPayload(ctx, spills[i].blob)
		*spills[i].text = string(payload)
		if errors.Is(err, ErrPayloadMissing) || errors.Is(err, ErrPayloadTooLarge) {
			return nil
		}
		return err
	})...)
}

func tellsFailure(eventType string) bool {
	switch eventType {
	case wire.TaskFailed, wire.SubOrchestrationInstanceFailed, wire.ExecutionCompleted:
		return true
	}
	return false
}

// rewindEdge is a sub-orchestration as its parent knows it.
type rewindEdge struct {
	parent *rewindNode
	replay.Child
	// fatal says that its failure ended the parent. Otherwise it just has not answered.
	fatal bool
}

// edgesBelow returns the sub-orchestrations of a level that have to be looked at, and notes those that may have to be
// rewound as seen. No instance is rewound twice, not even if a history names its own ancestor.
func edgesBelow(level []*rewindNode, seen map[string]bool) []rewindEdge {
	var edges []rewindEdge
	for _, n := range level {
		for _, c := range n.plan.Children {
			if !seen[c.InstanceID] {
				seen[c.InstanceID] = true
				edges = append(edges, rewindEdge{n, c, true})
			}
		}
		if n.plan.End.Status == wire.StatusCompleted {
			continue // it has not waited for what has no answer
		}
		for _, c := range n.plan.OpenChildren {
			edges = append(edges, rewindEdge{n, c, false})
		}
	}
	return edges
}

// readChildren reads sub-orchestrations, some at a time, and returns those that have to be rewound.
func (t *rewindTree) readChildren(ctx context.Context, edges []rewindEdge, plan rewindPlanner) ([]*rewindNode, error) {
	children := make([]rewindChild, len(edges))
	errs := parallel.Do(ctx, len(edges), rewindParallelism, func(ctx context.Context, i int) (err error) {
		children[i], err = t.readChild(ctx, edges[i], plan)
		return err
	})
	var rewound []*rewindNode
	for i, e := range edges {
		if errs[i] != nil {
			return nil, fmt.Errorf("sub-orchestration %q: %w", e.InstanceID, errs[i])
		}
		c := children[i]
		if c.node != nil {
			c.node.parentID = e.parent.instance.ID
			rewound = append(rewound, c.node)
		}
		if c.answers && e.fatal {
			e.parent.awaited++
		}
		if c.warning != "" {
			e.parent.warnings = append(e.parent.warnings, replay.Warning{
				Code: c.warning, EventID: e.EventID, Text: fmt.Sprintf("the sub-orchestration %s (%s) %s", e.Name, e.InstanceID, c.text),
			})
		}
	}
	return rewound, nil
}

// rewindChild is what a sub-orchestration means for the parent that is to be rewound.
type rewindChild struct {
	// node is the sub-orchestration if it has to be rewound as well, else nil.
	node *rewindNode
	// answers says that the parent will have its answer.
	answers bool
	// warning and text are a reason to warn, or "".
	warning replay.Code
	text    string
}

var (
	childMissing = rewindChild{
		warning: replay.ChildMissing,
		text:    "was purged or started anew: whoever waits for its answer waits for ever; Reset to this event starts it again",
	}
	childResultLost = rewindChild{
		warning: replay.ChildResultLost,
		text:    "has ended and its answer was thrown away: the parent waits for ever unless Reset makes it end once more",
	}
)

// readChild reads a sub-orchestration and judges it. One that has failed is planned for.
func (t *rewindTree) readChild(ctx context.Context, e rewindEdge, plan rewindPlanner) (rewindChild, error) {
	var n *rewindNode
	var err error
	if e.fatal {
		n, err = t.readNode(ctx, e.InstanceID, hasFailed, plan)
	} else {
		n, err = t.readState(ctx, e.InstanceID)
	}
	switch {
	case errors.Is(err, ErrInstanceNotFound):
		return childMissing, nil
	case err == nil && e.fatal:
		if !e.answeredBy(n.start) {
			return childMissing, nil
		}
		return rewindChild{node: n, answers: true}, nil
	case err != nil && (n == nil || hasFailed(n.status()) || !errors.Is(err, ErrInvalidState)):
		return rewindChild{}, err
	}
	return t.judgeChild(ctx, e, n)
}

// judgeChild judges a sub-orchestration that does not have to be rewound.
func (t *rewindTree) judgeChild(ctx context.Context, e rewindEdge, n *rewindNode) (rewindChild, error) {
	start, err := t.reader.ReadStart(ctx, n.instance.Key, n.instance.ExecutionID)
	switch {
	case err != nil:
		return rewindChild{}, err
	case start != nil && wire.IsDetached(start.Text(wire.ColTags)):
		return rewindChild{}, nil
	case !e.answeredBy(start):
		return childMissing, nil
	case n.status().IsTerminal() && !e.parent.open():
		return childResultLost, nil
	case e.fatal && !n.status().IsTerminal():
		err = t.checkRewound(ctx, &n.instance)
	}
	return rewindChild{answers: true}, err // it runs, or has answered since the parent can take up answers
}

// checkRewound returns [ErrConflict] for a sub-orchestration that has answered with its failure, goes on by its row, and has
// no end that was taken back: a worker sends the answer before it writes history and row
// (AzureStorageOrchestrationService.cs), and is just about to. Taken for one that runs, it would be left Failed, and its
// parent would wait for ever.
func (t *rewindTree) checkRewound(ctx context.Context, i *wire.Instance) error {
	rewound, err := t.reader.FailureTakenBack(ctx, i.Key, i.ExecutionID)
	if err == nil && !rewound {
		err = fmt.Errorf("%w: it has failed, and a worker is just about to write that; try again", ErrConflict)
	}
	return err
}

// readState reads only the state of an instance.
func (t *rewindTree) readState(ctx context.Context, instanceID string) (*rewindNode, error) {
	i, err := t.reader.ReadInstance(ctx, instanceID, wire.ColRuntimeStatus, wire.ColExecutionID)
	if err != nil {
		return nil, err
	}
	return &rewindNode{instance: *i}, nil
}

// answeredBy reports whether an execution that began so will answer the parent.
func (e rewindEdge) answeredBy(start *storage.Entity) bool {
	if start == nil {
		return false
	}
	p, err := wire.DecodeParent(start.Text(wire.ColParentInstance))
	return err == nil && p != nil && p.InstanceID == e.parent.instance.ID && p.ScheduledID == e.EventID &&
		wire.SameExecution(p.ExecutionID, e.parent.instance.ExecutionID)
}
