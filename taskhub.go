package durable

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-durable/durable/internal/parallel"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
)

// CreateTaskHubOptions are options for CreateTaskHub.
type CreateTaskHubOptions struct {
	// PartitionCount is the number of control queues, 1 to 16; it must be what the app's host.json has and cannot be
	// changed later. Defaults to the client's [ClientOptions], else to 4, the default of the engine.
	PartitionCount int
}

const defaultPartitionCount = 4

// CreateTaskHub creates the tables and queues that a client needs; what else belongs to a hub, its hosts create. It is
// idempotent and completes a hub that an interrupted call left half made. It returns [ErrPartitionCount] if the hub
// exists with another partition count, and [ErrInvalidState] if one of that name was deleted a moment ago.
func (c *OrchestrationClient) CreateTaskHub(ctx context.Context, opts *CreateTaskHubOptions) error {
	const op = "CreateTaskHub"
	count := defaultPartitionCount
	switch {
	case opts != nil && opts.PartitionCount != 0:
		count = opts.PartitionCount
	case c.hub.GivenPartitionCount() != 0:
		count = c.hub.GivenPartitionCount()
	}
	if err := taskhub.CheckPartitionCount(count); err != nil {
		return c.fail(op, "", invalid("%w", err))
	}
	return c.fail(op, "", c.hub.Create(ctx, count))
}

// DeleteTaskHubOptions are options for DeleteTaskHub.
type DeleteTaskHubOptions struct {
	// Force deletes the hub even while a host is at work on it.
	Force bool
}

// DeleteTaskHub deletes the task hub with all its instances. It cannot be undone. It returns [ErrTaskHubNotFound] if
// nothing of the hub exists, and [ErrInvalidState] while a host holds its lease on the hub, in which case nothing was
// deleted unless opts.Force. An interrupted call can be repeated. The storage service may need a minute before a hub of
// the same name can be created.
func (c *OrchestrationClient) DeleteTaskHub(ctx context.Context, opts *DeleteTaskHubOptions) error {
	err := c.hub.Delete(ctx, opts != nil && opts.Force)
	if errors.Is(err, storage.ErrLeased) {
		err = wrongState("a host is at work on the hub; stop it first: %w", err)
	}
	return c.fail("DeleteTaskHub", "", err)
}

// TaskHubInfo is what there is of a task hub.
type TaskHubInfo struct {
	Name string
	// PartitionCount is the number of partitions, or 0 where the sources contradict each other or there is none.
	PartitionCount int
	// PartitionSources are the places where a partition count was found.
	PartitionSources []PartitionSource
	// Tables, Queues and Containers are those resources of the hub that exist.
	Tables, Queues, Containers []string
	// ControlQueues are the control queues that exist or that a host has claimed.
	ControlQueues []ControlQueueInfo
	// WorkItems is about how many activities wait for a worker, or are being worked on.
	WorkItems int64
	// HostSeen says whether a host has ever been at the hub.
	HostSeen bool
}

// PartitionSource is a place where a partition count was found.
type PartitionSource struct {
	// Name is "option", "Partitions table", "taskhub.json" or "control queues".
	Name string
	// Count is the count that it says.
	Count int
}

// ControlQueueInfo is about a control queue.
type ControlQueueInfo struct {
	Name string
	// Messages is about how many messages lie in it, those for later included.
	Messages int64
	// Owner is the host that reads it, where that is known.
	Owner string
	// Owned says whether a host reads it at this moment.
	Owned bool
}

// TaskHubInfoOptions are options for TaskHubInfo.
type TaskHubInfoOptions struct{}

// TaskHubInfo tells what there is of the task hub. It returns [ErrTaskHubNotFound] if nothing is.
func (c *OrchestrationClient) TaskHubInfo(ctx context.Context, _ *TaskHubInfoOptions) (*TaskHubInfo, error) {
	info, err := c.taskHubInfo(ctx)
	if err != nil {
		return nil, c.fail("TaskHubInfo", "", err)
	}
	return info, nil
}

func (c *OrchestrationClient) taskHubInfo(ctx context.Context) (*TaskHubInfo, error) {
	r, err := c.hub.Resources(ctx)
	if err != nil {
		return nil, err
	}
	if len(r.Tables)+len(r.Queues)+len(r.Containers) == 0 {
		return nil, ErrTaskHubNotFound
	}
	info := &TaskHubInfo{
		Name: c.hub.Hub(), Tables: r.Tables, Queues: r.Queues, Containers: r.Containers, HostSeen: c.hub.HostSeen(r),
	}
	if err := c.addPartitions(ctx, info); err != nil {
		return nil, err
	}
	return info, c.addQueues(ctx, info)
}

func (c *OrchestrationClient) addPartitions(ctx context.Context, info *TaskHubInfo) error {
	if n := c.hub.GivenPartitionCount(); n != 0 {
		info.PartitionSources = append(info.PartitionSources, PartitionSource{string(taskhub.FromOption), n})
	}
	counts, err := c.hub.Counts(ctx)
	if err != nil {
		return err
	}
	for _, n := range counts {
		info.PartitionSources = append(info.PartitionSources, PartitionSource{string(n.Source), n.N})
	}
	info.PartitionCount, err = c.hub.PartitionCount(ctx)
	if errors.Is(err, ErrPartitionCount) || errors.Is(err, ErrTaskHubNotFound) {
		err = nil // the sources are in the answer
	}
	return err
}

func (c *OrchestrationClient) addQueues(ctx context.Context, info *TaskHubInfo) error {
	owners, err := c.hub.QueueOwners(ctx)
	if err != nil {
		return err
	}
	owned := make(map[string]taskhub.Owner, len(owners))
	for _, o := range owners {
		owned[o.Queue] = o
	}
	for _, name := range info.Queues {
		n, err := c.hub.Queues.Count(ctx, name)
		if err != nil {
			return fmt.Errorf("count the messages in %s: %w", name, err)
		}
		if name == c.hub.WorkItems() {
			info.WorkItems = n
			continue
		}
		o := owned[name]
		info.ControlQueues = append(info.ControlQueues, ControlQueueInfo{name, n, o.Name, o.Alive})
		delete(owned, name)
	}
	for _, o := range owners {
		if _, missing := owned[o.Queue]; missing {
			info.ControlQueues = append(info.ControlQueues, ControlQueueInfo{Name: o.Queue, Owner: o.Name, Owned: o.Alive})
		}
	}
	return nil
}

// TaskHubListing is a task hub that ListTaskHubs has found.
type TaskHubListing struct {
	// Name is the task hub's name, in the case in which its tables were created.
	Name string
	// ControlQueues is how many control queues it has; 0 means that only its tables are there.
	ControlQueues int
	// HostSeen says whether a host has ever been at the hub.
	HostSeen bool
}

// ListTaskHubsOptions are options for ListTaskHubs.
type ListTaskHubsOptions struct{}

// ListTaskHubs lists the task hubs of the client's storage account, in the order of their names, whatever the task hub of
// the client itself. A task hub is recognised by its tables: one whose name ends in Instances and its sibling in History.
// That a table is named so by accident cannot be told. Opts may be nil.
//
// It lists all tables, queues and containers of the account, but reads none of them.
func (c *OrchestrationClient) ListTaskHubs(ctx context.Context, _ *ListTaskHubsOptions) ([]TaskHubListing, error) {
	hubs, err := c.listTaskHubs(ctx)
	if err != nil {
		return nil, c.fail("ListTaskHubs", "", err)
	}
	return hubs, nil
}

func (c *OrchestrationClient) listTaskHubs(ctx context.Context) ([]TaskHubListing, error) {
	var names [3]map[string]bool // tables, queues and containers, in lower case
	var tables []string
	lists := [...]func(context.Context, string) ([]string, error){
		c.hub.Tables.ListTables, c.hub.Queues.ListQueues, c.hub.Blobs.ListContainers,
	}
	errs := parallel.Do(ctx, len(lists), len(lists), func(ctx context.Context, i int) error {
		list, err := lists[i](ctx, "")
		if err != nil {
			return fmt.Errorf("list the %s: %w", [...]string{"tables", "queues", "containers"}[i], err)
		}
		if i == 0 {
			tables = list
		}
		names[i] = make(map[string]bool, len(list))
		for _, name := range list {
			names[i][strings.ToLower(name)] = true
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var hubs []TaskHubListing
	for _, table := range tables {
		hub, ok := hubOfTable(table)
		if !ok || !names[0][strings.ToLower(hub.History())] {
			continue
		}
		hubs = append(hubs, TaskHubListing{
			Name: hub.Hub(), ControlQueues: hub.ControlQueues(names[1]),
			HostSeen: names[0][strings.ToLower(hub.Partitions())] || names[2][hub.Leases()] || names[2][hub.AppLease()],
		})
	}
	slices.SortFunc(hubs, func(a, b TaskHubListing) int { return strings.Compare(a.Name, b.Name) })
	return hubs, nil
}

// hubOfTable returns the names of the hub whose table of instances it is.
func hubOfTable(table string) (taskhub.Names, bool) {
	const suffix = "Instances"
	if len(table) <= len(suffix) || !strings.EqualFold(table[len(table)-len(suffix):], suffix) {
		return taskhub.Names{}, false
	}
	hub, err := taskhub.NewNames(table[:len(table)-len(suffix)])
	return hub, err == nil
}
