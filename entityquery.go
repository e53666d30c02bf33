package durable

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// EntityFilter says which entities. All conditions must hold; a zero condition holds for all. A filter is copied when it
// is given to a method.
type EntityFilter struct {
	// Name is the name of the entities wanted. It is not case-sensitive.
	Name string
	// LastOperationFrom and LastOperationTo bound the time of the last operation. They are inclusive.
	LastOperationFrom, LastOperationTo time.Time
	// IncludeDeleted shows also what has no state: entities that were deleted, or that were locked but never used.
	IncludeDeleted bool
	// OmitState leaves the state out; it is not fetched.
	OmitState bool
}

// EntityStatus is an entity that a query has found. It marshals to the JSON document of the HTTP API.
type EntityStatus struct {
	// ID names the entity.
	ID EntityID
	EntityStateResponse
	// PayloadError says why there is no state although there should be: [ErrPayloadMissing] if its blob is gone,
	// [ErrInvalidState] if it cannot be read.
	PayloadError error
}

// EntityPage is a page of entities.
type EntityPage struct {
	Entities []*EntityStatus
	// ContinuationToken is where the next page begins, or "" if there is none.
	ContinuationToken string
}

// QueryEntities iterates over the entities that match, in the order of names and keys. A nil filter matches all that
// exist. Otherwise it is as [OrchestrationClient.QueryInstances].
func (c *OrchestrationClient) QueryEntities(
	ctx context.Context, filter *EntityFilter, opts *QueryOptions,
) iter.Seq2[*EntityStatus, error] {
	o, err := opts.check()
	var q *query
	var f EntityFilter
	if err == nil {
		q, f, err = filter.compile()
	}
	return found(ctx, c, "QueryEntities", q, o, err, c.entityPage(f))
}

// QueryEntitiesPage returns one page of what [OrchestrationClient.QueryEntities] finds, and where the next one begins.
// Otherwise it is as [OrchestrationClient.QueryInstancesPage].
func (c *OrchestrationClient) QueryEntitiesPage(
	ctx context.Context, filter *EntityFilter, opts *PageOptions,
) (*EntityPage, error) {
	const op = "QueryEntitiesPage"
	q, f, err := filter.compile()
	if err != nil {
		return nil, c.fail(op, "", err)
	}
	page, token, err := nextPage(ctx, q, opts, c.entityPage(f))
	if err != nil {
		return nil, c.fail(op, "", err)
	}
	return &EntityPage{Entities: page, ContinuationToken: token}, nil
}

// compile checks the filter and returns the query for the instances of its entities, and a copy.
func (f *EntityFilter) compile() (*query, EntityFilter, error) {
	if f == nil {
		f = &EntityFilter{}
	}
	prefix := "@"
	if f.Name != "" {
		id := EntityID{Name: f.Name}
		if err := id.check(); err != nil {
			return nil, *f, err
		}
		prefix = id.String()
	}
	if err := checkTimes("LastOperation", f.LastOperationFrom, f.LastOperationTo); err != nil {
		return nil, *f, err
	}
	instances := &InstanceFilter{
		InstanceIDPrefix: prefix, IncludeEntities: true,
		CreatedFrom: f.LastOperationFrom, CreatedTo: f.LastOperationTo,
		OmitInput: f.OmitState, OmitOutput: true,
	}
	q, err := instances.compile()
	if err != nil {
		return nil, *f, err
	}
	q.columns = entityColumns
	if f.OmitState {
		q.columns = []string{wire.ColCustomStatus, wire.ColCreatedTime}
	}
	if !f.IncludeDeleted {
		q.local = append(q.local, "exists")
	}
	return q, *f, nil
}

// entityPage returns a function that reads one page of entities.
func (c *OrchestrationClient) entityPage(f EntityFilter) pageOf[*EntityStatus] {
	return func(
		ctx context.Context, q *query, size int, from storage.Token, plan *QueryPlan,
	) ([]*EntityStatus, storage.Token, error) {
		statuses, next, err := c.statusPage(ctx, q, size, from, plan)
		if err != nil {
			return nil, next, err
		}
		entities := make([]*EntityStatus, 0, len(statuses))
		for _, s := range statuses {
			if e := newEntityStatus(s); e != nil && (e.Exists || f.IncludeDeleted) {
				entities = append(entities, e)
			}
		}
		plan.addReturned(len(entities) - len(statuses))
		return entities, next, nil
	}
}

// newEntityStatus returns nil if the instance is no entity: 3.x hosts start orchestrations under any ID.
func newEntityStatus(s *OrchestrationStatus) *EntityStatus {
	id, err := ParseEntityID(s.InstanceID)
	if err != nil {
		return nil
	}
	e := &EntityStatus{ID: id, PayloadError: s.PayloadError}
	if err := e.set(s); err != nil {
		e.PayloadError = err
	}
	return e
}

// entityDocument is the host's document, in the host's order.
type entityDocument struct {
	EntityID struct {
		Name string `json:"name"`
		Key  string `json:"key"`
	} `json:"entityId"`
	LastOperationTime time.Time       `json:"lastOperationTime"`
	State             json.RawMessage `json:"state"`
}

// MarshalJSON returns the document that the HTTP API has for the entity. [json.Marshal] escapes <, > and & in it, which
// changes nothing of its meaning; called by itself, this method does not.
func (e *EntityStatus) MarshalJSON() ([]byte, error) {
	d := entityDocument{LastOperationTime: e.LastOperationTime.UTC().Truncate(wire.Tick), State: e.State}
	d.EntityID.Name, d.EntityID.Key = e.ID.Name, e.ID.Key
	return marshalUnescaped(&d)
}

// UnmarshalJSON reads the document of the HTTP API, which lists nothing but entities that exist.
func (e *EntityStatus) UnmarshalJSON(b []byte) error {
	var d entityDocument
	if err := json.Unmarshal(b, &d); err != nil {
		return err
	}
	*e = EntityStatus{ID: EntityID{d.EntityID.Name, d.EntityID.Key}, EntityStateResponse: EntityStateResponse{
		Exists: true, State: unlessNull(d.State), LastOperationTime: d.LastOperationTime,
	}}
	return nil
}
