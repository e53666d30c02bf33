package report

import (
	"strings"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/wire"
)

// lock is what the request for an entity's lock is called, which has no operation.
const lock = "lock"

// reasonable is how large a message of an entity may be that is looked into.
const reasonable = 1 << 20

// entityRequest reads what an event that was sent asks of an entity. It reports false for an event that asks nothing of
// one, and for one whose text was left out.
func entityRequest(e *durable.HistoryEvent) (wire.EntityRequest, bool) {
	if !strings.HasPrefix(e.InstanceID, "@") || len(e.Input) > reasonable {
		return wire.EntityRequest{}, false
	}
	r, ok := wire.DecodeEntityRequest(e.Name, string(e.Input))
	if ok && r.Operation == "" {
		r.Operation = lock
	}
	return r, ok
}

// entityAnswer reads the answer of an entity; of one that is too large nothing is known.
func entityAnswer(e *durable.HistoryEvent) wire.EntityAnswer {
	if len(e.Input) > reasonable {
		return wire.EntityAnswer{}
	}
	a, _ := wire.DecodeEntityAnswer(string(e.Input))
	return a
}
