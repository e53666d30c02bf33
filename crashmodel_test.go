package durable_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// fault is a way in which requests fail.
type fault struct {
	name  string
	phase faultstore.Phase
	// forGood means that all later requests fail as well: the process died, or the network.
	forGood bool
	// cancels means that the caller's context ends at that moment.
	cancels bool
}

var faults = []fault{
	{"refused", faultstore.Before, false, false},
	{"answer lost", faultstore.After, false, false},
	{"cancelled before", faultstore.Before, false, true},
	{"cancelled after", faultstore.After, false, true},
	{"dead before", faultstore.Before, true, false},
	{"dead after", faultstore.After, true, false},
}

// hook returns a hook that fails the k-th call. What the storage contract says of a message that may have arrived holds
// here as well: the error is ErrUncertain.
func (f fault) hook(k int, cancel context.CancelFunc) faultstore.Hook {
	n, dead := 0, false
	return func(_ context.Context, c faultstore.Call) error {
		if c.Phase == faultstore.Before {
			n++
			if dead {
				return errNetwork
			}
		}
		if c.Phase != f.phase || n != k || dead {
			return nil
		}
		dead = f.forGood
		err := errNetwork
		if f.cancels {
			cancel()
			err = context.Canceled
		}
		if c.Op == "Put" && c.Phase == faultstore.After {
			return fmt.Errorf("%w: %w", storage.ErrUncertain, err)
		}
		return err
	}
}

// state is what there is of a hub, as far as it decides what happens next.
type state struct {
	// rows are the rows of instances by ID, without times.
	rows map[string]string
	// executions are those that a worker would run, by instance.
	executions map[string][]string
	// messages count the other messages by instance and kind.
	messages map[string]int
	// orphans are payloads to which neither a row nor a message refers, dangling what refers to no payload.
	orphans, dangling []string
	// resources are the tables, queues and containers.
	resources []string
}

// observe reads the whole hub. The messages stay where they are.
func (f *fixture) observe(t *testing.T) state {
	t.Helper()
	s := state{
		rows: map[string]string{}, executions: map[string][]string{}, messages: map[string]int{}, resources: f.resources(t),
	}
	if !slices.Contains(s.resources, f.names.Instances()) {
		return s
	}
	used := map[string]bool{}
	execution := map[string]string{}
	page, err := f.storage.Tables.Query(t.Context(), f.names.Instances(), storage.Query{})
	require.NoError(t, err)
	for i := range page.Entities {
		row := wire.DecodeInstance(&page.Entities[i])
		execution[row.ID] = row.ExecutionID
		input, output := f.follow(row.ID, row.Input.Text, used), f.follow(row.ID, row.Output.Text, used)
		s.rows[row.ID] = fmt.Sprint(row.RuntimeStatus, " ", row.Name, " generation ", row.Generation, " input ", input,
			" output ", output, " CompletedTime ", row.CompletedTime.Type == storage.DateTime)
	}
	f.wouldRun(t, &s, execution, used)
	have := f.blobs(t)
	for _, b := range have {
		if !used[b] {
			s.orphans = append(s.orphans, b)
		}
	}
	for b := range used {
		if !slices.Contains(have, b) {
			s.dangling = append(s.dangling, b)
		}
	}
	return s
}

// follow notes a reference to a payload and returns what the text says, without the names in it that are new each time.
func (f *fixture) follow(id, text string, used map[string]bool) string {
	name, ok := wire.BlobReference(text, f.names.LargeMessages(), id)
	if !ok {
		return text
	}
	used[name] = true
	return "in a blob"
}

// wouldRun models what a worker makes of the messages in the queues (observed.md 1 and 6): a start message runs if the
// row has its execution ID, a repeated one counts once, and all others are thrown away sooner or later.
func (f *fixture) wouldRun(t *testing.T, s *state, execution map[string]string, used map[string]bool) {
	t.Helper()
	for p := range partitions {
		if !slices.Contains(s.resources, f.names.ControlQueue(p)) {
			continue
		}
		messages, err := f.storage.Queues.Peek(t.Context(), f.names.ControlQueue(p), 32)
		require.NoError(t, err)
		for _, queued := range messages {
			m := f.unpackKnown(t, queued.Text, used)
			if m == nil {
				continue // it refers to a payload that is gone, and is noted as dangling
			}
			require.Equal(t, p, wire.Partition(m.InstanceID, partitions))
			if m.EventType != wire.ExecutionStarted {
				s.messages[m.InstanceID+" "+m.EventType]++
				continue
			}
			row, ok := execution[m.InstanceID]
			if ok && strings.EqualFold(row, m.ExecutionID) && !slices.Contains(s.executions[m.InstanceID], row) {
				s.executions[m.InstanceID] = append(s.executions[m.InstanceID], row)
			}
		}
	}
}

func (f *fixture) unpackKnown(t *testing.T, text string, used map[string]bool) *wire.Message {
	t.Helper()
	data, err := wire.DecodeText(text)
	require.NoError(t, err)
	m, err := wire.DecodeMessage(data)
	require.NoError(t, err)
	if m.BlobName == "" {
		return m
	}
	used[m.BlobName] = true
	if !slices.Contains(f.blobs(t), m.BlobName) {
		return nil
	}
	return f.unpack(t, text)
}

// resources are all tables, queues and containers of the account.
func (f *fixture) resources(t *testing.T) []string {
	t.Helper()
	tables, err1 := f.storage.Tables.ListTables(t.Context(), "")
	queues, err2 := f.storage.Queues.ListQueues(t.Context(), "")
	containers, err3 := f.storage.Blobs.ListContainers(t.Context(), "")
	require.NoError(t, errors.Join(err1, err2, err3))
	return slices.Concat(tables, queues, containers)
}

// sameBut compares everything but one instance, the executions' names and what litter there is.
func (s state) requireOthersUntouched(t *testing.T, before state, id string) {
	t.Helper()
	for _, m := range []map[string]string{s.rows, before.rows} {
		require.Contains(t, m, "other")
	}
	a, b := maps.Clone(s.rows), maps.Clone(before.rows)
	delete(a, id)
	delete(b, id)
	require.Equal(t, b, a)
	require.Equal(t, before.executions["other"], s.executions["other"])
	for key, n := range s.messages {
		if !strings.HasPrefix(key, id+" ") {
			require.Equal(t, before.messages[key], n, key)
		}
	}
}
