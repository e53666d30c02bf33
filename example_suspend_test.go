package durable_test

import (
	"context"
	"fmt"
	"log"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

// Stop an instance for a while. The app does so when it handles the message.
func ExampleOrchestrationClient_Suspend() {
	hub, err := durabletest.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	client, ctx := hub.Client(), context.Background()
	opts := &durable.StartNewOptions{InstanceID: "import-7"}
	if _, err := client.StartNew(ctx, "ImportFile", nil, opts); err != nil {
		log.Fatal(err)
	}
	show := func() {
		if _, err := hub.Process(ctx, "import-7"); err != nil { // the app
			log.Fatal(err)
		}
		status, err := client.GetStatus(ctx, "import-7", nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s %s\n", status.RuntimeStatus, status.Output)
	}

	if err := hub.Run(ctx, "import-7"); err != nil { // the app
		log.Fatal(err)
	}
	if err := client.Suspend(ctx, "import-7", "maintenance", nil); err != nil {
		log.Fatal(err)
	}
	show()
	if err := client.Resume(ctx, "import-7", "maintenance is over", nil); err != nil {
		log.Fatal(err)
	}
	show()
	// Output:
	// Suspended "maintenance"
	// Running "maintenance is over"
}
