package durable_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

// Cancel a scheduled start. It takes effect at once, and the start never runs, whether an app is there or not.
func ExampleOrchestrationClient_Terminate() {
	hub, err := durabletest.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	client, ctx := hub.Client(), context.Background()
	_, err = client.StartNew(ctx, "SendReminder", nil, &durable.StartNewOptions{
		InstanceID: "reminder-5", ScheduledStartTime: hub.Now().Add(24 * time.Hour),
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := client.Terminate(ctx, "reminder-5", "already paid", nil); err != nil {
		log.Fatal(err)
	}

	hub.Advance(25 * time.Hour) // the app finds the start message, and throws it away
	handled, err := hub.Process(ctx, "reminder-5")
	if err != nil {
		log.Fatal(err)
	}
	status, err := client.GetStatus(ctx, "reminder-5", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d message, %s: %s\n", handled, status.RuntimeStatus, status.Output)
	// Output: 1 message, Terminated: "already paid"
}
