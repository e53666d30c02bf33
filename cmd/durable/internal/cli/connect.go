package cli

import (
	"slices"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/target"
	"github.com/go-durable/durable/cmd/durable/internal/text"
)

// settings returns the app settings that the command line finds.
func (a *app) settings() (*target.Settings, error) {
	s, err := target.ReadSettings(a.env, a.dir)
	if err != nil {
		return nil, usageError("%w", err)
	}
	return s, nil
}

// open returns the client for the task hub that the command works on.
func (a *app) open() (*durable.OrchestrationClient, error) {
	s, err := a.settings()
	if err != nil {
		return nil, err
	}
	hub, err := s.Hub(&a.flags)
	if err != nil {
		return nil, usageError("%w", err)
	}
	a.hub = hub
	return a.connect(hub)
}

// commandLine is what to type for another command about the same task hub.
func (a *app) commandLine(words ...string) string {
	return text.Printable(text.CommandLine(slices.Concat([]string{"durable"}, words, a.flags.Given())...))
}

// openToWrite is open for a command that changes something: it says first what it works on.
func (a *app) openToWrite() (*durable.OrchestrationClient, error) {
	c, err := a.open()
	if err == nil {
		a.out.SayFaint("%s", a.hub)
	}
	return c, err
}
