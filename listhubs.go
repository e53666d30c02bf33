package durable

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-durable/durable/internal/taskhub"
)

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
	errs := parallel(ctx, len(lists), len(lists), func(ctx context.Context, i int) error {
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
