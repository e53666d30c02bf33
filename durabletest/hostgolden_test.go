package durabletest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	dt "github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/wire"
)

// app is a hub with a host for a recorded scenario.
type app struct {
	*dt.TestHub
	host *dt.Host
	t    *testing.T
	rec  *golden.Recording
	// mended says whether what fails until it is mended works by now.
	mended bool
	// takes is how long activities take, by what they are about, where the order of answers depends on it.
	takes map[string]time.Duration
	// compared are the dumps that the hub was equal to.
	compared map[string]bool
}

// outOfScope are the recorded dumps that no host with scripts could leave. The recordings of other engines, v1 and v3,
// are as well: the host does what DurableTask.AzureStorage 1.17.5 does.
var outOfScope = map[string]string{
	"broken-hub broken":                 "an orchestration locks an entity, for which there is no step",
	"broken-hub stopped":                "as before",
	"client-only after":                 "no host was there",
	"entities two-signals":              "another orchestration had called the entities; TestEntityRecording has the one it left alone",
	"entities used":                     "an orchestration calls an entity, for which there is no step",
	"entities cleaned":                  "as before",
	"http-api after-purge":              "it is empty",
	"partition-change two":              "a client starts what no host takes up",
	"purge running-purged":              "the .NET client purges what runs without being told to",
	"purge running-filter":              "as before, and it is empty",
	"purge all-purged":                  "it is empty",
	"restart asked":                     "in which queue a start with a generated ID lies is chance",
	"rewind-after-handled rewind-asked": "the .NET client's rewind destroys the instance",
	"rewind-after-handled later":        "as before",
	"rewind-after-retries rewind-asked": "the .NET client's rewind destroys the instance",
	"rewind-after-retries later":        "as before",
	"rewind-causal rewind-asked":        "the requests were made by hand; TestCausalRewind goes on from it",
	"rewind-purged-child rewind-asked":  "the .NET client's rewind destroys the instance",
}

// TestScriptedRecordings plays recorded scenarios by scripts, and compares everything that lies in storage then: at every
// dump that there is, but for those that are out of scope.
func TestScriptedRecordings(t *testing.T) {
	t.Parallel()
	plays := map[string]func(a *app){
		"hello-sequence":       playHello,
		"fan-out":              playFanOut,
		"timers":               playTimers,
		"events":               playScriptedEvents,
		"custom-status":        playScriptedStatus,
		"continue-as-new":      playCountdown,
		"terminate":            playScriptedTerminate,
		"suspend-resume":       playScriptedSuspend,
		"detached":             playDetached,
		"rewind-activity":      playRewindActivity,
		"rewind-twice":         playRewindTwice,
		"rewind-parent":        playRewindParent,
		"rewind-two-children":  playRewindTwoChildren,
		"rewind-grandparent":   playRewindGrandparent,
		"rewind-refused":       playRewindRefused,
		"rewind-purged-child":  playRewindPurgedChild,
		"rewind-after-retries": playUntilFailed("RetriesThenFails", "rw-retry"),
		"rewind-after-handled": playUntilFailed("HandlesThenFails", "rw-handled"),
		"rewind-causal":        playRewindCausal,
		"reset":                playReset,
		"unblock":              playUnblock,
		"json-types":           playJSONTypes,
		"odd-ids":              playOddIDs,
		"large-payloads":       playLargePayloads,
		"starts":               playScriptedStarts,
		"restart":              playRestart,
		"http-api":             playHTTP,
		"purge":                playPurge,
		"queries":              playQueries,
		"killed-host":          playKilledHost,
		"partition-change":     playPartitionChange,
		"duplicates":           playDuplicates,
	}
	for _, name := range golden.Names("v2") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rec := golden.Load(t, "v2/"+name)
			a := &app{t: t, rec: rec, compared: map[string]bool{}}
			a.TestHub = dt.NewHub(t, &dt.Options{TaskHub: rec.Hub, PartitionCount: rec.Partitions})
			a.newHost()
			if play := plays[name]; play != nil {
				play(a)
			}
			for label := range rec.Dumps {
				require.NotEqual(t, a.compared[label], outOfScope[name+" "+label] != "", "dump %s", label)
			}
		})
	}
}

// same compares the hub with a recorded dump. Leases are a host's.
func (a *app) same(dump string) {
	a.t.Helper()
	want := a.rec.Dumps[dump]
	require.NotNil(a.t, want, dump)
	got, err := golden.DumpOf(a.t.Context(), a.Account(), a.rec.Hub)
	require.NoError(a.t, err)
	require.Empty(a.t, golden.Diff(want, got, golden.Options{Skip: []string{"leases", "applease"}, Hidden: true}), dump)
	requireTimes(a.t, got, dump)
	a.compared[dump] = true
}

func (a *app) start(name, id, input string) {
	a.t.Helper()
	start(a.t, a.TestHub, name, id, input)
}

func (a *app) raise(id, name, data string) {
	a.t.Helper()
	raise(a.t, a.TestHub, id, name, data)
}

func (a *app) idle() {
	a.t.Helper()
	require.NoError(a.t, a.host.RunUntilIdle(a.t.Context()))
	a.Advance(time.Second)
}

func (a *app) advance(d time.Duration) {
	a.t.Helper()
	require.NoError(a.t, a.host.Advance(a.t.Context(), d))
}

// load goes on from a dump.
func (a *app) load(d *golden.Dump) {
	a.t.Helper()
	a.loadAt(d, time.Now())
}

func (a *app) loadAt(d *golden.Dump, now time.Time) {
	a.t.Helper()
	text, err := json.Marshal(d)
	require.NoError(a.t, err)
	a.TestHub = dt.LoadHub(a.t, bytes.NewReader(text), &dt.Options{Clock: func() time.Time { return now }})
	a.newHost()
}

// newHost lets the recorded app work on the hub.
func (a *app) newHost() {
	a.t.Helper()
	host, err := dt.NewHost(a.Hub, a.scripts(), &dt.HostOptions{Entities: entities()})
	require.NoError(a.t, err)
	a.host = host
}

// details returns what the recording has as details where a function has failed: an exception of .NET as JSON, which has
// the text in it.
func (a *app) details(function, text string) string {
	for _, dump := range a.rec.Dumps {
		rows := dump.Tables[a.rec.Hub+"History"]
		names := map[[2]string]string{} // of what was called, by instance and ID
		for _, e := range rows {
			if name := e.Text(wire.ColName); name != "" {
				names[[2]string{e.PartitionKey, e.Get(wire.ColEventID).Text}] = name
			}
		}
		for _, e := range rows {
			called := names[[2]string{e.PartitionKey, e.Get(wire.ColTaskScheduledID).Text}]
			if details := e.Text(wire.ColDetails); details != "" && called == function && strings.Contains(details, text) {
				return details
			}
		}
	}
	return ""
}

// rethrow lets an exception out that was caught, unless the step before has a value.
func (a *app) rethrow(p *dt.Progress) dt.Step {
	if p.Last().Value != nil {
		return nil
	}
	return a.throw(p)
}

// throw lets the last exception out, with the details that .NET gives it. A parent shows them.
func (a *app) throw(p *dt.Progress) dt.Step {
	var last dt.Outcome
	for _, o := range p.Outcomes() {
		if o.Failure != "" {
			last = o
		}
	}
	kind := "activity"
	if last.Name == "FailsUntilFixed" {
		kind = "orchestrator"
	}
	return dt.Fail{
		Reason: fmt.Sprintf("Orchestrator function '%s' failed: The %s function '%s' failed: \"%s\". "+
			"See the function execution logs for additional details.", p.Name(), kind, last.Name, last.Failure),
		Details: a.details(p.Name(), ""),
	}
}

func hello(city string) dt.Activity {
	return dt.Activity{Name: "SayHello", Input: city, Result: "Hello " + city + "!"}
}

// values returns the values of the outcomes that have one as a JSON array.
func values(outcomes []dt.Outcome) json.RawMessage {
	var all []json.RawMessage
	for _, o := range outcomes {
		if o.Value != nil {
			all = append(all, o.Value)
		}
	}
	text, _ := json.Marshal(all)
	return text
}

func completeWithAll(p *dt.Progress) dt.Step { return dt.Complete{Output: values(p.Outcomes())} }

func completeWithLast(p *dt.Progress) dt.Step { return dt.Complete{Output: p.Last().Value} }

// scripts are the orchestrators of the recorded app.
func (a *app) scripts() dt.Scripts {
	scripts := dt.Scripts{
		"HelloSequence":       {hello("Tokyo"), hello("Seattle"), hello("London"), dt.Decide(completeWithAll)},
		"FanOut":              {dt.Decide(fanOut)},
		"EchoThroughActivity": {dt.Decide(echo)},
		"Echo":                {dt.Decide(func(p *dt.Progress) dt.Step { return dt.Complete{Output: p.Input()} })},
		"ApprovalOrTimeout": {dt.Decide(func(p *dt.Progress) dt.Step {
			return dt.WaitForEvent{Name: "Approval", Timeout: seconds(p)}
		}), dt.Decide(func(p *dt.Progress) dt.Step {
			if p.Last().TimedOut {
				return dt.Complete{Output: "timed out"}
			}
			return dt.Complete{Output: "approved"}
		})},
		"ThrowsAtOnce": {dt.Fail{Reason: "Orchestrator function 'ThrowsAtOnce' failed: this orchestrator always throws"}},
		"ParentOfHello": {
			dt.Decide(func(p *dt.Progress) dt.Step {
				return dt.SubOrchestration{Name: "HelloSequence", InstanceID: p.InstanceID() + "-child"}
			}),
			dt.SubOrchestration{Name: "HelloSequence"},
			hello("parent"),
			dt.Complete{Output: json.RawMessage(`[3,3,"Hello parent!"]`)},
		},
		"SlowActivity": {
			dt.Activity{Name: "Slow", Result: "slow", Takes: 15 * time.Second, Catch: true},
			dt.Decide(slowly),
		},
		"Sleeper": {
			dt.Decide(func(p *dt.Progress) dt.Step { return dt.Timer{Duration: seconds(p)} }),
			dt.Complete{Output: "awake"},
		},
		"WaitForApproval": {dt.WaitForEvent{Name: "Approval"}, dt.Decide(completeWithLast)},
		"Counter1":        {dt.Decide(count)},
		"CustomStatus": {
			dt.CustomStatus{Status: json.RawMessage(`{"nextActions":["A","B","C"],"foo":2}`)},
			dt.WaitForEvent{Name: "done"},
			dt.Complete{Output: "done"},
		},
		"Countdown": {dt.Decide(countdown)},
		"StartsDetached": {
			dt.SubOrchestration{Name: "HelloSequence", InstanceID: "det-detached", Input: "x", Detached: true},
			dt.Complete{Output: "det-detached"},
		},
	}
	maps.Copy(scripts, a.failing())
	maps.Copy(scripts, a.reacting())
	return scripts
}

func seconds(p *dt.Progress) time.Duration {
	var n int
	_ = json.Unmarshal(p.Input(), &n)
	return time.Duration(n) * time.Second
}

func fanOut(p *dt.Progress) dt.Step {
	var n int
	_ = json.Unmarshal(p.Input(), &n)
	var steps dt.Parallel
	sum := 0
	for i := range n {
		steps = append(steps, dt.Activity{Name: "Square", Input: i, Result: i * i})
		sum += i * i
	}
	return dt.Script{steps, dt.Complete{Output: sum}}
}

// count is the eternal counter that ends at "end".
func count(p *dt.Progress) dt.Step {
	var n int
	_ = json.Unmarshal(p.Input(), &n)
	for _, o := range p.Outcomes() {
		switch string(o.Value) {
		case `"incr"`:
			n++
		case `"decr"`:
			n--
		case `"end"`:
			return dt.Complete{Output: n}
		}
	}
	return dt.Script{dt.WaitForEvent{Name: "operation"}, dt.Decide(count)}
}

func countdown(p *dt.Progress) dt.Step {
	var n int
	_ = json.Unmarshal(p.Input(), &n)
	greet := hello(fmt.Sprint(n))
	if n == 0 {
		return dt.Script{greet, dt.Complete{Output: 0}}
	}
	return dt.Script{greet, dt.ContinueAsNew{Input: n - 1}}
}

// terminateBy sends the message by which the .NET client terminates.
func (a *app) terminateBy(id, reason string) {
	a.t.Helper()
	m := wire.TerminateMessage(id, reason, a.Now())
	a.send(m)
}

// send sends a message past the client.
func (a *app) send(m *wire.Message) {
	a.t.Helper()
	id := m.InstanceID
	m.ActivityID, m.SequenceNumber = "5406d369-4369-4673-afae-6671a2fa1e57", a.Now().UnixMicro()
	queue := fmt.Sprintf("%s-control-%02d", strings.ToLower(a.rec.Hub), wire.Partition(id, a.rec.Partitions))
	require.NoError(a.t, a.Account().Queues.Put(a.t.Context(), queue, wire.EncodeText(m.JSON()), 0))
}

// slowly ends as the in-process app does when a failure is no exception of .NET as JSON.
func slowly(p *dt.Progress) dt.Step {
	if p.Last().Failure == "" {
		return dt.Complete{Output: p.Last().Value}
	}
	return dt.Fail{Reason: "Orchestrator function 'SlowActivity' failed: The activity function 'Slow' failed: \"Failed to " +
		"deserialize exception from TaskActivity: " + p.Last().Failure + "\". See the function execution logs for additional details."}
}
