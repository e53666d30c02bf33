package operate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/operate"
)

// sleeper returns a hub in which the instance "order-1" waits for an event or, for a day, a timer.
func sleeper() (*durabletest.Hub, *durabletest.Host) {
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	hub, err := durabletest.New(&durabletest.Options{Clock: func() time.Time { return start }})
	if err != nil {
		log.Fatal(err)
	}
	host, err := durabletest.NewHost(hub, durabletest.Scripts{
		"Approval": {durabletest.Timer{Duration: 24 * time.Hour}, durabletest.Complete{Output: "timed out"}},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	opts := &durable.StartNewOptions{InstanceID: "order-1"}
	if _, err := hub.Client().StartNew(context.Background(), "Approval", nil, opts); err != nil {
		log.Fatal(err)
	}
	if err := host.RunUntilIdle(context.Background()); err != nil {
		log.Fatal(err)
	}
	return hub, host
}

func ExampleInspect() {
	hub, _ := sleeper()
	i, err := operate.Inspect(context.Background(), hub.Client(), "order-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(i.Name, "is", i.RuntimeStatus, "and waits for:")
	for _, w := range i.WaitsFor {
		fmt.Println("-", w)
	}
	// Output:
	// Approval is Running and waits for:
	// - a timer (event ID 0) that fires at 2026-11-23T12:00:00Z
}

func ExampleFireTimer() {
	ctx := context.Background()
	hub, host := sleeper()
	client := hub.Client()
	if _, err := operate.FireTimer(ctx, client, "order-1", 0, nil); err != nil {
		log.Fatal(err)
	}
	if err := host.RunUntilIdle(ctx); err != nil {
		log.Fatal(err)
	}
	status, err := client.GetStatus(ctx, "order-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(status.RuntimeStatus, string(status.Output))
	// Output:
	// Completed "timed out"
}

func ExampleDiagnose() {
	hub, _ := sleeper()
	hub.Advance(48 * time.Hour) // there is a message, but no host
	for f, err := range operate.Diagnose(context.Background(), hub.Client(), nil) {
		if err != nil {
			log.Fatal(err)
		}
		line, err := json.Marshal(f)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(string(line))
	}
	fmt.Println("healthy")
	// Output:
	// healthy
}
