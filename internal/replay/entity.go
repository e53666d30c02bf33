package replay

import (
	"encoding/json"
	"strings"

	"github.com/go-durable/durable/internal/wire"
)

// request is as much of an entity message as tells a call from a signal (RequestMessage.cs).
type request struct {
	ID     string `json:"id"`
	Signal bool   `json:"signal"`
}

// warnEntityCalls warns of calls of entities that stay and have no answer: the entity answers by an event that bears
// the call's ID. A request too large for its row cannot be looked into.
func (p *planner) warnEntityCalls() {
	answered := map[string]bool{}
	for i := range p.events {
		if p.events[i].Type == wire.EventRaised {
			answered[p.events[i].Name] = true
		}
	}
	for _, a := range p.actions {
		if p.undone[a.row] || a.Type != wire.EventSent || !strings.HasPrefix(a.InstanceID, "@") || !strings.HasPrefix(a.Name, "op") {
			continue
		}
		var r request
		if json.Unmarshal([]byte(a.Row.Text(wire.ColInput)), &r) == nil && r.ID != "" && !r.Signal && !answered[r.ID] {
			p.warn(AnswerLost, a.EventID, "the call of %s has no answer; an answer that came after the end was thrown away", a.InstanceID)
		}
	}
}
