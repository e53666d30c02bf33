package durabletest_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	dt "github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/internal/storage"
	"github.com/go-durable/durable/internal/wire"
)

// written puts into the recording what is written here in place of another text, in rows and payloads.
func (a *app) written(recorded, here string) {
	a.t.Helper()
	found := false
	replace := func(text string) string {
		found = found || strings.Contains(text, recorded)
		return strings.ReplaceAll(text, recorded, here)
	}
	for _, dump := range a.rec.Dumps {
		for _, rows := range dump.Tables {
			for i := range rows {
				for j := range rows[i].Columns {
					c := &rows[i].Columns[j]
					c.Text = replace(c.Text)
				}
			}
		}
		for _, blobs := range dump.Blobs {
			for i := range blobs {
				text, err := blobs[i].Text()
				require.NoError(a.t, err)
				blobs[i].Content = []byte(replace(text))
			}
		}
	}
	require.True(a.t, found, "the recording has %s", recorded)
}

// row returns the recorded row of an instance.
func (a *app) row(dump, id string) *storage.Entity {
	a.t.Helper()
	rows := a.rec.Dumps[dump].Tables[a.rec.Hub+"Instances"]
	i := slices.IndexFunc(rows, func(e storage.Entity) bool { return e.PartitionKey == id })
	require.GreaterOrEqual(a.t, i, 0, id)
	return &rows[i]
}

// steps does what the recorded client did: starts, events and terminations.
func (a *app) steps() {
	a.t.Helper()
	for _, s := range a.rec.Steps {
		switch {
		case s.Error != "":
		case s.Client == "start-new":
			a.start(s.Args[0], s.Args[1], s.Args[2])
		case s.Client == "raise-event":
			a.idle()
			a.raise(s.Args[0], s.Args[1], s.Args[2])
		case s.Client == "terminate":
			a.idle()
			require.NoError(a.t, a.Client().Terminate(a.t.Context(), s.Args[0], s.Args[1], nil))
		}
	}
	a.idle()
}

// echo is an orchestrator that hands its input through an activity. Some values come out otherwise at .NET.
func echo(p *dt.Progress) dt.Step {
	result := p.Input()
	switch string(result) {
	case "null", `{"$id":"1","$ref":"2"}`:
		result = nil
	case `{"$type":"System.String","x":1}`:
		result = json.RawMessage(`{"x":1}`)
	}
	return dt.Script{dt.Activity{Name: "EchoActivity", Input: p.Input(), Result: result}, dt.Decide(completeWithLast)}
}

// playJSONTypes starts with what the .NET client made of the inputs.
func playJSONTypes(a *app) {
	for _, row := range a.rec.Dumps["completed"].Tables[a.rec.Hub+"Instances"] {
		a.start(row.Text("Name"), row.PartitionKey, row.Text("Input"))
	}
	a.idle()
	a.same("completed")
}

// playOddIDs compares but for the colon in references to payloads, which is escaped here. Both forms are read alike.
func playOddIDs(a *app) {
	a.written("/a:b/history", "/a%3Ab/history")
	a.steps()
	a.same("after")
}

// playLargePayloads compares but for how two inputs lie before their instances run: the .NET client puts them into blobs
// in which it does not find them, ours sends them as it does larger ones.
func playLargePayloads(a *app) {
	a.steps()
	for _, id := range []string{"large-04", "large-05"} {
		a.forgetStart(id)
	}
	a.same("completed")
}

// forgetStart removes the blob with the input that a client has sent, in the recording and in the hub.
func (a *app) forgetStart(id string) {
	a.t.Helper()
	row := a.row("completed", id)
	input := row.Text(wire.ColInputBlobName)
	require.NotEmpty(a.t, input)
	row.Columns = slices.DeleteFunc(row.Columns, func(c storage.Column) bool { return c.Name == wire.ColInputBlobName })
	container := strings.ToLower(a.rec.Hub) + "-largemessages"
	recorded := a.rec.Dumps["completed"].Blobs
	recorded[container] = slices.DeleteFunc(recorded[container], func(b golden.Blob) bool { return b.Name == input })
	page, err := a.Account().Blobs.List(a.t.Context(), container, id+"/message-", "")
	require.NoError(a.t, err)
	require.Len(a.t, page.Blobs, 1)
	require.NoError(a.t, a.Account().Blobs.Delete(a.t.Context(), container, page.Blobs[0].Name))
}

// playScriptedStarts compares but for the order of tags and the names of the orchestrators that the app has.
func playScriptedStarts(a *app) {
	a.written(`{"team":"blue","cost":"42"}`, `{"cost":"42","team":"blue"}`)
	known := regexp.MustCompile(`('\w+', )+'\w+'\.`).FindString(a.row("after", "no-such-function").Text("Output"))
	a.written(known, "'"+strings.Join(slices.Sorted(maps.Keys(a.scripts())), "', '")+"'.")
	client, ctx := a.Client(), a.t.Context()
	for _, opts := range []*durable.StartNewOptions{
		{InstanceID: "at-later", ScheduledStartTime: a.Now().Add(time.Hour)},
		{InstanceID: "at-soon", ScheduledStartTime: a.Now().Add(3 * time.Second)},
		{InstanceID: "tagged", Version: "1.2.3", Tags: map[string]string{"team": "blue", "cost": "42"}},
	} {
		_, err := client.StartNew(ctx, "HelloSequence", "x", opts)
		require.NoError(a.t, err)
	}
	a.start("WaitForApproval", "with-event", `"x"`)
	a.raise("with-event", "Approval", `"early"`)
	_, err := client.StartNew(ctx, "HelloSequence", nil, nil)
	require.NoError(a.t, err)
	a.start("NoSuchFunction", "no-such-function", `null`)
	a.advance(4 * time.Second)
	a.same("after")
}

func playRestart(a *app) {
	a.steps()
	for _, s := range a.rec.Steps {
		if s.Client != "restart" {
			continue
		}
		_, err := a.Client().Restart(a.t.Context(), s.Args[0], &durable.RestartOptions{ReuseInstanceID: s.Args[len(s.Args)-1] == "false"})
		require.Equal(a.t, s.Error != "", err != nil, s.Args)
		a.Advance(time.Second)
	}
	a.idle()
	a.same("restarted")
}

// playHTTP does what was asked for through the HTTP API, but for what that refused.
func playHTTP(a *app) {
	client, ctx := a.Client(), a.t.Context()
	a.startHTTP()
	a.start("HelloSequence", "http-1", `"y"`)
	a.idle()
	a.raise("http-wait", "Other", `{"a":1}`)
	a.idle()
	a.raise("http-wait", "Approval", `"yes"`)
	require.NoError(a.t, client.Terminate(ctx, "http-term", "Found a bug", nil))
	m := wire.TerminateMessage("http-timeout2", "", a.Now())
	m.Event = bytes.Replace(m.Event, []byte(`"Input":""`), []byte(`"Input":null`), 1) // a client always has a reason
	a.send(m)
	a.idle()
	a.mended = true
	a.rewind("http-rewind", "fixed")
	require.NoError(a.t, client.Suspend(ctx, "http-custom", "hold", nil))
	a.idle()
	require.NoError(a.t, client.Resume(ctx, "http-custom", "go", nil))
	a.idle()
	for _, reuse := range []bool{false, true, false} {
		_, err := client.Restart(ctx, "http-1", &durable.RestartOptions{ReuseInstanceID: reuse})
		require.NoError(a.t, err)
		a.idle()
	}
	a.same("before-purge")
}

// startHTTP makes the starts of playHTTP.
func (a *app) startHTTP() {
	a.t.Helper()
	for _, s := range []struct{ name, id, input string }{
		{"HelloSequence", "http-1", `"x"`},
		{"HelloSequence", "", `{"a":1}`},
		{"HelloSequence", "http-nobody-body", ""},
		{"HelloSequence", "http-empty", ""},
		{"WaitForApproval", "http-wait", "1"},
		{"CustomStatus", "http-custom", "1"},
		{"ThrowsAtOnce", "http-failed", "1"},
		{"FailsUntilFixed", "http-rewind", "1"},
		{"WaitForApproval", "http-term", "1"},
		{"HelloSequence", "http-timeout", `"x"`},
		{"WaitForApproval", "http-timeout2", `"x"`},
		{"HelloSequence", "http-timeout3", `"x"`},
		{"HelloSequence", "http-q", `"x"`},
	} {
		var input any
		if s.input != "" {
			input = json.RawMessage(s.input)
		}
		_, err := a.Client().StartNew(a.t.Context(), s.name, input, &durable.StartNewOptions{InstanceID: s.id})
		require.NoError(a.t, err)
		a.idle()
	}
}

// playPurge ends where the .NET client purges what runs.
func playPurge(a *app) {
	a.steps()
	a.same("before")
	_, err := a.Client().Purge(a.t.Context(), "order-1", nil)
	require.NoError(a.t, err)
	a.same("order-1-purged")
}

// playQueries makes the hub that the recorded client asks.
func playQueries(a *app) {
	require.NoError(a.t, a.Client().SignalEntity(a.t.Context(), durable.EntityID{Name: "Counter", Key: "main"}, "add", 5, nil))
	for _, row := range a.rec.Dumps["hub"].Tables[a.rec.Hub+"Instances"] {
		if !strings.HasPrefix(row.PartitionKey, "@") {
			a.start(row.Text("Name"), row.PartitionKey, row.Text("Input"))
		}
	}
	a.idle()
	a.same("hub")
}

// playKilledHost ends where the host was killed: it has an activity in hand, and an event comes that it does not handle.
func playKilledHost(a *app) {
	a.start("SlowActivity", "kill-1", `20`)
	a.start("WaitForApproval", "kill-2", `null`)
	a.idle()
	a.raise("kill-2", "Approval", `"while nobody listens"`)
	a.same("dead")
}

// playPartitionChange goes on from the dump with as many partitions as the hub had then.
func playPartitionChange(a *app) {
	a.load(only(a.rec.Dumps["four"], nil))
	a.start("WaitForApproval", "pc-1", `null`)
	a.idle()
	a.same("four")
	a.load(only(a.rec.Dumps["eight"], []string{"pc-1"}))
	a.start("WaitForApproval", "pc-2", `null`)
	a.idle()
	a.same("eight")
}

// playDuplicates starts what runs, or has run, again, and lets nobody handle it.
func playDuplicates(a *app) {
	for id, name := range map[string]string{
		"dup-done": "HelloSequence", "dup-running": "WaitForApproval", "dup-failed": "ThrowsAtOnce",
	} {
		a.start(name, id, `"1"`)
	}
	a.idle()
	a.start("HelloSequence", "dup-pending", `"1"`)
	a.start("HelloSequence", "dup-done", `"2"`)
	a.start("HelloSequence", "dup-failed", `"2"`)
	_, err := a.Client().StartNew(a.t.Context(), "HelloSequence", "3",
		&durable.StartNewOptions{InstanceID: "dup-pending", OverridableStates: durable.OverridableAnyState})
	require.NoError(a.t, err)
	a.same("after")
}
