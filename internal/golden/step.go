package golden

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Step is one step of a recording: a call of the .NET client (Client is set), a call of the HTTP API (Method is set), a
// reading of the storage (Dump is set), or something else, of which only Raw tells.
type Step struct {
	// Client is the operation of the .NET client, Args what it was given.
	Client string
	Args   []string
	// Result is what it returned, or nil if it threw: then ErrorType is the exception's type and Error its message.
	Result           json.RawMessage
	Error, ErrorType string
	// Requests are the storage requests that it made.
	Requests []Request

	// Method and Path (with the query) are those of a call of the HTTP API, Path without the API's base.
	Method, Path   string
	RequestHeaders map[string]string
	// RequestBody is nil if the call had none.
	RequestBody *string
	Status      int
	Headers     map[string]string
	Body        string
	// Note is what the one who recorded has to say.
	Note string

	// Dump is the label of a dump.
	Dump string

	// Raw is the whole step.
	Raw json.RawMessage
}

// UnmarshalJSON reads a step of any kind.
func (s *Step) UnmarshalJSON(text []byte) error {
	var in struct {
		Client         string            `json:"client"`
		Args           []string          `json:"args"`
		Result         json.RawMessage   `json:"result"`
		Error          string            `json:"error"`
		ErrorType      string            `json:"errorType"`
		Requests       []Request         `json:"requests"`
		HTTP           string            `json:"http"`
		RequestHeaders map[string]string `json:"requestHeaders"`
		RequestBody    *string           `json:"requestBody"`
		Status         int               `json:"status"`
		Headers        map[string]string `json:"headers"`
		Body           string            `json:"body"`
		Note           string            `json:"note"`
		Dump           string            `json:"dump"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	method, path, _ := strings.Cut(in.HTTP, " ")
	*s = Step{
		Client: in.Client, Args: in.Args, Result: in.Result, Error: in.Error, ErrorType: in.ErrorType,
		Requests: in.Requests, Method: method, Path: path, RequestHeaders: in.RequestHeaders,
		RequestBody: in.RequestBody, Status: in.Status, Headers: in.Headers, Body: in.Body, Note: in.Note,
		Dump: in.Dump, Raw: bytes.Clone(text),
	}
	return nil
}

// Request is a request to the storage account. Of most of them only the first four members were recorded, and the URL
// readable instead of escaped; Whole tells.
type Request struct {
	// Service is "table", "queue" or "blob".
	Service, Method, URL string
	Status               int

	// Whole says whether the rest was recorded as well.
	Whole         bool
	Headers       map[string]string
	Body          []byte
	AnswerHeaders map[string]string
	Answer        []byte
}

// UnmarshalJSON reads a request in its one-line form, "PUT queue /name -> 201", or in its whole form.
func (r *Request) UnmarshalJSON(text []byte) error {
	if text[0] == '"' {
		return r.unmarshalLine(text)
	}
	var in struct {
		Service       string            `json:"service"`
		Method        string            `json:"method"`
		URL           string            `json:"url"`
		Headers       map[string]string `json:"headers"`
		Body          content           `json:"body"`
		Status        int               `json:"status"`
		AnswerHeaders map[string]string `json:"answerHeaders"`
		Answer        content           `json:"answer"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	*r = Request{
		Service: in.Service, Method: in.Method, URL: in.URL, Status: in.Status, Whole: true,
		Headers: in.Headers, Body: in.Body, AnswerHeaders: in.AnswerHeaders, Answer: in.Answer,
	}
	return nil
}

func (r *Request) unmarshalLine(text []byte) error {
	var line string
	if err := json.Unmarshal(text, &line); err != nil {
		return err
	}
	arrow := strings.LastIndex(line, " -> ")
	if arrow < 0 {
		return fmt.Errorf("request %q has no status", line)
	}
	words := strings.SplitN(line[:arrow], " ", 3)
	if len(words) < 3 {
		return fmt.Errorf("request %q has no URL", line)
	}
	status, err := strconv.Atoi(line[arrow+len(" -> "):])
	if err != nil {
		return fmt.Errorf("request %q: %w", line, err)
	}
	*r = Request{Method: words[0], Service: words[1], URL: words[2], Status: status}
	return nil
}

// content is a text, or bytes in the form {"base64": ...}.
type content []byte

func (c *content) UnmarshalJSON(text []byte) error {
	if text[0] == '{' {
		var in struct {
			Base64 []byte `json:"base64"`
		}
		err := json.Unmarshal(text, &in)
		*c = in.Base64
		return err
	}
	var s *string
	if err := json.Unmarshal(text, &s); err != nil || s == nil {
		return err
	}
	*c = []byte(*s)
	return nil
}
