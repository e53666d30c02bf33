package durable_test

import (
	"context"
	"fmt"
	"log"

	"github.com/go-durable/durable/durabletest"
)

// Start an orchestration once, however often the request for it comes in, and whatever failed at the first attempt.
func ExampleOrchestrationClient_StartOrGet() {
	hub, err := durabletest.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	client, ctx := hub.Client(), context.Background()

	for range 2 {
		status, started, err := client.StartOrGet(ctx, "ProcessOrder", "order-42", "tea", nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("started:", started, "status:", status.RuntimeStatus)
		if started { // the app
			if err := hub.Run(ctx, "order-42"); err != nil {
				log.Fatal(err)
			}
		}
	}
	// Output:
	// started: true status: Pending
	// started: false status: Running
}
