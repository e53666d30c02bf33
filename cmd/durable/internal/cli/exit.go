package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/text"
)

// The exit codes.
const (
	codeOK = iota
	codeFailed
	codeUsage
	codeNotFound
	codeState
	codeTimeout
	codePartial
)

// exitError is an error with an exit code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// advisedError is an error with a command line that may help.
type advisedError struct {
	err        error
	what, line string
}

func (e *advisedError) Error() string { return e.err.Error() }
func (e *advisedError) Unwrap() error { return e.err }

func coded(code int, format string, args ...any) error {
	return &exitError{code, fmt.Errorf(format, args...)}
}

// usageError is an error of the command line or of the settings.
func usageError(format string, args ...any) error { return coded(codeUsage, format, args...) }

// exitCode returns the exit code for an error. An explicit one wins over what the package's errors mean.
func exitCode(err error) int {
	var e *exitError
	switch {
	case err == nil:
		return codeOK
	case errors.As(err, &e):
		return e.code
	case errors.Is(err, durable.ErrInstanceNotFound), errors.Is(err, durable.ErrTaskHubNotFound):
		return codeNotFound
	case errors.Is(err, durable.ErrInvalidState), errors.Is(err, durable.ErrInstanceExists),
		errors.Is(err, durable.ErrConflict), errors.Is(err, durable.ErrRewindUnsafe):
		return codeState
	case errors.Is(err, durable.ErrInvalidArgument):
		return codeUsage
	case errors.Is(err, context.DeadlineExceeded):
		return codeTimeout
	}
	return codeFailed
}

// fail prints an error with what may help, and returns its exit code.
func (a *app) fail(err error) int {
	// Within, that it is the package's error says nothing.
	why := strings.ReplaceAll(strings.TrimPrefix(text.Printable(err.Error()), "durable: "), ": durable: ", ": ")
	var e *exitError
	if stopped(err) && !errors.As(err, &e) {
		why = "interrupted: " + why
	}
	a.out.SayError(why)
	if h := a.hint(err); h != "" {
		a.out.Say("%s", h)
	}
	var advised *advisedError
	if errors.As(err, &advised) {
		a.out.SayCommand(advised.what, advised.line)
	}
	return exitCode(err)
}

// hint says what to do about an error.
func (a *app) hint(err error) string {
	hub := a.hub
	if hub == nil {
		return ""
	}
	switch {
	case errors.Is(err, durable.ErrTaskHubNotFound):
		help := fmt.Sprintf("There is no task hub %q in this account. 'durable list-task-hubs' shows which there are, "+
			"--task-hub-name chooses one, 'durable create-task-hub' makes one.", hub.Name)
		if hub.NameFrom == "" {
			help += " No hubName was found in a host.json, so that this is the default of Core Tools; apps without one use " +
				"TestHubName on a developer's machine since extension 2, and the app's name in Azure."
		}
		return help
	case errors.Is(err, durable.ErrAccessDenied):
		help := "With Entra ID, the identity needs the roles Storage Table, Queue and Blob Data Contributor."
		if !hub.EntraID() {
			help = "Is the key right? The connection string is that of the setting " + hub.ConnectionFrom + "."
		}
		return help
	case errors.Is(err, durable.ErrRewindUnsafe):
		return "--plan shows all warnings, --force carries it out in spite of them."
	case errors.Is(err, durable.ErrPartitionCount):
		return "'durable task-hub' shows what says so."
	}
	return ""
}
