package cli

import "github.com/go-durable/durable"

// hubDocument is what there is of a task hub, for programs.
type hubDocument struct {
	Name          string            `json:"taskHub"`
	Partitions    int               `json:"partitionCount"`
	Sources       []partitionSource `json:"partitionSources"`
	HostSeen      bool              `json:"hostSeen"`
	WorkItems     int64             `json:"workItems"`
	ControlQueues []controlQueue    `json:"controlQueues"`
	Tables        []string          `json:"tables"`
	Queues        []string          `json:"queues"`
	Containers    []string          `json:"containers"`
}

type partitionSource struct {
	Name  string `json:"source"`
	Count int    `json:"count"`
}

type controlQueue struct {
	Name     string `json:"name"`
	Messages int64  `json:"messages"`
	Owned    bool   `json:"owned"`
	Owner    string `json:"owner,omitempty"`
}

func newHubDocument(info *durable.TaskHubInfo) *hubDocument {
	d := &hubDocument{
		Name: info.Name, Partitions: info.PartitionCount, HostSeen: info.HostSeen, WorkItems: info.WorkItems,
		Sources: []partitionSource{}, ControlQueues: []controlQueue{},
		Tables: append([]string{}, info.Tables...), Queues: append([]string{}, info.Queues...),
		Containers: append([]string{}, info.Containers...),
	}
	for _, s := range info.PartitionSources {
		d.Sources = append(d.Sources, partitionSource{s.Name, s.Count})
	}
	for _, q := range info.ControlQueues {
		d.ControlQueues = append(d.ControlQueues, controlQueue{q.Name, q.Messages, q.Owned, q.Owner})
	}
	return d
}
