package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/screen"
	"github.com/go-durable/durable/cmd/durable/internal/text"
)

type watchFlags struct {
	filterFlags
	id       string
	interval durationFlag
}

func (a *app) watchCommand() *cobra.Command {
	f := &watchFlags{interval: durationFlag{defaultWatchInterval}}
	cmd := command("watch", "Follow an instance until it ends, or the counts of the hub", `  durable watch --id order-17
  durable watch --created-after 1h --interval 5s`,
		func(ctx context.Context) error { return a.watch(ctx, f) })
	cmd.Long = `Follow an instance: its history as it grows, its state and its custom status as they change, until it ends. The exit code is that
of wait. Without --id, show how many instances are in which state, again and again, until Ctrl-C.`
	a.filterFlags(cmd, &f.filterFlags)
	cmd.Flags().Var((*namedText)(&f.id), flagID, "`ID` of an instance, which can also be the argument")
	idArgument(cmd)
	cmd.Flags().Var(&f.interval, "interval", "pause between two looks (`duration`)")
	return cmd
}

const defaultWatchInterval = 2 * time.Second

func (a *app) watch(ctx context.Context, f *watchFlags) error {
	filter, err := f.filter()
	if err != nil {
		return err
	}
	if f.interval.d <= 0 {
		return usageError("--interval is more than nothing")
	}
	client, err := a.open()
	if err != nil {
		return err
	}
	if f.id != "" {
		return a.watchInstance(ctx, client, f)
	}
	return a.watchCounts(ctx, client, filter, f.interval.d)
}

// watchInstance prints what is new of an instance.
func (a *app) watchInstance(ctx context.Context, client *durable.OrchestrationClient, f *watchFlags) error {
	w := &watcher{a: a}
	for {
		s, err := client.GetStatus(ctx, f.id, &durable.GetStatusOptions{OmitInput: true})
		if err != nil {
			return watchError(err)
		}
		events, err := client.GetHistory(ctx, f.id, nil)
		if err != nil {
			return watchError(err)
		}
		if err := w.news(s, events); err != nil {
			return err
		}
		if s.RuntimeStatus.IsTerminal() {
			return verdict(map[durable.RuntimeStatus]int{s.RuntimeStatus: 1})
		}
		if err := pause(ctx, f.interval.d); err != nil {
			return watchError(err)
		}
	}
}

// watchError is nil if the user has had enough.
func watchError(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// watcher knows what it has printed of an instance.
type watcher struct {
	a               *app
	execution, last string
	printed         int
}

// news prints what has changed since the last look: as lines of text, or as one document a line.
func (w *watcher) news(s *durable.OrchestrationStatus, events []*durable.HistoryEvent) error {
	if w.execution != s.ExecutionID {
		w.execution, w.printed = s.ExecutionID, 0
	}
	format := w.a.out.FormatOr(screen.FormatTable)
	if format != screen.FormatTable {
		return w.documents(format, s, events)
	}
	story := newStory(events)
	for _, e := range story.events[min(w.printed, len(story.events)):] {
		if err := w.line(text.Stamp(e.Timestamp), string(e.Type), eventColour(e.Type), story.describe(e)); err != nil {
			return err
		}
	}
	w.printed = len(story.events)
	state := string(s.RuntimeStatus) + " " + text.CompactJSON(s.CustomStatus)
	if s.RuntimeStatus.IsTerminal() {
		state += " " + text.CompactJSON(s.Output)
	}
	if state == w.last {
		return nil
	}
	w.last = state
	details := ""
	if len(s.CustomStatus) > 0 {
		details = "custom status " + text.CompactJSON(s.CustomStatus)
	}
	if s.RuntimeStatus.IsTerminal() && len(s.Output) > 0 {
		details = strings.TrimSpace(details + " output " + text.CompactJSON(s.Output))
	}
	return w.line(text.Stamp(s.LastUpdatedTime), string(s.RuntimeStatus), statusColour(s.RuntimeStatus), details)
}

const (
	eventWidth = 24
	gap        = "  "
)

func (w *watcher) line(at, what string, colour screen.Colour, details string) error {
	details = text.Shorten(text.OneLine(details), longestDetails)
	if limit := w.a.out.Columns(); limit > 0 {
		details = text.Shorten(details, max(limit-len(at)-max(eventWidth, len(what))-2*len(gap), text.Narrowest))
	}
	padded := fmt.Sprintf("%-*s", eventWidth, text.Printable(what))
	return w.a.out.Print("%s", strings.TrimRight(at+gap+w.a.out.Paint(colour, padded)+gap+details, " "))
}

// documents prints the status whenever something has changed.
func (w *watcher) documents(format string, s *durable.OrchestrationStatus, events []*durable.HistoryEvent) error {
	state := fmt.Sprint(s.RuntimeStatus, len(events), string(s.CustomStatus))
	if state == w.last {
		return nil
	}
	w.last = state
	if format == screen.FormatJSON {
		format = screen.FormatJSONL // one document after the other
	}
	return w.a.out.WriteAs(format, s)
}

// watchCounts shows counts until the context ends: on a terminal in place, otherwise one below the other.
func (a *app) watchCounts(
	ctx context.Context, client *durable.OrchestrationClient, filter *durable.InstanceFilter, interval time.Duration,
) error {
	for {
		counts, err := client.CountInstances(ctx, filter, nil)
		if err != nil {
			return watchError(err)
		}
		if screen.IsTerminal(a.out.Stdout) {
			a.out.Clear()
			a.out.SayFaint("task hub %s at %s, every %s; Ctrl-C ends", client.TaskHub(), text.Stamp(a.now()), text.Duration(interval))
		}
		if err := a.showCounts(counts); err != nil {
			return err
		}
		if err := pause(ctx, interval); err != nil {
			return watchError(err)
		}
	}
}
