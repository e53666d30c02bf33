// Package report draws what an orchestration did: as a timeline for a terminal, as a page for a browser, as a Mermaid
// diagram for documents and tickets.
//
//	instance, err := report.Load(ctx, client, "order-17", nil)
//	err = report.Timeline(os.Stdout, instance, nil)
//	err = report.HTML(file, instance, nil)
//
// [Load] reads an instance and its sub-orchestrations; everything else in the package is computed from what it was
// given. A picture shows the current execution of each instance, which is all that its history has.
//
// # What is drawn
//
// A bar is the time between the event that scheduled an activity, sub-orchestration, timer or entity call and the event
// that answered it. It includes the time in queues, of which no history tells. The first bar is the time between the
// start and the orchestrator's first turn.
//
// That an instance does not wait for a sub-orchestration which it started, only that one's history says: where it was
// read, its start is a mark; where it was not, it is taken for open.
//
// A history does not say when an orchestrator began to wait for an external event. An event that arrived while nothing
// else than timers was open is drawn as a wait since the orchestrator's last turn; any other is a mark at its arrival.
//
// # Critical path
//
// It is found backwards from the last turn of the orchestrator: of the answers that woke a turn the latest is on the
// path, and then that of the turn which had asked for it. To end sooner, an orchestration must do something sooner that
// is on it. Where a turn was woken by several answers at once, that is a guess; so is what lies before an event, since
// nobody knows when the orchestrator began to wait for it: the turn before is taken for that.
//
// The sum below a timeline says where the time went along the path. The time until an event that is drawn as a mark, and
// until an instance was terminated, is in it although no bar is.
//
// # Hostile text
//
// Names, IDs and payloads are what anybody who can reach the task hub wrote. Control characters and those that turn
// the direction of text are shown, not obeyed; what is too long is cut, and says so. The page has no script, loads
// nothing, and forbids the browser both.
package report
