package durable_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// TestRestartRecorded: row and message as the .NET client wrote them.
func TestRestartRecorded(t *testing.T) {
	t.Parallel()
	rec := golden.Load(t, "v2/restart")
	compared := 0
	for i := range rec.Steps {
		step := &rec.Steps[i]
		if step.Client != "restart" || step.Error != "" || len(step.TableWrites(t)) == 0 {
			continue
		}
		f := openMemory(t, rec.Hub, taskhub.Options{}, nil)
		loadRestart(t, f, rec, step)
		_, err := f.Restart(t.Context(), step.Args[0], &durable.RestartOptions{ReuseInstanceID: step.Args[1] == "false"})
		require.NoError(t, err)
		row := *f.row(t, step.Args[0])
		want := step.TableWrites(t)[0].Entity
		want.PartitionKey = row.PartitionKey
		dump := func(e storage.Entity) *golden.Dump {
			return &golden.Dump{Hub: rec.Hub, Tables: map[string][]storage.Entity{f.names.Instances(): {e}}}
		}
		require.Empty(t, golden.Diff(dump(want), dump(row), golden.Options{IgnoreColumns: []string{"PartitionKey", "RowKey"}}))
		sent, puts := step.QueueMessages(t), f.traffic.puts()
		require.Len(t, puts, len(sent))
		require.Equal(t, sent[0].Queue, puts[0].queue)
		data, err := wire.DecodeText(puts[0].text)
		require.NoError(t, err)
		require.Equal(t, golden.NormalizeText(sent[0].Text), golden.NormalizeText(string(data)))
		compared++
	}
	require.Equal(t, 2, compared)
}

// loadRestart makes the hub as it was before a restart: the row that the client read, and the payloads.
func loadRestart(t *testing.T, f *fixture, rec *golden.Recording, step *golden.Step) {
	t.Helper()
	require.NoError(t, rec.Dumps["asked"].LoadInto(t.Context(), f.storage))
	f.drain(t)
	f.traffic.reset()
	row := firstRowIn(t, step.Requests[0].Answer)
	_, err := f.storage.Tables.Update(t.Context(), f.names.Instances(), row, storage.Replace, storage.Any)
	require.NoError(t, err)
}

// firstRowIn returns the first row in an answer of the table service.
func firstRowIn(t *testing.T, answer []byte) *storage.Entity {
	t.Helper()
	var page struct{ Value json.RawMessage }
	require.NoError(t, json.Unmarshal(answer, &page))
	var dump golden.Dump
	require.NoError(t, json.Unmarshal(fmt.Appendf(nil, `{"tables":{"T":%s}}`, page.Value), &dump))
	require.NotEmpty(t, dump.Tables["T"])
	return &dump.Tables["T"][0]
}
