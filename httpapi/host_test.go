package httpapi_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
)

// host plays the worker of a recording: what the recorded one made of each instance, it writes into the tables.
type host struct {
	t       *testing.T
	client  *durable.OrchestrationClient
	account storage.Account
	// end is what the recorded hub held at the end, before everything was purged.
	end   *golden.Dump
	hub   string
	clock func() time.Time
	// onPut, if set, is called when a message has been put into a queue.
	onPut func()
}

// promptQueues tell a host of each message.
type promptQueues struct {
	storage.Queues
	h *host
}

func (q promptQueues) Put(ctx context.Context, queue, text string, delay time.Duration) error {
	err := q.Queues.Put(ctx, queue, text, delay)
	if q.h.onPut != nil {
		q.h.onPut()
	}
	return err
}

func newHost(t *testing.T, end *golden.Dump) *host {
	t.Helper()
	// Bubbles of synctest begin in the year 2000, recordings ask for what is younger than 2020.
	h := &host{t: t, end: end, hub: end.Hub, clock: func() time.Time { return time.Now().AddDate(30, 0, 0) }}
	clock := func() time.Time { return h.clock() }
	h.account = memstore.New(&memstore.Options{Clock: clock}).Account()
	account := h.account
	account.Queues = promptQueues{account.Queues, h}
	client, err := hook.NewClient(account, end.Hub, taskhub.Options{Now: clock})
	require.NoError(t, err)
	h.client = client.(*durable.OrchestrationClient)
	require.NoError(t, h.client.CreateTaskHub(t.Context(), nil))
	return h
}

// handle takes all messages out of the queues and lets the instance of the step go on.
func (h *host) handle(s *golden.Step, instanceID string) {
	h.t.Helper()
	require.Equal(h.t, 1, h.takeMessages(), "one message for each request that is accepted")
	path, query, _ := strings.Cut(s.Path, "?")
	q, err := url.ParseQuery(query)
	require.NoError(h.t, err)
	reason := optional(q, "reason")
	switch operation := path[strings.LastIndexByte(path, '/')+1:]; {
	case operation == "Other":
	case operation == "Approval":
		h.ended(instanceID)
	case operation == "terminate":
		h.set(instanceID, "Terminated", reason)
	case operation == "suspend":
		h.set(instanceID, "Suspended", reason)
	case operation == "resume":
		h.set(instanceID, "Running", nil)
	case operation == "rewind":
		h.history(instanceID, false)
		h.ended(instanceID)
	default:
		h.run(instanceID)
	}
}

func optional(q url.Values, name string) *string {
	if !q.Has(name) {
		return nil
	}
	v := q.Get(name)
	return &v
}

func (h *host) takeMessages() int {
	h.t.Helper()
	queues, err := h.account.Queues.ListQueues(h.t.Context(), strings.ToLower(h.hub)+"-control-")
	require.NoError(h.t, err)
	n := 0
	for _, q := range queues {
		messages, err := h.account.Queues.Dequeue(h.t.Context(), q, 32, time.Minute)
		require.NoError(h.t, err)
		for _, m := range messages {
			require.NoError(h.t, h.account.Queues.Remove(h.t.Context(), q, m))
		}
		n += len(messages)
	}
	return n
}

// run does with an instance that was started what the recorded host did.
func (h *host) run(instanceID string) {
	h.t.Helper()
	row := h.row(instanceID)
	switch name := row.Text("Name"); name {
	case "HelloSequence":
		output := `["Hello Tokyo!","Hello Seattle!","Hello London!"]`
		h.set(instanceID, "Completed", &output)
		if h.recorded(instanceID) != nil {
			h.history(instanceID, false)
		}
	case "WaitForApproval":
		h.set(instanceID, "Running", nil)
	case "CustomStatus":
		h.set(instanceID, "Running", nil)
		h.merge(instanceID, "CustomStatus", h.recorded(instanceID).Text("CustomStatus"))
	case "FailsUntilFixed":
		h.history(instanceID, true)
		for i := range h.rows(instanceID) {
			if e := h.rows(instanceID)[i]; e.Text("EventType") == "ExecutionCompleted" {
				output := e.Text("Result")
				h.set(instanceID, "Failed", &output)
			}
		}
	case "ThrowsAtOnce", "NoSuch":
		h.ended(instanceID)
	default:
		h.t.Fatalf("nothing is known of the orchestrator %s", name)
	}
}

func (h *host) row(instanceID string) *storage.Entity {
	h.t.Helper()
	row, err := h.account.Tables.Get(h.t.Context(), h.hub+"Instances", instanceID, "")
	require.NoError(h.t, err)
	return row
}

// recorded returns the row of an instance at the end of the recording, nil if there is none.
func (h *host) recorded(instanceID string) *storage.Entity {
	rows := h.end.Tables[h.hub+"Instances"]
	for i := range rows {
		if rows[i].PartitionKey == instanceID {
			return &rows[i]
		}
	}
	return nil
}

// ended gives an instance the state and output that it had at the end.
func (h *host) ended(instanceID string) {
	h.t.Helper()
	end := h.recorded(instanceID)
	require.NotNil(h.t, end, instanceID)
	output := end.Text("Output")
	h.set(instanceID, end.Text("RuntimeStatus"), &output)
}

func (h *host) set(instanceID, status string, output *string) {
	h.t.Helper()
	require.NoError(h.t, h.setRow(h.t.Context(), instanceID, status, output))
}

func (h *host) setRow(ctx context.Context, instanceID, status string, output *string) error {
	row, err := h.account.Tables.Get(ctx, h.hub+"Instances", instanceID, "")
	if err != nil {
		return err
	}
	row.Set("RuntimeStatus", storage.StringValue(status))
	remove(row, "Output")
	if output != nil {
		row.Set("Output", storage.StringValue(*output))
	}
	_, err = h.account.Tables.Update(ctx, h.hub+"Instances", row, storage.Replace, storage.Any)
	return err
}

func remove(e *storage.Entity, column string) {
	e.Columns = slices.DeleteFunc(e.Columns, func(c storage.Column) bool { return c.Name == column })
}

func (h *host) merge(instanceID, column, text string) {
	h.t.Helper()
	e := &storage.Entity{PartitionKey: instanceID}
	e.Set(column, storage.StringValue(text))
	_, err := h.account.Tables.Update(h.t.Context(), h.hub+"Instances", e, storage.Merge, storage.Any)
	require.NoError(h.t, err)
}

// rows returns the history of an instance.
func (h *host) rows(instanceID string) []storage.Entity {
	h.t.Helper()
	page, err := h.account.Tables.Query(h.t.Context(), h.hub+"History", storage.Query{
		Filter: storage.Cmp{Column: "PartitionKey", Op: storage.EQ, Value: storage.StringValue(instanceID)},
	})
	require.NoError(h.t, err)
	return page.Entities
}

// history gives an instance the history that it had at the end, or the one before it was rewound.
func (h *host) history(instanceID string, beforeRewind bool) {
	h.t.Helper()
	for _, e := range h.rows(instanceID) {
		require.NoError(h.t, h.account.Tables.Delete(h.t.Context(), h.hub+"History", instanceID, e.RowKey, storage.Any))
	}
	execution := h.row(instanceID).Text("ExecutionId")
	ended := false
	for i := range h.end.Tables[h.hub+"History"] {
		e := h.end.Tables[h.hub+"History"][i].Clone()
		if e.PartitionKey != instanceID || ended && e.RowKey != "sentinel" {
			continue
		}
		e.Set("ExecutionId", storage.StringValue(execution))
		if e.Has("Generation") {
			e.Set("Generation", h.row(instanceID).Get("Generation"))
		}
		if before, rewound := strings.CutPrefix(e.Text("Reason"), "Rewound: "); rewound && beforeRewind {
			e.Set("EventType", storage.StringValue(before))
			remove(e, "Reason")
		}
		if e.Text("EventType") == "GenericEvent" && e.Text("OrchestrationStatus") == "Failed" && beforeRewind {
			e.Set("EventType", storage.StringValue("ExecutionCompleted"))
		}
		_, err := h.account.Tables.Insert(h.t.Context(), h.hub+"History", e)
		require.NoError(h.t, err)
		ended = beforeRewind && (ended || e.Text("EventType") == "ExecutionCompleted")
	}
}
