package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/go-durable/durable"
)

// connect returns a client for the real task hub. The connection string never gets into an error.
func connect(o *options) (*durable.OrchestrationClient, error) {
	connection := o.connection
	if v := os.Getenv(connection); v != "" {
		connection = v
	} else if !strings.Contains(connection, "=") {
		return nil, errors.New("-connection is no connection string, and no environment variable of that name is set")
	}
	// A mistyped account should not take a minute to find out.
	opts := &durable.ClientOptions{ClientOptions: azcore.ClientOptions{Retry: policy.RetryOptions{MaxRetries: 1}}}
	return durable.NewOrchestrationClientFromConnectionString(connection, o.hub, opts)
}

// remote starts a function on a task hub that an app works on.
func remote(ctx context.Context, s *screen, client *durable.OrchestrationClient, o *options) error {
	info, err := client.TaskHubInfo(ctx, nil)
	if err != nil {
		return explain(err, o)
	}
	s.title("Task hub "+info.Name, hubLine(info))

	s.heading("Start an orchestration", fmt.Sprintf("client.StartNew(ctx, %q, input, nil)", o.function))
	var input any
	if o.input != "" {
		input = json.RawMessage(o.input)
	}
	id, err := client.StartNew(ctx, o.function, input, nil)
	if err != nil {
		return explain(err, o)
	}
	s.line("instance", id)
	s.json("input", json.RawMessage(o.input))

	s.heading("Wait for the end", fmt.Sprintf("client.WaitForCompletion(ctx, %q, nil)", id))
	s.text(fmt.Sprintf("for %s at most ...", duration(o.timeout)))
	waiting, cancel := context.WithTimeout(ctx, o.timeout)
	st, err := client.WaitForCompletion(waiting, id, nil)
	cancel()
	if err != nil {
		return explain(err, o)
	}
	s.text("")
	s.status(st)

	s.heading("Read its history", fmt.Sprintf("client.GetHistory(ctx, %q, nil)", id))
	events, err := client.GetHistory(ctx, id, nil)
	if err != nil {
		return explain(err, o)
	}
	s.history(st.CreatedTime, events)
	if st.RuntimeStatus == durable.RuntimeStatusCompleted {
		s.text("")
		return s.err
	}
	return &advice{text: fmt.Sprintf("It ended as %s: %s", st.RuntimeStatus, reason(st))}
}

// reason returns the text with which an instance failed or was terminated, long as it may be.
func reason(st *durable.OrchestrationStatus) string {
	const limit = 2000
	var text string
	if err := st.DecodeOutput(&text); err != nil {
		text = string(st.Output)
	}
	return shorten(text, limit)
}

// hubLine says in what state a task hub is.
func hubLine(info *durable.TaskHubInfo) string {
	partitions := fmt.Sprintf("%d partitions", info.PartitionCount)
	switch {
	case info.PartitionCount == 0:
		partitions = "The number of its partitions is in doubt"
	case info.PartitionCount == 1:
		partitions = "1 partition"
	}
	if !info.HostSeen {
		return partitions + ". No app has ever worked on it."
	}
	owned := 0
	for _, q := range info.ControlQueues {
		if q.Owned {
			owned++
		}
	}
	if owned == 0 {
		return partitions + ". An app has worked on it, but none does at this moment."
	}
	return fmt.Sprintf("%s, %d of them in the hands of an app.", partitions, owned)
}

// advice is an error with what can be done about it.
type advice struct {
	text string
	err  error
}

func (a *advice) Error() string { return a.text }
func (a *advice) Unwrap() error { return a.err }

// explain says what a person can do about an error.
func explain(err error, o *options) error {
	var e *durable.Error
	switch {
	case errors.Is(err, durable.ErrTaskHubNotFound):
		return &advice{fmt.Sprintf("There is no task hub %q in this storage account. Its name is hubName in the app's "+
			"host.json, or made from the app's name; upper and lower case matter. The app creates it when it first runs. "+
			"Nothing was created.", o.hub), err}
	case errors.Is(err, durable.ErrAccessDenied):
		return &advice{"The storage account refuses the connection string: its key or SAS is wrong, expired, or does not " +
			"cover tables, queues and blobs.", err}
	case errors.Is(err, context.DeadlineExceeded) && errors.As(err, &e) && e.Op == "WaitForCompletion":
		return &advice{timedOut(e, o.timeout), err}
	case errors.Is(err, context.Canceled):
		return &advice{"Stopped. What was started goes on.", err}
	}
	return err
}

func timedOut(e *durable.Error, timeout time.Duration) string {
	after := duration(timeout)
	if e.Status == durable.RuntimeStatusPending {
		return fmt.Sprintf("Nobody has taken %s up in %s. Is an app running on task hub %s? If it is, it may be one with "+
			"another storage account or hubName. The instance stays Pending, and runs as soon as an app comes; "+
			"client.Terminate takes it back.", e.InstanceID, after, e.TaskHub)
	}
	return fmt.Sprintf("%s is still %s after %s. It may need more time (-timeout), or wait for an event "+
		"(client.RaiseEvent). It goes on without us.", e.InstanceID, e.Status, after)
}
