package operate

import (
	"context"
	"fmt"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/hook"
)

// TreeOptions are options for Tree.
type TreeOptions struct {
	// MaxDepth bounds how far up, and how far down from the top, the tree is read. Defaults to 32.
	MaxDepth int
	// MaxChildren bounds how many sub-orchestrations of one instance are read. Defaults to 250.
	MaxChildren int
	// MaxNodes bounds how many instances are read in all. Defaults to 2000.
	MaxNodes int
	// Subtree leaves out what is above the instance and beside it.
	Subtree bool
}

const (
	defaultMaxDepth    = 32
	defaultMaxChildren = 250
	defaultMaxNodes    = 2000
)

func (o *TreeOptions) check() (TreeOptions, error) {
	var checked TreeOptions
	if o != nil {
		checked = *o
	}
	for _, limit := range []struct {
		name     string
		value    *int
		standard int
	}{
		{"MaxDepth", &checked.MaxDepth, defaultMaxDepth},
		{"MaxChildren", &checked.MaxChildren, defaultMaxChildren},
		{"MaxNodes", &checked.MaxNodes, defaultMaxNodes},
	} {
		if *limit.value < 0 {
			return checked, invalid("%s is negative", limit.name)
		}
		if *limit.value == 0 {
			*limit.value = limit.standard
		}
	}
	return checked, nil
}

// InstanceTree is an instance with its ancestors and all their sub-orchestrations.
type InstanceTree struct {
	// InstanceID is the instance asked for.
	InstanceID string `json:"instanceId"`
	// Root is the topmost ancestor that could be found.
	Root *TreeNode `json:"root"`
	// FirstFailure is the failed instance below which nothing has failed; of several, the one that ended first. Nil if none
	// has failed.
	FirstFailure *TreeNode `json:"firstFailure,omitempty"`
	// Nodes counts the instances in the tree.
	Nodes int `json:"nodes"`
	// Truncated says that a limit left something out.
	Truncated bool `json:"truncated,omitempty"`
	// Notes are what else to know, such as that the topmost instance's own parent is gone.
	Notes []string `json:"notes"`
}

// TreeNode is an instance in a tree.
type TreeNode struct {
	InstanceID string `json:"instanceId"`
	Name       string `json:"name,omitempty"`
	// RuntimeStatus is "" where the instance is missing.
	RuntimeStatus   durable.RuntimeStatus `json:"runtimeStatus,omitempty"`
	ExecutionID     string                `json:"executionId,omitempty"`
	CreatedTime     time.Time             `json:"createdTime,omitzero"`
	LastUpdatedTime time.Time             `json:"lastUpdatedTime,omitzero"`
	CompletedTime   time.Time             `json:"completedTime,omitzero"`
	// EventID is the event ID of the parent's action, -1 for the root.
	EventID int `json:"eventId"`
	// Answer is what the parent has received: "completed", "failed", or "" for nothing yet.
	Answer string `json:"answer,omitempty"`
	// Failure is the text of the failure of a failed instance, as far as it fits.
	Failure string `json:"failure,omitempty"`
	// Detached says that the parent does not wait for it.
	Detached bool `json:"detached,omitempty"`
	// Missing says that there is no such instance, not yet or no longer.
	Missing bool `json:"missing,omitempty"`
	// Foreign says that the instance of that ID was started by somebody else: what the parent started is gone.
	Foreign bool `json:"foreign,omitempty"`
	// Seen says that the instance stands elsewhere in the tree, where its sub-orchestrations are.
	Seen bool `json:"seen,omitempty"`
	// Omitted is how many sub-orchestrations a limit left out.
	Omitted  int         `json:"omitted,omitempty"`
	Children []*TreeNode `json:"children,omitempty"`
}

// Tree returns the tree that an instance belongs to: up by who has started it, as its own history names them, and from the
// top down by the sub-orchestrations in the histories. It reads a row and a part of the history of each instance, some at
// a time, and ends at its limits. What is missing, or was started anew by somebody else since, is shown as such. Opts may
// be nil.
//
// It returns [durable.ErrInstanceNotFound], [durable.ErrTaskHubNotFound] and [durable.ErrInvalidArgument].
func Tree(
	ctx context.Context, c *durable.OrchestrationClient, instanceID string, opts *TreeOptions,
) (*InstanceTree, error) {
	const op = "Tree"
	in := open(c)
	t, err := readTree(ctx, in, instanceID, opts)
	if err != nil {
		return nil, in.Fail(op, instanceID, "", err)
	}
	return t, nil
}

func readTree(ctx context.Context, in hook.Inside, instanceID string, opts *TreeOptions) (*InstanceTree, error) {
	o, err := opts.check()
	if err == nil {
		err = in.CheckID(instanceID)
	}
	if err != nil {
		return nil, err
	}
	r := &treeReader{
		hub: in.Hub, opts: o, tree: &InstanceTree{InstanceID: instanceID, Notes: []string{}},
		path: map[string]bool{instanceID: true}, seen: map[string]bool{},
	}
	root, err := r.top(ctx, instanceID)
	if err != nil {
		return nil, err
	}
	r.tree.Root = root.node
	if err := r.down(ctx, root); err != nil {
		return nil, err
	}
	r.tree.FirstFailure = firstFailure(r.tree.Root)
	return r.tree, nil
}

// Walk calls visit for the node and all below it, parents before children.
func (n *TreeNode) Walk(visit func(node *TreeNode, depth int)) { n.walk(visit, 0) }

func (n *TreeNode) walk(visit func(*TreeNode, int), depth int) {
	visit(n, depth)
	for _, c := range n.Children {
		c.walk(visit, depth+1)
	}
}

// firstFailure returns the failed instance that has no failed sub-orchestration and ended first.
func firstFailure(root *TreeNode) *TreeNode {
	var first *TreeNode
	root.Walk(func(n *TreeNode, _ int) {
		if !n.failed() {
			return
		}
		for _, c := range n.Children {
			if c.failed() && !c.Detached {
				return
			}
		}
		if first == nil || !n.CompletedTime.IsZero() && n.CompletedTime.Before(first.CompletedTime) {
			first = n
		}
	})
	return first
}

func (n *TreeNode) failed() bool {
	return n.RuntimeStatus == durable.RuntimeStatusFailed && !n.Foreign && !n.Seen
}

// note adds a note to the tree.
func (t *InstanceTree) note(format string, args ...any) {
	t.Notes = append(t.Notes, fmt.Sprintf(format, args...))
}
