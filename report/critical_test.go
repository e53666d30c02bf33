package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/report"
)

func event(name string) durable.HistoryEvent {
	return durable.HistoryEvent{Type: durable.EventEventRaised, EventID: -1, Name: name}
}

func timer(id int, due time.Time) durable.HistoryEvent {
	return durable.HistoryEvent{Type: durable.EventTimerCreated, EventID: id, FireAt: due}
}

// fired has the time at which the timer was set, as engines write it.
func fired(id int) durable.HistoryEvent {
	return durable.HistoryEvent{Type: durable.EventTimerFired, EventID: -1, ScheduledID: &id}
}

func childEnded(id int, reason string) durable.HistoryEvent {
	e := durable.HistoryEvent{Type: durable.EventSubOrchestrationCompleted, EventID: -1, ScheduledID: &id, Reason: reason}
	if reason != "" {
		e.Type = durable.EventSubOrchestrationFailed
	}
	return e
}

func ended(id int, state durable.RuntimeStatus) durable.HistoryEvent {
	e := completed(id)
	e.Status = state
	return e
}

// What must happen sooner for an orchestration to end sooner is on its critical path, and the sum says where the time
// went.
func TestCriticalPath(t *testing.T) {
	t.Parallel()
	const s = time.Second
	control := func(kind durable.HistoryEventType) durable.HistoryEvent {
		return durable.HistoryEvent{Type: kind, EventID: -1}
	}
	tests := []struct {
		name  string
		state durable.RuntimeStatus
		build func(f *forge)
		path  []string
		where string
	}{
		{"fan-out", "Completed", func(f *forge) {
			f.turn(s, started("X"), scheduled(0, "Slow"), scheduled(1, "Fast"), scheduled(2, "Middle"))
			f.turn(s, answered(1, "1"))
			f.turn(s, answered(2, "1"))
			f.turn(s, answered(0, "1"), scheduled(3, "Last"))
			f.turn(s, answered(3, "1"), completed(4))
		}, []string{"queued", "0 Slow", "3 Last"}, "4s activities, 1s orchestrator and messages"},
		{"fan-out in one turn", "Completed", func(f *forge) {
			f.turn(s, started("X"), scheduled(0, "A"), scheduled(1, "B"))
			f.turn(s, answered(1, "1"), answered(0, "1"), completed(2))
		}, []string{"queued", "0 A"}, "1s activities"},
		{"sub-orchestrations", "Completed", func(f *forge) {
			f.turn(s, started("X"), child(0, "Short", "a"), child(1, "Long", "b"))
			f.turn(s, childEnded(0, ""), scheduled(2, "Beside"))
			f.turn(s, answered(2, "1"))
			f.turn(3*s, childEnded(1, ""), completed(3))
		}, []string{"queued", "1 Long"}, "5s sub-orchestrations"},
		{"an event beats a timer", "Completed", func(f *forge) {
			f.turn(s, started("X"), timer(0, epoch.Add(60*s)))
			f.turn(10*s, event("Approval"), scheduled(1, "Do"))
			f.turn(2*s, answered(1, "1"), completed(2))
		}, []string{"queued", "event", "1 Do"}, "10s waiting for events, 2s activities"},
		{"a timer beats an activity", "Completed", func(f *forge) {
			f.turn(s, started("X"), scheduled(0, "Slow"), timer(1, epoch.Add(20*s)))
			f.turn(20*s, fired(1), scheduled(2, "GiveUp"))
			f.turn(s, answered(0, "1"))
			f.turn(2*s, answered(2, "1"), completed(3))
		}, []string{"queued", "1 timer", "2 GiveUp"}, "20s timers, 3s activities"},
		{"an event beats an activity", "Completed", func(f *forge) {
			f.turn(s, started("X"), scheduled(0, "Slow"))
			f.turn(30*s, event("Stop"), completed(1))
		}, []string{"queued", "event"}, "30s waiting for events"},
		{"retries", "Completed", func(f *forge) {
			f.turn(s, started("X"), scheduled(0, "Flaky"), scheduled(1, "Other"))
			f.turn(s, failed(0, "503"), timer(2, epoch.Add(7*s)))
			f.turn(s, answered(1, "1"))
			f.turn(5*s, fired(2), scheduled(3, "Flaky"))
			f.turn(s, answered(3, "1"), completed(4))
		}, []string{"queued", "0 Flaky", "2 timer", "3 Flaky"}, "6s timers, 2s activities"},
		{"terminated", "Terminated", func(f *forge) {
			f.turn(s, started("X"), scheduled(0, "Slow"))
			f.turn(time.Hour, control(durable.EventExecutionTerminated), ended(1, "Terminated"))
		}, []string{"queued", "terminated"}, "1h until terminated"},
		{"suspended", "Completed", func(f *forge) {
			f.turn(s, started("X"), scheduled(0, "A"))
			f.turn(s, control(durable.EventExecutionSuspended))
			f.turn(s, answered(0, "1"))
			f.turn(8*s, control(durable.EventExecutionResumed), completed(1))
		}, []string{"queued", "suspended"}, "9s suspended"},
		{"running", "Running", func(f *forge) {
			f.turn(s, started("X"), scheduled(0, "A"), scheduled(1, "Open"))
			f.turn(4*s, answered(0, "1"))
		}, []string{"queued", "0 A"}, "1m since the last turn, 4s activities"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newForge("X", "x", test.state)
			test.build(f)
			path, where := criticalPath(timeline(t, f.Instance, report.TimelineOptions{ASCII: true, Width: 200, Now: f.at.Add(time.Minute)}))
			require.Equal(t, test.path, path)
			require.Contains(t, where, "critical path: "+test.where)
		})
	}
}

// criticalPath are the event IDs and first words of the marked rows, and the sum below them.
func criticalPath(drawn []byte) (path []string, where string) {
	for _, line := range lines(drawn) {
		if strings.HasPrefix(line, "* critical") {
			where = line
		} else if strings.HasPrefix(line, "*") {
			id, label := line[1:5], line[6:]
			path = append(path, strings.TrimSpace(id+" "+strings.Fields(label)[0]))
		}
	}
	return path, where
}

// The page begins with the instance whose failure the others have failed by, and with no other that has failed as well.
func TestFindingOfFailure(t *testing.T) {
	t.Parallel()
	const s = time.Second
	kid := func(id string, state durable.RuntimeStatus, reason string) *report.Instance {
		f := newForge("Child", id, state)
		answer := answered(0, "1")
		if reason != "" {
			answer = failed(0, reason)
		}
		f.turn(s, started("Child"), scheduled(0, "Work"))
		f.turn(s, answer, ended(1, state))
		return f.Instance
	}
	tests := []struct {
		name  string
		build func(f *forge)
		want  string
	}{
		{"the other failure was dealt with", func(f *forge) {
			f.turn(s, started("X"), child(0, "Child", "first"))
			f.turn(s, childEnded(0, "no"), child(1, "Child", "second"))
			f.turn(s, childEnded(1, "no"), ended(2, "Failed"))
		}, "second"},
		{"both were waited for", func(f *forge) {
			f.turn(s, started("X"), child(0, "Child", "first"), child(1, "Child", "second"), scheduled(2, "Slow"))
			f.turn(s, childEnded(1, "no"))
			f.turn(s, childEnded(0, "no"))
			f.turn(s, answered(2, "1"), ended(3, "Failed"))
		}, "second"},
		{"both were waited for, and the last failed", func(f *forge) {
			f.turn(s, started("X"), child(0, "Child", "first"), child(1, "Child", "second"))
			f.turn(s, childEnded(1, "no"))
			f.turn(s, childEnded(0, "no"), ended(2, "Failed"))
		}, "second"},
		{"by itself", func(f *forge) {
			f.turn(s, started("X"), child(0, "Child", "first"))
			f.turn(s, childEnded(0, "no"), scheduled(1, "Tidy"))
			f.turn(s, answered(1, "1"), ended(2, "Failed"))
		}, ""},
		{"by an activity", func(f *forge) {
			f.turn(s, started("X"), child(0, "Child", "first"))
			f.turn(s, childEnded(0, "no"), scheduled(1, "Pay"))
			f.turn(s, failed(1, "no"), ended(2, "Failed"))
		}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newForge("X", "x", "Failed")
			test.build(f)
			f.Children = []*report.Instance{kid("first", "Failed", "no"), kid("second", "Failed", "no")}
			page := string(html(t, f.Instance, report.HTMLOptions{}))
			if test.want == "" {
				require.NotContains(t, page, "The failure began in")
				return
			}
			requireText(t, page, "<bdi>"+test.want+"</bdi></a>: <bdi>#0 Work: no</bdi></li>\n</ul>")
		})
	}
}

// Of several waits none is said to be the only one.
func TestFindingOfSeveralWaits(t *testing.T) {
	t.Parallel()
	f := newForge("X", "x", "Running")
	f.turn(time.Second, started("X"), scheduled(0, "Quick"), child(1, "Child", "a"))
	f.turn(time.Second, answered(0, "1"), child(2, "Child", "b"))
	for _, id := range []string{"b", "a"} {
		c := newForge("Child", id, "Running")
		c.turn(time.Second, started("Child"), scheduled(0, "Work"))
		f.Children = append(f.Children, c.Instance)
	}
	page := string(html(t, f.Instance, report.HTMLOptions{Now: epoch.Add(time.Hour)}))
	requireText(t, page, `The longest wait is for <a href="#i3"><bdi>a</bdi></a>: <bdi>#0 Work for 59m59s</bdi>`)
}

// A sub-orchestration that the instance does not wait for is a mark, and what it waits for is something else.
func TestDetached(t *testing.T) {
	t.Parallel()
	f := newForge("X", "x", "Running")
	f.turn(time.Second, started("X"), child(0, "Child", "free"))
	c := newForge("Child", "free", "Running")
	start := started("Child")
	start.Properties = map[string]string{"Tags": `{"FireAndForget":""}`}
	c.turn(time.Second, start, scheduled(0, "Work"))
	now := epoch.Add(time.Hour)
	require.Equal(t, []int{0}, report.OpenActions(f.Instance, now), "nobody knows better without the sub-orchestration")
	f.Children = []*report.Instance{c.Instance}
	require.Empty(t, report.OpenActions(f.Instance, now))
	text := string(timeline(t, f.Instance, report.TimelineOptions{ASCII: true, Now: now}))
	require.Regexp(t, `(?m)^    0 Child, detached +o$`, text)
	require.Contains(t, text, "> waits for an event for 59m59s")
	page := string(html(t, f.Instance, report.HTMLOptions{Now: now}))
	require.NotContains(t, page, "All waits for")
}

// An activity that was scheduled anew was woken for, and never rewound.
func TestRescheduledIsNotRewound(t *testing.T) {
	t.Parallel()
	i := load(t, "v2/unblock", "found", "ub-lost")
	text := string(timeline(t, i, report.TimelineOptions{Now: later(i, 0)}))
	require.Contains(t, text, "critical path: 28.2s until woken, 4.1s activities")
	require.NotContains(t, text, "rewound")
}

// An instance that was rewound stays Pending while it goes on. Until a worker has been told it waits for that, and then for
// what comes.
func TestRewoundWaits(t *testing.T) {
	t.Parallel()
	f := newForge("X", "x", durable.RuntimeStatusPending)
	f.turn(time.Second, started("X"))
	f.turn(time.Second, durable.HistoryEvent{
		Type: durable.EventGeneric, EventID: 0, Status: durable.RuntimeStatusFailed, Reason: "Rewound: ExecutionCompleted",
	})
	drawn := func() string {
		return string(timeline(t, f.Instance, report.TimelineOptions{ASCII: true, Now: f.at.Add(time.Hour)}))
	}
	require.Contains(t, drawn(), "> rewound for 1h\n")
	f.turn(time.Second, durable.HistoryEvent{Type: durable.EventGeneric, EventID: -1, Reason: "mended"})
	require.Contains(t, drawn(), "> waits for an event for 1h\n")
}
