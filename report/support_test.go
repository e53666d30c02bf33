package report_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/hook"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/tap"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

// compare compares a picture with the golden file of that name.
func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run the test with -update to make it")
	require.Equal(t, string(want), string(got))
}

// recorded is a moment of a recording: a client of the hub as it was.
func recorded(t *testing.T, recording, dump string) *durable.OrchestrationClient {
	t.Helper()
	return tapped(t, recording, dump, func(_ context.Context, c tap.Call) error { return c.Err })
}

// tapped is recorded with a hook around its storage, and with some rows changed before.
func tapped(t *testing.T, recording, dump string, see tap.Hook, change ...func(*storage.Entity)) *durable.OrchestrationClient {
	t.Helper()
	r := golden.Load(t, recording)
	require.Contains(t, r.Dumps, dump)
	for _, rows := range r.Dumps[dump].Tables {
		for n := range rows {
			for _, c := range change {
				c(&rows[n])
			}
		}
	}
	account := memstore.New(nil).Account()
	require.NoError(t, r.Dumps[dump].LoadInto(t.Context(), account))
	account = tap.Wrap(account, see)
	client, err := hook.NewClient(account, r.Hub, taskhub.Options{BlobEndpoint: "http://127.0.0.1:10000/devstoreaccount1"})
	require.NoError(t, err)
	return client.(*durable.OrchestrationClient)
}

// load loads a recorded instance and its children.
func load(t *testing.T, recording, dump, id string) *report.Instance {
	t.Helper()
	i, err := report.Load(t.Context(), recorded(t, recording, dump), id, nil)
	require.NoError(t, err)
	return i
}

// later is a moment some time after the last event of an instance.
func later(i *report.Instance, d time.Duration) time.Time {
	last := i.Status.LastUpdatedTime
	for _, e := range i.History {
		if e.Timestamp.After(last) {
			last = e.Timestamp
		}
	}
	return last.Add(d)
}

func timeline(t *testing.T, i *report.Instance, opts report.TimelineOptions) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, report.Timeline(&out, i, &opts))
	return out.Bytes()
}

// shape is an instance worth looking at.
type shape struct {
	name                string
	recording, dump, id string
	// after is how long after the last event it is looked at.
	after time.Duration
}

var shapes = []shape{
	{"hello-sequence", "v2/hello-sequence", "completed", "hello-1", 0},
	{"fan-out", "v2/fan-out", "completed", "fan", 0},
	{"timer-fired", "v2/timers", "after", "timer-fires", 0},
	{"timer-cancelled", "v2/timers", "after", "timer-cancelled", 0},
	{"timer-pending", "v2/timers", "after", "timer-pending", 10 * time.Second},
	{"event", "v2/events", "after", "ev-1", 0},
	{"events", "v2/events", "after", "counter", 0},
	{"event-awaited", "v2/events", "after", "ev-buffered", 3 * time.Hour},
	{"retries-failed", "v2/rewind-after-retries", "failed", "rw-retry", 0},
	{"retries-rewound-by-reference", "v2/rewind-after-retries", "later", "rw-retry", 0},
	{"saga-rewound", "v2/rewind-causal", "completed", "c-SagaFails", 0},
	{"tree-failed", "v2/rewind-grandparent", "failed", "rw-g", 0},
	{"tree-rewound", "v2/rewind-grandparent", "later", "rw-g", 0},
	{"two-children", "v2/rewind-causal", "failed", "c-TwoChildrenFailUntilFixed", 0},
	{"detached", "v2/detached", "completed", "det", 0},
	{"suspended", "v2/suspend-resume", "suspended", "sus-1", time.Minute},
	{"resumed", "v2/suspend-resume", "completed", "sus-1", 0},
	{"terminated", "v2/terminate", "after", "term-running", 0},
	{"terminated-pending", "v2/terminate", "after", "term-pending", 0},
	{"pending", "v2/terminate", "pending", "term-pending", 40 * time.Second},
	{"lost-activity", "v2/unblock", "lost", "ub-lost", 49 * time.Hour},
	{"rescheduled", "v2/unblock", "found", "ub-lost", 0},
	{"continue-as-new", "v2/continue-as-new", "completed", "countdown", 0},
	{"entity-calls", "v2/entities", "used", "uses-1", 0},
	{"reset", "v2/reset", "again", "rs-completed", 0},
}
