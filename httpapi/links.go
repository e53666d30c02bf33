package httpapi

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/go-durable/durable"
)

// resolve finds the client for the task hub and the connection that the caller names, if he does.
func (c *call) resolve() error {
	taskHub, err := c.params.single("taskHub")
	if err != nil {
		return err
	}
	connection, err := c.connectionName()
	if err != nil {
		return err
	}
	c.client, c.taskHub, c.connection = c.handler.client, c.handler.client.TaskHub(), c.o.Connection
	if c.isOwn(taskHub, connection) {
		if connection != "" {
			c.connection = connection
		}
		return nil
	}
	if taskHub != "" {
		c.taskHub = taskHub
	}
	if connection != "" {
		c.connection = connection
	}
	if c.o.Resolve == nil {
		return notServed(nil)
	}
	if c.client, err = c.o.Resolve(c.r.Context(), c.taskHub, c.connection); err != nil {
		return err
	}
	if c.client == nil {
		return notServed(nil)
	}
	return nil
}

// connectionName also understands the name under which the Python SDK sends it for entities.
func (c *call) connectionName() (string, error) {
	name, err := c.params.single("connection")
	if err != nil || name != "" {
		return name, err
	}
	return c.params.single("connectionName")
}

func (c *call) isOwn(taskHub, connection string) bool {
	ownHub := taskHub == "" || strings.EqualFold(taskHub, c.handler.client.TaskHub())
	ownConnection := connection == "" || strings.EqualFold(connection, c.o.Connection) ||
		c.o.Connection == defaultConnection && strings.EqualFold(connection, defaultAlias)
	return ownHub && ownConnection
}

// notServed is not 404, which clients take for "no such instance".
func notServed(cause error) error {
	return &apiError{
		status: http.StatusBadRequest, cause: cause,
		message: "The task hub, or the connection, that the request names is not served here",
	}
}

// endpoint says where the caller finds the API, for URLs in answers.
func (c *call) endpoint() durable.ManagementEndpoint {
	e := durable.ManagementEndpoint{
		BaseURL: strings.TrimRight(c.o.BaseURL, "/"), TaskHub: c.taskHub, Connection: c.connection, Code: c.key,
		Extension1: c.o.Extension1,
	}
	if e.BaseURL != "" {
		return e
	}
	e.BaseURL = "http://localhost" + c.mount() // the host is for requests that name none
	return e.ForRequest(c.r, c.o.TrustForwarded)
}

// mount returns the escaped path below which the caller sees the API: what he asked for without what the API read.
func (c *call) mount() string {
	path := c.r.URL.EscapedPath()
	api := belowHostPath(path)
	if asked, err := url.ParseRequestURI(c.r.RequestURI); err == nil {
		if whole := asked.EscapedPath(); strings.HasSuffix(whole, api) {
			path = whole // a prefix was stripped before the request came here
		}
	}
	return strings.TrimRight(strings.TrimSuffix(path, api), "/")
}

// ownURL returns the URL under which the caller has sent this request.
func (c *call) ownURL() string {
	own := c.endpoint().BaseURL + "/" + strings.TrimLeft(belowHostPath(c.r.URL.EscapedPath()), "/")
	if c.r.URL.RawQuery != "" {
		own += "?" + c.r.URL.RawQuery
	}
	return own
}
