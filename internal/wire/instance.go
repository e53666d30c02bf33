package wire

import (
	"encoding/json"
	"time"

	"github.com/go-durable/durable/internal/storage"
)

// Columns of the Instances table (AzureTableTrackingStore.cs).
const (
	ColName               = "Name"
	ColVersion            = "Version"
	ColInput              = "Input"
	ColInputBlobName      = "InputBlobName"
	ColOutput             = "Output"
	ColCustomStatus       = "CustomStatus"
	ColCreatedTime        = "CreatedTime"
	ColLastUpdatedTime    = "LastUpdatedTime"
	ColCompletedTime      = "CompletedTime"
	ColScheduledStartTime = "ScheduledStartTime"
	ColRuntimeStatus      = "RuntimeStatus"
	ColTaskHubName        = "TaskHubName"
	ColExecutionID        = "ExecutionId"
	ColGeneration         = "Generation"
	ColTags               = "Tags"
	ColTagsBlobName       = "TagsBlobName"
)

// Instance is a row of the Instances table. Texts and times are values as the table holds them, of type None where the
// row has no such column, so that what was read can be told from what was not.
type Instance struct {
	ID string
	// Key is the partition key. It is not always EscapeKey(ID): engines before 1.8.4 did not escape.
	Key  string
	ETag storage.ETag
	// Timestamp is when the row was last written, by the clock of the storage service.
	Timestamp     time.Time
	ExecutionID   string
	Name          string
	RuntimeStatus string
	TaskHubName   string
	Generation    int

	Version, Input, InputBlobName, Output, CustomStatus, Tags, TagsBlobName storage.Value

	CreatedTime, LastUpdatedTime, CompletedTime, ScheduledStartTime storage.Value
}

// DecodeInstance reads a row of the Instances table. Columns that it does not know are passed over.
func DecodeInstance(e *storage.Entity) Instance {
	i := Instance{ID: UnescapeKey(e.PartitionKey), Key: e.PartitionKey, ETag: e.ETag, Timestamp: e.Timestamp.Time()}
	for _, c := range e.Columns {
		i.set(c)
	}
	return i
}

func (i *Instance) set(c storage.Column) {
	switch c.Name {
	case ColName:
		i.Name = c.Text
	case ColVersion:
		i.Version = c.Value
	case ColInput:
		i.Input = c.Value
	case ColInputBlobName:
		i.InputBlobName = c.Value
	case ColOutput:
		i.Output = c.Value
	case ColCustomStatus:
		i.CustomStatus = c.Value
	case ColRuntimeStatus:
		i.RuntimeStatus = c.Text
	case ColTaskHubName:
		i.TaskHubName = c.Text
	case ColExecutionID:
		i.ExecutionID = c.Text
	case ColGeneration:
		i.Generation = int(c.Int())
	case ColTags:
		i.Tags = c.Value
	case ColTagsBlobName:
		i.TagsBlobName = c.Value
	default:
		i.setTime(c)
	}
}

func (i *Instance) setTime(c storage.Column) {
	switch c.Name {
	case ColCreatedTime:
		i.CreatedTime = c.Value
	case ColLastUpdatedTime:
		i.LastUpdatedTime = c.Value
	case ColCompletedTime:
		i.CompletedTime = c.Value
	case ColScheduledStartTime:
		i.ScheduledStartTime = c.Value
	}
}

// Start is what makes a new execution of an instance: its row and its message are both written from it.
type Start struct {
	InstanceID, ExecutionID string
	Name, Version           string
	// Input is the serialised input, or nil for none.
	Input *string
	Tags  map[string]string
	// Created is the time of the start, cut by [Cut].
	Created time.Time
	// Scheduled is when it shall run; zero means at once.
	Scheduled    time.Time
	Generation   int
	TraceContext *TraceContext
}

// Row returns the row that a client writes for a start (SetNewExecutionAsync of AzureTableTrackingStore.cs). Input is
// the text or reference for its Input column.
func (s *Start) Row(taskHub string, input *string, now time.Time) *storage.Entity {
	e := &storage.Entity{PartitionKey: EscapeKey(s.InstanceID)}
	if input != nil {
		e.Set(ColInput, storage.StringValue(*input))
	}
	e.Set(ColCreatedTime, storage.TimeValue(s.Created))
	e.Set(ColName, storage.StringValue(s.Name))
	e.Set(ColVersion, storage.StringValue(s.Version))
	e.Set(ColRuntimeStatus, storage.StringValue(StatusPending))
	e.Set(ColLastUpdatedTime, storage.TimeValue(now))
	e.Set(ColTaskHubName, storage.StringValue(taskHub))
	if !s.Scheduled.IsZero() {
		e.Set(ColScheduledStartTime, storage.TimeValue(s.Scheduled))
	}
	e.Set(ColExecutionID, storage.StringValue(s.ExecutionID))
	e.Set(ColGeneration, storage.Int32Value(int32(s.Generation))) //nolint:gosec // counts starts of one ID
	e.Set(ColTags, storage.StringValue(EncodeTags(s.Tags)))
	return e
}

// Start returns the start that the row was written for, so that its message can be sent again (observed on 1.17.5 and
// 2.9.1: a repeated start message changes nothing). Input and Tags must hold what the row stands for, no references.
func (i *Instance) Start() (*Start, error) {
	tags, err := DecodeTags(i.Tags)
	if err != nil {
		return nil, err
	}
	var input *string
	if i.Input.Type != storage.None {
		input = &i.Input.Text
	}
	return &Start{
		InstanceID: i.ID, ExecutionID: i.ExecutionID, Name: i.Name, Version: i.Version.Text, Input: input, Tags: tags,
		Created: i.CreatedTime.Time(), Scheduled: i.ScheduledStartTime.Time(), Generation: i.Generation,
	}, nil
}

// EncodeTags returns the text of the Tags column: "null" stands for no tags.
func EncodeTags(tags map[string]string) string {
	if len(tags) == 0 {
		return "null"
	}
	return string(marshal(tags))
}

// DecodeTags reads a Tags column. The $type member that .NET writes into dictionaries is no tag.
func DecodeTags(v storage.Value) (map[string]string, error) {
	if v.Type == storage.None || v.Text == "" {
		return nil, nil
	}
	var tags map[string]string
	if err := json.Unmarshal([]byte(v.Text), &tags); err != nil {
		return nil, err
	}
	delete(tags, "$type")
	return tags, nil
}
