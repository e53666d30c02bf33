package durable_test

import (
	"context"
	"fmt"
	"log"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

// Run a failed orchestration once more, with the input that it had.
func ExampleOrchestrationClient_Restart() {
	hub, err := durabletest.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	client, ctx := hub.Client(), context.Background()
	if _, err := client.StartNew(ctx, "ProcessOrder", "tea", &durable.StartNewOptions{InstanceID: "order-42"}); err != nil {
		log.Fatal(err)
	}
	if err := hub.Fail(ctx, "order-42", "out of tea"); err != nil { // the app
		log.Fatal(err)
	}

	id, err := client.Restart(ctx, "order-42", &durable.RestartOptions{ReuseInstanceID: true})
	if err != nil {
		log.Fatal(err)
	}
	if err := hub.Complete(ctx, id, "sent"); err != nil { // the app
		log.Fatal(err)
	}

	status, err := client.WaitForCompletion(ctx, id, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(status.InstanceID, status.RuntimeStatus, string(status.Input), string(status.Output))
	// Output: order-42 Completed "tea" "sent"
}
