package cli

import "github.com/go-durable/durable"

// rewindDocument is the plan of a rewind or a reset for programs.
type rewindDocument struct {
	Instances []instanceChange `json:"instances"`
	Requests  int              `json:"requests"`
	Warnings  []string         `json:"warnings"`
}

type instanceChange struct {
	InstanceID string                `json:"instanceId"`
	ParentID   string                `json:"parentId,omitempty"`
	Name       string                `json:"name"`
	Status     durable.RuntimeStatus `json:"runtimeStatus"`
	Fatal      []plannedAction       `json:"failures"`
	Rerun      []plannedAction       `json:"doneAgain"`
	RowKeys    []string              `json:"changedRows"`
	Woken      bool                  `json:"woken"`
}

type plannedAction struct {
	EventID int                      `json:"eventId"`
	Type    durable.HistoryEventType `json:"eventType"`
	Name    string                   `json:"name,omitempty"`
	Message string                   `json:"message,omitempty"`
	Why     string                   `json:"why,omitempty"`
}

func newRewindDocument(p *durable.RewindPlan) *rewindDocument {
	d := &rewindDocument{Requests: p.Requests, Warnings: append([]string{}, p.Warnings()...)}
	for _, i := range p.Instances {
		c := instanceChange{
			InstanceID: i.InstanceID, ParentID: i.ParentID, Name: i.Name, Status: i.Status, Woken: i.Woken,
			Fatal: []plannedAction{}, Rerun: []plannedAction{}, RowKeys: []string{},
		}
		for _, f := range i.Fatal {
			c.Fatal = append(c.Fatal, plannedAction{f.EventID, f.Type, f.Name, f.Message, f.Why})
		}
		for _, r := range i.Rerun {
			c.Rerun = append(c.Rerun, plannedAction{EventID: r.EventID, Type: r.Type, Name: r.Name})
		}
		for _, r := range i.Changes {
			c.RowKeys = append(c.RowKeys, r.RowKey)
		}
		d.Instances = append(d.Instances, c)
	}
	return d
}
