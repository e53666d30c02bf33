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
)

type statusFlags struct {
	id                                            string
	input, output, showHistory, showHistoryOutput bool
}

func (a *app) statusCommand() *cobra.Command {
	f := &statusFlags{}
	cmd := command("get-runtime-status", "Show the status of an instance", `  durable get-runtime-status --id order-17 --show-input --show-output
  durable status --id order-17 --show-history --show-history-output --output json | jq .historyEvents`,
		func(ctx context.Context) error { return a.status(ctx, f) })
	cmd.Aliases = []string{"status"}
	cmd.Long = `Show the status of an instance. JSON is the document of the HTTP API: of GET /instances/ID with --show-input and
--show-output, and without these parts otherwise. On a terminal the reason of a failure is always shown.`
	idFlag(cmd, &f.id)
	flags := cmd.Flags()
	flags.BoolVar(&f.input, "show-input", false, "show the input")
	flags.BoolVar(&f.output, "show-output", false, "show the output")
	flags.BoolVar(&f.showHistory, "show-history", false, "show the history")
	flags.BoolVar(&f.showHistoryOutput, "show-history-output", false, "show the results in the history as well")
	return cmd
}

func (a *app) status(ctx context.Context, f *statusFlags) error {
	client, err := a.open()
	if err != nil {
		return err
	}
	s, err := client.GetStatus(ctx, f.id, &durable.GetStatusOptions{
		OmitInput: !f.input, ShowHistory: f.showHistory || f.showHistoryOutput, ShowHistoryOutput: f.showHistoryOutput,
	})
	if err != nil {
		return err
	}
	reason := s.Output
	if !f.output {
		s.Output = nil
	}
	return a.out.Emit(s, func() error {
		if s.RuntimeStatus.IsTerminal() && s.RuntimeStatus != durable.RuntimeStatusCompleted {
			s.Output = reason
		}
		return a.showStatus(s)
	})
}

// showStatus prints what is known of an instance.
func (a *app) showStatus(s *durable.OrchestrationStatus) error {
	d := a.out.Details()
	d.Add("instance", s.InstanceID)
	d.Add("name", s.Name)
	d.Add("version", s.Version)
	d.Styled("status", a.statusStyle(s.RuntimeStatus))
	addTimes(d, s.CreatedTime, s.ScheduledStartTime, s.LastUpdatedTime, s.CompletedTime)
	addExecution(d, s.ExecutionID, s.Generation)
	d.Add("tags", tagText(s.Tags))
	d.JSON("custom status", s.CustomStatus)
	d.JSON("input", s.Input)
	d.JSON("output", s.Output)
	if s.PayloadError != nil {
		d.Add("payload", s.PayloadError.Error())
	}
	for i, e := range s.HistoryEvents {
		name := ""
		if i == 0 {
			name = "history"
		}
		d.Add(name, text.CompactJSON(e))
	}
	return d.Err()
}

// addTimes adds when an instance was created and so on; what is zero is left out.
func addTimes(d *screen.Details, created, scheduled, updated, completed time.Time) {
	d.Add("created", text.Stamp(created))
	d.Add("scheduled for", text.Stamp(scheduled))
	d.Add("updated", text.Stamp(updated))
	if !completed.IsZero() {
		d.Add("completed", text.Stamp(completed)+", took "+text.Duration(completed.Sub(created)))
	}
}

func addExecution(d *screen.Details, id string, generation int) {
	d.Add("execution", id)
	if generation > 0 {
		d.Add("generation", strconv.Itoa(generation))
	}
}

func tagText(tags map[string]string) string {
	var list []string
	for _, name := range sortedKeys(tags) {
		list = append(list, name+"="+tags[name])
	}
	return strings.Join(list, ", ")
}

// statusStyle colours a state.
func (a *app) statusStyle(s durable.RuntimeStatus) string {
	return a.out.Paint(statusColour(s), text.Printable(string(s)))
}

func statusColour(s durable.RuntimeStatus) screen.Colour {
	switch s {
	case durable.RuntimeStatusFailed, durable.RuntimeStatusCanceled, durable.RuntimeStatusTerminated:
		return screen.Red
	case durable.RuntimeStatusCompleted:
		return screen.Green
	case durable.RuntimeStatusSuspended, durable.RuntimeStatusPending:
		return screen.Yellow
	default:
		return ""
	}
}
