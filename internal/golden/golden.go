// Package golden gives tests the recordings of real Durable Functions hosts: what a client or an HTTP caller asked,
// what it was answered, which storage requests were made, and what then lay in storage.
//
// The task-hub protocol has no specification, so the recordings decide every argument. testdata/README.md says what
// was recorded and in which form. Only tests import this package.
package golden

import (
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

//go:embed testdata/v1 testdata/v2 testdata/v3
var files embed.FS

const ending = ".json.gz"

// Recording is one scenario, played on one engine.
type Recording struct {
	// Engine names the versions of the extension and of DurableTask.AzureStorage.
	Engine string `json:"engine"`
	// Scenario is the name of the recording without its folder; About says what happens in it.
	Scenario string `json:"scenario"`
	About    string `json:"about"`
	// Hub is the task hub's name and Partitions the number of its control queues, at the end.
	Hub        string `json:"hub"`
	Partitions int    `json:"partitions"`
	// Steps are what was done, in order.
	Steps []Step `json:"steps"`
	// Dumps are what lay in storage at the steps that name them.
	Dumps map[string]*Dump `json:"dumps"`
}

// Engines returns the folders of the recordings, oldest engine first.
func Engines() []string { return []string{"v1", "v2", "v3"} }

// Names returns the scenarios recorded on an engine, sorted; none if there is no such engine.
func Names(engine string) []string {
	entries, err := files.ReadDir("testdata/" + engine)
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ending); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Load returns the recording of that name, such as "v2/events", and fails the test if there is none. Every call
// returns a recording of its own.
func Load(t testing.TB, name string) *Recording {
	t.Helper()
	f, err := files.Open("testdata/" + name + ending)
	if err != nil {
		t.Fatalf("recording %s: %v", name, err)
	}
	defer f.Close() //nolint:errcheck // embedded
	r, err := Read(f)
	if err != nil {
		t.Fatalf("recording %s: %v", name, err)
	}
	return r
}

// Read reads a recording, zipped as the files are. It is for recordings that lie elsewhere; for those of this package
// there is [Load].
func Read(r io.Reader) (*Recording, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	rec := new(Recording)
	if err := json.Unmarshal(text, rec); err != nil {
		return nil, fmt.Errorf("decode recording: %w", err)
	}
	return rec, nil
}
