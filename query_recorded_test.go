package durable_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/taskhub"
)

// onRecorded runs a test on a hub that holds what was recorded, in memory and at the storage emulator.
func onRecorded(t *testing.T, recording, dump string, test func(t *testing.T, f *fixture, r *golden.Recording)) {
	t.Helper()
	for _, backend := range []struct {
		name string
		open func(testing.TB, string) *fixture
	}{
		{"memory", func(tb testing.TB, hub string) *fixture { return openMemory(tb, hub, taskhub.Options{}, nil) }},
		{"azurite", openAzurite},
	} {
		t.Run(backend.name, func(t *testing.T) {
			t.Parallel()
			r := golden.Load(t, recording)
			f := backend.open(t, newHubName())
			f.load(t, r, dump)
			test(t, f, r)
		})
	}
}

// load puts what was recorded into the hub.
func (f *fixture) load(tb testing.TB, r *golden.Recording, dump string) {
	tb.Helper()
	require.Contains(tb, r.Dumps, dump)
	delete(r.Dumps[dump].Tables, r.Hub+"Partitions") // its rows have no partition key, which azstore does not write
	require.NoError(tb, r.Dumps[dump].Rename(f.names.Hub()).LoadInto(tb.Context(), f.storage))
	f.traffic.reset()
}

// recordedState is the DurableOrchestrationStatus of .NET.
type recordedState struct {
	Name, InstanceID             string
	CreatedTime, LastUpdatedTime time.Time
	Input, Output, CustomStatus  json.RawMessage
	RuntimeStatus                int
}

// recordedStatuses are the numbers of the .NET enum.
var recordedStatuses = []durable.RuntimeStatus{
	durable.RuntimeStatusRunning, durable.RuntimeStatusCompleted, durable.RuntimeStatusContinuedAsNew,
	durable.RuntimeStatusFailed, durable.RuntimeStatusCanceled, durable.RuntimeStatusTerminated,
	durable.RuntimeStatusPending, durable.RuntimeStatusSuspended,
}

func requireRecorded(t *testing.T, want *recordedState, got *durable.OrchestrationStatus) {
	t.Helper()
	require.Equal(t, want.InstanceID, got.InstanceID)
	require.Equal(t, want.Name, got.Name)
	require.Equal(t, recordedStatuses[want.RuntimeStatus], got.RuntimeStatus)
	require.True(t, want.CreatedTime.Equal(got.CreatedTime))
	require.True(t, want.LastUpdatedTime.Equal(got.LastUpdatedTime))
	for _, texts := range [][2]json.RawMessage{
		{want.Input, got.Input}, {want.Output, got.Output}, {want.CustomStatus, got.CustomStatus},
	} {
		if texts[1] == nil {
			texts[1] = json.RawMessage("null")
		}
		require.JSONEq(t, string(texts[0]), string(texts[1]))
	}
}

// recordedPage makes the arguments of a recorded query ours: size, prefix, token, states, from and to.
func recordedPage(t *testing.T, args []string) (*durable.InstanceFilter, *durable.PageOptions) {
	t.Helper()
	args = append(args, make([]string, 6-len(args))...)
	size, err := strconv.Atoi(args[0])
	require.NoError(t, err)
	f := &durable.InstanceFilter{InstanceIDPrefix: args[1], IncludeEntities: true}
	if args[3] != "" {
		for s := range strings.SplitSeq(args[3], ",") {
			f.Statuses = append(f.Statuses, durable.RuntimeStatus(s))
		}
	}
	for i, at := range []*time.Time{&f.CreatedFrom, &f.CreatedTo} {
		if args[4+i] != "" {
			*at, err = time.Parse(time.RFC3339, args[4+i])
			require.NoError(t, err)
		}
	}
	return f, &durable.PageOptions{Size: size, ContinuationToken: args[2]}
}

// TestQueryRecordedPages: the pages that the .NET client got, with its own tokens where the storage is the one that they
// were made for.
func TestQueryRecordedPages(t *testing.T) {
	t.Parallel()
	onRecorded(t, "v2/queries", "hub", func(t *testing.T, f *fixture, r *golden.Recording) {
		pages := 0
		ours := map[string]string{"": ""} // our token for one of theirs
		for _, s := range r.Steps {
			if s.Client != "page" {
				continue
			}
			pages++
			filter, opts := recordedPage(t, s.Args)
			if f.mem != nil && s.ErrorType == "" {
				require.Contains(t, ours, opts.ContinuationToken)
				opts.ContinuationToken = ours[opts.ContinuationToken]
			}
			f.traffic.reset()
			page, err := f.QueryInstancesPage(t.Context(), filter, opts)
			if s.ErrorType != "" {
				require.ErrorIs(t, err, durable.ErrInvalidArgument)
				require.Zero(t, f.traffic.count())
				continue
			}
			require.NoError(t, err)
			require.Equal(t, len(s.Requests), f.traffic.count())
			var want struct {
				DurableOrchestrationState []recordedState
				ContinuationToken         string
			}
			require.NoError(t, json.Unmarshal(s.Result, &want))
			require.Len(t, page.Instances, len(want.DurableOrchestrationState))
			for i := range page.Instances {
				requireRecorded(t, &want.DurableOrchestrationState[i], page.Instances[i])
			}
			require.Equal(t, want.ContinuationToken == "", page.ContinuationToken == "")
			ours[want.ContinuationToken] = page.ContinuationToken
		}
		require.Equal(t, 12, pages)
	})
}

// TestQueryRecordedMany: a list of given IDs is a query for each.
func TestQueryRecordedMany(t *testing.T) {
	t.Parallel()
	onRecorded(t, "v2/queries", "hub", func(t *testing.T, f *fixture, r *golden.Recording) {
		found := 0
		for _, s := range r.Steps {
			if s.Client != "get-many" {
				continue
			}
			var want []*recordedState
			require.NoError(t, json.Unmarshal(s.Result, &want))
			require.Len(t, want, len(s.Args))
			got, err := f.GetStatuses(t.Context(), s.Args, nil)
			require.NoError(t, err)
			for i, id := range s.Args {
				if want[i] == nil {
					require.Nil(t, got[i])
					continue
				}
				requireRecorded(t, want[i], got[i])
				for s, err := range f.QueryInstances(t.Context(), &durable.InstanceFilter{InstanceIDPrefix: id}, nil) {
					require.NoError(t, err)
					requireRecorded(t, want[i], s)
					found++
				}
			}
		}
		require.Equal(t, 2, found)
	})
}

// TestQueryRecordedTokens: the tokens that the HTTP APIs of three engines gave lead to the pages that they gave, as far
// as instances are still there when the hub was read. They are of the emulator.
func TestQueryRecordedTokens(t *testing.T) {
	t.Parallel()
	for _, engine := range golden.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			r := golden.Load(t, engine+"/http-api")
			f := openAzurite(t, newHubName())
			f.load(t, r, "before-purge")
			tokens := 0
			for _, s := range r.Steps {
				token := s.RequestHeaders["x-ms-continuation-token"]
				if !strings.HasPrefix(s.Path, "/instances?") || token == "" {
					continue
				}
				filter := &durable.InstanceFilter{IncludeEntities: true}
				if engine != "v1" && strings.Contains(s.Path, "instanceIdPrefix=http-") { // 1.x ignores it
					filter.InstanceIDPrefix = "http-"
				}
				for _, token := range []string{token, strings.TrimSpace(token)} {
					page, err := f.QueryInstancesPage(t.Context(), filter, &durable.PageOptions{Size: 3, ContinuationToken: token})
					if token == "bogus" {
						require.ErrorIs(t, err, durable.ErrInvalidArgument)
						continue
					}
					require.NoError(t, err)
					var want []struct{ InstanceID string }
					require.NoError(t, json.Unmarshal([]byte(s.Body), &want))
					require.Len(t, page.Instances, len(want))
					for i := range want {
						require.Equal(t, want[i].InstanceID, page.Instances[i].InstanceID)
					}
					require.NotEmpty(t, page.ContinuationToken)
					tokens++
				}
			}
			require.Equal(t, 2, tokens)
		})
	}
}
