package durabletest_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

// Approver is all that [Approve] needs of a client.
type Approver interface {
	RaiseEvent(ctx context.Context, instanceID, eventName string, data any, opts *durable.RaiseEventOptions) error
}

// Approve is the code under test: what the button of a web page does.
func Approve(ctx context.Context, client Approver, request, by string) error {
	return client.RaiseEvent(ctx, request, "Approval", map[string]string{"by": by}, nil)
}

// Test a flow that waits for somebody: one request is approved in time, another one is forgotten. No time passes: the
// clock is moved on by hand.
func Example_approvalFlow() {
	hub, err := durabletest.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	host, err := durabletest.NewHost(hub, durabletest.Scripts{"Vacation": {
		durabletest.CustomStatus{Status: "waiting for approval"},
		durabletest.WaitForEvent{Name: "Approval", Timeout: 72 * time.Hour},
		durabletest.Decide(func(p *durabletest.Progress) durabletest.Step {
			if p.Last().TimedOut {
				return durabletest.Complete{Output: "escalated"}
			}
			return durabletest.Complete{Output: p.Last().Value}
		}),
	}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx, client := context.Background(), hub.Client()
	for _, request := range []string{"ana", "bo"} {
		if _, err := client.StartNew(ctx, "Vacation", nil, &durable.StartNewOptions{InstanceID: request}); err != nil {
			log.Fatal(err)
		}
	}
	show := func(when string) {
		for _, request := range []string{"ana", "bo"} {
			s, err := client.GetStatus(ctx, request, nil)
			if err != nil {
				log.Fatal(err)
			}
			text := s.Output
			if text == nil {
				text = s.CustomStatus
			}
			fmt.Printf("%s %s %s %s\n", when, request, s.RuntimeStatus, text)
		}
	}

	if err := host.Advance(ctx, 24*time.Hour); err != nil {
		log.Fatal(err)
	}
	if err := Approve(ctx, client, "ana", "carl"); err != nil {
		log.Fatal(err)
	}
	if err := host.RunUntilIdle(ctx); err != nil {
		log.Fatal(err)
	}
	show("after a day:")
	if err := host.Advance(ctx, 48*time.Hour); err != nil {
		log.Fatal(err)
	}
	show("after three days:")
	// Output:
	// after a day: ana Completed {"by":"carl"}
	// after a day: bo Running "waiting for approval"
	// after three days: ana Completed {"by":"carl"}
	// after three days: bo Completed "escalated"
}
