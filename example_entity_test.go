package durable_test

import (
	"context"
	"fmt"
	"log"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

// Signal an entity, and look at it. A signal takes effect when the app handles it, which no one does here.
func ExampleOrchestrationClient_SignalEntity() {
	hub, err := durabletest.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	client, ctx := hub.Client(), context.Background()

	counter := durable.EntityID{Name: "Counter", Key: "visits"}
	if err := client.SignalEntity(ctx, counter, "add", 1, nil); err != nil {
		log.Fatal(err)
	}

	entity, err := client.ReadEntityState(ctx, counter, nil)
	if err != nil {
		log.Fatal(err)
	}
	if !entity.Exists {
		fmt.Println(counter, "does not exist yet")
		return
	}
	var visits int
	if err := entity.DecodeState(&visits); err != nil {
		log.Fatal(err)
	}
	fmt.Println(counter, "counts", visits)
	// Output: @counter@visits does not exist yet
}

// See what cleaning the entities of a hub would do.
func ExampleOrchestrationClient_CleanEntityStorage() {
	hub, err := durabletest.New(nil)
	if err != nil {
		log.Fatal(err)
	}

	result, err := hub.Client().CleanEntityStorage(context.Background(), &durable.CleanEntityStorageOptions{
		RemoveEmptyEntities: true, ReleaseOrphanedLocks: true, DryRun: true,
		OnCleanup: func(c durable.EntityCleanup) {
			if c.Removed {
				fmt.Println("would remove", c.ID)
			} else {
				fmt.Println("would release", c.ID, "from", c.LockedBy)
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.EmptyEntitiesRemoved, "empty entities,", result.OrphanedLocksReleased, "orphaned locks")
	// Output: 0 empty entities, 0 orphaned locks
}

func ExampleParseEntityID() {
	id, err := durable.ParseEntityID("@Counter@visits")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(id.Name, id.Key)
	// Output: counter visits
}
