package wire_test

import (
	"strings"
	"testing"

	"github.com/go-durable/durable/internal/wire"
)

func benchSizes(b *testing.B, run func(b *testing.B, input string)) {
	for name, size := range map[string]int{"1KB": 1 << 10, "60KB": 60 << 10} {
		b.Run(name, func(b *testing.B) {
			input := `"` + strings.Repeat(`a\"é`, size/5) + `"`
			b.ReportAllocs()
			b.SetBytes(int64(len(input)))
			run(b, input)
		})
	}
}

func BenchmarkEncodeMessage(b *testing.B) {
	benchSizes(b, func(b *testing.B, input string) {
		s := &wire.Start{InstanceID: anID, ExecutionID: anExecution, Name: "HelloSequence", Input: &input, Created: at}
		for b.Loop() {
			wire.EncodeText(s.StartMessage().JSON())
		}
	})
}

func BenchmarkDecodeMessage(b *testing.B) {
	benchSizes(b, func(b *testing.B, input string) {
		s := &wire.Start{InstanceID: anID, ExecutionID: anExecution, Name: "HelloSequence", Input: &input, Created: at}
		text := wire.EncodeText(s.StartMessage().JSON())
		for b.Loop() {
			message, err := wire.DecodeText(text)
			if err == nil {
				_, err = wire.DecodeMessage(message)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkZip(b *testing.B) {
	benchSizes(b, func(b *testing.B, input string) {
		for b.Loop() {
			wire.Zip([]byte(input))
		}
	})
}

func BenchmarkEscapeKey(b *testing.B) {
	for name, id := range map[string]string{
		"ASCII": anID, "nasty": "@counter@日本/語\\#?^\t🌍\u009f/x",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				wire.EscapeKey(id)
			}
		})
	}
}

func BenchmarkPartition(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		wire.Partition(anID, 4)
	}
}
