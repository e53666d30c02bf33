package operate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/parallel"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// treeReader reads a tree.
type treeReader struct {
	hub  *taskhub.Hub
	opts TreeOptions
	tree *InstanceTree
	// path are the instances from the one asked for up to the root: no limit leaves them out.
	path map[string]bool
	// seen are the instances in the tree.
	seen map[string]bool
}

// member is an instance of a tree with what its history says of its relatives.
type member struct {
	node     *TreeNode
	parent   *ParentRef
	children []ChildRef
	// byID are the places of the children by event ID.
	byID map[int]int
	// started says that the history has a beginning, byClient that a client has written the row: workers, which make the rows
	// of sub-orchestrations, write no TaskHubName (all recordings).
	started, byClient bool
}

// treeColumns are the columns of a row that a tree shows.
var treeColumns = []string{
	wire.ColName, wire.ColRuntimeStatus, wire.ColExecutionID, wire.ColCreatedTime, wire.ColLastUpdatedTime,
	wire.ColCompletedTime, wire.ColOutput, wire.ColTaskHubName,
}

// relatives are the columns of a history row that name others.
var relatives = []string{
	wire.ColEventType, wire.ColEventID, wire.ColExecutionID, wire.ColName, wire.ColInstanceID, wire.ColTaskScheduledID,
	wire.ColParentInstance, wire.ColTags,
}

// read reads an instance. One that does not exist is [taskhub.ErrInstanceNotFound].
func (r *treeReader) read(ctx context.Context, instanceID string) (*member, error) {
	row, err := r.hub.ReadInstance(ctx, instanceID, treeColumns...)
	if err != nil {
		return nil, err
	}
	m := &member{byClient: row.TaskHubName != "", byID: map[int]int{}, node: &TreeNode{
		InstanceID: row.ID, Name: row.Name, RuntimeStatus: durable.RuntimeStatus(row.RuntimeStatus), ExecutionID: row.ExecutionID,
		CreatedTime: row.CreatedTime.Time(), LastUpdatedTime: row.LastUpdatedTime.Time(), CompletedTime: row.CompletedTime.Time(), EventID: -1,
	}}
	if row.RuntimeStatus == wire.StatusFailed {
		m.node.Failure = shorten(row.Output.Text)
	}
	return m, r.readRelatives(ctx, row, m)
}

// maxFailure bounds the text of a failure, in bytes.
const maxFailure = 1000

func shorten(s string) string {
	if len(s) <= maxFailure {
		return s
	}
	s = s[:maxFailure]
	for len(s) > 0 && !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "..."
}

// readRelatives reads those rows of the history that name others.
func (r *treeReader) readRelatives(ctx context.Context, row *wire.Instance, m *member) error {
	is := func(column, value string) storage.Filter {
		return storage.Cmp{Column: column, Op: storage.EQ, Value: text(value)}
	}
	filter := storage.And{is("PartitionKey", row.Key), storage.Or{
		is(wire.ColEventType, wire.ExecutionStarted), is(wire.ColEventType, wire.SubOrchestrationInstanceCreated),
		is(wire.ColEventType, wire.SubOrchestrationInstanceCompleted), is(wire.ColEventType, wire.SubOrchestrationInstanceFailed),
	}}
	if row.ExecutionID != "" {
		filter = append(filter, is(wire.ColExecutionID, row.ExecutionID))
	}
	q := storage.Query{Filter: filter, Columns: relatives}
	for {
		page, err := r.hub.Tables.Query(ctx, r.hub.Names.History(), q)
		if err != nil {
			return err
		}
		for i := range page.Entities {
			ev, err := wire.DecodeEvent(&page.Entities[i])
			if err != nil {
				return err
			}
			m.add(&ev)
		}
		if q.From = page.Next; q.From == (storage.Token{}) {
			return nil
		}
	}
}

func (m *member) add(ev *wire.Event) {
	switch ev.Type {
	case wire.ExecutionStarted:
		m.started = true
		if m.parent == nil {
			m.parent = parentOf(ev.Row)
		}
	case wire.SubOrchestrationInstanceCreated:
		if _, twice := m.byID[ev.EventID]; !twice {
			m.byID[ev.EventID] = len(m.children)
		}
		// What is cut out of an answer would keep all of it in memory.
		m.children = append(m.children, ChildRef{
			EventID: ev.EventID, InstanceID: strings.Clone(ev.InstanceID), Name: strings.Clone(ev.Name),
		})
	default:
		answer := "completed"
		if ev.Type == wire.SubOrchestrationInstanceFailed {
			answer = "failed"
		}
		if i, known := m.byID[ev.ScheduledID]; known && m.children[i].Answer == "" {
			m.children[i].Answer = answer
		}
	}
}

// top goes up from an instance to its topmost ancestor.
func (r *treeReader) top(ctx context.Context, instanceID string) (*member, error) {
	m, err := r.read(ctx, instanceID)
	if err != nil || r.opts.Subtree {
		return m, err
	}
	for range r.opts.MaxDepth {
		p := m.parent
		switch {
		case p == nil:
			return m, nil
		case r.path[p.InstanceID]:
			r.tree.note("%q and its ancestors go round in a circle", p.InstanceID)
			return m, nil
		}
		up, err := r.read(ctx, p.InstanceID)
		switch {
		case isGone(err):
			r.tree.note("%q, which started %q, does not exist any more", p.InstanceID, m.node.InstanceID)
			return m, nil
		case err != nil:
			return nil, fmt.Errorf("read %q: %w", p.InstanceID, err)
		case !slices.ContainsFunc(up.children, func(c ChildRef) bool { return c.InstanceID == m.node.InstanceID }):
			r.tree.note("%q, which started %q, was started anew since", p.InstanceID, m.node.InstanceID)
			return m, nil
		}
		r.path[p.InstanceID] = true
		m = up
	}
	r.tree.Truncated = true
	r.tree.note("there are more ancestors above %q", m.node.InstanceID)
	return m, nil
}

// down reads everything below the root, level by level.
func (r *treeReader) down(ctx context.Context, root *member) error {
	r.seen[root.node.InstanceID] = true
	r.tree.Nodes = 1
	level := []*member{root}
	for depth := 1; len(level) > 0; depth++ {
		var next []*member
		for _, m := range level {
			next = append(next, r.expand(m, depth)...)
		}
		errs := parallel.Do(ctx, len(next), parallelism, func(ctx context.Context, i int) error { return r.fill(ctx, next[i]) })
		for i, err := range errs {
			if err != nil {
				return fmt.Errorf("read %q: %w", next[i].node.InstanceID, err)
			}
		}
		level = next
	}
	return nil
}

// expand adds the sub-orchestrations of an instance to the tree and returns those that have to be read.
func (r *treeReader) expand(m *member, depth int) []*member {
	var unread []*member
	for n, c := range m.children {
		node := &TreeNode{InstanceID: c.InstanceID, Name: c.Name, EventID: c.EventID, Answer: c.Answer}
		switch {
		case r.seen[c.InstanceID]:
			node.Seen = true
		case !r.path[c.InstanceID] && (n >= r.opts.MaxChildren || r.tree.Nodes >= r.opts.MaxNodes || depth > r.opts.MaxDepth):
			m.node.Omitted++
			r.tree.Truncated = true
			continue
		default:
			r.seen[c.InstanceID] = true
			r.tree.Nodes++
			unread = append(unread, &member{node: node, parent: &ParentRef{
				InstanceID: m.node.InstanceID, ExecutionID: m.node.ExecutionID, EventID: c.EventID,
			}})
		}
		m.node.Children = append(m.node.Children, node)
	}
	return unread
}

// fill reads an instance of which only the parent's view is known.
func (r *treeReader) fill(ctx context.Context, m *member) error {
	read, err := r.read(ctx, m.node.InstanceID)
	if isGone(err) {
		m.node.Missing = true
		return nil
	}
	if err != nil {
		return err
	}
	node, by := m.node, m.parent
	eventID, answer, name := node.EventID, node.Answer, node.Name
	*node = *read.node
	node.EventID, node.Answer = eventID, answer
	if node.Name == "" {
		node.Name = name
	}
	p := read.parent
	switch {
	case !read.started && node.RuntimeStatus.IsTerminal() && !read.byClient: // a purge was interrupted behind the history
	case p == nil || p.InstanceID != by.InstanceID || by.ExecutionID != "" && !wire.SameExecution(p.ExecutionID, by.ExecutionID):
		node.Foreign = true
		return nil
	default:
		node.Detached = p.Detached
	}
	m.children = read.children
	return nil
}
