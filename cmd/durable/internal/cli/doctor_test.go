package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/cmd/durable/internal/cli"
	"github.com/go-durable/durable/internal/faultstore"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/operate"
)

// lostQueue is the only control queue of a hub of lost starts.
const lostQueue = "hub-control-00"

// lostStarts returns a hub in which instances wait for starts that were lost two days ago.
func lostStarts(t *testing.T, n int) (storage.Account, *faultstore.Store, *durable.OrchestrationClient) {
	t.Helper()
	account := memstore.New(&memstore.Options{Clock: func() time.Time { return scriptTime }}).Account()
	client, err := newClient(account, "Hub")
	require.NoError(t, err)
	require.NoError(t, client.CreateTaskHub(t.Context(), &durable.CreateTaskHubOptions{PartitionCount: 1}))
	for i := range n {
		_, err := client.StartNew(t.Context(), "F", nil, &durable.StartNewOptions{InstanceID: fmt.Sprintf("id-%02d", i)})
		require.NoError(t, err)
	}
	require.NoError(t, drain(t.Context(), account, lostQueue))
	faults := faultstore.Wrap(account, nil)
	client, err = newClientAt(faults.Account(), "Hub", scriptTime.Add(48*time.Hour))
	require.NoError(t, err)
	return account, faults, client
}

// drain does what a worker does to messages, or an operator who deletes them.
func drain(ctx context.Context, account storage.Account, queue string) error {
	for {
		taken, err := account.Queues.Dequeue(ctx, queue, 32, time.Minute)
		if err != nil || len(taken) == 0 {
			return err
		}
		for _, m := range taken {
			if err := account.Queues.Remove(ctx, queue, m); err != nil {
				return err
			}
		}
	}
}

// runIn is runOn in a folder of its own.
func runIn(ctx context.Context, dir string, client *durable.OrchestrationClient, args ...string) result {
	var stdout, stderr bytes.Buffer
	p := &cli.Process{
		Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Dir: dir,
		Env:     []string{"AzureWebJobsStorage=AccountName=contoso;AccountKey=" + secretKey},
		Connect: func(string) (*durable.OrchestrationClient, error) { return client, nil },
	}
	code := p.Run(ctx, args...)
	return result{code, stdout.String(), stderr.String()}
}

// TestRepairsPutOff: with more messages in a queue than can be seen, nobody knows whether a start is among them. When
// workers have been at the queue, the rest is repaired.
func TestRepairsPutOff(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		worker bool
		code   int
		want   string
	}{
		"and repaired":      {true, 0, "Repairs: 40 done."},
		"for want of hosts": {false, 6, "7 findings are left; try again later"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				account, _, client := lostStarts(t, 40)
				if test.worker { // between the first round, after 30 s, and the second one
					time.AfterFunc(45*time.Second, func() {
						if err := drain(t.Context(), account, lostQueue); err != nil {
							t.Error(err)
						}
					})
				}
				r := runIn(t.Context(), t.TempDir(), client, "doctor", "--repair", "start-not-sent", "--concurrency", "1", "--yes")
				require.Equal(t, test.code, r.code, r.stderr)
				require.Contains(t, r.stderr, "7 put off, since other messages are in the queues; again in 30s\n")
				require.Contains(t, r.stderr, test.want)
				require.Equal(t, 40, strings.Count(r.stdout, "start-not-sent  id-"), "each is told once")
			})
		})
	}
}

// TestRepairInterrupted: what has begun is finished, and has its record.
func TestRepairInterrupted(t *testing.T) {
	t.Parallel()
	_, faults, client := lostStarts(t, 9)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	faults.SetHook(func(_ context.Context, c faultstore.Call) error {
		if c.Op == "Put" && c.Phase == faultstore.Before {
			cancel() // Ctrl-C
		}
		return nil
	})
	dir := t.TempDir()
	args := []string{"doctor", "--repair", "start-not-sent", "--interval", "1ms", "--concurrency", "1", "--record", "r.jsonl", "--yes"}
	r := runIn(ctx, dir, client, args...)
	require.Equal(t, 6, r.code)
	require.Contains(t, r.stderr, "interrupted; the same command goes on with 8 findings")
	require.Equal(t, 1, strings.Count(r.stdout, "done  "))
	require.Equal(t, 1, records(t, dir))
	r = runIn(t.Context(), dir, client, args...)
	require.Zero(t, r.code, r.stderr)
	require.Contains(t, r.stderr, "Repairs: 8 done.")
	require.Equal(t, 9, records(t, dir), "the file is gone on with")
}

func records(t *testing.T, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "r.jsonl"))
	require.NoError(t, err)
	return strings.Count(string(text), "\n")
}

// TestDoctorInterrupted: what was found until then is shown.
func TestDoctorInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, _, client := lostStarts(t, 2)
		for _, args := range [][]string{{"doctor"}, {"doctor", "--repair", "start-not-sent", "--yes"}} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			time.AfterFunc(20*time.Second, cancel) // before the second look
			r := runIn(ctx, t.TempDir(), client, args...)
			require.Equal(t, 6, r.code)
			require.Contains(t, r.stderr, "interrupted after 0 findings; not all of the hub was checked")
			require.Empty(t, r.stdout)
		}
	})
}

// TestRecordLost: a repair whose record cannot be written is the last one, and is named.
func TestRecordLost(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("there is no /dev/full")
	}
	_, faults, client := lostStarts(t, 3)
	r := runIn(t.Context(), t.TempDir(), client, "doctor", "--repair", "start-not-sent", "--interval", "1ms", "--concurrency", "1",
		"--record", "/dev/full", "--yes")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "the repair of start-not-sent, id-00, was done, and there is no record of it: ")
	require.Equal(t, 1, faults.Count(faultstore.Op("Put")))
}

// TestRecordIsPrivate: it holds inputs and outputs.
func TestRecordIsPrivate(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("permissions are otherwise there")
	}
	_, _, client := lostStarts(t, 1)
	dir := t.TempDir()
	r := runIn(t.Context(), dir, client, "doctor", "--repair", "start-not-sent", "--interval", "1ms", "--record", "r.jsonl", "--yes")
	require.Zero(t, r.code, r.stderr)
	info, err := os.Stat(filepath.Join(dir, "r.jsonl"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

// TestBatches: what is about the hub comes first and by itself, one after the other, and so does what is about one instance.
func TestBatches(t *testing.T) {
	t.Parallel()
	finding := func(id, queue string) operate.Finding { return operate.Finding{InstanceID: id, Queue: queue} }
	a, b, c, hub, queue := finding("a", ""), finding("b", ""), finding("c", ""), finding("", ""), finding("a", "q")
	require.Equal(t, [][][]operate.Finding{{{hub, queue}}, {{a, a}, {b}}, {{c}}}, cli.Batches([]operate.Finding{a, hub, b, a, queue, c}, 2))
	require.Equal(t, [][][]operate.Finding{{{a}}}, cli.Batches([]operate.Finding{a}, 16))
}

// TestDoctorOfAPart: for some instances only their part of the hub is read, and an ID is no prefix.
func TestDoctorOfAPart(t *testing.T) {
	t.Parallel()
	_, faults, client := lostStarts(t, 2500)
	pages := func(c faultstore.Call) bool { return c.Op == "Query" && c.Name == "HubInstances" }
	for args, want := range map[string]struct{ found, pages int }{
		"":                  {2500, 4}, // of which one tells whether there is a host
		"--id id-42":        {1, 1},
		"--id-prefix id-42": {11, 1},
		"--id id-4242":      {0, 1},
	} {
		faults.Reset()
		r := runOn(t.Context(), t, client, append([]string{"doctor", "--interval", "1ms", "--output", "jsonl"}, strings.Fields(args)...)...)
		require.Equal(t, want.found, strings.Count(r.stdout, `"kind":"start-not-sent"`), "%s: %s", args, r.stderr)
		require.Equal(t, want.pages, faults.Count(pages), args)
	}
}

// TestAbout: what is about other instances or the whole hub is left out, but not that a check could not be complete.
func TestAbout(t *testing.T) {
	t.Parallel()
	incomplete := &operate.Finding{Kind: operate.KindIncomplete}
	unowned := &operate.Finding{Kind: operate.KindPartitionUnowned, Queue: lostQueue}
	lost := &operate.Finding{Kind: operate.KindActivityLost, InstanceID: "order-1"}
	for _, test := range []struct {
		id, prefix string
		shown      []*operate.Finding
	}{
		{"", "", []*operate.Finding{incomplete, unowned, lost}},
		{"order-1", "", []*operate.Finding{incomplete, lost}},
		{"order", "", []*operate.Finding{incomplete}},
		{"", "order", []*operate.Finding{incomplete, lost}},
		{"", "order-11", []*operate.Finding{incomplete}},
	} {
		for _, found := range []*operate.Finding{incomplete, unowned, lost} {
			require.Equal(t, slices.Contains(test.shown, found), cli.About(test.id, test.prefix, found), "%v: %v", test, found)
		}
	}
}

// TestNothingNamed: a variable without content does not mean all instances.
func TestNothingNamed(t *testing.T) {
	t.Parallel()
	_, faults, client := lostStarts(t, 1)
	for _, args := range [][]string{
		{"doctor", "--id", "", "--repair", "start-not-sent", "--yes"},
		{"doctor", "--id-prefix", "", "--repair", "start-not-sent", "--yes"},
		{"doctor", "--repair", "start-not-sent", "--record", "", "--yes"},
		{"undo", "--record", "r.jsonl", "--id", "", "--yes"},
		{"undo", "--record", "", "--yes"},
		{"reschedule", "id-00", "--event-id", "0", "--execution-id", "", "--yes"},
	} {
		r := runOn(t.Context(), t, client, args...)
		require.Equal(t, 2, r.code)
		require.Contains(t, r.stderr, "flag: it is empty")
	}
	require.Zero(t, faults.Count(nil))
}

// TestRepairPoisonByItsMeasure: a message is repaired by the measure by which it was found.
func TestRepairPoisonByItsMeasure(t *testing.T) {
	t.Parallel()
	account, _, client := lostStarts(t, 0)
	_, err := client.StartNew(t.Context(), "F", nil, &durable.StartNewOptions{InstanceID: "often"})
	require.NoError(t, err)
	for range 4 {
		taken, err := account.Queues.Dequeue(t.Context(), lostQueue, 1, time.Minute)
		require.NoError(t, err)
		require.NoError(t, account.Queues.Release(t.Context(), lostQueue, taken[0], 0))
	}
	args := []string{"doctor", "--interval", "1ms", "--repair", "poison-message", "--record", "r.jsonl", "--yes"}
	r := runIn(t.Context(), t.TempDir(), client, args...)
	require.Contains(t, r.stderr, "Nothing is wrong")
	r = runIn(t.Context(), t.TempDir(), client, append(args, "--max-dequeue-count", "3")...)
	require.Zero(t, r.code, r.stderr)
	require.Contains(t, r.stderr, "Repairs: 1 done.")
}

// TestDoctorUndecided: a hub of lost starts does not look healthy because its queue is too full to be seen through.
func TestDoctorUndecided(t *testing.T) {
	t.Parallel()
	account, _, client := lostStarts(t, 9)
	for range 40 {
		require.NoError(t, account.Queues.Put(t.Context(), lostQueue, "hidden", time.Hour))
	}
	r := runOn(t.Context(), t, client, "doctor", "--interval", "1ms")
	require.Zero(t, r.code, r.stderr)
	require.Contains(t, r.stderr, "Nothing is wrong, as far as can be seen.\nOf 9 suspects nobody can tell: ")
	require.NoError(t, account.Queues.Put(t.Context(), lostQueue, "rubbish", 0))
	r = runOn(t.Context(), t, client, "doctor", "--interval", "1ms")
	require.Equal(t, 6, r.code, r.stderr)
	require.Contains(t, r.stderr, "Of 9 suspects nobody can tell: ")
}

// TestDoctorKnowsAllKinds: they are in the help, and --repair takes those that package operate can repair.
func TestDoctorKnowsAllKinds(t *testing.T) {
	t.Parallel()
	_, _, client := lostStarts(t, 0)
	help := runOn(t.Context(), t, client, "doctor", "--help").stdout
	for _, kind := range operate.Kinds() {
		require.Regexp(t, `(?m)^  [* ] `+string(kind)+` +\S+ \S+`, help)
		_, err := operate.Repair(t.Context(), client, operate.Finding{Kind: kind}, nil)
		can := err == nil || !strings.Contains(err.Error(), "nothing can be done here")
		args := []string{"doctor", "--interval", "1ms", "--dry-run", "--repair", string(kind)}
		if kind == operate.KindPartitionCount {
			args = append(args, "--partition-count", "1")
		}
		r := runOn(t.Context(), t, client, args...)
		require.Equal(t, can, r.code == 0, "%s: %s", kind, r.stderr)
		require.Equal(t, can, strings.Contains(help, "* "+string(kind)+" "))
	}
}

// TestDoctorCompletes the kinds behind its flags.
func TestDoctorCompletes(t *testing.T) {
	t.Parallel()
	_, _, client := lostStarts(t, 0)
	kinds := strings.Split(runOn(t.Context(), t, client, "__complete", "doctor", "--kind", "").stdout, "\n")
	require.True(t, slices.Contains(kinds, "partition-unowned"))
	kinds = strings.Split(runOn(t.Context(), t, client, "__complete", "doctor", "--repair", "").stdout, "\n")
	require.True(t, slices.Contains(kinds, "activity-lost"))
	require.False(t, slices.Contains(kinds, "partition-unowned"))
	kinds = strings.Split(runOn(t.Context(), t, client, "__complete", "doctor", "--kind", "timer-lost,act").stdout, "\n")
	require.True(t, slices.Contains(kinds, "timer-lost,activity-lost"), "%q", kinds)
}
