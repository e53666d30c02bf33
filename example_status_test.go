package durable_test

import (
	"context"
	"fmt"
	"log"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

// Look at an instance while it runs: how far it has come, by its own account, and what has happened so far.
func ExampleOrchestrationClient_GetStatus() {
	hub, err := durabletest.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	client, ctx := hub.Client(), context.Background()
	opts := &durable.StartNewOptions{InstanceID: "import-7"}
	if _, err := client.StartNew(ctx, "ImportFile", "prices.csv", opts); err != nil {
		log.Fatal(err)
	}
	type progress struct{ Rows, Of int }
	if err := hub.SetCustomStatus(ctx, "import-7", progress{250, 1000}); err != nil { // the app
		log.Fatal(err)
	}

	status, err := client.GetStatus(ctx, "import-7", nil)
	if err != nil {
		log.Fatal(err)
	}
	var p progress
	if err := status.DecodeCustomStatus(&p); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s is %s: %d of %d rows of %s\n", status.InstanceID, status.RuntimeStatus, p.Rows, p.Of, status.Input)
	// Output: import-7 is Running: 250 of 1000 rows of "prices.csv"
}

// Read the typed events of an instance.
func ExampleOrchestrationClient_GetHistory() {
	hub, err := durabletest.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	client, ctx := hub.Client(), context.Background()
	opts := &durable.StartNewOptions{InstanceID: "import-7"}
	if _, err := client.StartNew(ctx, "ImportFile", "prices.csv", opts); err != nil {
		log.Fatal(err)
	}
	if err := hub.Complete(ctx, "import-7", 1000); err != nil { // the app
		log.Fatal(err)
	}

	history, err := client.GetHistory(ctx, "import-7", nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, event := range history {
		switch event.Type {
		case durable.EventExecutionStarted:
			fmt.Printf("%s began with %s\n", event.Name, event.Input)
		case durable.EventExecutionCompleted:
			fmt.Printf("%s with %s\n", event.Status, event.Result)
		default:
			fmt.Println(event.Type)
		}
	}
	// Output:
	// OrchestratorStarted
	// ImportFile began with "prices.csv"
	// Completed with 1000
	// OrchestratorCompleted
}
