package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/screen"
	"github.com/go-durable/durable/cmd/durable/internal/text"
	"github.com/go-durable/durable/operate"
)

// The limits of a tree are those that package operate has by default.
const (
	defaultMaxDepth     = 32
	defaultMaxChildren  = 250
	defaultMaxInstances = 2000
)

// treeLimits bound how much of a tree is read.
type treeLimits struct{ depth, children, instances int }

// limitFlags are their flags.
var limitFlags = []string{"max-depth", "max-children", "max-instances"}

// add adds the flags. What they are about begins their texts.
func (f *treeLimits) add(cmd *cobra.Command, about string) {
	flags := cmd.Flags()
	flags.IntVar(&f.depth, limitFlags[0], defaultMaxDepth, about+"read at most this many `levels`")
	flags.IntVar(&f.children, limitFlags[1], defaultMaxChildren, about+"read at most this many `children` of one instance")
	flags.IntVar(&f.instances, limitFlags[2], defaultMaxInstances, about+"read at most this many `instances`")
}

func (f *treeLimits) check() error {
	for i, n := range []int{f.depth, f.children, f.instances} {
		if n < 1 {
			return usageError("--%s is 1 or more", limitFlags[i])
		}
	}
	return nil
}

func (f *treeLimits) options() operate.TreeOptions {
	return operate.TreeOptions{MaxDepth: f.depth, MaxChildren: f.children, MaxNodes: f.instances}
}

func (a *app) treeCommand() *cobra.Command {
	var id string
	var subtree bool
	f := &treeLimits{}
	cmd := command("tree", "Show an instance with its parents and sub-orchestrations", `  durable tree --id order-17
  durable tree --id order-17 --subtree --output json | jq .firstFailure`,
		func(ctx context.Context) error { return a.tree(ctx, id, f, subtree) })
	cmd.Long = `Draw the tree that an instance belongs to, from its topmost ancestor down, with the state of each instance, and say where a
failure began. It changes nothing. What a limit leaves out is marked.`
	idFlag(cmd, &id)
	cmd.Flags().BoolVar(&subtree, "subtree", false, "only the instance and what is below it")
	f.add(cmd, "")
	return cmd
}

func (a *app) tree(ctx context.Context, id string, f *treeLimits, subtree bool) error {
	if err := f.check(); err != nil {
		return err
	}
	client, err := a.open()
	if err != nil {
		return err
	}
	opts := f.options()
	opts.Subtree = subtree
	t, err := operate.Tree(ctx, client, id, &opts)
	if err != nil {
		return err
	}
	return a.out.Emit(t, func() error { return a.showTree(t) })
}

// showTree draws a tree, and says below it what to know about it.
func (a *app) showTree(t *operate.InstanceTree) error {
	d := a.drawing(t)
	d.node(t.Root, nil, "", "")
	if d.err == nil {
		d.err = a.out.Print("")
	}
	if d.err != nil {
		return d.err
	}
	f := a.out.Details()
	f.Add("instances", text.Number(t.Nodes)+" ("+stateCounts(treeStates(t))+")")
	if first := t.FirstFailure; first != nil {
		ended := ""
		if !first.CompletedTime.IsZero() {
			ended = ", ended " + text.Stamp(first.CompletedTime)
		}
		f.Add("first failure", titleOf(first.InstanceID, first.Name)+ended)
		f.Add("", first.Failure)
	}
	for _, n := range t.Notes {
		f.Add("note", n)
	}
	if t.Truncated {
		f.Add("cut off", "not all was read; --"+strings.Join(limitFlags, ", --")+" say how much is")
	}
	return f.Err()
}

// treeStates counts the instances of a tree by their states.
func treeStates(t *operate.InstanceTree) map[durable.RuntimeStatus]int {
	counts := make(map[durable.RuntimeStatus]int)
	t.Root.Walk(func(n *operate.TreeNode, _ int) {
		switch {
		case n.Seen:
		case n.Missing:
			counts["missing"]++
		default:
			counts[n.RuntimeStatus]++
		}
	})
	return counts
}

// titleOf names an instance: "order-17 (ProcessOrder)".
func titleOf(id, name string) string {
	if name == "" || name == id {
		return text.OneLine(id)
	}
	return text.OneLine(id + " (" + name + ")")
}

// drawing is a tree on its way to the screen. A width of 0 is as wide as it likes.
type drawing struct {
	a     *app
	tree  *operate.InstanceTree
	width int
	// branch leads to a child, last to the last one; past and behind them stand the children of these two.
	branch, last, past, behind string
	err                        error
}

func (a *app) drawing(t *operate.InstanceTree) *drawing {
	d := &drawing{a: a, tree: t, width: a.out.Columns(), branch: "├── ", last: "└── ", past: "│   ", behind: "    "}
	if !a.out.UTF8() {
		d.branch, d.last, d.past = "|-- ", "`-- ", "|   "
	}
	return d
}

// node draws an instance behind lead, and all below it, each line behind below.
func (d *drawing) node(n, parent *operate.TreeNode, lead, below string) {
	d.line(lead, n, parent)
	for i, c := range n.Children {
		if i == len(n.Children)-1 && n.Omitted == 0 {
			d.node(c, n, below+d.last, below+d.behind)
		} else {
			d.node(c, n, below+d.branch, below+d.past)
		}
	}
	if n.Omitted > 0 {
		d.print(below + d.last + "and " + text.Number(n.Omitted) + " more")
	}
}

// line draws one instance. Where the terminal is too narrow, the name of its orchestrator gives way.
func (d *drawing) line(lead string, n, parent *operate.TreeNode) {
	title, state, marks := titleOf(n.InstanceID, n.Name), d.state(n, parent), d.marks(n)
	room := d.width - text.Width(lead+state+marks)
	if d.width > 0 && text.Width(title) > room {
		title = titleOf(n.InstanceID, "")
		if room -= text.Width(title + " ()"); room >= text.Narrowest {
			title = titleOf(n.InstanceID, text.Shorten(text.OneLine(n.Name), room))
		}
	}
	d.print(lead + title + state + d.a.out.Paint(screen.Bold, marks))
}

func (d *drawing) print(line string) {
	if d.err == nil {
		d.err = d.a.out.Print("%s", line)
	}
}

// state says how an instance is doing, and what is between it and its parent.
func (d *drawing) state(n, parent *operate.TreeNode) string {
	switch {
	case n.Seen:
		return ", stands elsewhere in the tree"
	case n.Missing:
		return ", " + d.a.out.Paint(screen.Yellow, "does not exist")
	}
	s := ", " + d.a.statusStyle(n.RuntimeStatus)
	switch {
	case n.Foreign:
		s += ", started by somebody else since"
	case n.Detached:
		s += ", detached"
	case parent != nil && n.RuntimeStatus.IsTerminal() && n.Answer == "" && !parent.RuntimeStatus.IsTerminal():
		s += ", its parent has no answer"
	}
	return s
}

// marks point at the instance asked for, and at where a failure began.
func (d *drawing) marks(n *operate.TreeNode) string {
	var marks []string
	if n.InstanceID == d.tree.InstanceID && n != d.tree.Root && !n.Seen {
		marks = append(marks, "this one")
	}
	if n == d.tree.FirstFailure {
		marks = append(marks, "first failure")
	}
	if len(marks) == 0 {
		return ""
	}
	return fmt.Sprintf("  <- %s", strings.Join(marks, ", "))
}
