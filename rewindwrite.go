package durable

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-durable/durable/internal/parallel"
	"github.com/go-durable/durable/internal/replay"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// carryOut writes the plan, unless it has warnings and is not forced.
//
// It writes from the top of the tree to its bottom, each history with its end last, before the instance's row, and
// wakes nobody before all is written. So at any moment an instance without an end has its whole history rewritten, and
// so have all that wait for its answer: should an old message wake it too early, nothing is lost. The engine throws
// away messages for an instance whose history has an end.
func (t *rewindTree) carryOut(ctx context.Context, reason string, force bool) error {
	if warnings := t.show().Warnings(); len(warnings) > 0 && !force {
		return fmt.Errorf("%w: %s (%d in all); look at the plan, then use Force", ErrRewindUnsafe, warnings[0], len(warnings))
	}
	var woken []*rewindNode
	for _, level := range t.levels {
		if err := forNodes(ctx, level, "rewrite", t.rewrite); err != nil {
			return err
		}
		for _, n := range level {
			if n.woken() {
				woken = append(woken, n)
			}
		}
	}
	return forNodes(ctx, woken, "wake", func(ctx context.Context, n *rewindNode) error {
		out, err := t.hub.Prepare(ctx, wire.WakeMessage(n.instance.ID, reason, t.hub.Now()))
		if err != nil {
			return err
		}
		return t.hub.SendOrDiscard(ctx, out, 0)
	})
}

// forNodes does something with instances, some at a time. Its error names the first one that it failed for.
func forNodes(
	ctx context.Context, nodes []*rewindNode, what string, do func(ctx context.Context, n *rewindNode) error,
) error {
	errs := parallel.Do(ctx, len(nodes), rewindParallelism, func(ctx context.Context, i int) error { return do(ctx, nodes[i]) })
	var first error
	failed := 0
	for i, err := range errs {
		if err == nil {
			continue
		}
		if failed++; first == nil {
			first = fmt.Errorf("%s instance %q: %w", what, nodes[i].instance.ID, err)
		}
	}
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("%w (%d of %d failed; repeat the call to finish what was begun)", first, failed, len(nodes))
}

// rewrite changes the history of an instance and makes it Pending.
func (t *rewindTree) rewrite(ctx context.Context, n *rewindNode) error {
	for _, batch := range batches(n.plan.Changes) {
		if err := t.hub.Tables.Batch(ctx, t.hub.Names.History(), batch); err != nil {
			return fmt.Errorf("rewrite the history: %w", vanished(err))
		}
	}
	if n.status() == RuntimeStatusPending {
		return nil // an interrupted attempt got that far
	}
	e, mode := t.finish(n.row)
	e.Set(wire.ColLastUpdatedTime, storage.TimeValue(t.now))
	_, err := t.hub.UpdateInstance(ctx, e, mode, n.row.ETag)
	if errors.Is(err, storage.ErrPrecondition) && t.goesOn(ctx, n) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("make it Pending: %w", vanished(err))
	}
	return nil
}

// goesOn reports whether an instance whose history has no end any more is taken care of already: somebody who does the
// same was faster, or a worker has taken it up.
func (t *rewindTree) goesOn(ctx context.Context, n *rewindNode) bool {
	i, err := t.hub.ReadInstance(ctx, n.instance.ID, wire.ColRuntimeStatus, wire.ColExecutionID)
	return err == nil && i.ExecutionID == n.instance.ExecutionID && i.RuntimeStatus != n.instance.RuntimeStatus
}

// vanished is a conflict: what was read is gone.
func vanished(err error) error {
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, ErrInstanceNotFound) {
		return fmt.Errorf("%w: it was purged meanwhile", ErrConflict)
	}
	return err
}

// maxBatchText is how much text the rows of a transaction may hold that are written whole. The service takes 4 MiB, and
// texts grow in JSON.
const maxBatchText = 1 << 20

// batches parts changes into transactions.
func batches(changes []replay.Change) [][]storage.Op {
	var all [][]storage.Op
	size := 0
	for _, c := range changes {
		op, length := rewriteOp(c)
		last := len(all) - 1
		if last < 0 || len(all[last]) == storage.MaxBatch || size+length > maxBatchText {
			all, size = append(all, nil), 0
			last++
		}
		all[last], size = append(all[last], op), size+length
	}
	return all
}

// rewriteOp returns the operation for a change, and how much text it writes. A merge writes only what is new, but cannot
// remove a column.
func rewriteOp(c replay.Change) (storage.Op, int) {
	if !c.Row.Has(wire.ColReason) && c.Before.Row.Has(wire.ColReason) {
		length := 0
		for _, column := range c.Row.Columns {
			length += len(column.Text)
		}
		return storage.Op{Kind: storage.OpReplace, Entity: c.Row, Match: c.Before.ETag}, length
	}
	e := &storage.Entity{PartitionKey: c.Row.PartitionKey, RowKey: c.Row.RowKey}
	for _, name := range []string{wire.ColEventType, wire.ColReason} {
		if v := c.Row.Get(name); v.Type != storage.None {
			e.Set(name, v)
		}
	}
	return storage.Op{Kind: storage.OpMerge, Entity: e, Match: c.Before.ETag}, 0
}
