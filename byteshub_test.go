package durable_test

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/memstore"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

// hostResources are what hosts need, and make themselves: which ones depends on the kind of host, and a wrong one
// misleads it. The .NET client makes those of the host that its settings are for.
var hostResources = []string{
	"blob /gclientonly-applease", "blob /gclientonly-applease/gclientonly-appleaseinfo", "blob /gclientonly-leases",
	"blob /gclientonly-leases/taskhub.json",
	"blob /gclientonly-leases/intent/gclientonly-control-00", "blob /gclientonly-leases/ownership/gclientonly-control-00",
	"blob /gclientonly-leases/intent/gclientonly-control-01", "blob /gclientonly-leases/ownership/gclientonly-control-01",
	"blob /gclientonly-leases/intent/gclientonly-control-02", "blob /gclientonly-leases/ownership/gclientonly-control-02",
	"blob /gclientonly-leases/intent/gclientonly-control-03", "blob /gclientonly-leases/ownership/gclientonly-control-03",
}

// TestHubCreationAsRecorded: the .NET client makes a whole hub for a mere look at an instance that does not exist. Ours
// makes one only when it is told to, and then only what every kind of host has.
func TestHubCreationAsRecorded(t *testing.T) {
	t.Parallel()
	r := golden.Load(t, "v2/client-only")
	require.Equal(t, []string{"nobody"}, r.Steps[0].Args)
	theirs := recordedCreations(t, &r.Steps[0])
	require.Subset(t, theirs, hostResources)

	account := memstore.New(nil).Account()
	c := clientOn(t, account, r.Hub, taskhub.Options{})
	_, err := c.GetStatus(t.Context(), "nobody", nil)
	require.ErrorIs(t, err, durable.ErrTaskHubNotFound)
	require.Empty(t, creations(t, account))

	require.NoError(t, c.CreateTaskHub(t.Context(), &durable.CreateTaskHubOptions{PartitionCount: r.Partitions}))
	require.ElementsMatch(t, theirs, append(creations(t, account), hostResources...))
}

// recordedCreations returns what a step made: tables, queues, containers and blobs.
func recordedCreations(t *testing.T, s *golden.Step) []string {
	t.Helper()
	var made []string
	for i := range s.Requests {
		r := &s.Requests[i]
		if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Status/100 != 2 {
			continue
		}
		u, err := url.Parse(r.URL)
		require.NoError(t, err)
		_, path, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
		switch {
		case r.Service != "table":
			made = append(made, r.Service+" /"+path)
		case strings.HasPrefix(path, "Tables"):
			var body struct{ TableName string }
			require.NoError(t, json.Unmarshal(r.Body, &body))
			made = append(made, "table /"+body.TableName)
		default:
			require.Fail(t, "a write", "%s %s", r.Method, r.URL)
		}
	}
	return made
}

// creations returns the names of all there is in an account.
func creations(t *testing.T, a storage.Account) []string {
	t.Helper()
	var made []string
	add := func(service string, names []string, err error) {
		require.NoError(t, err)
		for _, name := range names {
			made = append(made, service+" /"+name)
		}
	}
	tables, err := a.Tables.ListTables(t.Context(), "")
	add("table", tables, err)
	queues, err := a.Queues.ListQueues(t.Context(), "")
	add("queue", queues, err)
	containers, err := a.Blobs.ListContainers(t.Context(), "")
	add("blob", containers, err)
	return made
}

// TestReplacedInstancesAsRecorded: the host of the recording was gone when instances were started again, so that the
// rows and the messages still lay as the .NET client wrote them. Ours are the same.
func TestReplacedInstancesAsRecorded(t *testing.T) {
	t.Parallel()
	r := golden.Load(t, "v2/duplicates")
	p := newReplay(t, r.Hub)
	var ours []act
	for i := range r.Steps {
		if s := &r.Steps[i]; s.Client != "" {
			p.prepare(t, s)
			p.log.take()
			p.requireSameOutcome(t, p.do(t.Context()))
			ours = append(ours, slices.DeleteFunc(p.log.take(), func(a act) bool { return !isMessage(a) || ranAtOnce(s, p) })...)
		}
	}
	theirs := visibleMessages(t, r.Dumps["after"])
	require.Len(t, theirs, 4)
	require.Len(t, ours, 4)
	for i := range theirs {
		require.Equal(t, golden.NormalizeText(theirs[i].wrote), golden.NormalizeText(ours[i].wrote))
		require.Equal(t, theirs[i].request, ours[i].request)
	}

	got, err := golden.DumpOf(t.Context(), p.store, r.Hub)
	require.NoError(t, err)
	rows := got.Tables[r.Hub+"Instances"]
	require.Len(t, rows, 4)
	for i, row := range r.Dumps["after"].Tables[r.Hub+"Instances"] {
		if row.PartitionKey == "dup-running" { // a host has written to this one
			continue
		}
		require.Equal(t, golden.NormalizeText(sortedRow(&row)), golden.NormalizeText(sortedRow(&rows[i])))
	}
}

// ranAtOnce says whether the host was there and took the message: of the first starts but that of dup-pending.
func ranAtOnce(s *golden.Step, p *rerun) bool { return !p.known && s.Args[1] != "dup-pending" }

// visibleMessages returns the messages of the control queues in the order in which the .NET client numbered them.
func visibleMessages(t *testing.T, d *golden.Dump) []act {
	t.Helper()
	numbers := map[act]int64{}
	for queue, q := range d.Queues {
		for _, m := range q.Visible {
			read, err := wire.DecodeMessage([]byte(m.Text))
			require.NoError(t, err)
			numbers[act{putPath(queue, 0), m.Encoding + "\n" + m.Text}] = read.SequenceNumber
		}
	}
	return slices.SortedFunc(maps.Keys(numbers), func(a, b act) int { return cmp.Compare(numbers[a], numbers[b]) })
}

func sortedRow(e *storage.Entity) string {
	e = e.Clone()
	slices.SortFunc(e.Columns, func(a, b storage.Column) int { return cmp.Compare(a.Name, b.Name) })
	return wroteRow(e, false)
}
