package durable_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
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

// rerun makes our client do what the .NET client was recorded doing, step by step, in a hub without a host.
type rerun struct {
	t *testing.T
	*durable.OrchestrationClient
	log   *actLog
	store storage.Account
	hub   *taskhub.Hub
	step  *golden.Step
	// known says that the step starts an ID that exists, pending that it is about an instance that no worker has taken.
	known, pending bool
	// seconds is the delay that the step asks for.
	seconds int
	applied map[string]bool
}

var clockStart = time.Date(2026, 11, 22, 5, 59, 32, 432897100, time.UTC)

func newReplay(t *testing.T, hub string) *rerun {
	t.Helper()
	opts := taskhub.Options{
		Now: func() time.Time { return clockStart }, BlobEndpoint: "http://127.0.0.1:20000/devstoreaccount1",
	}
	account := memstore.New(&memstore.Options{Clock: opts.Now}).Account()
	log := logActs(account)
	h, err := taskhub.New(account, hub, opts)
	require.NoError(t, err)
	p := &rerun{
		t: t, OrchestrationClient: clientOn(t, log.Account, hub, opts), log: log, store: account, hub: h, applied: map[string]bool{},
	}
	require.NoError(t, p.CreateTaskHub(t.Context(), nil))
	_, err = p.TaskHubInfo(t.Context(), nil) // the partition count is known from here on
	require.NoError(t, err)
	return p
}

var statusInError = regexp.MustCompile(`status (\w+) already|in (?:the )?(\w+) state`)

// prepare brings the instance of a step into the state in which the recorded one was, and has its messages consumed.
func (p *rerun) prepare(t *testing.T, s *golden.Step) {
	t.Helper()
	p.step, p.known, p.pending, p.seconds = s, false, false, -1
	id := s.Args[0]
	if strings.HasPrefix(s.Client, "start") {
		id = s.Args[1]
	}
	row, err := p.hub.ReadInstance(t.Context(), id)
	if err != nil {
		return
	}
	p.known = true
	status := wire.StatusRunning
	switch said := statusInError.FindStringSubmatch(s.Error); {
	case said != nil:
		status = said[1] + said[2]
	case s.Client == "start-new":
		status = wire.StatusCompleted
	case s.Client == "start-dedupe", id == "term-pending":
		status, p.pending = wire.StatusPending, true
	case s.Client == "resume":
		status = wire.StatusSuspended
	case s.Client == "get-status":
		return
	}
	e := &storage.Entity{PartitionKey: row.Key}
	e.Set(wire.ColRuntimeStatus, storage.StringValue(status))
	_, err = p.hub.UpdateInstance(t.Context(), e, storage.Merge, storage.Any)
	require.NoError(t, err)
}

func rawInput(text string) any {
	if text == "" {
		return nil
	}
	return json.RawMessage(text)
}

// onlyReads are operations that write nothing. What GetStatus reads is compared once, what it returns elsewhere.
func onlyReads(scenario string, s *golden.Step) bool {
	switch s.Client {
	case "read-entity", "list-entities", "page", "payload":
		return true
	case "get-status":
		return scenario != "client-only"
	}
	return false
}

// do makes the call of a step.
func (p *rerun) do(ctx context.Context) error {
	arg := func(i int) string {
		if i < len(p.step.Args) {
			return p.step.Args[i]
		}
		return ""
	}
	var opts durable.StartNewOptions
	switch p.step.Client {
	case "start-at":
		p.seconds, _ = strconv.Atoi(arg(3))
		opts.ScheduledStartTime = clockStart.Add(time.Duration(p.seconds) * time.Second)
	case "start-tagged":
		opts.Tags, opts.Version = map[string]string{"team": "blue", "cost": "42"}, arg(3)
	case "start-dedupe":
		opts.OverridableStates = durable.OverridableAnyState
	}
	var err error
	switch p.step.Client {
	case "start-new", "start-at", "start-tagged", "start-dedupe", "start-with-event":
		if opts.InstanceID = arg(1); opts.InstanceID == "" { // the queue depends on the ID that was made up
			require.NoError(p.t, json.Unmarshal(p.step.Result, &opts.InstanceID))
		}
		_, err = p.StartNew(ctx, arg(0), rawInput(arg(2)), &opts)
		if p.step.Client == "start-with-event" && err == nil {
			err = p.RaiseEvent(ctx, arg(1), arg(3), json.RawMessage(arg(4)), nil)
		}
	case "raise-event":
		err = p.RaiseEvent(ctx, arg(0), arg(1), json.RawMessage(arg(2)), nil)
	case "suspend":
		err = p.Suspend(ctx, arg(0), arg(1), nil)
	case "resume":
		err = p.Resume(ctx, arg(0), arg(1), nil)
	case "terminate":
		err = p.Terminate(ctx, arg(0), arg(1), nil)
	case "signal":
		err = p.SignalEntity(ctx, durable.EntityID{Name: arg(0), Key: arg(1)}, arg(2), json.RawMessage(arg(3)), nil)
	case "signal-at":
		p.seconds, _ = strconv.Atoi(arg(4))
		err = p.SignalEntity(ctx, durable.EntityID{Name: arg(0), Key: arg(1)}, arg(2), json.RawMessage(arg(3)),
			&durable.SignalEntityOptions{ScheduledTime: clockStart.Add(time.Duration(p.seconds) * time.Second)})
	case "get-status":
		_, err = p.GetStatus(ctx, arg(0), &durable.GetStatusOptions{
			ShowHistory: arg(1) == "true", ShowHistoryOutput: arg(2) == "true",
		})
	default:
		err = fmt.Errorf("unknown operation %s", p.step.Client)
	}
	return err
}

// requireSameOutcome compares what the two clients said of a call.
func (p *rerun) requireSameOutcome(t *testing.T, err error) {
	t.Helper()
	switch {
	case string(p.step.Result) == "null": // GetStatusAsync of an unknown instance
		require.True(t, errors.Is(err, durable.ErrInstanceNotFound) || errors.Is(err, durable.ErrTaskHubNotFound), err)
	case p.step.ErrorType == "":
		require.NoError(t, err)
	case strings.HasSuffix(p.step.ErrorType, "OrchestrationAlreadyExistsException"):
		require.ErrorIs(t, err, durable.ErrInstanceExists)
	case strings.HasPrefix(p.step.Error, "No instance with ID"):
		require.ErrorIs(t, err, durable.ErrInstanceNotFound)
	case p.step.ErrorType == "System.ArgumentException":
		require.ErrorIs(t, err, durable.ErrInvalidArgument)
	default:
		require.Equal(t, "System.InvalidOperationException", p.step.ErrorType)
		require.ErrorIs(t, err, durable.ErrInvalidState)
	}
}

// compare compares what the two clients did in a step. What was not recorded of a request is not compared.
func (p *rerun) compare(t *testing.T, theirs, ours []act) {
	t.Helper()
	for _, d := range differences {
		if len(theirs) == 0 {
			break
		}
		var differs bool
		if theirs, differs = d.change(p, theirs); differs {
			p.applied[d.name] = true
		}
	}
	var want, got golden.Normalizer
	require.Equal(t, requests(theirs, p.TaskHub(), &want), requests(ours, p.TaskHub(), &got), p.step.Client)
	for i := range theirs {
		if theirs[i].wrote == "" {
			continue
		}
		require.Equal(t, want.Text(theirs[i].wrote), got.Text(ours[i].wrote), theirs[i].request)
		requireOneTime(t, ours)
	}
}

func requests(acts []act, hub string, n *golden.Normalizer) []string {
	lines := make([]string, len(acts))
	for i, a := range acts {
		lines[i] = n.Text(strings.ReplaceAll(a.request, "/<hub>", "/"+hub))
	}
	return lines
}

var (
	startTime   = regexp.MustCompile(`"DurableTask\.Core\.History\.ExecutionStartedEvent".*"Timestamp":"([^"]*)Z"`)
	createdTime = regexp.MustCompile(`CreatedTime: (\S*?)0*Z `)
)

// requireOneTime: the worker compares the time in a start message with the one in the row.
func requireOneTime(t *testing.T, acts []act) {
	t.Helper()
	var times []string
	for _, a := range acts {
		for _, pattern := range []*regexp.Regexp{startTime, createdTime} {
			if parts := pattern.FindStringSubmatch(a.wrote); parts != nil {
				times = append(times, parts[1])
			}
		}
	}
	require.LessOrEqual(t, len(slices.Compact(times)), 1)
}

// TestBytes: for every call of the .NET client that was recorded, ours reads and writes the same, request by request
// and byte by byte, after times, GUIDs and message numbers are replaced; but for the differences.
func TestBytes(t *testing.T) {
	t.Parallel()
	applied := map[string]bool{}
	whole := 0
	for _, scenario := range []string{
		"client-only", "starts", "duplicates", "large-payloads", "suspend-resume", "terminate", "events", "odd-ids",
	} {
		r := golden.Load(t, "v2/"+scenario)
		p := newReplay(t, r.Hub)
		calls := 0
		for i := range r.Steps {
			s := &r.Steps[i]
			if s.Client == "" || onlyReads(scenario, s) {
				continue
			}
			p.play(t, s, scenario == "terminate")
			calls++
			whole += len(s.QueueMessages(t)) + len(s.TableWrites(t)) + len(payloads(s.BlobWrites(t)))
		}
		require.Positive(t, calls, scenario)
		for name := range p.applied {
			applied[name] = true
		}
	}
	for _, d := range differences {
		require.True(t, applied[d.name], "difference %q is none", d.name)
	}
	require.Equal(t, 29, whole, "writes that were recorded whole")
}

// play makes the call of a step and compares. Where the recording was made in two rounds, of which each step has both,
// the second one is compared, in which the instances of the first are there.
func (p *rerun) play(t *testing.T, s *golden.Step, twice bool) {
	t.Helper()
	theirs := recordedActs(t, s)
	p.prepare(t, s)
	if twice {
		theirs = theirs[len(theirs)/2:]
		if strings.HasPrefix(s.Client, "start") {
			require.NoError(t, p.do(t.Context()))
			p.prepare(t, s)
		}
	}
	p.log.take()
	p.requireSameOutcome(t, p.do(t.Context()))
	p.compare(t, theirs, p.log.take())
}
