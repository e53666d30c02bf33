package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/screen"
	"github.com/go-durable/durable/cmd/durable/internal/text"
)

func (a *app) createHubCommand() *cobra.Command {
	var partitions int
	cmd := command("create-task-hub", "Create the task hub", `  durable create-task-hub --task-hub-name MyHub --partition-count 4`,
		func(ctx context.Context) error { return a.createHub(ctx, partitions) })
	cmd.Long = `Create the tables and queues of the task hub. It can be repeated. The partition count must be that of the app and cannot be
changed later; its default is storageProvider/partitionCount of host.json, else 4.`
	cmd.Flags().IntVar(&partitions, "partition-count", 0, "`number` of partitions, 1 to 16")
	yesFlag(cmd)
	return cmd
}

func (a *app) createHub(ctx context.Context, partitions int) error {
	client, err := a.openToWrite()
	if err != nil {
		return err
	}
	if partitions == 0 {
		partitions = a.hub.Partitions
	}
	if err := client.CreateTaskHub(ctx, &durable.CreateTaskHubOptions{PartitionCount: partitions}); err != nil {
		return err
	}
	doc := struct {
		Hub string `json:"taskHub"`
	}{client.TaskHub()}
	return a.out.Report(doc, "Task hub '%s' is there.", client.TaskHub())
}

func (a *app) deleteHubCommand() *cobra.Command {
	f := &changeFlags{}
	var force bool
	cmd := command("delete-task-hub", "Delete the task hub with all its instances", `  durable delete-task-hub --task-hub-name UserTest
  durable delete-task-hub --task-hub-name UserTest --yes`,
		func(ctx context.Context) error { return a.deleteHub(ctx, f, force) })
	cmd.Long = `Delete all tables, queues and containers of the task hub. It shows what is there, and asks. A hub that a host is working on is
refused without --force (exit code 4).`
	cmd.Flags().BoolVar(&force, "force", false, "even while a host is at work on it")
	f.add(cmd)
	return cmd
}

func (a *app) deleteHub(ctx context.Context, f *changeFlags, force bool) error {
	if err := a.askable(f); err != nil {
		return err
	}
	client, err := a.openToWrite()
	if err != nil {
		return err
	}
	if !f.yes {
		if err := a.planDelete(ctx, client, f); err != nil || f.dryRun {
			return err
		}
		if err := a.confirm(ctx, f, fmt.Sprintf("Delete task hub '%s'?", client.TaskHub())); err != nil {
			return err
		}
	}
	if err := client.DeleteTaskHub(ctx, &durable.DeleteTaskHubOptions{Force: force}); err != nil {
		return err
	}
	doc := struct {
		Hub string `json:"taskHub"`
	}{client.TaskHub()}
	return a.out.Report(doc, "Task hub '%s' successfully deleted.", client.TaskHub())
}

func (a *app) planDelete(ctx context.Context, client *durable.OrchestrationClient, f *changeFlags) error {
	info, err := client.TaskHubInfo(ctx, nil)
	if err != nil {
		return err
	}
	counts, err := client.CountInstances(ctx, &durable.InstanceFilter{IncludeEntities: true}, nil)
	if err != nil && !errors.Is(err, durable.ErrTaskHubNotFound) { // half a hub can be deleted as well
		return err
	}
	statuses, total := make(map[durable.RuntimeStatus]int), 0
	for _, c := range counts {
		statuses[c.Status] += c.Count
		total += c.Count
	}
	instances := text.Number(total)
	if total > 0 {
		instances += " (" + stateCounts(statuses) + ")"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "To be deleted for good:\n")
	for _, line := range [][2]string{
		{"instances", instances},
		{"messages", text.Number(backlog(info))},
		{"tables", strings.Join(info.Tables, ", ")},
		{"queues", strings.Join(info.Queues, ", ")},
		{"containers", strings.Join(info.Containers, ", ")},
		{"requests", "about " + text.Number(len(info.Tables)+len(info.Queues)+len(info.Containers))},
	} {
		if line[1] != "" {
			fmt.Fprintf(&b, "  %-11s %s\n", line[0], line[1])
		}
	}
	return a.plan(f, newHubDocument(info), b.String())
}

func backlog(info *durable.TaskHubInfo) int {
	n := info.WorkItems
	for _, q := range info.ControlQueues {
		n += q.Messages
	}
	return int(n)
}

func (a *app) hubCommand() *cobra.Command {
	cmd := command("task-hub", "Show the task hub: partitions, owners, backlog", `  durable task-hub --task-hub-name MyHub`,
		func(ctx context.Context) error {
			client, err := a.open()
			if err != nil {
				return err
			}
			info, err := client.TaskHubInfo(ctx, nil)
			if err != nil {
				return err
			}
			return a.out.Emit(newHubDocument(info), func() error { return a.showHub(info) })
		})
	return cmd
}

func (a *app) showHub(info *durable.TaskHubInfo) error {
	d := a.out.Details()
	d.Add("task hub", info.Name)
	var sources []string
	for _, s := range info.PartitionSources {
		sources = append(sources, s.Name+": "+strconv.Itoa(s.Count))
	}
	partitions := strconv.Itoa(info.PartitionCount)
	if info.PartitionCount == 0 {
		partitions = "not certain"
	}
	d.Add("partitions", partitions+" ("+strings.Join(sources, ", ")+")")
	seen := "no host has ever been at this hub"
	if info.HostSeen {
		seen = "yes"
	}
	d.Add("host seen", seen)
	d.Add("backlog", fmt.Sprintf("%s for orchestrators and entities, %s for activities",
		text.Count(backlog(info)-int(info.WorkItems), "message"), text.Number(int(info.WorkItems))))
	d.Add("tables", strings.Join(info.Tables, ", "))
	d.Add("containers", strings.Join(info.Containers, ", "))
	if d.Err() != nil || len(info.ControlQueues) == 0 {
		return d.Err()
	}
	table := &screen.Table{Headers: []string{"QUEUE", "MESSAGES", "OWNED", "OWNER"}, Right: map[int]bool{1: true}, Cut: []int{3, 0}}
	for _, q := range info.ControlQueues {
		owned := "no"
		if q.Owned {
			owned = "yes"
		}
		messages := text.Number(int(q.Messages))
		if !slices.Contains(info.Queues, q.Name) { // of which only a host's claim is left
			messages = "no queue"
		}
		table.Add(q.Name, messages, owned, q.Owner)
	}
	if err := a.out.Print(""); err != nil {
		return err
	}
	return a.out.Table(table, "")
}

func (a *app) listHubsCommand() *cobra.Command {
	return command("list-task-hubs", "List the task hubs of the storage account", `  durable list-task-hubs --account contoso`,
		func(ctx context.Context) error {
			client, err := a.open()
			if err != nil {
				return err
			}
			hubs, err := client.ListTaskHubs(ctx, nil)
			if err != nil {
				return err
			}
			docs := make([]hubListing, len(hubs))
			table := &screen.Table{Headers: []string{"TASK HUB", "PARTITIONS", "HOST SEEN"}, Right: map[int]bool{1: true}, Cut: []int{0}}
			for i, h := range hubs {
				docs[i] = hubListing{h.Name, h.ControlQueues, h.HostSeen}
				seen := "no"
				if h.HostSeen {
					seen = "yes"
				}
				table.Add(h.Name, strconv.Itoa(h.ControlQueues), seen)
			}
			return a.out.Emit(docs, func() error { return a.out.Table(table, "No task hubs.") })
		})
}

type hubListing struct {
	Name          string `json:"taskHub"`
	ControlQueues int    `json:"controlQueues"`
	HostSeen      bool   `json:"hostSeen"`
}
