package httpapi_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-durable/durable"
	"github.com/go-durable/durable/httpapi"
)

func BenchmarkStatus(b *testing.B) {
	a := newAPI(b, httpapi.Options{Keys: []string{"key"}})
	a.start("a")
	for _, path := range []string{"/instances/a", "/instances/a?showHistory=true&showHistoryOutput=true"} {
		b.Run(path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if w := a.send("GET", path, "", "X-Functions-Key", "key"); w.Code != http.StatusAccepted {
					b.Fatal(w.Code)
				}
			}
		})
	}
}

func BenchmarkList(b *testing.B) {
	a := newAPI(b, httpapi.Options{Keys: []string{"key"}})
	for i := range 1000 {
		_, err := a.Client().StartNew(b.Context(), "F", i, &durable.StartNewOptions{InstanceID: fmt.Sprintf("i%04d", i)})
		require.NoError(b, err)
	}
	for _, path := range []string{"/instances", "/instances?top=1000", "/instances?runtimeStatus=Failed"} {
		b.Run(path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if w := a.send("GET", path, "", "X-Functions-Key", "key"); w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
			}
		})
	}
}
