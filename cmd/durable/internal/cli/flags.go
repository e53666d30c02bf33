package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/go-durable/durable"
)

// Flags that several commands have, or that code looks for.
const (
	flagID     = "id"
	flagStatus = "runtime-status"
)

// idFlag lets a command take an instance: by --id, as Core Tools have it, or as the argument.
func idFlag(cmd *cobra.Command, id *string) {
	cmd.Flags().Var((*namedText)(id), flagID, "`ID` of the instance, which can also be the argument")
	idArgument(cmd)
	one := cmd.Args
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := one(cmd, args); err != nil || cmd.Flags().Changed(flagID) {
			return err
		}
		return fmt.Errorf("no instance is named: give its ID, or --%s ID", flagID)
	}
}

// idArgument lets the argument of a command mean what --id says.
func idArgument(cmd *cobra.Command) {
	cmd.Use += " [ID]"
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return nil
		case len(args) > 1:
			return fmt.Errorf("one instance at a time, and there are %d arguments", len(args))
		case cmd.Flags().Changed(flagID):
			return fmt.Errorf("the instance is named twice: by %q and by --%s", args[0], flagID)
		}
		return cmd.Flags().Set(flagID, args[0])
	}
}

func require(cmd *cobra.Command, flag string) { _ = cmd.MarkFlagRequired(flag) }

// yesFlag adds --yes to a command that changes something without asking: there it means nothing.
func yesFlag(cmd *cobra.Command) {
	cmd.Flags().BoolP("yes", "y", false, "do not ask (this command never asks)")
}

// namedText is a text that narrows down what a command is about: in a script, a variable without content must not mean
// everything.
type namedText string

func (f *namedText) Set(given string) error {
	if given == "" {
		return errors.New("it is empty")
	}
	*f = namedText(given)
	return nil
}

func (f *namedText) String() string { return string(*f) }

func (f *namedText) Type() string { return "string" }

// namedTexts are several of them, separated by commas.
type namedTexts []string

func (f *namedTexts) Set(given string) error {
	texts := strings.Split(given, ",")
	if slices.Contains(texts, "") {
		return errors.New("it is empty, or a part of it is")
	}
	*f = append(*f, texts...)
	return nil
}

func (f *namedTexts) String() string { return strings.Join(*f, ",") }

func (f *namedTexts) Type() string { return "stringSlice" }

// filterFlags say which instances.
type filterFlags struct {
	after, before timeFlag
	status        string
	names         []string
	prefix        string
	failedWith    string
	tags          map[string]string
	entities      bool
}

// filterFlags adds the flags that say which instances.
func (a *app) filterFlags(cmd *cobra.Command, f *filterFlags) {
	a.lastingFlags(cmd, f)
	flags := cmd.Flags()
	flags.Var((*namedText)(&f.status), flagStatus, "only instances in these `states`: Pending, Running, Suspended, Completed, Failed, ...")
	flags.Var((*namedText)(&f.failedWith), "failed-with", "only failed instances whose failure contains this `text`")
	flags.BoolVar(&f.entities, "include-entities", false, "entities as well")
	completeWith(cmd, flagStatus, stateNames()...)
}

// lastingFlags adds those of them that are about what never changes of an instance.
func (a *app) lastingFlags(cmd *cobra.Command, f *filterFlags) {
	f.after.now, f.before.now = a.now, a.now
	flags := cmd.Flags()
	flags.Var(&f.after, "created-after", "only instances created at or after this `time` (2018-03-10T10:01:00Z, yesterday, 7d)")
	flags.Var(&f.before, "created-before", "only instances created at or before this `time`")
	flags.Var((*namedTexts)(&f.names), "function-name", "only instances of these `orchestrators`")
	flags.Var((*namedText)(&f.prefix), "id-prefix", "only instances whose ID begins with this `text`")
	flags.StringToStringVar(&f.tags, "tag", nil, "only instances with this `name=value` among their tags")
}

func (f *filterFlags) filter() (*durable.InstanceFilter, error) {
	states, err := parseStates(f.status)
	if err != nil {
		return nil, err
	}
	return &durable.InstanceFilter{
		Statuses: states, CreatedFrom: f.after.t, CreatedTo: f.before.t, InstanceIDPrefix: f.prefix, Names: f.names,
		Tags: f.tags, FailedWith: f.failedWith, IncludeEntities: f.entities,
	}, nil
}

var states = []durable.RuntimeStatus{
	durable.RuntimeStatusPending, durable.RuntimeStatusRunning, durable.RuntimeStatusSuspended,
	durable.RuntimeStatusContinuedAsNew, durable.RuntimeStatusCompleted, durable.RuntimeStatusFailed,
	durable.RuntimeStatusCanceled, durable.RuntimeStatusTerminated,
}

func stateNames() []string {
	names := make([]string, len(states))
	for i, s := range states {
		names[i] = string(s)
	}
	return names
}

// parseStates reads states, separated by blanks or commas, in any case. A state that is unknown never widens a filter.
func parseStates(text string) ([]durable.RuntimeStatus, error) {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
	if len(words) == 0 && text != "" {
		return nil, usageError("--runtime-status names no state")
	}
	var found []durable.RuntimeStatus
	for _, w := range words {
		n := len(found)
		for _, s := range states {
			if strings.EqualFold(w, string(s)) {
				found = append(found, s)
			}
		}
		if len(found) == n {
			return nil, usageError("the state %q is unknown; there are %s", w, strings.Join(stateNames(), ", "))
		}
	}
	return found, nil
}
