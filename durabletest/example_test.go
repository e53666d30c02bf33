package durabletest_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

// Starter is all that the code under test needs of a client. *durable.OrchestrationClient has it.
type Starter interface {
	StartNew(ctx context.Context, orchestrator string, input any, opts *durable.StartNewOptions) (string, error)
}

// Signups is the code under test.
type Signups struct{ Client Starter }

// Add starts the orchestration that welcomes a new user.
func (s Signups) Add(ctx context.Context, mail string) error {
	_, err := s.Client.StartNew(ctx, "Welcome", mail, &durable.StartNewOptions{InstanceID: "welcome-" + mail})
	return err
}

// Test code that starts orchestrations. In a test, NewHub takes the place of New, and no errors need to be checked.
func ExampleNew() {
	hub, err := durabletest.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if err := (Signups{hub.Client()}).Add(ctx, "ana@example.com"); err != nil {
		log.Fatal(err)
	}
	if err := hub.Run(ctx, "welcome-ana@example.com"); err != nil { // it was started: else this fails
		log.Fatal(err)
	}
	status, err := hub.Client().GetStatus(ctx, "welcome-ana@example.com", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s %s %s\n", status.Name, status.RuntimeStatus, status.Input)
	// Output: Welcome Running "ana@example.com"
}

// Let an instance receive its events, set a custom status and end, all in one episode.
func ExampleHub_Step() {
	hub, err := durabletest.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	client, ctx := hub.Client(), context.Background()
	if _, err := client.StartNew(ctx, "Vote", nil, &durable.StartNewOptions{InstanceID: "vote"}); err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"Ana", "Bo"} {
		if err := client.RaiseEvent(ctx, "vote", "Vote", name, nil); err != nil {
			log.Fatal(err)
		}
	}
	err = hub.Step(ctx, "vote", func(e *durabletest.Episode) {
		var votes []string
		for _, event := range e.Events() {
			votes = append(votes, string(event.Data))
		}
		e.SetCustomStatus(len(votes))
		e.Complete(strings.Join(votes, " "))
	})
	if err != nil {
		log.Fatal(err)
	}
	status, err := client.GetStatus(ctx, "vote", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %s votes: %s\n", status.RuntimeStatus, status.CustomStatus, status.Output)
	// Output: Completed: 2 votes: "\"Ana\" \"Bo\""
}
