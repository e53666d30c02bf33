package durable

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/go-durable/durable/internal/replay"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

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
	start, err := t.readStart(ctx, &n.instance)
	switch {
	case err != nil:
		return rewindChild{}, err
	case start != nil && isDetached(start):
		return rewindChild{}, nil
	case !e.answeredBy(start):
		return childMissing, nil
	case n.status().IsTerminal() && !e.parent.open():
		return childResultLost, nil
	}
	return rewindChild{answers: true}, nil // it runs, or has answered since the parent can take up answers
}

// readState reads only the state of an instance.
func (t *rewindTree) readState(ctx context.Context, instanceID string) (*rewindNode, error) {
	i, err := t.reader.ReadInstance(ctx, instanceID, wire.ColRuntimeStatus, wire.ColExecutionID)
	if err != nil {
		return nil, err
	}
	return &rewindNode{instance: *i}, nil
}

// readStart reads of the row with which an execution begins who started it, and how. It is nil if no worker has taken
// up the execution.
func (t *rewindTree) readStart(ctx context.Context, i *wire.Instance) (*storage.Entity, error) {
	equal := func(column, value string) storage.Filter {
		return storage.Cmp{Column: column, Op: storage.EQ, Value: storage.StringValue(value)}
	}
	q := storage.Query{
		Filter: storage.And{
			equal("PartitionKey", i.Key), equal(wire.ColExecutionID, i.ExecutionID), equal(wire.ColEventType, wire.ExecutionStarted),
		},
		Columns: []string{wire.ColParentInstance, wire.ColTags},
	}
	for {
		page, err := t.reader.Tables.Query(ctx, t.reader.Names.History(), q)
		switch {
		case err != nil:
			return nil, err
		case len(page.Entities) > 0:
			return &page.Entities[0], nil
		case page.Next == (storage.Token{}):
			return nil, nil //nolint:nilnil // none is an answer
		}
		q.From = page.Next
	}
}

// answeredBy reports whether an execution that began so will answer the parent.
func (e rewindEdge) answeredBy(start *storage.Entity) bool {
	var parent struct {
		OrchestrationInstance struct{ InstanceID, ExecutionID string }
		TaskScheduleID        int
	}
	if start == nil || json.Unmarshal([]byte(start.Text(wire.ColParentInstance)), &parent) != nil {
		return false
	}
	p := parent.OrchestrationInstance
	return p.InstanceID == e.parent.instance.ID && parent.TaskScheduleID == e.EventID &&
		strings.EqualFold(p.ExecutionID, e.parent.instance.ExecutionID)
}

// isDetached reports whether nobody waits for an execution that began so (OrchestrationTags.cs).
func isDetached(start *storage.Entity) bool {
	var tags map[string]json.RawMessage
	_ = json.Unmarshal([]byte(start.Text(wire.ColTags)), &tags)
	_, detached := tags["FireAndForget"]
	return detached
}
