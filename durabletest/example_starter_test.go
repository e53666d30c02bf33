package durabletest_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

// OrderStarter is the seam of [OrderService]: the one method of the client that it needs. *durable.OrchestrationClient
// has it, and so would a fake of three lines, where a test wants nothing but to see a certain error.
type OrderStarter interface {
	StartOrGet(ctx context.Context, orchestrator, instanceID string, input any, opts *durable.StartNewOptions) (
		*durable.OrchestrationStatus, bool, error)
}

// OrderService is the code under test: it starts an orchestration for each order, once however often it is asked.
type OrderService struct{ Client OrderStarter }

// Place starts the orchestration of an order. A start that perhaps failed is tried once more, which is safe.
func (s OrderService) Place(ctx context.Context, number int, item string) error {
	start := func() error {
		_, _, err := s.Client.StartOrGet(ctx, "ProcessOrder", fmt.Sprintf("order-%d", number), item, nil)
		return err
	}
	err := start()
	if errors.Is(err, durable.ErrUncertain) {
		err = start()
	}
	return err
}

// Test a service that starts orchestrations: against a hub on which a host stands in for the app, and where an answer
// is lost on the way. In a test, NewHub takes the place of New, and RequireStarted and RequireStatus check the outcome.
func Example_starterService() {
	hub, err := durabletest.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	host, err := durabletest.NewHost(hub, durabletest.Scripts{"ProcessOrder": {
		durabletest.Activity{Name: "Reserve", Input: "tea", Result: "reserved"},
		durabletest.Activity{Name: "Send", Result: "parcel 7"},
		durabletest.Decide(func(p *durabletest.Progress) durabletest.Step {
			return durabletest.Complete{Output: p.Last().Value}
		}),
	}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	hub.Inject(durabletest.Fault{Request: durabletest.SendMessage, Trouble: durabletest.TimedOut})

	ctx := context.Background()
	if err := (OrderService{hub.Client()}).Place(ctx, 1, "tea"); err != nil {
		log.Fatal(err)
	}
	if err := host.RunUntilIdle(ctx); err != nil {
		log.Fatal(err)
	}
	status, err := hub.Client().GetStatus(ctx, "order-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s(%s) is %s: %s\n", status.Name, status.Input, status.RuntimeStatus, status.Output)
	// Output: ProcessOrder("tea") is Completed: "parcel 7"
}
