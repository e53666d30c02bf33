package durable_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

// Create a task hub before its app first runs. Nothing but this ever creates one: a mistyped name is an error.
func ExampleOrchestrationClient_CreateTaskHub() {
	hub, err := durabletest.New(&durabletest.Options{TaskHub: "MyHub", NotCreated: true})
	if err != nil {
		log.Fatal(err)
	}
	client, ctx := hub.Client(), context.Background()

	_, err = client.StartNew(ctx, "ProcessOrder", nil, nil)
	fmt.Println(errors.Is(err, durable.ErrTaskHubNotFound))

	// The count must be the partitionCount in the app's host.json.
	if err := client.CreateTaskHub(ctx, &durable.CreateTaskHubOptions{PartitionCount: 4}); err != nil {
		log.Fatal(err)
	}
	info, err := client.TaskHubInfo(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Name, info.PartitionCount, info.Tables, info.HostSeen)
	// Output:
	// true
	// MyHub 4 [MyHubInstances MyHubHistory] false
}
