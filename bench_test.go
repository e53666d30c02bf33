package durable_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/internal/taskhub"
	"github.com/go-durable/durable/internal/wire"
)

func BenchmarkStartNew(b *testing.B) {
	for name, size := range map[string]int{"1KB": 1 << 10, "60KB": 60 << 10} {
		input := json.RawMessage(`"` + strings.Repeat("x", size-2) + `"`)
		b.Run(name, func(b *testing.B) {
			f := inMemory(b, taskhub.Options{})
			f.start(b, "first", input) // makes the container
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := f.StartNew(b.Context(), "Orchestrator", input, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkGetStatus(b *testing.B) {
	for name, opts := range map[string]*durable.GetStatusOptions{
		"plain": nil, "history": {ShowHistory: true, ShowHistoryOutput: true},
	} {
		b.Run(name, func(b *testing.B) {
			f := inMemory(b, taskhub.Options{})
			f.startRunning(b, "id", map[string]int{"a": 1})
			f.history(b, "id", f.row(b, "id").Text(wire.ColExecutionID),
				event(wire.OrchestratorStarted), event(wire.ExecutionStarted, text(wire.ColName, "N")),
				event(wire.TaskScheduled, number(wire.ColEventID, 0), text(wire.ColName, "A")),
				event(wire.TaskCompleted, number(wire.ColTaskScheduledID, 0), text(wire.ColResult, "1")))
			b.ReportAllocs()
			for b.Loop() {
				s, err := f.GetStatus(b.Context(), "id", opts)
				if err != nil || s.InstanceID != "id" {
					b.Fatal(err)
				}
			}
		})
	}
}
