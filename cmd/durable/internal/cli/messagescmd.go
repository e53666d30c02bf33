package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/text"
	"github.com/go-durable/durable/operate"
)

func (a *app) messagesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "messages", Short: "List messages, quarantine them and put them back", Example: "  durable messages list", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.messagesListCommand(), a.quarantineCommand(), a.restoreCommand())
	return cmd
}

type messageFlags struct {
	changeFlags
	queue, id, reason string
	// all are all messages, not only those that are poison; many are all that a command can be about.
	all, many, quarantined, force bool
	maxDequeue                    int64
}

// identify adds the flags that name one message, or all.
func (f *messageFlags) identify(cmd *cobra.Command, all, usage string) {
	flags := cmd.Flags()
	flags.StringVar(&f.queue, "queue", "", "`queue` of the message")
	flags.StringVar(&f.id, "message-id", "", "`ID` of the message")
	flags.BoolVar(&f.many, all, false, usage)
	f.changeFlags.add(cmd)
	cmd.MarkFlagsRequiredTogether("queue", "message-id")
	cmd.MarkFlagsOneRequired("message-id", all)
	cmd.MarkFlagsMutuallyExclusive("message-id", all)
}

func (a *app) messagesListCommand() *cobra.Command {
	f := &messageFlags{}
	cmd := command("list", "List poison messages, or all, or those in quarantine", `  durable messages list
  durable messages list --all --output jsonl
  durable messages list --quarantined`,
		func(ctx context.Context) error { return a.messagesList(ctx, f) })
	cmd.Long = `List the messages that no worker can handle: those that cannot be read, whose payload is gone, or that were taken again and again
and always put back. The first 32 of each queue that are not hidden can be seen. They are not touched.`
	cmd.Flags().BoolVar(&f.all, "all", false, "list every message that can be seen")
	cmd.Flags().BoolVar(&f.quarantined, "quarantined", false, "list the messages in quarantine")
	maxDequeueFlag(cmd, &f.maxDequeue)
	cmd.MarkFlagsMutuallyExclusive("all", "quarantined")
	return cmd
}

func (a *app) messagesList(ctx context.Context, f *messageFlags) error {
	if f.maxDequeue < 1 {
		return usageError("--max-dequeue-count is 1 or more")
	}
	client, err := a.open()
	if err != nil {
		return err
	}
	messages, err := f.find(ctx, client)
	if err != nil && len(messages) == 0 {
		return err
	}
	return errors.Join(err, a.out.Emit(messages, func() error {
		for i := range messages {
			if err := a.out.PrintText(a.messageText(&messages[i])); err != nil {
				return err
			}
		}
		if len(messages) == 0 {
			a.out.Say("%s", f.none())
		}
		return nil
	}))
}

// find returns the messages that a command is about, also beside an error.
func (f *messageFlags) find(ctx context.Context, client *durable.OrchestrationClient) ([]operate.HubMessage, error) {
	messages := []operate.HubMessage{}
	opts := &operate.ListMessagesOptions{PoisonOnly: !f.all, MaxDequeueCount: f.maxDequeue, Quarantined: f.quarantined}
	for m, err := range operate.ListMessages(ctx, client, opts) {
		if err != nil {
			return messages, err
		}
		messages = append(messages, m)
	}
	return messages, nil
}

func (f *messageFlags) none() string {
	switch {
	case f.quarantined:
		return "No messages in quarantine."
	case f.all:
		return "No messages that can be seen."
	}
	return "No poison messages among those that can be seen. 'durable messages list --all' lists all of these."
}

// messageText is a message: where it is, and below what it is.
func (a *app) messageText(m *operate.HubMessage) string {
	what := "of an unknown kind"
	if m.EventType != "" {
		what = string(m.EventType)
	}
	if m.InstanceID != "" {
		what += " for " + m.InstanceID
	}
	quarantined := ""
	if !m.Quarantined.IsZero() {
		quarantined = strings.TrimSuffix("in quarantine since "+text.Stamp(m.Quarantined)+": "+m.Reason, ": ")
	}
	since := fmt.Sprintf("%s, %s ago, taken %s", text.Stamp(m.Inserted), text.Duration(a.now().Sub(m.Inserted)), text.Count(int(m.DequeueCount), "time"))
	return text.NewBlock(m.Queue, m.ID).Add("what", what+", "+text.Count(m.Bytes, "byte")).Add("since", since).Add("blob", m.Blob).
		Add("poison", m.Poison).Add("kept", quarantined).String()
}

func (a *app) quarantineCommand() *cobra.Command {
	f := &messageFlags{}
	cmd := command("quarantine", "Take messages out of their queues and keep them", `  durable messages quarantine --poison --dry-run
  durable messages quarantine --queue myhub-control-00 --message-id 0c5b7f66-2c1c-4a5c-9a34-6a3e7d0f3c11`,
		func(ctx context.Context) error { return a.quarantine(ctx, f) })
	cmd.Long = `Take one message, or all that are poison, out of their queues, and keep them with all that is known of them in the container
HUB-quarantine; restore puts them back. A message that a worker has at this moment, or that waits for its retry, cannot be
taken: exit code 4, or 6 if others could. Messages that lie before it are taken and put back at once. It shows what it is
about, and asks.`
	f.identify(cmd, "poison", "all messages that no worker can handle")
	cmd.Flags().StringVar(&f.reason, "reason", "", "`reason` to be kept with the messages")
	maxDequeueFlag(cmd, &f.maxDequeue)
	return cmd
}

func (a *app) quarantine(ctx context.Context, f *messageFlags) error {
	if f.maxDequeue < 1 {
		return usageError("--max-dequeue-count is 1 or more")
	}
	return a.moveMessages(ctx, f, &messageMove{
		plan: "To be put into quarantine:", question: "Quarantine %s?", done: "quarantined",
		move: func(ctx context.Context, client *durable.OrchestrationClient, queue, id string, dryRun bool) (*operate.HubMessage, error) {
			return operate.QuarantineMessage(ctx, client, queue, id, &operate.QuarantineOptions{DryRun: dryRun, Reason: f.reason})
		},
	})
}

func (a *app) restoreCommand() *cobra.Command {
	f := &messageFlags{}
	cmd := command("restore", "Put messages in quarantine back into their queues", `  durable messages restore --all --dry-run
  durable messages restore --queue myhub-control-00 --message-id 0c5b7f66-2c1c-4a5c-9a34-6a3e7d0f3c11 --yes`,
		func(ctx context.Context) error { return a.restore(ctx, f) })
	cmd.Long = `Put one message, or all in quarantine, back into its queue as it was. It gets another ID there, and workers will try it again. It
shows what it is about, and asks. Where an earlier attempt was cut off and nobody can tell whether the message has got into
its queue, that is exit code 1, unless --force.`
	f.identify(cmd, "all", "all messages in quarantine")
	cmd.Flags().BoolVar(&f.force, "force", false, "also where it may be in its queue already: workers may see it twice")
	return cmd
}

func (a *app) restore(ctx context.Context, f *messageFlags) error {
	f.quarantined = true
	return a.moveMessages(ctx, f, &messageMove{
		plan: "To be put back:", question: "Put %s back?", done: "restored",
		move: func(ctx context.Context, client *durable.OrchestrationClient, queue, id string, dryRun bool) (*operate.HubMessage, error) {
			return operate.RestoreMessage(ctx, client, queue, id, &operate.RestoreOptions{DryRun: dryRun, Force: f.force})
		},
	})
}

// messageMove is what a command does to messages, and how it speaks of it.
type messageMove struct {
	plan, question, done string
	move                 func(ctx context.Context, client *durable.OrchestrationClient, queue, id string, dryRun bool) (*operate.HubMessage, error)
}

// moveMessages does something to one message, or to many.
func (a *app) moveMessages(ctx context.Context, f *messageFlags, m *messageMove) error {
	if err := a.askable(&f.changeFlags); err != nil {
		return err
	}
	client, err := a.openToWrite()
	if err != nil {
		return err
	}
	var messages []operate.HubMessage
	if f.many {
		messages, err = f.find(ctx, client)
	} else {
		var one *operate.HubMessage
		if one, err = m.move(ctx, client, f.queue, f.id, true); err == nil {
			messages = []operate.HubMessage{*one}
		}
	}
	var damaged error // which does not keep the others from being moved
	if len(messages) > 0 && errors.Is(err, durable.ErrInvalidState) {
		damaged, err = coded(codePartial, "%w", err), nil
	}
	if err != nil {
		return err
	}
	if len(messages) == 0 && !f.dryRun {
		a.out.Say("%s", f.none())
		return a.out.ListDone().End()
	}
	if !f.yes {
		if err := a.planMessages(f, messages, m); err != nil || f.dryRun {
			return cmp.Or(err, damaged)
		}
		if err := a.confirm(ctx, &f.changeFlags, fmt.Sprintf(m.question, text.Count(len(messages), "message"))); err != nil {
			return err
		}
	}
	return cmp.Or(a.moveAll(ctx, client, messages, m), damaged)
}

func (a *app) planMessages(f *messageFlags, messages []operate.HubMessage, m *messageMove) error {
	lines := []string{f.none()}
	if len(messages) > 0 {
		lines[0] = m.plan
	}
	for i := range messages {
		lines = append(lines, a.messageText(&messages[i]))
	}
	return a.plan(&f.changeFlags, messages, strings.Join(lines, "\n"))
}

// messageResult is what was done to a message.
type messageResult struct {
	operate.HubMessage
	Done  bool   `json:"done"`
	Error string `json:"error,omitempty"`
}

func (a *app) moveAll(ctx context.Context, client *durable.OrchestrationClient, messages []operate.HubMessage, m *messageMove) error {
	list := a.out.ListDone()
	moved, first, gone := 0, error(nil), error(nil)
	for i := 0; i < len(messages) && ctx.Err() == nil && gone == nil; i++ {
		res := messageResult{HubMessage: messages[i], Done: true}
		// What has begun is not interrupted: it would be in two places.
		now, moveErr := m.move(context.WithoutCancel(ctx), client, res.Queue, res.ID, false)
		if moveErr != nil {
			res.Done, res.Error = false, strings.TrimPrefix(moveErr.Error(), "durable: ")
			first = cmp.Or(first, moveErr)
			gone = outage(ctx, client, moveErr)
		} else {
			res.HubMessage = *now
			moved++
		}
		if err := list.Add(nil, &res, func() error { return a.showMoved(&res, m.done) }); err != nil {
			return err
		}
	}
	if err := list.End(); err != nil {
		return err
	}
	switch left := len(messages) - moved; {
	case ctx.Err() != nil:
		return coded(codePartial, "interrupted; the same command goes on")
	case gone != nil:
		return leftBehind(left, "message", moved, gone)
	case left > 0 && moved > 0:
		return coded(codePartial, "%s left: %w", text.Count(left, "message"), first)
	}
	return first
}

func (a *app) showMoved(res *messageResult, done string) error {
	why := done
	if !res.Done {
		why = res.Error
	}
	return a.out.PrintText(resultLine(why, res.Queue, res.ID))
}
