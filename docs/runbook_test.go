package docs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/operate"
	"github.com/go-durable/durable/report"
)

// The functions here are what runbook.md shows, the tests run them on hubs that are broken in that way.

// recorded is a hub of a recording as it is found an hour later.
func recorded(t *testing.T, recording, dump string) (*durable.OrchestrationClient, storage.Account) {
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
	return c.(*durable.OrchestrationClient), account
}

func inspect(ctx context.Context, client *durable.OrchestrationClient, id string) error {
	look, err := operate.Inspect(ctx, client, id, nil)
	if err != nil {
		return err
	}
	fmt.Println(look.Status, "waits for", look.WaitsFor, "warnings", look.Warnings)
	return nil
}

func draw(ctx context.Context, client *durable.OrchestrationClient, id string, file io.Writer) error {
	instance, err := report.Load(ctx, client, id, nil)
	if err != nil {
		return err
	}
	return report.HTML(file, instance, nil)
}

func TestRunbookLook(t *testing.T) {
	t.Parallel()
	client, _ := recorded(t, "v2/unblock", "blocked")
	require.NoError(t, inspect(t.Context(), client, "ub-timer"))
	look, err := operate.Inspect(t.Context(), client, "ub-timer", nil)
	require.NoError(t, err)
	require.NotEmpty(t, look.WaitsFor)
	require.Len(t, look.Open, 1)
	var page bytes.Buffer
	require.NoError(t, draw(t.Context(), client, "ub-timer", &page))
	require.Contains(t, page.String(), "<svg")
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
		client, _ := recorded(t, "v2/unblock", m.dump)
		look, err := operate.Inspect(ctx, client, m.id, nil)
		require.NoError(t, err)
		require.Len(t, look.Open, 1, m.id)
		done, err := m.move(client, m.id, look.Open[0].EventID)
		require.NoError(t, err, m.id)
		require.True(t, done.Done)
		client, _ = recorded(t, "v2/unblock", "found")
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

func quarantineAll(ctx context.Context, client *durable.OrchestrationClient) error {
	for message, err := range operate.ListMessages(ctx, client, &operate.ListMessagesOptions{PoisonOnly: true}) {
		if err != nil {
			return err
		}
		fmt.Println(message.Queue, message.ID, message.Poison)
		if _, err := operate.QuarantineMessage(ctx, client, message.Queue, message.ID, nil); err != nil {
			return err
		}
	}
	return nil
}

func TestRunbookPoison(t *testing.T) {
	t.Parallel()
	client, account := recorded(t, "v2/hello-sequence", "completed")
	queue := strings.ToLower(client.TaskHub()) + "-control-01"
	require.NoError(t, account.Queues.Put(t.Context(), queue, "no message", 0))
	count := func(opts operate.ListMessagesOptions) int {
		n := 0
		for _, err := range operate.ListMessages(t.Context(), client, &opts) {
			require.NoError(t, err)
			n++
		}
		return n
	}
	require.Equal(t, 1, count(operate.ListMessagesOptions{PoisonOnly: true}))
	require.NoError(t, quarantineAll(t.Context(), client))
	require.Zero(t, count(operate.ListMessagesOptions{PoisonOnly: true}))
	require.Equal(t, 1, count(operate.ListMessagesOptions{Quarantined: true}))
}

func repairPartitions(ctx context.Context, client *durable.OrchestrationClient) error {
	kinds := []operate.FindingKind{operate.KindPartitionCount, operate.KindMessagesUnread}
	for finding, err := range operate.Diagnose(ctx, client, &operate.DiagnoseOptions{Kinds: kinds}) {
		if err != nil {
			return err
		}
		record, err := operate.Repair(ctx, client, finding, &operate.RepairOptions{Apply: true, PartitionCount: 4})
		if err != nil {
			return err
		}
		fmt.Println(record.Outcome, record.Actions)
	}
	return nil
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
		client, _ := recorded(t, "v2/broken-hub", "broken")
		found := 0
		for _, err := range operate.Diagnose(t.Context(), client, nil) {
			require.NoError(t, err)
			found++
		}
		require.NotZero(t, found)
		require.NoError(t, checkUp(t.Context(), client))
	})
}

func TestRunbookPartitions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, account := recorded(t, "v2/hello-sequence", "completed")
		queue := strings.ToLower(client.TaskHub()) + "-control-07"
		require.NoError(t, account.Queues.CreateQueue(t.Context(), queue))
		kinds := []operate.FindingKind{operate.KindPartitionCount}
		found := func() (n int) {
			for _, err := range operate.Diagnose(t.Context(), client, &operate.DiagnoseOptions{Kinds: kinds}) {
				require.NoError(t, err)
				n++
			}
			return n
		}
		require.Equal(t, 1, found())
		require.NoError(t, repairPartitions(t.Context(), client))
		require.Zero(t, found())
		info, err := client.TaskHubInfo(t.Context(), nil)
		require.NoError(t, err)
		require.Equal(t, 4, info.PartitionCount)
	})
}
