package durable_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/go-durable/durable/durabletest"
)

// Start an orchestration and wait for its result.
func ExampleOrchestrationClient_StartNew() {
	hub, err := durabletest.New(nil) // in production: durable.NewOrchestrationClient
	if err != nil {
		log.Fatal(err)
	}
	client, ctx := hub.Client(), context.Background()

	id, err := client.StartNew(ctx, "MakeCoffee", map[string]int{"cups": 2}, nil)
	if err != nil {
		log.Fatal(err)
	}
	go func() { // the app
		if err := hub.Complete(ctx, id, "2 cups of coffee"); err != nil {
			log.Print(err)
		}
	}()
	waiting, cancel := context.WithTimeout(ctx, time.Minute)
	status, err := client.WaitForCompletion(waiting, id, nil)
	cancel()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %s\n", status.RuntimeStatus, status.Output)
	// Output: Completed: "2 cups of coffee"
}
