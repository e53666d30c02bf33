package cli_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/storage"
)

// goneAfter lets a storage go away for good when n messages were sent and another one is to be.
func goneAfter(n int) faultstore.Hook {
	sent, gone := 0, false
	return func(_ context.Context, c faultstore.Call) error {
		if c.Op == "Put" && c.Phase == faultstore.Before {
			gone = gone || sent == n
			sent++
		}
		if gone {
			return errors.New("connection refused")
		}
		return nil
	}
}

// failPuts lets the sending of some messages fail.
func failPuts(err error, which func(n int) bool) faultstore.Hook {
	n := 0
	return func(_ context.Context, c faultstore.Call) error {
		if c.Op == "Put" && c.Phase == faultstore.Before {
			if n++; which(n) {
				return err
			}
		}
		return nil
	}
}

// TestRepairsUntilOutage: one failure does not keep the others from being repaired, but nothing is tried at a hub that is
// out of reach. What was done is told and on record, and a repeat does the rest.
func TestRepairsUntilOutage(t *testing.T) {
	t.Parallel()
	second := func(n int) bool { return n == 2 }
	for name, test := range map[string]struct {
		hook         faultstore.Hook
		done, failed int
		want         string
	}{
		"one failure": {failPuts(errors.New("server busy"), second), 8, 1, "1 finding is left; the first failure: Repair \"id-01\""},
		"uncertain":   {failPuts(storage.ErrUncertain, second), 8, 1, "1 finding is left; the first failure: Repair \"id-01\""},
		"out of reach": {
			goneAfter(3), 3, 1, "6 findings are left, 5 of them not tried; the same command goes on when this is mended: the task hub is out of reach: TaskHubInfo",
		},
		"no permission": {
			failPuts(storage.ErrDenied, func(n int) bool { return n > 1 }), 1, 1,
			"8 findings are left, 7 of them not tried; the same command goes on when this is mended: the task hub is out of reach: Repair \"id-01\"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, faults, client := lostStarts(t, 9)
			args := []string{
				"doctor", "--repair", "start-not-sent", "--interval", "1ms", "--concurrency", "1", "--record", "r.jsonl", "--yes",
			}
			dir := t.TempDir()
			faults.SetHook(test.hook)
			r := runIn(t.Context(), dir, client, args...)
			require.Equal(t, 6, r.code)
			require.Equal(t, test.done, strings.Count(r.stdout, "done  "))
			require.Equal(t, test.failed, strings.Count(r.stdout, "failed  "))
			require.Contains(t, r.stderr, fmt.Sprintf("Repairs: %d done, %d failed.\nThe records are in r.jsonl.\n", test.done, test.failed))
			require.Contains(t, r.stderr, test.want)
			require.Equal(t, test.done+test.failed, records(t, dir))

			faults.SetHook(nil)
			r = runIn(t.Context(), dir, client, args...)
			require.Zero(t, r.code, r.stderr)
			require.Contains(t, r.stderr, fmt.Sprintf("Repairs: %d done.\n", 9-test.done))
		})
	}
}

// TestPlanUntilOutage: neither does a plan go on.
func TestPlanUntilOutage(t *testing.T) {
	t.Parallel()
	_, faults, client := lostStarts(t, 9)
	require.Equal(t, 6, runOn(t.Context(), t, client, "doctor", "--interval", "1ms").code)
	checkup := faults.Count(faultstore.Op("Get")) // the plan gets rows as well
	faults.Reset()
	faults.SetHook(func(context.Context, faultstore.Call) error {
		if faults.Count(faultstore.Op("Get")) > checkup+2 {
			return errors.New("connection refused")
		}
		return nil
	})
	r := runOn(t.Context(), t, client, "doctor", "--repair", "start-not-sent", "--interval", "1ms", "--concurrency", "1", "--dry-run")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "nothing was changed: the task hub is out of reach: TaskHubInfo")
	require.Equal(t, 1, strings.Count(r.stdout, "  cannot  "), r.stdout)
}

// TestOthersUntilOutage: nor do the other commands that do one thing after the other.
func TestOthersUntilOutage(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"undo --record r.jsonl --yes":                "4 repairs left; the same command goes on",
		"messages restore --all --yes":               "4 messages left; the same command goes on",
		"start --function-name F --count 5":          "ended after 1 instance; with --id, the same command could start the rest",
		"start --function-name F --count 5 --id new": "the same command starts the rest",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			account, faults, client := lostStarts(t, 0)
			for i := range 5 {
				require.NoError(t, account.Queues.Put(t.Context(), lostQueue, fmt.Sprint("rubbish ", i), 0))
			}
			dir := t.TempDir()
			r := runIn(t.Context(), dir, client, "doctor", "--repair", "poison-message", "--interval", "1ms", "--record", "r.jsonl", "--yes")
			require.Zero(t, r.code, r.stderr)

			line := strings.Fields(args)
			if line[0] == "start" {
				line = append(line, "--concurrency", "1")
			}
			for round, code := range []int{6, 1} {
				faults.SetHook(goneAfter(1 - round))
				r = runIn(t.Context(), dir, client, line...)
				require.Equal(t, code, r.code, r.stderr)
				require.Contains(t, r.stderr, "the task hub is out of reach: TaskHubInfo")
				if round == 0 {
					require.Contains(t, r.stderr, want)
				}
			}
		})
	}
}
