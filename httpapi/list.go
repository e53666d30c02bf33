package httpapi

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"

	"github.com/go-durable/durable"
)

const (
	defaultPageSize = 100
	maxPageSize     = 1000
	// oldEnd is what ends a list in storage libraries before 1.7.4. Sent back, it would begin the list anew, for ever.
	oldEnd = "bnVsbA=="
)

// page returns which page the caller wants.
func (c *call) page() (*durable.PageOptions, error) {
	top, err := c.params.top()
	if err != nil {
		return nil, err
	}
	if top == 0 {
		top = defaultPageSize
	}
	token := strings.TrimSpace(c.r.Header.Get(tokenHeader))
	if token == oldEnd {
		return nil, badToken()
	}
	return &durable.PageOptions{Size: min(top, maxPageSize), ContinuationToken: token}, nil
}

func badToken() error {
	return badRequest("The header x-ms-continuation-token holds no token of this list")
}

func (c *call) list() (*answer, error) {
	filter, err := c.filter()
	if err != nil {
		return nil, err
	}
	page, err := c.page()
	if err != nil {
		return nil, err
	}
	if c.o.Extension1 && len(c.params["top"]) == 0 {
		return c.listAll(filter)
	}
	found, err := c.client.QueryInstancesPage(c.r.Context(), filter, page)
	if err != nil {
		return nil, err
	}
	var documents [][]byte
	for _, s := range found.Instances {
		d, err := c.document(s)
		if err != nil {
			return nil, err
		}
		documents = append(documents, d)
	}
	return listAnswer(documents, found.ContinuationToken), nil
}

// listAll puts everything into one answer, as extension 1.x did.
func (c *call) listAll(filter *durable.InstanceFilter) (*answer, error) {
	var documents [][]byte
	for s, err := range c.client.QueryInstances(c.r.Context(), filter, nil) {
		if err != nil {
			return nil, err
		}
		d, err := c.document(s)
		if err != nil {
			return nil, err
		}
		documents = append(documents, d)
	}
	return listAnswer(documents, ""), nil
}

func listAnswer(documents [][]byte, token string) *answer {
	body := append([]byte("["), bytes.Join(documents, []byte(","))...)
	return &answer{
		status: http.StatusOK, body: append(body, ']'), header: http.Header{tokenHeader: []string{token}},
	}
}

// filter returns which instances the caller wants.
func (c *call) filter() (*durable.InstanceFilter, error) {
	f := &durable.InstanceFilter{IncludeEntities: true}
	var err error
	if f.Statuses, err = c.params.statuses(); err != nil {
		return nil, err
	}
	if f.CreatedFrom, err = c.params.time("createdTimeFrom"); err != nil {
		return nil, err
	}
	if f.CreatedTo, err = c.params.time("createdTimeTo"); err != nil {
		return nil, err
	}
	if f.InstanceIDPrefix, err = c.params.single("instanceIdPrefix"); err != nil {
		return nil, err
	}
	showInput, err := c.params.bool("showInput", true)
	f.OmitInput = !showInput
	return f, err
}

// document returns the document of a status. A payload that is gone does not hide the instance.
func (c *call) document(s json.Marshaler) ([]byte, error) {
	if s, ok := s.(*durable.OrchestrationStatus); ok && s.PayloadError != nil {
		c.log(slog.LevelWarn, "a payload is missing", s.PayloadError, slog.String("instanceID", s.InstanceID))
	}
	return s.MarshalJSON()
}
