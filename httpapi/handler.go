package httpapi

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/go-durable/durable"
)

const (
	requestIDHeader = "X-Ms-Request-Id"
	tokenHeader     = "X-Ms-Continuation-Token" //nolint:gosec // no secret
	jsonContent     = "application/json; charset=utf-8"
)

// call is a request on its way.
type call struct {
	*handler
	r  *http.Request
	w  http.ResponseWriter
	id string
	// key is the key that the caller showed, "" for none.
	key      string
	route    route
	params   params
	bodyRead bool
	// client is the client of the task hub that the caller asked for, by these names.
	client              *durable.OrchestrationClient
	taskHub, connection string
}

// answer is what a call comes to.
type answer struct {
	status int
	header http.Header
	// body is JSON, nil for none.
	body []byte
}

// accepted is the answer to what happens later.
func accepted() *answer { return &answer{status: http.StatusAccepted} }

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{handler: h, r: r, w: w, id: rand.Text()}
	w.Header().Set(requestIDHeader, c.id)
	done, err := h.cors.handle(w, r)
	if done {
		return
	}
	var a *answer
	if err == nil {
		a, err = c.serve() //nolint:contextcheck // the call has the request
	}
	if err != nil {
		a = c.failed(err) //nolint:contextcheck // the call has the request
	}
	if a != nil {
		c.write(a) //nolint:contextcheck // the call has the request
	}
}

// serve reads the request and carries it out.
func (c *call) serve() (*answer, error) {
	var err error
	if c.key, err = c.authorize(c.r); err != nil {
		return nil, err
	}
	var ok bool
	if c.route, ok = parseRoute(c.r.Method, belowHostPath(c.r.URL.EscapedPath())); !ok {
		return nil, c.noRoute()
	}
	if c.params, err = parseParams(c.r.URL.RawQuery); err != nil {
		return nil, err
	}
	if err := c.resolve(); err != nil {
		return nil, err
	}
	return operations[c.route.op](c)
}

var operations = map[operation]func(*call) (*answer, error){
	opStart:        (*call).start,
	opStatus:       (*call).status,
	opList:         (*call).list,
	opPurge:        (*call).purge,
	opPurgeMany:    (*call).purgeMany,
	opRaiseEvent:   (*call).raiseEvent,
	opTerminate:    (*call).terminate,
	opSuspend:      (*call).suspend,
	opResume:       (*call).resume,
	opRewind:       (*call).rewind,
	opRestart:      (*call).restart,
	opListEntities: (*call).listEntities,
	opReadEntity:   (*call).readEntity,
	opSignalEntity: (*call).signalEntity,
	opDeleteEntity: (*call).deleteEntity,
}

func (c *call) noRoute() error {
	if c.o.Extension1 && c.route.wrongOperation {
		return badRequest(noSuchAPIMessage)
	}
	return &apiError{status: http.StatusNotFound}
}

// errorBody is the body of an error, with the names of the reference.
type errorBody struct {
	Message          string
	ExceptionMessage string `json:",omitempty"`
	RequestID        string `json:"RequestId"`
}

// failed logs an error and returns its answer, or nil if nobody is there to be answered.
func (c *call) failed(err error) *answer {
	if c.r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		c.log(slog.LevelDebug, "the caller has gone", err)
		return nil
	}
	e := asAPIError(err)
	level := slog.LevelDebug
	switch {
	case e.status >= http.StatusInternalServerError:
		level = slog.LevelError
	case e.status == http.StatusUnauthorized || e.status == http.StatusForbidden:
		level = slog.LevelWarn
	}
	c.log(level, "request failed", err, slog.Int("status", e.status))
	a := &answer{status: e.status}
	switch {
	case e.message == "":
	case e.bare:
		a.body = marshal(e.message)
	default:
		a.body = marshal(errorBody{Message: e.message, ExceptionMessage: e.detail, RequestID: c.id})
	}
	return a
}

// log never logs the URL: it may hold a key.
func (c *call) log(level slog.Level, message string, err error, attrs ...slog.Attr) {
	attrs = append(attrs,
		slog.String("requestID", c.id), slog.String("method", c.r.Method), slog.String("operation", string(c.route.op)),
		slog.String("name", c.route.name), slog.String("id", c.route.id), slog.Any("error", err))
	c.o.Logger.LogAttrs(c.r.Context(), level, message, attrs...)
}

func (c *call) write(a *answer) {
	h := c.w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	h.Set("Cache-Control", "no-store") // states change, and URLs may hold a key
	h.Set("X-Content-Type-Options", "nosniff")
	if a.body != nil {
		h.Set("Content-Type", jsonContent)
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	if c.r.ContentLength != 0 && !c.bodyRead && c.r.ProtoMajor == 1 {
		h.Set("Connection", "close") // or the server would wait for the rest of the body before it answers
	}
	// Writers that know no deadlines have no slow callers either: they are tests.
	_ = http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(c.o.CallerTimeout))
	c.w.WriteHeader(a.status)
	if _, err := c.w.Write(a.body); err != nil {
		c.log(slog.LevelDebug, "the caller does not take the answer", err)
	}
}

// body reads the body of the request; it is empty if there is none.
func (c *call) body() ([]byte, error) {
	rc := http.NewResponseController(c.w)
	_ = rc.SetReadDeadline(time.Now().Add(c.o.CallerTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, c.o.MaxBodySize))
	if err == nil {
		// What follows may take long, and a deadline that passes meanwhile would look like a caller who has gone.
		_ = rc.SetReadDeadline(time.Time{})
		c.bodyRead = true
	}
	tooLarge := new(http.MaxBytesError)
	switch {
	case errors.As(err, &tooLarge):
		return nil, &apiError{
			status: http.StatusRequestEntityTooLarge, cause: err,
			message: "The body is larger than " + strconv.FormatInt(tooLarge.Limit, 10) + " bytes",
		}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &apiError{status: http.StatusRequestTimeout, message: "The body did not come in time", cause: err}
	case err != nil:
		return nil, &apiError{status: http.StatusBadRequest, message: "The body could not be read", cause: err}
	}
	return bytes.TrimPrefix(body, []byte("\uFEFF")), nil
}

// marshal writes JSON as the reference does, without escaping <, > and &. All that is given to it can be written.
func marshal(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
