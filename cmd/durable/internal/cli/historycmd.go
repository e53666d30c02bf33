package cli

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
)

// The formats that only a history has.
const (
	formatText    = "text"
	formatMermaid = "mermaid"
)

func (a *app) historyCommand() *cobra.Command {
	var id, format string
	var omit bool
	cmd := command("get-history", "Show the history of an instance", `  durable get-history --id order-17
  durable history --id order-17 --format mermaid > order-17.mmd`,
		func(ctx context.Context) error { return a.history(ctx, id, format, omit) })
	cmd.Aliases = []string{"history"}
	cmd.Long = `Show the events of the current execution of an instance, oldest first. JSON has all of them with all that is known; the text
leaves out the pairs of events that frame each turn of the orchestrator. Mermaid is a sequence diagram for
documents and tickets (https://mermaid.js.org).`
	idFlag(cmd, &id)
	cmd.Flags().StringVar(&format, "format", "", "`format`: text, json or mermaid; it goes before --output")
	cmd.Flags().BoolVar(&omit, "omit-payloads", false, "leave out inputs and results")
	completeWith(cmd, "format", formatText, formatJSON, formatMermaid)
	return cmd
}

func (a *app) history(ctx context.Context, id, format string, omit bool) error {
	if format == "" {
		f, err := a.dataFormat()
		if err != nil {
			return err
		}
		format = f
	}
	show := map[string]func([]*durable.HistoryEvent) error{
		formatText: a.showHistory, formatTable: a.showHistory, formatMermaid: a.showMermaid,
	}
	for _, f := range []string{formatJSON, formatJSONL, formatYAML} {
		show[f] = func(events []*durable.HistoryEvent) error { return a.write(f, events) }
	}
	print, ok := show[strings.ToLower(format)]
	if !ok {
		return usageError("--format is text, json or mermaid")
	}
	client, err := a.reader(ctx)
	if err != nil {
		return err
	}
	events, err := client.GetHistory(ctx, id, &durable.GetHistoryOptions{OmitPayloads: omit})
	if err != nil {
		return err
	}
	return print(events)
}

// story is a history as a person reads it.
type story struct {
	start time.Time
	// actions are what was scheduled, by event ID.
	actions map[int]*durable.HistoryEvent
	// events leaves out those that frame the turns, which are counted.
	events []*durable.HistoryEvent
	turns  int
}

func newStory(events []*durable.HistoryEvent) *story {
	s := &story{actions: make(map[int]*durable.HistoryEvent)}
	for _, e := range events {
		switch e.Type {
		case durable.EventOrchestratorStarted:
			s.turns++
			continue
		case durable.EventOrchestratorCompleted:
			continue
		default:
		}
		if len(s.events) == 0 {
			s.start = e.Timestamp
		}
		if e.EventID >= 0 {
			s.actions[e.EventID] = e
		}
		s.events = append(s.events, e)
	}
	return s
}

// name returns the name that an event is about: a completion has that of its action.
func (s *story) name(e *durable.HistoryEvent) string {
	if e.Name != "" || e.ScheduledID == nil {
		return e.Name
	}
	if action := s.actions[*e.ScheduledID]; action != nil {
		return action.Name
	}
	return ""
}

// number returns the number of the action that an event is or answers.
func (s *story) number(e *durable.HistoryEvent) string {
	switch {
	case e.ScheduledID != nil:
		return strconv.Itoa(*e.ScheduledID)
	case e.EventID >= 0:
		return strconv.Itoa(e.EventID)
	}
	return ""
}

// after writes how long after the start an event was.
func (s *story) after(e *durable.HistoryEvent) string {
	return "+" + duration(max(e.Timestamp.Sub(s.start), 0))
}

func (a *app) showHistory(events []*durable.HistoryEvent) error {
	s := newStory(events)
	if len(s.events) == 0 {
		a.say("No history: no worker has taken the instance up yet.")
		return nil
	}
	if err := a.print("Started %s", stamp(s.start)); err != nil {
		return err
	}
	const event = 2
	g := &grid{
		headers: []string{"AFTER", "ID", "EVENT", "DETAILS"}, right: map[int]bool{1: true}, cut: []int{3},
		colour: func(column int, cell string) string {
			if column == event {
				return eventColour(durable.HistoryEventType(cell))
			}
			return ""
		},
	}
	for _, e := range s.events {
		g.add(s.after(e), s.number(e), string(e.Type), s.describe(e))
	}
	if err := a.show(g, ""); err != nil {
		return err
	}
	a.say("%s", a.faint("The orchestrator was woken "+times(s.turns)+" for this."))
	return nil
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(n) + " times"
}

func eventColour(t durable.HistoryEventType) string {
	switch t {
	case durable.EventTaskFailed, durable.EventSubOrchestrationFailed, durable.EventExecutionTerminated:
		return red
	default:
		return ""
	}
}

// describe says in a few words what an event was about.
func (s *story) describe(e *durable.HistoryEvent) string {
	words := []string{s.name(e)}
	if e.InstanceID != "" {
		words = append(words, e.InstanceID)
	}
	return shorten(oneLine(strings.Join(append(words, s.outcome(e)), " ")), longestDetails)
}

// longestDetails is how long a description can be where no terminal bounds it. Documents have everything.
const longestDetails = 300

// outcome is what came out of it, or went in.
func (s *story) outcome(e *durable.HistoryEvent) string {
	var words []string
	if e.Status != "" {
		words = append(words, string(e.Status))
	}
	switch {
	case !e.FireAt.IsZero() && e.Type == durable.EventTimerCreated:
		words = append(words, "fires "+stamp(e.FireAt))
	case e.Reason != "":
		words = append(words, e.Reason)
	case len(e.Result) > 0 && string(e.Result) != "null":
		words = append(words, compact(e.Result))
	case len(e.Input) > 0 && string(e.Input) != "null":
		words = append(words, compact(e.Input))
	}
	return strings.Join(words, " ")
}
