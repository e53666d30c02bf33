package operate

import (
	"context"
	"fmt"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/wire"
)

// TreeAction is something to be done to a whole tree.
type TreeAction string

// The actions on trees.
const (
	ActionTerminate TreeAction = "terminate"
	ActionSuspend   TreeAction = "suspend"
	ActionResume    TreeAction = "resume"
	ActionPurge     TreeAction = "purge"
)

// TreeActionOptions are options for the functions that act on an instance and all below it.
type TreeActionOptions struct {
	// Tree bounds how far down the tree is read. One that does not fit is refused: it would be done by halves.
	Tree TreeOptions
	// DryRun plans and changes nothing.
	DryRun bool
	// IncludeDetached also takes sub-orchestrations for which nobody waits, with all below them.
	IncludeDetached bool
	// Force purges instances that have not ended. The other actions ignore it.
	Force bool
	// Plan is the result of a dry run, for a purge of what that has listed and nothing else: where the tree has another
	// instance or another execution by now, nothing is done. The other actions ignore it. Defaults to none.
	Plan *TreeResult
	// Concurrency is how many instances are acted on at once, 1 to 256. Defaults to 16.
	Concurrency int
}

const maxConcurrency = 256

func (o *TreeActionOptions) check() (TreeActionOptions, error) {
	var checked TreeActionOptions
	if o != nil {
		checked = *o
	}
	if checked.Concurrency == 0 {
		checked.Concurrency = parallelism
	}
	if checked.Concurrency < 1 || checked.Concurrency > maxConcurrency {
		return checked, invalid("Concurrency is 1 to %d", maxConcurrency)
	}
	checked.Tree.Subtree = true
	return checked, nil
}

// TreeResult is what was, or would be, done to a tree.
type TreeResult struct {
	Action TreeAction `json:"action"`
	// Steps are the instances in the order in which they are acted on. Those of one wave are acted on at once.
	Steps []*TreeStep `json:"steps"`
	// Done, Skipped and Failed count them.
	Done    int `json:"done"`
	Skipped int `json:"skipped"`
	Failed  int `json:"failed"`
}

// TreeStep is what is done to one instance.
type TreeStep struct {
	InstanceID string `json:"instanceId"`
	ParentID   string `json:"parentId,omitempty"`
	Name       string `json:"name,omitempty"`
	// RuntimeStatus is the state in which it was found, ExecutionID the execution: a purge takes no other one. Both are ""
	// if it is missing.
	RuntimeStatus durable.RuntimeStatus `json:"runtimeStatus,omitempty"`
	ExecutionID   string                `json:"executionId,omitempty"`
	// Wave is the number of its turn, from 0.
	Wave int `json:"wave"`
	// Skipped says why there is nothing to do to it, "" if there is.
	Skipped string `json:"skipped,omitempty"`
	// Done says that it was done: a message was sent, or the instance is gone.
	Done bool `json:"done"`
	// Err is why it failed, or nil; Error is its text.
	Err   error  `json:"-"`
	Error string `json:"error,omitempty"`
}

// planTree lists what an action does, in its order.
func planTree(
	ctx context.Context, in hook.Inside, instanceID string, action TreeAction, opts TreeActionOptions,
) (*TreeResult, error) {
	t, err := readTree(ctx, in, instanceID, &opts.Tree)
	if err != nil {
		return nil, err
	}
	if t.Truncated {
		return nil, wrongState("the tree is larger than the limits allow; reading ended after %s", count(t.Nodes, "instance"))
	}
	r := &TreeResult{Action: action}
	levels := treeLevels(t.Root, opts.IncludeDetached)
	for wave := range levels {
		at := wave
		if action == ActionPurge || action == ActionResume {
			at = len(levels) - 1 - wave // children first
		}
		for _, s := range levels[at] {
			s.Wave = wave
			s.Skipped = skipReason(action, s)
			r.Steps = append(r.Steps, s)
		}
	}
	if action == ActionPurge && opts.Plan != nil {
		err = opts.Plan.covers(r.Steps)
	}
	if action == ActionPurge && !opts.Force && err == nil {
		err = allEnded(r.Steps)
	}
	return r, err
}

// covers refuses to purge what a plan has not listed, or not in that execution.
func (r *TreeResult) covers(steps []*TreeStep) error {
	planned := map[string]*TreeStep{}
	for _, s := range r.Steps {
		planned[s.InstanceID] = s
	}
	for _, s := range steps {
		switch p := planned[s.InstanceID]; {
		case s.RuntimeStatus == "":
		case p == nil:
			return conflict("%q was not in the tree when it was planned", s.InstanceID)
		case !wire.SameExecution(p.ExecutionID, s.ExecutionID):
			return conflict("%q was started anew since it was planned", s.InstanceID)
		}
	}
	return nil
}

// treeLevels lists the instances below a root by their distance from it.
func treeLevels(root *TreeNode, detached bool) [][]*TreeStep {
	var levels [][]*TreeStep
	var walk func(n *TreeNode, parentID string, depth int)
	walk = func(n *TreeNode, parentID string, depth int) {
		if n.Seen || n.Foreign || n.Detached && !detached {
			return
		}
		if depth == len(levels) {
			levels = append(levels, nil)
		}
		levels[depth] = append(levels[depth], &TreeStep{
			InstanceID: n.InstanceID, ExecutionID: n.ExecutionID, ParentID: parentID, Name: n.Name, RuntimeStatus: n.RuntimeStatus,
		})
		for _, c := range n.Children {
			walk(c, n.InstanceID, depth+1)
		}
	}
	// Of the root itself it does not matter whose it is.
	top := *root
	top.Detached, top.Foreign = false, false
	walk(&top, "", 0)
	return levels
}

// skipReason says why an action has nothing to do to an instance.
func skipReason(action TreeAction, s *TreeStep) string {
	ended := s.RuntimeStatus.IsTerminal()
	switch {
	case s.RuntimeStatus == "":
		return "does not exist"
	case action == ActionPurge:
		return ""
	case isEntity(s.InstanceID, s.Name):
		return "is an entity"
	case ended:
		return fmt.Sprintf("is %s", s.RuntimeStatus)
	case action == ActionSuspend && s.RuntimeStatus == durable.RuntimeStatusSuspended:
		return "is suspended"
	case action == ActionResume && s.RuntimeStatus != durable.RuntimeStatusSuspended:
		return "is not suspended"
	}
	return ""
}

// allEnded refuses to purge a tree in which something goes on.
func allEnded(steps []*TreeStep) error {
	for _, s := range steps {
		if s.RuntimeStatus != "" && !s.RuntimeStatus.IsTerminal() {
			return wrongState("%q is %s: only trees that have ended are purged, unless Force", s.InstanceID, s.RuntimeStatus)
		}
	}
	return nil
}
