package durable_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

// Inputs and outputs of any size look the same to the caller: what is too large for a row or a message lies in the
// task hub's blob container.
func ExampleOrchestrationClient_StartNew_largeInput() {
	hub, err := durabletest.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	client, ctx := hub.Client(), context.Background()
	document := strings.Repeat("All work and no play. ", 50_000)
	opts := &durable.StartNewOptions{InstanceID: "index-1"}
	if _, err := client.StartNew(ctx, "IndexDocument", document, opts); err != nil {
		log.Fatal(err)
	}

	status, err := client.GetStatus(ctx, "index-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	var input string
	if err := status.DecodeInput(&input); err != nil {
		log.Fatal(err)
	}
	info, err := client.TaskHubInfo(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(input), input == document, info.Containers)
	// Output: 1100000 true [testhub-largemessages]
}
