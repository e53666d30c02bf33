// Package taskhub is a task hub: which tables, queues and containers it has, how many partitions, and how instances,
// histories, payloads and messages are read and written in it. All of it runs on the primitives of package storage.
package taskhub

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-durable/durable/internal/wire"
)

// Names are the names of a hub's resources (AzureStorageOrchestrationService.cs, AzureStorageOrchestrationServiceSettings.cs).
// Tables keep the case of the hub's name; queues and containers are lower-cased.
type Names struct{ *names }

// names are put together once: every request needs one.
type names struct {
	hub, lower                    string
	instances, history, workItems string
	control                       [wire.MaxPartitions]string
}

// hubName is what the table service allows, the strictest of the three. 49 characters is what leaves room for
// "-largemessages" in a container's name.
var hubName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{2,48}$`)

// NewNames returns the names for a hub.
func NewNames(hub string) (Names, error) {
	if !hubName.MatchString(hub) {
		return Names{}, errors.New("a task hub's name has 3 to 49 letters and digits and begins with a letter")
	}
	n := &names{hub: hub, lower: strings.ToLower(hub), instances: hub + "Instances", history: hub + "History"}
	n.workItems = n.lower + "-workitems"
	for p := range n.control {
		n.control[p] = n.lower + wire.ControlQueueSuffix(p)
	}
	return Names{n}, nil
}

// Hub returns the hub's name as it was given.
func (n Names) Hub() string { return n.hub }

// Instances returns the table of instances.
func (n Names) Instances() string { return n.instances }

// History returns the table of history events.
func (n Names) History() string { return n.history }

// Partitions returns the table in which hosts with the table partition manager keep who owns which control queue.
func (n Names) Partitions() string { return n.hub + "Partitions" }

// ControlQueue returns the queue of a partition.
func (n Names) ControlQueue(partition int) string {
	if partition < 0 || partition >= len(n.control) {
		return n.lower + wire.ControlQueueSuffix(partition)
	}
	return n.control[partition]
}

// controlQueues returns what the names of all control queues begin with.
func (n Names) controlQueues() string { return n.lower + "-control-" }

// WorkItems returns the queue of activities.
func (n Names) WorkItems() string { return n.workItems }

// LargeMessages returns the container of payloads.
func (n Names) LargeMessages() string { return n.lower + "-largemessages" }

// Quarantine returns the container of messages that were taken out of their queues. Only this module makes it.
func (n Names) Quarantine() string { return n.lower + "-quarantine" }

// Leases returns the container in which hosts with a blob partition manager keep who owns which control queue.
func (n Names) Leases() string { return n.lower + "-leases" }

// AppLease returns the container that the host in charge of the hub holds a lease on.
func (n Names) AppLease() string { return n.lower + "-applease" }

// InfoBlob is where hosts with a blob partition manager record the partition count, in the container of leases.
const InfoBlob = "taskhub.json"

// partitionOf returns the partition of a control queue.
func (n Names) partitionOf(queue string) (int, bool) {
	digits, ok := strings.CutPrefix(queue, n.controlQueues())
	if !ok {
		return 0, false
	}
	p, err := strconv.Atoi(digits)
	if err != nil || p < 0 || p >= wire.MaxPartitions || queue != n.ControlQueue(p) {
		return 0, false
	}
	return p, true
}

// ControlQueues counts the control queues of the hub among some queues.
func (n Names) ControlQueues(queues map[string]bool) int {
	count := 0
	for p := range wire.MaxPartitions {
		if queues[n.ControlQueue(p)] {
			count++
		}
	}
	return count
}
