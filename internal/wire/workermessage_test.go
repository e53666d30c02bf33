package wire_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/wire"
)

// TestWorkerMessages compares with what the engine's own classes write (verified against DurableTask.Core).
func TestWorkerMessages(t *testing.T) {
	t.Parallel()
	const (
		exec = `"InstanceId":"hello","ExecutionId":"c0ffee"`
		tail = `,"EventId":-1,"IsPlayed":false,"Timestamp":"2024-01-02T03:04:05.1234567Z"}`
	)
	at := time.Date(2024, 1, 2, 3, 4, 5, 123456700, time.UTC)
	of := wire.Execution{InstanceID: "hello", ExecutionID: "c0ffee"}
	text := func(s string) *string { return &s }
	child := &wire.Child{
		Execution: wire.Execution{InstanceID: "c0ffee:5", ExecutionID: "2222"}, Name: "ChildFlow", Input: text(`"in"`),
	}
	tests := []struct {
		m       *wire.Message
		event   string
		context bool
	}{
		{wire.TaskScheduledMessage(of, 4, "SayHello", text(`["Tokyo"]`), at), `{"$type":"DurableTask.Core.History.TaskScheduledEvent",` +
			`"EventType":4,"Name":"SayHello","Version":"","Input":"[\"Tokyo\"]","ParentTraceContext":null,"EventId":4,` +
			strings.TrimPrefix(tail, `,"EventId":-1,`), true},
		{wire.TaskCompletedMessage(of, 0, text(`"Hello Tokyo!"`), at), `{"$type":"DurableTask.Core.History.TaskCompletedEvent",` +
			`"EventType":5,"TaskScheduledId":0,"Result":"\"Hello Tokyo!\""` + tail, false},
		{
			wire.TaskFailedMessage(of, 4, wire.Failure{Reason: text("failed: kaboom"), Details: text("System.Exception: kaboom")}, at),
			`{"$type":"DurableTask.Core.History.TaskFailedEvent","EventType":6,"TaskScheduledId":4,"Reason":"failed: kaboom",` +
				`"Details":"System.Exception: kaboom","FailureDetails":null` + tail, false,
		},
		{wire.TimerFiredMessage(of, 3, at.Add(time.Minute).Truncate(time.Second), at), `{"$type":"DurableTask.Core.History.TimerFiredEvent",` +
			`"EventType":11,"TimerId":3,"FireAt":"2024-01-02T03:05:05Z"` + tail, false},
		{
			wire.ChildCompletedMessage(of, 5, text(`"child done"`), at),
			`{"$type":"DurableTask.Core.History.SubOrchestrationInstanceCompletedEvent","EventType":8,"TaskScheduledId":5,` +
				`"Result":"\"child done\""` + tail, false,
		},
		{
			wire.ChildFailedMessage(of, 5, wire.Failure{Reason: text("boom")}, at),
			`{"$type":"DurableTask.Core.History.SubOrchestrationInstanceFailedEvent","EventType":9,"TaskScheduledId":5,` +
				`"Reason":"boom","Details":null,"FailureDetails":null` + tail, false,
		},
		{
			wire.ChildStartMessage(child, &wire.Parent{Execution: of, Name: "HelloSequence", ScheduledID: 5}, at),
			`{"$type":"DurableTask.Core.History.ExecutionStartedEvent","OrchestrationInstance":` +
				`{"$type":"DurableTask.Core.OrchestrationInstance","InstanceId":"c0ffee:5","ExecutionId":"2222"},"EventType":0,` +
				`"ParentInstance":{"$type":"DurableTask.Core.ParentInstance","Name":"HelloSequence","OrchestrationInstance":` +
				`{"$type":"DurableTask.Core.OrchestrationInstance",` + exec + `},"TaskScheduleId":5,"Version":""},` +
				`"Name":"ChildFlow","Version":"","Input":"\"in\"","Tags":null,"Correlation":null,"ParentTraceContext":null,` +
				`"ScheduledStartTime":null,"Generation":null` + tail, true,
		},
	}
	for _, test := range tests {
		require.Equal(t, test.event, string(test.m.Event), test.m.EventType)
		m, err := wire.DecodeMessage(test.m.JSON())
		require.NoError(t, err)
		require.Equal(t, test.m.EventType, m.EventType)
		require.Equal(t, test.m.InstanceID, m.InstanceID)
		require.Equal(t, test.m.ExecutionID, m.ExecutionID)
		require.Equal(t, test.context, strings.Contains(string(test.m.JSON()),
			`"OrchestrationExecutionContext":{"$type":"DurableTask.Core.OrchestrationExecutionContext","OrchestrationTags":{"$type":`))
	}
}

func TestDecodeParent(t *testing.T) {
	t.Parallel()
	for _, none := range []string{"", "null"} {
		p, err := wire.DecodeParent(none)
		require.NoError(t, err)
		require.Nil(t, p)
	}
	p, err := wire.DecodeParent(`{"Name":"P","OrchestrationInstance":{"InstanceId":"i","ExecutionId":"e"},"TaskScheduleId":7,"Version":""}`)
	require.NoError(t, err)
	require.Equal(t, &wire.Parent{Execution: wire.Execution{InstanceID: "i", ExecutionID: "e"}, Name: "P", ScheduledID: 7}, p)
	_, err = wire.DecodeParent(`{"Name":5}`)
	require.Error(t, err)
}
