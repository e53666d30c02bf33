package durable

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-durable/durable/internal/parallel"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// RuntimeStatus is the state of an instance. A text that this package does not know is kept as it was stored.
type RuntimeStatus string

// The states of an instance.
const (
	RuntimeStatusPending        RuntimeStatus = wire.StatusPending
	RuntimeStatusRunning        RuntimeStatus = wire.StatusRunning
	RuntimeStatusSuspended      RuntimeStatus = wire.StatusSuspended
	RuntimeStatusContinuedAsNew RuntimeStatus = wire.StatusContinuedAsNew
	RuntimeStatusCompleted      RuntimeStatus = wire.StatusCompleted
	RuntimeStatusFailed         RuntimeStatus = wire.StatusFailed
	RuntimeStatusCanceled       RuntimeStatus = wire.StatusCanceled
	RuntimeStatusTerminated     RuntimeStatus = wire.StatusTerminated
)

// IsTerminal reports whether an instance in this state has ended: Completed, Failed, Canceled or Terminated.
func (s RuntimeStatus) IsTerminal() bool { return wire.Terminal(string(s)) }

// OrchestrationStatus is what is known of an instance. It marshals to the JSON document of the HTTP API; what that
// document does not have is in the fields without a JSON name.
type OrchestrationStatus struct {
	// Name is the orchestrator's name.
	Name string
	// InstanceID is the instance's ID.
	InstanceID string
	// RuntimeStatus is the state.
	RuntimeStatus RuntimeStatus
	// Input is the input as JSON, nil if there is none or it was not asked for.
	Input json.RawMessage
	// CustomStatus is what the orchestrator has set as such, as JSON.
	CustomStatus json.RawMessage
	// Output is the result as JSON. A failed instance has the text of its failure here, a terminated or suspended one
	// the reason, each as a JSON string.
	Output json.RawMessage
	// CreatedTime is when the current execution was started.
	CreatedTime time.Time
	// LastUpdatedTime is when the row was last written by a worker or a client.
	LastUpdatedTime time.Time
	// HistoryEvents are the history in the form of the HTTP API, if it was asked for: completions merged with what they
	// complete. It is nil for an instance that has not started. [OrchestrationClient.GetHistory] has typed events.
	HistoryEvents []json.RawMessage

	// ExecutionID is the current execution.
	ExecutionID string
	// Version is the orchestration's version, "" for none.
	Version string
	// Tags are the tags, nil for none.
	Tags map[string]string
	// Generation counts the starts of this ID from 0.
	Generation int
	// ScheduledStartTime is when the instance was to start, zero for at once.
	ScheduledStartTime time.Time
	// CompletedTime is when the instance ended, zero if it has not or if the engine did not note it.
	CompletedTime time.Time
	// PayloadError is [ErrPayloadMissing] if the blob of the input or output is gone; the field is nil then.
	PayloadError error
}

// DecodeInput unmarshals the input into v.
func (s *OrchestrationStatus) DecodeInput(v any) error { return decode(s.Input, v) }

// DecodeOutput unmarshals the output into v.
func (s *OrchestrationStatus) DecodeOutput(v any) error { return decode(s.Output, v) }

// DecodeCustomStatus unmarshals the custom status into v.
func (s *OrchestrationStatus) DecodeCustomStatus(v any) error { return decode(s.CustomStatus, v) }

func decode(raw json.RawMessage, v any) error {
	if raw == nil {
		raw = json.RawMessage("null")
	}
	return json.Unmarshal(raw, v)
}

// GetStatusOptions are options for GetStatus.
type GetStatusOptions struct {
	// OmitInput leaves the input out; it is not fetched.
	OmitInput bool
	// ShowHistory adds the history of the current execution, without results.
	ShowHistory bool
	// ShowHistoryOutput adds the results to the history.
	ShowHistoryOutput bool
}

// GetStatus returns the status of an instance. It is one request, one more for the history, and one for each payload
// that lies in a blob. Opts may be nil.
//
// Row and history are in two tables and written one after the other, so the history may be ahead of the status.
//
// It returns [ErrInstanceNotFound], [ErrTaskHubNotFound], [ErrPayloadTooLarge] and [ErrInvalidArgument].
func (c *OrchestrationClient) GetStatus(
	ctx context.Context, instanceID string, opts *GetStatusOptions,
) (*OrchestrationStatus, error) {
	const op = "GetStatus"
	if err := checkKnownID(instanceID); err != nil {
		return nil, c.fail(op, instanceID, err)
	}
	if opts == nil {
		opts = &GetStatusOptions{}
	}
	s, err := c.readStatus(ctx, instanceID, opts)
	if err != nil {
		return nil, c.fail(op, instanceID, err)
	}
	return s, nil
}

// maxStatuses bounds the IDs that GetStatuses takes at once.
const maxStatuses = 10_000

// GetStatuses returns the statuses of several instances, in the order of their IDs: nil for an instance that does not
// exist. It is a request an instance, and what [OrchestrationClient.GetStatus] takes beyond that, several at a time. Opts
// may be nil.
//
// It returns [ErrInvalidArgument], also for no IDs or more than 10,000, [ErrTaskHubNotFound] and [ErrPayloadTooLarge].
func (c *OrchestrationClient) GetStatuses(
	ctx context.Context, instanceIDs []string, opts *GetStatusOptions,
) ([]*OrchestrationStatus, error) {
	const op = "GetStatuses"
	if len(instanceIDs) == 0 || len(instanceIDs) > maxStatuses {
		return nil, c.fail(op, "", invalid("the number of instance IDs is 1 to %d, not %d", maxStatuses, len(instanceIDs)))
	}
	for _, id := range instanceIDs {
		if err := checkKnownID(id); err != nil {
			return nil, c.fail(op, id, err)
		}
	}
	if opts == nil {
		opts = &GetStatusOptions{}
	}
	statuses := make([]*OrchestrationStatus, len(instanceIDs))
	errs := parallel.Do(ctx, len(instanceIDs), payloadParallelism, func(ctx context.Context, i int) (err error) {
		statuses[i], err = c.readStatus(ctx, instanceIDs[i], opts)
		return err
	})
	for i, err := range errs {
		if err != nil && !errors.Is(err, ErrInstanceNotFound) {
			return nil, c.fail(op, instanceIDs[i], err)
		}
	}
	return statuses, nil
}

// allButInput are the columns that a status is made from, without the input.
var allButInput = []string{
	wire.ColName, wire.ColVersion, wire.ColOutput, wire.ColCustomStatus, wire.ColCreatedTime, wire.ColLastUpdatedTime,
	wire.ColCompletedTime, wire.ColScheduledStartTime, wire.ColRuntimeStatus, wire.ColExecutionID, wire.ColGeneration,
	wire.ColTags, wire.ColTagsBlobName,
}

// withInput are all columns that a status is made from.
var withInput = append(slices.Clone(allButInput), wire.ColInput, wire.ColInputBlobName)

func (c *OrchestrationClient) readStatus(
	ctx context.Context, instanceID string, opts *GetStatusOptions,
) (*OrchestrationStatus, error) {
	columns := withInput
	if opts.OmitInput {
		columns = allButInput
	}
	row, err := c.hub.ReadInstance(ctx, instanceID, columns...)
	if err != nil {
		return nil, err
	}
	s := newStatus(row)
	if err := c.resolve(ctx, s, row); err != nil {
		return nil, err
	}
	// The host fetches no history for Pending either (DurableClient.cs).
	if !opts.ShowHistory || s.RuntimeStatus == RuntimeStatusPending {
		return s, nil
	}
	s.HistoryEvents, err = c.showHistory(ctx, row, opts)
	return s, err
}

func newStatus(i *wire.Instance) *OrchestrationStatus {
	return &OrchestrationStatus{
		// All texts of a page are parts of one. IDs are what people keep, and one of them must not keep a page in memory.
		InstanceID: strings.Clone(i.ID),
		Name:       i.Name, RuntimeStatus: RuntimeStatus(i.RuntimeStatus),
		CreatedTime: i.CreatedTime.Time(), LastUpdatedTime: i.LastUpdatedTime.Time(),
		CompletedTime: i.CompletedTime.Time(), ScheduledStartTime: i.ScheduledStartTime.Time(),
		ExecutionID: i.ExecutionID, Version: i.Version.Text, Generation: i.Generation,
		CustomStatus: showText(i.CustomStatus),
	}
}

// resolve sets what may lie in blobs: input, output and tags.
func (c *OrchestrationClient) resolve(ctx context.Context, s *OrchestrationStatus, row *wire.Instance) error {
	texts := c.texts(row)
	missing, err := c.fetch(ctx, texts[:])
	if err != nil {
		return err
	}
	s.PayloadError = missing
	s.setTexts(row)
	return nil
}

func (s *OrchestrationStatus) setTexts(row *wire.Instance) {
	s.Input, s.Output = showText(row.Input), showText(row.Output)
	if row.Tags.Text != "null" {
		s.Tags, _ = wire.DecodeTags(row.Tags) // tags that cannot be read must not hide the instance
	}
}

// texts are the columns of a row whose text may lie in a blob.
func (c *OrchestrationClient) texts(row *wire.Instance) [3]textColumn {
	return [...]textColumn{
		{&row.Input, c.hub.Reference(row.ID, row.Input, row.InputBlobName)},
		{&row.Output, c.hub.Reference(row.ID, row.Output, storage.Value{})},
		{&row.Tags, c.hub.Reference(row.ID, row.Tags, row.TagsBlobName)},
	}
}

// references counts the texts of a row that lie in blobs.
func (c *OrchestrationClient) references(row *wire.Instance) int {
	n := 0
	for _, t := range c.texts(row) {
		if t.blob != "" {
			n++
		}
	}
	return n
}

// textColumn is a text of a row and the blob in which it really lies, or "".
type textColumn struct {
	text *storage.Value
	blob string
}

// fetch replaces texts by what lies in their blobs, all at once. A blob that is gone leaves no text and is reported as
// missing, not as a failure.
func (c *OrchestrationClient) fetch(ctx context.Context, texts []textColumn) (missing, err error) {
	texts = slices.DeleteFunc(texts, func(t textColumn) bool { return t.blob == "" })
	errs := parallel.Do(ctx, len(texts), len(texts), func(ctx context.Context, i int) error {
		t := texts[i]
		*t.text = storage.Value{}
		text, err := c.hub.ReadText(ctx, t.blob)
		if err == nil {
			*t.text = text
		}
		return err
	})
	for _, e := range errs {
		switch {
		case errors.Is(e, ErrPayloadMissing):
			missing = errors.Join(missing, e)
		case e != nil:
			return nil, e
		}
	}
	return missing, nil
}

// showText returns a stored text as the host shows it: JSON as JSON, anything else as a string (DurableClient.cs).
// The host takes a text for JSON as soon as its first token is; here the whole text has to be.
func showText(v storage.Value) json.RawMessage {
	if v.Type == storage.None {
		return nil
	}
	return showJSON(v.Text)
}

func showJSON(text string) json.RawMessage {
	raw := []byte(strings.TrimSpace(text))
	switch {
	case len(raw) == 0:
		return json.RawMessage(`""`)
	case json.Valid(raw):
		return raw
	default:
		return quote(text)
	}
}

// marshalUnescaped is json.Marshal without the escaping of <, > and &, which the host does not do either.
func marshalUnescaped(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func quote(s string) json.RawMessage {
	b, _ := marshalUnescaped(s) // a string can always be marshalled
	return b
}

// statusDocument is the host's document, in the host's order.
type statusDocument struct {
	Name            string            `json:"name"`
	InstanceID      string            `json:"instanceId"`
	RuntimeStatus   RuntimeStatus     `json:"runtimeStatus"`
	Input           json.RawMessage   `json:"input"`
	CustomStatus    json.RawMessage   `json:"customStatus"`
	Output          json.RawMessage   `json:"output"`
	CreatedTime     secondTime        `json:"createdTime"`
	LastUpdatedTime secondTime        `json:"lastUpdatedTime"`
	HistoryEvents   []json.RawMessage `json:"historyEvents,omitzero"`
}

// secondTime is written with the fraction of the second cut off, as the host does.
type secondTime time.Time

func (t secondTime) MarshalJSON() ([]byte, error) {
	return []byte(time.Time(t).UTC().Format(`"2006-01-02T15:04:05Z"`)), nil
}

func (t *secondTime) UnmarshalJSON(b []byte) error { return (*time.Time)(t).UnmarshalJSON(b) }

// MarshalJSON returns the document that the HTTP API of the newest host has for the instance. [json.Marshal] escapes <,
// > and & in it, which changes nothing of its meaning; called by itself, this method does not.
func (s *OrchestrationStatus) MarshalJSON() ([]byte, error) {
	return marshalUnescaped(&statusDocument{
		Name: s.Name, InstanceID: s.InstanceID, RuntimeStatus: s.RuntimeStatus, Input: s.Input,
		CustomStatus: s.CustomStatus, Output: s.Output, CreatedTime: secondTime(s.CreatedTime),
		LastUpdatedTime: secondTime(s.LastUpdatedTime), HistoryEvents: s.HistoryEvents,
	})
}

// UnmarshalJSON reads the document of the HTTP API.
func (s *OrchestrationStatus) UnmarshalJSON(b []byte) error {
	var d statusDocument
	if err := json.Unmarshal(b, &d); err != nil {
		return err
	}
	*s = OrchestrationStatus{
		Name: d.Name, InstanceID: d.InstanceID, RuntimeStatus: d.RuntimeStatus, Input: unlessNull(d.Input),
		CustomStatus: unlessNull(d.CustomStatus), Output: unlessNull(d.Output), CreatedTime: time.Time(d.CreatedTime),
		LastUpdatedTime: time.Time(d.LastUpdatedTime), HistoryEvents: d.HistoryEvents,
	}
	return nil
}

func unlessNull(raw json.RawMessage) json.RawMessage {
	if string(raw) == "null" {
		return nil
	}
	return raw
}
