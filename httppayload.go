package durable

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// ManagementEndpoint says where the HTTP management API of a task hub is: at the Functions app that owns the hub, or at
// a server with package httpapi.
type ManagementEndpoint struct {
	// BaseURL is the URL below which the API is, such as
	// https://myapp.azurewebsites.net/runtime/webhooks/durabletask.
	BaseURL string
	// TaskHub is the task hub's name in the URLs. Defaults to that of the client.
	TaskHub string
	// Connection is the name of the app setting with the storage account's connection string. Defaults to "Storage",
	// which is how an app calls its own account, AzureWebJobsStorage.
	Connection string
	// Code is the key that the API wants to see: the system key durabletask_extension of a Functions app. It becomes part
	// of the URLs: whoever has one can steer every instance of the hub. Defaults to none.
	Code string
	// Extension1 says that the app runs the Durable extension 1.x. It has no URLs to restart, suspend and resume, and
	// the answers to starts have the one to rewind.
	Extension1 bool
}

const defaultConnection = "Storage"

// HttpManagementPayload holds the management URLs of an instance. It marshals to the document of the Functions host. The
// URLs contain {eventName} and {text} where the caller has to put the event's name and the reason.
type HttpManagementPayload struct {
	// ID is the instance's ID.
	ID string `json:"id"`
	// StatusQueryGetURI answers with the status.
	StatusQueryGetURI string `json:"statusQueryGetUri"`
	// SendEventPostURI raises an event.
	SendEventPostURI string `json:"sendEventPostUri"`
	// TerminatePostURI terminates the instance.
	TerminatePostURI string `json:"terminatePostUri"`
	// RewindPostURI rewinds the instance. The answers to starts do not have it since extension 2.0.
	RewindPostURI string `json:"rewindPostUri,omitempty"`
	// PurgeHistoryDeleteURI purges the instance.
	PurgeHistoryDeleteURI string `json:"purgeHistoryDeleteUri"`
	// RestartPostURI starts the instance again; SuspendPostURI and ResumePostURI suspend and resume it. Extension 1.x
	// has none of them.
	RestartPostURI string `json:"restartPostUri,omitempty"`
	SuspendPostURI string `json:"suspendPostUri,omitempty"`
	ResumePostURI  string `json:"resumePostUri,omitempty"`
}

// CreateHttpManagementPayload returns the management URLs of an instance, at the endpoint of [ClientOptions]. It does no
// I/O, and the instance need not exist. For an endpoint that is known only later, as in a custom handler, there is
// [ManagementEndpoint.Payload].
//
// It returns [ErrNoManagementEndpoint] if the client has no endpoint, and [ErrInvalidArgument].
func (c *OrchestrationClient) CreateHttpManagementPayload(instanceID string) (*HttpManagementPayload, error) {
	const op = "CreateHttpManagementPayload"
	e, err := c.endpoint(nil)
	if err != nil {
		return nil, c.fail(op, instanceID, err)
	}
	p, err := e.payload(instanceID)
	return p, c.fail(op, instanceID, err)
}

// endpoint returns the endpoint given, else the client's, with the client's task hub where it names none.
func (c *OrchestrationClient) endpoint(given *ManagementEndpoint) (ManagementEndpoint, error) {
	if given == nil {
		given = c.management
	}
	if given == nil {
		return ManagementEndpoint{}, fmt.Errorf("%w: set Management in ClientOptions", ErrNoManagementEndpoint)
	}
	e := *given
	if e.TaskHub == "" {
		e.TaskHub = c.hub.Hub()
	}
	return e, nil
}

// Payload returns the management URLs of an instance, which need not exist. It returns [ErrInvalidArgument], also if the
// endpoint names no task hub.
func (e ManagementEndpoint) Payload(instanceID string) (*HttpManagementPayload, error) {
	p, err := e.payload(instanceID)
	if err != nil {
		return nil, &Error{Op: "Payload", TaskHub: e.TaskHub, InstanceID: instanceID, Err: err}
	}
	return p, nil
}

func (e ManagementEndpoint) payload(instanceID string) (*HttpManagementPayload, error) {
	if err := errors.Join(e.check(), checkKnownID(instanceID)); err != nil {
		return nil, err
	}
	instance := strings.TrimRight(e.BaseURL, "/") + "/instances/" + escapeSegment(instanceID)
	query := e.query()
	to := func(operation string) string { return instance + operation + query }
	withReason := func(operation string) string { return instance + operation + "?reason={text}&" + query[1:] }
	p := &HttpManagementPayload{
		ID:                    instanceID,
		StatusQueryGetURI:     to(""),
		SendEventPostURI:      to("/raiseEvent/{eventName}"),
		TerminatePostURI:      withReason("/terminate"),
		RewindPostURI:         withReason("/rewind"),
		PurgeHistoryDeleteURI: to(""),
	}
	if !e.Extension1 {
		p.RestartPostURI = to("/restart")
		p.SuspendPostURI, p.ResumePostURI = withReason("/suspend"), withReason("/resume")
	}
	return p, nil
}

// query returns what all URLs have behind the path.
func (e ManagementEndpoint) query() string {
	connection := e.Connection
	if connection == "" {
		connection = defaultConnection
	}
	q := "?taskHub=" + escapeQuery(e.TaskHub) + "&connection=" + escapeQuery(connection)
	if e.Code != "" {
		q += "&code=" + escapeQuery(e.Code)
	}
	return q
}

func (e ManagementEndpoint) check() error {
	u, err := url.Parse(e.BaseURL)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return invalid("BaseURL of the management endpoint is not an absolute http or https URL")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return invalid("BaseURL of the management endpoint has a user, a query or a fragment")
	case e.TaskHub == "":
		return invalid("the management endpoint names no task hub")
	case !utf8.ValidString(e.TaskHub + e.Connection + e.Code):
		return invalid("the management endpoint is not valid UTF-8")
	}
	return nil
}

// escapeQuery escapes as WebUtility.UrlEncode does, with which the host makes its URLs.
func escapeQuery(s string) string { return escape(s, "+") }

// escapeSegment does it for a path. There the host writes + for a blank, which means a blank only to some of its own
// versions; %20 is understood by all that understand any of it.
func escapeSegment(s string) string { return escape(s, "%20") }

func escape(s, blank string) string {
	const kept = "-_.!*()"
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte(kept, c) >= 0:
			b.WriteByte(c)
		case c == ' ':
			b.WriteString(blank)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// binding is what the host gives a function for a binding of type durableClient or orchestrationClient. Its names are
// matched without case: some hosts write them in Pascal case.
type binding struct {
	TaskHubName    string                 `json:"taskHubName"`
	ConnectionName string                 `json:"connectionName"`
	ManagementURLs *HttpManagementPayload `json:"managementUrls"`
	BaseURL        string                 `json:"baseUrl"`
	HTTPBaseURL    string                 `json:"httpBaseUrl"`
	RequiredQuery  string                 `json:"requiredQueryStringParameters"`
}

// ManagementEndpointFromBinding reads the endpoint from the data of a binding of type durableClient (or
// orchestrationClient), which a custom handler receives with each invocation. It understands what all hosts since
// extension 1.8 write, with names in camel case or Pascal case, as an object or as a string that holds one.
//
// It returns [ErrNoManagementEndpoint] if the data holds no URL, and [ErrInvalidArgument] if it cannot be read. No part
// of the data appears in an error.
func ManagementEndpointFromBinding(data []byte) (*ManagementEndpoint, error) {
	b, err := readBinding(data)
	var e *ManagementEndpoint
	if err == nil {
		e, err = b.endpoint()
	}
	if err == nil {
		err = e.check()
	}
	if err != nil {
		return nil, &Error{Op: "ManagementEndpointFromBinding", Err: err}
	}
	return e, nil
}

// readBinding takes the data out of the strings that hosts wrap it in: custom handlers get texts as JSON strings, and
// what is JSON itself within these.
func readBinding(data []byte) (*binding, error) {
	const wrappings = 3
	for range wrappings {
		var text *string
		if json.Unmarshal(data, &text) != nil || text == nil {
			break
		}
		data = []byte(*text)
	}
	b := &binding{}
	if err := json.Unmarshal(data, b); err != nil {
		return nil, invalid("the data of the binding is not a JSON object of the form that hosts write")
	}
	return b, nil
}

// endpoint takes the endpoint out of the status URL, which every host gives, else out of what newer ones say besides.
func (b *binding) endpoint() (*ManagementEndpoint, error) {
	if b.ManagementURLs != nil && b.ManagementURLs.StatusQueryGetURI != "" {
		return b.fromStatusURL()
	}
	base := b.BaseURL
	if base == "" {
		base = b.HTTPBaseURL
	}
	if base == "" {
		return nil, fmt.Errorf("%w: the data of the binding holds no URL", ErrNoManagementEndpoint)
	}
	query, err := url.ParseQuery(strings.TrimPrefix(b.RequiredQuery, "?"))
	if err != nil {
		return nil, invalid("requiredQueryStringParameters cannot be read")
	}
	return &ManagementEndpoint{
		BaseURL: strings.TrimRight(base, "/"), TaskHub: b.TaskHubName, Connection: b.ConnectionName,
		Code: query.Get("code"),
	}, nil
}

func (b *binding) fromStatusURL() (*ManagementEndpoint, error) {
	urls := b.ManagementURLs
	base, rest, _ := strings.Cut(urls.StatusQueryGetURI, "?")
	i := strings.LastIndex(base, "/instances/")
	query, err := url.ParseQuery(rest)
	if i < 0 || err != nil {
		return nil, invalid("statusQueryGetUri cannot be read")
	}
	e := &ManagementEndpoint{
		BaseURL: base[:i], TaskHub: query.Get("taskHub"), Connection: query.Get("connection"), Code: query.Get("code"),
		Extension1: urls.RestartPostURI == "" && urls.SuspendPostURI == "",
	}
	if e.TaskHub == "" {
		e.TaskHub = b.TaskHubName
	}
	if e.Connection == "" {
		e.Connection = b.ConnectionName
	}
	return e, nil
}
