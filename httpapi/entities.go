package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/go-durable/durable"
)

func (c *call) entityID() durable.EntityID {
	return durable.EntityID{Name: c.route.name, Key: c.route.id}
}

func (c *call) readEntity() (*answer, error) {
	e, err := c.client.ReadEntityState(c.r.Context(), c.entityID(), nil)
	switch {
	case err != nil:
		return nil, err
	case !e.Exists:
		return nil, &apiError{status: http.StatusNotFound}
	case e.State == nil:
		return &answer{status: http.StatusOK, body: []byte("null")}, nil
	}
	return &answer{status: http.StatusOK, body: e.State}, nil
}

func (c *call) listEntities() (*answer, error) {
	f := &durable.EntityFilter{Name: c.route.name}
	var err error
	if f.LastOperationFrom, err = c.params.time("lastOperationTimeFrom"); err != nil {
		return nil, err
	}
	if f.LastOperationTo, err = c.params.time("lastOperationTimeTo"); err != nil {
		return nil, err
	}
	fetch, err := c.params.bool("fetchState", false)
	if err != nil {
		return nil, err
	}
	f.OmitState = !fetch
	page, err := c.page()
	if err != nil {
		return nil, err
	}
	found, err := c.client.QueryEntitiesPage(c.r.Context(), f, page)
	if err != nil {
		return nil, err
	}
	var documents [][]byte
	for _, e := range found.Entities {
		d, err := c.document(e)
		if err != nil {
			return nil, err
		}
		documents = append(documents, d)
	}
	return listAnswer(documents, found.ContinuationToken), nil
}

func (c *call) signalEntity() (*answer, error) {
	operation, err := c.params.single("op")
	if err != nil {
		return nil, err
	}
	input, err := c.signalInput()
	if err != nil {
		return nil, err
	}
	if err := c.client.SignalEntity(c.r.Context(), c.entityID(), operation, input, nil); err != nil {
		return nil, err
	}
	return accepted(), nil
}

// signalInput reads the body: JSON as it is, anything else as a string.
func (c *call) signalInput() (json.RawMessage, error) {
	body, err := c.body()
	if err != nil || len(body) == 0 {
		return nil, err
	}
	if c.mediaType() != "application/json" {
		return marshal(string(body)), nil
	}
	input, err := readJSON(body)
	if e := new(apiError); errors.As(err, &e) {
		e.message, e.detail = "Could not parse JSON content: "+e.detail, ""
		return nil, e
	}
	return input, nil
}

func (c *call) deleteEntity() (*answer, error) {
	if err := c.client.SignalEntity(c.r.Context(), c.entityID(), "delete", nil, nil); err != nil {
		return nil, err
	}
	return accepted(), nil
}
