package cli

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/screen"
	"github.com/go-durable/durable/cmd/durable/internal/text"
	"github.com/go-durable/durable/report"
)

// The formats that only a history has.
const (
	formatText     = "text"
	formatTimeline = "timeline"
	formatMermaid  = "mermaid"
)

type historyFlags struct {
	id, format string
	omit       bool
	depth      int
}

func (a *app) historyCommand() *cobra.Command {
	f := &historyFlags{}
	cmd := command("get-history", "Show the history of an instance", `  durable get-history --id order-17
  durable history --id order-17 --format timeline --depth 3
  durable history --id order-17 --format mermaid > order-17.mmd`,
		func(ctx context.Context) error { return a.history(ctx, f) })
	cmd.Aliases = []string{"history"}
	cmd.Long = `Show the events of the current execution of an instance, oldest first. JSON has all of them with all that is known; the text
leaves out the pairs of events that frame each turn of the orchestrator.

A timeline shows how long everything took, as wide as the terminal, and below it what failed, what is open, and where the time
went. Without UTF-8 (LC_ALL, LC_CTYPE, LANG) it has the characters in parentheses:

  █ (#)   activity
  ▓ (=)   sub-orchestration
  ▒ (%)   call of an entity
  ─ (-)   timer
  · (.)   waiting for an event, ◆ (E) its arrival
  ░ (:)   from the start to the first turn of the orchestrator
  ╌ (_)   not waited for in the end, or taken back by a rewind
  ✗ (x)   failed
  ▶ (>)   open until now
  ● (*)   on the critical path: to end sooner, one of these must be faster

Mermaid is a sequence diagram for documents and tickets (https://mermaid.js.org). 'durable report' makes a page of all that.`
	idFlag(cmd, &f.id)
	flags := cmd.Flags()
	flags.StringVar(&f.format, "format", "", "`format`: text, json, timeline or mermaid; it goes before --output")
	flags.BoolVar(&f.omit, "omit-payloads", false, "leave out inputs and results")
	flags.IntVar(&f.depth, flagDepth, 0, "`number` of generations of sub-orchestrations in the timeline")
	completeWith(cmd, "format", formatText, screen.FormatJSON, formatTimeline, formatMermaid)
	return cmd
}

// flagDepth says how many generations of sub-orchestrations a picture has.
const flagDepth = "depth"

func (a *app) history(ctx context.Context, f *historyFlags) error {
	format, err := a.historyFormat(f)
	if err != nil {
		return err
	}
	client, err := a.open()
	if err != nil {
		return err
	}
	if format == formatTimeline || format == formatMermaid {
		return a.picture(ctx, client, format, f)
	}
	events, err := client.GetHistory(ctx, f.id, &durable.GetHistoryOptions{OmitPayloads: f.omit})
	if err != nil {
		return err
	}
	if format == formatText || format == screen.FormatTable {
		return a.showHistory(events)
	}
	return a.out.WriteAs(format, events)
}

// historyFormat is the format that --format names, or else --output.
func (a *app) historyFormat(f *historyFlags) (string, error) {
	format := strings.ToLower(f.format)
	switch format {
	case "":
		format = a.out.DataFormat()
	case formatText, screen.FormatJSON, formatTimeline, formatMermaid, screen.FormatTable, screen.FormatJSONL, screen.FormatYAML:
	default:
		return "", usageError("--format is text, json, timeline or mermaid")
	}
	switch {
	case f.depth < 0:
		return "", usageError("--%s is 0 or more", flagDepth)
	case f.depth > 0 && format != formatTimeline:
		return "", usageError("--%s is for --format timeline; the other formats show one instance", flagDepth)
	}
	return format, nil
}

// picture draws a history.
func (a *app) picture(ctx context.Context, client *durable.OrchestrationClient, format string, f *historyFlags) error {
	instance, err := report.Load(ctx, client, f.id, loadOptions(f.depth, f.omit))
	if err != nil {
		return err
	}
	if format == formatMermaid {
		return report.Mermaid(a.out.Stdout, instance)
	}
	return report.Timeline(a.out.Stdout, instance, &report.TimelineOptions{
		Width: a.out.Columns(), Color: a.out.Colours(), ASCII: !a.out.UTF8(), Now: a.now(),
	})
}

func loadOptions(depth int, omitPayloads bool) *report.LoadOptions {
	return &report.LoadOptions{OmitChildren: depth == 0, MaxDepth: depth, OmitPayloads: omitPayloads}
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
	return "+" + text.Duration(max(e.Timestamp.Sub(s.start), 0))
}

func (a *app) showHistory(events []*durable.HistoryEvent) error {
	s := newStory(events)
	if len(s.events) == 0 {
		a.out.Say("No history: no worker has taken the instance up yet.")
		return nil
	}
	if err := a.out.Print("Started %s", text.Stamp(s.start)); err != nil {
		return err
	}
	const event = 2
	table := &screen.Table{
		Headers: []string{"AFTER", "ID", "EVENT", "DETAILS"}, Right: map[int]bool{1: true}, Cut: []int{3},
		Colour: func(column int, cell string) screen.Colour {
			if column == event {
				return eventColour(durable.HistoryEventType(cell))
			}
			return ""
		},
	}
	for _, e := range s.events {
		table.Add(s.after(e), s.number(e), string(e.Type), s.describe(e))
	}
	if err := a.out.Table(table, ""); err != nil {
		return err
	}
	a.out.SayFaint("The orchestrator was woken %s for this.", text.Times(s.turns))
	return nil
}

func eventColour(t durable.HistoryEventType) screen.Colour {
	switch t {
	case durable.EventTaskFailed, durable.EventSubOrchestrationFailed, durable.EventExecutionTerminated:
		return screen.Red
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
	return text.Shorten(text.OneLine(strings.Join(append(words, s.outcome(e)), " ")), longestDetails)
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
		words = append(words, "fires "+text.Stamp(e.FireAt))
	case e.Reason != "":
		words = append(words, e.Reason)
	case len(e.Result) > 0 && string(e.Result) != "null":
		words = append(words, text.CompactJSON(e.Result))
	case len(e.Input) > 0 && string(e.Input) != "null":
		words = append(words, text.CompactJSON(e.Input))
	}
	return strings.Join(words, " ")
}
