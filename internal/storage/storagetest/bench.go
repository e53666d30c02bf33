package storagetest

import (
	"io"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable/internal/storage"
)

// RunBenchmarks measures an implementation: what a client of a task hub does all day.
func RunBenchmarks(b *testing.B, o Options) {
	b.Helper()
	for name, run := range map[string]func(*testing.B, *bundle){
		"Insert": benchInsert, "Get": benchGet, "Batch100": benchBatch, "QueryPartition": benchQuery,
		"PutDequeueRemove": benchQueue, "WriteOpen": benchBlob,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			run(b, newBundle(b, o))
		})
	}
}

func benchInsert(b *testing.B, s *bundle) {
	table := s.table()
	for i := 0; b.Loop(); i++ {
		s.insert(table, entity(strconv.Itoa(i*7919%1_000_003)+"-"+strconv.Itoa(i), "", text("A", "x"), number("N", 1)))
	}
}

func benchGet(b *testing.B, s *bundle) {
	table := s.table()
	s.fill(table, "p", 1000)
	for i := 0; b.Loop(); i++ {
		s.get(table, "p", rowKey(i%1000))
	}
}

func benchBatch(b *testing.B, s *bundle) {
	table := s.table()
	for i := 0; b.Loop(); i++ {
		s.fill(table, strconv.Itoa(i), storage.MaxBatch)
	}
}

func benchQuery(b *testing.B, s *bundle) {
	table := s.table()
	for p := range 50 {
		s.fill(table, strconv.Itoa(p), 100)
	}
	for b.Loop() {
		found, _ := s.all(table, storage.Query{Filter: pk("25")})
		require.Len(b, found, 100)
	}
}

func benchQueue(b *testing.B, s *bundle) {
	queue := s.queue()
	for b.Loop() {
		s.put(queue, "message")
		taken := s.dequeue(queue, 1, time.Minute)
		require.NoError(b, s.Queues.Remove(b.Context(), queue, taken[0]))
	}
}

func benchBlob(b *testing.B, s *bundle) {
	container := s.container()
	content := make([]byte, 64<<10)
	for b.Loop() {
		require.NoError(b, s.Blobs.Write(b.Context(), container, "x", storage.Blob{Content: content}))
		r, err := s.Blobs.Open(b.Context(), container, "x")
		require.NoError(b, err)
		_, err = io.Copy(io.Discard, r)
		require.NoError(b, err)
		require.NoError(b, r.Close())
	}
}
