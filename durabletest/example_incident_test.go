package durabletest_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

// RepairAll is the code under test: a runbook that rewinds all orders that have failed.
func RepairAll(ctx context.Context, client *durable.OrchestrationClient, reason string) (repaired []string, err error) {
	failed := &durable.InstanceFilter{Statuses: []durable.RuntimeStatus{durable.RuntimeStatusFailed}}
	for s, err := range client.QueryInstances(ctx, failed, nil) {
		if err != nil {
			return repaired, err
		}
		if _, err := client.Rewind(ctx, s.InstanceID, reason, nil); err != nil {
			return repaired, err
		}
		repaired = append(repaired, s.InstanceID)
	}
	return repaired, nil
}

// Make a test of an incident in production: testdata/incident.json was written by Hub.Dump from a hub that Open had
// opened. Here the bank was down and two orders failed; the host plays the app after it came back.
func Example_replayedIncident() {
	incident, err := os.ReadFile("testdata/incident.json")
	if err != nil {
		log.Fatal(err)
	}
	hub, err := durabletest.Load(bytes.NewReader(incident), &durabletest.Options{
		Clock: func() time.Time { return time.Date(2030, 5, 1, 12, 0, 0, 0, time.UTC) },
	})
	if err != nil {
		log.Fatal(err)
	}
	host, err := durabletest.NewHost(hub, durabletest.Scripts{"ProcessOrder": {
		durabletest.Activity{Name: "Reserve", Result: "reserved"},
		durabletest.Activity{Name: "Pay", Result: "paid"},
		durabletest.Complete{Output: "sent"},
	}}, nil)
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	repaired, err := RepairAll(ctx, hub.Client(), "the bank is back")
	if err != nil {
		log.Fatal(err)
	}
	if err := host.RunUntilIdle(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("repaired:", repaired)
	for s, err := range hub.Client().QueryInstances(ctx, nil, nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(s.InstanceID, s.RuntimeStatus, string(s.Output))
	}
	// Output:
	// repaired: [order-2 order-3]
	// order-1 Completed "sent"
	// order-2 Completed "sent"
	// order-3 Completed "sent"
}
