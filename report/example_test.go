package report_test

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/report"
)

// Draw in the terminal what an orchestration has done.
func ExampleTimeline() {
	hub, err := durabletest.New(&durabletest.Options{Clock: func() time.Time { return epoch }})
	if err != nil {
		log.Fatal(err)
	}
	client, ctx := hub.Client(), context.Background()
	opts := &durable.StartNewOptions{InstanceID: "order-17"}
	if _, err := client.StartNew(ctx, "ProcessOrder", nil, opts); err != nil {
		log.Fatal(err)
	}
	hub.Advance(2 * time.Second)
	if err := hub.Run(ctx, "order-17"); err != nil {
		log.Fatal(err)
	}
	hub.Advance(6 * time.Second)
	if err := client.RaiseEvent(ctx, "order-17", "Approval", true, nil); err != nil {
		log.Fatal(err)
	}
	if err := hub.Complete(ctx, "order-17", "sent"); err != nil {
		log.Fatal(err)
	}

	instance, err := report.Load(ctx, client, "order-17", nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := report.Timeline(os.Stdout, instance, &report.TimelineOptions{ASCII: true}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// ProcessOrder order-17                                            Completed in 8s
	// 2026-11-22 06:00:00.000 - 06:00:08.000 UTC
	//    id                      took  0          2s          4s          6s
	//       orchestrator x2                       |                                  |
	// *     queued                 2s  ::::::::::::
	// *     event Approval         6s             ...................................E
	//
	// * critical path: 6s waiting for events, 2s before the first turn
}
