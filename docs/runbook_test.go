package docs_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/operate"
)

// The functions here are what runbook.md shows, the tests run them on hubs that are broken in that way.

// recorded is a hub of a recording as it is found an hour later.
func recorded(t *testing.T, recording, dump string) *durable.OrchestrationClient {
	t.Helper()
	recordings := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	begin := time.Now()
	var passed atomic.Int64
	now := func() time.Time { return recordings.Add(time.Since(begin) + time.Duration(passed.Load())) }
	account := memstore.New(&memstore.Options{Clock: now}).Account()
	d := golden.Load(t, recording).Dumps[dump]
	require.NoError(t, d.LoadInto(t.Context(), account))
	passed.Store(int64(time.Hour))
	c, err := hook.NewClient(account, d.Hub, taskhub.Options{Now: now, BlobEndpoint: "http://127.0.0.1:10000/devstoreaccount1"})
	require.NoError(t, err)
	return c.(*durable.OrchestrationClient)
}

func inspect(ctx context.Context, client *durable.OrchestrationClient, id string) error {
	look, err := operate.Inspect(ctx, client, id, nil)
	if err != nil {
		return err
	}
	fmt.Println(look.RuntimeStatus, "waits for", look.WaitsFor)
	for _, w := range look.Warnings {
		fmt.Println("warning:", w.Text)
	}
	return nil
}

func TestRunbookLook(t *testing.T) {
	t.Parallel()
	client := recorded(t, "v2/unblock", "blocked")
	require.NoError(t, inspect(t.Context(), client, "ub-timer"))
	look, err := operate.Inspect(t.Context(), client, "ub-timer", nil)
	require.NoError(t, err)
	require.NotEmpty(t, look.WaitsFor)
	require.Len(t, look.Open, 1)
}

// A start whose message was never sent: the row is there, the queue is empty.
func TestRunbookPending(t *testing.T) {
	t.Parallel()
	hub := started(t, durable.RuntimeStatusPending)
	ctx, client, id := t.Context(), hub.Client(), "order-17"
	before := len(hub.Messages())
	status, started, err := client.StartOrGet(ctx, "ProcessOrder", id, nil, nil)
	require.NoError(t, err)
	require.False(t, started)
	require.Equal(t, durable.RuntimeStatusPending, status.RuntimeStatus)
	require.Len(t, hub.Messages(), before+1)
	hub.Complete(id, "done") // in spite of two starts
}

func TestRunbookRunning(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	moves := []struct {
		dump, id string
		move     func(client *durable.OrchestrationClient, id string, eventID int) (*operate.Move, error)
	}{
		{"blocked", "ub-timer", func(client *durable.OrchestrationClient, id string, eventID int) (*operate.Move, error) {
			move, err := operate.FireTimer(ctx, client, id, eventID, nil)
			return move, err
		}},
		{"blocked", "ub-complete", func(client *durable.OrchestrationClient, id string, eventID int) (*operate.Move, error) {
			move, err := operate.CompleteActivity(ctx, client, id, eventID, "done by hand", nil)
			return move, err
		}},
		{"blocked", "ub-fail", func(client *durable.OrchestrationClient, id string, eventID int) (*operate.Move, error) {
			move, err := operate.FailActivity(ctx, client, id, eventID, "gave up", nil)
			return move, err
		}},
		{"lost", "ub-lost", func(client *durable.OrchestrationClient, id string, eventID int) (*operate.Move, error) {
			move, err := operate.Reschedule(ctx, client, id, eventID, "its host died", nil)
			return move, err
		}},
	}
	for _, m := range moves {
		client := recorded(t, "v2/unblock", m.dump)
		look, err := operate.Inspect(ctx, client, m.id, nil)
		require.NoError(t, err)
		require.Len(t, look.Open, 1, m.id)
		done, err := m.move(client, m.id, look.Open[0].EventID)
		require.NoError(t, err, m.id)
		require.True(t, done.Done)
		client = recorded(t, "v2/unblock", "found")
		_, err = m.move(client, m.id, look.Open[0].EventID)
		require.ErrorIs(t, err, durable.ErrInvalidState, m.id)
	}
}

func rewindAll(ctx context.Context, client *durable.OrchestrationClient) error {
	filter := &durable.InstanceFilter{Names: []string{"ProcessOrder"}, FailedWith: "out of paper"}
	for status, err := range client.QueryInstances(ctx, filter, nil) {
		if err != nil {
			return err
		}
		plan, err := client.Rewind(ctx, status.InstanceID, "there is paper again", nil)
		switch {
		case errors.Is(err, durable.ErrRewindUnsafe):
			fmt.Println(plan) // its warnings say why
		case err != nil:
			return err
		}
	}
	return nil
}

func TestRunbookFailed(t *testing.T) {
	t.Parallel()
	hub := started(t, durable.RuntimeStatusFailed)
	require.NoError(t, rewindAll(t.Context(), hub.Client()))
	status, err := hub.Client().GetStatus(t.Context(), "order-17", nil)
	require.NoError(t, err)
	require.Equal(t, durable.RuntimeStatusPending, status.RuntimeStatus)
}

func checkUp(ctx context.Context, client *durable.OrchestrationClient) error {
	for finding, err := range operate.Diagnose(ctx, client, nil) {
		if err != nil {
			return err
		}
		fmt.Println(finding.Severity, finding.Kind, finding.InstanceID, finding.Summary)
		record, err := operate.Repair(ctx, client, finding, nil) // a dry run
		if err == nil {
			fmt.Println("repair:", record.Actions)
		}
	}
	return nil
}

// A check-up takes two looks some time apart; in the bubble that takes none.
func TestRunbookCheckUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := recorded(t, "v2/broken-hub", "broken")
		found := 0
		for _, err := range operate.Diagnose(t.Context(), client, nil) {
			require.NoError(t, err)
			found++
		}
		require.NotZero(t, found)
		require.NoError(t, checkUp(t.Context(), client))
	})
}
