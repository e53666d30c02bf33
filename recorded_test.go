package durable_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// recordedHub is a hub as it was at one moment of a recording. Its payloads are reached at another place than at the
// time, as in an account that has moved.
type recordedHub struct {
	*durable.OrchestrationClient
	label string
	rows  []wire.Instance
}

func loadHub(t *testing.T, d *golden.Dump, label string) *recordedHub {
	t.Helper()
	account := memstore.New(nil).Account()
	require.NoError(t, d.LoadInto(t.Context(), account))
	h := &recordedHub{clientOn(t, account, d.Hub, taskhub.Options{BlobEndpoint: blobEndpoint}), label, nil}
	for _, row := range d.Tables[d.Hub+"Instances"] {
		h.rows = append(h.rows, wire.DecodeInstance(&row))
	}
	return h
}

// eachRecording runs a test with the hubs of every recording, in the order in which they were dumped, and then, unless
// only some were asked for, what checks the whole.
func eachRecording(
	t *testing.T, test func(t *testing.T, engine string, r *golden.Recording, hubs []*recordedHub), whole func(),
) {
	t.Helper()
	var all, ran atomic.Int64
	t.Cleanup(func() {
		if ran.Load() == all.Load() {
			whole()
		}
	})
	for _, engine := range golden.Engines() {
		for _, name := range golden.Names(engine) {
			all.Add(1)
			t.Run(engine+"/"+name, func(t *testing.T) {
				t.Parallel()
				ran.Add(1)
				r := golden.Load(t, engine+"/"+name)
				var hubs []*recordedHub
				for _, s := range r.Steps {
					if s.Dump != "" {
						hubs = append(hubs, loadHub(t, r.Dumps[s.Dump], s.Dump))
					}
				}
				test(t, engine, r, hubs)
			})
		}
	}
}

// counts are how many documents were compared, by what they were compared with.
type counts struct{ http, httpMissing, net, netMissing, undumped atomic.Int64 }

// TestRecordedStatus: what real hosts answered for an instance is what GetStatus makes of the storage that they had.
func TestRecordedStatus(t *testing.T) {
	t.Parallel()
	n := &counts{}
	eachRecording(t, func(t *testing.T, engine string, r *golden.Recording, hubs []*recordedHub) {
		for i := range r.Steps {
			s := &r.Steps[i]
			switch {
			case s.Client == "get-status":
				n.compareNET(t, s, hubs)
			case s.Method == http.MethodGet && instancePath.MatchString(s.Path):
				n.compareHTTP(t, engine, s, hubs)
			}
		}
	}, func() {
		t.Logf("compared %d HTTP documents and %d .NET results; %d and %d for unknown instances; %d without a dump",
			n.http.Load(), n.net.Load(), n.httpMissing.Load(), n.netMissing.Load(), n.undumped.Load())
		require.Equal(t, []int64{159, 11, 63, 10, 43}, []int64{
			n.http.Load(), n.httpMissing.Load(), n.net.Load(), n.netMissing.Load(), n.undumped.Load(),
		})
	})
}

// neverDumped are instances that a host was asked about while they were in a state in which the storage was not read:
// they ran, or were started or rewound again before it was.
var neverDumped = map[string][]string{
	"v1/http-api":       {"http-wait", "http-rewind"},
	"v1/rewind-twice":   {"rw-2"},
	"v2/http-api":       {"http-1", "http-wait", "http-custom", "http-rewind"},
	"v2/rewind-twice":   {"rw-2"},
	"v2/suspend-resume": {"sus-1"},
	"v2/rewind-reference": { // of which no dump was made
		"c-FailsUntilFixed", "c-ParentFailsUntilFixed", "c-TwoChildrenFailUntilFixed", "c-Grandparent", "c-FanOutSomeFail",
		"c-FailsUnderTimer", "c-FailsWhileOthersRun", "c-RetriesThenFails", "c-HandlesThenFails", "c-BranchesThenFails",
		"c-SagaFails", "c-CatchesAndRethrows", "c-RetriesChild",
	},
	"v3/http-api": {"http-1", "http-wait", "http-custom", "http-rewind"},
}

var instancePath = regexp.MustCompile(`^/instances/([^/?]+)/?(?:\?(.*))?$`)

func (n *counts) compareHTTP(t *testing.T, engine string, s *golden.Step, hubs []*recordedHub) {
	t.Helper()
	parts := instancePath.FindStringSubmatch(s.Path)
	id, err := url.PathUnescape(parts[1])
	require.NoError(t, err)
	if s.Status == http.StatusNotFound {
		n.httpMissing.Add(int64(requireMissing(t, id, hubs)))
		return
	}
	requireRoundTrip(t, s.Body)
	query, err := url.ParseQuery(parts[2])
	require.NoError(t, err)
	flag := func(name string, otherwise bool) bool {
		if b, err := strconv.ParseBool(query.Get(name)); err == nil {
			return b
		}
		return otherwise
	}
	opts := durable.GetStatusOptions{
		OmitInput: !flag("showInput", true), ShowHistory: flag("showHistory", false),
		ShowHistoryOutput: flag("showHistoryOutput", false),
	}
	var said struct {
		RuntimeStatus                string
		CreatedTime, LastUpdatedTime time.Time
	}
	require.NoError(t, json.Unmarshal([]byte(s.Body), &said))
	hub := find(hubs, id, func(i *wire.Instance) bool {
		return i.RuntimeStatus == said.RuntimeStatus && i.CreatedTime.Time().Truncate(time.Second).Equal(said.CreatedTime) &&
			i.LastUpdatedTime.Time().Truncate(time.Second).Equal(said.LastUpdatedTime)
	})
	if hub == nil {
		require.Contains(t, neverDumped[strings.TrimPrefix(t.Name(), "TestRecordedStatus/")], id)
		n.undumped.Add(1)
		return
	}
	status, err := hub.GetStatus(t.Context(), id, &opts)
	require.NoError(t, err)
	if engine == "v1" {
		status.HistoryEvents = asIn18(t, status.HistoryEvents)
	}
	got, err := status.MarshalJSON()
	require.NoError(t, err)
	require.Equal(t, s.Body, string(got), "%s, dump %s", s.Path, hub.label)
	n.http.Add(1)
}

// requireRoundTrip: a host's document is read into a status and written again as it was.
func requireRoundTrip(t *testing.T, document string) {
	t.Helper()
	var s durable.OrchestrationStatus
	require.NoError(t, json.Unmarshal([]byte(document), &s))
	got, err := s.MarshalJSON()
	require.NoError(t, err)
	require.Equal(t, document, string(got))
}

// find returns the first hub in which the instance is in that state.
func find(hubs []*recordedHub, id string, is func(i *wire.Instance) bool) *recordedHub {
	for _, h := range hubs {
		if slices.ContainsFunc(h.rows, func(i wire.Instance) bool { return i.ID == id && is(&i) }) {
			return h
		}
	}
	return nil
}

// requireMissing: an instance that a host did not find is in no dump. It returns 1.
func requireMissing(t *testing.T, id string, hubs []*recordedHub) int {
	t.Helper()
	for _, h := range hubs {
		_, err := h.GetStatus(t.Context(), id, nil)
		require.ErrorIs(t, err, durable.ErrInstanceNotFound, id)
	}
	return 1
}

// asIn18 turns a history of ours into what extension 1.8.6 shows. Its events have fewer members, it never shows inputs,
// and it writes the times of scheduling as it read them.
func asIn18(t *testing.T, events []json.RawMessage) []json.RawMessage {
	t.Helper()
	unknown := []string{"Input", "Correlation", "ParentTraceContext", "ScheduledStartTime", "Generation", "FailureDetails"}
	for i, e := range events {
		events[i] = editMembers(t, e, func(name string, value json.RawMessage) (json.RawMessage, bool) {
			if name == "ScheduledTime" {
				value = bytes.Replace(value, []byte("+00:00"), []byte("Z"), 1)
			}
			return value, !slices.Contains(unknown, name)
		})
	}
	return events
}

// editMembers changes and drops members of an object, whose order stays.
func editMembers(
	t *testing.T, object json.RawMessage, edit func(name string, value json.RawMessage) (json.RawMessage, bool),
) json.RawMessage {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(object))
	_, err := d.Token()
	require.NoError(t, err)
	var out []string
	for d.More() {
		name, err := d.Token()
		require.NoError(t, err)
		var value json.RawMessage
		require.NoError(t, d.Decode(&value))
		if value, keep := edit(name.(string), value); keep {
			out = append(out, strconv.Quote(name.(string))+":"+string(value))
		}
	}
	return json.RawMessage("{" + strings.Join(out, ",") + "}")
}

// netStatus is DurableOrchestrationStatus of the .NET client.
type netStatus struct {
	Name, InstanceID             string
	CreatedTime, LastUpdatedTime string
	Input, Output, CustomStatus  json.RawMessage
	RuntimeStatus                int
	History                      []json.RawMessage
}

var netStates = []durable.RuntimeStatus{
	durable.RuntimeStatusRunning, durable.RuntimeStatusCompleted, durable.RuntimeStatusContinuedAsNew,
	durable.RuntimeStatusFailed, durable.RuntimeStatusCanceled, durable.RuntimeStatusTerminated,
	durable.RuntimeStatusPending, durable.RuntimeStatusSuspended,
}

func (n *counts) compareNET(t *testing.T, s *golden.Step, hubs []*recordedHub) {
	t.Helper()
	id := s.Args[0]
	if string(s.Result) == "null" {
		n.netMissing.Add(int64(requireMissing(t, id, hubs)))
		return
	}
	var want netStatus
	require.NoError(t, json.Unmarshal(s.Result, &want))
	hub := find(hubs, id, func(i *wire.Instance) bool {
		return wire.FormatTime(i.LastUpdatedTime.Time()) == want.LastUpdatedTime
	})
	require.NotNil(t, hub)
	flag := func(i int, otherwise bool) bool {
		if i < len(s.Args) {
			return s.Args[i] == "true"
		}
		return otherwise
	}
	got, err := hub.GetStatus(t.Context(), id, &durable.GetStatusOptions{
		ShowHistory: flag(1, false), ShowHistoryOutput: flag(2, false), OmitInput: !flag(3, true),
	})
	require.NoError(t, err)
	require.Equal(t, want.Name, got.Name)
	require.Equal(t, want.InstanceID, got.InstanceID)
	require.Equal(t, want.CreatedTime, wire.FormatTime(got.CreatedTime))
	require.Equal(t, netStates[want.RuntimeStatus], got.RuntimeStatus)
	if strings.Contains(string(want.Input), "-largemessages/") {
		// .NET does not resolve the references to the payloads of IDs that a URL escapes (2.13.7).
		require.NotContains(t, string(got.Input), "-largemessages/")
		require.NoError(t, got.PayloadError)
		want.Input, want.Output = got.Input, got.Output
	}
	requireSameJSON(t, want.Input, got.Input)
	requireSameJSON(t, want.Output, got.Output)
	requireSameJSON(t, want.CustomStatus, got.CustomStatus)
	require.Len(t, got.HistoryEvents, len(want.History))
	for i := range want.History {
		requireSameJSON(t, want.History[i], got.HistoryEvents[i])
	}
	n.net.Add(1)
}

func requireSameJSON(t *testing.T, want, got json.RawMessage) {
	t.Helper()
	if want == nil {
		want = json.RawMessage("null")
	}
	if got == nil {
		got = json.RawMessage("null")
	}
	require.JSONEq(t, string(want), string(got))
}

// TestRecordedInstances: every instance of every recorded hub can be read, with its whole history and all payloads.
func TestRecordedInstances(t *testing.T) {
	t.Parallel()
	var instances, events atomic.Int64
	eachRecording(t, func(t *testing.T, _ string, r *golden.Recording, hubs []*recordedHub) {
		for _, h := range hubs {
			for i := range h.rows {
				events.Add(int64(requireReadable(t, r.Dumps[h.label], h, &h.rows[i])))
				instances.Add(1)
			}
		}
	}, func() {
		t.Logf("read %d instances with %d events", instances.Load(), events.Load())
		// 5102 events lie there: 50 are of executions whose instances were started anew since.
		require.Equal(t, []int64{449, 5052}, []int64{instances.Load(), events.Load()})
	})
}

func requireReadable(t *testing.T, d *golden.Dump, h *recordedHub, row *wire.Instance) int {
	t.Helper()
	status, err := h.GetStatus(t.Context(), row.ID, &durable.GetStatusOptions{ShowHistory: true, ShowHistoryOutput: true})
	require.NoError(t, err, row.ID)
	require.NoError(t, status.PayloadError, row.ID)
	document, err := status.MarshalJSON()
	require.NoError(t, err)
	require.True(t, json.Valid(document))
	require.NotContains(t, string(status.Input), "-largemessages/", "references are resolved")
	require.NotContains(t, string(status.Output), "-largemessages/")

	history, err := h.GetHistory(t.Context(), row.ID, nil)
	require.NoError(t, err, row.ID)
	require.Len(t, history, currentRows(d, row), "of %s: no event is missing and none is stale", row.ID)
	for _, e := range history {
		require.NoError(t, e.PayloadError)
		require.NotEmpty(t, e.Type)
		require.False(t, e.Timestamp.IsZero())
	}
	return len(history)
}

// currentRows counts the events of an instance's current execution: the one that the sentinel names, unless the row names
// another, which then has not begun.
func currentRows(d *golden.Dump, row *wire.Instance) int {
	var sentinel *storage.Entity
	executions := map[string]int{}
	for i, e := range d.Tables[d.Hub+"History"] {
		switch {
		case e.PartitionKey != row.Key:
		case e.RowKey == wire.SentinelKey:
			sentinel = &d.Tables[d.Hub+"History"][i]
		default:
			executions[e.Text(wire.ColExecutionID)]++
		}
	}
	if sentinel == nil || row.ExecutionID != "" && row.ExecutionID != sentinel.Text(wire.ColExecutionID) {
		return 0
	}
	return executions[sentinel.Text(wire.ColExecutionID)]
}

// TestRecordedHubElsewhere: a hub that was copied into another account under another name reads as it did before.
func TestRecordedHubElsewhere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"v1/large-payloads", "v2/large-payloads", "v2/odd-ids", "v2/client-only"} {
		r := golden.Load(t, name)
		for label, d := range r.Dumps {
			here, there := loadHub(t, d, label), loadHub(t, d.Rename("Elsewhere"), label)
			require.NotEmpty(t, here.rows)
			for i := range here.rows {
				opts := &durable.GetStatusOptions{ShowHistory: true, ShowHistoryOutput: true}
				want, err := here.GetStatus(t.Context(), here.rows[i].ID, opts)
				require.NoError(t, err)
				got, err := there.GetStatus(t.Context(), here.rows[i].ID, opts)
				require.NoError(t, err)
				require.NoError(t, got.PayloadError)
				require.Equal(t, want, got)
			}
		}
	}
}
