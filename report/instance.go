package report

import (
	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/wire"
)

// Instance is an instance, what is known of it, and the sub-orchestrations that it started.
type Instance struct {
	// ID is the instance's ID.
	ID string
	// Name is the orchestrator's name as the instance that started it has it. What its status or history say comes first.
	Name string
	// Status is its status, nil if there is none.
	Status *durable.OrchestrationStatus
	// History are the events of its current execution, oldest first.
	History []*durable.HistoryEvent
	// Children are the instances that it started, as far as they are known. Their order does not matter.
	Children []*Instance
	// Note says what is missing and why, such as "not found".
	Note string
}

// pictured are the children that a picture shows. Of those of which only the ID is known these are the first: Load stops
// reading where they are too many.
func (i *Instance) pictured() (children []*Instance, left int) {
	const most = 20
	bare := 0
	for _, c := range i.Children {
		if c.Status == nil && len(c.History) == 0 && len(c.Children) == 0 {
			if bare++; bare > most {
				left++
				continue
			}
		}
		children = append(children, c)
	}
	return children, left
}

// detached reports whether the instance that started this one does not wait for it, which only its own history knows.
func (i *Instance) detached() bool {
	for _, e := range i.History {
		if e.Type == durable.EventExecutionStarted {
			return wire.IsDetached(e.Properties[wire.ColTags])
		}
	}
	return false
}

// name is the orchestrator's name.
func (i *Instance) name() string {
	if i.Status != nil && i.Status.Name != "" {
		return i.Status.Name
	}
	for _, e := range i.History {
		if e.Type == durable.EventExecutionStarted && e.Name != "" {
			return e.Name
		}
	}
	return i.Name
}

// state is the instance's state; where there is no row, that in which its history ends.
func (i *Instance) state() durable.RuntimeStatus {
	if i.Status != nil {
		return i.Status.RuntimeStatus
	}
	var state durable.RuntimeStatus
	for _, e := range i.History {
		if e.Type == durable.EventExecutionCompleted && e.Status != "" {
			state = e.Status
		}
	}
	return state
}
