package durable_test

import (
	"context"
	"fmt"
	"log"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

// Send an event to an instance that waits for it.
func ExampleOrchestrationClient_RaiseEvent() {
	hub, err := durabletest.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	client, ctx := hub.Client(), context.Background()
	opts := &durable.StartNewOptions{InstanceID: "holiday-3"}
	if _, err := client.StartNew(ctx, "ApproveHoliday", nil, opts); err != nil {
		log.Fatal(err)
	}
	if err := hub.Run(ctx, "holiday-3"); err != nil { // the app
		log.Fatal(err)
	}

	// An event that comes before the app has taken the instance up is lost: WaitForStart waits for that.
	approval := map[string]string{"by": "Ana"}
	err = client.RaiseEvent(ctx, "holiday-3", "Approval", approval, &durable.RaiseEventOptions{WaitForStart: true})
	if err != nil {
		log.Fatal(err)
	}
	data, err := hub.ReceiveEvent(ctx, "holiday-3", "Approval") // the app
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(data))
	// Output: {"by":"Ana"}
}
