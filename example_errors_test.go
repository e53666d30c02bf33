package durable_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

// Tell errors apart with errors.Is, and get at what is known with errors.As.
func ExampleError() {
	hub, err := durabletest.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	client, ctx := hub.Client(), context.Background()

	_, err = client.GetStatus(ctx, "order-1", nil)
	fmt.Println(errors.Is(err, durable.ErrInstanceNotFound))

	opts := &durable.StartNewOptions{InstanceID: "order-1"}
	if _, err := client.StartNew(ctx, "ProcessOrder", nil, opts); err != nil {
		log.Fatal(err)
	}
	if err := hub.Fail(ctx, "order-1", "out of tea"); err != nil { // the app
		log.Fatal(err)
	}
	err = client.RaiseEvent(ctx, "order-1", "Paid", nil, nil)
	var e *durable.Error
	if errors.Is(err, durable.ErrInvalidState) && errors.As(err, &e) {
		fmt.Println(e.Op, e.InstanceID, e.Status)
	}
	fmt.Println(err)
	// Output:
	// true
	// RaiseEvent order-1 Failed
	// durable: RaiseEvent "order-1" (hub TestHub): instance is Failed: invalid state
}
