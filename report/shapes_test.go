package report_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/report"
)

// epoch is when forged instances were created.
var epoch = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

// forge makes a history event by event.
type forge struct {
	*report.Instance
	at time.Time
}

func newForge(name, id string, state durable.RuntimeStatus) *forge {
	return &forge{&report.Instance{ID: id, Status: &durable.OrchestrationStatus{
		Name: name, InstanceID: id, RuntimeStatus: state, CreatedTime: epoch, LastUpdatedTime: epoch,
	}}, epoch}
}

// add adds an event some time after the last one.
func (f *forge) add(after time.Duration, e durable.HistoryEvent) {
	f.at = f.at.Add(after)
	e.Timestamp = f.at
	f.History = append(f.History, &e)
	f.Status.LastUpdatedTime = f.at
}

// turn adds the beginning of a turn, what it holds, and its end.
func (f *forge) turn(after time.Duration, events ...durable.HistoryEvent) {
	f.add(after, durable.HistoryEvent{Type: durable.EventOrchestratorStarted, EventID: -1})
	for _, e := range events {
		f.add(time.Millisecond, e)
	}
	f.add(time.Millisecond, durable.HistoryEvent{Type: durable.EventOrchestratorCompleted, EventID: -1})
}

func started(name string) durable.HistoryEvent {
	return durable.HistoryEvent{Type: durable.EventExecutionStarted, EventID: -1, Name: name}
}

func scheduled(id int, name string) durable.HistoryEvent {
	return durable.HistoryEvent{Type: durable.EventTaskScheduled, EventID: id, Name: name}
}

func child(id int, name, instance string) durable.HistoryEvent {
	return durable.HistoryEvent{
		Type: durable.EventSubOrchestrationCreated, EventID: id, Name: name, InstanceID: instance,
	}
}

func answered(id int, result string) durable.HistoryEvent {
	return durable.HistoryEvent{
		Type: durable.EventTaskCompleted, EventID: -1, ScheduledID: &id, Result: json.RawMessage(result),
	}
}

func failed(id int, reason string) durable.HistoryEvent {
	return durable.HistoryEvent{Type: durable.EventTaskFailed, EventID: -1, ScheduledID: &id, Reason: reason}
}

func completed(id int) durable.HistoryEvent {
	return durable.HistoryEvent{
		Type: durable.EventExecutionCompleted, EventID: id, Status: durable.RuntimeStatusCompleted,
	}
}

// thousand is an instance with a thousand events: pages of three kinds, one after the other, some of which fail.
func thousand() *report.Instance {
	f := newForge("CrawlSite", "crawl-1", durable.RuntimeStatusCompleted)
	f.turn(20*time.Millisecond, started("CrawlSite"), scheduled(0, "FetchPage"))
	names := []string{"ParsePage", "StorePage", "FetchPage"}
	for n := range 249 {
		answer := answered(n, `"ok"`)
		if n%50 == 49 {
			answer = failed(n, fmt.Sprintf("page %d cannot be reached", n))
		}
		f.turn(time.Duration(20+n%7*30)*time.Millisecond, answer, scheduled(n+1, names[n%3]))
	}
	f.turn(30*time.Millisecond, answered(249, `"ok"`), completed(250))
	return f.Instance
}

// wide is an instance with activities of many names at once, more than there is room for.
func wide() *report.Instance {
	f := newForge("Everything", "wide-1", durable.RuntimeStatusRunning)
	first := []durable.HistoryEvent{started("Everything")}
	for n := range 90 {
		first = append(first, scheduled(n, fmt.Sprintf("Activity%02d", n)))
	}
	f.turn(10*time.Millisecond, first...)
	f.turn(500*time.Millisecond, answered(17, "1"), failed(60, "no such table"))
	return f.Instance
}

// scheduledLater is an instance that is to start later.
func scheduledLater() *report.Instance {
	f := newForge("Nightly", "nightly-1", durable.RuntimeStatusPending)
	f.Status.ScheduledStartTime = epoch.Add(8 * time.Hour)
	return f.Instance
}

// startedLater is one that was, and did.
func startedLater() *report.Instance {
	f := newForge("Nightly", "nightly-0", durable.RuntimeStatusCompleted)
	f.Status.ScheduledStartTime = epoch.Add(2 * time.Second)
	start := started("Nightly")
	f.add(0, durable.HistoryEvent{Type: durable.EventOrchestratorStarted, EventID: -1})
	f.History[0].Timestamp = epoch.Add(2200 * time.Millisecond)
	f.add(0, start)
	f.at = epoch.Add(2201 * time.Millisecond)
	f.add(0, scheduled(0, "Sweep"))
	f.turn(time.Second, answered(0, "true"), completed(1))
	return f.Instance
}

// foreign has names that need two columns a character, or none.
func foreign() *report.Instance {
	f := newForge("注文処理", "注文-１", durable.RuntimeStatusCompleted)
	f.turn(100*time.Millisecond, started("注文処理"), scheduled(0, "在庫を確認するとても長い名前のアクティビティ"))
	f.turn(time.Second, answered(0, "1"), scheduled(1, "Ame\u0301lioration 🚀"))
	f.turn(time.Second, answered(1, "1"), scheduled(2, "בדיקה"))
	f.turn(time.Second, answered(2, "1"), completed(3))
	return f.Instance
}

// critical is an instance that locks an entity, signals it, calls it in vain, and releases it, which nothing answers. Then
// it waits for an event.
func critical() *report.Instance {
	f := newForge("Transfer", "transfer-1", durable.RuntimeStatusRunning)
	send := func(id int, name, request string) durable.HistoryEvent {
		return durable.HistoryEvent{
			Type: durable.EventEventSent, EventID: id, Name: name, InstanceID: "@account@a", Input: json.RawMessage(request),
		}
	}
	raised := func(name, answer string) durable.HistoryEvent {
		return durable.HistoryEvent{Type: durable.EventEventRaised, EventID: -1, Name: name, Input: json.RawMessage(answer)}
	}
	f.turn(10*time.Millisecond, started("Transfer"), send(0, "op", `{"op":null,"id":"l","lockset":[{"name":"account","key":"a"}]}`))
	f.turn(time.Second, raised("l", `{"result":"null"}`), send(1, "op", `{"op":"note","signal":true,"input":"\"x\"","id":"s"}`),
		send(2, "op", `{"op":"withdraw","input":"100","id":"w"}`))
	f.turn(time.Second, raised("w", `{"result":"{}","exceptionType":"the account is empty"}`),
		send(3, "release", `{"parent":"transfer-1","id":"l"}`))
	f.turn(3*time.Second, raised("Retry", `true`))
	return f.Instance
}

// forged are instances of which there is no recording.
func forged() map[string]*report.Instance {
	return map[string]*report.Instance{
		"thousand-events": thousand(), "wide": wide(), "scheduled-later": scheduledLater(), "started-later": startedLater(),
		"foreign":          foreign(),
		"critical-section": critical(),
		"not-found":        {ID: "gone-1", Note: "not found"},
		"row-without-history": {ID: "odd-1", Status: &durable.OrchestrationStatus{
			Name: "Odd", InstanceID: "odd-1", RuntimeStatus: durable.RuntimeStatusCompleted, CreatedTime: epoch,
			LastUpdatedTime: epoch.Add(time.Second),
		}},
		"history-without-row": {ID: "half-1", History: thousand().History[:12]},
		"empty":               {},
	}
}
