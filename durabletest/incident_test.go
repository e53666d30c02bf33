package durabletest_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	dt "github.com/go-durable/durable/durabletest"
	"github.com/go-durable/durable/internal/dump"
	"github.com/go-durable/durable/internal/golden"
)

var update = flag.Bool("update", false, "write testdata/incident.json")

// TestIncident makes the incident of the example.
func TestIncident(t *testing.T) {
	t.Parallel()
	begin := time.Date(2030, 4, 30, 23, 0, 0, 0, time.UTC)
	hub := dt.NewHub(t, &dt.Options{TaskHub: "Shop", PartitionCount: 2, Clock: func() time.Time { return begin }})
	script := func(pay dt.Activity) dt.Script {
		return dt.Script{dt.Activity{Name: "Reserve", Result: "reserved"}, pay, dt.Complete{Output: "sent"}}
	}
	host := hub.NewHost(dt.Scripts{"ProcessOrder": script(dt.Activity{Name: "Pay", Result: "paid"})}, nil)
	for i, item := range []string{"tea", "coffee", "cocoa"} {
		_, err := hub.Client().StartNew(t.Context(), "ProcessOrder", item,
			&durable.StartNewOptions{InstanceID: fmt.Sprintf("order-%d", i+1)})
		require.NoError(t, err)
		host.Advance(time.Minute)
		host.SetScript("ProcessOrder", script(dt.Activity{Name: "Pay", Failure: "the bank does not answer"}))
	}
	var text bytes.Buffer
	hub.Dump(&text)
	const path = "testdata/incident.json"
	if *update {
		require.NoError(t, os.WriteFile(path, text.Bytes(), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Empty(t, golden.Diff(parse(t, want), parse(t, text.Bytes()), golden.Options{}))
}

func parse(t *testing.T, text []byte) *dump.Dump {
	t.Helper()
	d := new(dump.Dump)
	require.NoError(t, d.UnmarshalJSON(text))
	return d
}
