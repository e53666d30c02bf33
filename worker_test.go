package durable_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// What a worker does to a task hub, as far as a client can see it: it is played here by writing its rows.

// row returns the row of an instance, or nil if there is none.
func (f *fixture) row(tb testing.TB, instanceID string) *storage.Entity {
	tb.Helper()
	e, err := f.storage.Tables.Get(tb.Context(), f.names.Instances(), wire.EscapeKey(instanceID), "")
	if err != nil {
		require.ErrorIs(tb, err, storage.ErrNotFound)
		return nil
	}
	return e
}

// start starts an instance that waits for its worker.
func (f *fixture) start(tb testing.TB, instanceID string, input any) {
	tb.Helper()
	_, err := f.StartNew(tb.Context(), "Orchestrator", input, &durable.StartNewOptions{InstanceID: instanceID})
	require.NoError(tb, err)
}

// set changes columns of an instance's row as a worker does, whatever its version.
func (f *fixture) set(tb testing.TB, instanceID string, columns ...storage.Column) {
	tb.Helper()
	e := &storage.Entity{PartitionKey: wire.EscapeKey(instanceID), Columns: columns}
	_, err := f.storage.Tables.Update(tb.Context(), f.names.Instances(), e, storage.Merge, storage.Any)
	require.NoError(tb, err)
}

func text(name, value string) storage.Column {
	return storage.Column{Name: name, Value: storage.StringValue(value)}
}

func number(name string, n int32) storage.Column {
	return storage.Column{Name: name, Value: storage.Int32Value(n)}
}

func at(name string, t time.Time) storage.Column {
	return storage.Column{Name: name, Value: storage.TimeValue(t)}
}

// setState changes nothing but the state.
func (f *fixture) setState(tb testing.TB, instanceID string, s durable.RuntimeStatus) {
	tb.Helper()
	f.set(tb, instanceID, text(wire.ColRuntimeStatus, string(s)))
}

// run is what a worker does that takes an instance up: first the history, then the row.
func (f *fixture) run(tb testing.TB, instanceID string) {
	tb.Helper()
	row := f.row(tb, instanceID)
	f.history(tb, instanceID, row.Text(wire.ColExecutionID),
		event(wire.OrchestratorStarted), event(wire.ExecutionStarted, text(wire.ColName, row.Text(wire.ColName))))
	f.setState(tb, instanceID, durable.RuntimeStatusRunning)
}

// startRunning starts an instance and lets a worker take it up.
func (f *fixture) startRunning(tb testing.TB, instanceID string, input any) {
	tb.Helper()
	f.start(tb, instanceID, input)
	f.drain(tb)
	f.run(tb, instanceID)
}

// complete ends an instance.
func (f *fixture) complete(tb testing.TB, instanceID, output string) {
	tb.Helper()
	f.set(tb, instanceID, text(wire.ColRuntimeStatus, wire.StatusCompleted), text(wire.ColOutput, output),
		at(wire.ColCompletedTime, time.Now()))
}

// event returns a row of a history that still lacks its keys.
func event(eventType string, columns ...storage.Column) *storage.Entity {
	e := &storage.Entity{Columns: []storage.Column{
		text(wire.ColEventType, eventType), number(wire.ColEventID, -1),
		at(wire.ColTimestamp, time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)),
	}}
	for _, c := range columns {
		e.Set(c.Name, c.Value)
	}
	return e
}

// history writes the history of an execution, over that of an earlier one.
func (f *fixture) history(tb testing.TB, instanceID, executionID string, events ...*storage.Entity) {
	tb.Helper()
	write := func(rowKey string, e *storage.Entity) {
		e = e.Clone()
		e.PartitionKey, e.RowKey = wire.EscapeKey(instanceID), rowKey
		e.Set(wire.ColExecutionID, storage.StringValue(executionID))
		_, err := f.storage.Tables.Update(tb.Context(), f.names.History(), e, storage.Replace, "")
		require.NoError(tb, err)
	}
	for i, e := range events {
		write(hexKey(i), e)
	}
	write(wire.SentinelKey, &storage.Entity{})
}

// hexKey is the row key of an event.
func hexKey(i int) string { return fmt.Sprintf("%016X", i) }

// blob returns the unzipped content of a blob of the hub.
func (f *fixture) blob(tb testing.TB, name string) string {
	tb.Helper()
	r, err := f.storage.Blobs.Open(tb.Context(), f.names.LargeMessages(), name)
	require.NoError(tb, err)
	content, err := wire.Unzip(r, 1<<30)
	require.NoError(tb, err)
	require.NoError(tb, r.Close())
	return string(content)
}

// putBlob stores a payload as a worker does.
func (f *fixture) putBlob(tb testing.TB, name string, content string) {
	tb.Helper()
	require.NoError(tb, f.storage.Blobs.CreateContainer(tb.Context(), f.names.LargeMessages()))
	require.NoError(tb, f.storage.Blobs.Write(tb.Context(), f.names.LargeMessages(), name,
		storage.Blob{Content: wire.Zip([]byte(content))}))
}

// blobs returns the names of all payloads.
func (f *fixture) blobs(tb testing.TB) []string {
	tb.Helper()
	have, err := f.storage.Blobs.ListContainers(tb.Context(), f.names.LargeMessages())
	require.NoError(tb, err)
	names := []string{}
	if len(have) == 0 {
		return names
	}
	for from := ""; ; {
		page, err := f.storage.Blobs.List(tb.Context(), f.names.LargeMessages(), "", from)
		require.NoError(tb, err)
		for _, b := range page.Blobs {
			names = append(names, b.Name)
		}
		if from = page.Next; from == "" {
			return names
		}
	}
}

// reference returns the reference to a blob of the hub as a row holds it, at some other host.
func (f *fixture) reference(blob string) string {
	return wire.BlobURL("https://elsewhere.invalid/"+f.names.LargeMessages(), blob)
}
