package docs_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/durabletest"
)

// OrderService is the service that the README tests.
type OrderService struct{ client *durable.OrchestrationClient }

func orderID(number int) string { return fmt.Sprintf("order-%d", number) }

func (s OrderService) Place(ctx context.Context, number int, item string) error {
	_, err := s.client.StartNew(ctx, "ProcessOrder", item, &durable.StartNewOptions{InstanceID: orderID(number)})
	return err
}

func (s OrderService) Pay(ctx context.Context, number int) error {
	return s.client.RaiseEvent(ctx, orderID(number), "Paid", nil, nil)
}

func TestOrderIsSent(t *testing.T) {
	t.Parallel()
	hub := durabletest.NewHub(t, nil)
	app := hub.NewHost(durabletest.Scripts{"ProcessOrder": {
		durabletest.Activity{Name: "Reserve", Result: "reserved"},
		durabletest.WaitForEvent{Name: "Paid", Timeout: 24 * time.Hour},
		durabletest.Complete{Output: "sent"},
	}}, nil)
	orders := OrderService{hub.Client()} // the code under test

	require.NoError(t, orders.Place(t.Context(), 1, "tea"))
	hub.RequireStarted("order-1", "ProcessOrder", "tea")
	app.RunUntilIdle()
	require.NoError(t, orders.Pay(t.Context(), 1))
	app.Advance(time.Minute)
	hub.RequireStatus("order-1", durable.RuntimeStatusCompleted)
}

// The complete program in the README is one.
func TestReadmeProgram(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "main.go")
	program := goBlock.FindStringSubmatch(read(t, readme))
	require.Contains(t, program[1], "package main")
	require.NoError(t, os.WriteFile(file, []byte(program[1]), 0o600))
	out, err := exec.CommandContext(t.Context(), "go", "vet", file).CombinedOutput()
	require.NoError(t, err, "%s", out)
}
