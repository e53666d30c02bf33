package report_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/golden"
	"github.com/go-durable/durable/operate"
	"github.com/go-durable/durable/report"
)

// Every instance at every moment of every recording can be drawn, and waits for what package operate says that it waits
// for, which finds it out in another way.
func TestAllRecordings(t *testing.T) {
	t.Parallel()
	const folder = "../internal/golden/testdata/"
	files, err := filepath.Glob(folder + "v*/*.json.gz")
	require.NoError(t, err)
	require.Greater(t, len(files), 50)
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(file), folder), ".json.gz")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for moment := range golden.Load(t, name).Dumps {
				requireDrawable(t, name, moment)
			}
		})
	}
}

func requireDrawable(t *testing.T, recording, moment string) {
	t.Helper()
	client := recorded(t, recording, moment)
	for status, err := range client.QueryInstances(t.Context(), nil, nil) {
		if recording == "v2/broken-hub" && err != nil {
			return // it has no tables
		}
		require.NoError(t, err)
		inside, err := operate.Inspect(t.Context(), client, status.InstanceID, nil)
		require.NoError(t, err)
		if inside.Entity {
			continue
		}
		i, err := report.Load(t.Context(), client, status.InstanceID, nil)
		require.NoError(t, err)
		now := later(i, 0)
		var open []int
		for _, a := range inside.Open {
			open = append(open, a.EventID)
		}
		require.Equal(t, open, report.OpenActions(i, now), "%s: %s", moment, status.InstanceID)
		requireHarmless(t, html(t, i, report.HTMLOptions{Now: now}))
		requireHarmlessLines(t, timeline(t, i, report.TimelineOptions{Now: now}))
	}
}
